"""What a folded Llama computes: rotated queries and keys, RMSNorm, shared keys and values, a gate.

A query and a key are rotated by an angle that grows with their position, pair of numbers by pair,
each pair at a speed of its own (Su et al. 2021, arXiv:2104.09864). Several heads, a group, share
one set of keys and values (Ainslie et al. 2023, arXiv:2305.13245). There are no biases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mi_course.folded.engine import Block, Folded, UnknownModelError

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

NAME = "Llama"
# What the arithmetic below takes for granted; a model that differs is refused.
KNOWN = {
    "act_fn": "silu",
    "normalization_type": "RMS",
    "positional_embedding_type": "rotary",
    "rotary_adjacent_pairs": False,
    "rotary_dim": None,
    "attention_dir": "causal",
    "gated_mlp": True,
    "parallel_attn_mlp": False,
    "use_local_attn": False,
    "use_qk_norm": False,
    "use_normalization_before_and_after": False,
    "rmsnorm_uses_offset": False,
    "scale_attn_by_inverse_layer_idx": False,
    "use_attn_scale": True,
    "attn_scale": -1.0,
    "attn_scores_soft_cap": -1.0,
    "output_logits_soft_cap": -1.0,
    "attention_bias": False,
    "dtype": torch.float32,
}


@dataclass(frozen=True)
class LlamaBlock(Block):
    """The rest of a layer's weights."""

    w_gate: Float[Tensor, "d_model d_mlp"]
    w_in: Float[Tensor, "d_model d_mlp"]
    w_out: Float[Tensor, "d_mlp d_model"]


@dataclass(frozen=True)
class FoldedLlama(Folded):
    """The weights of a folded Llama, and the steps of its forward pass."""

    blocks: Sequence[LlamaBlock]
    speeds: Float[Tensor, "pair"]  # angle by which a pair turns from one position to the next

    def embed(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_model"]:
        """The residual stream before the first layer: it does not say where a token stands."""
        return self.w_e[tokens]

    def normal(self, x: Float[Tensor, "*rest d_model"]) -> Float[Tensor, "*rest d_model"]:
        """RMSNorm; its gain is folded into what follows."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)

    def project(
        self,
        layer: int,
        part: str,
        normal: Float[Tensor, "batch pos d_model"],
        positions: Int[Tensor, "*batch pos"],
    ) -> Float[Tensor, "batch unit pos d_head"]:
        """Queries of every head, or keys or values of every group; values are not rotated."""
        joined = F.linear(normal, getattr(self.blocks[layer], f"w_{part}"))
        n_units = self.n_heads if part == "q" else self.n_groups
        by_unit = joined.unflatten(-1, (n_units, -1)).transpose(1, 2)  # batch unit pos d_head
        return by_unit if part == "v" else self._rotate(by_unit, positions)

    def _rotate(
        self, x: Float[Tensor, "batch unit pos d_head"], positions: Int[Tensor, "*batch pos"]
    ) -> Float[Tensor, "batch unit pos d_head"]:
        angles = positions.to(x.device)[..., None, :, None] * self.speeds  # *batch 1 pos pair
        cos, sin = angles.cos(), angles.sin()
        first, second = x.chunk(2, -1)  # of each pair
        return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)

    def mlp_rows(
        self, layer: int, normal: Float[Tensor, "row d_model"], out: Float[Tensor, "row d_model"]
    ) -> None:
        """Writes into `out` what an MLP adds."""
        block = self.blocks[layer]
        hidden = F.silu(normal @ block.w_gate).mul_(normal @ block.w_in)
        torch.mm(hidden, block.w_out, out=out)


def make(model: TransformerBridge) -> FoldedLlama:
    """The folded model of a bridge; it reads the bridge's own weights.

    Raises:
        UnknownModelError: angles that grow otherwise than by one speed for each pair.
    """
    cfg: Any = model.cfg
    rope = cfg.rope_parameters
    if rope.get("rope_type") != "default":
        kind = rope.get("rope_type")
        raise UnknownModelError(f"fast patching knows no rotary positions of type {kind!r}")
    pairs = torch.arange(0, cfg.d_head, 2, dtype=torch.int64, device=model.W_E.device).float()
    return FoldedLlama(
        w_e=model.W_E,
        blocks=[_block(block, model.W_E.new_zeros(cfg.d_model)) for block in model.blocks],
        w_u=model.W_U,
        b_u=model.b_U,
        n_heads=cfg.n_heads,
        n_groups=cfg.n_key_value_heads or cfg.n_heads,
        eps=cfg.eps,
        speeds=rope["rope_theta"] ** (-pairs / cfg.d_head),
    )


def _block(block: Any, no_bias: Float[Tensor, "d_model"]) -> LlamaBlock:
    attn, mlp = block.attn, block.mlp
    # unit d_model d_head -> unit_d_head d_model
    w_q, w_k, w_v = (w.transpose(1, 2).flatten(0, 1) for w in (attn.W_Q, attn.W_K, attn.W_V))
    return LlamaBlock(
        w_q=w_q,
        w_k=w_k,
        w_v=w_v,
        w_o=attn.W_O,
        b_o=no_bias,
        w_gate=mlp.W_gate,
        w_in=mlp.W_in,
        w_out=mlp.W_out,
    )
