"""Name the mistake behind a wrong number or tensor, and say nothing that is only a coincidence.

A check knows some wrong answers by the sentence that names their mistake. A sentence is said where
the learner's answer is exactly that wrong answer. Where two known mistakes give the same numbers,
both are said; where more do, none: the data do not tell which one it was. A check tries several
cases, and what an earlier one has ruled out is not said of a later one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from mi_course.check import steps
from mi_course.check.core import Wrong, close
from mi_course.check.differences import related
from mi_course.check.steps import OR
from mi_course.check.symptoms import SEEN

MOST_NAMED = 2
"""Sentences that are said of one answer."""
_WRITTEN = "the cases before this one, of other sizes, are right: is a size written into it?"
_UNEXPLAINED = ("stopped with", "has shape", "have shape", "should ", "expected")
"""Words of verdicts that say what happened and not why."""

Known = Mapping[str, Tensor | float]


class Cases:
    """The cases of one check, judged one after the other."""

    def __init__(self, *axes: str, passed: int = 0) -> None:
        """Args: axes: what each axis of a result counts. passed: cases that were judged before."""
        self.axes = axes
        self.passed = passed
        self._ruled_out: set[str] = set()

    def judge(
        self,
        found: Tensor | float,
        right: Tensor | float,
        mistakes: Known,
        hint: str | Callable[[], str],
    ) -> None:
        """Compare one result.

        Args:
            found: the learner's answer.
            right: the right answer.
            mistakes: wrong answers by the sentence that names their mistake.
            hint: what to say where none of them fits.

        Raises:
            Wrong: the answer is not right.
        """
        found, right = torch.as_tensor(found), torch.as_tensor(right)
        if close(found, right):
            self._ruled_out |= {s for s, wrong in mistakes.items() if not _agree(wrong, right)}
            return
        left = {s: wrong for s, wrong in mistakes.items() if s not in self._ruled_out}
        if sentence := named(found, left, right):
            raise Wrong(sentence, symptom=steps.with_values(hint) if isinstance(hint, str) else "")
        happened = hint if isinstance(hint, str) else hint()
        raise Wrong(happened + (scaled(found, right) or related(found, right, self.axes)))

    @contextmanager
    def case(self) -> Iterator[None]:
        """One case: an error that only later ones give may come from a size that is written in."""
        try:
            yield
        except Wrong as mistake:
            text = str(mistake)
            unexplained = any(word in text for word in _UNEXPLAINED) and "squeeze" not in text
            if self.passed and unexplained:
                raise Wrong(f"{text} ({_WRITTEN})") from None
            raise
        self.passed += 1


def named(found: Tensor | float, mistakes: Known, right: Tensor | float) -> str | None:
    """The sentence of the known mistake that was made, or what rounding has done.

    Args:
        found: the learner's answer.
        mistakes: wrong answers by the sentence that names their mistake. Those that agree with the
            right answer on these data say nothing, and are passed over.
        right: the right answer.
    """
    found, right = torch.as_tensor(found).detach(), torch.as_tensor(right).detach()
    if not _agree(right, found):
        SEEN.compared(found, right)
    fitting = [s for s, w in mistakes.items() if _agree(w, found) and not _agree(w, right)]
    fitting = list(dict.fromkeys(sentence.strip() for sentence in fitting))
    if 0 < len(fitting) <= MOST_NAMED:
        return OR.join(fitting)
    return rounded(found, right)


def _agree(one: Tensor | float, other: Tensor) -> bool:
    one = torch.as_tensor(one)
    return one.shape == other.shape and close(one, other)


def rounded(found: Tensor, right: Tensor) -> str | None:
    """A sentence, if the numbers are the right ones, rounded or computed with few digits."""
    if found.shape != right.shape or found.numel() < 2 or not right.is_floating_point():
        return None
    if close(found, right):
        return None
    right = right.double()
    for places in range(5):
        if torch.allclose(found.double(), right.round(decimals=places), atol=1e-6, rtol=0):
            return f"the numbers are rounded to {places} places: return them as they are"
    off, scale = (found.double() - right).abs(), right.abs().max()
    if bool((off > 1e-7 * scale).double().mean() < 0.5) or not bool(off.max() <= 0.01 * scale):
        return None
    return (
        f"the numbers are nearly right, and off by up to {off.max().item():.1g}: is something "
        "rounded, or computed with few digits?"
    )


def scaled(found: Tensor, right: Tensor) -> str:
    """What to add, if all numbers are the right ones times a factor, plus a constant, or both."""
    if found.shape != right.shape or found.numel() < 4 or float(right.double().std()) < 1e-3:
        return ""
    x, y = right.detach().double().flatten(), found.detach().double().flatten()
    centred = x - x.mean()
    slope = float((centred @ (y - y.mean())) / centred.square().sum())
    start = float(y.mean() - slope * x.mean())
    if abs(slope) < 1e-3 or not torch.allclose(y, slope * x + start, atol=1e-4, rtol=1e-4):
        return ""
    factor = "" if abs(slope - 1) < 1e-4 else f"{slope:.4g} times "
    more = "" if abs(start) < 1e-4 else f", {'plus' if start > 0 else 'minus'} {abs(start):.4g}"
    return f" (every number is {factor}what it should be{more})"
