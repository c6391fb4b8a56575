"""Prompts in microbatches of one length, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor
from tqdm.auto import tqdm

from mi_course import renamed
from mi_course.ioi import Answers, slices

T = TypeVar("T")

__getattr__ = renamed.attributes(__name__, {"Piece": "Microbatch", "pieces": "microbatches"})


@dataclass(frozen=True)
class Microbatch:
    """Some of the prompts: all end at one position, and differ from their partners late.

    Attributes:
        rows: which prompts; on the CPU, so that they index tensors of any device.
        length: how many of their tokens matter, END included.
        first: the first position at which any of them differs from its partner.
    """

    rows: Int[Tensor, "some"]
    length: int
    first: int

    def of(self, tokens: Int[Tensor, "batch pos"]) -> Int[Tensor, "some length"]:
        """These rows of all prompts, without the padding after END."""
        return tokens[self.rows, : self.length]


def microbatches(
    base: Int[Tensor, "batch pos"],
    source: Int[Tensor, "batch pos"] | None,
    answers: Answers,
    batch_size: int,
    progress: bool = False,
) -> tqdm[Microbatch]:
    """Cuts pairs of prompts into microbatches of at most `batch_size`, with a bar if `progress`.

    Prompts of one length that begin to differ at similar positions come together, shortest first.

    Args:
        base: the prompts.
        source: their partners; None: every position counts as different.
        answers: says where each prompt ends.
        batch_size: the most prompts in one.
        progress: show a bar.

    Raises:
        ValueError: the shapes do not fit together, or there are no prompts.
    """
    if source is not None and source.shape != base.shape:
        raise ValueError(
            f"base has shape {tuple(base.shape)} and source {tuple(source.shape)}: patching "
            "needs as many prompts in both, of the same lengths"
        )
    if len(answers) != len(base) or len(base) == 0:
        raise ValueError(f"{len(base)} prompts and {len(answers)} answers: give one for each")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    if int(answers.end.max()) >= base.shape[1]:
        raise ValueError(f"END is at {int(answers.end.max())}, after the last token")
    if int(answers.end.min()) < 0:
        raise ValueError(f"END is at {int(answers.end.min())}: positions are counted from 0")
    end = answers.end.cpu()
    first = torch.zeros_like(end)
    if source is not None:
        differ = (base != source).cpu()
        # what differs only after END cannot change anything; END itself is always computed
        first = torch.where(differ.any(1), differ.int().argmax(1), end).minimum(end)
    order = torch.argsort(end * base.shape[1] + first, stable=True)
    _, counts = end[order].unique_consecutive(return_counts=True)
    found = [
        Microbatch(rows, int(end[rows[0]]) + 1, int(first[rows].min()))
        for group in order.split(counts.tolist())
        for rows in group.split(batch_size)
    ]
    return tqdm(found, disable=not progress, unit="batch")


def joined(measure: Callable[[slice], T], count: int, batch_size: int) -> T:
    """Measures some rows at a time and joins what comes back: tensors, or dataclasses of them.

    They come home to the CPU, wherever the model is.
    """
    parts = [measure(rows) for rows in slices(count, batch_size)]
    if isinstance(parts[0], Tensor):
        return torch.cat([part.cpu() for part in parts])  # type: ignore[attr-defined, return-value]
    joint = {
        field.name: torch.cat([getattr(part, field.name).cpu() for part in parts])
        for field in fields(parts[0])  # type: ignore[arg-type]
    }
    return type(parts[0])(**joint)
