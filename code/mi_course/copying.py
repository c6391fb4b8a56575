"""Copy scores: would a head predict the names that it attends to?

Two ways to ask. `copy_scores` takes the names where they stand in prompts, as Wang et al. 2022 do
(arXiv:2211.00593, section 3.1). `copy_score_from_weights` needs no prompt, as in ARENA 3.0, chapter
1.4: a name's embedding goes through the first MLP, then through the head.

And what a head does on the prompts themselves: `at_end` has where it looks and what it writes of
IO, of S and of other names. A head that copies need not write the answer, nor the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import hooks, ioi
from mi_course.heads import Head, check_head, value_weights
from mi_course.logit_lens import normalised, unembed
from mi_course.microbatches import joined

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

TOP = 5
"""A name counts as predicted where it is among so many most probable tokens."""


@dataclass(frozen=True)
class AtEnd:
    """Where heads look from END, and how far what they write there points to names.

    Means over prompts. An output is projected on the unembedding of a name, without the final
    norm, as in figure 3(c).

    Attributes:
        io, s1, s2, bos: attention from END to these positions.
        on_io, on_s: projection on the names.
        on_others: projection on the mean of all other names of one token.
    """

    io: Float[Tensor, "layer head"]
    s1: Float[Tensor, "layer head"]
    s2: Float[Tensor, "layer head"]
    bos: Float[Tensor, "layer head"]
    on_io: Float[Tensor, "layer head"]
    on_s: Float[Tensor, "layer head"]
    on_others: Float[Tensor, "layer head"]

    @property
    def s(self) -> Float[Tensor, "layer head"]:
        """Attention to both mentions of S."""
        return self.s1 + self.s2

    def kind(self, head: Head) -> str:
        """How a head that helps the right name does it: by where it looks and what it writes.

        `mover`: looks at IO more than at S, and writes IO more than S and other names.
        `suppressor`: looks at S more than at IO, and writes S less than IO and other names.
        `writer`: neither.
        """
        on_io, on_s, on_others = (x[head] for x in (self.on_io, self.on_s, self.on_others))
        if self.io[head] > self.s[head] and on_io > max(on_s, on_others):
            return "mover"
        if self.s[head] > self.io[head] and on_s < min(on_io, on_others):
            return "suppressor"
        return "writer"


def at_end(model: TransformerBridge, batch: ioi.Batch, batch_size: int = 25) -> AtEnd:
    """What every head looks at from END, and what it writes there, as means over the prompts.

    Arguments and errors as for `attribution.direct_effects`.
    """
    hooks.require_compatibility(model)
    names = [hooks.single_token(model, f" {n}") for n in ioi.one_token_names(model.tokenizer)]
    found = joined(lambda rows: _at_end(model, batch[rows], names), len(batch), batch_size)
    return AtEnd(**{field.name: getattr(found, field.name).mean(0) for field in fields(found)})


@torch.no_grad()
def _at_end(model: TransformerBridge, batch: ioi.Batch, names: list[int]) -> AtEnd:
    """The same for each prompt: every field has an axis of prompts before its others."""
    rows = torch.arange(len(batch))
    points = ("hook_pattern", "hook_z")
    _, cache = model.run_with_cache(batch.tokens, names_filter=lambda name: name.endswith(points))
    blocks = [f"blocks.{layer}.attn" for layer in range(model.cfg.n_layers)]
    patterns = [cache[f"{block}.hook_pattern"][rows, :, batch.end] for block in blocks]
    looks = torch.stack(patterns, 1)  # batch layer head key
    z = torch.stack([cache[f"{block}.hook_z"][rows, batch.end] for block in blocks], 1)
    written = torch.einsum("blhe,lhed->blhd", z, model.W_O)
    on_io, on_s = model.W_U[:, batch.io].T, model.W_U[:, batch.s].T  # batch d_model
    rest = (model.W_U[:, names].sum(1) - on_io - on_s) / (len(names) - 2)
    at = (looks[rows, :, :, p] for p in (batch.io_pos, batch.s1_pos, batch.s2_pos, 0))
    on = (torch.einsum("blhd,bd->blh", written, name) for name in (on_io, on_s, rest))
    return AtEnd(*at, *on)


def copy_scores(
    model: TransformerBridge, batch: ioi.Batch, top: int = TOP, sign: int = 1, batch_size: int = 25
) -> Float[Tensor, "layer head"]:
    """Share of names that a head would predict if it attended to nothing but them.

    The residual stream after the first block, at IO and at S1, goes through the head's OV matrix
    and the unembedding; the name must be among the `top` tokens. Section 3.1 of the paper.

    Args:
        model: as for `attribution.direct_effects`.
        batch: as for `attribution.direct_effects`.
        batch_size: as for `attribution.direct_effects`.
        top: how many tokens count as predicted.
        sign: −1 for the negative copy score, in which the head's output is turned around.
    """
    hooks.require_compatibility(model)
    hits = joined(lambda rows: _copies(model, batch[rows], top, sign), len(batch), batch_size)
    return hits.mean(0)


@torch.no_grad()
def _copies(
    model: TransformerBridge, batch: ioi.Batch, top: int, sign: int
) -> Float[Tensor, "batch layer head"]:
    """How many of a prompt's two names a head copies: 0, a half or 1."""
    rows = torch.arange(len(batch))
    first = "blocks.0.hook_resid_post"
    _, cache = model.run_with_cache(batch.tokens, names_filter=first)
    stream = torch.cat([cache[first][rows, batch.io_pos], cache[first][rows, batch.s1_pos]])
    normal = normalised(model, stream)
    names = torch.cat([batch.io, batch.s])
    found = []
    # layer by layer, since the logits of all layers are many
    for w_v, w_o in zip(value_weights(model), model.W_O, strict=True):
        outputs = sign * torch.einsum("bd,hde,hec->bhc", normal, w_v, w_o)
        best = unembed(model, outputs).topk(top).indices
        hit = (best == names.to(best.device)[:, None, None]).any(-1).float()
        found.append(hit.unflatten(0, (2, len(batch))).mean(0))
    return torch.stack(found, 1)


@torch.no_grad()
def copy_score_from_weights(
    model: TransformerBridge, layer: int, head: int, sign: int = 1
) -> float:
    """Share of names that one head's OV matrix, times `sign`, puts among the top five tokens.

    Args:
        model: in compatibility mode.
        layer: of the head, counted from 0.
        head: its number in the layer.
        sign: −1 for a negative name mover, whose OV matrix is turned around.

    Raises:
        IndexError: a head that the model does not have.
        ValueError: the model's norms are not folded into its weights.
    """
    check_head(model, layer, head)
    hooks.require_compatibility(model)
    known = ioi.one_token_names(model.tokenizer)
    names = torch.tensor([hooks.single_token(model, f" {name}") for name in known])
    embedded = model.W_E[names][:, None]
    first = model.blocks[0]
    stream = (embedded + first.mlp(first.ln2(embedded)))[:, 0]
    written = sign * (stream @ value_weights(model)[layer, head] @ model.W_O[layer, head])
    best = unembed(model, written).topk(TOP).indices
    return (best == names.to(best.device)[:, None]).any(-1).float().mean().item()
