"""Which exercises each chapter has: from the book, or else from the notebooks of the package."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mi_course.book import chapters

SHIPPED = Path(__file__).parents[1] / "notebooks"
"""Learners' notebooks that travel in the wheel; absent from a checkout."""

_EXERCISE = re.compile(r"\{exercise(?:-start)?\}[ \t]*(.*)\n:label:[ \t]*ex-(\w+)")
_IN_TOC = re.compile(rf"^\s*-?\s*file:\s*book/({chapters.PART}/\S+)\s*$", re.MULTILINE)
_TITLE = re.compile(r"^### Exercise(?: \d+)?: (.+)$", re.MULTILINE)
_BEYOND = "**Time:** optional"  # of a whole chapter
_OPTIONAL = re.compile(
    r"\s*(?:`{3}\s*)?\*[^*\n]*\boptional\.\*"
)  # `*Medium, 30 minutes, optional.*`


def by_chapter(root: Path | None) -> dict[str, dict[str, str]]:
    """For each chapter its exercises in order, name and title.

    Args:
        root: of a checkout, or None for the notebooks that came with the package.
    """
    return {
        doc: {name: title for name, (title, _) in _read(file).items()}
        for doc, file in _files(root).items()
    }


def optional(root: Path | None) -> set[str]:
    """The exercises beyond a week's hours: those that say so, and all of a chapter that does.

    Those of the labs are not among them: they belong to no week.
    """
    of_weeks = (_read(f) for doc, f in _files(root).items() if not _is_lab(doc))
    return {name for found in of_weeks for name, (_, beyond) in found.items() if beyond}


def by_week(root: Path | None) -> dict[int, dict[str, dict[str, str]]]:
    """The same by week, for the chapters that belong to one."""
    found: dict[int, dict[str, dict[str, str]]] = {}
    for doc, names in by_chapter(root).items():
        if match := re.match(r"week(\d+)/", doc):
            found.setdefault(int(match[1]), {})[doc] = names
    return found


def of_labs(root: Path | None) -> dict[str, dict[str, str]]:
    """The same for the labs, the chapters that follow the weeks."""
    return {doc: names for doc, names in by_chapter(root).items() if _is_lab(doc)}


def here() -> dict[int | str, dict[str, dict[str, str]]]:
    """The exercises by week, and of the labs: of the course here, or else of the package."""
    root: Path | None
    try:
        root = chapters.project_root(None)
    except chapters.ChapterError:
        root = None
    parts: dict[int | str, dict[str, dict[str, str]]] = dict(by_week(root).items())
    return parts | {chapters.LABS: of_labs(root)}


def _is_lab(doc: str) -> bool:
    return doc.startswith(f"{chapters.LABS}/")


def _files(root: Path | None) -> dict[str, Path]:
    """Where each chapter's exercises are read from."""
    if root is None:
        files = sorted(SHIPPED.rglob("*.ipynb"))
        return {f.relative_to(SHIPPED).with_suffix("").as_posix(): f for f in files}
    docs = _IN_TOC.findall((root / "_toc.yml").read_text("utf8"))
    sources = {doc: chapters.page_path(root, doc) for doc in docs}
    return {doc: path for doc, path in sources.items() if path.is_file()}


def _read(path: Path) -> dict[str, tuple[str, bool]]:
    """The exercises of a file: name, title, and whether it or its chapter is optional."""
    text = path.read_text("utf8")
    beyond = _BEYOND in text
    if path.suffix == ".ipynb":
        return _of_notebook(text, beyond)
    return {
        match[2]: (match[1].strip(), beyond or _OPTIONAL.match(text, match.end()) is not None)
        for match in _EXERCISE.finditer(text)
    }


def _of_notebook(text: str, beyond: bool) -> dict[str, tuple[str, bool]]:
    found, last = {}, ("", beyond)
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if match := _TITLE.search(source):
            last = match[1], beyond or _OPTIONAL.match(source, match.end()) is not None
        for tag in cell["metadata"].get("tags", []):
            if tag.startswith("exercise-"):
                found[tag.removeprefix("exercise-")] = last
    return found
