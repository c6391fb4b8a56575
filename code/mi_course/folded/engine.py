"""The forward pass of a folded model, in which only what a patch can change is computed.

"Folded": compatibility mode has moved the norms' weights into the layers that read them.

A patch at layer 7 and position 10 leaves all earlier layers and positions as they were. So a run
is done once and kept (`Folded.run`), and each patch goes on from there (`propagate`): it starts at
its layer, at the first position that it changes, and ends with the two logits that are read.
Patches of all layers move up through the model together, as one batch that grows at each layer.

There are no hooks here. What a family of models computes in a norm, in the projections to queries,
keys and values, and in an MLP is in a module of its own, `gpt2` or `llama`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mi_course.errors import CourseError
from mi_course.ioi import Answers

_ROWS = 2048  # positions that go through an MLP at a time: its hidden layer stays small

# Given a layer and the positions wanted, the residual streams of the patches that start there.
Start: TypeAlias = Callable[[int, slice], Float[Tensor, "patch batch span d_model"]]
# Queries, keys and values in, the same out; the queries may be those of the last position alone.
Swap: TypeAlias = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


class UnknownModelError(CourseError, ValueError):
    """No folded forward pass computes what this model computes."""


@dataclass(frozen=True)
class Block:
    """Weights of one layer's attention, norms folded in. They are views of the bridge's.

    A group of heads shares keys and values; in GPT-2 each head is a group.
    """

    w_q: Float[Tensor, "head_d_head d_model"]
    w_k: Float[Tensor, "group_d_head d_model"]
    w_v: Float[Tensor, "group_d_head d_model"]
    w_o: Float[Tensor, "head d_head d_model"]
    b_o: Float[Tensor, "d_model"]


@dataclass(frozen=True)
class Run:
    """What a forward pass on some prompts computed, by layer.

    Attributes:
        pre: residual stream before each layer, and after the last.
        mid: residual stream between attention and MLP.
        q, k, v: queries of every head, keys and values of every group; rotated, where the model
            tells positions by rotation.
        z: what every head writes, before W_O.
    """

    pre: list[Float[Tensor, "batch pos d_model"]]
    mid: list[Float[Tensor, "batch pos d_model"]]
    q: list[Float[Tensor, "batch head pos d_head"]]
    k: list[Float[Tensor, "batch group pos d_head"]]
    v: list[Float[Tensor, "batch group pos d_head"]]
    z: list[Float[Tensor, "batch head pos d_head"]]

    def attention_output(self, layer: int) -> Float[Tensor, "batch pos d_model"]:
        """What the attention layer added."""
        return self.mid[layer] - self.pre[layer]

    def mlp_output(self, layer: int) -> Float[Tensor, "batch pos d_model"]:
        """What the MLP added."""
        return self.pre[layer + 1] - self.mid[layer]


@dataclass(frozen=True)
class Folded(ABC):
    """The weights of a folded model, and the steps of its forward pass; made by `folded.of`."""

    w_e: Float[Tensor, "vocab d_model"]
    blocks: Sequence[Block]
    w_u: Float[Tensor, "d_model vocab"]
    b_u: Float[Tensor, "vocab"]
    n_heads: int
    n_groups: int
    eps: float

    @abstractmethod
    def embed(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_model"]:
        """The residual stream before the first layer."""

    @abstractmethod
    def normal(self, x: Float[Tensor, "*rest d_model"]) -> Float[Tensor, "*rest d_model"]:
        """The norm; its weights are folded into what follows."""

    @abstractmethod
    def project(
        self,
        layer: int,
        part: str,
        normal: Float[Tensor, "batch pos d_model"],
        positions: Int[Tensor, "*batch pos"],
    ) -> Float[Tensor, "batch unit pos d_head"]:
        """Queries of every head, or keys or values of every group, given streams after the norm."""

    @abstractmethod
    def mlp_rows(
        self, layer: int, normal: Float[Tensor, "row d_model"], out: Float[Tensor, "row d_model"]
    ) -> None:
        """Writes into `out` what an MLP adds, given streams after the norm."""

    @property
    def last(self) -> int:
        """The last layer."""
        return len(self.blocks) - 1

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.w_e.device

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

    def qkv(
        self,
        layer: int,
        x: Float[Tensor, "batch pos d_model"],
        positions: Int[Tensor, "*batch pos"] | None = None,
    ) -> tuple[Float[Tensor, "batch unit pos d_head"], ...]:
        """Queries of every head, keys and values of every group; by default from position 0 on."""
        normal = self.normal(x)
        at = torch.arange(x.shape[1], device=x.device) if positions is None else positions
        return tuple(self.project(layer, part, normal, at) for part in "qkv")

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
        self,
        layer: int,
        z: Float[Tensor, "batch head pos d_head"],
        some: slice,
        n_units: int | None = None,
    ) -> Float[Tensor, "unit batch pos d_model"]:
        """What each of some heads adds by itself, no bias; or each of `n_units` groups of heads."""
        shape = (n_units or self.n_heads, -1)
        w_o = self.blocks[layer].w_o.unflatten(0, shape).flatten(1, 2)[some]  # unit of_all d_model
        by_unit = z.unflatten(1, shape)[:, some]  # batch unit head pos d_head
        by_unit = by_unit.permute(1, 0, 3, 2, 4)  # unit batch pos head d_head
        added = by_unit.flatten(3).flatten(1, 2) @ w_o  # unit batch_pos d_model
        return added.unflatten(1, by_unit.shape[1:3])  # unit batch pos d_model

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
        before = run.k[layer].shape[2] - span
        at = torch.arange(before, before + span, device=x.device)
        q = self.project(layer, "q", normal[:, wanted], at[wanted])  # patch_batch head out d_head
        # patch_batch group span d_head
        k, v = (self.project(layer, part, normal, at) for part in "kv")
        if swap is not None:
            q, k, v = swap(q, k, v)
        k, v = (  # patch_batch group pos d_head
            torch.cat([old[:, :, :before].repeat(n, 1, 1, 1), new], 2)
            for old, new in ((run.k[layer], k), (run.v[layer], v))
        )
        added = self.output(layer, attend(q, k, v))  # patch_batch out d_model
        return x[:, :, wanted] + added.unflatten(0, (n, -1))  # patch batch out d_model

    def mlp(self, layer: int, x: Float[Tensor, "*rest d_model"]) -> Float[Tensor, "*rest d_model"]:
        """What an MLP adds."""
        rows = x.reshape(-1, x.shape[-1])  # rest d_model
        out = torch.empty_like(rows)
        for part, into in zip(rows.split(_ROWS), out.split(_ROWS), strict=True):
            self.mlp_rows(layer, self.normal(part), into)
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
    k: Float[Tensor, "batch group key d_head"],
    v: Float[Tensor, "batch group key d_head"],
) -> Float[Tensor, "batch head query d_head"]:
    """Causal attention; the queries are those of the last positions."""
    seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device)
    seen = seen.tril(k.shape[2] - q.shape[2])
    per_group = q.shape[1] // k.shape[1]
    if per_group == 1:
        return F.scaled_dot_product_attention(q, k, v, seen)
    by_group = q.unflatten(1, (-1, per_group)).flatten(2, 3)  # batch group head_query d_head
    z = F.scaled_dot_product_attention(by_group, k, v, seen.repeat(per_group, 1))
    return z.unflatten(2, (per_group, -1)).flatten(1, 2)


def propagate(
    folded: Folded,
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
