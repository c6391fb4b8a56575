"""What a folded GPT-2 computes: learned positions, LayerNorm, biases, an MLP with GELU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mi_course.folded.engine import Block, Folded

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

NAME = "GPT-2"
# What the arithmetic below takes for granted; a model that differs is refused.
KNOWN = {
    "act_fn": "gelu_new",
    "normalization_type": "LN",
    "positional_embedding_type": "standard",
    "attention_dir": "causal",
    "final_rms": False,
    "gated_mlp": False,
    "parallel_attn_mlp": False,
    "use_local_attn": False,
    "scale_attn_by_inverse_layer_idx": False,
    "use_attn_scale": True,
    "attn_scale": -1.0,
    "attn_scores_soft_cap": -1.0,
    "output_logits_soft_cap": -1.0,
    "n_key_value_heads": None,
    "dtype": torch.float32,
}


@dataclass(frozen=True)
class GPT2Block(Block):
    """The rest of a layer's weights."""

    b_q: Float[Tensor, "head_d_head"]
    b_k: Float[Tensor, "head_d_head"]
    b_v: Float[Tensor, "head_d_head"]
    w_in: Float[Tensor, "d_model d_mlp"]
    b_in: Float[Tensor, "d_mlp"]
    w_out: Float[Tensor, "d_mlp d_model"]
    b_out: Float[Tensor, "d_model"]


@dataclass(frozen=True)
class FoldedGPT2(Folded):
    """The weights of a folded GPT-2, and the steps of its forward pass."""

    blocks: Sequence[GPT2Block]
    w_pos: Float[Tensor, "n_ctx d_model"]

    def embed(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_model"]:
        """The residual stream before the first layer."""
        return self.w_e[tokens] + self.w_pos[: tokens.shape[1]]

    def normal(self, x: Float[Tensor, "*rest d_model"]) -> Float[Tensor, "*rest d_model"]:
        """LayerNorm; its weights are folded into what follows."""
        return F.layer_norm(x, x.shape[-1:], eps=self.eps)

    def project(
        self,
        layer: int,
        part: str,
        normal: Float[Tensor, "batch pos d_model"],
        positions: Int[Tensor, "*batch pos"],
    ) -> Float[Tensor, "batch head pos d_head"]:
        """Queries, keys or values of every head; the stream itself holds the position."""
        block = self.blocks[layer]
        joined = F.linear(normal, getattr(block, f"w_{part}"), getattr(block, f"b_{part}"))
        by_head = joined.unflatten(-1, (self.n_heads, -1))  # batch pos head d_head
        return by_head.transpose(1, 2)  # batch head pos d_head

    def mlp_rows(
        self, layer: int, normal: Float[Tensor, "row d_model"], out: Float[Tensor, "row d_model"]
    ) -> None:
        """Writes into `out` what an MLP adds."""
        block = self.blocks[layer]
        hidden = torch.addmm(block.b_in, normal, block.w_in)
        torch.addmm(block.b_out, F.gelu(hidden, approximate="tanh"), block.w_out, out=out)


def make(model: TransformerBridge) -> FoldedGPT2:
    """The folded model of a bridge; it reads the bridge's own weights."""
    return FoldedGPT2(
        w_e=model.W_E,
        blocks=[_block(block) for block in model.blocks],
        w_u=model.W_U,
        b_u=model.b_U,
        n_heads=model.cfg.n_heads,
        n_groups=model.cfg.n_heads,
        eps=model.cfg.eps,
        w_pos=model.W_pos,
    )


def _block(block: Any) -> GPT2Block:
    attn, mlp = block.attn, block.mlp
    # head d_model d_head -> head_d_head d_model
    w_q, w_k, w_v = (w.transpose(1, 2).flatten(0, 1) for w in (attn.W_Q, attn.W_K, attn.W_V))
    # head d_head -> head_d_head
    b_q, b_k, b_v = (b.flatten() for b in (attn.b_Q, attn.b_K, attn.b_V))
    return GPT2Block(
        w_q=w_q,
        w_k=w_k,
        w_v=w_v,
        w_o=attn.W_O,
        b_o=attn.b_O,
        b_q=b_q,
        b_k=b_k,
        b_v=b_v,
        w_in=mlp.W_in,
        b_in=mlp.b_in,
        w_out=mlp.W_out,
        b_out=mlp.b_out,
    )
