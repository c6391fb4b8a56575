"""Activation patching: replace one activation of a run by that of another run, and read the answer.

`base` is the run that is changed, `source` the run that the activations come from. With the
corrupted prompts as base and the clean ones as source, a patch restores the answer (denoising);
the other way round, it destroys it (noising).

A patch changes nothing before its layer and its position, so the work starts there: see
`mi_course.folded`. A position that no patch can change keeps the base run's value.

In some models several heads, a group, share one set of keys and values. There keys and values are
patched by group, and the results have as many columns a layer as there are groups: `units`.

Source: Meng et al. 2022, arXiv:2202.05262; Heimersheim and Nanda 2024, arXiv:2404.15255.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import folded as folded_pass
from mi_course import ioi
from mi_course.folded import Folded, Run, attend
from mi_course.microbatches import microbatches

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

OfHead: TypeAlias = Literal["z", "q", "k", "v", "pattern"]
OfHeadAt: TypeAlias = Literal["z", "q", "k", "v"]
# Given both runs, a layer and a position, the base run's stream with that patch inside the layer.
PatchedStream: TypeAlias = Callable[
    [Folded, Run, Run, int, int, slice], Float[Tensor, "batch span d_model"]
]
# Given both runs, what to read and a position, the logit differences of the patches there.
Patches: TypeAlias = Callable[
    [Folded, Run, Run, ioi.Answers, int], Float[Tensor, "layer ... batch"]
]
# Positions × prompts × patches that are computed at once; the memory needed grows with it.
ROWS = 6000


def residual(
    model: TransformerBridge,
    base: Int[Tensor, "batch pos"],
    source: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch layer pos"]:
    """Patches the residual stream before a layer, at one position at a time.

    Args:
        model: in compatibility mode.
        base: the prompts whose run is changed.
        source: as many prompts, row by row with names at the same positions.
        answers: the two tokens whose logits are compared, and where.
        batch_size: prompts at a time; the memory needed grows with it, not with their number.
        progress: show a bar.

    Returns:
        Logit difference of the run with the patch, for each layer and position.

    Raises:
        ValueError: prompts that do not fit together, or a model without compatibility mode.
        UnknownModelError: a model whose forward pass `mi_course.folded` does not know.
    """
    return _stream_by_position(
        model, base, source, answers, batch_size, progress, _with_residual, into_mlp=True
    )


def attention_output(
    model: TransformerBridge,
    base: Int[Tensor, "batch pos"],
    source: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch layer pos"]:
    """Patches what an attention layer adds, at one position at a time; see `residual`."""
    return _stream_by_position(
        model, base, source, answers, batch_size, progress, _with_attention_output, into_mlp=True
    )


def mlp_output(
    model: TransformerBridge,
    base: Int[Tensor, "batch pos"],
    source: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch layer pos"]:
    """Patches what an MLP adds, at one position at a time; see `residual`."""
    return _stream_by_position(
        model, base, source, answers, batch_size, progress, _with_mlp_output, into_mlp=False
    )


@torch.no_grad()
def heads(
    model: TransformerBridge,
    base: Int[Tensor, "batch pos"],
    source: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    what: OfHead = "z",
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch layer unit"]:
    """Patches one head at a time, at all positions: its output `z`, `q`, `k`, `v`, or `pattern`.

    Arguments and errors as for `residual`. For `k` and `v` the last axis is that of `units`: one
    entry for each group of heads that shares them.
    """
    _check_kind(what, get_args(OfHead))
    folded = folded_pass.of(model)
    count = n_units(model, what)
    out = torch.empty(len(base), model.cfg.n_layers, count)
    for microbatch in microbatches(base, source, answers, batch_size, progress):
        run, other = folded.run(microbatch.of(base)), folded.run(microbatch.of(source))
        z = [_other_z(run, other, layer, what) for layer in range(model.cfg.n_layers)]
        at = answers[microbatch.rows]
        out[microbatch.rows] = each_head(folded, run, z, at, microbatch.first, count).cpu()
    return out


@torch.no_grad()
def heads_by_position(
    model: TransformerBridge,
    base: Int[Tensor, "batch pos"],
    source: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    what: OfHeadAt = "z",
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch layer pos unit"]:
    """Patches one head at one position at a time: its `z`, `q`, `k` or `v`; see `heads`."""
    _check_kind(what, get_args(OfHeadAt))
    count = n_units(model, what)

    def patches(folded: Folded, run: Run, other: Run, at: ioi.Answers, pos: int) -> Tensor:
        layers = range(len(folded.blocks))
        z = [_other_z_at(run, other, layer, what, pos) for layer in layers]
        return each_head(folded, run, z, at, pos, count).permute(1, 2, 0)  # layer unit batch

    return _by_position(model, base, source, answers, batch_size, progress, patches)


def n_units(model: TransformerBridge, what: str) -> int:
    """How many there are of something in a layer: groups of heads for `k` and `v`, else heads."""
    groups = model.cfg.n_key_value_heads if what in ("k", "v") else None
    return int(groups or model.cfg.n_heads)


def units(model: TransformerBridge, what: str) -> str:
    """What one column of a layer stands for, as an axis names it: `head`, or a group of so many."""
    size = model.cfg.n_heads // n_units(model, what)
    return "head" if size == 1 else f"group of {size} heads"


def each_head(
    folded: Folded,
    run: Run,
    z: list[Float[Tensor, "batch head pos d_head"]],
    answers: ioi.Answers,
    first: int,
    count: int | None = None,
) -> Float[Tensor, "batch layer unit"]:
    """Logit difference when one head at a time writes `z` from position `first` on.

    With `count`, it is one of so many groups of heads at a time.
    """
    batch, n_heads, length, _ = z[0].shape
    size = max(1, ROWS // (len(z) * batch * (length - first)))
    found = []
    for some in ioi.slices(count or n_heads, size):

        def start(layer: int, span: slice, some: slice = some) -> Tensor:
            change = (z[layer] - run.z[layer])[:, :, span]
            return run.mid[layer][:, span] + folded.head_outputs(layer, change, some, count)

        values = folded_pass.propagate(folded, run, answers, first, after_attention=start)
        found.append(values.unflatten(0, (len(z), -1)))  # layer some batch
    return torch.cat(found, 1).permute(2, 0, 1)  # batch layer unit


def _stream_by_position(
    model: TransformerBridge,
    base: Int[Tensor, "batch pos"],
    source: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    batch_size: int,
    progress: bool,
    patched: PatchedStream,
    into_mlp: bool,
) -> Float[Tensor, "batch layer pos"]:
    """Patches the stream inside each layer: before its MLP if `into_mlp`, else after it."""

    def patches(folded: Folded, run: Run, other: Run, at: ioi.Answers, pos: int) -> Tensor:
        def start(layer: int, span: slice) -> Tensor:
            return patched(folded, run, other, layer, pos, span)[None]  # patch batch span d_model

        if into_mlp:
            return folded_pass.propagate(folded, run, at, pos, after_attention=start)
        return folded_pass.propagate(folded, run, at, pos, after_mlp=start)

    return _by_position(model, base, source, answers, batch_size, progress, patches)


@torch.no_grad()
def _by_position(
    model: TransformerBridge,
    base: Int[Tensor, "batch pos"],
    source: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    batch_size: int,
    progress: bool,
    patches: Patches,
) -> Float[Tensor, "batch layer pos ..."]:
    """Collects what `patches` gives for each position that the two runs differ at or after."""
    folded = folded_pass.of(model)
    out: Tensor | None = None
    for microbatch in microbatches(base, source, answers, batch_size, progress):
        run, other = folded.run(microbatch.of(base)), folded.run(microbatch.of(source))
        at = answers[microbatch.rows]
        unchanged = folded.logit_diff(run.pre[-1][:, -1], at).cpu()
        for pos in range(microbatch.first, microbatch.length):
            values = patches(folded, run, other, at, pos).movedim(-1, 0).cpu()  # batch layer ...
            if out is None:
                shape = len(base), values.shape[1], base.shape[1], *values.shape[2:]
                out = torch.empty(shape)  # batch layer pos ...
            if pos == microbatch.first:
                rest = [1] * (out.ndim - 1)
                out[microbatch.rows] = unchanged.view(-1, *rest)  # batch 1 1 ...
            out[microbatch.rows, :, pos] = values
    if out is None:
        raise ValueError("there are no prompts")
    return out


def _with_residual(
    folded: Folded, run: Run, other: Run, layer: int, pos: int, span: slice
) -> Float[Tensor, "batch span d_model"]:
    """The stream after a layer's attention, if before the layer one position is the other run's.

    The position's query, key and value are the other run's too; all others are as they were.
    """
    before = run.pre[layer].clone()
    before[:, pos] = other.pre[layer][:, pos]
    q, k, v = (
        _with_position(mine, theirs, pos)
        for mine, theirs in (
            (run.q[layer], other.q[layer]),
            (run.k[layer], other.k[layer]),
            (run.v[layer], other.v[layer]),
        )
    )
    return before[:, span] + folded.output(layer, attend(q[:, :, span], k, v))


def _with_attention_output(
    folded: Folded, run: Run, other: Run, layer: int, pos: int, span: slice
) -> Float[Tensor, "batch span d_model"]:
    """The stream after a layer's attention, if at one position it adds what the other run's did."""
    stream = run.mid[layer].clone()
    stream[:, pos] += (other.attention_output(layer) - run.attention_output(layer))[:, pos]
    return stream[:, span]


def _with_mlp_output(
    folded: Folded, run: Run, other: Run, layer: int, pos: int, span: slice
) -> Float[Tensor, "batch span d_model"]:
    """The stream after a layer's MLP, if at one position it adds what the other run's did."""
    stream = run.pre[layer + 1].clone()
    stream[:, pos] += (other.mlp_output(layer) - run.mlp_output(layer))[:, pos]
    return stream[:, span]


def _other_z(
    run: Run, other: Run, layer: int, what: OfHead
) -> Float[Tensor, "batch head pos d_head"]:
    """What all heads write if each takes one ingredient from the other run."""
    if what == "z":
        return other.z[layer]
    if what == "pattern":  # the pattern comes from queries and keys
        return attend(other.q[layer], other.k[layer], run.v[layer])
    q, k, v = ((other if what == name else run) for name in "qkv")
    return attend(q.q[layer], k.k[layer], v.v[layer])


def _other_z_at(
    run: Run, other: Run, layer: int, what: OfHeadAt, pos: int
) -> Float[Tensor, "batch head pos d_head"]:
    """What all heads write if each takes one ingredient at one position from the other run."""
    if what in ("z", "q"):  # no other position's output depends on them
        return _with_position(run.z[layer], _other_z(run, other, layer, what), pos)
    k, v = run.k[layer], run.v[layer]
    if what == "k":
        k = _with_position(k, other.k[layer], pos)
    else:
        v = _with_position(v, other.v[layer], pos)
    return attend(run.q[layer], k, v)


def _with_position(
    mine: Float[Tensor, "batch head pos d_head"],
    theirs: Float[Tensor, "batch head pos d_head"],
    pos: int,
) -> Float[Tensor, "batch head pos d_head"]:
    mixed = mine.clone()
    mixed[:, :, pos] = theirs[:, :, pos]
    return mixed


def _check_kind(what: str, known: tuple[str, ...]) -> None:
    if what not in known:
        raise ValueError(f"what must be one of {', '.join(known)}, not {what!r}")
