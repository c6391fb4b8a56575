"""A tiny transformer with hook points: what a check hands over where a chapter has a model.

It is GPT-2's architecture in a few lines, with random weights: learned positions, LayerNorm without
gains, causal attention, MLPs with a GELU. Its hook points have the names of TransformerBridge, it
calls hooks as the bridge does, and it gives the same sentences for hooks that cannot work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import gelu, layer_norm

from mi_course.check.core import Wrong
from mi_course.check.hook_points import HookPoint

Pair = tuple[str, Callable[..., Any]]

_POINTS = {
    **{"hook_resid_pre": "hook_in", "hook_in": "hook_in"},
    **{f"attn.hook_{kind}": f"attn.hook_{kind}" for kind in ("q", "k", "v", "pattern", "z")},
    **{"attn.o.hook_in": "attn.hook_z", "hook_attn_out": "hook_attn_out"},
    **{"hook_resid_mid": "hook_resid_mid", "hook_mlp_out": "hook_mlp_out"},
    **{"hook_resid_post": "hook_out", "hook_out": "hook_out"},
}
"""What may stand after `blocks.LAYER.`, and the name that the bridge's hook point then has."""


class TinyModel:
    """A model of random weights.

    Args:
        n_layers, n_heads, d_head, d_model: its sizes.
        vocab: how many tokens there are.
        seed: of the weights.
    """

    def __init__(
        self, n_layers: int, n_heads: int, d_head: int, d_model: int, vocab: int, seed: int
    ) -> None:
        self.n_layers, self.n_heads = n_layers, n_heads
        generator = torch.Generator().manual_seed(seed)

        def weights(*shape: int, scale: float = 1.0) -> Tensor:
            return scale * torch.randn(*shape, generator=generator) / shape[-2] ** 0.5

        self.w_e = weights(vocab, d_model, scale=2 * vocab**0.5)
        self.w_pos = weights(12, d_model, scale=12**0.5)
        self.w_qkv = weights(n_layers, 3, n_heads, d_model, d_head, scale=2.0)
        self.w_o = weights(n_layers, n_heads, d_head, d_model)
        self.w_in = weights(n_layers, d_model, 2 * d_model + 1, scale=2.0)
        self.w_out = weights(n_layers, 2 * d_model + 1, d_model, scale=2.0)
        self.w_u = weights(d_model, vocab, scale=3.0)

    @torch.no_grad()
    def __call__(
        self, tokens: Int[Tensor, "batch pos"], pairs: Iterable[Pair] = ()
    ) -> Float[Tensor, "batch pos vocab"]:
        """The logits of one run; each hook may change one activation.

        Raises:
            Wrong: a hook point that does not exist, or a hook that returns another shape.
        """
        by_point = self._by_point(pairs)

        def at(name: str, x: Tensor) -> Tensor:
            for hook in by_point.get(name, ()):
                x = _called(hook, name, x)
            return x

        x = self.w_e[tokens] + self.w_pos[: tokens.shape[1]]
        for layer in range(self.n_layers):
            block = f"blocks.{layer}."
            x = at(block + "hook_in", x)
            z = self._heads(layer, x, at)
            written = torch.einsum("bphe,hed->bpd", z, self.w_o[layer])
            x = at(block + "hook_resid_mid", x + at(block + "hook_attn_out", written))
            mlp = gelu(_norm(x) @ self.w_in[layer]) @ self.w_out[layer]
            x = at(block + "hook_out", x + at(block + "hook_mlp_out", mlp))
        return _norm(x) @ self.w_u

    def keep(self, tokens: Int[Tensor, "batch pos"], point: str) -> Float[Tensor, "layer ..."]:
        """What stands at one hook point of each layer, in a run without changes."""
        kept: dict[int, Tensor] = {}

        def saved(layer: int) -> Pair:
            def save(x: Tensor, hook: Any) -> None:
                kept[layer] = x.clone()

            return f"blocks.{layer}.{point}", save

        self(tokens, [saved(layer) for layer in range(self.n_layers)])
        return torch.stack([kept[layer] for layer in range(self.n_layers)])

    def _heads(self, layer: int, x: Tensor, at: Callable[[str, Tensor], Tensor]) -> Tensor:
        """`z` of all heads: batch pos head d_head."""
        point = f"blocks.{layer}.attn.hook_"
        q, k, v = (
            at(point + kind, torch.einsum("bpd,hde->bphe", _norm(x), w))
            for kind, w in zip("qkv", self.w_qkv[layer], strict=True)
        )
        scores = torch.einsum("bqhe,bkhe->bhqk", q, k) / q.shape[-1] ** 0.5
        later = torch.ones(scores.shape[-2:]).triu(1).bool()
        pattern = at(point + "pattern", scores.masked_fill(later, -torch.inf).softmax(-1))
        return at(point + "z", torch.einsum("bhqk,bkhe->bqhe", pattern, v))

    def _by_point(self, pairs: Iterable[Pair]) -> dict[str, list[Callable[..., Any]]]:
        found: dict[str, list[Callable[..., Any]]] = {}
        for pair in _listed(pairs):
            name, hook = pair
            layer, _, point = name.removeprefix("blocks.").partition(".")
            known = layer in [str(i) for i in range(self.n_layers)] and point in _POINTS
            if not name.startswith("blocks.") or not known:
                raise Wrong(
                    f"the model has no hook point {name!r}: its {self.n_layers} layer(s) are "
                    "counted from 0, and a name is such as 'blocks.0.attn.hook_z'"
                )
            found.setdefault(f"blocks.{layer}.{_POINTS[point]}", []).append(hook)
        return found


def _listed(pairs: Any) -> list[Pair]:
    """The pairs; refuses what is no list of pairs of a name and a function."""
    said = "`run` takes its hooks as a list of pairs, [(name of the hook point, function)]"
    if isinstance(pairs, str) or not isinstance(pairs, Iterable):
        raise Wrong(f"{said}; found {type(pairs).__name__}")
    listed = list(pairs)
    for pair in listed:
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise Wrong(f"{said}; found {type(pair).__name__} in the list")
        if not callable(pair[1]):
            raise Wrong(f"{said}; found a pair whose second is {type(pair[1]).__name__}")
    return listed


def _called(hook: Callable[..., Any], name: str, x: Tensor) -> Tensor:
    """What goes on from a hook point: what the hook returns, or what it was given."""
    shape, result = tuple(x.shape), hook(x, hook=HookPoint(name))
    if result is None:
        return x
    if not isinstance(result, Tensor):
        raise Wrong(
            f"your hook at {name} returns {type(result).__name__}: return the activation, changed, "
            "or nothing"
        )
    if tuple(result.shape) != shape:
        raise Wrong(
            f"your hook at {name} returns shape {tuple(result.shape)}, and was given {shape}: "
            "return the whole activation"
        )
    return result


def _norm(x: Tensor) -> Tensor:
    return layer_norm(x, x.shape[-1:])
