"""A check on the interval of a mean, from given resamples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise


@exercise
def interval_of_mean(attempt: Attempt) -> None:
    """`(values [prompt], picks [resample, prompt]) -> (low, high)` of the resamples' means."""
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(9, generator=generator) ** 3 * 4
    drawn = torch.Generator().manual_seed(1969)  # no seed that an answer has by chance
    picks = torch.randint(9, (400, 9), generator=drawn)
    low, high = _bounds(attempt, values, picks)
    means = values[picks].mean(1)
    right = means.quantile(torch.tensor([0.025, 0.975]))
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
        result = torch.tensor([float(bound) for bound in result])
    if not isinstance(result, Tensor) or result.shape != (2,):
        shown = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else repr(result)
        raise Wrong(f"return two numbers, the lower and the upper bound, not {shown}")
    return result[0].item(), result[1].item()


def _wrong_bounds(found: Tensor, values: Tensor, picks: Tensor, means: Tensor) -> str | None:
    def fits(bounds: Tensor) -> bool:
        return bool(((found - bounds).abs() <= 0.02).all())

    ends = torch.tensor([0.025, 0.975])
    if fits(means.quantile(ends).flip(0)):
        return "the bounds are swapped: the lower one comes first"
    if fits(values.quantile(ends)):
        return "these are quantiles of the values: take those of the resamples' MEANS"
    if fits(torch.stack([means.min(), means.max()])):
        return "these are the smallest and the largest mean: take the middle 95 %"
    if fits(means.quantile(torch.tensor([0.05, 0.95]))):
        return "this is the middle 90 %: leave out 2.5 % at each end, not 5 %"
    if fits(means.quantile(torch.tensor([0.25, 0.75]))):
        return "this is the middle half: 2.5 % is 0.025"
    spread = means.std()
    if fits(torch.stack([means.mean() - spread, means.mean() + spread])):
        return "this is one standard deviation to each side: take the quantiles 0.025 and 0.975"
    if fits(values[picks].mean(0).quantile(ends)):
        return "the mean runs over the resamples: each ROW of picks is one resample, so mean(1)"
    if fits(values[picks].sum(1).quantile(ends)):
        return "these are sums: take the mean of each resample"
    return _other_bounds(fits, values, picks, means)


def _other_bounds(
    fits: Callable[[Tensor], bool], values: Tensor, picks: Tensor, means: Tensor
) -> str | None:
    """More wrong bounds: other shares, other statistics, other draws."""
    ends = torch.tensor([0.025, 0.975])
    two, centre, right = torch.tensor([-1.96, 1.96]), values.mean(), means.quantile(ends)
    if fits(means.quantile(torch.tensor([0.0, 0.95]))):
        return "this leaves out 5 % at the upper end alone: leave out 2.5 % at each side"
    if fits(means.quantile(torch.tensor([0.01, 0.99]))):
        return "this is the middle 98 %: the middle 95 % lies from 0.025 to 0.975"
    if fits(values[picks].flatten().quantile(ends)):
        return "these are quantiles of all values that were drawn: take those of the MEANS"
    if fits(centre + two * values.std() / len(values) ** 0.5):
        return "this is the formula of the normal distribution: use the resamples in `picks`"
    if fits(means.mean() + two * means.std()):
        return "this is 1.96 standard deviations to each side: take the quantiles 0.025 and 0.975"
    if fits(centre.expand(2)):
        return "both bounds are the mean itself: resample with replacement, as `picks` does"
    if fits(values[picks].median(1).values.quantile(ends)):
        return "these are medians of the resamples: take their means"
    if fits(right - centre):
        return "these are distances from the mean: return the bounds themselves"
    if fits(torch.stack([centre, (right[1] - right[0]) / 2])):
        return "these are the mean and half the width: return the lower and the upper bound"
    if fits(picks.float().mean(1).quantile(ends)):
        return "these are means of the indices: index the values with them, values[picks]"
    unique = torch.stack([values[row.unique()].mean() for row in picks])
    if fits(unique.quantile(ends)):
        return "a value that was drawn twice counts once here: with replacement, it counts twice"
    return None
