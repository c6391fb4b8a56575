"""Numbers in a verdict that differ look different."""

from __future__ import annotations

import pytest
import torch

from mi_course.check.numerals import apart, first_apart


@pytest.mark.parametrize(
    ("right", "found", "texts"),
    [
        (0.5714, 0.25, ("0.571", "0.250")),
        (0.57142, 0.57121, ("0.5714", "0.5712")),
        (1.0, 1.0 + 1e-9, ("1.000000000", "1.000000001")),
        (1.0, 1.0 + 1e-15, ("1.0", "1.000000000000001")),
        (0.5, float("nan"), ("0.500", "nan")),
    ],
)
def test_two_numbers_have_as_many_digits_as_tell_them_apart(right, found, texts):
    assert apart(right, found) == texts


def test_the_first_entry_that_differs_is_shown_not_the_first_of_all():
    right = torch.tensor([[0.5, 0.25], [1.0, 2.0]])
    found = right.clone()
    found[1] = torch.tensor([1.0004, -1.0])
    assert first_apart(found, right) == ((1, 0), "1.0000", "1.0004")
    assert first_apart(right + 1e-6 * torch.eye(2), right).at in ((0, 0), (1, 1))
    assert first_apart(torch.tensor(3.0), torch.tensor(2.0)) == ((), "2.000", "3.000")
