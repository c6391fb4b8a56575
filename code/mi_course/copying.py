"""Copy scores: would a head predict the names that it attends to?

Two ways to ask. `copy_scores` takes the names where they stand in prompts, as Wang et al. 2022 do
(arXiv:2211.00593, section 3.1). `copy_score_from_weights` needs no prompt, as in ARENA 3.0, chapter
1.4: a name's embedding goes through the first MLP, then through the head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import hooks, ioi
from mi_course.heads import check_head, value_weights
from mi_course.logit_lens import normalised, unembed
from mi_course.microbatches import joined

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

TOP = 5
"""A name counts as predicted where it is among so many most probable tokens."""


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
