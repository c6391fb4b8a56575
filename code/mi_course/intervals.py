"""How sure a mean is: bootstrap intervals over prompts, and over draws of a control."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its bootstrap interval, 95 % wide if nothing else is said."""

    mean: float
    low: float
    high: float

    def side(self) -> str:
        """`above`, `below` or `around` zero: where the whole interval lies."""
        return "above" if self.low > 0 else "below" if self.high < 0 else "around"


def bootstrap(
    values: Float[Tensor, "prompt"] | Float[Tensor, "draw prompt"],
    seed: int = 0,
    n_resamples: int = 4000,
    level: float = 0.95,
) -> Interval:
    """The mean of `values`, and how far it moves when prompts and draws are drawn again.

    Each resample takes as many prompts as there are, with replacement, and as many draws; the
    interval holds the middle of the resamples' means, 95 % of them.

    Args:
        values: one number for each prompt, or for each draw of a control and each prompt.
        seed: of the resampling.
        n_resamples: how many.
        level: the share of the resamples' means that the interval holds.

    Raises:
        ValueError: fewer than five prompts, over which an interval says nothing, or a level that
            is not between 0 and 1.

    See: Efron and Tibshirani 1993, *An Introduction to the Bootstrap*.
    """
    table = values.detach().cpu().reshape(-1, values.shape[-1]).double()
    n_draws, n_prompts = table.shape
    if n_prompts < 5:
        raise ValueError(f"an interval over {n_prompts} prompts says nothing: give at least 5")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}: 0.95 is usual")
    generator = torch.Generator().manual_seed(seed)
    prompts = torch.randint(n_prompts, (n_resamples, n_prompts), generator=generator)
    draws = torch.randint(n_draws, (n_resamples, n_draws), generator=generator)
    # the mean over a resample's draws and prompts, as one product for each resample
    weights = torch.zeros(n_resamples, n_draws, dtype=table.dtype)
    weights.scatter_add_(1, draws, torch.ones_like(draws, dtype=table.dtype) / n_draws)
    means = (weights @ table).gather(1, prompts).mean(1)
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=table.dtype)
    low, high = means.quantile(ends).tolist()
    return Interval(table.mean().item(), low, high)


def bootstrap_ratio(
    numerator: Float[Tensor, "prompt"],
    denominator: Float[Tensor, "prompt"],
    seed: int = 0,
    n_resamples: int = 4000,
) -> Interval:
    """The mean of one thing over the mean of another, measured on the same prompts.

    Each resample draws prompts, and takes both means over them. Where the denominator's mean may
    be zero the interval says nothing: look at it first.

    Raises:
        ValueError: fewer than five prompts, or not one number of each for each prompt.
    """
    above, below = (x.detach().cpu().double() for x in (numerator, denominator))
    if above.shape != below.shape or above.ndim != 1:
        raise ValueError(f"one number for each prompt: {above.shape} over {below.shape}")
    if len(above) < 5:
        raise ValueError(f"an interval over {len(above)} prompts says nothing: give at least 5")
    generator = torch.Generator().manual_seed(seed)
    prompts = torch.randint(len(above), (n_resamples, len(above)), generator=generator)
    ratios = above[prompts].mean(1) / below[prompts].mean(1)
    ends = torch.tensor([0.025, 0.975], dtype=ratios.dtype)
    low, high = ratios.quantile(ends).tolist()
    return Interval((above.mean() / below.mean()).item(), low, high)
