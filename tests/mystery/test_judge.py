"""The judge on models whose weights were set by hand: what is right there is known exactly."""

import pytest
import torch

from mi_course import mystery
from mi_course.check import process
from mi_course.learner import submissions
from mi_course.mystery import Explanation, head, judge, kept, mlp, proof, resid
from mi_course.mystery.submit import judged
from mi_course.mystery_nets import catalogue

NAME = "basil"


@pytest.fixture(scope="module", autouse=True)
def _the_other_process_ends():
    yield
    process.stop()


@pytest.fixture(scope="module")
def right():
    return next(one.explanation for one in kept.read(NAME) if one.right)


@pytest.fixture(scope="module")
def verdict(right):
    return judged(NAME, right, seed=1)


def test_a_right_explanation_passes(verdict):
    assert verdict.passed, verdict
    (variable,) = verdict.evidence.variables
    assert variable.agreement.low > 0.97
    assert max(variable.arbitrary, variable.untrained, variable.random_place) < 0.45
    assert verdict.evidence.behaviour > 0.99
    assert verdict.evidence.lost > 0.9
    assert verdict.evidence.faithful is None
    assert "nothing is left to replace" in verdict.lines[1]


def test_the_score_is_agreement_above_the_best_control(verdict):
    (variable,) = verdict.evidence.variables
    gained = (variable.agreement.mean - variable.control) / (1 - variable.control)
    assert verdict.scores[variable.name] == pytest.approx(gained)


def test_the_verdict_speaks_of_shares_and_controls(verdict):
    assert str(verdict).startswith(f"✓ {NAME}: the explanation holds\n  `")
    assert "(100 % to 100 %, random place" in str(verdict)
    assert "untrained copy" in str(verdict)


SLOW = {"the right algorithm in another layer", "a random subspace of half the rank"}
SLOW |= {"an idle place beside the right one", "the whole input as the only variable"}
SLOW |= {"everything named at once", "the right algorithm at another position"}


@pytest.mark.parametrize(
    "title",
    [
        pytest.param(title, marks=[pytest.mark.slow] if title in SLOW else [])
        for title in (*proof.MADE, "another variable at the right place")
    ],
)
def test_a_wrong_explanation_is_refused_for_what_is_wrong(title):
    one = next(one for one in proof.every(NAME) if one.title == title)
    tried = proof.Tried(NAME, one, judged(NAME, one.explanation, seed=2))
    assert tried.as_wanted, tried.verdict


def test_the_same_seed_gives_the_same_verdict_and_another_one_other_pairs(right, verdict):
    again = judged(NAME, right, seed=1)
    assert str(again) == str(verdict)
    other = judged(NAME, right, seed=5)
    assert other.evidence.variables[0].arbitrary != verdict.evidence.variables[0].arbitrary


