"""Checks on the four parts in which a Llama differs from GPT-2."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import einops
import torch
import torch.nn.functional as F
from torch import Tensor

from mi_course.check import derivatives
from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.week1.learner_module import nan_means
from mi_course.folded import llama_parts as ref

_STREAM, _HEADS = "(batch, pos, d_model)", "(batch, pos, n_heads, d_head)"
_NAN = (
    "the result holds NaN: a query whose keys are all masked gives 0 / 0, so each query may look "
    "at itself"
)
_COUNTED = ("prompt", "position", "entry")
_OF_HEADS = ("prompt", "position", "head", "entry")


def _require_64_bits(attempt: Attempt, right: Callable[..., Tensor], *given: Any) -> None:
    """The chapter's comparison computes in 64 bits, so that rounding can hide no mistake."""
    wide = [x.double() if isinstance(x, Tensor) and x.is_floating_point() else x for x in given]
    expected = right(*wide)
    try:
        found = attempt.tensor(*wide, shape=tuple(expected.shape), axes="the shape of the first")
    except Wrong as mistake:
        raise Wrong(
            f"right with numbers of 32 bits, and with 64 {mistake}: give a new tensor the dtype of "
            "those that you got, for instance torch.zeros(…, dtype=x.dtype)"
        ) from None
    if found.dtype != torch.float64:
        raise Wrong(
            f"numbers of 64 bits go in, and {str(found.dtype).removeprefix('torch.')} comes out: "
            "leave out .float(), and give new tensors the dtype of those that you got"
        )
    Cases().judge(found, expected, {}, "right with numbers of 32 bits, and wrong with 64")


@exercise
def rms_norm(attempt: Attempt) -> None:
    """`(x [batch, pos, d_model], weight [d_model], eps) -> x`, each vector on a common scale."""
    cases = Cases(*_COUNTED)
    for seed, (shape, eps) in enumerate((((2, 5, 10), 0.1), ((3, 4, 7), 0.02), ((1, 1, 6), 0.3))):
        generator = torch.Generator().manual_seed(seed)
        x = 0.4 * torch.randn(shape, generator=generator) + 0.3  # small: epsilon must show
        weight = 1 + 0.5 * torch.randn(shape[-1], generator=generator)
        with cases.case():
            right = ref.rms_norm(x, weight, eps)
            attempt.expect(right, x, weight, eps)
            found = attempt.tensor(x, weight, eps, shape=shape, axes=_STREAM)
            cases.judge(found, right, _wrong_norms(x, weight, eps), _at_places(found, right))
    derivatives.require(
        lambda x, weight: attempt.function(x, weight, eps),
        lambda x, weight: ref.rms_norm(x, weight, eps),
        {"x": x, "weight": weight},
    )
    _require_64_bits(attempt, ref.rms_norm, x, weight, eps)


