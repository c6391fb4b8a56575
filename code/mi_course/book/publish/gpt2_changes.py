"""What a new run on GPT-2 moved: the table that its pull request begins with.

Two states of the book are compared, the one before and the one after the run: for each chapter, in
which cells the outputs say something else, and on the page of the verdict, which published numbers
were found elsewhere than before and which left their tolerance.

    python -m mi_course.book.publish.gpt2_changes BEFORE AFTER > table.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from mi_course.book import chapters, compare, store
from mi_course.models.registry import GPT2

MODEL = GPT2.name
VERDICT = "gpt2_numbers.md"
SHOWN_CHARS = 100
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Moved:
    """One chapter whose stored outputs are not what they were.

    Attributes:
        doc: the chapter.
        state: `new`, `gone` or `changed`.
        cells: numbers of the cells whose outputs differ, counted from 1.
        example: the first difference.
    """

    doc: str
    state: str
    cells: tuple[int, ...] = ()
    example: str = ""


@dataclass(frozen=True)
class Number:
    """One row of the verdict: a published number, and what was found."""

    quantity: str
    part: str
    published: str
    found: str
    agrees: bool


def moved_chapters(before: Path, after: Path) -> list[Moved]:
    """The chapters whose stored outputs differ between two states of the project, by name."""
    old, new = _stored(before), _stored(after)
    found = [Moved(doc, "new") for doc in new.keys() - old.keys()]
    found += [Moved(doc, "gone") for doc in old.keys() - new.keys()]
    for doc in old.keys() & new.keys():
        differences = dict(_differences(store.load(old[doc]), store.load(new[doc])))
        if differences:
            example = next(iter(differences.values()))
            found.append(Moved(doc, "changed", tuple(differences), example))
    return sorted(found, key=lambda chapter: chapter.doc)


def _stored(root: Path) -> dict[str, Path]:
    return {chapters.of_stored(path)[0].doc: path for path in chapters.find_stored(root, MODEL)}


def _differences(old: NotebookNode, new: NotebookNode) -> Iterator[tuple[int, str]]:
    """Number and first difference of each cell of the new run that is not as it was.

    Cells are matched by their source, so that one that was added does not shift the others.
    """
    before = {cell.id: cell for cell in old.cells}
    for i, cell in enumerate(new.cells, 1):
        if cell.id not in before:
            yield i, "its code is new"
            continue
        found = compare.differences(before[cell.id].outputs, cell.outputs, rtol=0.0)
        if found:
            yield i, found[0]
    gone = before.keys() - {cell.id for cell in new.cells}
    if gone and len(old.cells) > len(new.cells):
        yield len(new.cells) + 1, f"{len(old.cells) - len(new.cells)} cells fewer"


def numbers(page: str) -> list[Number]:
    """The rows of the verdict on a page; none before the first run of `mi-course verify-gpt2`."""
    rows = []
    for line in page.splitlines():
        cells = [cell.strip() for cell in _CELL.split(line)[1:-1]]
        if len(cells) == 7 and cells[0] in ("agrees", "**differs**"):
            rows.append(Number(cells[1], cells[2], cells[3], cells[4], cells[0] == "agrees"))
    return rows


def report(before: Path, after: Path) -> str:
    """The tables, as Markdown."""
    moved = moved_chapters(before, after)
    lines = ["## Chapters", "", *(_chapter_table(moved) if moved else ["No output changed."])]
    old = {(n.quantity, n.part): n for n in numbers(_verdict(before))}
    new = numbers(_verdict(after))
    good = sum(number.agrees for number in new)
    lines += ["", "## Published numbers", ""]
    if not new:
        return "\n".join([*lines, "None was measured."]) + "\n"
    return "\n".join([*lines, f"{good} of {len(new)} agree.", "", *_number_table(old, new)]) + "\n"


def _verdict(root: Path) -> str:
    path = root / chapters.BOOK / VERDICT
    return path.read_text("utf8") if path.is_file() else ""


def _chapter_table(moved: list[Moved]) -> Iterator[str]:
    yield "| chapter | outputs | cells | the first difference |"
    yield "| --- | --- | --- | --- |"
    for one in moved:
        example = one.example.replace("|", "\\|").replace("\n", " ")
        if len(example) > SHOWN_CHARS:
            example = example[:SHOWN_CHARS] + "…"
        cells = ", ".join(map(str, one.cells))
        yield f"| {one.doc} | {one.state} | {cells} | {example} |"


def _number_table(old: Mapping[tuple[str, str], Number], new: list[Number]) -> Iterator[str]:
    """The numbers that lie outside of their tolerance, or were found elsewhere before."""
    shown = [n for n in new if not n.agrees or _how(old.get((n.quantity, n.part)), n)]
    if not shown:
        yield "No number moved, and none left its tolerance."
        return
    yield "| number | of | published | found before | found now | |"
    yield "| --- | --- | ---: | ---: | ---: | --- |"
    for n in shown:
        was = old.get((n.quantity, n.part))
        how = _how(was, n) or "still outside"
        cells = (n.quantity, n.part, n.published, was.found if was else "–", n.found, how)
        yield f"| {' | '.join(cells)} |"


def _how(was: Number | None, now: Number) -> str:
    """What became of a number; nothing where it is where it was."""
    if was is None:
        return "first measured" if now.agrees else "**first measured, outside its tolerance**"
    if was.agrees and not now.agrees:
        return "**left its tolerance**"
    if now.agrees and not was.agrees:
        return "came back within its tolerance"
    return "moved" if was.found != now.found else ""


if __name__ == "__main__":
    print(report(Path(sys.argv[1]), Path(sys.argv[2])), end="")
