"""The forward pass of a folded GPT-2, in which only what a patch can change is computed.

"Folded": compatibility mode has moved LayerNorms' weights into the layers that read them.

A patch at layer 7 and position 10 leaves all earlier layers and positions as they were. So a run
is done once and kept (`run`), and each patch goes on from there (`propagate`): it starts at its
layer, at the first position that it changes, and ends with the two logits that are read. Patches of
all layers move up through the model together, as one batch that grows at each layer.

There are no hooks here. The pass knows one architecture and refuses any other. `of` compares it
with the bridge before it is used, and again when the bridge has other weights or a hook.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mi_course import renamed
from mi_course.errors import CourseError
from mi_course.hooks import check_tokens, require_compatibility
from mi_course.ioi import Answers

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

# What the arithmetic below takes for granted; a model that differs is refused.
_KNOWN = {
    "architecture": "GPT2LMHeadModel",
    "act_fn": "gelu_new",
    "normalization_type": "LN",
    "positional_embedding_type": "standard",
    "attention_dir": "causal",
    "final_rms": False,
    "gated_mlp": False,
    "parallel_attn_mlp": False,
    "use_local_attn": False,
    "scale_attn_by_inverse_layer_idx": False,
    "use_attn_scale": True,
    "attn_scale": -1.0,
    "attn_scores_soft_cap": -1.0,
    "output_logits_soft_cap": -1.0,
    "n_key_value_heads": None,
    "dtype": torch.float32,
}
_AGREE = 1e-4  # of logits whose size is about one
_LIBRARIES = ("transformer_lens.", "transformers.")
_ROWS = 2048  # positions that go through an MLP at a time: its hidden layer stays small

# Given a layer and the positions wanted, the residual streams of the patches that start there.
Start: TypeAlias = Callable[[int, slice], Float[Tensor, "patch batch span d_model"]]
# Queries, keys and values in, the same out; the queries may be those of the last position alone.
Swap: TypeAlias = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]

__getattr__ = renamed.attributes(__name__, {"Plain": "FoldedGPT2", "plain": "of"})


class UnknownModelError(CourseError, ValueError):
    """This module's forward pass does not compute what this model computes."""


@dataclass(frozen=True)
class Block:
    """Weights of one layer, LayerNorms folded in. All are views of the bridge's, not copies."""

    w_q: Float[Tensor, "head_d_head d_model"]
    w_k: Float[Tensor, "head_d_head d_model"]
    w_v: Float[Tensor, "head_d_head d_model"]
    b_q: Float[Tensor, "head_d_head"]
    b_k: Float[Tensor, "head_d_head"]
    b_v: Float[Tensor, "head_d_head"]
    w_o: Float[Tensor, "head d_head d_model"]
    b_o: Float[Tensor, "d_model"]
    w_in: Float[Tensor, "d_model d_mlp"]
    b_in: Float[Tensor, "d_mlp"]
    w_out: Float[Tensor, "d_mlp d_model"]
    b_out: Float[Tensor, "d_model"]


@dataclass(frozen=True)
class Run:
    """What a forward pass on some prompts computed, by layer.

    Attributes:
        pre: residual stream before each layer, and after the last.
        mid: residual stream between attention and MLP.
        q, k, v: queries, keys and values of every head.
        z: what every head writes, before W_O.
    """

    pre: list[Float[Tensor, "batch pos d_model"]]
    mid: list[Float[Tensor, "batch pos d_model"]]
    q: list[Float[Tensor, "batch head pos d_head"]]
    k: list[Float[Tensor, "batch head pos d_head"]]
    v: list[Float[Tensor, "batch head pos d_head"]]
    z: list[Float[Tensor, "batch head pos d_head"]]

    def attention_output(self, layer: int) -> Float[Tensor, "batch pos d_model"]:
        """What the attention layer added."""
        return self.mid[layer] - self.pre[layer]

    def mlp_output(self, layer: int) -> Float[Tensor, "batch pos d_model"]:
        """What the MLP added."""
        return self.pre[layer + 1] - self.mid[layer]


