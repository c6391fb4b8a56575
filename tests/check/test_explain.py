"""A verdict on an error, or on a shape, gets the cause that its words give away."""

import pytest
import torch

from mi_course.check.core import Attempt, Wrong
from mi_course.check.explain import NO_AXIS, NO_ROW, explained
from mi_course.check.mistakes import Cases

CAUSES = {
    NO_AXIS: "a number for each row meets the columns: give it an axis, [:, None]",
    NO_ROW: "columns are taken for rows: they come second",
    "has shape (3,)": "the rows are missing: keep them",
}


def judged(function):
    with pytest.raises(Wrong) as caught, explained(CAUSES):
        Attempt(function).tensor(torch.ones(2, 3), shape=(2, 3), axes="(row, column)")
    return caught.value


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x - x.mean(1), "a number for each row meets the columns"),
        (lambda x: x[[0, 2]], "columns are taken for rows"),
        (lambda x: x.sum(0), "the rows are missing"),
    ],
)
def test_the_error_is_told_first_then_its_cause_then_the_fix(function, words):
    steps = judged(function).steps
    assert words not in steps.symptom
    assert steps.cause == f"{steps.symptom}: {words}"
    assert steps.full.startswith(f"{steps.cause}: ")


def test_a_verdict_without_the_words_stays_as_it_is():
    mistake = judged(lambda x: x.tolist())
    assert str(mistake) == "return a tensor, not list"
    assert mistake.steps.full == "return a tensor, not list"


def test_what_is_right_passes_and_other_errors_are_not_caught():
    with explained(CAUSES):
        assert Attempt(torch.relu)(torch.ones(2)).sum() == 2
    with pytest.raises(ValueError, match="out of bounds"), explained(CAUSES):
        raise ValueError("out of bounds for dimension 0")


def test_a_size_that_is_written_in_is_told_as_well():
    cases = Cases()
    with cases.case():
        pass
    with pytest.raises(Wrong, match=r"give it an axis.*a size written into it"), cases.case():
        raise judged(lambda x: x - x.mean(1))
