"""How a wrong tensor is related to the right one, in words; axes are named."""

import pytest
import torch

from mi_course.check.differences import related

RIGHT = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
AXES = ("prompt", "position")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (RIGHT.flip(0), "the order of each prompt is reversed"),
        (RIGHT.flip(1), "the order of each position is reversed"),
        (RIGHT.roll(1, 1), "each position gets the result of the one before it"),
        (RIGHT[:1].expand(3, 4), "every prompt gets the result of the first prompt"),
        (RIGHT.mean(1, keepdim=True).expand(3, 4), "every position gets the mean over all"),
        (-RIGHT, "the sizes are right, and signs are not"),
        (torch.cat([RIGHT[:1], RIGHT[1:] ** 2 + 1]), "right for prompt 0, and wrong"),
        (torch.arange(4.0).expand(3, 4), "it is the same for every prompt"),
    ],
)
def test_a_relation_is_told(found, words):
    assert words in related(found, RIGHT, AXES)


def test_nothing_is_told_where_there_is_no_relation():
    other = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    assert related(other, RIGHT, AXES) == ""
    assert related(RIGHT, RIGHT, AXES) == ""
    assert related(RIGHT[0], RIGHT, AXES) == ""
