"""Checks on attention: the pattern, and a whole layer."""

from __future__ import annotations

import math

import einops
import torch
from torch import Tensor, nn

from mi_course import transformer as ref
from mi_course.check import derivatives
from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.week1.learner_module import (
    CASES,
    SIZES,
    build,
    compare,
    first_difference,
    nan_means,
    randomise,
    require_derivatives,
    stream,
    value_apart,
)

_NAN = (
    "the result holds NaN: a query whose keys are all masked gives 0 / 0, so each query may look "
    "at itself"
)
_PATTERN_AXES = "(batch, head, query, key)"


@exercise
def attention_pattern(attempt: Attempt) -> None:
    """`(q, k [batch, pos, head, d_head]) -> [batch, head, query, key]`: scores, mask, softmax."""
    cases = ((2, 5, 3, 4), (3, 7, 2, 6), (2, 1, 2, 3), (1, 6, 1, 2))
    judged = Cases()
    for seed, (batch, n, heads, d) in enumerate(cases):
        generator = torch.Generator().manual_seed(seed)
        q, k = 1.5 * torch.randn(2, batch, n, heads, d, generator=generator)
        with judged.case(), nan_means(_NAN):
            _compare_patterns(attempt, q, k)
        if n > 1:
            derivatives.require(attempt.function, ref.attention_pattern, {"q": q, "k": k})
    _require_mask_below_any_score(attempt)


def _compare_patterns(attempt: Attempt, q: Tensor, k: Tensor) -> None:
    right = ref.attention_pattern(q, k)
    attempt.expect(right, q, k)
    result = attempt(q, k)
    _explain_pattern_shape(result, *q.shape[:3])
    if isinstance(result, Tensor) and bool((result == -math.inf).any()):
        raise Wrong("these are masked scores: the softmax over the keys is missing")

    def by_positions(both: Tensor) -> Tensor:
        """The pattern with queries as axis 1, so that leaks show along it."""
        found = attempt.tensor(*both.unbind(-1), shape=tuple(right.shape), axes=_PATTERN_AXES)
        return found.transpose(1, 2)

    compare(
        Attempt(by_positions),
        torch.stack([q, k], -1),
        right.transpose(1, 2),
        lambda: {s: p.transpose(1, 2) for s, p in _wrong_patterns(q, k).items()},
        lambda found: _pattern_hint(found.transpose(1, 2), right, q, k),
        axes="(batch, query, head, key)",
    )


def _require_mask_below_any_score(attempt: Attempt) -> None:
    """Every allowed score is -1800, which a mask of -100 or -1000 would outweigh."""
    q = torch.full((1, 4, 1, 4), 30.0)
    k = -q
    attempt.expect(ref.attention_pattern(q, k), q, k)
    found = attempt.tensor(q, k, shape=(1, 1, 4, 4), axes=_PATTERN_AXES)
    if found.triu(1).max() > 1e-3:
        raise Wrong(
            "the masked scores are not low enough: where allowed scores are lower still, attention "
            "goes to the future; mask with -math.inf"
        )


def _explain_pattern_shape(result: object, batch: int, n: int, heads: int) -> None:
    # Where two sizes are equal, a shape does not tell which axis is which.
    if not isinstance(result, Tensor) or n == heads or batch == 1 or batch == heads:
        return
    queries_first, heads_only = (batch, n, heads, n), (batch, n, heads, heads)
    sentences: dict[tuple[int, ...], str] = {
        (batch, n, n, heads): "the heads come last: order the axes (batch, head, query, key)",
        queries_first: "the queries stand before the heads: order the axes (batch, head, query, "
        "key)",
        heads_only: "each position compares its heads with each other: swap positions and heads "
        "first, q.transpose(1, 2), so that positions are compared",
        (heads, n, n): "the batch is gone: return a pattern for each prompt",
        (batch, n, n): "the heads are gone: return a pattern for each head",
    }
    if sentence := sentences.get(tuple(result.shape)):
        raise Wrong(sentence)


