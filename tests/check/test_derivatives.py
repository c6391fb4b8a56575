"""Derivatives that are lost, wrong or impossible are told; a right answer's pass."""

import pytest
import torch

from mi_course.check import derivatives
from mi_course.check.core import Wrong

X = torch.tensor([0.5, -1.0, 2.0])


def reference(x):
    return x.exp() * x


def in_place(x):
    result = x.exp()
    other = result * x
    result.mul_(1.0)
    return other


def test_a_derivative_that_passes_is_accepted():
    derivatives.require(lambda x: torch.exp(x).mul(x), reference, {"x": X})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: reference(x).detach(), "no derivative comes back to x"),
        (lambda x: torch.tensor(reference(x.data).tolist()), "no derivative comes back to x"),
        (lambda x: x.exp().detach() * x, "the derivative with respect to x is not"),
        (lambda x: torch.from_numpy(x.numpy()), "carry no derivatives"),
        (in_place, "changed in place"),
    ],
)
def test_a_derivative_that_is_lost_is_told(answer, words):
    with pytest.raises(Wrong, match=words):
        derivatives.require(answer, reference, {"x": X})


def test_a_weight_that_cannot_be_trained_is_named():
    own, right = torch.ones(3), torch.ones(3, requires_grad=True)
    with pytest.raises(Wrong, match="the weight w is never trained"):
        derivatives.require(lambda x: x * own, lambda x: x * right, {"x": X}, {"w": (own, right)})
