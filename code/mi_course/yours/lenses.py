"""What the cells of the lab on lenses use until your own function has passed its check."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course.lenses.reading import answer_ranks, random_inputs
from mi_course.lenses.swapping import swap_coordinates

__all__ = [
    "answer_ranks",
    "average_jacobian",
    "random_inputs",
    "swap_coordinates",
    "transported_logits",
]


def average_jacobian(
    function: Callable[[Float[Tensor, "pos d_model"]], Float[Tensor, "pos d_model"]],
    stream: Float[Tensor, "pos d_model"],
    skip: int,
) -> Float[Tensor, "d_model d_model"]:
    """Derivatives of later streams by this one: summed over targets, a mean over sources.

    The first `skip` positions and the last one are neither.
    """
    with torch.enable_grad():
        x = stream.detach().requires_grad_()
        totals = function(x)[skip:-1].sum(0)  # one number for each output dimension
        rows = [
            torch.autograd.grad(total, x, retain_graph=True)[0][skip:-1].mean(0) for total in totals
        ]
    return torch.stack(rows)


def transported_logits(
    x: Float[Tensor, "batch d_model"],
    jacobian: Float[Tensor, "d_model d_model"],
    gain: Float[Tensor, "d_model"],
    W_U: Float[Tensor, "d_model vocab"],
    eps: float,
) -> Float[Tensor, "batch vocab"]:
    """Each vector carried to the last layer, and read through its RMSNorm and unembedding."""
    carried = x @ jacobian.T
    scale = (carried.square().mean(-1, keepdim=True) + eps).sqrt()
    return carried / scale * gain @ W_U
