"""`yours.NAME` is the learner's function once it has passed, and the package's until then."""

from __future__ import annotations

import pytest
import torch

from mi_course import check, yours
from mi_course.check import core
from mi_course.yours import choice

PATTERN = torch.full((2, 7, 7), 0.25)


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    """Nothing has passed, nothing has been said."""
    monkeypatch.setattr(core, "PASSED", {})
    monkeypatch.setattr(choice, "PASSED", core.PASSED)
    monkeypatch.setenv("MI_COURSE_CHECK", "inline")
    monkeypatch.delenv(choice.WHOSE_VARIABLE, raising=False)
    choice._choices.cache_clear()


@pytest.fixture
def cell(monkeypatch):
    """The number of the cell that runs; a test counts it up."""
    number = [1]
    monkeypatch.setattr(choice, "_cell", lambda: number[0])
    return number


def recorder(calls):
    def prefix_matching_score(pattern, seq_len):
        calls.append(tuple(pattern.shape))
        query = torch.arange(seq_len + 1, 2 * seq_len + 1)
        return pattern[:, query, query - seq_len + 1].mean()

    return prefix_matching_score


def test_the_packages_function_runs_until_the_learners_has_passed(capsys, cell):
    assert yours.prefix_matching_score(PATTERN, 3) == pytest.approx(0.25)
    assert capsys.readouterr().out == (
        "This cell runs the package's prefix_matching_score: yours has not passed its check in "
        "this session.\n"
    )


def test_the_learners_function_runs_once_it_has_passed(capsys, cell):
    calls = []
    assert check.prefix_matching_score(recorder(calls))
    calls.clear()
    capsys.readouterr()
    yours.prefix_matching_score(PATTERN, 3)
    assert calls == [(2, 7, 7)]
    assert capsys.readouterr().out == "This cell runs your prefix_matching_score.\n"


def test_whose_function_ran_is_said_once_in_each_cell(capsys, cell):
    for _ in range(3):
        yours.prefix_matching_score(PATTERN, 3)
    cell[0] += 1
    yours.prefix_matching_score(PATTERN, 3)
    assert capsys.readouterr().out.count("This cell runs") == 2


def test_a_function_that_does_not_pass_any_more_is_not_used(capsys, cell):
    calls = []
    check.prefix_matching_score(recorder(calls))
    check.prefix_matching_score(lambda pattern, seq_len: pattern.mean())
    calls.clear()
    yours.prefix_matching_score(PATTERN, 3)
    assert calls == []


def test_where_the_learners_function_stops_the_packages_goes_on(capsys, cell):
    def breaks(pattern, seq_len):
        raise IndexError("index 7 is out of bounds")

    core.PASSED["prefix_matching_score"] = breaks
    assert yours.prefix_matching_score(PATTERN, 3) == pytest.approx(0.25)
    assert yours.prefix_matching_score(PATTERN, 3) == pytest.approx(0.25)
    told = capsys.readouterr().out
    assert told.count("\n") == 1
    assert "yours stopped here, on real input, with IndexError on line" in told
    assert "index 7 is out of bounds" in told
    cell[0] += 1  # the next cell says so too
    yours.prefix_matching_score(PATTERN, 3)
    assert capsys.readouterr().out == (
        "This cell runs the package's prefix_matching_score: yours stopped on a real input above.\n"
    )


def test_an_interrupt_is_the_learners(cell):
    def interrupted(pattern, seq_len):
        raise KeyboardInterrupt

    core.PASSED["prefix_matching_score"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        yours.prefix_matching_score(PATTERN, 3)


def test_a_chapters_own_solution_is_not_called_the_readers(monkeypatch, capsys, cell):
    monkeypatch.setenv(choice.WHOSE_VARIABLE, "solutions")
    core.PASSED["prefix_matching_score"] = recorder([])
    yours.prefix_matching_score(PATTERN, 3)
    assert capsys.readouterr().out == "This cell runs the solution's prefix_matching_score.\n"


def test_a_name_that_is_no_exercise_is_no_function():
    with pytest.raises(AttributeError, match=r"no exercise .* is called 'prefix'"):
        _ = yours.prefix
    assert "prefix_matching_score" in dir(yours)


@pytest.mark.parametrize("name", dir(yours))
def test_the_packages_function_passes_the_check_of_its_exercise(name, capsys):
    verdict = core.EXERCISES[name](yours.choice.Choice.of(name).package)
    assert verdict, verdict.message