def _wrong_patterns(q: Tensor, k: Tensor) -> dict[str, Tensor]:
    """Wrong patterns [batch, head, query, key] by the sentence that names their mistake."""
    n, d, width = q.shape[1], q.shape[-1], SIZES[0].d_model
    raw = einops.einsum(q, k, "b i h d, b j h d -> b h i j")
    scores, mask = raw / math.sqrt(d), ref.causal_mask(n)
    strict = mask & ~torch.eye(n, dtype=torch.bool)

    def masked(values: Tensor, keep: Tensor = mask, fill: float = -math.inf) -> Tensor:
        return values.masked_fill(~keep, fill)

    late = scores.softmax(-1) * mask
    over_keys = "each query spreads its attention over the keys, axis -1"
    sentences = {
        "divide the scores by the square root of d_head": masked(raw),
        "divide the scores by the square root of d_head, not by d_head itself": masked(raw / d),
        "the scores are multiplied by the square root of d_head: divide by it": (
            masked(raw * math.sqrt(d))
        ),
        "divide the scores by the square root of d_head, not by that of d_model": (
            masked(raw / math.sqrt(width))
        ),
        "divide the scores by the square root of d_head, not by that of the number of heads": (
            masked(raw / math.sqrt(q.shape[2]))
        ),
        "queries and keys are swapped: the first axis of the scores is the query's": (
            masked(scores.mT)
        ),
        "there is no mask at all": scores,
        "the mask hides the past instead of the future: keep what lies on and below the diagonal, "
        "tril": masked(scores, mask.T),
        "masked scores are set to 0, and e^0 = 1: set them to −∞": masked(scores, fill=0.0),
        "a query may look at itself: the mask hides the diagonal too": (
            masked(scores, strict, -1e9)
        ),
        "the mask lets each query see one token of the future": (
            masked(scores, torch.ones(n, n).tril(1).bool())
        ),
    }
    found = {sentence: values.softmax(-1) for sentence, values in sentences.items()}
    sigmoids, cut = masked(scores.sigmoid(), fill=0.0), masked(scores.clamp(min=0), fill=0.0)
    absolute = masked(scores.abs(), fill=0.0)
    found |= {
        "this divides sigmoids by their sum: a softmax divides exponentials by theirs": (
            sigmoids / sigmoids.sum(-1, keepdim=True)
        ),
        "this divides the positive scores by their sum: a softmax divides exponentials by theirs": (
            cut / cut.sum(-1, keepdim=True)
        ),
        "this divides the sizes of the scores by their sum: a softmax divides exponentials by "
        "theirs": absolute / absolute.sum(-1, keepdim=True),
        "all attention goes to one key, the best: a softmax gives some to each": (
            nn.functional.one_hot(masked(scores).argmax(-1), n).float()
        ),
        "queries and keys are scaled to length 1: take their dot products as they are": masked(
            einops.einsum(
                q / q.norm(dim=-1, keepdim=True),
                k / k.norm(dim=-1, keepdim=True),
                "b i h d, b j h d -> b h i j",
            )
        ).softmax(-1),
        "the scores have the wrong sign": masked(-scores).softmax(-1),
        "the queries are compared with themselves: compare them with the keys": masked(
            einops.einsum(q, q, "b i h d, b j h d -> b h i j") / math.sqrt(d)
        ).softmax(-1),
        "the keys are compared with themselves: compare the queries with them": masked(
            einops.einsum(k, k, "b i h d, b j h d -> b h i j") / math.sqrt(d)
        ).softmax(-1),
        "the mask comes too late, the hidden tokens are still in the divisor: is the mask applied "
        "before the softmax?": late,
        "the softmax is taken twice": masked(scores).softmax(-1).softmax(-1),
        f"the softmax runs over the queries: {over_keys}": (masked(scores).softmax(-2)),
        f"the softmax runs over the heads: {over_keys}": (masked(scores).softmax(1)),
        "these are scores: the softmax is missing": masked(scores, fill=0.0) * mask,
        "attention is not spread evenly: the scores are not used": masked(0 * scores).softmax(-1),
    }
    return {sentence: wrong.nan_to_num() for sentence, wrong in found.items()}


