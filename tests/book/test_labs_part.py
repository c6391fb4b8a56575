"""The labs stand beside the weeks: their exercises are found, and count for no week."""

from __future__ import annotations

import csv
import io
import re

import pytest

from mi_course.book import chapters, exercises
from mi_course.book.claims import words
from mi_course.book.notebook import learner_notebook, workbook
from mi_course.cli import main
from mi_course.learner import export, predictions, progress
from support.outside import ROOT
from support.small_course import Project, cell

EXERCISE = "# Lab\n\n```{exercise-start} Slopes\n:label: ex-slopes\n```\n*Easy, 5 minutes.*\n"


@pytest.fixture
def course(tmp_path):
    project = Project(tmp_path)
    project.write("week1/01_a", cell("1"))
    project.write("labs/gradients", f"{EXERCISE}```{{exercise-end}}\n```\n\n{cell('1')}")
    return project


def test_exercises_of_labs_are_found_and_belong_to_no_week(course):
    assert exercises.of_labs(course.root) == {"labs/gradients": {"slopes": "Slopes"}}
    assert exercises.by_chapter(course.root)["labs/gradients"] == {"slopes": "Slopes"}
    assert exercises.by_week(course.root) == {1: {"week1/01_a": {}}}
    assert exercises.optional(course.root) == set()


def test_a_learner_starts_all_labs_by_one_word(course):
    assert workbook.select(course.root, "labs") == ["labs/gradients"]
    assert workbook.select(course.root, "labs/gradients") == ["labs/gradients"]


def test_progress_counts_the_labs_apart_from_the_weeks(course, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    monkeypatch.setattr(progress, "all_passed", lambda: {"slopes": "today"})
    assert main(["progress", "--root", str(course.root)]) == 0
    assert "Exercises of the labs, after the weeks: 1/1\n" in capsys.readouterr().out


def test_the_table_for_notion_files_an_exercise_of_a_lab_under_labs(course, monkeypatch):
    monkeypatch.setattr(progress, "all_passed", lambda: {"slopes": "2026-11-28T00:00:00"})
    monkeypatch.chdir(course.root)
    table = csv.DictReader(io.StringIO(export.as_notion(exercises.here())))
    (row,) = (row for row in table if row["Name"] == "Slopes (slopes)")
    assert (row["Week"], row["Done"]) == ("labs", "Yes")


def test_a_prediction_in_a_lab_is_summed_up_after_the_weeks():
    said = predictions.Prediction("slope", "number", "2", "guess", 0, "3", "", False, "2026-11-28")
    first, *_ = predictions.lines([said])
    assert first.startswith("After the weeks: 0 of 1 right.")
    assert predictions.is_sum(first)


def test_the_real_labs_are_written_as_notebooks():
    for doc in workbook.select(ROOT, "labs"):
        assert learner_notebook.learner_notebook(chapters.Chapter(ROOT, doc)).cells


def test_the_second_model_post_has_at_most_700_words_with_its_evidence():
    """As it is read with the outputs of SmolLM2, of which it tells."""

    def told(role):
        return words.render(ROOT, role[2], "smollm2", role[1] or "")

    cells = chapters.Chapter(ROOT, "labs/another_circuit_post").notebook.cells
    prose = " ".join(cell.source for cell in cells if cell.cell_type == "markdown")
    shown = re.sub(r"\{claim-?(\w+)?\}`([^`]*)`", told, prose)
    assert "not measured" not in shown
    plain = re.sub(r"\]\([^)]*\)", "]", re.sub(r"\{[\w:]+\}`[^`]*`", "1", shown))
    assert 550 <= sum(any(c.isalnum() for c in word) for word in plain.split()) <= 700
