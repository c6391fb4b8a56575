"""One head taken apart: which of its inputs carries what it does, and what if it looked elsewhere.

A head computes with three things: its query at END, and the keys and values of where it looks.
`with_input` gives it one of them from another prompt, whole, whoever wrote it: heads, MLPs or the
embedding. That is more than path patching asks, which names one sender at a time. Where heads share
keys and values, those of the whole group change.

`with_attention_exchanged` leaves what is read as it is, and changes where the head looks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import attribution, hooks, ioi
from mi_course.heads import Head, check_head
from mi_course.microbatches import joined
from mi_course.patching import n_units

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Into = Literal["q", "k", "v"]


def strongest_writer(model: TransformerBridge, batch: ioi.Batch) -> Head:
    """The head that writes most of the logit difference directly, in the mean over prompts."""
    written = attribution.direct_effects(model, batch).heads.mean(0)  # layer head
    layer, head = divmod(int(written.argmax()), written.shape[1])
    return layer, head


def with_input(
    model: TransformerBridge,
    batch: ioi.Batch,
    other: Int[Tensor, "batch pos"],
    head: Head,
    into: Into,
    positions: Int[Tensor, "batch"],
    batch_size: int = 25,
) -> Float[Tensor, "batch"]:
    """Logit difference when a head reads its query, key or value of another prompt.

    Args:
        model: in compatibility mode.
        batch: the prompts.
        other: as many others, row by row with as many tokens.
        head: layer and head.
        into: `q`, `k` or `v`; a key or a value that heads share changes for all of them.
        positions: one for each prompt: only there.
        batch_size: prompts at a time.

    Raises:
        IndexError: a head that the model does not have.
    """
    check_head(model, *head)
    unit = head[1] // (model.cfg.n_heads // n_units(model, into))
    name = f"blocks.{head[0]}.attn.hook_{into}"

    def some(rows: slice) -> Tensor:
        value = hooks.run_with_cache(model, other[rows], [name])[1][name]
        put = partial(put_input, other=value, unit=unit, at=positions[rows])
        return _logit_diff(model, batch[rows], name, put)

    return joined(some, len(batch), batch_size)


def with_attention_exchanged(
    model: TransformerBridge,
    batch: ioi.Batch,
    head: Head,
    one: Int[Tensor, "batch"],
    two: Int[Tensor, "batch"],
    batch_size: int = 25,
) -> Float[Tensor, "batch"]:
    """Logit difference when a head's attention from END to two positions is exchanged.

    Args:
        model: in compatibility mode.
        batch: the prompts.
        head: layer and head.
        one: a position of each prompt.
        two: another.
        batch_size: prompts at a time.

    Raises:
        IndexError: a head that the model does not have.
    """
    check_head(model, *head)
    name = f"blocks.{head[0]}.attn.hook_pattern"

    def some(rows: slice) -> Tensor:
        change = partial(
            exchange_attention, head=head[1], end=batch.end[rows], one=one[rows], two=two[rows]
        )
        return _logit_diff(model, batch[rows], name, change)

    return joined(some, len(batch), batch_size)


def put_input(
    x: Float[Tensor, "batch pos unit d_head"],
    hook: Any,
    other: Float[Tensor, "batch pos unit d_head"],
    unit: int,
    at: Int[Tensor, "batch"],
) -> Float[Tensor, "batch pos unit d_head"]:
    """A copy of what heads read, with other's vector of one unit at one position of each row."""
    x, rows = x.clone(), torch.arange(len(x))
    x[rows, at, unit] = other[rows, at, unit]
    return x


def exchange_attention(
    pattern: Float[Tensor, "batch head query key"],
    hook: Any,
    head: int,
    end: Int[Tensor, "batch"],
    one: Int[Tensor, "batch"],
    two: Int[Tensor, "batch"],
) -> Float[Tensor, "batch head query key"]:
    """A copy in which one head's attention from END to two positions is exchanged."""
    out, rows = pattern.clone(), torch.arange(len(pattern))
    out[rows, head, end, one] = pattern[rows, head, end, two]
    out[rows, head, end, two] = pattern[rows, head, end, one]
    return out


def _logit_diff(
    model: TransformerBridge, batch: ioi.Batch, name: str, hook: hooks.Hook
) -> Float[Tensor, "batch"]:
    logits = hooks.run_with_hooks(model, batch.tokens, [(name, hook)])
    return ioi.logit_diff(logits, batch.answers).cpu()
