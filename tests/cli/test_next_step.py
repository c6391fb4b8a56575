"""What `mi-course progress` names as next depends on what was done."""

import pytest

from mi_course.cli import learner
from mi_course.learner import weeklog

CHAPTERS = {
    1: {"week1/01_a": {"one": "One", "two": "Two"}, "week1/02_b": {"three": "Three"}},
    2: {"week2/01_c": {"four": "Four", "extra": "Extra", "five": "Five"}},
}


@pytest.fixture(autouse=True)
def all_tasks_done(monkeypatch):
    """But one of week 2."""

    def load(week):
        ids = {item["id"] for item in weeklog.plan(week)["items"]}
        return weeklog.Week(week, ids - {"w2-docs"})

    monkeypatch.setattr(weeklog, "load", load)


def said(*passed):
    when = {name: f"2026-01-{day:02}" for day, name in enumerate(passed, 1)}
    return learner._next_step(CHAPTERS, when, {"extra"})


def test_it_begins_at_the_beginning():
    assert said() == ["Next: One (one), in week1/01_a"]


def test_it_goes_on_from_what_was_passed_last():
    assert said("one") == ["Next: Two (two), in week1/01_a"]
    assert said("three", "one") == ["Next: Two (two), in week1/01_a"]


def test_what_was_left_out_in_the_week_comes_before_the_next_week():
    assert said("three") == ["Next: One (one), in week1/01_a"]
    assert said("two", "three") == ["Next: One (one), in week1/01_a"]


def test_who_is_in_week_2_is_not_sent_back_and_hears_what_was_left_out():
    assert said("one", "four") == [
        "Next: Five (five), in week2/01_c",
        "Left out: Two (two), in week1/01_a, and 1 more",
    ]


def test_an_optional_exercise_is_never_next():
    assert said("one", "two", "three", "four")[0] == "Next: Five (five), in week2/01_c"


def test_tasks_come_when_the_week_s_exercises_are_done_then_earlier_weeks_then_the_end():
    docs = "Next in week 2: Bookmark the TransformerLens documentation"
    assert said("four", "five")[0].startswith(docs)
    assert said("four", "five")[1] == "Left out: One (one), in week1/01_a, and 2 more"


def test_when_nothing_is_open_it_says_so(monkeypatch):
    ids = {w: {item["id"] for item in weeklog.plan(w)["items"]} for w in weeklog.weeks()}
    monkeypatch.setattr(weeklog, "load", lambda week: weeklog.Week(week, ids[week]))
    assert said("one", "two", "three", "four", "five") == ["Everything is done."]
    assert said("four", "five") == ["Next: One (one), in week1/01_a"]
