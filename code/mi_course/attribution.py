"""Which heads write the answer of an IOI prompt, and where they look.

The logit difference at END is a sum: every head, MLP and embedding adds its output, and the final
norm divides the sum by one number. A head's share is its direct effect. Needs compatibility
mode (`mi_course.models.load` turns it on): without it the shares are silently wrong.

A name mover, in the sense of Wang et al. 2022 (arXiv:2211.00593, section 3.1), is a head that from
END attends to IO and copies what it attends to; whether a head copies is measured in `copying`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import ioi, renamed
from mi_course.hooks import require_compatibility
from mi_course.microbatches import joined

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_SCALE = "ln_final.hook_scale"

__getattr__ = renamed.attributes(
    __name__,
    {
        "copy_scores": "copying.copy_scores",
        "lens_labels": "stage_labels",
        "logit_lens": "logit_diff_by_stage",
    },
)


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
class LayerEffects:
    """Direct effect of each whole attention layer, output bias included, and of each MLP."""

    attention: Float[Tensor, "batch layer"]
    mlps: Float[Tensor, "batch layer"]


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


@dataclass(frozen=True)
class _Written:
    """What each component wrote at END in one pass, and the direction that reads the answer."""

    heads: Float[Tensor, "batch layer head d_model"]
    mlps: Float[Tensor, "batch layer d_model"]
    embeddings: Float[Tensor, "batch d_model"]
    answer: Float[Tensor, "batch d_model"]


def head_outputs(
    model: TransformerBridge, tokens: Int[Tensor, "batch pos"], positions: Int[Tensor, "batch"]
) -> Float[Tensor, "batch layer head d_model"]:
    """What each head writes into the residual stream at one position of each prompt."""
    names = _in_each_layer(model, "attn.hook_z")
    found = _activations(model, tokens, positions, names)
    return _through_w_o(model, [found[name] for name in names])


def direct_effects(model: TransformerBridge, batch: ioi.Batch, batch_size: int = 25) -> Effects:
    """Splits the logit difference at END into the direct effects of all components.

    Args:
        model: in compatibility mode.
        batch: prompts from `ioi.tokenize`.
        batch_size: prompts at a time; the memory needed grows with it, not with their number.

    Raises:
        ValueError: the model is not in compatibility mode.
    """
    require_compatibility(model)
    return joined(lambda rows: _direct_effects(model, batch[rows]), len(batch), batch_size)


@torch.no_grad()
def _direct_effects(model: TransformerBridge, batch: ioi.Batch) -> Effects:
    written = _written(model, batch)
    rest = written.embeddings + _output_biases(model).sum(0)
    return Effects(
        heads=torch.einsum("blhd,bd->blh", written.heads, written.answer),
        mlps=torch.einsum("bld,bd->bl", written.mlps, written.answer),
        rest=(rest * written.answer).sum(1),
        unembed_bias=model.b_U[batch.io] - model.b_U[batch.s],
    )


def layer_effects(model: TransformerBridge, batch: ioi.Batch, batch_size: int = 25) -> LayerEffects:
    """Direct effect of each attention layer and of each MLP; arguments as for `direct_effects`."""
    require_compatibility(model)
    return joined(lambda rows: _layer_effects(model, batch[rows]), len(batch), batch_size)


@torch.no_grad()
def _layer_effects(model: TransformerBridge, batch: ioi.Batch) -> LayerEffects:
    written = _written(model, batch)
    heads = torch.einsum("blhd,bd->blh", written.heads, written.answer)
    return LayerEffects(
        attention=heads.sum(2) + written.answer @ _output_biases(model).T,
        mlps=torch.einsum("bld,bd->bl", written.mlps, written.answer),
    )


def _written(model: TransformerBridge, batch: ioi.Batch) -> _Written:
    """Everything that a split of the logit difference needs, of one forward pass."""
    z, mlps = _in_each_layer(model, "attn.hook_z"), _in_each_layer(model, "hook_mlp_out")
    learned = model.cfg.positional_embedding_type == "standard"  # others add nothing to the stream
    embeddings = ["hook_embed", *(["hook_pos_embed"] if learned else [])]
    names = [*z, *mlps, *embeddings, _SCALE]
    found = _activations(model, batch.tokens, batch.end, names)
    return _Written(
        heads=_through_w_o(model, [found[name] for name in z]),
        mlps=torch.stack([found[name] for name in mlps], 1),
        embeddings=torch.stack([found[name] for name in embeddings]).sum(0),
        answer=_direction(model, batch, found[_SCALE]),
    )


def logit_diff_by_stage(
    model: TransformerBridge, batch: ioi.Batch, batch_size: int = 25
) -> Float[Tensor, "batch stage"]:
    """Logit difference at END if the model stopped here: before and inside each layer, and after.

    Every stage is divided by the final LayerNorm's scale of the whole run, as in TransformerLens'
    demos, so that the difference between two stages is what lies between them. The logit lens
    (`mi_course.logit_lens`) divides each stage by a scale of its own, and gives all logits.

    Args:
        model: as for `direct_effects`.
        batch: as for `direct_effects`.
        batch_size: as for `direct_effects`.

    Returns:
        One number for each of `stage_labels(model)`; the last is the logit difference itself.
    """
    require_compatibility(model)
    return joined(lambda rows: _logit_diff_by_stage(model, batch[rows]), len(batch), batch_size)


@torch.no_grad()
def _logit_diff_by_stage(
    model: TransformerBridge, batch: ioi.Batch
) -> Float[Tensor, "batch stage"]:
    stages = [f"blocks.{i}.hook_resid_{at}" for i in _layers(model) for at in ("pre", "mid")]
    stages.append(f"blocks.{model.cfg.n_layers - 1}.hook_resid_post")
    found = _activations(model, batch.tokens, batch.end, [*stages, _SCALE])
    stream = torch.stack([found[name] for name in stages], 1)
    answer = _direction(model, batch, found[_SCALE])
    bias = model.b_U[batch.io] - model.b_U[batch.s]
    return torch.einsum("bsd,bd->bs", stream, answer) + bias[:, None]


def stage_labels(model: TransformerBridge) -> list[str]:
    """Names of the stages of `logit_diff_by_stage`: 0_pre, 0_mid, 1_pre … final_post."""
    return [f"{i}_{at}" for i in _layers(model) for at in ("pre", "mid")] + ["final_post"]


def end_attention(
    model: TransformerBridge,
    batch: ioi.Batch,
    positions: Int[Tensor, "batch"] | None = None,
    batch_size: int = 25,
) -> EndAttention:
    """Where each head looks from END, or from another position: at IO, at S1 and at S2."""
    queries = batch.end if positions is None else positions
    return joined(
        lambda rows: _end_attention(model, batch[rows], queries[rows]), len(batch), batch_size
    )


@torch.no_grad()
def _end_attention(
    model: TransformerBridge, batch: ioi.Batch, queries: Int[Tensor, "batch"]
) -> EndAttention:
    rows = torch.arange(len(batch))
    _, cache = model.run_with_cache(
        batch.tokens, names_filter=lambda name: name.endswith("hook_pattern")
    )
    patterns = [cache[f"blocks.{layer}.attn.hook_pattern"] for layer in _layers(model)]
    there = torch.stack([p[rows, :, queries] for p in patterns], 1)  # batch layer head key
    io, s1, s2 = (there[rows, :, :, p] for p in (batch.io_pos, batch.s1_pos, batch.s2_pos))
    return EndAttention(io=io, s1=s1, s2=s2)


def name_projections(
    model: TransformerBridge,
    batch: ioi.Batch,
    positions: Int[Tensor, "batch"] | None = None,
    batch_size: int = 25,
) -> Projections:
    """How far each head's output points to each name: the y axis of figure 3(c).

    Args:
        model: as for `direct_effects`.
        batch: as for `direct_effects`.
        batch_size: as for `direct_effects`.
        positions: where the output is read, one for each prompt; None: at END, as in the paper.
    """
    require_compatibility(model)
    at = batch.end if positions is None else positions
    return joined(
        lambda rows: _name_projections(model, batch[rows], at[rows]), len(batch), batch_size
    )


@torch.no_grad()
def _name_projections(
    model: TransformerBridge, batch: ioi.Batch, positions: Int[Tensor, "batch"]
) -> Projections:
    heads = head_outputs(model, batch.tokens, positions)
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


def _direction(
    model: TransformerBridge, batch: ioi.Batch, scale: Float[Tensor, "batch 1"]
) -> Float[Tensor, "batch d_model"]:
    """What the residual stream at END is multiplied with to give the logit difference."""
    return (model.W_U[:, batch.io] - model.W_U[:, batch.s]).T / scale


def _activations(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    positions: Int[Tensor, "batch"],
    names: Sequence[str],
) -> dict[str, Float[Tensor, "batch ..."]]:
    """The named activations at one position of each prompt, of one forward pass."""
    rows = torch.arange(len(tokens))
    _, cache = model.run_with_cache(tokens, names_filter=lambda name: name in names)
    return {name: cache[name][rows, positions] for name in names}


def _through_w_o(
    model: TransformerBridge, z: list[Float[Tensor, "batch head d_head"]]
) -> Float[Tensor, "batch layer head d_model"]:
    return torch.einsum("blhe,lhed->blhd", torch.stack(z, 1), model.W_O)  # z of each layer


def _output_biases(model: TransformerBridge) -> Float[Tensor, "layer d_model"]:
    """What each attention layer adds to every position; zeros where there are no biases."""
    if model.blocks[0].attn.b_O is None:
        return model.W_O.new_zeros(model.cfg.n_layers, model.cfg.d_model)
    return model.b_O


def _layers(model: TransformerBridge) -> range:
    return range(model.cfg.n_layers)


def _in_each_layer(model: TransformerBridge, hook_point: str) -> list[str]:
    return [f"blocks.{layer}.{hook_point}" for layer in _layers(model)]
