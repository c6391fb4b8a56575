"""Numbers in a verdict: the first that differs, with as many digits as show that it does."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

MOST_DECIMALS = 12


class Apart(NamedTuple):
    """The first entry in which a result is not what it should be.

    Attributes:
        at: its index, such as `(0, 2)`.
        right, found: what it should be and what it is, written so that they differ.
    """

    at: tuple[int, ...]
    right: str
    found: str


def first_apart(found: Tensor, right: Tensor, decimals: int = 3, tolerance: float = 1e-4) -> Apart:
    """The first entry of a result that is further from the right one than the tolerance.

    Args:
        found: the result. Where all of its entries are close, the furthest is taken.
        right: what it should be, of the same shape.
        decimals: how many are written at least.
        tolerance: as in `core.close`, absolute and relative.
    """
    found, right = found.detach().double(), right.detach().double()
    wrong = ~torch.isclose(found, right, atol=tolerance, rtol=tolerance)
    if bool(wrong.any()):
        at = tuple(wrong.nonzero()[0].tolist())
    else:
        furthest = (found - right).abs().argmax()
        at = tuple(int(i) for i in torch.unravel_index(furthest, found.shape))
    return Apart(at, *apart(right[at].item(), found[at].item(), decimals))


def apart(right: float, found: float, decimals: int = 3) -> tuple[str, str]:
    """Two numbers as text, with more decimals where they would look the same."""
    for n in range(decimals, MOST_DECIMALS + 1):
        texts = f"{right:.{n}f}", f"{found:.{n}f}"
        if texts[0] != texts[1]:
            return texts
    return repr(right), repr(found)
