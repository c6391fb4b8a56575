"""Checks on lenses: ranks, a carried reading, the mean derivative, random inputs, a swap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.explain import NO_AXIS, NO_ROW, explained
from mi_course.check.mistakes import Cases


@exercise
def answer_ranks(attempt: Attempt) -> None:
    """`(logits [batch, vocab], answers [batch]) -> [batch]`: 0 for the largest logit."""
    cases = Cases("example")
    for batch, vocab in ((5, 7), (1, 6), (8, 8)):
        with cases.case():
            generator = torch.Generator().manual_seed(vocab)
            logits = torch.randn(batch, vocab, generator=generator)
            answers = torch.randint(vocab, (batch,), generator=generator)
            answers[0] = logits[0].argsort(descending=True)[vocab // 2]
            with explained(_RANK_ERRORS):
                found = attempt.tensor(logits, answers, shape=(batch,), axes="(batch,)")
            right = _ranks(logits, answers)
            attempt.expect(right, logits, answers)
            (at,) = _farthest(found, right)
            hint = (
                f"{right[at]} tokens have a larger logit than the answer of example {at}, and "
                f"yours gives {found[at].item():g}"
            )
            cases.judge(found, right, _rank_mistakes(logits, answers), hint)
    tied = torch.tensor([[2.0, 2.0, 1.0, 2.0, 0.0]])
    found = attempt.tensor(tied, torch.tensor([3]), shape=(1,), axes="(batch,)")
    if not close(found, torch.tensor([0])):
        raise Wrong(
            "equal logits count as larger: count those that are larger, with > and not >=",
            symptom=f"where three tokens share the largest logit the rank of each is 0; yours: "
            f"{found[0].item():g}",
        )
    _explain_several_larger(attempt, tied)
    _explain_many_tokens(attempt)


_RANK_ERRORS = {
    NO_AXIS: "one number for each row is compared with the tokens: give it an axis, "
    "own[:, None], or keep the one that gather gives",
    NO_ROW: "answers are taken for rows: they are tokens, and stand in columns, "
    "logits[rows, answers]",
}


def _explain_several_larger(attempt: Attempt, tied: Tensor) -> None:
    """Three tokens with one logit that is larger are three."""
    found = attempt.tensor(tied, torch.tensor([2]), shape=(1,), axes="(batch,)")
    if not close(found, torch.tensor([3])):
        raise Wrong(
            "tokens that share a logit are counted once: count every token that is larger",
            symptom=f"where three tokens share the largest logit the next has rank 3; yours: "
            f"{found[0].item():g}",
        )


def _explain_many_tokens(attempt: Attempt) -> None:
    """A vocabulary whose logits lie near each other, and an answer far down."""
    order = torch.randperm(300, generator=torch.Generator().manual_seed(3))
    logits = 20 + order[None] / 1000
    answer = (order == 49).nonzero()[0]
    found = attempt.tensor(logits, answer, shape=(1,), axes="(batch,)")
    if not close(found, torch.tensor([250])):
        raise Wrong(
            "not every larger logit is counted: compare all tokens, and logits as they are, "
            "since near ones become equal where they are rounded",
            symptom=f"of 300 tokens 250 have a larger logit than the answer, some by 0.001; "
            f"yours: {found[0].item():g}",
        )


def _ranks(logits: Tensor, answers: Tensor) -> Tensor:
    order = logits.argsort(-1, descending=True)
    return (order == answers[:, None]).int().argmax(-1)


def _rank_mistakes(logits: Tensor, answers: Tensor) -> dict[str, Tensor]:
    rows, vocab = torch.arange(len(logits)), logits.shape[1]
    right = _ranks(logits, answers)
    own = logits[rows, answers]
    order = logits.argsort(-1, descending=True)
    flat = (logits.flatten() > own[:, None]).sum(1)
    first = (logits > own[:1]).sum(1)
    of_first = (logits > logits[:, answers[:1]]).sum(1)
    found = {
        "the ranks begin at 1, or the answer counts itself: the first choice has rank 0, so count "
        "with > and not >=": right + 1,
        "the order is from small to large: rank 0 is the largest logit": vocab - 1 - right,
        "the order is from small to large, and begins at 1: rank 0 is the largest logit": (
            vocab - right
        ),
        "this is the token that stands at place `answer` of the order: a rank is the place at "
        "which the answer stands": order[rows, answers],
        "this is the token at place `answer` of the order from small to large: a rank is the place "
        "at which the answer stands, from the largest on": logits.argsort(-1)[rows, answers],
        "logits of the whole batch are compared: each answer with its own row": flat,
        "every row is compared with the first row's answer: each with its own": first,
        "every row looks up the first row's answer: each has its own": of_first,
        "this is a share of the vocabulary, a mean: how many tokens are they? Add them up": (
            right / vocab
        ),
        "these are the answers' logits: count the tokens with larger ones": own,
        "these are probabilities: count the tokens with larger logits": logits.softmax(-1)[
            rows, answers
        ],
        "this is the model's first choice: return the place of the answer": logits.argmax(-1),
        "this is whether the answer comes first: return its place": (right == 0).long(),
        "these are the tokens' ranks among the rows, one column for each token: order the last "
        "axis": logits.argsort(0, descending=True).argsort(0)[rows, answers],
        "this is the reciprocal rank: return the rank itself": 1 / (right + 1),
        "absolute logits are compared: a very negative logit is no strong choice": (
            (logits.abs() > own.abs()[:, None]).sum(1)
        ),
    }
    return {told: wrong.float() for told, wrong in found.items()}


def _farthest(found: Tensor, right: Tensor) -> tuple[int, ...]:
    """Where two tensors differ most."""
    place = (found.double() - right.double()).abs().argmax()
    return tuple(int(i) for i in torch.unravel_index(place, right.shape))


@exercise
def average_jacobian(attempt: Attempt) -> None:
    """`(function, stream [pos, d_model], skip) -> [d_model, d_model]`, output dimension first."""
    cases = Cases("output", "input")
    for pos, d, skip in ((9, 4, 2), (6, 3, 1), (11, 5, 3)):
        with cases.case():
            generator = torch.Generator().manual_seed(pos)
            later = _later(pos, d, generator)
            stream = torch.randn(pos, d, generator=generator)
            with explained(_DERIVATIVE_ERRORS):
                found = attempt.tensor(later, stream, skip, shape=(d, d), axes="(d_model, d_model)")
            every = _derivatives(later, stream)
            right = _mean_of(every, skip, pos - 1)
            at = _farthest(found.detach(), right)
            hint = (
                f"the effect of input dimension {at[1]} on output dimension {at[0]} should be "
                f"{right[at]:.3f}, and yours is {found[at].item():.3f}"
            )
            mistakes = _jacobian_mistakes(every, skip)
            cases.judge(found.detach(), right, mistakes, hint)


_DERIVATIVE_ERRORS = {
    "does not require grad": "nothing says by what to derive: x = stream.clone().requires_grad_(), "
    "before the function is called with x",
    "shapes cannot be multiplied": "the function gets a part of the stream: give it all positions, "
    "and cut what comes back",
}


def _later(pos: int, d: int, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """Stands for later layers: each position reads itself and all that came before."""
    mix = torch.rand(pos, pos, generator=generator).tril()
    w, v = (torch.randn(d, d, generator=generator) / d**0.5 for _ in range(2))

    def later(stream: Tensor) -> Tensor:
        return stream + (stream @ w).tanh() + mix @ (stream @ v).sin()

    return later


def _derivatives(function: Callable[[Tensor], Tensor], stream: Tensor) -> Tensor:
    """Of each output by each input: target output source input."""
    with torch.enable_grad():
        found: Any = torch.autograd.functional.jacobian(function, stream)
    return torch.as_tensor(found)


def _mean_of(every: Tensor, start: int, stop: int) -> Tensor:
    """Summed over targets, and a mean over sources, of these positions."""
    part = every[start:stop, :, start:stop]
    return part.sum(0).mean(1)


def _jacobian_mistakes(every: Tensor, skip: int) -> dict[str, Tensor]:
    pos = len(every)
    valid = slice(skip, pos - 1)
    part = every[valid, :, valid]
    right = part.sum(0).mean(1)
    n = part.shape[0]
    same = torch.stack([every[t, :, t] for t in range(skip, pos - 1)])
    return {
        "each position's effect on itself is left out: it counts beside that on later ones": (
            right - same.mean(0)
        ),
        "absolute values are added up: derivatives keep their signs": part.abs().sum(0).mean(1),
        "rows and columns are exchanged: rows are dimensions of the output, columns of the input": (
            right.T
        ),
        "the mean is taken over outputs too: add up the positions of the output": right / n,
        "sources are added up too: take the mean over the positions of the input": right * n,
        "each position is held against itself alone: what it does to later positions counts": (
            same.mean(0)
        ),
        "this is the sum over positions, each held against itself: later positions count, and "
        "sources are averaged": same.sum(0),
        "the first positions are not skipped: begin with `skip`, in input and output": _mean_of(
            every, 0, pos - 1
        ),
        "the last position is not left out: it is no source and no target": _mean_of(
            every, skip, pos
        ),
        "no position is left out: neither the first ones nor the last": _mean_of(every, 0, pos),
        "positions of the output are skipped, and those of the input are not": (
            every[valid].sum(0).mean(1)
        ),
        # the first positions are no targets of later ones, so that only the last makes a difference
        "positions of the input are skipped, and those of the output are not: the last position "
        "counts as a target, leave it out": every[:, :, valid].sum(0).mean(1),
        "the first positions count as sources: skip them in the input too": (
            every[valid][:, :, : pos - 1].sum(0).mean(1)
        ),
        "skipped positions are sources in the sum, and the mean is over the others: skip them in "
        "both": every[valid].sum(0).sum(1) / n,
        "the last position is counted as a source: it changes none of these targets, and makes the "
        "mean smaller": right * n / (n + 1),
        "the sum over sources is divided by all positions: by the number of sources": (
            right * n / pos
        ),
        "one position less is skipped: begin with position `skip`": _mean_of(
            every, skip - 1, pos - 1
        ),
        "one position more is skipped: begin with position `skip`": _mean_of(
            every, skip + 1, pos - 1
        ),
        "one position more is left out at the end: the last one alone": _mean_of(
            every, skip, pos - 2
        ),
        "only the last position of the output counts: add up all": part[-1].mean(1),
        "the mean is taken over input dimensions as well: one column for each": (
            right.mean(1, keepdim=True).expand_as(right)
        ),
    }


@exercise
def transported_logits(attempt: Attempt) -> None:
    """`(x [batch, d], jacobian [d, d], gain [d], W_U [d, vocab], eps) -> [batch, vocab]`."""
    cases = Cases("example", "token")
    for batch, d, vocab, eps in ((4, 6, 9, 1e-2), (1, 5, 7, 0.3), (6, 6, 6, 1e-2)):
        with cases.case():
            generator = torch.Generator().manual_seed(10 * batch + d)
            x = 2 * torch.randn(batch, d, generator=generator) + 0.5
            jacobian = torch.randn(d, d, generator=generator)
            gain = 0.5 + torch.rand(d, generator=generator)
            w_u = torch.randn(d, vocab, generator=generator)
            given = x, jacobian, gain, w_u, eps
            with explained(_SCALE_ERRORS):
                found = attempt.tensor(*given, shape=(batch, vocab), axes="(batch, vocab)")
            right = _rms(x @ jacobian.T, eps) * gain @ w_u
            attempt.expect(right, *given)
            at = _farthest(found, right)
            hint = (
                f"the logit of token {at[1]} in example {at[0]} should be {right[at]:.3f}, and "
                f"yours is {found[at]:.3f}"
            )
            cases.judge(found, right, _reading_mistakes(*given), hint)


_SCALE_ERRORS = {
    NO_AXIS: "one scale for each vector divides a row: keep its axis, with keepdim=True",
}


def _rms(x: Tensor, eps: float) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt()


def _reading_mistakes(
    x: Tensor, jacobian: Tensor, gain: Tensor, w_u: Tensor, eps: float
) -> dict[str, Tensor]:
    carried = x @ jacobian.T
    centred = carried - carried.mean(-1, keepdim=True)
    right = _rms(carried, eps) * gain @ w_u
    squares = carried.square()
    spread = {c: carried.var(-1, correction=c, keepdim=True) for c in (0, 1)}
    by_spread = [v.sqrt() + eps for v in spread.values()]
    by_spread += [(v + eps).sqrt() for v in spread.values()]
    by_deviation = {
        f"the standard deviation divides{how}: it takes the mean off, which an RMSNorm does not": (
            carried / below * gain @ w_u
        )
        for how, below in zip(
            ("", " (of a sample)", ", with eps", " (of a sample, with eps)"), by_spread, strict=True
        )
    }
    return by_deviation | {
        "1 is added to the gain, as some models do: the gain is all there is": (
            _rms(carried, eps) * (1 + gain) @ w_u
        ),
        "the scale is that of x: of what the matrix gives": (
            carried / (x.square().mean(-1, keepdim=True) + eps).sqrt() * gain @ w_u
        ),
        "the matrix is transposed: J times each vector is x @ jacobian.T": (
            _rms(x @ jacobian, eps) * gain @ w_u
        ),
        "the norm stands before the matrix: carry first, and norm what arrives": (
            _rms(x, eps) * gain @ jacobian.T @ w_u
        ),
        "x is not carried, as the logit lens reads it: apply the matrix first": (
            _rms(x, eps) * gain @ w_u
        ),
        "there is no norm: divide by the root of the mean square": carried * gain @ w_u,
        "there is neither norm nor gain": carried @ w_u,
        "the gain is missing: multiply each dimension by it after the norm": (
            _rms(carried, eps) @ w_u
        ),
        "the gain is applied before the norm: after it": _rms(carried * gain, eps) @ w_u,
        "the gain is applied twice": _rms(carried, eps) * gain.square() @ w_u,
        "the mean is subtracted, as a LayerNorm does: an RMSNorm subtracts none": (
            _rms(centred, eps) * gain @ w_u
        ),
        "the squares are added up: take their mean": (
            carried / (squares.sum(-1, keepdim=True) + eps).sqrt() * gain @ w_u
        ),
        "the mean square is taken over the batch: over the dimensions of each vector": (
            carried / (squares.mean(0, keepdim=True) + eps).sqrt() * gain @ w_u
        ),
        "the mean square is taken over all examples together: over each vector by itself": (
            carried / (squares.mean() + eps).sqrt() * gain @ w_u
        ),
        "there is no root: divide by the root of the mean square": (
            carried / (squares.mean(-1, keepdim=True) + eps) * gain @ w_u
        ),
        "eps is left out: it stands below the root": _rms(carried, 0.0) * gain @ w_u,
        "eps is added to the root: it stands below it": (
            carried / (squares.mean(-1, keepdim=True).sqrt() + eps) * gain @ w_u
        ),
        "these are probabilities: return the logits": right.softmax(-1),
        "these are log-probabilities: return the logits": right.log_softmax(-1),
        "x is added to what the matrix gives: the stream's own part is in the matrix": (
            _rms(carried + x, eps) * gain @ w_u
        ),
    }


@exercise
def random_inputs(attempt: Attempt) -> None:
    """`(jacobian [d, d], seed) -> [d, d]`: the same outputs, read off random directions."""
    for d in (6, 24):
        generator = torch.Generator().manual_seed(d)
        jacobian = torch.randn(d, d, generator=generator) + torch.eye(d)
        axes = "(d_model, d_model)"
        one, again, other = (
            attempt.tensor(jacobian, seed, shape=(d, d), axes=axes) for seed in (0, 0, 1)
        )
        _explain_rotation(jacobian, one)
        if not close(one, again):
            raise Wrong(
                "two calls with the same seed differ: draw with "
                "torch.Generator().manual_seed(seed), and give it to randn"
            )
        if close(one, other):
            raise Wrong(
                "two seeds give the same matrix: draw with torch.Generator().manual_seed(seed)",
                symptom="two seeds give the same matrix",
            )


def _explain_rotation(jacobian: Tensor, found: Tensor) -> None:
    """Say which half of a matrix was kept, or why what stands behind it is no rotation."""
    outputs, inputs = jacobian @ jacobian.T, jacobian.T @ jacobian
    if close(found @ found.T, outputs, 1e-3):
        _explain_same_inputs(jacobian, found)
        return
    if close(found, jacobian.T) or close(found.T @ found, outputs, 1e-3):
        told = "the matrix is transposed: rows are dimensions of the output"
    elif close(found.T @ found, inputs, 1e-3):
        told = (
            "the outputs are rotated and the inputs are kept: multiply from the right, jacobian @ q"
        )
    elif close(found @ found.T, torch.eye(len(found)), 1e-3):
        told = "this is a rotation alone: put it behind the matrix, jacobian @ q"
    elif close(_singular(found), _singular(jacobian), 1e-3):
        told = (
            "the singular values are kept, and the outputs are not: multiply from the right alone, "
            "jacobian @ q"
        )
    elif close(found.square().sum(), jacobian.square().sum(), 1e-3):
        told = (
            "the matrix has the right size as a whole, and other outputs: keep the given matrix, "
            "and put a rotation behind it"
        )
    else:
        told = _no_rotation(jacobian, found)
    raise Wrong(told, symptom=_NOT_KEPT)


_NOT_KEPT = (
    "the outputs of the new matrix are not those of the given one: found @ found.T should be "
    "jacobian @ jacobian.T"
)


def _singular(x: Tensor) -> Tensor:
    return torch.linalg.svdvals(x)


def _no_rotation(jacobian: Tensor, found: Tensor) -> str:
    behind = torch.linalg.solve(jacobian, found)
    lengths = behind.norm(dim=0)
    if close(lengths, torch.ones_like(lengths), 1e-3):
        return (
            "the directions behind the matrix have length 1 and are not at right angles: make "
            "them so, for instance torch.linalg.qr(…).Q"
        )
    return (
        "what stands behind the matrix is no rotation, so that lengths change: take the Q of "
        "torch.linalg.qr of a random matrix"
    )


def _explain_same_inputs(jacobian: Tensor, found: Tensor) -> None:
    behind = torch.linalg.solve(jacobian, found)
    one = torch.eye(len(jacobian))
    if close(behind, one, 1e-3):
        raise Wrong("the matrix comes back as it is: put a random rotation behind it")
    kept = torch.isclose(behind.abs().amax(0), torch.ones(len(one)), atol=1e-3)
    if bool(kept.any()) and not bool(kept.all()):
        raise Wrong(
            "some dimensions are read as before: rotate all of them at once, with the Q of "
            "torch.linalg.qr of a random matrix",
            symptom=f"{int(kept.sum())} of {len(kept)} columns are those of the given matrix",
        )
    if bool(kept.all()):
        if close(behind.abs(), one, 1e-3):
            raise Wrong(
                "only signs are drawn: the lens still reads the same axes, so draw a rotation of "
                "all directions",
                symptom="each column of the result is that of the given matrix, or its negative",
            )
        raise Wrong(
            "dimensions are only exchanged: the stream has large ones, and a lens would still read "
            "single dimensions. Draw a rotation, from torch.linalg.qr of a random matrix",
            symptom="each column of the result is some column of the given matrix, or its negative",
        )
    # of a random rotation the trace is 0, give or take 1; a single reflection leaves d - 2
    if len(one) > _LARGE and float(behind.trace()) > len(one) / 2:
        raise Wrong(
            "the matrix reads nearly what it read before: one small turn, or one reflection, is no "
            "random rotation. Take the Q of torch.linalg.qr of a random matrix",
            symptom=f"the mean cosine of what it reads with what it read is "
            f"{behind.trace() / len(one):.2f}, and for a random rotation near 0",
        )


_LARGE = 20
"""Dimensions from which on a random rotation is surely far from none."""


@exercise
def swap_coordinates(attempt: Attempt) -> None:
    """`(x [batch, d_model], one [batch, d_model], two [batch, d_model])`, as x."""
    cases = Cases("example", "dimension")
    for batch, d in ((4, 6), (1, 5), (3, 3)):
        with cases.case():
            generator = torch.Generator().manual_seed(10 * batch + d)
            x, one, two = (torch.randn(batch, d, generator=generator) for _ in range(3))
            two = 0.7 * one + 0.5 * two  # directions of two tokens are not at right angles
            with explained(_PLANE_ERRORS):
                found = attempt.tensor(x, one, two, shape=(batch, d), axes="(batch, d_model)")
            right = _swapped(x, one, two)
            attempt.expect(right, x, one, two)
            at = _farthest(found, right)
            hint = (
                f"dimension {at[1]} of example {at[0]} should be {right[at]:.3f}, and yours is "
                f"{found[at]:.3f}"
            )
            cases.judge(found, right, _swap_mistakes(x, one, two), hint)


_PLANE_ERRORS = {
    "Expected size for first two dimensions": "the axes of a product do not fit: with the two "
    "directions in columns, torch.stack([one, two], -1), the plane is (batch, d_model, 2)",
}


def _coordinates(x: Tensor, one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """Of the least squares, each with an axis of size 1 behind."""
    plane = torch.stack([one, two], -1)
    c = torch.linalg.lstsq(plane, x[..., None]).solution[..., 0]
    return c[:, :1], c[:, 1:]


def _swapped(x: Tensor, one: Tensor, two: Tensor) -> Tensor:
    c, e = _coordinates(x, one, two)
    return x + (e - c) * one + (c - e) * two


def _swap_mistakes(x: Tensor, one: Tensor, two: Tensor) -> dict[str, Tensor]:
    def dot(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum(-1, keepdim=True)

    c, e = _coordinates(x, one, two)
    right = x + (e - c) * one + (c - e) * two
    u, v = (a / a.norm(dim=-1, keepdim=True) for a in (one, two))
    a, b = dot(x, u), dot(x, v)
    m, n = one.norm(dim=-1, keepdim=True), two.norm(dim=-1, keepdim=True)
    p, q = dot(x, one), dot(x, two)
    units = _swapped(x, u, v)
    first = _swapped(x, one[:1].expand_as(one), two[:1].expand_as(two))
    across = two - dot(one, two) / dot(one, one) * one
    along, beside = dot(x, one) / dot(one, one), dot(x, across) / dot(across, across)
    of_all, of_all_too = _coordinates(*(a.flatten()[None] for a in (x, one, two)))
    turned = (c.flip(0) - c) * one + (e.flip(0) - e) * two
    return {
        "the first direction's part is given to the second, which keeps its own: exchange both": (
            x + c * (two - one)
        ),
        "the second direction's part is given to the first, which keeps its own: exchange both": (
            x + e * (one - two)
        ),
        "the second direction is made orthogonal to the first: take coordinates along the two as "
        "they are": x + (along - beside) * (across - one),
        "the first coordinate is a projection, and only the second takes account of the other: "
        "solve for both together, for instance with torch.linalg.pinv": (
            x + (along - beside) * (two - one)
        ),
        "coordinates come from another vector of the batch: exchange the two of each vector": (
            x + turned
        ),
        "one pair of coordinates is found for the whole batch: each vector has its own": (
            x + (of_all - of_all_too) * (two - one)
        ),
        "each direction is projected on by itself, as if the two were at right angles: they are "
        "not, so solve for both coordinates together, for instance with torch.linalg.pinv": (
            x + (b - a) * u + (a - b) * v
        ),
        "each coordinate is found by itself, x · v over v · v, as if the two were at right angles: "
        "solve for both together, for instance with torch.linalg.pinv": (
            x + (b / n - a / m) * one + (a / m - b / n) * two
        ),
        "dot products are taken for coordinates: solve for both together, for instance with "
        "torch.linalg.pinv": x + (q - p) * one + (p - q) * two,
        "the directions are made unit vectors first: take coordinates along them as they are": (
            units
        ),
        "the first direction's part is taken away, and not given to the second: exchange the two": (
            x + (e - c) * one
        ),
        "only the second direction gets the other's part: the first gets the second's as well": (
            x + (c - e) * two
        ),
        "the part of both is taken away: exchange it": x - c * one - e * two,
        "what comes back lies in the plane of the two alone: the rest of x stays": (
            e * one + c * two
        ),
        "the exchange is added without taking away what was there: subtract the old part": (
            x + e * one + c * two
        ),
        "this is the change alone: add it to x": right - x,
        "the signs are exchanged: the first direction loses its own part and gets the second's": (
            x - (e - c) * one - (c - e) * two
        ),
        "x is mirrored along the difference of the two: that exchanges dot products, not "
        "coordinates": x - 2 * dot(x, one - two) / dot(one - two, one - two) * (one - two),
        "the difference of the directions is added, whatever x has of them: exchange coordinates": (
            x + two - one
        ),
        "the first direction's part is given to the second, and the second's is lost: exchange "
        "both": x - c * one - e * two + c * two,
        "every example's directions are the first example's: each has its own": first,
        "the second direction is only removed, and the first left as it is": x - e * two,
        "x comes back as it is: exchange the coordinates": x,
        "the exchange is made twice: once": x + 2 * (right - x),
    }
