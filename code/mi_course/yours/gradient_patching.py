"""What the cells of the lab on patching by gradient use until yours has passed its check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course.gradient_patching import pair_metrics
from mi_course.gradient_patching.ranking import strongest_edges

__all__ = ["linear_estimate", "pair_metrics", "part_way", "recovered_share", "strongest_edges"]


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


def recovered_share(
    alone: Float[Tensor, "batch"], corrupted: Float[Tensor, "batch"], clean: Float[Tensor, "batch"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "batch"]]:
    """How much of the mean gap a circuit alone recovers, and how much of each prompt's own."""
    reached, gap = alone - corrupted, clean - corrupted
    return reached.mean() / gap.mean(), reached / gap
