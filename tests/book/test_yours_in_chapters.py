"""In weeks 2 to 4 and in labs later cells use what a learner writes, and outputs show that it ran.

Stored outputs are executed again and compared (`test_real_book`), so the line in them is evidence.
"""

from __future__ import annotations

import re

import pytest

from mi_course import yours
from mi_course.book import chapters, store
from mi_course.book.notebook.learner_notebook import EXERCISE_TAG
from support.outside import ROOT

WEEKS = ("week2/", "week3/", "week4/", "labs/")
USED = re.compile(r"\byours\.(\w+)")
RAN = re.compile(r"^This cell runs the solution's (\w+)\.$", re.MULTILINE)


def exercises(chapter):
    """The names of a chapter's exercises, in order."""
    return [
        tag.removeprefix(EXERCISE_TAG)
        for cell in chapter.cells
        for tag in cell.tags
        if tag.startswith(EXERCISE_TAG)
    ]


CHAPTERS = [c for c in chapters.find(ROOT) if c.doc.startswith(WEEKS) and exercises(c)]
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=str)


def printed(cell):
    return "".join(out.get("text", "") for out in cell.outputs if out.output_type == "stream")


def test_there_are_such_chapters():
    assert len(CHAPTERS) >= 8


@each_chapter
def test_every_exercise_is_used_below_it(chapter):
    used = set()
    for cell in reversed(chapter.cells):
        name = next((t for t in cell.tags if t.startswith(EXERCISE_TAG)), "")
        assert not name or name.removeprefix(EXERCISE_TAG) in used, name
        used |= set(USED.findall(cell.source))


@each_chapter
def test_the_cells_ran_the_solution_and_no_stand_in(chapter):
    notebook = store.load(chapter.stored(chapter.at_least))
    ran = {name for cell in notebook.cells for name in RAN.findall(printed(cell))}
    assert ran >= set(exercises(chapter))
    assert not [cell for cell in notebook.cells if "runs the package's" in printed(cell)]


def test_every_function_that_cells_use_has_a_stand_in():
    used = {
        name for c in chapters.find(ROOT) for cell in c.cells for name in USED.findall(cell.source)
    }
    assert used <= set(dir(yours))
