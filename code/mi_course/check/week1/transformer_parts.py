"""Checks on the parts of a transformer beside attention: embedding, LayerNorm, MLP, block."""

from __future__ import annotations

import math
from collections.abc import Callable
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mi_course import transformer as ref
from mi_course.check import derivatives
from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.week1.learner_module import (
    CASES,
    STREAM,
    build,
    compare,
    first_difference,
    part_is_wrong,
    randomise,
    require_derivatives,
    stream,
    value_apart,
)

_ALONE = "each position is worked on by itself, so look for an axis that is mixed up with positions"


@exercise
def embed(attempt: Attempt) -> None:
    """`(tokens, W_E, W_pos) -> [batch, pos, d_model]`: a token's vector plus its position's."""
    generator = torch.Generator().manual_seed(0)
    W_E = torch.randn(11, 6, generator=generator)
    W_pos = torch.randn(9, 6, generator=generator)
    cases = Cases()
    for batch, n in ((3, 5), (2, 9), (1, 4), (3, 1)):
        tokens = torch.randint(1, 11, (batch, n), generator=generator)
        tokens[0, 0], tokens[-1, -1] = 10, 0
        with cases.case():
            _compare_embeddings(attempt, tokens, W_E, W_pos)
    derivatives.require(
        lambda *tables: attempt.function(tokens, *tables),
        lambda *tables: ref.embed(tokens, *tables),
        {"W_E": W_E, "W_pos": W_pos},
    )


def _compare_embeddings(attempt: Attempt, tokens: Tensor, W_E: Tensor, W_pos: Tensor) -> None:
    right = ref.embed(tokens, W_E, W_pos)
    compare(
        Attempt(lambda tokens: _embedded(attempt, tokens, W_E, W_pos)),
        tokens,
        right,
        lambda: _wrong_embeddings(tokens, W_E, W_pos),
        lambda found: (
            f"expected W_E[token] + W_pos[position] at every place; {value_apart(found, right)}"
        ),
        leak_hint="a place gets the vectors of its own token and position, and nothing else",
    )


def _embedded(attempt: Attempt, tokens: Tensor, W_E: Tensor, W_pos: Tensor) -> Tensor:
    hint = (
        "a text can be shorter than the table of positions: take only its first rows, as many as "
    )
    hint += "there are tokens"
    shape = (*tokens.shape, W_E.shape[1])
    attempt.expect(ref.embed(tokens, W_E, W_pos), tokens, W_E, W_pos)
    try:
        result = attempt(tokens, W_E, W_pos)
    except Wrong as mistake:
        if "must match" in str(mistake) or "not match" in str(mistake):
            raise Wrong(hint) from None
        if "out of bounds" in str(mistake) or "out of range" in str(mistake):
            raise Wrong(
                f"{mistake}: are the tokens used as rows of W_pos? Those are positions, from 0 on"
            ) from None
        raise
    if isinstance(result, Tensor) and result.ndim == 3 and result.shape[-1] == 2 * W_E.shape[1]:
        raise Wrong("the two vectors are put side by side: add them")
    return attempt.tensor(tokens, W_E, W_pos, shape=shape, axes=STREAM)


