"""Add a vector to the stream, or swap one coordinate of it, and see what the model says next.

A vector's length is what one dose means, so vectors are kept with their lengths: the difference of
two means, and others that are made as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mi_course import hooks
from mi_course.steering.reading import Batch, point

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Add = Callable[..., Tensor]
"""As `add_vector`: what a hook does with an activation, a vector and a dose."""


def mean_difference(
    x: Float[Tensor, "row d_model"], label: Bool[Tensor, "row"]
) -> Float[Tensor, "d_model"]:
    """The mean of rows with the property minus that of rows without."""
    return x[label].mean(0) - x[~label].mean(0)


def as_long(
    direction: Float[Tensor, "d_model"], like: Float[Tensor, "d_model"]
) -> Float[Tensor, "d_model"]:
    """A direction, as long as another vector."""
    return direction * (like.norm() / direction.norm())


def random_like(vector: Float[Tensor, "d_model"], seed: int) -> Float[Tensor, "d_model"]:
    """A random direction of the same length, by TransformerLens' `random_basis`."""
    from transformer_lens.tools.analysis import random_basis

    return as_long(random_basis(len(vector), 1, seed)[:, 0], vector)


def add_vector(
    x: Float[Tensor, "batch pos d_model"], hook: Any, vector: Float[Tensor, "d_model"], dose: float
) -> Float[Tensor, "batch pos d_model"]:
    """The stream with `dose` times a vector added at every position but the first, BOS."""
    moved = x.clone()
    moved[:, 1:] += dose * vector
    return moved


def log_ratio(
    logits: Float[Tensor, "batch vocab"], yes: Int[Tensor, "yes"], no: Int[Tensor, "no"]
) -> Float[Tensor, "batch"]:
    """The logarithm of the probability of some next tokens, together, over that of others."""
    return logits[:, yes].logsumexp(1) - logits[:, no].logsumexp(1)


def token_ids(model: TransformerBridge, words: Sequence[str]) -> Int[Tensor, "word"]:
    """The ids of words that are one token each; others raise an error."""
    return torch.tensor([model.to_single_token(word) for word in words])


def last_logits(
    model: TransformerBridge,
    texts: Batch,
    layer: int,
    vector: Float[Tensor, "d_model"],
    dose: float,
    add: Add = add_vector,
) -> Float[Tensor, "row vocab"]:
    """Logits at each text's last token, with a vector added to the stream after a layer."""

    def hook(x: Tensor, hook: Any) -> Tensor:
        return add(x, hook, vector, dose)

    logits = hooks.run_with_hooks(model, texts.tokens, [(point(layer), hook)])
    return logits[torch.arange(len(texts.end)), texts.end]


def loss(
    model: TransformerBridge,
    texts: Batch,
    layer: int,
    vector: Float[Tensor, "d_model"],
    dose: float,
    add: Add = add_vector,
) -> Float[Tensor, "row"]:
    """The mean loss of each text's tokens but the first one, in nats, with a vector added."""

    def hook(x: Tensor, hook: Any) -> Tensor:
        return add(x, hook, vector, dose)

    logits = hooks.run_with_hooks(model, texts.tokens, [(point(layer), hook)])
    each = F.cross_entropy(logits[:, :-1].mT, texts.tokens[:, 1:], reduction="none")
    position = torch.arange(each.shape[1])
    # nothing but BOS stands before the first token, and behind the last stands padding
    counted = (position > 0) & (position < texts.end[:, None])
    return (each * counted).sum(1) / counted.sum(1)


def at_position(
    model: TransformerBridge,
    texts: Batch,
    layer: int,
    change: Callable[[Float[Tensor, "row d_model"]], Float[Tensor, "row d_model"]],
    positions: Int[Tensor, "row"],
) -> Float[Tensor, "row vocab"]:
    """Logits at each text's last token, with the stream changed at one position of each text."""

    def hook(x: Tensor, hook: Any) -> Tensor:
        moved, rows = x.clone(), torch.arange(len(x))
        moved[rows, positions] = change(x[rows, positions])
        return moved

    logits = hooks.run_with_hooks(model, texts.tokens, [(point(layer), hook)])
    return logits[torch.arange(len(texts.end)), texts.end]
