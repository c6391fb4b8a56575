"""Checks on a tour of TransformerLens: tokens from logits, strong neurons, the logit lens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mi_course.check.axes import lost
from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases

_EPS = 1e-5


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@exercise
def most_probable(attempt: Attempt) -> None:
    """`(logits [batch, pos, vocab], k) -> (ids [batch, k], probabilities [batch, k])`."""
    cases = Cases("prompt", "rank")
    for k, seed, shape in (
        (3, 0, (2, 5, 7)),
        (2, 1, (3, 4, 7)),
        (1, 2, (1, 1, 4)),
        (4, 3, (4, 2, 4)),
    ):
        logits = 2 * _random(*shape, seed=seed)
        with cases.case():
            _compare_best(attempt, logits, k, cases)


def _compare_best(attempt: Attempt, logits: Tensor, k: int, cases: Cases) -> None:
    best = logits[:, -1].softmax(-1).topk(k)
    attempt.expect((best.indices, best.values), logits, k)
    ids, found = _two_tensors(attempt(logits, k))
    _explain_pair_shape(ids, found, len(logits), k)
    hint = "these are not the largest probabilities after the last position"
    cases.judge(found, best.values, _wrong_probabilities(logits, k), hint)
    if not torch.equal(ids.long(), best.indices):
        raise Wrong("the probabilities are right, and the ids do not belong to them")


def _two_tensors(result: Any) -> tuple[Tensor, Tensor]:
    if result is None:
        raise Wrong("your function returns None: is the return statement missing?")
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise Wrong("return two tensors: the ids, and their probabilities")
    ids, values = result
    if not isinstance(ids, Tensor) or not isinstance(values, Tensor):
        raise Wrong("return two tensors: the ids, and their probabilities")
    if ids.is_floating_point():
        raise Wrong("return the ids first, then the probabilities: topk gives them the other way")
    return ids, values


def _explain_pair_shape(ids: Tensor, found: Tensor, batch: int, k: int) -> None:
    if ids.ndim == 3:
        raise Wrong("this answers for every position: take the last one only, logits[:, -1]")
    for tensor, what in ((ids, "ids"), (found, "probabilities")):
        if tuple(tensor.shape) != (batch, k):
            raise Wrong(
                f"the {what} have shape {tuple(tensor.shape)}; expected (batch, k) = ({batch}, {k})"
                f"{lost(tuple(tensor.shape), (batch, k))}"
            )


def _wrong_probabilities(logits: Tensor, k: int) -> dict[str, Tensor]:
    at_end = logits[:, -1]
    share = at_end.softmax(-1)
    return {
        "this is the mean over the positions: take the last one only, logits[:, -1]": (
            logits.softmax(-1).mean(1).topk(k).values
        ),
        "the logits are averaged over the positions: take the last one only, logits[:, -1]": (
            logits.mean(1).softmax(-1).topk(k).values
        ),
        "the softmax is taken twice": share.softmax(-1).topk(k).values,
        "this is the answer at the first position: the next token comes after the last position, "
        "logits[:, -1]": logits[:, 0].softmax(-1).topk(k).values,
        "these are logits: softmax over the vocabulary makes probabilities": at_end.topk(k).values,
        "these are log-probabilities: use softmax, not log_softmax": share.log().topk(k).values,
        "these are the LEAST probable tokens": share.topk(k, largest=False).values,
        "these probabilities sum to 1 over the k tokens alone: take the softmax over all tokens "
        "first, then the k largest": at_end.topk(k).values.softmax(-1),
        "the softmax runs over the positions: it belongs on the last axis": (
            logits.softmax(1)[:, -1].topk(k).values
        ),
        "the softmax runs over the prompts: it belongs on the last axis": (
            logits.softmax(0)[:, -1].topk(k).values
        ),
        "the most probable token comes first": share.topk(k).values.flip(1),
    }


@exercise
def strongest_neurons(attempt: Attempt) -> None:
    """`(post [pos, neuron], k) -> [(pos, neuron), …]`: furthest from zero, strongest first."""
    strong = {(1, 4): -3.0, (2, 0): 2.5, (1, 2): 2.0, (0, 3): -1.5, (2, 4): 1.0}
    few = {(3, 1): -2.0, (0, 0): -1.5, (2, 0): 1.25}
    cases = Cases()
    for shape, cells, counts in (((3, 5), strong, (4, 5)), ((4, 2), few, (2, 1, 3))):
        post = 0.1 * _random(*shape, seed=2)
        for cell, value in cells.items():
            post[cell] = value
        expected = list(cells)
        for k in counts:
            attempt.expect(expected[:k], post, k)
            with cases.case():
                found = _cells(attempt(post, k), k)
                if found != expected[:k]:
                    raise Wrong(_wrong_cells(post, found, expected[:k]))
    alone = _cells(attempt(torch.tensor([[-0.5]]), 1), 1)
    if alone != [(0, 0)]:
        raise Wrong(f"in a table of one number the pair is (0, 0); yours is {alone}")


def _cells(result: Any, k: int) -> list[tuple[int, int]]:
    if result is None:
        raise Wrong("your function returns None: is the return statement missing?")
    if not isinstance(result, (list, tuple)):
        raise Wrong(f"return a list of pairs, not {type(result).__name__}: tolist() makes one")
    cells = []
    for cell in result:
        if not isinstance(cell, (tuple, list)) or len(cell) != 2:
            raise Wrong("return pairs (pos, neuron): divmod(i, n_neurons) splits a flat index")
        if not all(isinstance(part, int) and not isinstance(part, bool) for part in cell):
            raise Wrong("the pairs should hold plain integers: tolist() or int() makes them")
        cells.append((cell[0], cell[1]))
    return cells


def _wrong_cells(
    post: Tensor, found: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> str:
    shown = f"expected {expected}, found {found}"
    n_pos, n_neurons = post.shape
    flat = [pos * n_neurons + neuron for pos, neuron in expected]
    weakest = post.flatten().abs().argsort()[: len(expected)].tolist()
    signed = post.flatten().argsort(descending=True)[: len(expected)].tolist()
    if found == expected[::-1]:
        return "the order is reversed: strongest first"
    if sorted(found) == sorted(expected):
        return f"the pairs are right, and not sorted: strongest first; {shown}"
    if found == [(neuron, pos) for pos, neuron in expected]:
        return "position and neuron are swapped: pairs are (pos, neuron), as in post[pos, neuron]"
    if found == [divmod(i, n_neurons) for i in signed]:
        return "a negative activation can be strong too: compare absolute values, post.abs()"
    if found == [divmod(i, n_pos) for i in flat]:
        return "the flat index is divided by the number of positions: divide by that of neurons"
    if len(found) == len(expected) and found == [divmod(i, n_neurons) for i in weakest]:
        return "these are closest to zero: take those furthest from it"
    ranks = post.abs().argsort(1, descending=True).tolist()
    of_each = [(pos, neuron) for pos, row in enumerate(ranks) for neuron in row]
    if n_pos > 1 and len(found) == len(expected) and found == of_each[: len(found)]:
        return "these are of the first positions: the k strongest of the whole table count"
    best = {(pos, int(row.abs().argmax())) for pos, row in enumerate(post)}
    if len(found) > 1 and set(found) <= best:
        return "this takes one neuron of each position: the k strongest of the whole table count"
    if len(found) != len(expected):
        return f"{len(found)} pairs, and k = {len(expected)} were asked for"
    return shown


@exercise
def lens_logits(attempt: Attempt) -> None:
    """`(stream [batch, pos, d_model], W_U [d_model, vocab], b_U [vocab]) -> logits`."""
    W_U, b_U = _random(6, 7, seed=4), 0.5 * _random(7, seed=5)
    # the second stream is so small that the epsilon counts
    cases = Cases("prompt", "position", "token of the vocabulary")
    for scale, offset, batch, pos in ((3.0, 1.0, 2, 5), (0.003, 0.001, 3, 4), (1.0, 0.0, 1, 1)):
        stream = scale * _random(batch, pos, 6, seed=3) + offset
        with cases.case():
            _compare_lens(attempt, stream, W_U, b_U, cases)


def _compare_lens(attempt: Attempt, stream: Tensor, W_U: Tensor, b_U: Tensor, cases: Cases) -> None:
    batch, pos, _ = stream.shape
    attempt.expect(_normal(stream) @ W_U + b_U, stream, W_U, b_U)
    _explain_logits_shape(attempt(stream, W_U, b_U), batch, pos)
    axes = "(batch, pos, vocab)"
    found = attempt.tensor(stream, W_U, b_U, shape=(batch, pos, 7), axes=axes)
    hint = (
        "these are not the logits of the normalised stream: print its mean (0) and its mean square "
        "(nearly 1) at one position"
    )
    cases.judge(found.detach(), _normal(stream) @ W_U + b_U, _wrong_lens(stream, W_U, b_U), hint)


def _normal(stream: Tensor, axis: int = -1, eps: float = _EPS) -> Tensor:
    centred = stream - stream.mean(axis, keepdim=True)
    return centred / (centred.square().mean(axis, keepdim=True) + eps).sqrt()


def _explain_logits_shape(result: Any, batch: int, pos: int) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (batch, 7) and pos > 1:
        raise Wrong("only one position comes back: answer at every position")
    if shape == (batch, pos, 6):
        raise Wrong("this is the normalised stream: multiply it by W_U, and add b_U")


def _wrong_lens(stream: Tensor, W_U: Tensor, b_U: Tensor) -> dict[str, Tensor]:
    centred = stream - stream.mean(-1, keepdim=True)
    square = centred.square().mean(-1, keepdim=True)
    right = _normal(stream) @ W_U + b_U

    def logits(x: Tensor) -> Tensor:
        return x @ W_U + b_U

    return {
        "the final LayerNorm is missing: subtract the mean and divide, position by position, "
        "before W_U": logits(stream),
        "the bias b_U is missing": right - b_U,
        "the bias b_U is added twice": right + b_U,
        "the bias b_U is subtracted: add it": right - 2 * b_U,
        "mean and variance are those of the first position: each position has its own": logits(
            (stream - stream[:, :1].mean(-1, keepdim=True))
            / (stream[:, :1].var(-1, keepdim=True, correction=0) + _EPS).sqrt()
        ),
        "mean and variance are those of all numbers together: each position has its own": logits(
            (stream - stream.mean()) / (stream.var(correction=0) + _EPS).sqrt()
        ),
        "W_U is centred or scaled before it is used: use it as it is": (
            _normal(stream) @ (W_U - W_U.mean(0)) + b_U
        ),
        "the mean is not subtracted: LayerNorm centres the stream first": logits(
            stream / (stream.square().mean(-1, keepdim=True) + _EPS).sqrt()
        ),
        "the mean is not subtracted before dividing by the standard deviation": logits(
            stream / (square + _EPS).sqrt()
        ),
        "the stream is centred and not divided: divide by the square root of its variance": (
            logits(centred)
        ),
        "the variance divides by n − 1: LayerNorm takes the plain mean of the squares": logits(
            centred / (centred.var(-1, keepdim=True) + _EPS).sqrt()
        ),
        "the standard deviation divides by n − 1, and the epsilon is missing": logits(
            centred / centred.std(-1, keepdim=True)
        ),
        "this divides by the variance: the square root is missing": logits(
            centred / (square + _EPS)
        ),
        "this divides by the length of the vector: the root of the MEAN square is right, so "
        "the length is √d_model times too large": logits(centred / centred.norm(dim=-1)[..., None]),
        "mean and variance run over the positions: they belong to the last axis, d_model": logits(
            _normal(stream, axis=1)
        ),
        "mean and variance run over the prompts: they belong to the last axis, d_model": logits(
            _normal(stream, axis=0)
        ),
        "the epsilon is missing: add 1e-5 to the variance, which matters where the stream is "
        "small": logits(_normal(stream, eps=0.0)),
        "the epsilon stands outside of the square root: add it to the variance": logits(
            centred / (square.sqrt() + _EPS)
        ),
        "these are probabilities: return the logits": right.softmax(-1),
        "these are log-probabilities: return the logits": right.log_softmax(-1),
    }