def _wrong_embeddings(tokens: Tensor, W_E: Tensor, W_pos: Tensor) -> dict[str, Tensor]:
    batch, n = tokens.shape
    later = W_pos.roll(-1, 0)[:n]
    sentences = {
        "the positions are missing: add W_pos": W_E[tokens],
        "the tokens are missing: add W_E[tokens]": W_pos[:n].expand(batch, -1, -1),
        "W_pos is indexed with the tokens: its rows are positions 0, 1, 2, …": (
            W_E[tokens] + W_pos[tokens % len(W_pos)]
        ),
        "the positions start at 1: the first token is at position 0": W_E[tokens] + later,
        "every token gets the vector of position 0": W_E[tokens] + W_pos[0],
        "every token gets the vector of the last position": W_E[tokens] + W_pos[n - 1],
        "the last rows of W_pos are used: the first token is at position 0": (
            W_E[tokens] + W_pos[-n:]
        ),
        "the sum is scaled to length 1: add the two vectors, nothing else": F.normalize(
            W_E[tokens] + W_pos[:n], dim=-1
        ),
        "the positions run backwards": W_E[tokens] + W_pos[:n].flip(0),
        "the two vectors are multiplied: add them": W_E[tokens] * W_pos[:n],
        "the position's vector is subtracted: add it": W_E[tokens] - W_pos[:n],
        "the two vectors are averaged: add them": (W_E[tokens] + W_pos[:n]) / 2,
        "the token vectors are multiplied by the root of d_model: GPT-2 does not": (
            W_E[tokens] * W_E.shape[1] ** 0.5 + W_pos[:n]
        ),
        "every row gets the first prompt's tokens": (W_E[tokens[:1]] + W_pos[:n]).expand(
            batch, -1, -1
        ),
    }
    if batch == n:
        sentences["the positions run along the batch"] = W_E[tokens] + W_pos[:n, None]
    return sentences


@exercise
def layer_norm(attempt: Attempt) -> None:
    """A module: each position's vector to mean 0 and variance 1, then times `w` plus `b`."""
    for cfg, n, seed in CASES:
        layer = randomise(ref.LayerNorm(cfg), seed)
        x = stream(cfg, n, seed, scale=0.3) + 0.5  # small: epsilon must show
        run = build(attempt, cfg, layer)
        with torch.no_grad(), patch.object(nn.LayerNorm, "forward", _refuse_layer_norm):
            _compare_norms(run, layer, x)
        require_derivatives(run, layer, {"x": x})


def _refuse_layer_norm(*args: Tensor) -> Tensor:
    raise Wrong("this uses nn.LayerNorm: write it by hand, with mean and var")


def _compare_norms(run: Attempt, layer: ref.LayerNorm, x: Tensor) -> None:
    right = layer(x)
    compare(
        run,
        x,
        right,
        lambda: _wrong_norms(layer, x),
        lambda found: first_difference(found, right),
        leak_hint=_ALONE,
    )


