"""What the cells of the lab on another circuit use until your own function has passed its check."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mi_course.circuits_elsewhere import one_head
from mi_course.circuits_elsewhere.one_head import exchange_attention as swap_attention

__all__ = ["attention_from_end", "order_gap", "swap_attention", "swap_input", "writes_against"]


def attention_from_end(
    pattern: Float[Tensor, "batch head query key"],
    end: Int[Tensor, "batch"],
    places: Int[Tensor, "batch place"],
) -> Float[Tensor, "head place+1"]:
    """Mean attention from END to each place, and in the last column to all other positions."""
    rows = torch.arange(len(pattern))
    there = pattern[rows, :, end]  # batch head key
    found = torch.stack([there[rows, :, at] for at in places.T], -1).mean(0)
    return torch.cat([found, 1 - found.sum(-1, keepdim=True)], -1)


def swap_input(
    x: Float[Tensor, "batch pos unit d_head"],
    hook: Any,
    other: Float[Tensor, "batch pos unit d_head"],
    head: int,
    n_heads: int,
    pos: Int[Tensor, "batch"],
) -> Float[Tensor, "batch pos unit d_head"]:
    """A copy of `x` with other's vector at one position of what a head reads."""
    return one_head.put_input(x, hook, other, head // (n_heads // x.shape[2]), pos)


def writes_against(
    written: Float[Tensor, "n d_model"],
    W_U: Float[Tensor, "d_model vocab"],
    tokens: Int[Tensor, "n"],
    k: int,
) -> Bool[Tensor, "n"]:
    """Whether each row's own token is among the k whose logits it lowers most."""
    logits = written @ W_U
    return (logits < logits.gather(1, tokens[:, None])).sum(1) < k


def order_gap(
    values: Float[Tensor, "batch"], first: Bool[Tensor, "batch"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Mean of the first group minus mean of the others, and half of its 95 % interval."""
    one, two = values[first], values[~first]
    error = (one.var() / len(one) + two.var() / len(two)).sqrt()
    return one.mean() - two.mean(), 1.96 * error
