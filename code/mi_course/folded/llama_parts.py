"""The four parts in which a Llama differs from GPT-2, as plain functions: what a learner writes.

They compute what `LlamaForCausalLM` in Hugging Face's transformers does
(`transformers/models/llama/modeling_llama.py`), without a cache and one thing at a time. The
folded, fast version of the same is `llama`, beside this module; the tests compare both.
"""

from __future__ import annotations

import einops
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mi_course.transformer import attention_pattern


def rms_norm(
    x: Float[Tensor, "*rest d_model"], weight: Float[Tensor, "d_model"], eps: float
) -> Float[Tensor, "*rest d_model"]:
    """Each vector divided by the root of the mean of its squares, then scaled by `weight`.

    `eps` stands inside the square root. See Zhang and Sennrich 2019, arXiv:1910.07467.
    """
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def rotate(
    x: Float[Tensor, "batch pos unit d_head"], positions: Int[Tensor, "pos"], theta: float
) -> Float[Tensor, "batch pos unit d_head"]:
    """Queries or keys, turned pair by pair by an angle that grows with the position.

    Entries i and i + d_head / 2 are pair i, as in Hugging Face's files; in the paper and in GGUF
    files the two of a pair are neighbours. See Su et al. 2021, arXiv:2104.09864.

    Args:
        x: of every head, or of every group.
        positions: where in the text each of `x` stands.
        theta: pair i turns by theta^(-2i / d_head) radians from one position to the next.
    """
    d_head = x.shape[-1]
    speeds = theta ** (-torch.arange(0, d_head, 2, device=x.device) / d_head)  # pair
    angles = positions[:, None, None] * speeds  # pos 1 pair
    cos, sin = angles.cos(), angles.sin()
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def gated_mlp(
    x: Float[Tensor, "*rest d_model"],
    W_gate: Float[Tensor, "d_model d_mlp"],
    W_up: Float[Tensor, "d_model d_mlp"],
    W_down: Float[Tensor, "d_mlp d_model"],
) -> Float[Tensor, "*rest d_model"]:
    """An MLP in which each neuron is a product: SiLU of its gate, times what goes up.

    See Shazeer 2020, arXiv:2002.05202, who calls it SwiGLU.
    """
    return (F.silu(x @ W_gate) * (x @ W_up)) @ W_down


def grouped_attention(
    q: Float[Tensor, "batch pos head d_head"],
    k: Float[Tensor, "batch pos group d_head"],
    v: Float[Tensor, "batch pos group d_head"],
) -> Float[Tensor, "batch pos head d_head"]:
    """`z` of every head, where neighbouring heads share the keys and values of their group.

    See Ainslie et al. 2023, arXiv:2305.13245.
    """
    shared = q.shape[2] // k.shape[2]
    k, v = (x.repeat_interleave(shared, dim=2) for x in (k, v))
    mix = "batch head query key, batch key head d -> batch query head d"
    return einops.einsum(attention_pattern(q, k), v, mix)
