"""Exercises beyond a week's hours are told from the others, in the book and in notebooks."""

from __future__ import annotations

import nbformat
import pytest

from mi_course.book import chapters, exercises
from mi_course.book.notebook import learner_notebook
from mi_course.cli import main
from mi_course.learner import progress
from support.outside import ROOT

BEYOND = {"shuffle_component", "rms_norm", "head_circuits", "faithfulness"}
WITHIN = {"attention", "prefix_matching_score", "remove_component", "path_patch"}


def test_an_exercise_or_its_whole_chapter_may_say_so():
    found = exercises.optional(ROOT)
    assert found >= BEYOND
    assert not found & WITHIN


@pytest.mark.slow
def test_notebooks_of_the_package_say_the_same(tmp_path, monkeypatch):
    for chapter in chapters.find(ROOT):
        file = tmp_path / f"{chapter.doc}.ipynb"
        file.parent.mkdir(exist_ok=True)
        nbformat.write(learner_notebook.learner_notebook(chapter), file)
    monkeypatch.setattr(exercises, "SHIPPED", tmp_path)
    assert exercises.optional(None) == exercises.optional(ROOT)
    here = {doc: names for doc, names in exercises.by_chapter(ROOT).items() if names}
    assert {doc: names for doc, names in exercises.by_chapter(None).items() if names} == here


@pytest.mark.parametrize("left", ["rms_norm", "attention"])
def test_what_is_optional_is_not_what_is_next(tmp_path, monkeypatch, capsys, left):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    every = {n for docs in exercises.by_week(ROOT).values() for d in docs.values() for n in d}
    monkeypatch.setattr(progress, "all_passed", lambda: dict.fromkeys(every - {left}, "today"))
    assert main(["progress", "--root", str(ROOT)]) == 0
    told = capsys.readouterr().out
    n = len(exercises.optional(ROOT))
    assert f"beyond the weeks: {n - (left in BEYOND)}/{n}" in told
    assert (f"({left})" in told) == (left in WITHIN)