@dataclass(frozen=True)
class FoldedGPT2:
    """The weights of a folded GPT-2, and the steps of its forward pass; made by `of`."""

    w_e: Float[Tensor, "vocab d_model"]
    w_pos: Float[Tensor, "n_ctx d_model"]
    blocks: list[Block]
    w_u: Float[Tensor, "d_model vocab"]
    b_u: Float[Tensor, "vocab"]
    n_heads: int
    eps: float

    @property
    def last(self) -> int:
        """The last layer."""
        return len(self.blocks) - 1

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.w_e.device

    def embed(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_model"]:
        """The residual stream before the first layer."""
        return self.w_e[tokens] + self.w_pos[: tokens.shape[1]]

    def run(self, tokens: Int[Tensor, "batch pos"]) -> Run:
        """A whole forward pass, all of it kept, but no logits."""
        x = self.embed(tokens)
        run = Run(pre=[x], mid=[], q=[], k=[], v=[], z=[])
        for layer in range(len(self.blocks)):
            q, k, v = self.qkv(layer, x)
            z = attend(q, k, v)
            x = x + self.output(layer, z)
            run.mid.append(x)
            x = x + self.mlp(layer, x)
            for kept, new in zip(
                (run.q, run.k, run.v, run.z, run.pre), (q, k, v, z, x), strict=True
            ):
                kept.append(new)
        return run

    def normal(self, x: Float[Tensor, "*rest d_model"]) -> Float[Tensor, "*rest d_model"]:
        """LayerNorm; its weights are folded into what follows."""
        return F.layer_norm(x, x.shape[-1:], eps=self.eps)

    def qkv(
        self, layer: int, x: Float[Tensor, "batch pos d_model"]
    ) -> tuple[Float[Tensor, "batch head pos d_head"], ...]:
        """Queries, keys and values of every head."""
        normal = self.normal(x)
        return tuple(self._project(layer, part, normal) for part in "qkv")

    def _project(
        self, layer: int, part: str, normal: Float[Tensor, "batch pos d_model"]
    ) -> Float[Tensor, "batch head pos d_head"]:
        """Queries, keys or values of every head, given streams after the LayerNorm."""
        block = self.blocks[layer]
        joined = F.linear(normal, getattr(block, f"w_{part}"), getattr(block, f"b_{part}"))
        by_head = joined.unflatten(-1, (self.n_heads, -1))  # batch pos head d_head
        return by_head.transpose(1, 2)  # batch head pos d_head

    def output(
        self, layer: int, z: Float[Tensor, "batch head pos d_head"]
    ) -> Float[Tensor, "batch pos d_model"]:
        """What an attention layer adds, given what its heads write."""
        block = self.blocks[layer]
        joined = z.transpose(1, 2).flatten(2)  # batch pos head_d_head
        rows = joined.flatten(0, 1)  # batch_pos head_d_head
        w_o = block.w_o.flatten(0, 1)  # head_d_head d_model
        return torch.addmm(block.b_o, rows, w_o).unflatten(0, joined.shape[:2])  # batch pos d_model

    def head_outputs(
        self, layer: int, z: Float[Tensor, "batch head pos d_head"], heads: slice
    ) -> Float[Tensor, "head batch pos d_model"]:
        """What each of some heads adds by itself, no bias."""
        w_o = self.blocks[layer].w_o[heads]
        by_head = z[:, heads].transpose(0, 1)  # head batch pos d_head
        added = by_head.flatten(1, 2) @ w_o  # head batch_pos d_model
        return added.unflatten(1, by_head.shape[1:3])  # head batch pos d_model

    def attention(
        self,
        layer: int,
        x: Float[Tensor, "patch batch span d_model"],
        run: Run,
        swap: Swap | None = None,
    ) -> Float[Tensor, "patch batch out d_model"]:
        """The residual stream after an attention layer, for streams that begin inside the prompt.

        Earlier positions are as in `run`. In the last layer only the last position is computed:
        nothing reads the others. `swap` may change the queries, keys and values.
        """
        n, span = x.shape[0], x.shape[2]
        normal = self.normal(x).flatten(0, 1)  # patch_batch span d_model
        wanted = slice(-1, None) if layer == self.last else slice(None)
        q = self._project(layer, "q", normal[:, wanted])  # patch_batch head out d_head
        k, v = (self._project(layer, part, normal) for part in "kv")  # patch_batch head span d_head
        if swap is not None:
            q, k, v = swap(q, k, v)
        before = run.k[layer].shape[2] - span
        k, v = (  # patch_batch head pos d_head
            torch.cat([old[:, :, :before].repeat(n, 1, 1, 1), new], 2)
            for old, new in ((run.k[layer], k), (run.v[layer], v))
        )
        added = self.output(layer, attend(q, k, v))  # patch_batch out d_model
        return x[:, :, wanted] + added.unflatten(0, (n, -1))  # patch batch out d_model

    def mlp(self, layer: int, x: Float[Tensor, "*rest d_model"]) -> Float[Tensor, "*rest d_model"]:
        """What an MLP adds."""
        block = self.blocks[layer]
        rows = x.reshape(-1, x.shape[-1])  # rest d_model
        out = torch.empty_like(rows)
        for part, into in zip(rows.split(_ROWS), out.split(_ROWS), strict=True):
            hidden = torch.addmm(block.b_in, self.normal(part), block.w_in)
            torch.addmm(block.b_out, F.gelu(hidden, approximate="tanh"), block.w_out, out=into)
        return out.view(x.shape)

    def logit_diff(
        self, x: Float[Tensor, "*patch batch d_model"], answers: Answers
    ) -> Float[Tensor, "*patch batch"]:
        """The logit difference, given the residual stream at the position that is read."""
        direction = (self.w_u[:, answers.right] - self.w_u[:, answers.wrong]).T  # batch d_model
        bias = self.b_u[answers.right] - self.b_u[answers.wrong]
        return (self.normal(x) * direction).sum(-1) + bias


def attend(
    q: Float[Tensor, "batch head query d_head"],
    k: Float[Tensor, "batch head key d_head"],
    v: Float[Tensor, "batch head key d_head"],
) -> Float[Tensor, "batch head query d_head"]:
    """Causal attention; the queries are those of the last positions."""
    seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device)
    return F.scaled_dot_product_attention(q, k, v, seen.tril(k.shape[2] - q.shape[2]))


