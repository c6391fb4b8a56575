"""The log of submissions, and the board that is read from it."""

import json

import pytest

from mi_course.learner import export, submissions

AT = "2026-11-29T04:00:00+00:00"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    return tmp_path


def keep(name="amber", passed=False, **scores):
    submissions.keep(name, {"at": AT, "passed": passed, "scores": scores, "seed": 4})


def test_every_submission_is_kept_in_its_order():
    keep(middle=0.25)
    keep(middle=0.125)
    assert [entry["scores"]["middle"] for entry in submissions.read("amber")] == [0.25, 0.125]
    assert submissions.read("basil") == []


def test_the_board_has_the_best_score_of_each_variable_and_the_first_pass():
    keep(middle=0.25, other=0.5)
    keep(middle=0.75)
    expected = {"submissions": 2, "passed": "", "scores": {"middle": 0.75, "other": 0.5}}
    assert submissions.board() == {"amber": expected}
    keep(passed=True, middle=0.5)
    assert submissions.board()["amber"] == expected | {"submissions": 3, "passed": AT}


def test_a_line_of_the_board_tells_all_of_it():
    keep(middle=0.25)
    keep("basil", passed=True, later=1.0)
    assert submissions.lines() == [
        "- [ ] amber: open, 1 submitted; best middle 0.25",
        "- [x] basil: explained on 2026-11-29, 1 submitted; best later 1.00",
    ]


@pytest.mark.parametrize(
    "line", ['{"passed": tr', "[]", '{"at": "now", "passed": true, "scores": {}}', '{"passed": 1}']
)
def test_a_damaged_line_is_left_out(home, line):
    keep(middle=0.25)
    with (home / "mystery" / "amber.jsonl").open("a", encoding="utf8") as log:
        log.write(f"{line}\n")
    keep(middle=0.5)
    assert len(submissions.read("amber")) == 2


def test_nothing_is_kept_where_progress_is_off(monkeypatch):
    monkeypatch.setenv("MI_COURSE_PROGRESS", "off")
    keep(middle=0.25)
    assert submissions.board() == {}


def test_the_board_is_exported_once_there_is_one():
    assert "mysteries" not in export.collect()
    assert submissions.TITLE not in export.as_markdown()
    keep(middle=0.25)
    assert json.loads(export.as_json())["mysteries"] == submissions.board()
    assert f"{submissions.TITLE}\n\n- [ ] amber: open" in export.as_markdown()
