"""A course of a few cells, in a folder of its own, for the tests of the pipeline."""

from __future__ import annotations

import os
from pathlib import Path

from nbformat.v4 import new_output

from mi_course.book import code_used, outputs, store
from mi_course.book.chapters import Chapter
from mi_course.models import registry
from support.outside import ROOT

FRONT = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
"""


def label(model: str) -> dict[str, str]:
    """How outputs of a model's own weights are labelled."""
    known = registry.named(model)
    return {"name": model, "sha256": registry.known_sha256(known), "revision": known.revision}


POCKET = label("pocket")
VERSIONS = {"python": "3.11", "torch": "2.13.0"}


CODE = ROOT / "code"


def package_env(**variables: str) -> dict[str, str]:
    """An environment in which a fresh Python finds this checkout's package."""
    path = os.pathsep.join(filter(None, [str(CODE), os.environ.get("PYTHONPATH", "")]))
    return os.environ | {"PYTHONPATH": path} | variables


class Project:
    """A checkout of a small course, with helpers that write into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "book").mkdir(parents=True, exist_ok=True)
        toc = root / "_toc.yml"
        if not toc.exists():  # a copy of a course has one
            toc.write_text("format: jb-book\n")

    def write(self, doc: str, body: str) -> Path:
        """Write a chapter; `body` is its Markdown after the front matter."""
        path = self.chapter(doc).source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FRONT + body, encoding="utf8")
        self.list_in_contents(doc)
        return path

    def list_in_contents(self, doc: str) -> None:
        """Have the table of contents name a chapter."""
        toc = self.root / "_toc.yml"
        line = f"- file: book/{doc}\n"
        before = toc.read_text()
        if line not in before:
            head = "" if "chapters:\n" in before else "chapters:\n"
            toc.write_text(f"{before}{head}{line}")

    def chapter(self, doc: str) -> Chapter:
        """The chapter of a name, whether it is written yet or not."""
        return Chapter(self.root, doc)

    def stored(self, doc: str, model: str = "pocket") -> Path:
        """Where the chapter's outputs are stored."""
        return self.chapter(doc).stored(model)

    def save(self, doc: str, outs: list[list], model: dict[str, str] = POCKET, **options) -> str:
        """Store outputs for a chapter as a run would."""
        outs = [outputs.normalise(o) for o in outs]
        folder, cells = options.pop("folder", "pocket"), self.chapter(doc).cells
        code = "" if folder == "pocket" else code_used.digest(cells, self.root)
        result = store.Result(cells, outs, model, VERSIONS, code)
        return store.save(self.stored(doc, folder), result, **options)


def cell(source: str, tags: str = "") -> str:
    """A code cell in MyST."""
    option = f":tags: [{tags}]\n\n" if tags else ""
    return f"```{{code-cell}} ipython3\n{option}{source}\n```\n"


def text(value: str, name: str = "stdout"):
    """A printed output."""
    return new_output("stream", name=name, text=value)


def shown(data: dict, **options):
    """A displayed output."""
    return new_output("display_data", data, **options)
