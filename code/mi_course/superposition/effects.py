"""What the model still does when a dictionary's words stand in the place of an activation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import hooks
from mi_course.superposition import variables
from mi_course.superposition.autoencoder import Dictionary
from mi_course.superposition.variables import POINT, Texts

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Change = Callable[[Float[Tensor, "text pos d_model"]], Float[Tensor, "text pos d_model"]]
"""Of what stands at the hook point, for all texts."""


@dataclass(frozen=True)
class Run:
    """What the model did on texts.

    Attributes:
        loss: of each text, the mean over its tokens but the first, in nats.
        difference: the logit of IO minus that of S at END.
        right: whether IO is the model's first choice there.
    """

    loss: Float[Tensor, "text"]
    difference: Float[Tensor, "text"]
    right: Float[Tensor, "text"]


def run(model: TransformerBridge, texts: Texts, change: Change | None = None) -> Run:
    """Run texts, with a change of the activations between the two layers.

    Args:
        model: `pocket`.
        texts: as many as memory allows: they run at once.
        change: gets the activations of all texts, and gives others.
    """

    def hook(x: Tensor, hook: Any) -> Tensor:
        return change(x) if change else x

    logits = hooks.run_with_hooks(model, texts.tokens, [(POINT, hook)])
    rows = torch.arange(len(texts))
    io, s = texts.answers.T
    last = logits[rows, texts.end]
    loss = F.cross_entropy(logits[:, :-1].transpose(1, 2), texts.tokens[:, 1:], reduction="none")
    # nothing but BOS stands before the first token: no dictionary is asked for it
    counted = texts.real[:, 1:] & (torch.arange(loss.shape[1]) > 0)
    mean = (loss * counted).sum(1) / counted.sum(1)
    return Run(mean, last[rows, io] - last[rows, s], (last.argmax(1) == io).float())


def by_dictionary(dictionary: Dictionary) -> Change:
    """What the dictionary rebuilds, at all positions but BOS."""
    return lambda x: torch.cat([x[:, :1], dictionary.rebuilt(dictionary.latents(x[:, 1:]))], 1)


def by_mean(dictionary: Dictionary) -> Change:
    """The mean activation at all positions but BOS: what is left when nothing is told apart."""
    return lambda x: torch.cat([x[:, :1], dictionary.centre.expand_as(x[:, 1:])], 1)


def recovered(kept: Tensor, nothing: Tensor, clean: Tensor) -> float:
    """The share of the way from `nothing` to `clean`, of the means over texts."""
    return float((kept - nothing).mean() / (clean - nothing).mean())


def first_io(texts: Texts) -> Int[Tensor, "text"]:
    """The position at which the later answer IO is named first."""
    rows, io = torch.arange(len(texts)), texts.answers[:, 0]
    first, second = texts.places[:, 0], texts.places[:, 1]
    return torch.where(texts.tokens[rows, first] == io, first, second)


def at(
    places: Int[Tensor, "text"],
    change: Callable[[Float[Tensor, "text d_model"]], Float[Tensor, "text d_model"]],
) -> Change:
    """A change at one position of each text."""

    def of_all(x: Float[Tensor, "text pos d_model"]) -> Float[Tensor, "text pos d_model"]:
        x, rows = x.clone(), torch.arange(len(x))
        x[rows, places] = change(x[rows, places])
        return x

    return of_all


def renamed(
    model: TransformerBridge,
    texts: Texts,
    places: Int[Tensor, "text"],
    others: Int[Tensor, "text"],
) -> Float[Tensor, "text d_model"]:
    """What stands at a place if another word is written there, and nothing else changes."""
    rows, tokens = torch.arange(len(texts)), texts.tokens.clone()
    tokens[rows, places] = others
    return variables.activations(model, tokens)[rows, places]
