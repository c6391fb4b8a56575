"""A check of a learner's test: it must pass what is right, and catch each planted mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise

Patch: TypeAlias = Callable[[Tensor, Any, Tensor, Tensor], Tensor]


def _right(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    out = resid.clone()
    rows = torch.arange(len(resid))
    out[rows, pos] = source[rows, pos]
    return out


def _also_right(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    here = torch.arange(resid.shape[1]) == pos[:, None]
    return torch.where(here[..., None], source, resid)


def _nothing(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    return resid.clone()


def _everything(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    return source.clone()


def _late(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    return _right(resid, hook, source, (pos + 1) % resid.shape[1])


def _backwards(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    return _right(source, hook, resid, pos)


def _columns(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    out = resid.clone()
    out[:, pos] = source[:, pos]
    return out


def _first_position(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    return _right(resid, hook, source, pos[:1].expand(len(pos)))


def _in_place(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    rows = torch.arange(len(resid))
    resid[rows, pos] = source[rows, pos]
    return resid


def _added(resid: Tensor, hook: Any, source: Tensor, pos: Tensor) -> Tensor:
    out = resid.clone()
    rows = torch.arange(len(resid))
    out[rows, pos] += source[rows, pos]
    return out


PLANTED: dict[str, Patch] = {
    "it patches nothing": _nothing,
    "it returns the whole source": _everything,
    "it patches one position too late": _late,
    "it exchanges the two runs": _backwards,
    "it patches every prompt at the positions of all prompts": _columns,
    "it patches every prompt at the first prompt's position": _first_position,
    "it changes its argument in place": _in_place,
    "it ADDS source's vector to what stands there": _added,
}
"""Patch functions with one mistake each, by what is wrong with them."""


@exercise
def patch_test(attempt: Attempt) -> None:
    """`(patch) -> bool`: whether a function like `patch_position` is right."""
    for good in (_right, _also_right):
        if not _verdict(attempt, good):
            raise Wrong(
                "your test rejects a right patch: it should return True for any function that "
                "puts source's vectors at the given positions and changes nothing else"
            )
    for mistake, bad in PLANTED.items():
        if _verdict(attempt, bad):
            raise Wrong(
                f"your test lets this mistake pass: {mistake}",
                symptom="your test lets a wrong patch pass",
            )


def _verdict(attempt: Attempt, patch: Patch) -> bool:
    try:
        found = attempt(patch)
    except Wrong as mistake:
        if "AssertionError" in str(mistake):
            if patch in (_right, _also_right):
                return False
            raise Wrong("return False where a patch is wrong: your test raises instead") from None
        raise
    if isinstance(found, Tensor) and found.numel() == 1:
        found = bool(found)
    if not isinstance(found, bool):
        kind = "None" if found is None else type(found).__name__
        raise Wrong(f"return True or False, not {kind}: a test answers, it does not print")
    return found
