"""Knock out attention heads and see what the model can no longer do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from jaxtyping import Float, Int
from torch import Tensor

from mi_course.hooks import Hook, check_head, run_with_cache, run_with_hooks

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Head = tuple[int, int]


def ablate_heads(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    heads: Iterable[Head],
    how: Literal["zero", "mean"] = "mean",
) -> Float[Tensor, "batch pos vocab"]:
    """Logits of a forward pass in which the given heads say nothing about this prompt.

    Arguments and errors are those of `ablation_hooks`; the model is left without hooks.
    """
    return run_with_hooks(model, tokens, ablation_hooks(model, tokens, heads, how))


def ablation_hooks(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    heads: Iterable[Head],
    how: Literal["zero", "mean"] = "mean",
) -> list[tuple[str, Hook]]:
    """Hooks that replace `z`, a head's output before W_O, at every position.

    `zero` sets it to zero, which the model never meets; `mean` sets it to its mean over this batch,
    position by position, which keeps what the head does for every prompt and removes what it does
    for this one.

    Args:
        model: in eval mode.
        tokens: equal-length prompts, no padding; for `mean`, at least five.
        heads: (layer, head) pairs, counted from 0; none gives no hooks.
        how: `zero` or `mean`.

    Raises:
        IndexError: a head that the model does not have.
        ValueError: an unknown `how`, or too few prompts for a mean.

    See: Wang et al. 2022, arXiv:2211.00593, section 2, for the case against zero ablation.
    """
    if how not in ("zero", "mean"):
        raise ValueError(f"how must be 'zero' or 'mean', not {how!r}")
    if how == "mean" and tokens.shape[0] < 5:
        raise ValueError(
            f"a mean over {tokens.shape[0]} prompts is mostly the prompt itself: give at least 5"
        )
    by_layer: dict[int, list[int]] = defaultdict(list)
    for layer, head in heads:
        check_head(model, layer, head)
        by_layer[layer].append(head)
    names = {layer: f"blocks.{layer}.attn.hook_z" for layer in by_layer}
    means: dict[str, Tensor] = {}
    if how == "mean":
        _, cache = run_with_cache(model, tokens, names.values())
        means = {name: z.mean(0) for name, z in cache.items()}
    return [
        (name, partial(_replace_heads, heads=by_layer[layer], mean=means.get(name)))
        for layer, name in names.items()
    ]


def _replace_heads(
    z: Float[Tensor, "batch pos head d_head"],
    hook: Any,
    heads: list[int],
    mean: Float[Tensor, "pos head d_head"] | None,
) -> Float[Tensor, "batch pos head d_head"]:
    z = z.clone()  # the forward pass may use the original elsewhere
    z[:, :, heads] = 0.0 if mean is None else mean[:, heads]
    return z