def test_an_endless_program_is_stopped(right, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE_S", 0.5)

    def slow(tokens):
        while True:
            pass

    def answer(slow):
        return slow

    verdict = judged(NAME, Explanation(answer, {slow: resid(0, -1)}), seed=1)
    assert not verdict
    assert "did not finish" in verdict.lines[0]


def test_a_program_of_the_learner_may_call_functions_of_its_own(right):
    def helper(a, b):
        return (a + b) % 5

    def some(tokens):
        return helper(tokens[0], tokens[1])

    def answer(tokens, some):
        return helper(some, tokens[2])

    verdict = judged(NAME, Explanation(answer, {some: mlp(0, -1)}), seed=1)
    assert verdict.evidence.behaviour > 0.99
    assert not verdict


def test_two_variables_are_judged_together():
    written = next(o.explanation for o in kept.read(NAME) if len(o.explanation.variables) == 2)
    verdict = judged(NAME, written, seed=1)
    assert verdict.passed, verdict
    assert len(verdict.evidence.variables) == 2
    assert verdict.evidence.faithful > 0.95
    assert "everything else from another input, the model answers as" in verdict.lines[2]
    assert len(verdict.scores) == 1  # a symbol that is carried along scores nothing


def test_a_place_that_there_is_not_is_told_without_running_the_program(right):
    (variable,) = right.variables
    verdict = judged(NAME, Explanation(right.answer, {variable: head(0, 9, at=0)}), seed=1)
    assert verdict.lines == ("head 0.9: it has heads 0..3",)


def test_on_pairs_that_share_the_list_a_wrong_variable_agrees_always():
    # what the judge's pairs, drawn apart, keep out: see the opening of `judge`
    bases = catalogue.drawn("cedar", 200, seed=1)
    turns = torch.randint(6, (200, 1), generator=torch.Generator().manual_seed(1))
    sources = torch.cat([bases[:, :-1], bases.gather(1, turns)], 1)
    task = catalogue.find("cedar").task

    def asked_only(base, source):
        return task.answer(torch.cat([base[:, :-1], source[:, -1:]], 1))

    assert torch.equal(asked_only(bases, sources), task.answer(sources))


def first_two(tokens):
    return (tokens[0] + tokens[1]) % 5


def and_the_last(tokens, first_two):
    return (first_two + tokens[2]) % 5


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (resid(0, at=1), "does not use it in the residual stream after layer 0 at position 1: the "
        "swap leaves the model's answer as it was in 100 % of the pairs"),
        (resid(1, at=-1), "holds more than it: with the swap the model answers as on the source in "
        "100 % of the pairs"),
        ([resid(0, at=i) for i in range(3)], "taken together, hold more than it: with the swap"),
        (resid(0, at=-1), "but to what your program says no more often than in a control"),
    ],
)  # fmt: skip
def test_of_a_variable_that_is_not_there_the_verdict_says_what_the_swap_did(place, words):
    verdict = judged(NAME, Explanation(and_the_last, {first_two: place}), seed=1)
    assert words in verdict.lines[-1]


def test_an_input_that_the_program_answers_otherwise_is_told():
    def wrong(tokens, first_two):
        return first_two if tokens[2] == 4 else (first_two + tokens[2]) % 5

    verdict = judged(NAME, Explanation(wrong, {first_two: resid(0, at=1)}), seed=1)
    row, model, program = verdict.evidence.unlike
    given = catalogue.inputs(NAME, judge.N_DRAWN, seed=1)[row]
    assert given[2] == 4
    assert (model, program) == (sum(given) % 5, (given[0] + given[1]) % 5)
    told = f"; to {' '.join(map(str, given))} the model answers {model}, your program {program}"
    assert verdict.lines[1].endswith(told)


def test_a_program_that_returns_nothing_is_told_so():
    def answer(tokens, first_two):
        pass

    verdict = judged(NAME, Explanation(answer, {first_two: resid(0, at=1)}), seed=1)
    assert verdict.lines[1].endswith(", your program None")
    assert "in 0 pairs; in all others the answer is `None`" in verdict.lines[2]


def test_what_is_no_explanation_is_not_submitted():
    with pytest.raises(mystery.ExplanationError, match=r"submit judges an Explanation.*type dict"):
        mystery.submit(NAME, {first_two: resid(0, at=1)})


def test_what_could_not_be_measured_is_kept_and_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    for place in (resid(0, at=7), resid(0, at=1), resid(5, at=1)):
        mystery.submit(NAME, Explanation(and_the_last, {first_two: place}))
    assert [entry["measured"] for entry in submissions.read(NAME)] == [False, True, False]
    assert submissions.board()[NAME]["submissions"] == 1


def test_submit_prints_and_keeps_the_verdict(right, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    assert mystery.submit(NAME, right)
    assert "the explanation holds" in capsys.readouterr().out
    (entry,) = submissions.read(NAME)
    assert entry["passed"]
    assert set(entry["scores"]) == set(right.functions())