def propagate(
    folded: FoldedGPT2,
    run: Run,
    answers: Answers,
    first: int,
    after_attention: Start | None = None,
    after_mlp: Start | None = None,
) -> Float[Tensor, "patch batch"]:
    """Logit differences of many patches, in the order in which they start.

    Args:
        folded: the model.
        run: of the prompts without a patch, all of one length.
        answers: what to read, at the last position.
        first: the first position that any of the patches changes.
        after_attention: gives the residual streams of the patches that start between the attention
            and the MLP of a layer.
        after_mlp: the same for those that start after a layer's MLP.
    """
    active: Tensor | None = None
    for layer in range(len(folded.blocks)):
        span = slice(-1, None) if layer == folded.last else slice(first, None)
        if active is not None:
            active = folded.attention(layer, active, run)
        if after_attention is not None:
            active = _join(active, after_attention(layer, span))
        if active is not None:
            active = active + folded.mlp(layer, active)
        if after_mlp is not None:
            active = _join(active, after_mlp(layer, span))
    if active is None:
        raise TypeError("propagate() needs after_attention or after_mlp: where the patches start")
    return folded.logit_diff(active[:, :, -1], answers)


def _join(active: Tensor | None, new: Tensor) -> Tensor:
    return new if active is None else torch.cat([active, new])


@torch.no_grad()
def of(model: TransformerBridge) -> FoldedGPT2:
    """A bridge's folded GPT-2, compared with the bridge; made once for each model and its weights.

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
    _check_architecture(model)
    folded = FoldedGPT2(
        w_e=model.W_E,
        w_pos=model.W_pos,
        blocks=[_block(block) for block in model.blocks],
        w_u=model.W_U,
        b_u=model.b_U,
        n_heads=model.cfg.n_heads,
        eps=model.cfg.eps,
    )
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

    folded: FoldedGPT2
    state: tuple[Any, ...]
    tensors: list[Tensor]


# By model, as long as it lives; nothing in a value refers to the model itself.
_kept: WeakKeyDictionary[TransformerBridge, _Kept] = WeakKeyDictionary()


def _state(model: TransformerBridge) -> tuple[Any, ...]:
    """Equal as long as the model has the same weights, unchanged, and the same settings."""
    settings = [getattr(model.cfg, name, None) for name in (*_KNOWN, "n_heads", "eps")]
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


def _check_architecture(model: TransformerBridge) -> None:
    for name, expected in _KNOWN.items():
        found = getattr(model.cfg, name, None)
        if found != expected:
            raise UnknownModelError(
                f"fast patching knows GPT-2 only, and this model's {name} is {found!r}, not "
                f"{expected!r}: use hooks (mi_course.hooks) or transformer_lens.patching"
            )


def _block(block: Any) -> Block:
    attn, mlp = block.attn, block.mlp
    # head d_model d_head -> head_d_head d_model
    w_q, w_k, w_v = (w.transpose(1, 2).flatten(0, 1) for w in (attn.W_Q, attn.W_K, attn.W_V))
    # head d_head -> head_d_head
    b_q, b_k, b_v = (b.flatten() for b in (attn.b_Q, attn.b_K, attn.b_V))
    return Block(
        w_q=w_q,
        w_k=w_k,
        w_v=w_v,
        b_q=b_q,
        b_k=b_k,
        b_v=b_v,
        w_o=attn.W_O,
        b_o=attn.b_O,
        w_in=mlp.W_in,
        b_in=mlp.b_in,
        w_out=mlp.W_out,
        b_out=mlp.b_out,
    )


def _compare(folded: FoldedGPT2, model: TransformerBridge) -> None:
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
