"""Which folded model belongs to a bridge: made once, compared, and again when the bridge changes.

A pass knows a few architectures and refuses any other. `of` compares it with the bridge before it
is used, and again when the bridge has other weights or a hook.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from mi_course.folded import gpt2, llama
from mi_course.folded.engine import Folded, UnknownModelError
from mi_course.hooks import check_tokens, require_compatibility

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_FAMILIES: dict[str, ModuleType] = {"GPT2LMHeadModel": gpt2, "LlamaForCausalLM": llama}
_USED = {"architecture", "n_heads", "n_key_value_heads", "d_head", "eps", "rope_parameters"}
_INSTEAD = "use hooks (mi_course.hooks) or transformer_lens.patching"
_AGREE = 1e-4  # of logits whose size is about one
_LIBRARIES = ("transformer_lens.", "transformers.")


@torch.no_grad()
def of(model: TransformerBridge) -> Folded:
    """A bridge's folded model, compared with the bridge; made once for each model and its weights.

    What is returned reads the bridge's own weights. It is made and compared again when a weight was
    changed or replaced. While a hook is on the model, every call compares, so that a hook that was
    left behind is refused.

    Raises:
        UnknownModelError: another architecture, or logits that differ from the bridge's.
        ValueError: the model is not in compatibility mode.
    """
    state = _state(model)
    kept = _kept.get(model)
    if kept is not None and kept.state == state:
        if _may_differ(model):
            _compare(kept.folded, model)
        return kept.folded
    require_compatibility(model)
    family = _family(model)
    for name, expected in family.KNOWN.items():
        if (found := getattr(model.cfg, name, None)) != expected:
            raise UnknownModelError(
                f"fast patching knows {family.NAME} as it was published, and this model's {name} "
                f"is {found!r}, not {expected!r}: {_INSTEAD}"
            )
    folded = family.make(model)
    _compare(folded, model)
    _kept[model] = _Kept(folded, state, [tensor.detach() for tensor in _tensors(model)])
    return folded


@dataclass(frozen=True)
class _Kept:
    """A folded model, and what it was made from.

    Attributes:
        folded: the model.
        state: `_state` at that time.
        tensors: the weights of that time; while they are held, no others get their addresses.
    """

    folded: Folded
    state: tuple[Any, ...]
    tensors: list[Tensor]


# By model, as long as it lives; nothing in a value refers to the model itself.
_kept: WeakKeyDictionary[TransformerBridge, _Kept] = WeakKeyDictionary()


def _state(model: TransformerBridge) -> tuple[Any, ...]:
    """Equal as long as the model has the same weights, unchanged, and the same settings."""
    known = {name for family in _FAMILIES.values() for name in family.KNOWN}
    settings = [str(getattr(model.cfg, name, None)) for name in sorted(known | _USED)]
    weights = [
        (
            tensor.data_ptr(),
            tensor.shape,
            tensor.stride(),
            tensor.dtype,
            # grows with every change in place; those made in inference mode are not counted
            0 if tensor.is_inference() else tensor._version,
        )
        for tensor in _tensors(model)
    ]
    return model.compatibility_mode, *settings, *weights


def _tensors(model: TransformerBridge) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def _may_differ(model: TransformerBridge) -> bool:
    """Whether something else than weights may change what the bridge computes: hooks, dropout."""
    return any(module.training or _has_hook(module) for module in model.modules())


def _has_hook(module: nn.Module) -> bool:
    """Whether someone put a hook there: the libraries leave some of their own on other modules."""
    from transformer_lens.hook_points import HookPoint

    hooks = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    if isinstance(module, HookPoint):
        return bool(hooks)
    return any(not str(hook.__module__).startswith(_LIBRARIES) for hook in hooks)


def _family(model: TransformerBridge) -> ModuleType:
    architecture = str(getattr(model.cfg, "architecture", None))
    if architecture not in _FAMILIES:
        known = " and ".join(family.NAME for family in _FAMILIES.values())
        raise UnknownModelError(
            f"fast patching knows {known}, and this model is a {architecture}: {_INSTEAD}"
        )
    return _FAMILIES[architecture]


def _compare(folded: Folded, model: TransformerBridge) -> None:
    """Runs one short prompt both ways."""
    tokens = torch.arange(1, min(9, model.cfg.d_vocab, model.cfg.n_ctx), device=model.W_U.device)
    check_tokens(model, tokens[None])
    expected = model(tokens[None])[0]
    found = folded.normal(folded.run(tokens[None]).pre[-1][0]) @ folded.w_u + folded.b_u
    off = float((found - expected).abs().max() / expected.abs().max().clamp(min=1))
    if not off <= _AGREE:
        raise UnknownModelError(
            f"the folded forward pass differs from the model by {off:.1e} of its largest logit: "
            "is a hook left on the model? model.reset_hooks() removes it"
        )
