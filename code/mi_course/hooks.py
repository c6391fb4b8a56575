"""Run a model with hooks, safely.

TransformerBridge says nothing about some mistakes: hooks given to the wrong method are ignored,
and hooks left on the model change every later run. The functions here take hooks in one place only,
check names, heads and lengths first, and leave the model without hooks, also after an error.
`mi_course.guards` makes the same checks on the model's own methods.
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mi_course import padding, renamed

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Hook = Callable[[Tensor, Any], Tensor | None]
Filter = str | Callable[[str], bool]  # the name of a hook point, or a function that chooses some

__getattr__ = renamed.attributes(
    __name__, {"check_head": "heads.check_head", "check_padding": "padding.check_left"}
)


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
    watch = Watch()
    model.reset_hooks()
    try:
        with torch.no_grad():
            logits = model.run_with_hooks(tokens, fwd_hooks=watch.over(hooks))
    finally:
        model.reset_hooks()
    watch.check()
    return logits


class Watch:
    """Sees which hooks of a run ran, since one that never ran changed nothing."""

    def __init__(self) -> None:
        self._waiting: list[Filter] = []

    def over(self, hooks: Iterable[tuple[Filter, Hook]]) -> list[tuple[Filter, Hook]]:
        """The same hooks, each of which now also notes that it ran."""
        return [self._noted(point, hook) for point, hook in hooks]

    def _noted(self, point: Filter, hook: Hook) -> tuple[Filter, Hook]:
        self._waiting.append(point)

        def run(activation: Tensor, hook_point: Any) -> Tensor | None:
            if point in self._waiting:
                self._waiting.remove(point)
            return hook(activation, hook_point)

        # the library hands the hook point over by its name, `hook`
        return point, lambda activation, hook: run(activation, hook)

    def check(self, *, partial: bool = False) -> None:
        """Raise RuntimeError for the first hook that never ran: see `never_ran`."""
        for point in self._waiting:
            raise never_ran(point, partial=partial)


def never_ran(point: Filter, *, partial: bool = False) -> RuntimeError:
    """The error for a hook point, or for all points of a filter, that a run did not reach.

    Args:
        point: its name, or the filter.
        partial: the run was told to start or to stop at a layer.
    """
    where = f"the hook at {point}" if isinstance(point, str) else "the filter's hook"
    if partial:
        return RuntimeError(
            f"{where} never ran: start_at_layer or stop_at_layer leaves out its layer, or this "
            "model does not compute that value in compatibility mode"
        )
    return RuntimeError(
        f"{where} never ran: this model does not compute that value in "
        "compatibility mode; hook another place of the same block"
    )


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


def check_hook_names(model: TransformerBridge, names: Iterable[str]) -> None:
    """Refuse the first name at which no hook can run.

    Raises:
        KeyError: it is no hook point of the model; the message gives the nearest ones.
        TypeError: it is no name.
        ValueError: the hook point exists and is switched off; the message names the switch.
    """
    known = model.hook_dict
    for name in names:
        if not isinstance(name, str):
            raise TypeError(
                f"hook points are given by their names here, and one of these is {_a(name)}"
            )
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f": did you mean {' or '.join(near)}?" if near else "; see model.hook_dict"
            raise KeyError(f"this model has no hook point {name!r}{hint}")
        model.check_hooks_to_add(known[name], name, print)  # ValueError names the flag to set


def check_filter(model: TransformerBridge, wanted: Filter) -> Filter:
    """The same name or filter, without the hook points that are switched off.

    Args:
        model: whose hook points are meant.
        wanted: a hook point's name, or a function that is called with each name.

    Raises:
        KeyError: no hook point has that name, or the function chooses none.
        TypeError: it is neither a name nor a function.
        ValueError: every hook point that is meant is switched off; the message names the switch.

    Warns:
        UserWarning: some of those that a function chooses are switched off, and left out.
    """
    if isinstance(wanted, str):
        check_hook_names(model, [wanted])
        return wanted
    if not callable(wanted):
        raise TypeError(
            "hook points are chosen by a name or by a function of a name, not by "
            f"{_a(wanted)}; names_filter may also be a list of names"
        )
    chosen = [name for name in model.hook_dict if wanted(name)]
    if not chosen:
        raise KeyError(
            "the filter matches no hook point of this model: look at model.hook_dict.keys()"
        )
    off = {name for name in chosen if _is_off(model, name)}
    if len(off) == len(chosen):
        check_hook_names(model, chosen)
    if not off:
        return wanted
    tell(
        f"{len(off)} of the {len(chosen)} hook points that the filter matches are switched off and "
        f"left out: {', '.join(sorted(off))}. Each has its switch, such as "
        "model.set_use_attn_result(True)"
    )
    return lambda name: name not in off and bool(wanted(name))


def _is_off(model: TransformerBridge, name: str) -> bool:
    try:
        check_hook_names(model, [name])
    except ValueError:
        return True
    return False


def _a(thing: object) -> str:
    kind = "function" if callable(thing) else type(thing).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def tell(message: str) -> None:
    """Warn at the line outside the libraries that led here, so that every cell is told."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and _package(frame.f_globals) in ("mi_course", "torch", "transformer_lens"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def _package(names: dict[str, Any]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]


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
    """Raise ValueError unless LayerNorm is folded into the weights and these are centred.

    The flag `compatibility_mode` alone does not say so: `no_processing=True` sets it too. Weights
    of 16 bits are refused too, and those that were rounded to 16 bits once: they are no longer
    centred.
    """
    weights = model.W_O.detach()
    folded = model.compatibility_mode and float(weights.mean(-1).abs().max()) < 1e-5
    if weights.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"this needs the weights in float32, and the model's are {_name(weights.dtype)}: "
            "load it with mi_course.models.load, and leave out model.to(...)"
        )
    rounded = [half for half in (torch.bfloat16, torch.float16) if _survives(weights, half)]
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
