"""The log of submissions, and the board that is read from it."""

import pytest

from mi_course.mystery import Explanation, resid, submissions
from mi_course.mystery.verdict import Verdict, refused


def middle(tokens):
    return sum(tokens)


def answer(middle):
    return middle


EXPLANATION = Explanation(answer, {middle: resid(0, at=-1)})


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    return tmp_path


def keep(passed=False, **scores):
    verdict = Verdict("amber", passed, ("said",), scores)
    submissions.keep(EXPLANATION, verdict, seed=4)


def test_every_submission_is_kept_with_its_program_and_places():
    keep(middle=0.25)
    submissions.keep(EXPLANATION, refused("amber", "no answer"), seed=5)
    first, second = submissions.read("amber")
    assert first["scores"] == {"middle": 0.25}
    assert "return sum(tokens)" in first["program"]
    assert first["places"] == {"middle": ["the residual stream after layer 0 at position -1"]}
    assert second["verdict"] == ["no answer"]


def test_the_board_has_the_best_score_of_each_variable_and_the_first_pass():
    keep(middle=0.25, other=0.5)
    keep(middle=0.75)
    assert submissions.board(["amber", "basil"]) == {
        "amber": {"submissions": 2, "passed": "", "scores": {"middle": 0.75, "other": 0.5}}
    }
    keep(passed=True, middle=0.5)
    entry = submissions.board(["amber"])["amber"]
    assert entry["passed"].startswith("20")
    assert entry["scores"]["middle"] == 0.75


def test_a_damaged_line_is_left_out(home):
    keep(middle=0.25)
    with submissions.path("amber").open("a", encoding="utf8") as log:
        log.write('{"passed": tr\n')
    keep(middle=0.5)
    assert len(submissions.read("amber")) == 2


def test_nothing_is_kept_where_progress_is_off(monkeypatch):
    monkeypatch.setenv("MI_COURSE_PROGRESS", "off")
    keep(middle=0.25)
    assert submissions.read("amber") == []
