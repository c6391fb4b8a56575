"""Week 1: what the loss before training shows, and what a mistake in a transformer does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mi_course import gpt2_files, hooks, ioi, ioi_data, models, transformer
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, claim, shared
from mi_course.claims.evidence import equivalent, more_than, share
from mi_course.claims.prompts import templates
from mi_course.digits import mlp, mnist

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


@shared
def _first_losses(n: int, seed: int) -> dict[str, Float[Tensor, "network"]]:
    """Loss of untrained networks on the small digits, in nats: right, and with one mistake each."""
    split = mnist.load("digits", quiet=True).test
    x, y = mlp.pixels(split.images), split.labels
    found: dict[str, list[Tensor]] = {"right": [], "shifted": [], "softmax": [], "unscaled": []}
    with torch.no_grad():
        for one in range(n):
            network = mlp.build(seed + one)
            logits = network(x)
            found["right"].append(F.cross_entropy(logits, y))
            found["shifted"].append(F.cross_entropy(logits, (y + 1) % mlp.CLASSES))
            found["softmax"].append(F.cross_entropy(logits.softmax(-1), y))
            found["unscaled"].append(F.cross_entropy(network(255 * x), y))
    return {name: torch.stack(losses) for name, losses in found.items()}


@claim(
    "week1/shifted_labels_hide_in_the_first_loss",
    doc="week1/01_mlp_mnist",
    n=20,
    of="untrained networks",
    sentences={
        YES: "Labels that are shifted by one change the first loss by less than {within} {unit}.",
        NO: "Labels that are shifted by one change the first loss by more than {within} {unit}.",
        CANNOT_TELL: "Whether labels that are shifted by one show in the first loss, we cannot "
        "tell.",
    },
)
def shifted_labels_hide_in_the_first_loss(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The change of the loss before training when every label is one too large."""
    losses = _first_losses(n, seed)
    return equivalent(losses["shifted"] - losses["right"], 0.1, unit="nats")


@claim(
    "week1/softmax_hides_in_the_first_loss",
    doc="week1/01_mlp_mnist",
    n=20,
    of="untrained networks",
    sentences={
        YES: "A softmax too many changes it by less than {within} {unit}.",
        NO: "A softmax too many changes it by more than {within} {unit}.",
        CANNOT_TELL: "Whether a softmax too many shows in it, we cannot tell.",
    },
)
def softmax_hides_in_the_first_loss(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The change of the loss before training when the logits go through a softmax first."""
    losses = _first_losses(n, seed)
    return equivalent(losses["softmax"] - losses["right"], 0.1, unit="nats")


@claim(
    "week1/unscaled_pixels_show_in_the_first_loss",
    doc="week1/01_mlp_mnist",
    n=20,
    of="untrained networks",
    sentences={
        YES: "Pixels that were not scaled raise it by more than {bound} {unit}.",
        NO: "Pixels that were not scaled raise it by less than {bound} {unit}.",
        CANNOT_TELL: "Whether pixels that were not scaled raise it by {bound} {unit}, we cannot "
        "tell.",
    },
)
def unscaled_pixels_show_in_the_first_loss(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The change of the loss before training when pixels run from 0 to 255."""
    losses = _first_losses(n, seed)
    return more_than(losses["unscaled"] - losses["right"], 5.0, unit="nats")


@claim(
    "week1/order_survives_without_positions",
    doc="week1/02_transformer",
    n=48,
    of="prompts",
    sentences={
        YES: "With W_pos set to zero, two names that change places still change what this model "
        "predicts at the end.",
        NO: "With W_pos set to zero, two names that change places hardly change what this model "
        "predicts at the end (less than {bound} {unit}).",
        CANNOT_TELL: "Whether two names that change places change this model's prediction with "
        "W_pos set to zero, we cannot tell.",
    },
    templates=True,
    needs={"positions": "learned"},
)
def order_survives_without_positions(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The divergence at END between prompts whose first two names have changed places."""
    batch = ioi_data.dataset(model.tokenizer, n, seed, templates(held_out)).clean
    swapped, rows = batch.tokens.clone(), torch.arange(n)
    swapped[rows, batch.io_pos], swapped[rows, batch.s1_pos] = batch.s, batch.io

    def at_end(tokens: Tensor) -> Float[Tensor, "batch vocab"]:
        logits = hooks.run_with_hooks(
            model, tokens, [("hook_pos_embed", lambda positions, hook: torch.zeros_like(positions))]
        )
        return logits[rows, batch.end].log_softmax(-1)

    right, other = at_end(batch.tokens), at_end(swapped)
    divergence = (right.exp() * (right - other)).sum(-1)
    return more_than(divergence.clamp(min=0), 0.01, unit="nats")


@claim(
    "week1/exact_gelu_keeps_the_word",
    doc="week1/02_transformer",
    n=100,
    of="prompts",
    sentences={
        YES: "With the exact GELU the most likely token stays the same on nearly every prompt.",
        NO: "With the exact GELU the most likely token often changes.",
        CANNOT_TELL: "Whether the exact GELU changes the most likely token on more than one prompt "
        "in ten, we cannot tell.",
    },
    templates=True,
    needs={"positions": "learned"},
)
def exact_gelu_keeps_the_word(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of prompts whose most likely next token the exact GELU leaves as it was."""
    batch = ioi_data.dataset(model.tokenizer, n, seed, templates(held_out)).clean
    gpt = gpt2_files.load(gpt2_files.folder(models.info(model).name))
    right = _best(gpt, batch)
    with patch.object(transformer, "gelu", F.gelu):
        wrong = _best(gpt, batch)
    return share(right == wrong, Rule("more", bound=90))


@torch.no_grad()
def _best(gpt: transformer.Transformer, batch: ioi.Batch) -> Tensor:
    return gpt(batch.tokens)[torch.arange(len(batch)), batch.end].argmax(-1)
