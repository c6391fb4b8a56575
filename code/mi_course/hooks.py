"""Run a model with hooks, safely.

TransformerBridge says nothing about some mistakes: hooks given to the wrong method are ignored,
and hooks left on the model change every later run. The functions here take hooks in one place only,
check names, heads and lengths first, and leave the model without hooks, also after an error.
`mi_course.guards` makes the same checks on the model's own methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mi_course import renamed
from mi_course.guards import padding
from mi_course.guards.filters import Watch, check_hook_names

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Hook = Callable[[Tensor, Any], Tensor | None]
_ENOUGH = 64  # rows of the unembedding tell whether it is centred

__getattr__ = renamed.attributes(
    __name__, {"check_head": "heads.check_head", "check_padding": "guards.padding.check_left"}
)


def run_with_hooks(
    model: TransformerBridge, tokens: Int[Tensor, "batch pos"], hooks: Iterable[tuple[str, Hook]]
) -> Float[Tensor, "batch pos vocab"]:
    """Logits of one forward pass during which each hook may change one activation.

    Args:
        model: hooks are removed afterwards, even if the pass fails. Within
            `with model.hooks(...)` those act too, and stay until that ends.
        tokens: equal-length prompts, no padding.
        hooks: pairs of a hook point's name and a function `(activation, hook) -> activation`.

    Raises:
        KeyError: a name that the model does not have; the message gives the nearest ones.
        ValueError: tokens that the model cannot read, or a hook point that is switched off.
        RuntimeError: a hook point that this model never reaches.
    """
    hooks = list(hooks)
    check_hook_names(model, [name for name, _ in hooks])
    check_tokens(model, tokens)
    watch = Watch()
    _reset_hooks(model)
    try:
        with torch.no_grad():
            logits = model.run_with_hooks(tokens, fwd_hooks=watch.over(hooks))
    finally:
        _reset_hooks(model)
    watch.check()
    return logits


def _reset_hooks(model: TransformerBridge) -> None:
    """Remove what was left behind; what a `with model.hooks(...)` around this asks for stays."""
    if not getattr(model, "context_level", 0):
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
        names: hook points to keep; a single one may stand alone.
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

    wanted = [names] if isinstance(names, str) else names
    logits = run_with_hooks(model, tokens, [*hooks, *map(keep, wanted)])
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


def check_tokens(
    model: TransformerBridge, tokens: Tensor, mask: Bool[Tensor, "batch pos"] | None = None
) -> None:
    """Raise ValueError unless `tokens` is a batch of token ids that fits the model.

    Padding on the left is refused, unless `mask` hides it: see `padding.check_left`.
    """
    if not isinstance(tokens, Tensor) or tokens.dtype not in (torch.int64, torch.int32):
        raise ValueError("tokens must be a tensor of token ids: see model.to_tokens(text)")
    if tokens.ndim != 2:
        raise ValueError(f"tokens must have shape (batch, pos), not {tuple(tokens.shape)}")
    if tokens.shape[1] == 0:
        raise ValueError("there are no tokens: the shape is (batch, pos), and pos is 0")
    check_length(model, tokens.shape[1])
    if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < model.cfg.d_vocab:
        raise ValueError(
            f"token ids must lie in 0..{model.cfg.d_vocab - 1}: "
            "were these tokens made with another model's tokenizer?"
        )
    padding.check_left(model, tokens, mask)


def check_length(model: TransformerBridge, length: int) -> None:
    """Raise ValueError for more tokens than the model's context."""
    if length > model.cfg.n_ctx:
        raise ValueError(
            f"{length} tokens are too many: this model reads at most {model.cfg.n_ctx}"
        )


def require_compatibility(model: TransformerBridge) -> None:
    """Raise ValueError unless the norms are folded into the weights, as compatibility mode does.

    The flag `compatibility_mode` alone does not say so: `no_processing=True` sets it too. The
    weights say it: folding centres what writes to the residual stream where the norms subtract a
    mean; where they are RMSNorms it centres the unembedding, and leaves gains of 1. Weights of 16
    bits are refused too, and those that were rounded to 16 bits once.
    """
    rms = is_rms(model)
    weights = (model.W_U[:_ENOUGH] if rms else model.W_O).detach()
    folded = model.compatibility_mode and float(weights.mean(-1).abs().max()) < 1e-5
    if weights.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"this needs the weights in float32, and the model's are {_name(weights.dtype)}: "
            "load it with mi_course.models.load, and leave out model.to(...)"
        )
    rounded = [half for half in (torch.bfloat16, torch.float16) if _survives(weights, half)]
    if rms:  # the mean of so long a row hides that its numbers were rounded
        folded = folded and _gains_are_one(model) and not rounded
    if not folded and model.compatibility_mode and rounded:
        raise ValueError(
            f"the model's weights were rounded to {_name(rounded[0])}, which float32 does not "
            "bring back, or compatibility mode was set with no_processing=True: load the model "
            "again with mi_course.models.load"
        )
    if not folded:
        raise ValueError(
            "this needs compatibility mode, or its numbers are wrong: load with "
            "mi_course.models.load, or call model.enable_compatibility_mode()"
        )


def is_rms(model: TransformerBridge) -> bool:
    """Whether the model's norms divide by a root mean square and subtract no mean, as Llama's."""
    return str(model.cfg.normalization_type).startswith("RMS")


def _gains_are_one(model: TransformerBridge) -> bool:
    norms = [norm for block in model.blocks for norm in (block.ln1, block.ln2)]
    return all(bool((norm.weight == 1).all()) for norm in (*norms, model.ln_final))


def _survives(weights: Tensor, dtype: torch.dtype) -> bool:
    return bool((weights.to(dtype).to(weights.dtype) == weights).all())


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def single_token(model: TransformerBridge, text: str) -> int:
    """The id of a text that is one token, such as " Mary" with its leading space.

    Raises:
        ValueError: it is several tokens here, so that it has no single logit and no single place.
    """
    ids = model.tokenizer.encode(text, add_special_tokens=False)
    if len(ids) != 1:
        pieces = ", ".join(repr(model.tokenizer.decode([i])) for i in ids) or "none"
        hint = "" if text.startswith(" ") else " (inside a text a word begins with its space)"
        raise ValueError(
            f"{text!r} is {len(ids)} tokens for this model: {pieces}; choose a word that is one"
            f"{hint}. mi_course.english.words.NAMES lists names that are."
        )
    return int(ids[0])
