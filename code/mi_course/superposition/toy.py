"""Toy models of superposition: many sparse features through a few dimensions, and out again.

Elhage et al. 2022, arXiv:2209.10652: `x -> ReLU(W^T W x + b)`, trained to give `x` back. Several
models are trained side by side, one for each sparsity, on their own features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Output = Callable[
    [
        Float[Tensor, "model batch feature"],
        Float[Tensor, "model hidden feature"],
        Float[Tensor, "model feature"],
    ],
    Float[Tensor, "model batch feature"],
]
BATCH = 512
RATE = 1e-2


@dataclass(frozen=True)
class Toys:
    """Trained toy models, one for each density of features.

    Attributes:
        w: the directions of the features, one column for each.
        b: what is added before the ReLU.
        densities: how often a feature is not zero.
        losses: of each, on fresh features.
    """

    w: Float[Tensor, "model hidden feature"]
    b: Float[Tensor, "model feature"]
    densities: tuple[float, ...]
    losses: Float[Tensor, "model"]


def output(
    x: Float[Tensor, "model batch feature"],
    w: Float[Tensor, "model hidden feature"],
    b: Float[Tensor, "model feature"],
) -> Float[Tensor, "model batch feature"]:
    """What the models give back: `ReLU(W^T W x + b)`."""
    hidden = torch.einsum("mhf,mbf->mbh", w, x)
    return (torch.einsum("mhf,mbh->mbf", w, hidden) + b[:, None]).relu()


def features(
    densities: Float[Tensor, "model"], batch: int, n: int, generator: torch.Generator
) -> Float[Tensor, "model batch feature"]:
    """Features that are zero but for a share `density`, and there between 0 and 1."""
    shape = (len(densities), batch, n)
    values, there = (torch.rand(shape, generator=generator) for _ in range(2))
    return values * (there < densities[:, None, None])


def train(
    densities: Sequence[float],
    n_features: int,
    n_hidden: int,
    seed: int,
    steps: int = 1500,
    importance: float = 1.0,
    forward: Output = output,
) -> Toys:
    """Train one model for each density.

    Args:
        densities: how often a feature is not zero.
        n_features: of each model.
        n_hidden: dimensions of each model.
        seed: of the weights and of the features.
        steps: of Adam, with a rate that falls to zero.
        importance: of feature i in the loss: this to the power of i.
        forward: what computes the output.
    """
    generator = torch.Generator().manual_seed(seed)
    shares = torch.tensor(densities)
    w = torch.randn(len(shares), n_hidden, n_features, generator=generator) * n_hidden**-0.5
    b = torch.zeros(len(shares), n_features)
    weight = importance ** torch.arange(n_features)
    optimizer = torch.optim.Adam([w.requires_grad_(), b.requires_grad_()], RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    with torch.enable_grad():
        for _ in range(steps):
            x = features(shares, BATCH, n_features, generator)
            loss = (weight * (x - forward(x, w, b)).square()).mean((1, 2))
            optimizer.zero_grad()
            # rare features give small losses: in units of what is there, all models learn alike
            (loss / shares).sum().backward()
            optimizer.step()
            schedule.step()
    w, b = w.detach(), b.detach()
    x = features(shares, 20 * BATCH, n_features, generator)
    losses = (weight * (x - output(x, w, b)).square()).mean((1, 2))
    return Toys(w, b, tuple(densities), losses)


def dimensions(w: Float[Tensor, "hidden feature"]) -> Float[Tensor, "feature"]:
    """The share of a dimension that each feature has: 1 for one that shares with no other.

    Elhage et al. 2022: the squared length of a feature's direction, over the sum of the squared
    projections of all features on that direction, taken with length 1. Zero where there is none.
    """
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    shared = (unit.T @ w).square().sum(1)
    return length.square() / shared.clamp_min(1e-9)