def _wrong_norms(layer: ref.LayerNorm, x: Tensor) -> dict[str, Tensor]:
    eps, w, b, last = layer.eps, layer.w, layer.b, (-1,)

    def norm(over: tuple[int, ...] = last, correction: int = 0, added: float = eps) -> Tensor:
        variance = x.var(over, keepdim=True, correction=correction)
        return (x - x.mean(over, keepdim=True)) / (variance + added).sqrt() * w + b

    centred = x - x.mean(-1, keepdim=True)
    variance = x.var(-1, keepdim=True, correction=0)
    plain = centred / (variance + eps).sqrt()
    many = x.shape[1] > 1
    found = {
        "epsilon stands outside the square root: add it to the variance, then take the root": (
            centred / (variance.sqrt() + eps) * w + b
        ),
        "the standard deviation divides by d − 1, and epsilon stands outside the root: divide by "
        "d, and add epsilon to the variance": centred / (x.std(-1, keepdim=True) + eps) * w + b,
        "the squares are added up: the variance is their mean, so divide by d": (
            centred / (centred.square().sum(-1, keepdim=True) + eps).sqrt() * w + b
        ),
        "w is multiplied before the variance is taken: scale by w at the end, then add b": (
            w * centred / ((w * centred).var(-1, keepdim=True, correction=0) + eps).sqrt() + b
        ),
        "epsilon is missing: add it to the variance": norm(added=0.0),
        "epsilon is written into your class: use cfg.eps": norm(added=1e-5),
        "epsilon is squared: add it to the variance as it is": norm(added=eps**2),
        "the variance is divided by d − 1: divide by d, correction=0 in PyTorch": norm(
            correction=1
        ),
        "this divides by the variance: take its square root": centred / (variance + eps) * w + b,
        "this multiplies by the standard deviation: divide by it": (
            centred * (variance + eps).sqrt() * w + b
        ),
        "the mean is not subtracted: this is another norm, RMSNorm": (
            x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * w + b
        ),
        "the mean is not subtracted from the numerator": x / (variance + eps).sqrt() * w + b,
        "the variance is divided by d − 1, and epsilon is missing: divide by d, and add it": (
            centred / x.std(-1, keepdim=True) * w + b
        ),
        "this divides by the largest entry: divide by the root of the variance": (
            centred / x.abs().amax(-1, keepdim=True) * w + b
        ),
        "this divides by the length of the vector: divide by the root of the variance": (
            centred / centred.norm(dim=-1, keepdim=True) * w + b
        ),
        "this divides by the mean distance: divide by the root of the variance": (
            centred / (centred.abs().mean(-1, keepdim=True) + eps) * w + b
        ),
        "the median is subtracted: subtract the mean": (
            (x - x.median(-1, keepdim=True).values) / (variance + eps).sqrt() * w + b
        ),
        "the variance is missing: only the mean is taken away": centred * w + b,
        "w is missing": plain + b,
        "b is missing": plain * w,
        "w and b are missing": plain,
        "w and b are exchanged: w scales, and b is added": plain * b + w,
        "w is added and b scales the result: scale by w first, then add b": (plain + w) * b,
        "b is subtracted: add it": plain * w - b,
        "this divides by w: multiply by it": plain / w + b,
        "b is added before w: scale by w first, then add b": (plain + b) * w,
    }
    if many:
        found["the mean runs over the positions: it belongs on the last axis"] = norm((1,))
        found["the mean runs over positions and entries: each position has its own"] = norm((1, 2))
        found["the mean runs over the batch: it belongs on the last axis"] = norm((0,))
        found["the mean runs over everything: each position has its own"] = norm((0, 1, 2))
    return found


@exercise
def mlp(attempt: Attempt) -> None:
    """A module: `gelu(x @ W_in + b_in) @ W_out + b_out`."""
    for cfg, n, seed in CASES:
        layer = randomise(ref.MLP(cfg), seed)
        x = stream(cfg, n, seed, scale=1.5)  # neurons near ±2, where the two GELUs differ most
        run = build(attempt, cfg, layer)
        with torch.no_grad():
            _compare_mlps(run, layer, x)
        require_derivatives(run, layer, {"x": x})
    _explain_initial_weights(attempt)


def _explain_initial_weights(attempt: Attempt) -> None:
    """Small random matrices, zero biases: what the exercise asks of a fresh module."""
    cfg = ref.Config(1, 2, d_model=40, d_head=20, d_mlp=60, d_vocab=5, n_ctx=4)
    weights = dict(attempt(cfg).named_parameters())
    for name in ("W_in", "W_out"):
        W = weights[name].detach()
        if not bool(W.isfinite().all()):
            raise Wrong(f"{name} begins with NaN or infinity: torch.empty does not fill a tensor")
        if float(W.std()) < 1e-6:
            raise Wrong(
                f"{name} begins with one and the same number everywhere, so that all neurons would "
                "stay alike: begin with small random numbers, for instance 0.02 * torch.randn(…)",
                symptom=f"every entry of a fresh {name} is {W.flatten()[0].item():.4g}",
            )
        if float(W.std()) > 0.6:
            raise Wrong(
                f"{name} begins with numbers of about {float(W.std()):.1f}: small random numbers "
                "are asked for, for instance 0.02 * torch.randn(…)",
                symptom=f"the standard deviation of a fresh {name} is {float(W.std()):.2f}",
            )
        if any(float(W.std(axis).max()) == 0 for axis in (0, 1)):
            raise Wrong(f"all rows or all columns of {name} begin alike: draw each entry")
    for name in ("b_in", "b_out"):
        if bool(weights[name].detach().any()):
            raise Wrong(f"{name} should begin with zeros: torch.zeros(…)")


