"""How a wrong tensor is related to the right one: its order, and where it is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mi_course.check.core import close


def related(found: Tensor, right: Tensor, axes: Sequence[str] = ()) -> str:
    """What to add to a verdict, in brackets; nothing where no relation is seen.

    Args:
        found: the learner's result.
        right: the right one, of the same shape.
        axes: what each axis counts, in the singular: `("prompt", "position")`.
    """
    if found.shape != right.shape or not right.ndim or close(found, right):
        return ""
    names = list(axes) if len(axes) == right.ndim else [f"axis {i}" for i in range(right.ndim)]
    found, right = found.detach().double(), right.detach().double()
    for axis, name in enumerate(names):
        if right.shape[axis] > 1:
            for sentence, other in _rearranged(right, axis, name):
                if close(found, other) and not close(other, right):
                    return f" ({sentence})"
    if close(found.abs(), right.abs()):
        return " (the sizes are right, and signs are not)"
    for axis, name in enumerate(names):
        if sentence := _partly(found, right, axis, name):
            return f" ({sentence})"
    return ""


def _rearranged(right: Tensor, axis: int, name: str) -> Iterator[tuple[str, Tensor]]:
    """Tensors that hold the right entries elsewhere along an axis, with what to say of them."""
    n = right.shape[axis]
    first, last = right.narrow(axis, 0, 1), right.narrow(axis, n - 1, 1)
    mean = right.mean(axis, keepdim=True)
    yield f"every {name} gets the result of the first {name}", first.expand_as(right)
    yield f"every {name} gets the result of the last {name}", last.expand_as(right)
    yield f"every {name} gets the mean over all: each has its own", mean.expand_as(right)
    yield f"the mean over each {name} is subtracted", right - mean
    yield f"the order of each {name} is reversed", right.flip(axis)
    if n > 2:
        yield f"each {name} gets the result of the one before it", right.roll(1, axis)
        yield f"each {name} gets the result of the one after it", right.roll(-1, axis)
    yield f"the results of each {name} are sorted", right.sort(axis).values
    yield f"the results of each {name} are added up as they come", right.cumsum(axis)


def _partly(found: Tensor, right: Tensor, axis: int, name: str) -> str:
    """Where the result is right, if it is so for some of what an axis counts."""
    others = [i for i in range(right.ndim) if i != axis]
    good = torch.isclose(found, right, atol=1e-4, rtol=1e-4)
    for other in sorted(others, reverse=True):
        good = good.all(other)
    n = len(good)
    if n > 1 and 0 < int(good.sum()) < n:
        where = ", ".join(str(i) for i in good.nonzero()[:, 0].tolist()[:6])
        return f"it is right for {name} {where}, and wrong for the others"
    spread = (found - found.narrow(axis, 0, 1)).abs().amax()
    own = (right - right.narrow(axis, 0, 1)).abs().amax()
    if n > 1 and spread < 1e-6 < own:
        return f"it is the same for every {name}: each has its own"
    return ""
