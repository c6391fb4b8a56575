"""Which heads write the answer of an IOI prompt, where they look, and whether they copy names.

The logit difference at END is a sum: every head, MLP and embedding adds its output, and the final
LayerNorm divides the sum by one number. A head's share is its direct effect. Needs compatibility
mode (`mi_course.models.load` turns it on): without it the shares are wrong without a word.

A name mover, in the sense of Wang et al. 2022 (arXiv:2211.00593, section 3.1), is a head that from
END attends to IO and copies what it attends to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import ioi

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


@dataclass(frozen=True)
class Effects:
    """The logit difference of each prompt, split into what adds up to it.

    Attributes:
        heads, mlps: direct effect of each, in logits.
        rest: embeddings and the attention layers' output biases.
        unembed_bias: `b_U` of IO minus that of S; no component writes it, the logits have it.
    """

    heads: Float[Tensor, "batch layer head"]
    mlps: Float[Tensor, "batch layer"]
    rest: Float[Tensor, "batch"]
    unembed_bias: Float[Tensor, "batch"]

    @property
    def total(self) -> Float[Tensor, "batch"]:
        """The sum of all parts: the logit difference itself."""
        return self.heads.sum((1, 2)) + self.mlps.sum(1) + self.rest + self.unembed_bias

    def top_share(self, count: int) -> float:
        """How much of the mean logit difference the `count` strongest heads write directly."""
        strongest = self.heads.mean(0).flatten().topk(count).values
        return (strongest.sum() / self.total.mean()).item()


@dataclass(frozen=True)
class EndAttention:
    """Attention probability from END to the names, of every head on every prompt."""

    io: Float[Tensor, "batch layer head"]
    s1: Float[Tensor, "batch layer head"]
    s2: Float[Tensor, "batch layer head"]


@dataclass(frozen=True)
class Projections:
    """Output of every head at END, projected on the unembedding of each name; no LayerNorm."""

    io: Float[Tensor, "batch layer head"]
    s: Float[Tensor, "batch layer head"]


def head_outputs(
    model: TransformerBridge, tokens: Int[Tensor, "batch pos"], positions: Int[Tensor, "batch"]
) -> Float[Tensor, "batch layer head d_model"]:
    """What each head writes into the residual stream at one position of each prompt."""
    rows = torch.arange(len(tokens))
    _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("attn.hook_z"))
    z = torch.stack(
        [cache[f"blocks.{layer}.attn.hook_z"][rows, positions] for layer in _layers(model)], 1
    )
    return torch.einsum("blhe,lhed->blhd", z, model.W_O)


@torch.no_grad()
def direct_effects(model: TransformerBridge, batch: ioi.Batch) -> Effects:
    """Splits the logit difference at END into the direct effects of all components.

    Args:
        model: in compatibility mode.
        batch: prompts from `ioi.tokenize`.

    Raises:
        ValueError: the model is not in compatibility mode.
    """
    _require_compatibility(model)
    rows = torch.arange(len(batch))
    names = {"hook_embed", "hook_pos_embed", "ln_final.hook_scale"}
    names |= {f"blocks.{layer}.hook_mlp_out" for layer in _layers(model)}
    _, cache = model.run_with_cache(batch.tokens, names_filter=lambda name: name in names)
    scale = cache["ln_final.hook_scale"][rows, batch.end]
    answer = (model.W_U[:, batch.io] - model.W_U[:, batch.s]).T / scale
    mlps = torch.stack(
        [cache[f"blocks.{i}.hook_mlp_out"][rows, batch.end] for i in _layers(model)], 1
    )
    rest = cache["hook_embed"][rows, batch.end] + cache["hook_pos_embed"][rows, batch.end]
    rest = rest + model.b_O.sum(0)
    heads = head_outputs(model, batch.tokens, batch.end)
    return Effects(
        heads=torch.einsum("blhd,bd->blh", heads, answer),
        mlps=torch.einsum("bld,bd->bl", mlps, answer),
        rest=(rest * answer).sum(1),
        unembed_bias=model.b_U[batch.io] - model.b_U[batch.s],
    )


@torch.no_grad()
def end_attention(model: TransformerBridge, batch: ioi.Batch) -> EndAttention:
    """Where each head looks from END: at IO, at the first and at the second mention of S."""
    rows = torch.arange(len(batch))
    _, cache = model.run_with_cache(
        batch.tokens, names_filter=lambda name: name.endswith("hook_pattern")
    )
    patterns = [cache[f"blocks.{layer}.attn.hook_pattern"] for layer in _layers(model)]
    at_end = torch.stack([p[rows, :, batch.end] for p in patterns], 1)  # batch layer head key
    io, s1, s2 = (at_end[rows, :, :, p] for p in (batch.io_pos, batch.s1_pos, batch.s2_pos))
    return EndAttention(io=io, s1=s1, s2=s2)


@torch.no_grad()
def name_projections(model: TransformerBridge, batch: ioi.Batch) -> Projections:
    """How far each head's output at END points to each name: the y axis of figure 3(c)."""
    _require_compatibility(model)
    heads = head_outputs(model, batch.tokens, batch.end)
    io, s = (
        torch.einsum("blhd,db->blh", heads, model.W_U[:, names]) for names in (batch.io, batch.s)
    )
    return Projections(io=io, s=s)


def attention_projection_correlation(
    attention: EndAttention, projections: Projections, layer: int, head: int
) -> float:
    """Pearson correlation of figure 3(c): attention to a name against the projection on it.

    Both names of each prompt are points; the attention to S is that to S1 plus that to S2.
    """
    io, s = attention.io[:, layer, head], (attention.s1 + attention.s2)[:, layer, head]
    x = torch.cat([io, s])
    y = torch.cat([projections.io[:, layer, head], projections.s[:, layer, head]])
    return torch.corrcoef(torch.stack([x, y]))[0, 1].item()


@torch.no_grad()
def copy_scores(
    model: TransformerBridge, batch: ioi.Batch, top: int = 5
) -> Float[Tensor, "layer head"]:
    """Share of names that a head would predict if it attended to nothing but them.

    The residual stream after the first block, at IO and at S1, goes through the head's OV matrix
    and the unembedding; the name must be among the `top` tokens. Appendix C of the paper.
    """
    _require_compatibility(model)
    rows = torch.arange(len(batch))
    first = "blocks.0.hook_resid_post"
    _, cache = model.run_with_cache(batch.tokens, names_filter=first)
    stream = torch.cat([cache[first][rows, batch.io_pos], cache[first][rows, batch.s1_pos]])
    names = torch.cat([batch.io, batch.s])
    values = torch.einsum("bd,lhde->lhbe", _normalized(stream), model.W_V)
    outputs = torch.einsum("lhbe,lhed->lhbd", values, model.W_O)
    best = (_normalized(outputs) @ model.W_U + model.b_U).topk(top).indices
    return (best == names[:, None]).any(-1).float().mean(-1)


def _normalized(x: Float[Tensor, "*rest d_model"]) -> Float[Tensor, "*rest d_model"]:
    """LayerNorm with its weights folded away; the mean is 0 already in compatibility mode."""
    return x / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()


def _layers(model: TransformerBridge) -> range:
    return range(model.cfg.n_layers)


def _require_compatibility(model: TransformerBridge) -> None:
    if not model.compatibility_mode:
        raise ValueError(
            "direct effects need compatibility mode: load with mi_course.models.load, "
            "or call model.enable_compatibility_mode()"
        )