def _compare_mlps(run: Attempt, layer: ref.MLP, x: Tensor) -> None:
    right = layer(x)
    compare(
        run,
        x,
        right,
        lambda: _wrong_mlps(layer, x),
        lambda found: f"{first_difference(found, right)}: print the values after W_in",
        tolerance=1e-5,
        leak_hint=_ALONE,
    )


def _wrong_mlps(layer: ref.MLP, x: Tensor) -> dict[str, Tensor]:
    pre = x @ layer.W_in + layer.b_in

    def act(function: Callable[[Tensor], Tensor], values: Tensor = pre) -> Tensor:
        return function(values) @ layer.W_out + layer.b_out

    def tanh_form(slope: float = math.sqrt(2 / math.pi), cube: float = 0.044715) -> Tensor:
        return act(lambda h: 0.5 * h * (1 + torch.tanh(slope * (h + cube * h**3))))

    def nothing(values: Tensor) -> Tensor:
        return values

    right = act(ref.gelu)
    constants = "check the constants of GELU; "
    return {
        'this is the exact GELU: GPT-2 uses the tanh form, F.gelu(x, approximate="tanh")': act(
            F.gelu
        ),
        "this is a ReLU: GPT-2 uses GELU": act(torch.relu),
        "this is SiLU: GPT-2 uses GELU": act(F.silu),
        "this is a leaky ReLU: GPT-2 uses GELU": act(F.leaky_relu),
        "this is an ELU: GPT-2 uses GELU": act(F.elu),
        "this is softplus: GPT-2 uses GELU": act(F.softplus),
        "what goes into GELU is added to what comes out: pass on what comes out alone": (
            act(lambda h: h + ref.gelu(h))
        ),
        "GELU's result is squared": act(lambda h: ref.gelu(h).square()),
        "this is the sigmoid approximation of GELU: GPT-2 uses the tanh form": (
            act(lambda h: h * torch.sigmoid(1.702 * h))
        ),
        "this is a tanh: GPT-2 uses GELU": act(torch.tanh),
        "this is a sigmoid: GPT-2 uses GELU": act(torch.sigmoid),
        "GELU is missing: without it two matrices are as good as one": act(nothing),
        "GELU stands at the end: it belongs between the two matrices": (ref.gelu(act(nothing))),
        "GELU is taken twice: the output has none": ref.gelu(right),
        "b_in is missing: add it before GELU": act(ref.gelu, pre - layer.b_in),
        "b_in is added after GELU: add it before": (
            (ref.gelu(pre - layer.b_in) + layer.b_in) @ layer.W_out + layer.b_out
        ),
        "b_out is missing": right - layer.b_out,
        "both biases are missing": act(ref.gelu, pre - layer.b_in) - layer.b_out,
        "x itself is added: that is the block's job": right + x,
        f"{constants}the cube is missing": tanh_form(cube=0.0),
        f"{constants}0.044715, with a zero after the point": tanh_form(cube=0.44715),
        f"{constants}the root of 2 / π is missing": tanh_form(slope=1.0),
        f"{constants}2 / π stands under a root": tanh_form(slope=2 / math.pi),
        f"{constants}the half is missing": (2 * (right - layer.b_out) + layer.b_out),
    }


@exercise
def block(attempt: Attempt) -> None:
    """A module: `x + attn(ln1(x))`, then plus `mlp(ln2(…))` of the new stream."""
    for cfg, n, seed in CASES:
        layer = randomise(ref.Block(cfg), seed)
        x = stream(cfg, n, seed)
        run = build(attempt, cfg, layer)
        with torch.no_grad():
            _compare_blocks(run, layer, x)
        require_derivatives(run, layer, {"x": x})


