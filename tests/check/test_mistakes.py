"""A mistake is named where it alone fits; cases rule out, and a size that is written in is told."""

import pytest
import torch

from mi_course.check.core import Wrong
from mi_course.check.mistakes import Cases, named, rounded, scaled

RIGHT = torch.tensor([1.0, 2.5, -4.125, 0.3])


def test_the_one_mistake_that_fits_is_named():
    known = {"sign": -RIGHT, "double": 2 * RIGHT}
    assert named(-RIGHT, known, RIGHT) == "sign"
    assert named(RIGHT + torch.tensor([1.0, 0, 0, 0]), known, RIGHT) is None


def test_two_that_fit_are_both_told_and_three_are_none():
    known = {"one": -RIGHT, "other": -RIGHT.clone()}
    assert named(-RIGHT, known, RIGHT) == "one; or: other"
    assert named(-RIGHT, known | {"third": -RIGHT}, RIGHT) is None


def test_a_mistake_that_gives_the_right_answer_on_these_data_is_not_named():
    right = torch.zeros(3)
    assert named(right, {"sign": -right}, right) is None


def test_what_one_case_rules_out_is_not_said_of_the_next():
    cases = Cases()
    with cases.case():
        cases.judge(RIGHT, RIGHT, {"sign": -RIGHT, "size": RIGHT}, "hint")
    right = torch.tensor([[2.0]])
    with pytest.raises(Wrong, match=r"^size$"), cases.case():
        cases.judge(-right, right, {"sign": -right, "size": -right}, "hint")


def test_an_error_that_only_a_later_case_gives_may_come_from_a_size():
    cases = Cases()
    for told in (r"has shape \(2,\)$", "a size written into it"):
        with pytest.raises(Wrong, match=told), cases.case():
            raise Wrong("the result has shape (2,)")
        with cases.case():
            pass


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x.round(decimals=1), "rounded to 1 places"),
        (lambda x: x.to(torch.bfloat16).float() * 1.0001, "nearly right"),
        (lambda x: x + torch.tensor([1.0, 0, 0, 0]), None),
        (lambda x: 3 * x, None),
    ],
)
def test_rounding_is_told_from_other_mistakes(change, words):
    found = rounded(change(RIGHT), RIGHT)
    assert (words is None) == (found is None)
    assert words is None or words in found


def test_a_factor_and_a_constant_are_told():
    assert "3 times what it should be)" in scaled(3 * RIGHT, RIGHT)
    assert "is what it should be, minus 0.5" in scaled(RIGHT - 0.5, RIGHT)
    assert "2 times what it should be, plus 1" in scaled(2 * RIGHT + 1, RIGHT)
    assert scaled(RIGHT**2, RIGHT) == ""
