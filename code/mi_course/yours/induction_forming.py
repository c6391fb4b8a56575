"""What the cells of week 2's chapter on watching induction form use until yours has passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course.induction_training.prompts import (
    known_losses,
    loss_by_repeat,
    matching_attention,
    repeat_blocks,
)

__all__ = ["loss_by_repeat", "losses_by_period", "matching_attention", "repeat_blocks"]


def losses_by_period(
    losses_of: Callable[[Int[Tensor, "batch pos"]], Float[Tensor, "batch length"]],
    draw: Callable[[int], Int[Tensor, "batch pos"]],
    periods: Sequence[int],
) -> Float[Tensor, "period"]:
    """For each period the mean loss from the second token of the second repeat on."""
    return torch.stack([known_losses(losses_of(draw(p)), p).mean() for p in periods])
