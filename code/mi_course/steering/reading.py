"""Activations at the last token of texts of unequal length, after every layer.

A batch of unequal texts is padded, and position -1 of a padded row reads padding: no error tells.
So every read here goes by the position of a row's own last token.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import hooks

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

BATCH = 64


@dataclass(frozen=True)
class Batch:
    """Texts as tokens, padded on the right.

    Attributes:
        tokens: BOS, the text, and BOS again as padding.
        end: the position of each text's last token.
    """

    tokens: Int[Tensor, "row pos"]
    end: Int[Tensor, "row"]


def point(layer: int) -> str:
    """The hook point of the residual stream after a layer."""
    return f"blocks.{layer}.hook_resid_post"


def batch(model: TransformerBridge, texts: Sequence[str]) -> Batch:
    """Tokens of texts with BOS in front, and where each text ends."""
    ids = [model.tokenizer(text)["input_ids"] for text in texts]
    longest = max(map(len, ids))
    pad = model.tokenizer.pad_token_id
    tokens = torch.tensor([one + [pad] * (longest - len(one)) for one in ids])
    return Batch(tokens, torch.tensor([len(one) - 1 for one in ids]))


def asked(
    model: TransformerBridge, texts: Sequence[str], ask: str
) -> tuple[Batch, Int[Tensor, "row"]]:
    """Texts with a question around each, and the position of the text's own last token in it.

    Args:
        model: whose tokens.
        texts: what is asked about.
        ask: the question, with `{}` for a text.
    """
    before = ask.partition("{}")[0]
    upto = batch(model, [before + text for text in texts])
    return batch(model, [ask.format(text) for text in texts]), upto.end


def at_end(
    model: TransformerBridge, texts: Batch, layers: Sequence[int]
) -> Float[Tensor, "row layer d_model"]:
    """The stream after some layers, at each text's last token.

    Texts of like length run together, so that little of the work goes into padding. What stands
    behind a text's last token cannot change what is read: attention looks back only.
    """
    found = torch.empty(len(texts.end), len(layers), model.cfg.d_model)
    for rows in texts.end.argsort().split(BATCH):
        end = texts.end[rows]
        names = [point(layer) for layer in layers]
        tokens = texts.tokens[rows, : int(end.max()) + 1]
        _, cache = hooks.run_with_cache(model, tokens, names)
        found[rows] = torch.stack([cache[name][torch.arange(len(rows)), end] for name in names], 1)
    return found


def untrained(model: TransformerBridge, seed: int) -> TransformerBridge:
    """A model of the same shape and tokenizer with random weights, as Hugging Face draws them."""
    from transformer_lens.tools.analysis import random_init_bridge

    original: Any = model.original_model
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        original.config.save_pretrained(folder)
        model.tokenizer.save_pretrained(folder)
        bridge = random_init_bridge(folder, seed=seed, device="cpu")
    bridge.tokenizer = model.tokenizer
    return bridge
