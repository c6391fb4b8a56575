"""What a dictionary found of the variables that are known, and what two dictionaries share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Table = Callable[
    [Bool[Tensor, "row latent"], Bool[Tensor, "row variable"]], Float[Tensor, "latent variable"]
]
LEAST = 3
"""How often a variable must be there in each half of the rows, or it is left out."""


def f1_table(
    active: Bool[Tensor, "row latent"], labels: Bool[Tensor, "row variable"]
) -> Float[Tensor, "latent variable"]:
    """How well each latent tells each variable: the F1 score, 1 where both always go together.

    F1 is the harmonic mean of precision (active rows that have the variable) and recall (rows of
    the variable that are active). Zero for a latent that is never active.
    """
    there, wanted = active.float(), labels.float()
    both = (wanted.T.to_sparse() @ there).T  # labels are rare: most products would be of zeros
    return 2 * both / (there.sum(0)[:, None] + wanted.sum(0)).clamp_min(1)


@dataclass(frozen=True)
class Found:
    """For each variable the latent that tells it best, and how well it does on other rows."""

    latent: Int[Tensor, "variable"]
    score: Float[Tensor, "variable"]


def found(
    active: Bool[Tensor, "row latent"],
    labels: Bool[Tensor, "row variable"],
    first: Bool[Tensor, "row"],
    table: Table = f1_table,
) -> Found:
    """The best latent of each variable on the first rows, with its score on the others.

    Args:
        active: where each latent is active.
        labels: where each variable is there.
        first: the rows to choose on.
        table: what scores every latent against every variable.
    """
    latent = table(active[first], labels[first]).argmax(0)
    judged = table(active[~first], labels[~first])
    return Found(latent, judged.gather(0, latent[None])[0])


def best_cosines(
    one: Float[Tensor, "latent d_model"], other: Float[Tensor, "other d_model"]
) -> Float[Tensor, "latent"]:
    """For each direction of one dictionary, the cosine with its nearest direction of another."""
    return (_unit(one) @ _unit(other).T).amax(1)


def _unit(x: Float[Tensor, "row d_model"]) -> Float[Tensor, "row d_model"]:
    return x / x.norm(dim=-1, keepdim=True).clamp_min(1e-9)


def frequent(
    tokens: Int[Tensor, "row"], first: Bool[Tensor, "row"], least: int = LEAST
) -> Int[Tensor, "variable"]:
    """The tokens that stand in both halves of the rows at least so often."""
    size = int(tokens.max()) + 1
    halves = [torch.bincount(tokens[rows], minlength=size) for rows in (first, ~first)]
    return (torch.minimum(*halves) >= least).nonzero()[:, 0]
