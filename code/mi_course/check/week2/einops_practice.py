"""Checks on moving axes with einops; the log of shapes is checked in `shape_log`."""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases


def _numbered(*shape: int) -> Tensor:
    """Every entry its own number, so that no two orders look alike."""
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).view(shape)


_HINT = "the shape is right, and the entries stand in other places"


def _shape(result: Any) -> tuple[int, ...] | None:
    return tuple(result.shape) if isinstance(result, Tensor) else None


@exercise
def neuron_rows(attempt: Attempt) -> None:
    """`(activations [batch, seq, hidden]) -> [hidden, batch × seq]`, prompt by prompt."""
    cases = Cases("neuron", "token")
    for b, s, h in ((2, 3, 5), (3, 4, 2), (1, 4, 3), (3, 1, 1)):
        with cases.case():
            _neuron_rows(attempt, cases, b, s, h)


def _neuron_rows(attempt: Attempt, cases: Cases, b: int, s: int, h: int) -> None:
    given = _numbered(b, s, h)
    attempt.expect(rearrange(given, "b s h -> h (b s)"), given)
    result = attempt(given)
    if _shape(result) == (b * s, h) != (h, b * s):
        raise Wrong("this has a row for each token: make a row for each neuron, so h comes first")
    if isinstance(result, Tensor) and result.ndim == 3:
        raise Wrong("the result needs two axes: brackets put b and s into one, (b s)")
    found = attempt.tensor(given, shape=(h, b * s), axes="(hidden, batch × seq)")
    mistakes = {
        "a reshape alone does not move axes: the rows mix neurons and tokens. Move h to the "
        "front first, or let rearrange do it": given.reshape(h, -1),
        "the tokens are sorted by position, (s b): prompt by prompt is (b s)": rearrange(
            given, "b s h -> h (s b)"
        ),
        "the batch axis is lost in the middle: this reshapes a transposed tensor": (
            given.transpose(1, 2).reshape(h, -1)
        ),
    }
    cases.judge(found, rearrange(given, "b s h -> h (b s)"), mistakes, _HINT)


@exercise
def token_grid(attempt: Attempt) -> None:
    """`(rows [hidden, batch × seq], batch) -> [batch, seq, hidden]`."""
    cases = Cases("prompt", "position", "neuron")
    for b, s, h in ((2, 3, 5), (4, 2, 3), (1, 4, 2), (3, 1, 1)):
        with cases.case():
            _token_grid(attempt, cases, b, s, h)


def _token_grid(attempt: Attempt, cases: Cases, b: int, s: int, h: int) -> None:
    given = _numbered(h, b * s)
    attempt.expect(rearrange(given, "h (b s) -> b s h", b=b), given, b)
    result = attempt(given, b)
    if _shape(result) == (b, h, s) != (b, s, h):
        raise Wrong("the neurons should come last: (batch, seq, hidden)")
    if _shape(result) == (s, b, h) != (b, s, h):
        raise Wrong("the first axis has the length of a prompt: batch is the number of prompts")
    found = attempt.tensor(given, b, shape=(b, s, h), axes="(batch, seq, hidden)")
    mistakes = {
        "a reshape alone does not move axes: turn the table first, or let rearrange do it": (
            given.reshape(b, s, h)
        ),
        "this reads the tokens as (s b): they stand prompt by prompt, (b s)": rearrange(
            given, "h (s b) -> b s h", b=b
        ),
    }
    cases.judge(found, rearrange(given, "h (b s) -> b s h", b=b), mistakes, _HINT)


@exercise
def split_heads(attempt: Attempt) -> None:
    """`(x [batch, pos, head × d_head], n_heads) -> [batch, pos, head, d_head]`."""
    cases = Cases("prompt", "position", "head", "entry")
    for b, p, n, d in ((2, 5, 3, 4), (1, 3, 2, 6), (3, 1, 1, 2), (2, 2, 5, 1)):
        with cases.case():
            _split_heads(attempt, cases, b, p, n, d)


def _split_heads(attempt: Attempt, cases: Cases, b: int, p: int, n: int, d: int) -> None:
    given = _numbered(b, p, n * d)
    attempt.expect(rearrange(given, "b p (n d) -> b p n d", n=n), given, n)
    result = attempt(given, n)
    if isinstance(result, Tensor) and result.ndim != 4:
        raise Wrong(f"the result needs four axes, and has {result.ndim}")
    if _shape(result) == (b, n, p, d) != (b, p, n, d):
        raise Wrong("the head axis comes before the position: (batch, pos, head, d_head)")
    if _shape(result) == (b, p, d, n) != (b, p, n, d):
        raise Wrong("n_heads stands on the last axis: it is the number of heads, not d_head")
    found = attempt.tensor(given, n, shape=(b, p, n, d), axes="(batch, pos, head, d_head)")
    mistakes = {
        "this reads the last axis as (d n), as if neighbours belonged to different heads: "
        "head 0 has the first d_head entries, (n d)": rearrange(given, "b p (d n) -> b p n d", n=n),
        "a reshape that puts the heads before the positions mixes positions: split the last "
        "axis only": given.reshape(b, n, p, d).transpose(1, 2),
    }
    cases.judge(found, rearrange(given, "b p (n d) -> b p n d", n=n), mistakes, _HINT)


@exercise
def pattern_strip(attempt: Attempt) -> None:
    """`(patterns [head, query, key]) -> [query, head × key]`: whole patterns side by side."""
    cases = Cases("query", "column")
    for n, size in ((2, 3), (3, 4), (1, 2), (4, 1)):
        with cases.case():
            _pattern_strip(attempt, cases, n, size)


def _pattern_strip(attempt: Attempt, cases: Cases, n: int, size: int) -> None:
    given = _numbered(n, size, size)
    attempt.expect(rearrange(given, "n q k -> q (n k)"), given)
    result = attempt(given)
    if _shape(result) == (n * size, size) != (size, n * size):
        raise Wrong("the patterns stand one below the other: side by side is (n k) across")
    found = attempt.tensor(given, shape=(size, n * size), axes="(query, head × key)")
    mistakes = {
        "the columns of the heads are mixed, (k n): each pattern stays whole in (n k)": (
            rearrange(given, "n q k -> q (k n)")
        ),
        "the patterns stand in the opposite order: head 0 comes first": (
            rearrange(given.flip(0), "n q k -> q (n k)")
        ),
        "keys run downwards: the queries are the rows": rearrange(given, "n q k -> k (n q)"),
        "a reshape alone does not move axes: the query axis has to come first": (
            given.reshape(size, -1)
        ),
    }
    cases.judge(found, rearrange(given, "n q k -> q (n k)"), mistakes, _HINT)
