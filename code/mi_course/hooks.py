"""Run a model with hooks, safely.

TransformerBridge lets some mistakes pass in silence: hooks given to the wrong method are ignored,
and hooks left on the model change every later run. The functions here take hooks in one place only,
check names, heads and lengths first, and leave the model without hooks, also after an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Hook = Callable[[Tensor, Any], Tensor | None]


def run_with_hooks(
    model: TransformerBridge, tokens: Int[Tensor, "batch pos"], hooks: Iterable[tuple[str, Hook]]
) -> Float[Tensor, "batch pos vocab"]:
    """Logits of one forward pass during which each hook may change one activation.

    Args:
        model: hooks are removed afterwards, even if the pass fails.
        tokens: equal-length prompts, no padding.
        hooks: pairs of a hook point's name and a function `(activation, hook) -> activation`.

    Raises:
        KeyError: a name that the model does not have; the message gives the nearest ones.
        ValueError: tokens that the model cannot read.
    """
    hooks = list(hooks)
    check_hook_names(model, [name for name, _ in hooks])
    check_tokens(model, tokens)
    model.reset_hooks()
    try:
        with torch.no_grad():
            return model.run_with_hooks(tokens, fwd_hooks=[*hooks])
    finally:
        model.reset_hooks()


def run_with_cache(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    names: Iterable[str],
    hooks: Iterable[tuple[str, Hook]] = (),
) -> tuple[Float[Tensor, "batch pos vocab"], dict[str, Tensor]]:
    """Logits, and the activations at the named hook points, in a plain dictionary.

    The names are asked for, not filtered afterwards: a full cache of ten prompts of a hundred
    tokens takes over a gigabyte for GPT-2 small.

    Args:
        model: as for `run_with_hooks`.
        tokens: as for `run_with_hooks`.
        names: hook points to keep.
        hooks: changes to make during the pass, as for `run_with_hooks`; what is kept is what the
            model saw after them.

    Raises:
        KeyError, ValueError: as `run_with_hooks`.
    """
    cache: dict[str, Tensor] = {}

    def keep(name: str) -> tuple[str, Hook]:
        # The name is bound here: inside a hook, hook.name can be another name of the same place.
        def save(activation: Tensor, hook: Any) -> None:
            cache[name] = activation.detach().clone()

        return name, save

    logits = run_with_hooks(model, tokens, [*hooks, *map(keep, names)])
    return logits, cache


def attention_patterns(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    hooks: Iterable[tuple[str, Hook]] = (),
) -> Float[Tensor, "layer batch head query key"]:
    """The attention pattern of every head: where each query position looks, as probabilities."""
    names = [f"blocks.{layer}.attn.hook_pattern" for layer in range(model.cfg.n_layers)]
    _, cache = run_with_cache(model, tokens, names, hooks)
    return torch.stack([cache[name] for name in names])


def check_hook_names(model: TransformerBridge, names: Iterable[str]) -> None:
    """Raise KeyError for the first name that is no hook point of the model."""
    known = model.hook_dict
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f": did you mean {' or '.join(near)}?" if near else "; see model.hook_dict"
            raise KeyError(f"this model has no hook point {name!r}{hint}")


def check_tokens(model: TransformerBridge, tokens: Tensor) -> None:
    """Raise ValueError unless `tokens` is a batch of token ids that fits the model."""
    if not isinstance(tokens, Tensor) or tokens.dtype not in (torch.int64, torch.int32):
        raise ValueError("tokens must be a tensor of token ids: see model.to_tokens(text)")
    if tokens.ndim != 2:
        raise ValueError(f"tokens must have shape (batch, pos), not {tuple(tokens.shape)}")
    if tokens.shape[1] > model.cfg.n_ctx:
        raise ValueError(
            f"{tokens.shape[1]} tokens are too many: this model reads at most {model.cfg.n_ctx}"
        )
    if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < model.cfg.d_vocab:
        raise ValueError(
            f"token ids must lie in 0..{model.cfg.d_vocab - 1}: "
            "were these tokens made with another model's tokenizer?"
        )


def check_head(model: TransformerBridge, layer: int, head: int) -> None:
    """Raise IndexError for a head that the model does not have. Negative numbers are refused."""
    if not 0 <= layer < model.cfg.n_layers:
        raise IndexError(f"layer {layer} out of range: layers are 0..{model.cfg.n_layers - 1}")
    if not 0 <= head < model.cfg.n_heads:
        raise IndexError(f"head {head} out of range: heads are 0..{model.cfg.n_heads - 1}")
