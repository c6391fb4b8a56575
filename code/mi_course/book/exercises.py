"""Which exercises each chapter has: from the book, or else from the notebooks of the package."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mi_course.book import chapters

SHIPPED = Path(__file__).parents[1] / "notebooks"
"""Learners' notebooks that travel in the wheel; absent from a checkout."""

_EXERCISE = re.compile(r"\{exercise(?:-start)?\}[ \t]*(.*)\n:label:[ \t]*ex-(\w+)")
_IN_TOC = re.compile(r"^\s*-?\s*file:\s*book/(week\d+/\S+)\s*$", re.MULTILINE)
_TITLE = re.compile(r"^### Exercise(?: \d+)?: (.+)$", re.MULTILINE)


def by_chapter(root: Path | None) -> dict[str, dict[str, str]]:
    """For each chapter its exercises in order, name and title.

    Args:
        root: of a checkout, or None for the notebooks that came with the package.
    """
    if root is None:
        files = sorted(SHIPPED.rglob("*.ipynb"))
        named = {f.relative_to(SHIPPED).with_suffix("").as_posix(): f for f in files}
        return {doc: _of_notebook(file) for doc, file in named.items()}
    docs = _IN_TOC.findall((root / "_toc.yml").read_text("utf8"))
    sources = {doc: chapters.page_path(root, doc) for doc in docs}
    return {doc: _of_source(path) for doc, path in sources.items() if path.is_file()}


def by_week(root: Path | None) -> dict[int, dict[str, dict[str, str]]]:
    """The same by week, for the chapters that belong to one."""
    found: dict[int, dict[str, dict[str, str]]] = {}
    for doc, names in by_chapter(root).items():
        if match := re.match(r"week(\d+)/", doc):
            found.setdefault(int(match[1]), {})[doc] = names
    return found


def here() -> dict[int, dict[str, dict[str, str]]]:
    """The exercises by week of the course that one stands in, or else of the package."""
    try:
        return by_week(chapters.project_root(None))
    except chapters.ChapterError:
        return by_week(None)


def _of_source(path: Path) -> dict[str, str]:
    return {name: title.strip() for title, name in _EXERCISE.findall(path.read_text("utf8"))}


def _of_notebook(path: Path) -> dict[str, str]:
    found, title = {}, ""
    for cell in json.loads(path.read_text("utf8"))["cells"]:
        if match := _TITLE.search("".join(cell["source"])):
            title = match[1]
        for tag in cell["metadata"].get("tags", []):
            if tag.startswith("exercise-"):
                found[tag.removeprefix("exercise-")] = title
    return found
