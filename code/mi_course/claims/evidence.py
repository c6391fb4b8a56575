"""From one number for each prompt to a finding; what cannot be concluded from is refused.

Every function takes the threshold beforehand and returns a `Finding`, whose verdict follows from
the interval. Rows are draws of a control, columns prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mi_course import intervals
from mi_course.claims.finding import POWER, ClaimError, Finding, Rule


def more_than(
    values: Float[Tensor, "prompt"] | Float[Tensor, "draw prompt"],
    bound: float = 0.0,
    *,
    unit: str,
    within: float = 0.0,
    comparisons: int = 1,
) -> Finding:
    """Is the mean above `bound`?

    Args:
        values: one number for each prompt, or for each draw of a control and each prompt.
        bound: the threshold.
        unit: of the values.
        within: the equivalence bound, see `Rule`; without one a null is "cannot tell".
        comparisons: how many such questions are asked side by side; each interval is widened so
            that all hold together in 95 of 100 cases (Bonferroni's correction).

    Raises:
        ClaimError: fewer than five prompts, or values that are all the same.
    """
    return _judged(values, Rule("more", bound, within), unit, comparisons)


def less_than(
    values: Float[Tensor, "prompt"] | Float[Tensor, "draw prompt"],
    bound: float = 0.0,
    *,
    unit: str,
    within: float = 0.0,
    comparisons: int = 1,
) -> Finding:
    """Is the mean below `bound`? Otherwise as `more_than`."""
    return _judged(values, Rule("less", bound, within), unit, comparisons)


def equivalent(
    values: Float[Tensor, "prompt"] | Float[Tensor, "draw prompt"],
    within: float,
    *,
    unit: str,
    bound: float = 0.0,
    comparisons: int = 1,
) -> Finding:
    """Is the mean as good as `bound`, that is less than `within` away from it?

    The verdict is yes where the whole interval lies within, no where it lies outside.
    """
    return _judged(values, Rule("same", bound, within), unit, comparisons)


def beyond_control(
    values: Float[Tensor, "prompt"] | Float[Tensor, "draw prompt"],
    control: Float[Tensor, "draw prompt"],
    drawn: Sequence[Any],
    *,
    unit: str,
    bound: float = 0.0,
    within: float = 0.0,
    comparisons: int = 1,
) -> Finding:
    """Are the values above a control's by more than `bound`?

    The difference is taken prompt by prompt, between each row of one and each row of the other;
    the interval runs over prompts and over the control's draws.

    Args:
        values: of each prompt, a row for each draw if there are several.
        control: the same for the control, a row for each draw.
        drawn: what each draw was: a set of heads, a seed of random directions.
        unit: see `more_than`, as for what follows.
        bound: of the difference.
        within: the equivalence bound.
        comparisons: how many.

    Raises:
        ClaimError: the draws are all the same, or give the same numbers.
    """
    check_spread(control, drawn)
    difference = values.detach().reshape(-1, 1, values.shape[-1]) - control.detach()[None]
    rule = Rule("more", bound, within)
    return _judged(difference.flatten(0, 1), rule, unit, comparisons)


def check_spread(control: Float[Tensor, "draw *prompt"], drawn: Sequence[Any]) -> None:
    """Refuse a control that cannot say what chance does.

    Args:
        control: a row for each draw.
        drawn: what each draw was; the order within a set, list or tuple of heads does not count.

    Raises:
        ClaimError: not one for each row, fewer than two different draws, or no variance.
    """
    if len(drawn) != len(control):
        raise ClaimError(f"{len(control)} rows of a control, and {len(drawn)} draws: name each")
    different = {_as_key(one) for one in drawn}
    if len(different) < 2:
        raise ClaimError(
            f"the {len(drawn)} random draws of this control are all the same ({_short(drawn)}), so "
            "it has no spread and is no control: draw from more, or use another control"
        )
    means = control.detach().double().reshape(len(control), -1).mean(1)
    if not bool(means.std() > 0):
        raise ClaimError(
            f"all {len(drawn)} draws of this control give the same number, {means[0]:.3g}: it has "
            "no variance, so it cannot say what chance does"
        )


def ratio(
    numerator: Float[Tensor, "prompt"],
    denominator: Float[Tensor, "prompt"],
    rule: Rule,
    *,
    unit: str = "%",
) -> Finding:
    """The mean of one thing over the mean of another, of the same prompts; in percent for `%`.

    Raises:
        ClaimError: the denominator is less than 2.8 standard errors from zero. Its ratio may then
            be anything: report both amounts.
    """
    below = _interval(denominator, 1)
    standard_error = (below.high - below.low) / (2 * NormalDist().inv_cdf(0.975))
    if abs(below.mean) < POWER * standard_error:
        raise ClaimError(
            f"the denominator of this ratio is {below.mean:.3g}, with an interval from "
            f"{below.low:.3g} to {below.high:.3g}: too near zero to divide by; report both amounts"
        )
    found = intervals.bootstrap_ratio(numerator, denominator)
    scale = 100.0 if unit == "%" else 1.0
    low, high = scale * found.low, scale * found.high
    return Finding(scale * found.mean, low, high, unit, numerator.shape[-1], rule)


def share(hits: Bool[Tensor, "trial"], rule: Rule, *, unit: str = "%") -> Finding:
    """The share of trials that hit, in percent, with Wilson's interval, which needs no variance.

    Raises:
        ClaimError: fewer than five trials.
    """
    n = hits.numel()
    if n < 5:
        raise ClaimError(f"a share of {n} trials says nothing: give at least 5")
    rate, z = hits.double().mean().item(), NormalDist().inv_cdf(0.975)
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    low, high = min(middle - half, rate), max(middle + half, rate)
    return Finding(100 * rate, 100 * low, 100 * high, unit, n, rule)


def _judged(values: Tensor, rule: Rule, unit: str, comparisons: int) -> Finding:
    level = 1 - 0.05 / comparisons
    found = _interval(values, comparisons)
    return Finding(found.mean, found.low, found.high, unit, values.shape[-1], rule, level)


def _interval(values: Tensor, comparisons: int) -> intervals.Interval:
    if values.shape[-1] < 5:
        raise ClaimError(
            f"an interval over {values.shape[-1]} prompts says nothing: give 5 or more"
        )
    if not bool(torch.isfinite(values).all()):
        raise ClaimError("some of the values are not finite: look at how they were measured")
    return intervals.bootstrap(values, level=1 - 0.05 / comparisons)


def _as_key(one: Any) -> str:
    """The same text for the same draw: of a set or a list of heads, whatever their order."""
    if isinstance(one, Tensor):
        return repr(one.tolist())
    return (
        repr(sorted(map(repr, one)))
        if isinstance(one, set | frozenset | list | tuple)
        else repr(one)
    )


def _short(drawn: Sequence[Any]) -> str:
    text = str(drawn[0])
    return text if len(text) < 60 else f"{text[:57]}…"