def _wrong_norms(x: Tensor, weight: Tensor, eps: float) -> dict[str, Tensor]:
    """Wrong answers by the sentence that names their mistake."""
    squares = x.square()
    mean = squares.mean(-1, keepdim=True)
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    root = (mean + eps).sqrt()
    found = {
        "the mean is subtracted, as in LayerNorm: leave it in": (
            centred / (variance + eps).sqrt() * weight
        ),
        "the mean is subtracted from the numerator: leave it in": centred / root * weight,
        "this divides by the standard deviation, which leaves out the mean: divide by the root of "
        "the mean of the squares": x / (variance + eps).sqrt() * weight,
        "this divides by the standard deviation over d − 1: divide by the root of the mean of the "
        "squares": x / (x.var(-1, keepdim=True) + eps).sqrt() * weight,
        "epsilon stands outside the square root: add it to the mean of the squares, then take the "
        "root": x / (mean.sqrt() + eps) * weight,
        "epsilon is missing: add it to the mean of the squares": x / mean.sqrt() * weight,
        "epsilon is written into your function: use eps": x / (mean + 1e-5).sqrt() * weight,
        "epsilon is written into your function: use eps ": x / (mean + 1e-6).sqrt() * weight,
        "epsilon is squared: add it as it is": x / (mean + eps**2).sqrt() * weight,
        "this divides by the mean of the squares: take its square root": (
            x / (mean + eps) * weight
        ),
        "the squares are added up: take their mean, over d_model": (
            x / (squares.sum(-1, keepdim=True) + eps).sqrt() * weight
        ),
        "this divides by the length of the vector: divide by the root of the mean of the squares": (
            x / x.norm(dim=-1, keepdim=True) * weight
        ),
        "this divides by the length of the vector, plus epsilon: divide by the root of the mean of "
        "the squares, and add epsilon below the root": (
            x / (x.norm(dim=-1, keepdim=True) + eps) * weight
        ),
        "this divides by the mean of the sizes: square the entries, and take the root at the end": (
            x / (x.abs().mean(-1, keepdim=True) + eps) * weight
        ),
        "this multiplies by the root: divide by it": x * root * weight,
        "weight is missing: multiply by it at the end": x / root,
        "weight is added: multiply by it": x / root + weight,
        "this divides by weight: multiply by it": x / root / weight,
        "this multiplies by 1 + weight: by weight alone": x / root * (1 + weight),
        "weight is multiplied before the root is taken: scale x first, then multiply by weight": (
            ref.rms_norm(x * weight, torch.ones_like(weight), eps)
        ),
        "nothing is divided: x is only multiplied by weight": x * weight,
    }
    if x.shape[1] > 1:
        each = "each position has its own mean, over the last axis"
        for over, named in (((1,), "positions"), ((0,), "batch"), ((0, 1, 2), "whole of x")):
            wrong = x / (squares.mean(over, keepdim=True) + eps).sqrt() * weight
            found[f"the mean runs over the {named}: {each}"] = wrong
        wrong = x / (squares.mean((1, 2), keepdim=True) + eps).sqrt() * weight
        found[f"the mean runs over positions and entries: {each}"] = wrong
    return found


def _at_places(found: Tensor, right: Tensor) -> Callable[[], str]:
    """What to say of an answer that is none of the known wrong ones."""

    def told() -> str:
        wrong = ((found - right).abs() > 1e-4 * (1 + right.abs())).nonzero()
        at = tuple(wrong[0].tolist()) if len(wrong) else (0,) * right.ndim
        return (
            f"the result is not right at [{', '.join(map(str, at))}]: yours is "
            f"{found[at].item():.3g}, and it should be {right[at].item():.3g}"
        )

    return told


@exercise
def rotate(attempt: Attempt) -> None:
    """`(x [batch, pos, head, d_head], positions [pos], theta) -> x`, turned pair by pair."""
    cases = Cases(*_OF_HEADS)
    # positions that are not 0, 1, 2, …, then in no order, as a cache or a shuffle hands them over
    tried: tuple[tuple[tuple[int, ...], list[int], float], ...] = (
        ((2, 5, 3, 8), [3, 4, 5, 6, 7], 20.0),
        ((3, 4, 4, 6), [9, 0, 2, 21], 100.0),
        ((1, 1, 2, 12), [5], 10_000.0),
        ((2, 3, 1, 2), [0, 1, 2], 50.0),
    )
    for seed, (shape, places, theta) in enumerate(tried):
        generator = torch.Generator().manual_seed(seed)
        x, positions = torch.randn(shape, generator=generator), torch.tensor(places)
        with cases.case():
            _compare_turns(attempt, cases, x, positions, theta)
    derivatives.require(
        lambda x: attempt.function(x, positions, theta),
        lambda x: ref.rotate(x, positions, theta),
        {"x": x},
    )
    _require_64_bits(attempt, ref.rotate, x, positions, theta)


def _compare_turns(
    attempt: Attempt, cases: Cases, x: Tensor, positions: Tensor, theta: float
) -> None:
    found, right = _rotated(attempt, x, positions, theta), ref.rotate(x, positions, theta)
    cases.judge(
        found,
        right,
        _wrong_turns(x, positions, theta),
        lambda: _turn_hint(found, right, x, positions),
    )


def _rotated(attempt: Attempt, x: Tensor, positions: Tensor, theta: float) -> Tensor:
    attempt.expect(ref.rotate(x, positions, theta), x, positions, theta)
    try:
        result = attempt(x, positions, theta)
    except Wrong as mistake:
        if "must match" in str(mistake) or "not match" in str(mistake):
            raise Wrong(
                f"{mistake}: has each angle an axis for the heads? (pos, 1, pair) goes with "
                "(batch, pos, head, pair), and there are d_head / 2 pairs"
            ) from None
        raise
    if isinstance(result, tuple):
        raise Wrong("return the turned x alone, not a tuple")
    if isinstance(result, Tensor) and result.is_complex():
        raise Wrong("the result is complex: return real and imaginary parts as the two halves")
    return attempt.tensor(x, positions, theta, shape=tuple(x.shape), axes=_HEADS)


