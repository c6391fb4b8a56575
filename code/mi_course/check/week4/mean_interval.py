"""A check on the interval of a mean, from given resamples."""

from __future__ import annotations

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import MOST_NAMED


@exercise
def interval_of_mean(attempt: Attempt) -> None:
    """`(values [prompt], picks [resample, prompt]) -> (low, high)` of the resamples' means."""
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(9, generator=generator) ** 3 * 4
    drawn = torch.Generator().manual_seed(1969)  # a seed that no answer is likely to use
    picks = torch.randint(9, (400, 9), generator=drawn)
    _compare_bounds(attempt, values, picks)
    # below zero, of other sizes
    values = 2 * torch.randn(6, generator=generator) - 5
    _compare_bounds(attempt, values, torch.randint(6, (901, 6), generator=drawn))


def _compare_bounds(attempt: Attempt, values: Tensor, picks: Tensor) -> None:
    means = values[picks].mean(1)
    right = means.quantile(torch.tensor([0.025, 0.975]))
    attempt.expect(tuple(right.tolist()), values, picks)
    low, high = _bounds(attempt, values, picks)
    found = torch.tensor([low, high])
    # how a quantile between two entries is interpolated is a matter of convention
    if bool(((found - right).abs() <= 0.02).all()):
        return
    raise Wrong(
        _wrong_bounds(found, values, picks, means)
        or (
            f"the bounds should be {right[0].item():.3f} and {right[1].item():.3f}, and yours are "
            f"{low:.3f} and {high:.3f}: are they quantiles of the means of the resamples, one for "
            "each row of `picks` as it was passed in?"
        )
    )


def _bounds(attempt: Attempt, values: Tensor, picks: Tensor) -> tuple[float, float]:
    result = attempt(values, picks)
    if result is None:
        raise Wrong("your function returns None: is the return statement missing?")
    if isinstance(result, (list, tuple)) and len(result) == 2:
        try:
            result = torch.tensor([float(bound) for bound in result])
        except (TypeError, ValueError, RuntimeError):
            raise Wrong("each of the two bounds should be one number") from None
    if not isinstance(result, Tensor) or result.shape != (2,):
        shown = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else repr(result)
        raise Wrong(f"return two numbers, the lower and the upper bound, not {shown}")
    return result[0].item(), result[1].item()


def _wrong_bounds(found: Tensor, values: Tensor, picks: Tensor, means: Tensor) -> str | None:
    """The sentence of the known mistakes that fit, if they are one or two."""
    known = _other_quantiles(values, picks, means) | _other_bounds(values, picks, means)
    fitting = [s for s, bounds in known.items() if bool(((found - bounds).abs() <= 0.02).all())]
    return "; or: ".join(fitting) if 0 < len(fitting) <= MOST_NAMED else None


def _other_quantiles(values: Tensor, picks: Tensor, means: Tensor) -> dict[str, Tensor]:
    """Quantiles of the wrong numbers, or the wrong quantiles, by their mistake's sentence."""
    ends = torch.tensor([0.025, 0.975])
    unique = torch.stack([values[row.unique()].mean() for row in picks])
    return {
        "the bounds are swapped: the lower one comes first": means.quantile(ends).flip(0),
        "these are quantiles of the values: take those of the resamples' MEANS": (
            values.quantile(ends)
        ),
        "these are the smallest and the largest mean: take the middle 95 %": (
            torch.stack([means.min(), means.max()])
        ),
        "this is the middle 90 %: leave out 2.5 % at each end, not 5 %": (
            means.quantile(torch.tensor([0.05, 0.95]))
        ),
        "this is the middle half: 2.5 % is 0.025": means.quantile(torch.tensor([0.25, 0.75])),
        "this leaves out 5 % at the upper end alone: leave out 2.5 % at each side": (
            means.quantile(torch.tensor([0.0, 0.95]))
        ),
        "this leaves out 5 % at the lower end alone: leave out 2.5 % at each side": (
            means.quantile(torch.tensor([0.05, 1.0]))
        ),
        "this is the middle 98 %: the middle 95 % lies from 0.025 to 0.975": (
            means.quantile(torch.tensor([0.01, 0.99]))
        ),
        "the lower end is the quantile 0.25: 2.5 % is 0.025": (
            means.quantile(torch.tensor([0.25, 0.975]))
        ),
        "the upper end is the quantile 0.95: leave out 2.5 % at each end": (
            means.quantile(torch.tensor([0.025, 0.95]))
        ),
        "the lower end is the quantile 0.05: leave out 2.5 % at each end": (
            means.quantile(torch.tensor([0.05, 0.975]))
        ),
        "the mean runs over the resamples: each ROW of picks is one resample, so mean(1)": (
            values[picks].mean(0).quantile(ends)
        ),
        "these are sums: take the mean of each resample": values[picks].sum(1).quantile(ends),
        "these are quantiles of all values that were drawn: take those of the MEANS": (
            values[picks].flatten().quantile(ends)
        ),
        "these are medians of the resamples: take their means": (
            values[picks].median(1).values.quantile(ends)
        ),
        "these are means of the indices: index the values with them, values[picks]": (
            picks.float().mean(1).quantile(ends)
        ),
        "a value that was drawn twice counts once here: with replacement, it counts twice": (
            unique.quantile(ends)
        ),
    }


def _other_bounds(values: Tensor, picks: Tensor, means: Tensor) -> dict[str, Tensor]:
    """Bounds that are no quantiles, by their mistake's sentence."""
    two, centre, spread = torch.tensor([-1.96, 1.96]), values.mean(), means.std()
    right = means.quantile(torch.tensor([0.025, 0.975]))
    return {
        "this is one standard deviation to each side: take the quantiles 0.025 and 0.975": (
            torch.stack([means.mean() - spread, means.mean() + spread])
        ),
        "this is the formula of the normal distribution: use the resamples in `picks`": (
            centre + two * values.std() / len(values) ** 0.5
        ),
        "this is 1.96 standard deviations to each side: take the quantiles 0.025 and 0.975": (
            means.mean() + two * spread
        ),
        "this is a standard error of the mean of all resamples: take quantiles of their means": (
            means.mean() + two.sign() * spread / len(picks) ** 0.5
        ),
        "this is one standard error to each side: take quantiles of the resamples' means": (
            centre + two.sign() * values.std() / len(values) ** 0.5
        ),
        "this is 1.96 standard deviations around the median: take the quantiles 0.025 and 0.975": (
            means.median() + two * spread
        ),
        "both bounds are the mean itself: resample with replacement, as `picks` does": (
            centre.expand(2)
        ),
        "these are distances from the mean: return the bounds themselves": right - centre,
        "these are the mean and half the width: return the lower and the upper bound": (
            torch.stack([centre, (right[1] - right[0]) / 2])
        ),
        "these are distances from the mean to each side: return the bounds themselves": (
            (right - centre).abs()
        ),
        "the bounds are rounded: return them as they are": right.round(),
    }
