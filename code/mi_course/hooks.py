"""Run a model with hooks, safely.

TransformerBridge says nothing about some mistakes: hooks given to the wrong method are ignored,
and hooks left on the model change every later run. The functions here take hooks in one place only,
check names, heads and lengths first, and leave the model without hooks, also after an error.
`mi_course.guards` makes the same checks on the model's own methods.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import renamed

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Hook = Callable[[Tensor, Any], Tensor | None]

__getattr__ = renamed.attributes(__name__, {"check_head": "heads.check_head"})


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
        ValueError: tokens that the model cannot read, or a hook point that is switched off.
        RuntimeError: a hook point that this model never reaches.
    """
    hooks = list(hooks)
    check_hook_names(model, [name for name, _ in hooks])
    check_tokens(model, tokens)
    reached: set[str] = set()

    def noted(name: str, hook: Hook) -> tuple[str, Hook]:
        def run(activation: Tensor, hook_point: Any) -> Tensor | None:
            reached.add(name)
            return hook(activation, hook_point)

        # the library hands the hook point over by its name, `hook`
        return name, lambda activation, hook: run(activation, hook)

    model.reset_hooks()
    try:
        with torch.no_grad():
            logits = model.run_with_hooks(tokens, fwd_hooks=[noted(*pair) for pair in hooks])
    finally:
        model.reset_hooks()
    for name, _ in hooks:
        if name not in reached:
            raise RuntimeError(
                f"the hook at {name} never ran: this model does not compute that value in "
                "compatibility mode; hook another place of the same block"
            )
    return logits


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
    """Refuse the first name at which no hook can run.

    Raises:
        KeyError: it is no hook point of the model; the message gives the nearest ones.
        ValueError: the hook point exists and is switched off; the message names the switch.
    """
    known = model.hook_dict
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f": did you mean {' or '.join(near)}?" if near else "; see model.hook_dict"
            raise KeyError(f"this model has no hook point {name!r}{hint}")
        model.check_hooks_to_add(known[name], name, print)  # ValueError names the flag to set


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
    check_padding(model, tokens)


def check_padding(model: TransformerBridge, tokens: Int[Tensor, "batch pos"]) -> None:
    """Raise ValueError for a row that begins with padding.

    Without an attention mask the model takes padding on the left for text, and counts positions
    from it: every logit of that row is wrong. Padding on the right changes nothing before it.
    """
    pad = getattr(model.tokenizer, "pad_token_id", None)
    if pad is None or tokens.shape[1] < 2:
        return
    padded = tokens[:, 0] == pad
    if pad == model.tokenizer.bos_token_id:  # one BOS is right: a second one is padding
        padded &= tokens[:, 1] == pad
    padded &= (tokens != pad).any(1)
    if bool(padded.any()):
        row = int(padded.nonzero()[0])
        raise ValueError(
            f"row {row} of the tokens begins with padding, and without attention_mask its logits "
            "would be wrong: pad on the right (model.to_tokens(texts)), or give the model the "
            "list of texts itself"
        )


def require_compatibility(model: TransformerBridge) -> None:
    """Raise ValueError unless LayerNorm is folded into the weights and these are centred.

    The flag `compatibility_mode` alone does not say so: `no_processing=True` sets it too.
    """
    folded = model.compatibility_mode and float(model.W_O.detach().mean(-1).abs().max()) < 1e-5
    if not folded:
        raise ValueError(
            "this needs compatibility mode, or its numbers are wrong: load with "
            "mi_course.models.load, or call model.enable_compatibility_mode()"
        )


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