def _turned(x: Tensor, angles: Tensor) -> Tensor:
    """Halves turned by angles [pos, 1, pair]."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _wrong_turns(x: Tensor, positions: Tensor, theta: float) -> dict[str, Tensor]:
    """Wrong answers by the sentence that names their mistake."""
    batch, n, heads, d = x.shape
    pair = torch.arange(d // 2)
    at = positions[:, None, None]
    angles = at * theta ** (-2 * pair / d)
    cos, sin = angles.cos(), angles.sin()
    first, second = x.chunk(2, dim=-1)
    left, right = x[..., ::2], x[..., 1::2]
    beside = [left * cos - right * sin, right * cos + left * sin]
    done = first * cos - second * sin
    order = torch.arange(n)[:, None, None]
    speed = "pair i has the speed theta^(−2i / d_head)"
    found = {
        "the two of a pair are neighbours here, 2i and 2i + 1: pair i is entries i and "
        "i + d_head / 2": torch.stack(beside, -1).flatten(-2),
        "neighbours are turned, and put into two halves: pair i is entries i and i + d_head / 2": (
            torch.cat(beside, -1)
        ),
        "the halves are turned, and their entries put side by side: put the halves one after the "
        "other, with cat": torch.stack([done, second * cos + first * sin], -1).flatten(-2),
        "x is turned backwards: first · cos − second · sin comes first": _turned(x, -angles),
        "positions is not used, x is taken to begin at position 0: turn by the positions that are "
        "given": _turned(x, order * theta ** (-2 * pair / d)),
        "positions count from 1 here: the angle is position × speed": _turned(
            x, (at + 1) * theta ** (-2 * pair / d)
        ),
        "every pair has one speed: pair i has the speed theta^(−2i / d_head)": (
            _turned(x, at / torch.ones(d // 2))
        ),
        f"the exponent lacks its 2: {speed}": _turned(x, at * theta ** (-pair / d)),
        f"the exponent is divided by d_head / 2 once more: {speed}": (
            _turned(x, at * theta ** (-4 * pair / d))
        ),
        f"the exponent is wrong, its sign is positive here: {speed}": _turned(
            x, at * theta ** (2 * pair / d)
        ),
        f"in the exponent the first pair is pair 1: {speed}, from pair 0 on": _turned(
            x, at * theta ** (-2 * (pair + 1) / d)
        ),
        f"the pairs run backwards in the exponent: {speed}": (
            _turned(x, at * theta ** (-2 * pair.flip(0) / d))
        ),
        "another number stands for theta: use the theta that is given": (
            _turned(x, at * 10_000.0 ** (-2 * pair / d))
        ),
        "another number stands for theta: use the theta that is given ": (
            _turned(x, at * 100_000.0 ** (-2 * pair / d))
        ),
        "the sign in the second half is wrong: second · cos + first · sin": (
            torch.cat([done, second * cos - first * sin], -1)
        ),
        "the sign in the first half is wrong: first · cos − second · sin": (
            torch.cat([first * cos + second * sin, second * cos + first * sin], -1)
        ),
        "the first half was changed already when the second is made from it: keep the old one": (
            torch.cat([done, second * cos + done * sin], -1)
        ),
        "cos and sin are exchanged": _turned(x, math.pi / 2 - angles),
        "the halves are exchanged in the result": (
            torch.cat([second * cos + first * sin, done], -1)
        ),
        "only the first half is turned: the second changes too": torch.cat([done, second], -1),
        "only the cosine is there: each half needs the other one, times the sine": (
            torch.cat([first * cos, second * cos], -1)
        ),
        "the angles are in degrees: torch.cos takes radians": _turned(x, angles * math.pi / 180),
        "the angles are multiplied by 2π: they are in radians already": (
            _turned(x, angles * 2 * math.pi)
        ),
        "the angle is added: turn the pair by it": x + torch.cat([angles, angles], -1),
        "nothing is turned: is the turned tensor the one that you return?": x,
    }
    if n == heads:
        found["the angles run along the heads: give them an axis of length 1, (pos, 1, pair)"] = (
            _turned(x, angles.transpose(0, 1))
        )
    if batch == n:
        found["the angles run along the batch: they belong to the positions"] = _turned(
            x, angles[:, None]
        )
    return found


def _turn_hint(found: Tensor, right: Tensor, x: Tensor, positions: Tensor) -> str:
    told = _at_places(found, right)()
    if not torch.allclose(found.norm(dim=-1), x.norm(dim=-1), atol=1e-4):
        return f"{told} (a turn keeps the length of a vector, and yours does not)"
    first = positions == 0
    if not torch.allclose(found[:, first], x[:, first], atol=1e-4):
        return f"{told} (at position 0 every angle is 0, so nothing changes there)"
    return told


@exercise
def gated_mlp(attempt: Attempt) -> None:
    """`(x, W_gate, W_up, W_down) -> [batch, pos, d_model]`: silu(x W_gate) · (x W_up), W_down."""
    cases = Cases(*_COUNTED)
    for seed, (batch, n, width, hidden) in enumerate(((2, 5, 6, 10), (3, 4, 9, 7), (1, 1, 4, 8))):
        generator = torch.Generator().manual_seed(seed)
        x = 1.5 * torch.randn(batch, n, width, generator=generator)
        gate, up = torch.randn(2, width, hidden, generator=generator) / width**0.5
        down = torch.randn(hidden, width, generator=generator) / hidden**0.5
        weights = {"W_gate": gate, "W_up": up, "W_down": down}
        with cases.case():
            found = attempt.tensor(x, gate, up, down, shape=tuple(x.shape), axes=_STREAM)
            right = ref.gated_mlp(x, gate, up, down)
            cases.judge(found, right, _wrong_gates(x, gate, up, down), _at_places(found, right))
    derivatives.require(lambda *given: attempt.function(*given), ref.gated_mlp, {"x": x, **weights})
    _require_64_bits(attempt, ref.gated_mlp, x, gate, up, down)


def _wrong_gates(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> dict[str, Tensor]:
    """Wrong answers by the sentence that names their mistake."""
    g, u = x @ gate, x @ up
    right = (F.silu(g) * u) @ down
    return {
        "the gate goes through GELU: it goes through SiLU, F.silu": (F.gelu(g) * u) @ down,
        "the gate goes through GELU: it goes through SiLU, F.silu ": (
            F.gelu(g, approximate="tanh") * u
        )
        @ down,
        "the gate goes through a ReLU: it goes through SiLU, F.silu": (g.relu() * u) @ down,
        "the gate goes through a sigmoid alone: SiLU is z times its sigmoid": (
            (g.sigmoid() * u) @ down
        ),
        "the gate goes through a tanh: it goes through SiLU, F.silu": (g.tanh() * u) @ down,
        "the gate goes through a softplus: it goes through SiLU, F.silu": (
            (F.softplus(g) * u) @ down
        ),
        "SiLU is missing: the gate is silu(x @ W_gate)": (g * u) @ down,
        "SiLU is taken of x @ W_up: it is taken of x @ W_gate": (g * F.silu(u)) @ down,
        "SiLU is taken of both: x @ W_up goes without": (F.silu(g) * F.silu(u)) @ down,
        "SiLU is taken of the product: take it of x @ W_gate, before you multiply": (
            F.silu(g * u) @ down
        ),
        "SiLU is taken at the end: take it of x @ W_gate": F.silu((g * u) @ down),
        "SiLU is taken once more at the end: nothing comes after W_down": F.silu(right),
        "the two are added: multiply them": (F.silu(g) + u) @ down,
        "W_up is not used: multiply silu(x @ W_gate) by x @ W_up": F.silu(g) @ down,
        "W_gate is not used, its place is taken by W_up: the gate is silu(x @ W_gate)": (
            (F.silu(u) * u) @ down
        ),
        "W_up is not used, its place is taken by W_gate: multiply by x @ W_up": (
            (F.silu(g) * g) @ down
        ),
        "W_gate is not used: multiply x @ W_up by silu(x @ W_gate)": u @ down,
        "the gate's softmax is taken: each neuron has a gate of its own, silu(x @ W_gate)": (
            (g.softmax(-1) * u) @ down
        ),
        "x itself is added: that is the block's job": right + x,
        "SiLU is z times the sigmoid of z, and not of −z": (g * (-g).sigmoid() * u) @ down,
    }


@exercise
def grouped_attention(attempt: Attempt) -> None:
    """`(q [batch, pos, head, d], k, v [batch, pos, group, d]) -> z [batch, pos, head, d]`."""
    cases = Cases(*_OF_HEADS)
    sizes = ((2, 5, 6, 2, 4), (2, 4, 6, 3, 5), (3, 7, 4, 4, 3), (2, 3, 5, 1, 6), (1, 1, 4, 2, 8))
    for seed, (batch, n, heads, groups, d) in enumerate(sizes):
        generator = torch.Generator().manual_seed(seed)
        q = 1.5 * torch.randn(batch, n, heads, d, generator=generator)
        k, v = torch.randn(2, batch, n, groups, d, generator=generator)
        with cases.case():
            _compare_heads(attempt, cases, q, k, v)
        if seed == 0:
            derivatives.require(
                lambda *given: attempt.function(*given),
                ref.grouped_attention,
                {"q": q, "k": k, "v": v},
            )
    _require_64_bits(attempt, ref.grouped_attention, q, k, v)
    _require_mask_below_any_score(attempt)


def _compare_heads(attempt: Attempt, cases: Cases, q: Tensor, k: Tensor, v: Tensor) -> None:
    found = _attended(attempt, q, k, v)
    right = ref.grouped_attention(q, k, v)
    cases.judge(
        found,
        right,
        _wrong_heads(q, k, v),
        lambda: _leak(attempt, found, q, k, v) or _at_places(found, right)(),
    )


def _attended(attempt: Attempt, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    heads, groups = q.shape[2], k.shape[2]
    attempt.expect(ref.grouped_attention(q, k, v), q, k, v)
    try:
        result = attempt(q, k, v)
    except Wrong as mistake:
        if heads != groups and any(word in str(mistake) for word in ("size", "shape", "match")):
            raise Wrong(
                f"{mistake}: k and v have n_groups = {groups} heads and q has n_heads = {heads}. "
                f"Repeat each group {heads // groups} times along the axis of the heads, dim=2, "
                "not along the positions"
            ) from None
        raise
    if isinstance(result, tuple):
        raise Wrong("return z alone, not a tuple with the pattern")
    shape = tuple(q.shape)
    if isinstance(result, Tensor) and tuple(result.shape) != shape and result.ndim == 4:
        if tuple(result.shape) == tuple(q.transpose(1, 2).shape):
            raise Wrong(
                "the heads stand before the positions: return (batch, pos, n_heads, d_head)"
            )
        if result.shape[2:] == k.shape[2:]:
            raise Wrong(
                "there is one result for each group: every head of q has a pattern and a z of its "
                "own"
            )
    if isinstance(result, Tensor) and tuple(result.shape) == (*shape[:2], heads * shape[3]):
        raise Wrong("the heads are joined: keep an axis for them, since W_O has one too")
    with nan_means(_NAN):
        return attempt.tensor(q, k, v, shape=shape, axes=_HEADS)


def _wrong_heads(q: Tensor, k: Tensor, v: Tensor) -> dict[str, Tensor]:
    """Wrong answers by the sentence that names their mistake."""
    n, heads, d = q.shape[1:]
    shared = heads // k.shape[2]
    keys, values = (x.repeat_interleave(shared, dim=2) for x in (k, v))
    tiled_keys, tiled_values = (x.repeat(1, 1, shared, 1) for x in (k, v))
    first_key, first_value = (x[:, :, :1].expand_as(q) for x in (k, v))
    mean_key, mean_value = (x.mean(2, keepdim=True).expand_as(q) for x in (k, v))
    mask = torch.ones(n, n).tril().bool()

    def scores(key: Tensor = keys, query: Tensor = q) -> Tensor:
        return einops.einsum(query, key, "b i h d, b j h d -> b h i j") / math.sqrt(d)

    def masked(raw: Tensor, keep: Tensor = mask, fill: float = -math.inf) -> Tensor:
        return raw.masked_fill(~keep, fill).softmax(-1)

    def mix(pattern: Tensor, value: Tensor = values) -> Tensor:
        return einops.einsum(pattern, value, "b h i j, b j h d -> b i h d")

    right, raw = masked(scores()), scores()
    turn = "neighbouring heads share a group: 0, 0, 0, 1, 1, 1, and not 0, 1, 0, 1"
    found = {
        f"{turn}, which repeat gives; repeat_interleave gives the other": (
            mix(masked(scores(tiled_keys)), tiled_values)
        ),
        f"the values go round the groups, and the keys do not: {turn}": mix(right, tiled_values),
        f"the keys go round the groups, and the values do not: {turn}": (
            mix(masked(scores(tiled_keys)))
        ),
        "every head uses the first group's keys and values: each its own group's": (
            mix(masked(scores(first_key)), first_value)
        ),
        "every head uses the first group's keys: those of its own group": (
            mix(masked(scores(first_key)))
        ),
        "every head uses the first group's values: those of its own group": mix(right, first_value),
        "the groups are averaged: each head has the keys and values of its own": (
            mix(masked(scores(mean_key)), mean_value)
        ),
        "the groups stand in the wrong order": (mix(masked(scores(keys.flip(2))), values.flip(2))),
        "there is no mask: a query may look at keys up to its own position": mix(raw.softmax(-1)),
        "the mask hides the past instead of the future: keep what lies on and below the diagonal": (
            mix(masked(raw, mask.T))
        ),
        "the mask comes too late, the hidden tokens are still in the divisor: set scores to −∞ "
        "before the softmax": mix(raw.softmax(-1) * mask),
        "masked scores are set to 0, and e^0 = 1: set them to −∞": mix(masked(raw, fill=0.0)),
        "divide the scores by the square root of d_head": mix(masked(raw * math.sqrt(d))),
        "the scores are divided by d_head, or twice by its root: once by the square root of "
        "d_head, which attention_pattern does": mix(masked(raw / math.sqrt(d))),
        "the keys are used as values": mix(right, keys),
        "the values are used as keys": mix(masked(scores(values))),
        "queries and keys are swapped: the first axis of the scores is the query's": (
            mix(masked(raw.mT))
        ),
        "the softmax runs over the queries: each query spreads its attention over the keys": (
            mix(raw.masked_fill(~mask, -math.inf).softmax(-2).nan_to_num())
        ),
        "the softmax runs over the heads: each query spreads its attention over the keys": (
            mix(raw.masked_fill(~mask, -math.inf).softmax(1).nan_to_num())
        ),
        "the softmax is missing: these are scores times values": mix(raw * mask),
        "the values are averaged alike: the scores are not used": mix(masked(0 * raw)),
        "the values are not mixed: each position passes on its own": values,
        "the queries are returned": q,
    }
    return found


def _leak(attempt: Attempt, found: Tensor, q: Tensor, k: Tensor, v: Tensor) -> str:
    """A sentence, if a later position changes what an earlier one gets, or a prompt another."""
    for changed in range(q.shape[1] - 1, 0, -1):
        others = [x.clone() for x in (q, k, v)]
        for x in others:
            x[:, changed] *= -2
        after = attempt.tensor(*others, shape=tuple(q.shape), axes=_HEADS)
        moved = ((after - found).abs() > 1e-5).flatten(2).any(-1).any(0)[:changed].nonzero()
        if len(moved):
            return (
                f"future tokens leak: changing token {changed} changed the output at token "
                f"{moved[-1].item()}: is the mask applied before the softmax?"
            )
    return ""


def _require_mask_below_any_score(attempt: Attempt) -> None:
    """Every allowed score is -1800, which a mask of -100 or -1000 would outweigh."""
    q = torch.full((1, 4, 2, 4), 30.0)
    v = torch.arange(4.0)[None, :, None, None].expand(1, 4, 1, 4)
    k = -q[:, :, :1]
    attempt.expect(ref.grouped_attention(q, k, v), q, k, v)
    found = attempt.tensor(q, k, v, shape=(1, 4, 2, 4), axes=_HEADS)
    if bool((found[0, :, 0, 0] > torch.arange(4.0) + 1e-3).any()):
        raise Wrong(
            "the masked scores are not low enough: where allowed scores are lower still, attention "
            "goes to the future; mask with -math.inf"
        )
