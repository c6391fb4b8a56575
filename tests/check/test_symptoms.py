"""What was seen of a wrong answer: arguments, what should have come back, and what did."""

import pytest
import torch
from torch import nn

from mi_course.check.symptoms import Seen, difference, shown


def call(x, k):
    return None


@pytest.mark.parametrize(
    ("found", "right", "words"),
    [
        (0.5, 0.25, "expected 0.2500, got 0.5000"),
        (torch.tensor(0.5), torch.tensor(0.25), "expected 0.2500, got 0.5000"),
        (
            torch.tensor([[1, 2], [3, 5]]),
            torch.tensor([[1, 2], [3, 4]]),
            "the first value that differs, at [1, 1]: expected 4, got 5",
        ),
        (torch.zeros(2, 4), torch.zeros(4, 2), "expected a tensor of shape (4, 2), got"),
        (torch.ones(3), torch.ones(3).long(), "expected torch.int64, got torch.float32"),
        (["a"], ["b", "c"], "expected ['b', 'c'], got ['a']"),
        (None, torch.zeros(9), "expected a tensor of shape (9,), got None"),
    ],
)
def test_a_difference_is_told_with_both_values(found, right, words):
    assert words in difference(found, right)


def test_what_is_the_same_is_not_told_as_a_difference():
    """A call with the right result may be wrong for another reason, such as how it came about."""
    whole, seen = torch.tensor([3, 1]), Seen()
    assert difference(whole, whole.clone()) == ""
    assert difference([1, "a"], [1, "a"]) == ""
    seen.expect(whole, 2)
    seen.called(call, (2,), whole.clone())
    assert "expected" not in seen.told()
    assert "your function returns [3, 1]" in seen.told()
    seen.compared(whole, whole.clone())
    assert "expected" not in seen.told()


def test_values_that_look_the_same_differ_in_their_types():
    places, rounded = (torch.tensor([3, 1]),), (torch.tensor([3.0, 1.0]),)
    assert difference(rounded, places) == "expected torch.int64, got torch.float32"
    assert difference([3, 1], (3, 1)) == "expected (3, 1), got [3, 1]"


def test_the_result_is_compared_with_what_these_very_arguments_should_give():
    x, seen = torch.zeros(3, 4), Seen()
    assert seen.told() == ""
    seen.expect([1], x, 2)
    seen.called(call, (x, 2), [0])
    assert seen.told() == "with x of shape (3, 4), k = 2: expected [1], got [0]"
    seen.called(call, (x, 3), [0])
    assert "expected" not in seen.told()
    seen.called(call, (x.clone(), 2), [0])
    assert "expected" not in seen.told()


def test_the_comparison_that_failed_counts_whatever_is_called_later():
    seen = Seen()
    seen.called(call, (torch.zeros(3, 4), 2), None)
    seen.compared(torch.tensor(1.0), torch.tensor(2.0))
    seen.called(call, (torch.zeros(5, 5), 3), None)
    assert seen.told() == "with x of shape (3, 4), k = 2: expected 2.0000, got 1.0000"
    seen.forget()
    assert seen.told() == ""


def test_a_note_is_about_the_last_call():
    seen = Seen()
    seen.called(call, (), None)
    seen.note("it prints nothing")
    assert seen.told() == "it prints nothing"
    seen.called(call, (), None)
    assert "returns None" in seen.told()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (torch.zeros(2, 3), "a tensor of shape (2, 3)"),
        (torch.tensor([1, 2]), "[1, 2]"),
        ((torch.zeros(9), 0.123456), "(a tensor of shape (9,), 0.1235)"),
        ((1,), "(1,)"),
        (list(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7, …]"),
        ({"a": torch.zeros(9)}, "{'a': a tensor of shape (9,)}"),
        (nn.Linear(1, 1), "the module Linear"),
        (call, "an object of type function"),
        ("a" * 500, "'" + "a" * 159 + "…"),
    ],
)
def test_values_are_shown_in_few_words(value, text):
    assert shown(value) == text
