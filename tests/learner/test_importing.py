"""`mi-course import`: what the tracker page exported is added, and nothing that is here is lost."""

from __future__ import annotations

import json

import pytest

from mi_course.cli.main import main
from mi_course.learner import export, importing, pages, predictions, progress, weeklog

GOOD = {"format": "mi-course-progress", "version": 1, "exercises": {}, "weeks": {}, "pages": {}}
WHEN = "2026-11-01T10:00:00.000Z"
WEEK = {
    "done": ["w2-setup"],
    "own": [{"section": "Core Tasks", "text": "mine", "done": True}],
    "learnings": ["a learning"],
    "blockers": [],
    "hours": {"Monday": 3, "friday": 1},
    "notes": "A note.",
}
FILE = GOOD | {
    "weeks": {"2": WEEK},
    "exercises": {"zero_head": WHEN},
    "pages": {"week2/index": WHEN},
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    return tmp_path / "home"


def take(text, tmp_path, name="a.json"):
    (tmp_path / name).write_text(text if isinstance(text, str) else json.dumps(text), "utf8")
    return main(["import", str(tmp_path / name)])


def test_what_is_in_it_is_here_afterwards_and_is_said(tmp_path, capsys):
    assert take(FILE, tmp_path) == 0
    log = weeklog.load(2)
    assert log.done == {"w2-setup"}
    assert log.own == [("Core Tasks", "mine", True)]
    assert log.hours == {"Monday": 3, "Friday": 1}
    assert (log.learnings, log.notes) == (["a learning"], "A note.")
    assert pages.finished() == {"week2/index": WHEN}
    assert progress.all_passed() == {"zero_head": WHEN}
    assert capsys.readouterr().out.splitlines() == [
        "Week 2: 1 task ticked.",
        "Week 2: 2 lines added.",
        "Week 2: Monday: 3 hours.",
        "Week 2: Friday: 1 hours.",
        "Week 2: notes added.",
        "Finished pages: week2/index.",
        "Exercises passed elsewhere: zero_head.",
    ]


def test_a_second_import_changes_nothing(tmp_path, capsys):
    take(FILE, tmp_path)
    before = weeklog.path(2).read_bytes()
    capsys.readouterr()
    assert take(FILE, tmp_path) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert weeklog.path(2).read_bytes() == before


def test_what_is_here_is_neither_lost_nor_taken_back(tmp_path, capsys):
    mine = "# Week 2 Log\n\nMy own.\n\n## Time Log\n\n- monday: 5 h\n- Friday: 0.5 h\n"
    progress.write(weeklog.path(2), mine)
    progress.keep("zero_head", "2026-01-01T00:00:00+00:00")
    take(FILE, tmp_path)
    log = weeklog.load(2)
    assert log.hours == {"Monday": 5, "Friday": 1}  # of two numbers the larger
    assert log.notes == "My own.\n\nA note."
    assert progress.all_passed()["zero_head"].startswith("2026-01-01")
    assert "Friday: 1 hours, in place of 0.5." in capsys.readouterr().out


def test_what_was_exported_here_comes_back_on_another_machine(tmp_path, monkeypatch):
    take(FILE, tmp_path)
    text = export.as_json()
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "other"))
    assert take(text, tmp_path) == 0
    assert export.as_json() == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no valid JSON"),
        ("[]", "this course did not write it"),
        (GOOD | {"version": 2}, "its version is 2"),
        (GOOD | {"weeks": []}, "missing"),
        (GOOD | {"weeks": {"9": {}}}, "no week 9"),
        (GOOD | {"weeks": {"1": {"done": [3]}}}, "no list of texts"),
        (GOOD | {"weeks": {"1": {"hours": {"a": 99}}}}, "between 0 and 24"),
        (GOOD | {"weeks": {"1": {"hours": {"Monday: 2": 1}}}}, "cannot be called"),
        (GOOD | {"weeks": {"1": {"notes": {}}}}, "are no text"),
        (GOOD | {"weeks": {"1": {"own": [{}]}}}, "own items"),
        (GOOD | {"exercises": {"a": "never"}}, "no date"),
        (GOOD | {"exercises": {"../a": WHEN}}, "no date"),
        (GOOD | {"pages": {"../../x": WHEN}}, "no date"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason_and_changes_nothing(tmp_path, home, capsys, text, why):
    assert take(FILE | text if isinstance(text, dict) else text, tmp_path) == 1
    said = capsys.readouterr().err
    assert "a.json was not imported, and nothing changed" in said
    assert why in said
    assert not home.exists()


def test_markdown_is_sent_back(tmp_path, capsys):
    assert take("# Week 1 Log\n", tmp_path, "a.md") == 1
    assert "export JSON" in capsys.readouterr().err


def test_a_damaged_list_of_pages_is_empty_and_is_written_anew(home):
    progress.write(pages.path(), "[")
    assert pages.finished() == {}
    assert pages.add({"week1/index": WHEN}) == ["week1/index"]
    assert pages.finished() == {"week1/index": WHEN}


def test_a_name_is_cleaned_before_it_is_a_line(tmp_path):
    log = WEEK | {"own": [{"section": "Core Tasks", "text": "two\nlines", "done": False}]}
    found = importing.read(json.dumps(GOOD | {"weeks": {"2": log}}))
    assert found.weeks[2].own == [("Core Tasks", "two lines", False)]


def test_a_prediction_that_cannot_be_kept_is_said_in_one_sentence(tmp_path, monkeypatch, capsys):
    answer = {"kind": "number", "said": "2", "sure": "guess", "week": 1, "was": "3", "unit": "",
              "right": False, "at": WHEN}  # fmt: skip
    monkeypatch.setattr(predictions, "keep", lambda prediction: "the disk is full")
    assert take(GOOD | {"predictions": {"a loss": answer}}, tmp_path) == 1
    assert "the disk is full" in capsys.readouterr().err
