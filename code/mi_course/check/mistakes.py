"""Name the mistake behind a wrong number or tensor, and say nothing that is only a coincidence.

A check knows some wrong answers by the sentence that names their mistake. A sentence is said where
the learner's answer is exactly that wrong answer. Where two known mistakes give the same numbers,
both are said; where more do, none: the data do not tell which one it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mi_course.check.core import close

MOST_NAMED = 2
"""Sentences that are said of one answer."""


def named(
    found: Tensor | float,
    mistakes: Mapping[str, Tensor] | Mapping[str, float],
    right: Tensor | float,
) -> str | None:
    """The sentence of the known mistake that was made, or what rounding has done.

    Args:
        found: the learner's answer.
        mistakes: wrong answers by the sentence that names their mistake. Those that agree with the
            right answer on these data say nothing, and are passed over.
        right: the right answer.
    """
    found, right = torch.as_tensor(found), torch.as_tensor(right)
    fitting: list[str] = []
    for sentence, answer in mistakes.items():
        wrong = torch.as_tensor(answer)
        if found.shape == wrong.shape and close(found, wrong) and not _agree(wrong, right):
            fitting.append(sentence.strip())
    fitting = list(dict.fromkeys(fitting))
    if 0 < len(fitting) <= MOST_NAMED:
        return "; or: ".join(fitting)
    return rounded(found, right)


def _agree(wrong: Tensor, right: Tensor) -> bool:
    return wrong.shape == right.shape and close(wrong, right)


def rounded(found: Tensor, right: Tensor) -> str | None:
    """A sentence, if most numbers are a little off, as after rounding."""
    if found.shape != right.shape or not found.is_floating_point() or found.numel() < 3:
        return None
    scale = right.double().abs().max()
    off = (found.double() - right.double()).abs()
    nearly_all = bool((off > 1e-7 * scale).double().mean() > 0.5)
    if not nearly_all or not bool(off.max() <= 0.01 * scale):
        return None
    return (
        f"the numbers are nearly right, and off by up to {off.max().item():.1g}: is something "
        "rounded, or computed with few digits?"
    )
