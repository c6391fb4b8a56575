"""Attention heads: which one is meant, what it is called, and which are the strongest."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, TypeAlias

from jaxtyping import Float
from torch import Tensor

from mi_course.errors import CourseError

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Head: TypeAlias = tuple[int, int]
"""Layer and head, both counted from 0."""


class ControlError(CourseError, ValueError):
    """A control that could not say what chance does."""


def head_name(head: Head) -> str:
    """`5.1` for head 1 of layer 5, as in the literature.

    Example:
        >>> head_name((5, 1))
        '5.1'
    """
    return f"{head[0]}.{head[1]}"


def strongest_first(scores: Float[Tensor, "layer head"], threshold: float) -> list[Head]:
    """The heads whose score is at least the threshold, strongest first.

    Heads of one score keep the order of layers and heads.

    Raises:
        ValueError: a score is no number, and neither reaches the threshold nor does not.

    Example:
        >>> import torch
        >>> strongest_first(torch.tensor([[0.1, 0.8], [0.9, 0.5]]), threshold=0.5)
        [(1, 0), (0, 1), (1, 1)]
    """
    if bool(scores.isnan().any()):
        layer, head = scores.isnan().nonzero()[0].tolist()
        raise ValueError(f"the score of head {layer}.{head} is nan: was something divided by 0?")
    reached = [(int(layer), int(head)) for layer, head in (scores >= threshold).nonzero().tolist()]
    return sorted(reached, key=lambda head: -scores[head].item())


def value_weights(model: TransformerBridge) -> Float[Tensor, "layer head d_model d_head"]:
    """W_V of every head; heads of a group, which share their values, have the same."""
    w_v = model.W_V
    per_group = model.cfg.n_heads // w_v.shape[1]
    return w_v if per_group == 1 else w_v.repeat_interleave(per_group, 1)


def draw_sets(among: Sequence[Head], size: int, n_draws: int, seed: int) -> list[tuple[Head, ...]]:
    """Different sets of heads, drawn at random: what a control knocks out.

    Args:
        among: the heads to draw from.
        size: of each set.
        n_draws: how many sets; where there are fewer, all of them.
        seed: of the drawing; Python's global state is left alone.

    Raises:
        ControlError: fewer than two different sets, or fewer than two were asked for.

    Example:
        >>> draw_sets([(0, 0), (0, 1), (1, 0)], size=2, n_draws=10, seed=0)
        [((0, 0), (0, 1)), ((0, 0), (1, 0)), ((0, 1), (1, 0))]
    """
    possible = comb(len(among), size)
    if size < 1 or min(possible, n_draws) < 2:
        raise ControlError(
            f"{n_draws} draws of {size} among {len(among)} heads: {possible} different set(s). "
            "A control needs at least two, or it has no spread and cannot say what chance does: "
            "draw fewer heads, or take another control"
        )
    if possible <= n_draws:
        return list(combinations(sorted(among), size))
    rng = random.Random(seed)
    found: dict[tuple[Head, ...], None] = {}  # a set that keeps the order of the draws
    while len(found) < n_draws:
        found[tuple(sorted(rng.sample(list(among), size)))] = None
    return list(found)


def check_head(model: TransformerBridge, layer: int, head: int) -> None:
    """Refuse a head that the model does not have; negative numbers count as such.

    Raises:
        IndexError: "head 12 out of range: heads are 0..11".
    """
    if not 0 <= layer < model.cfg.n_layers:
        raise IndexError(f"layer {layer} out of range: layers are 0..{model.cfg.n_layers - 1}")
    if not 0 <= head < model.cfg.n_heads:
        raise IndexError(f"head {head} out of range: heads are 0..{model.cfg.n_heads - 1}")
