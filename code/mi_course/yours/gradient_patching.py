"""What the cells of the lab on patching by gradient use until yours has passed its check."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["linear_estimate", "pair_metrics", "part_way", "recovered_share", "strongest_edges"]

Edge = TypeVar("Edge", bound=Hashable)


def pair_metrics(
    io: Int[Tensor, "batch"], s: Int[Tensor, "batch"]
) -> list[Callable[[Float[Tensor, "1 pos vocab"]], Float[Tensor, ""]]]:
    """For each pair, its logit difference at the last position, of one prompt's logits."""

    def metric(logits: Tensor, right: int, wrong: int) -> Tensor:
        return logits[0, -1, right] - logits[0, -1, wrong]

    names = zip(io.tolist(), s.tolist(), strict=True)
    return [partial(metric, right=right, wrong=wrong) for right, wrong in names]


def linear_estimate(
    clean: Float[Tensor, "batch pos head d_head"],
    corrupted: Float[Tensor, "batch pos head d_head"],
    gradient: Float[Tensor, "batch pos head d_head"],
) -> Float[Tensor, "batch head"]:
    """What patching each head at all positions would change, if the metric were a straight line."""
    return ((clean - corrupted) * gradient).sum((1, 3))


def part_way(
    run: Callable[[list[tuple[str, Any]]], Float[Tensor, "batch"]],
    name: str,
    corrupted: Float[Tensor, "batch *rest"],
    clean: Float[Tensor, "batch *rest"],
    shares: Sequence[float],
) -> Float[Tensor, "share batch"]:
    """What `run` gives with an activation that share of the way from corrupted to clean."""

    def put(x: Tensor, hook: Any, share: float) -> Tensor:
        return corrupted + share * (clean - corrupted)

    return torch.stack([run([(name, partial(put, share=share))]) for share in shares])


def strongest_edges(scores: Sequence[Mapping[Edge, float]], k: int) -> list[Edge]:
    """The k edges whose mean score over pairs is farthest from zero, farthest first."""
    mean = {edge: fmean(one[edge] for one in scores) for edge in scores[0]}
    return sorted(mean, key=lambda edge: -abs(mean[edge]))[:k]


def recovered_share(
    alone: Float[Tensor, "batch"], corrupted: Float[Tensor, "batch"], clean: Float[Tensor, "batch"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "batch"]]:
    """How much of the mean gap a circuit alone recovers, and how much of each prompt's own."""
    reached, gap = alone - corrupted, clean - corrupted
    return reached.mean() / gap.mean(), reached / gap