def _compare_blocks(run: Attempt, layer: ref.Block, x: Tensor) -> None:
    right = layer(x)
    compare(
        run,
        x,
        right,
        lambda: _wrong_blocks(layer, x),
        lambda found: (
            part_is_wrong(run, layer, x, ("ln1", "attn", "ln2", "mlp"))
            or f"the parts are right, and put together in another way: "
            f"{first_difference(found, right)}"
        ),
        leak_hint="is attention's mask right? Run check.attention first",
    )


def _wrong_blocks(layer: ref.Block, x: Tensor) -> dict[str, Tensor]:
    attn, mlp, ln1, ln2 = layer.attn, layer.mlp, layer.ln1, layer.ln2
    middle = x + attn(ln1(x))
    right = middle + mlp(ln2(middle))
    post, bare, swapped = ln1(x + attn(x)), x + attn(x), x + attn(ln2(x))
    copy1 = ln1(x) + attn(ln1(x))
    copy2 = ln2(copy1) + mlp(ln2(copy1))
    sub = attn(ln1(x))
    first = x + mlp(ln2(x))
    after = x + ln1(attn(x))
    adds = "each half adds to the stream itself, not to the normalised copy"
    return {
        "this is post-LN: normalise the copy that a part reads, not the sum": ln2(post + mlp(post)),
        "the stream itself passes through ln2 at the end: GPT-2 is pre-LN": ln2(bare + mlp(bare)),
        "LayerNorm stands after attn and mlp: it belongs before them": after + ln2(mlp(after)),
        "LayerNorm stands after the mlp: it belongs before it": middle + ln2(mlp(middle)),
        "LayerNorm stands after attn: it belongs before it": after + mlp(ln2(after)),
        "the MLP reads the old x: it reads the stream after attention has written to it": (
            middle + mlp(ln2(x))
        ),
        "x is never added back: each half ADDS to the stream": mlp(ln2(sub)),
        "the MLP's output replaces the stream: add it": mlp(ln2(middle)),
        "the attention's output replaces the stream: add it": sub + mlp(ln2(sub)),
        adds: copy2,
        f"{adds} (ln1)": copy1 + mlp(ln2(copy1)),
        f"{adds} (ln2)": ln2(middle) + mlp(ln2(middle)),
        "ln1 is used twice: the MLP reads through ln2": middle + mlp(ln1(middle)),
        "ln2 is used twice: attention reads through ln1": swapped + mlp(ln2(swapped)),
        "ln1 and ln2 are swapped": swapped + mlp(ln1(swapped)),
        "LayerNorm is missing in both halves": bare + mlp(bare),
        "LayerNorm is missing before attention": bare + mlp(ln2(bare)),
        "LayerNorm is missing before the MLP": middle + mlp(middle),
        "attention comes first, then the MLP": first + attn(ln1(first)),
        "attention comes first, with ln1, then the MLP, with ln2": (
            (early := x + mlp(ln1(x))) + attn(ln2(early))
        ),
        "attention's result is added once more to what the MLP reads": (
            middle + mlp(ln2(middle) + sub)
        ),
        "attention is missing": first,
        "the MLP is missing": middle,
        "each half is divided by √2: add it as it is": _halves(layer, x, 2**-0.5),
        "each half is divided by 2: add it as it is": _halves(layer, x, 0.5),
        "each half is added twice: add it once": _halves(layer, x, 2.0),
        "the MLP reads what attention writes alone: it reads the whole stream": (
            middle + mlp(ln2(sub))
        ),
        "the first x is added twice: the stream holds it already": right + x,
        "only what the two halves add is returned: the stream itself is missing": right - x,
    }


def _halves(layer: ref.Block, x: Tensor, factor: float) -> Tensor:
    """A block whose halves are scaled before they are added."""
    middle = x + factor * layer.attn(layer.ln1(x))
    return middle + factor * layer.mlp(layer.ln2(middle))
