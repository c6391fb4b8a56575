"""Copies of what a check hands to an answer, and whether the answer has changed them.

A copy goes as deep as lists, tuples, sets and dictionaries do. A model, an iterator and the like
are handed over as they are: of those, there is one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def copied(thing: Any) -> Any:
    """A copy that an answer may change without changing the original."""
    if isinstance(thing, Tensor):
        return thing.clone()
    if isinstance(thing, nn.Module | Iterator):
        return thing
    if type(thing) in (list, tuple, set):
        return type(thing)(copied(item) for item in thing)
    if type(thing) is dict:
        return {key: copied(value) for key, value in thing.items()}
    return copy.copy(thing)


def same(before: Any, after: Any) -> bool:
    """Whether a copy is still what the original is."""
    if before is after:
        return True
    if isinstance(before, Tensor):
        return _same_numbers(before, after)
    if isinstance(before, np.ndarray):
        return bool(np.array_equal(before, after, equal_nan=before.dtype.kind in "fc"))
    if type(before) in (list, tuple):
        return len(before) == len(after) and all(map(same, before, after))
    if type(before) is dict:
        pairs = list(before.items()), list(after.items())  # their order counts too
        return same(*pairs)
    return bool(before == after)


def _same_numbers(before: Tensor, after: Tensor) -> bool:
    if torch.equal(before, after):
        return True
    if before.shape != after.shape or not before.is_floating_point():
        return False
    return bool(torch.allclose(before, after, rtol=0, atol=0, equal_nan=True))
