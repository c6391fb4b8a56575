"""Knock out attention heads and see what the model can no longer do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from jaxtyping import Float, Int
from torch import Tensor

from mi_course.hooks import check_head, run_with_cache, run_with_hooks

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Head = tuple[int, int]


def ablate_heads(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    heads: Iterable[Head],
    how: Literal["zero", "mean"] = "mean",
) -> Float[Tensor, "batch pos vocab"]:
    """Logits of a forward pass in which the given heads no longer say anything about the prompt.

    Replaces `z`, the head's output before W_O, at every position. `zero` sets it to zero, which the
    model never meets; `mean` sets it to its mean over this batch, position by position, which keeps
    what the head does for every prompt and removes what it does for this one.

    Args:
        model: in eval mode; left without hooks.
        tokens: equal-length prompts, no padding; for `mean`, at least five.
        heads: (layer, head) pairs, counted from 0; none gives the clean logits.
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
    means: dict[int, Any] = dict.fromkeys(by_layer, 0.0)
    if how == "mean" and by_layer:
        _, cache = run_with_cache(model, tokens, names.values())
        means = {layer: cache[name].mean(0) for layer, name in names.items()}
    hooks = [
        (names[layer], partial(_replace_heads, heads=numbers, value=means[layer]))
        for layer, numbers in by_layer.items()
    ]
    return run_with_hooks(model, tokens, hooks)


def _replace_heads(
    z: Float[Tensor, "batch pos head d_head"], hook: Any, heads: list[int], value: Any
) -> Tensor:
    z = z.clone()  # the tensor belongs to the forward pass: changing it in place changes gradients
    for head in heads:
        z[:, :, head] = value if isinstance(value, float) else value[:, head]
    return z
