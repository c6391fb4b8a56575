"""Patching by gradient, by TransformerLens' `tools.analysis`, beside what patches really do.

The library's functions take one number from one prompt's logits, and are not told which prompt it
is. So they are called once for each pair of prompts, with that pair's own metric.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from jaxtyping import Float, Int
from torch import Tensor

Metric: TypeAlias = Callable[[Float[Tensor, "1 pos vocab"]], Float[Tensor, ""]]
"""Of one prompt's logits."""
Metrics: TypeAlias = Sequence[Metric]
"""One for each pair."""


def pair_metrics(io: Int[Tensor, "batch"], s: Int[Tensor, "batch"]) -> list[Metric]:
    """For each pair, its logit difference at the last position, of one prompt's logits."""

    def metric(logits: Tensor, right: int, wrong: int) -> Tensor:
        return logits[0, -1, right] - logits[0, -1, wrong]

    names = zip(io.tolist(), s.tolist(), strict=True)
    return [partial(metric, right=right, wrong=wrong) for right, wrong in names]