def _other_scale(found: Tensor, q: Tensor, k: Tensor) -> str | None:
    """A sentence, if the scores are the right ones times another number than 1 / √d_head."""
    if q.shape[1] < 2 or not bool((found[:, :, 1:, :2] > 0).all()):
        return None
    raw = einops.einsum(q, k, "b i h d, b j h d -> b h i j")[:, :, 1:, :2]
    logs = found[:, :, 1:, :2].log()
    apart, found_apart = (x[..., 1] - x[..., 0] for x in (raw, logs))
    factor = float((apart * found_apart).sum() / apart.square().sum())
    if factor == 0 or not torch.allclose(found_apart, factor * apart, atol=1e-3, rtol=1e-3):
        return None
    return (
        f"the scores are divided by {1 / factor:.4g}: divide them by the square root of d_head, "
        f"which is {math.sqrt(q.shape[-1]):.4g} here"
    )


def _pattern_hint(found: Tensor, right: Tensor, q: Tensor, k: Tensor) -> str:
    if sentence := _other_scale(found, q, k):
        return sentence
    sums = found.sum(-1)
    if not torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        return f"a row sums to {sums.flatten()[sums.sub(1).abs().argmax()].item():.3f}, not to 1"
    seen, may = found > 1e-9, right > 1e-9
    if not bool((seen & ~may).any()) and bool((may & ~seen).any()):
        return (
            "some keys that a query may see get nothing: a query may look at all keys up to its "
            "own position"
        )
    if not torch.equal(found > 1e-9, right > 1e-9):
        return (
            "some keys that a query may see get nothing, or some that it may not see get something"
        )
    return (
        "each row sums to 1 and is causal, and the attention is not right: print the scores, the "
        "dot products of one query with the keys of the same head and the same prompt"
    )


@exercise
def attention(attempt: Attempt) -> None:
    """A module: `x [batch, pos, d_model] -> [batch, pos, d_model]`, what all heads write."""
    for cfg, n, seed in CASES:
        layer = randomise(ref.Attention(cfg), seed)
        x = stream(cfg, n, seed)
        run = build(attempt, cfg, layer)
        with torch.no_grad(), nan_means(_NAN):
            _compare_layers(run, layer, x)
        if n > 1:
            require_derivatives(run, layer, {"x": x})


def _compare_layers(run: Attempt, layer: ref.Attention, x: Tensor) -> None:
    right = layer(x)
    _explain_output(run(x))
    compare(
        run,
        x,
        right,
        lambda: _wrong_outputs(layer, x),
        lambda found: _output_hint(found, right),
    )


def _explain_output(result: object) -> None:
    if isinstance(result, tuple):
        raise Wrong("return the output alone, not a tuple with the pattern")
    if isinstance(result, Tensor) and result.ndim == 4:
        raise Wrong(
            "the result has four axes: W_O turns each head's z into a vector of d_model entries, "
            "and the heads are added up"
        )


