"""The first failure tells the symptom, the second the cause, the third the fix, by exercise."""

from __future__ import annotations

import itertools

import pytest
import torch

from mi_course import check
from mi_course.check import core, steps
from mi_course.check.core import Wrong
from mi_course.check.symptoms import SEEN


def right(tokens):
    return dict(itertools.pairwise(tokens)).get(tokens[-1]) if tokens else None


def own_token(pattern, seq_len):
    """Attention to the token's own first occurrence, not to the one after it."""
    query = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, query, query - seq_len].mean()


def test_each_failure_tells_more_than_the_one_before_it(capsys):
    told = [check.prefix_matching_score(own_token).message for _ in range(4)]
    symptom, cause, full, again = told
    assert "with seq_len = 4 the score should be 0.0931, and yours is 0.2701" in symptom
    assert "first occurrence" not in symptom
    assert symptom.endswith("(for the cause, check again or add hint=True)")
    assert cause.startswith("this is attention to the token's own first occurrence")
    assert "one place further" not in cause
    assert cause.endswith("(for the fix, check again or add hint=True)")
    assert "one place further" in full
    assert "hint=True" not in full
    assert again == full
    shown = capsys.readouterr().out.splitlines()
    assert shown == [f"✗ prefix_matching_score: {message}" for message in told]


def test_a_hint_tells_all_at_the_first_failure_and_other_exercises_are_not_counted():
    check.continue_pattern(lambda tokens: 0)
    full = check.prefix_matching_score(own_token, hint=True).message
    assert "one place further" in full
    assert "first occurrence" in check.prefix_matching_score(own_token).message  # the second


@pytest.mark.parametrize("inline", [False, True])
def test_after_a_pass_the_count_starts_anew(inline, monkeypatch):
    if inline:
        monkeypatch.setenv("MI_COURSE_CHECK", "inline")
    for _ in range(2):
        first = check.continue_pattern(lambda tokens: None)
        assert first.message.startswith("for ['X', 'A', 'B', 'C', 'A'] your function returns None")
        assert first.message.endswith("(for the cause, check again or add hint=True)")
        assert "print it" in check.continue_pattern(lambda tokens: None).message
        assert check.continue_pattern(right).passed


def test_a_stub_that_is_run_is_no_failure():
    def stub(tokens):
        raise NotImplementedError("Exercise continue_pattern: write your code here")

    for _ in range(3):
        assert check.continue_pattern(stub).message == "not written yet"
    assert core.FAILURES["continue_pattern"] == 0


def test_what_has_to_look_otherwise_is_told_at_once():
    told = check.top_heads(lambda scores, threshold: "1.2").message
    assert told == "return a list of names, not str"


def test_the_shapes_that_were_expected_and_returned_are_a_symptom():
    told = check.split_heads(lambda x, n: x.reshape(*x.shape[:2], -1, n)).message
    assert told.startswith("with x of shape (2, 5, 12), n = 3: expected a tensor of shape (2, 5, 3")
    assert ", got a tensor of shape (2, 5, 4, 3) (for the cause" in told


def test_the_first_pass_of_a_session_says_how_to_compare_and_solutions_are_not_told(
    capsys, monkeypatch
):
    check.continue_pattern(right)
    assert capsys.readouterr().out == "✓ continue_pattern: passed\n"
    monkeypatch.delenv(core.WHOSE_VARIABLE)
    assert check.continue_pattern(right).message == "passed"
    assert capsys.readouterr().out == f"✓ continue_pattern: passed\n{core.NEXT}\n"
    check.continue_pattern(right)
    assert capsys.readouterr().out == "✓ continue_pattern: passed\n"


def split(message, **parts):
    return Wrong(message, **parts).steps


@pytest.mark.parametrize(
    ("message", "symptom", "cause"),
    [
        ("the sign is lost: take no abs", steps.UNSEEN, "the sign is lost"),
        ("the sign is lost", steps.UNSEEN, "the sign is lost"),
        (
            "one: do this; or: other (a: b): do that",
            steps.UNSEEN,
            "one; or: other (a: b)",
        ),
        (
            "future tokens leak: changing token 4 changed it: the mask is late: do it before",
            "future tokens leak: changing token 4 changed it",
            "future tokens leak: changing token 4 changed it: the mask is late",
        ),
        ("return a list, not str: [x] makes one", "return a list, not str: [x] makes one", None),
        ("your function returns None: is return missing?", "your function returns None", None),
        (
            "7 items are lost. Count them: with len",
            "7 items are lost",
            "7 items are lost. Count them",
        ),
        (
            "the model has no hook point 'resid': a name is such as 'blocks.0.resid'",
            "the model has no hook point 'resid'",
            None,
        ),
        ("found 'a: b', expected 'c. D': why", "found 'a: b', expected 'c. D'", None),
    ],
)
def test_a_sentence_is_split_into_its_parts(message, symptom, cause):
    assert split(message) == (symptom, cause or message, message)


def test_parts_that_a_check_has_said_are_not_read_from_the_sentence():
    assert split("a: b: c", symptom="s", cause="a") == ("s", "a", "a: b: c")
    assert split("7 are right: b", symptom="s") == ("s", "7 are right: b", "7 are right: b")


def rewrapped(inner, message):
    try:
        try:
            raise inner
        except Wrong as mistake:
            raise Wrong(message.format(mistake)) from None
    except Wrong as mistake:
        return mistake.steps


def test_a_sentence_that_holds_an_earlier_one_begins_with_its_symptom():
    error = "your function stopped with X: no y: z"
    inner = Wrong(error, symptom=error)
    assert rewrapped(inner, "{} (is y right?)").symptom == error
    assert rewrapped(inner, "no training: {}. Use tensors").symptom == f"no training: {error}"
    assert rewrapped(inner, "take **kwargs ({})").symptom == error


def test_an_error_that_is_told_in_other_words_is_still_what_happened(request):
    SEEN.forget()
    request.addfinalizer(SEEN.forget)
    SEEN.called(len, ([1],), 1)  # an earlier call, which went well
    error = "your function stopped with TypeError: no head"
    told = rewrapped(Wrong(error, symptom=error), "the head is not bound: bind it by name")
    assert told == (error, "the head is not bound", "the head is not bound: bind it by name")
    told = rewrapped(Wrong("return a list"), "the head is not bound: bind it by name")
    assert told.symptom.endswith("your function returns 1, and the check does not accept it")


def test_what_is_added_to_a_verdict_is_told_with_its_cause():
    told = split("the sign is lost: no abs").plus(" (in float16)")
    assert told == (
        steps.UNSEEN,
        "the sign is lost (in float16)",
        "the sign is lost: no abs (in float16)",
    )
