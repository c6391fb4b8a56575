"""The logit lens: what the model would predict if it stopped at some layer.

The residual stream after a layer is put through the final LayerNorm and the unembedding, as if the
later layers were not there (nostalgebraist, *interpreting GPT: the logit lens*, 2020).
Early layers need not write in the final layer's language, so an early answer that makes no sense
does not show that the layer knows nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import hooks, renamed

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

__getattr__ = renamed.attributes(__name__, {"layer_norm": "normalised"})


def hook_points(model: TransformerBridge) -> dict[str, str]:
    """Where the lens looks: the stream before the first block and after each attention and MLP.

    Keys are labels for a plot: `start`, then `0 attn`, `0 mlp`, and so on.
    """
    points = {"start": "blocks.0.hook_resid_pre"}
    for layer in range(model.cfg.n_layers):
        points[f"{layer} attn"] = f"blocks.{layer}.hook_resid_mid"
        points[f"{layer} mlp"] = f"blocks.{layer}.hook_resid_post"
    return points


@torch.no_grad()
def logit_lens(
    model: TransformerBridge, tokens: Int[Tensor, "batch pos"]
) -> Float[Tensor, "point batch pos vocab"]:
    """Logits read off the residual stream at each place of `hook_points`; the last are the model's.

    Args:
        model: in compatibility mode.
        tokens: equal-length prompts, no padding. All logits of all places are held at once: for
            GPT-2 small 5 MB for each token of each prompt.

    Raises:
        ValueError: the model is not in compatibility mode, or cannot read the tokens.
    """
    hooks.require_compatibility(model)
    names = list(hook_points(model).values())
    _, cache = hooks.run_with_cache(model, tokens, names)
    return torch.stack([unembed(model, cache[name]) for name in names])


@torch.no_grad()
def unembed(
    model: TransformerBridge, stream: Float[Tensor, "*rest d_model"]
) -> Float[Tensor, "*rest vocab"]:
    """The final norm, its weights folded away, and the unembedding with its bias."""
    return normalised(model, stream) @ model.W_U + model.b_U


def normalised(
    model: TransformerBridge, x: Float[Tensor, "*rest d_model"]
) -> Float[Tensor, "*rest d_model"]:
    """A LayerNorm, or an RMSNorm, of a model in compatibility mode: its weights are folded away."""
    if hooks.is_rms(model):
        return x / (x.square().mean(-1, keepdim=True) + model.cfg.eps).sqrt()
    centred = x - x.mean(-1, keepdim=True)
    scale = (centred.var(-1, correction=0, keepdim=True) + model.cfg.eps).sqrt()
    return centred / scale


def top_tokens(
    model: TransformerBridge, logits: Float[Tensor, "vocab"], k: int = 5
) -> list[tuple[str, float]]:
    """The k most probable tokens as text, each with its probability, most probable first.

    Raises:
        ValueError: the logits are not those of one position.
    """
    if logits.ndim != 1:
        raise ValueError(
            f"logits of one position have shape (vocab,), not {tuple(logits.shape)}: "
            "take for instance logits[0, -1]"
        )
    best = logits.softmax(-1).topk(k)
    texts = [model.tokenizer.decode([i]) for i in best.indices.tolist()]
    return list(zip(texts, best.values.tolist(), strict=True))
