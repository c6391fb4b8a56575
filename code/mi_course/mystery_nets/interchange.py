"""Swap a place of the model between two inputs, with the library's interchange interventions.

All swaps are TransformerLens' `SubspaceInterchange`, and subspaces are learned by its `fit_das`
(distributed alignment search, Geiger et al. 2023, arXiv:2303.02536). Added here: several places at
once, by handing one intervened run to the next as its run of the model; and heads, whose outputs
the library's functions do not take as they are, `(batch, pos, head, d_head)`. `ByHead` lays them
out as `(batch, pos * head, d_head)`, so that one index names a head at a position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformer_lens.tools.analysis.interchange import (
    SubspaceInterchange,
    collect_activations,
    fit_das,
    run_with_intervention,
)
from transformer_lens.tools.analysis.projection_kernel import orthonormal_subspace

from mi_course.mystery_nets.places import Learned, Place

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

EPOCHS = 12
"""Passes over the pairs when a subspace is learned."""

Run = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Swap:
    """A place with its positions on some pairs of inputs.

    Attributes:
        place: what is swapped.
        base, source: the position in each input.
        basis: columns of what is swapped there, (d, rank); all of it where it is None.
    """

    place: Place
    base: Int[Tensor, "batch"]
    source: Int[Tensor, "batch"]
    basis: Float[Tensor, "d rank"] | None = None

    def rows(self, which: Tensor) -> Swap:
        """The same on some of the pairs."""
        return Swap(self.place, self.base[which], self.source[which], self.basis)


class ByHead:
    """A model whose heads' outputs are laid out as one row for each head at each position."""

    def __init__(self, model: TransformerBridge) -> None:
        self.model = model
        self.original_model = model.original_model

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    @contextmanager
    def hooks(self, fwd_hooks: Sequence[tuple[str, Callable[..., Any]]]) -> Iterator[None]:
        """The model's own hooks, on outputs laid out by head."""
        with self.model.hooks(fwd_hooks=[(name, _laid_out(f)) for name, f in fwd_hooks]):
            yield


def _laid_out(function: Callable[..., Any]) -> Callable[..., Any]:
    def hook(z: Tensor, hook: Any) -> Tensor | None:
        new = function(z.flatten(1, 2), hook=hook)
        return None if new is None else new.reshape(z.shape)

    return hook


def logits(model: TransformerBridge) -> Run:
    """A run of the model: its logits at the last position."""
    return lambda tokens: model(tokens)[:, -1]


@torch.no_grad()
def answers(model: TransformerBridge, tokens: Int[Tensor, "batch pos"]) -> Int[Tensor, "batch"]:
    """The token of the highest logit at the last position."""
    return logits(model)(tokens).argmax(-1)


@torch.no_grad()
def swapped(
    model: TransformerBridge,
    bases: Int[Tensor, "batch pos"],
    sources: Int[Tensor, "batch pos"],
    swaps: Sequence[Swap],
) -> Int[Tensor, "batch"]:
    """The model's answers on the bases, with some places as they are on the sources.

    Args:
        model: in eval mode.
        bases: inputs.
        sources: another for each of them.
        swaps: what is taken from the sources; every place as it is there without any swap.
    """
    taken = [_standing(model, sources, swap.place, swap.source) for swap in swaps]
    return _with(model, logits(model), swaps, taken)(bases).argmax(-1)


def _standing(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    place: Place,
    at: Int[Tensor, "batch"],
) -> Float[Tensor, "batch d"]:
    """What stands at a place, at one position of each input."""
    return collect_activations(
        _seen(model, place),
        place.hook,
        tokens,
        logits(model),
        positions=_index(model, place, at),
        batch_size=len(tokens),
    )


def learn(
    model: TransformerBridge,
    bases: Int[Tensor, "batch pos"],
    sources: Int[Tensor, "batch pos"],
    targets: Int[Tensor, "batch"],
    swap: Swap,
    seed: int,
) -> Float[Tensor, "d rank"]:
    """The subspace of a place whose swap gives the targets, as far as one does.

    Raises:
        TypeError: a place whose subspace is not to be learned.
    """
    if not isinstance(swap.place.subspace, Learned):
        raise TypeError(f"{swap.place} has no subspace to learn")
    found = fit_das(
        _seen(model, swap.place),
        swap.place.hook,
        bases,
        sources,
        targets,
        logits(model),
        rank=swap.place.subspace.rank,
        base_positions=_index(model, swap.place, swap.base),
        source_positions=_index(model, swap.place, swap.source),
        epochs=EPOCHS,
        seed=seed,
    )
    return found.basis


def width(model: TransformerBridge, place: Place) -> int:
    """How many numbers the vector at a place has."""
    return int(model.cfg.d_head if place.kind == "head" else model.cfg.d_model)


def basis_of(place: Place) -> Float[Tensor, "d rank"] | None:
    """An orthonormal basis of the subspace that a learner named, if one was named."""
    if not isinstance(place.subspace, Tensor):
        return None
    rank = int(torch.linalg.matrix_rank(place.subspace))
    return orthonormal_subspace(place.subspace, rank=rank).basis


def _with(
    model: TransformerBridge, run: Run, swaps: Sequence[Swap], taken: Sequence[Tensor]
) -> Run:
    """A run of the model with each place set, one within the other."""
    for swap, vectors in zip(swaps, taken, strict=True):
        run = _set(model, run, swap, vectors)
    return run


def _set(model: TransformerBridge, run: Run, swap: Swap, vectors: Tensor) -> Run:
    basis = torch.eye(vectors.shape[1]) if swap.basis is None else swap.basis
    return lambda tokens: run_with_intervention(
        _seen(model, swap.place),
        swap.place.hook,
        SubspaceInterchange(basis),
        tokens,
        vectors,
        run,
        positions=_index(model, swap.place, swap.base),
    )


def _seen(model: TransformerBridge, place: Place) -> Any:
    return ByHead(model) if place.kind == "head" else model


def _index(model: TransformerBridge, place: Place, at: Int[Tensor, "batch"]) -> Tensor:
    return at * model.cfg.n_heads + place.head if place.kind == "head" else at