def _wrong_outputs(layer: ref.Attention, x: Tensor) -> dict[str, Tensor]:
    """Wrong outputs by the sentence that names their mistake."""
    into = "b p m, h m d -> b p h d"
    q, k, v = (einops.einsum(x, W, into) for W in (layer.W_Q, layer.W_K, layer.W_V))
    bare_q, bare_k, bare_v = q, k, v
    q, k, v = q + layer.b_Q, k + layer.b_K, v + layer.b_V
    right = ref.attention_pattern(q, k)
    heads = len(layer.W_Q)

    def heads_mixed(z: Tensor) -> Tensor:
        """What `reshape` makes of (batch, head, pos, d_head) without a transpose before it."""
        flat = z.transpose(1, 2).reshape(len(x), x.shape[1], -1)
        return flat @ layer.W_O.flatten(0, 1) + layer.b_O

    def z_of(pattern: Tensor, values: Tensor) -> Tensor:
        return einops.einsum(pattern, values, "b h i j, b j h d -> b i h d")

    def write(pattern: Tensor, values: Tensor = v) -> Tensor:
        z = z_of(pattern, values)
        return einops.einsum(z, layer.W_O, "b p h d, h d m -> b p m") + layer.b_O

    scaled_width = einops.einsum(q, k, "b i h d, b j h d -> b h i j") / math.sqrt(x.shape[-1])
    hidden = ~ref.causal_mask(x.shape[1])
    output = write(right)
    found = {sentence: write(pattern) for sentence, pattern in _wrong_patterns(q, k).items()}
    return found | {
        "divide the scores by the square root of d_head, not by that of d_model": (
            write(scaled_width.masked_fill(hidden, -math.inf).softmax(-1))
        ),
        "b_Q is missing": write(ref.attention_pattern(bare_q, k)),
        "b_V is missing: add it to the values": write(right, bare_v),
        "b_O is missing: add it once, at the end": output - layer.b_O,
        "all biases are missing": write(ref.attention_pattern(bare_q, bare_k), bare_v) - layer.b_O,
        "the biases of queries, keys and values are missing": (
            write(ref.attention_pattern(bare_q, bare_k), bare_v)
        ),
        "b_O is added once for each head: add it once": output + (heads - 1) * layer.b_O,
        "the sum runs over the queries: each query collects the values of the keys": write(
            right.mT
        ),
        "keys are used as values": write(right, k),
        "the values are made with W_K: they have W_V": write(right, bare_k + layer.b_V),
        "the values are made with W_Q: they have W_V": write(right, bare_q + layer.b_V),
        "the values get b_K: they have b_V": write(right, bare_v + layer.b_K),
        "the values get b_Q: they have b_V": write(right, bare_v + layer.b_Q),
        "the keys are made with W_Q: they have W_K": (
            write(ref.attention_pattern(q, bare_q + layer.b_K))
        ),
        "the queries are made with W_K: they have W_Q": (
            write(ref.attention_pattern(bare_k + layer.b_Q, k))
        ),
        "b_Q and b_K are exchanged": (
            write(ref.attention_pattern(bare_q + layer.b_K, bare_k + layer.b_Q))
        ),
        "queries are used as values": write(right, q),
        "the heads are averaged: their outputs are added": (
            (output - layer.b_O) / heads + layer.b_O
        ),
        "every head looks where the mean of all heads looks: each has a pattern of its own": (
            write(right.mean(1, keepdim=True).expand_as(right))
        ),
        "z is joined with d_head before the heads, W_O the other way round: take one order": (
            z_of(right, v).transpose(2, 3).flatten(2) @ layer.W_O.flatten(0, 1) + layer.b_O
        ),
        "only the first head writes: add up the outputs of all heads": (
            z_of(right, v)[:, :, 0] @ layer.W_O[0] + layer.b_O
        ),
        "x itself is added: that is the block's job": output + x,
        "the values are not mixed with the pattern: each position passes on its own": (
            write(torch.eye(x.shape[1]).expand_as(right))
        ),
        "heads and positions are mixed up: transpose to (batch, pos, head, d_head) before you "
        "reshape": heads_mixed(z_of(right, v)),
    }


def _output_hint(found: Tensor, right: Tensor) -> str:
    """Position 0 can look only at itself, so it tells values from scores."""
    first = torch.allclose(found[:, 0], right[:, 0], atol=1e-4, rtol=1e-4)
    if first and found.shape[1] > 1:
        return (
            "the output at position 0 is right, where there is nothing to choose from, and later "
            f"ones are wrong ({value_apart(found, right)}): values and W_O are right, so look at "
            "the scores, their scale, the mask and the softmax"
        )
    return (
        f"{first_difference(found, right)}; position 0 can look only at itself, and is wrong "
        "already: look at the values, b_V, W_O and b_O"
    )
