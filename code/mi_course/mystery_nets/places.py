"""Where a variable lives in a model: which vector, at which position, and which part of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course.errors import CourseError

Rule: TypeAlias = int | Callable[[tuple[Any, ...]], int]
"""A position, or a rule of position: from an input, as symbols, to a position."""


class PlaceError(CourseError, ValueError):
    """A place that the model does not have; the message says which it has."""


@dataclass(frozen=True)
class Learned:
    """A subspace of a place that the examination learns, by distributed alignment search.

    Attributes:
        rank: of how many dimensions.
    """

    rank: int


@dataclass(frozen=True, eq=False)
class Place:
    """One vector in the model, or a subspace of it.

    Attributes:
        kind: `resid`, `mlp`, `attn` or `head`.
        layer: counted from 0.
        at: the position, negative ones from the end; or a rule.
        head: counted from 0, for a head's output.
        subspace: columns that span it, (d, rank); or one that is to be learned; or None for all of
            it. `d` is the width of the stream, for a head that of its output.
    """

    kind: str
    layer: int
    at: Rule
    head: int = 0
    subspace: Float[Tensor, "d rank"] | Learned | None = None

    @property
    def hook(self) -> str:
        """The hook point, as TransformerLens calls it."""
        return f"blocks.{self.layer}.{HOOKS[self.kind]}"

    def told(self) -> str:
        """In words, as the learner named it."""
        what = f"the output of head {self.layer}.{self.head}" if self.kind == "head" else ""
        what = what or f"{WORDS[self.kind]} layer {self.layer}"
        where = f"position {self.at}" if isinstance(self.at, int) else "the positions of your rule"
        part = "" if self.subspace is None else ", in the subspace that you named,"
        if isinstance(self.subspace, Learned):
            part = f", in {self.subspace.rank} learned dimensions,"
        return f"{what}{part} at {where}"


HOOKS = {
    "resid": "hook_resid_post",
    "mlp": "hook_mlp_out",
    "attn": "hook_attn_out",
    "head": "attn.hook_z",
}
WORDS = {
    "resid": "the residual stream after",
    "mlp": "the output of the MLP of",
    "attn": "the output of all heads of",
}


def resid(layer: int, at: Rule, subspace: Any = None) -> Place:
    """The residual stream after a layer."""
    return Place("resid", layer, at, subspace=_columns(subspace))


def mlp(layer: int, at: Rule, subspace: Any = None) -> Place:
    """What a layer's MLP writes to the residual stream."""
    return Place("mlp", layer, at, subspace=_columns(subspace))


def attn(layer: int, at: Rule, subspace: Any = None) -> Place:
    """What all heads of a layer together write to the residual stream."""
    return Place("attn", layer, at, subspace=_columns(subspace))


def head(layer: int, head: int, at: Rule, subspace: Any = None) -> Place:
    """The output of one head, before W_O."""
    return Place("head", layer, at, head, _columns(subspace))


def learned(rank: int) -> Learned:
    """A subspace that `submit` learns anew each time, on pairs of its own.

    Raises:
        PlaceError: a rank that is no whole number from 1 on.
    """
    if isinstance(rank, bool) or not isinstance(rank, int):
        raise PlaceError(f"learned({rank!r}): a number of dimensions is a whole number")
    if rank < 1:
        raise PlaceError(f"learned({rank}): a subspace has at least one dimension")
    return Learned(rank)


def _columns(subspace: Any) -> Tensor | Learned | None:
    if subspace is None or isinstance(subspace, Learned):
        return subspace
    columns = torch.as_tensor(subspace, dtype=torch.float32).detach()
    if columns.ndim != 2:
        raise PlaceError(
            f"a subspace is given by its columns, of shape (d, rank), not {tuple(columns.shape)}"
        )
    return columns


def check(place: Place, *, n_layers: int, n_heads: int, width: int, n_pos: int) -> None:
    """Refuse a place that there is not.

    Args:
        place: what the learner named.
        n_layers: of the model.
        n_heads: in each layer.
        width: of the vector there.
        n_pos: of an input.

    Raises:
        PlaceError: one sentence that says what there is.
    """
    for what, number in (("layer", place.layer), ("head", place.head)):
        if isinstance(number, bool) or not isinstance(number, int):
            raise PlaceError(f"{what} {number!r}: it is a whole number, counted from 0")
    if not isinstance(place.at, int) and not callable(place.at):
        raise PlaceError(
            f"position {place.at!r:.60}: it is a whole number, or a function from `tokens` to one"
        )
    if not 0 <= place.layer < n_layers:
        raise PlaceError(f"layer {place.layer}: this model has layers 0..{n_layers - 1}")
    if not 0 <= place.head < n_heads:
        raise PlaceError(f"head {place.layer}.{place.head}: it has heads 0..{n_heads - 1}")
    if isinstance(place.at, int) and not -n_pos <= place.at < n_pos:
        raise PlaceError(f"position {place.at}: an input has positions 0..{n_pos - 1}")
    rank = _rank(place.subspace)
    if isinstance(place.subspace, Tensor) and place.subspace.shape[0] != width:
        raise PlaceError(f"a subspace of {place.told()} has columns of {width} numbers")
    if rank is not None and rank >= width:
        raise PlaceError(
            f"a subspace of {rank} dimensions is the whole of the {width} that "
            f"{replace(place, subspace=None).told()} has: name a smaller one, or leave it out"
        )


def _rank(subspace: Tensor | Learned | None) -> int | None:
    if isinstance(subspace, Learned):
        return subspace.rank
    return None if subspace is None else int(torch.linalg.matrix_rank(subspace))


def as_list(places: Place | Sequence[Place]) -> list[Place]:
    """One place, or several that a variable lives in at once."""
    return [places] if isinstance(places, Place) else list(places)
