"""`mi-course start` never overwrites what a learner wrote."""

from __future__ import annotations

import nbformat
import pytest

from mi_course.book.chapters import ChapterError
from mi_course.book.notebook import workbook
from support.small_course import cell


@pytest.fixture
def written(project):
    """One notebook in the workbook, of the first version of its chapter."""
    project.write("week1/01_a", "# One\n\n" + cell("x = 1"))
    assert states(project) == ["written"]
    return project


def states(project) -> list[str]:
    docs = workbook.select(project.root, None)
    return [w.state for w in workbook.write_all(project.root, docs, project.root / "workbook")]


def mine(project):
    return project.root / "workbook/week1/01_a.ipynb"


def work(project) -> None:
    """A learner changes a cell and runs it."""
    notebook = nbformat.read(mine(project), 4)
    notebook.cells[-1].source = "x = 2  # my work"
    nbformat.write(notebook, mine(project))


def newer(project, text: str = "# Two\n\n") -> None:
    project.write("week1/01_a", text + cell("x = 1"))


def test_an_unchanged_chapter_is_left_whether_worked_in_or_not(written):
    before = mine(written).read_bytes()
    assert states(written) == ["left"]
    assert mine(written).read_bytes() == before
    work(written)
    before = mine(written).read_bytes()
    assert states(written) == ["left"]
    assert mine(written).read_bytes() == before


def test_a_newer_chapter_replaces_a_notebook_that_nobody_worked_in(written):
    notebook = nbformat.read(mine(written), 4)
    notebook.cells[-1].execution_count = 7  # run, but not written in
    nbformat.write(notebook, mine(written))
    newer(written)
    assert states(written) == ["updated"]
    assert "# Two" in mine(written).read_text()


def test_a_newer_chapter_goes_beside_a_learners_work(written):
    work(written)
    before = mine(written).read_bytes()
    newer(written)
    assert states(written) == ["beside"]
    assert mine(written).read_bytes() == before
    beside = mine(written).with_name("01_a.new-1.ipynb")
    assert "# Two" in beside.read_text()

    assert states(written) == ["left"]  # the same version is not offered twice

    newer(written, "# Three\n\n")
    assert states(written) == ["beside"]
    assert "# Two" in beside.read_text()
    assert "# Three" in mine(written).with_name("01_a.new-2.ipynb").read_text()
    assert mine(written).read_bytes() == before


def test_a_file_that_is_no_notebook_of_ours_is_left(written):
    for content in ("my notes", '{"cells": []}', "[]"):
        mine(written).write_text(content)
        states(written)
        assert mine(written).read_text() == content


def test_nothing_is_written_if_one_chapter_cannot_be_turned(written):
    written.write("week1/02_b", "{nope}`x`\n\n" + cell("1"))
    newer(written)
    before = mine(written).read_bytes()
    with pytest.raises(ChapterError, match=r"02_b\.md"):
        states(written)
    assert mine(written).read_bytes() == before


def test_weeks_and_chapters_are_selected_by_name(written):
    written.write("week2/01_b", cell("1"))
    select = workbook.select
    assert select(written.root, None) == ["week1/01_a", "week2/01_b"]
    assert select(written.root, "2") == select(written.root, "week2") == ["week2/01_b"]
    assert select(written.root, "week1/01_a") == ["week1/01_a"]
    with pytest.raises(ChapterError, match=r"no chapters in 'week9'\. There are: week1, week2"):
        select(written.root, "9")
    with pytest.raises(ChapterError, match="no chapter 'nonsense'"):
        select(written.root, "nonsense")
