"""Checks on the whole transformer: the model, and its weights from a file."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mi_course import transformer as ref
from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import named
from mi_course.check.week1.learner_module import (
    SIZES,
    batch_of,
    build,
    compare,
    first_difference,
    randomise,
    require_derivatives,
    value_apart,
)


@exercise
def transformer(attempt: Attempt) -> None:
    """A module: `tokens [batch, pos] -> logits [batch, pos, d_vocab]`."""
    for cfg, n, seed in ((SIZES[0], 5, 0), (SIZES[1], 12, 1), (SIZES[0], 1, 2)):
        model = randomise(ref.Transformer(cfg), seed)
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randint(0, cfg.d_vocab, (batch_of(seed), n), generator=generator)
        run = build(attempt, cfg, model)
        with torch.no_grad():
            _compare_models(run, model, tokens)
        require_derivatives(run, model, {}, tokens)
        if getattr(getattr(run.function, "__self__", None), "cfg", None) != cfg:
            raise Wrong("the model should keep its sizes: self.cfg = cfg in __init__")


def _compare_models(run: Attempt, model: ref.Transformer, tokens: Tensor) -> None:
    right = model(tokens)
    _explain_logits(run(tokens), tokens, right)
    compare(
        run,
        tokens,
        right,
        lambda: _wrong_logits(model, tokens),
        lambda found: _logits_hint(run, model, tokens, found, right),
        axes="(batch, pos, d_vocab)",
        leak_hint="is attention's mask right? Run check.attention first",
    )


def _explain_logits(result: Any, tokens: Tensor, right: Tensor) -> None:
    if not isinstance(result, Tensor) or result.ndim == 0:
        return
    if result.shape == tokens.shape:
        raise Wrong("return the logits, not the most likely tokens")
    if result.shape == right[:, -1].shape and tokens.shape[1] > 1:
        raise Wrong("return logits at every position, not only at the last one")
    if result.shape[-1] != right.shape[-1] and result.shape[:2] == tokens.shape:
        raise Wrong(
            "the last axis should have d_vocab entries: is the unembedding, @ W_E.T, missing?"
        )


def _wrong_logits(model: ref.Transformer, tokens: Tensor) -> dict[str, Tensor]:
    W_E, W_pos, n = model.W_E, model.W_pos, tokens.shape[1]

    def logits(x: Tensor, blocks: Any = model.blocks, last: Any = model.ln_final) -> Tensor:
        for block in blocks:
            x = block(x)
        return last(x) @ W_E.T

    def normed(x: Tensor) -> Tensor:
        for block in model.blocks:
            x = model.ln_final(block(x))
        return x @ W_E.T

    x = ref.embed(tokens, W_E, W_pos)
    right, blocks = logits(x), list(model.blocks)
    scaled = W_E[tokens] * W_E.shape[1] ** 0.5 + W_pos[:n]
    return {
        "return logits, no softmax": right.softmax(-1),
        "return logits, no log_softmax": right.log_softmax(-1),
        "ln_final is missing: normalise before the unembedding": logits(x, last=lambda y: y),
        "ln_final is taken twice: take it once, after the last block": (
            logits(x, last=lambda y: model.ln_final(model.ln_final(y)))
        ),
        "the start of the stream is added once more at the end": (
            logits(x, last=lambda y: model.ln_final(x + y))
        ),
        "ln_final stands at the start: it normalises what the last block returns": (
            logits(model.ln_final(x), last=lambda y: y)
        ),
        "ln_final is taken after each block: take it once, after the last": normed(x),
        "the positions are missing: add W_pos": logits(W_E[tokens]),
        "the positions start at 1: the first token is at position 0": (
            logits(W_E[tokens] + W_pos.roll(-1, 0)[:n])
        ),
        "every token gets the vector of position 0": logits(W_E[tokens] + W_pos[0]),
        "the token vectors are multiplied by the root of d_model: GPT-2 does not": logits(scaled),
        "the blocks are missing: loop over self.blocks": logits(x, blocks=[]),
        "only the first block is used: loop over self.blocks": logits(x, blocks=blocks[:1]),
        "only the last block is used: is its result passed to the next one?": (
            logits(x, blocks=blocks[-1:])
        ),
        "the first block is used again and again: each layer has its own": (
            logits(x, blocks=blocks[:1] * len(blocks))
        ),
        "the blocks run in the wrong order: layer 0 comes first": logits(x, blocks=blocks[::-1]),
        "the stream is added once more after each block: the block has added it already": (
            logits(x, blocks=[lambda y, b=block: y + b(y) for block in blocks])
        ),
        "the positions are added before every block: add them once, at the start": logits(
            W_E[tokens], blocks=[lambda y, b=block: b(y + W_pos[:n]) for block in blocks]
        ),
        "the last block is left out: loop over all of self.blocks": logits(x, blocks=blocks[:-1]),
        "the first block is left out: loop over all of self.blocks": logits(x, blocks=blocks[1:]),
        "the logits are one position too late": right.roll(1, 1),
    }


def _logits_hint(
    run: Attempt, model: ref.Transformer, tokens: Tensor, found: Tensor, right: Tensor
) -> str:
    x = ref.embed(tokens, model.W_E, model.W_pos)
    owner = getattr(run.function, "__self__", None)
    for own, block in zip(getattr(owner, "blocks", ()), model.blocks, strict=False):
        if not close(own(x), block(x)):
            return "a block is not right yet: run check.block first"
    return (
        f"the blocks are right, and the logits are not: {first_difference(found, right)}; look at "
        "the embedding, ln_final and the unembedding"
    )


@exercise
def attention_weights(attempt: Attempt) -> None:
    """`(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)` -> weights with a head axis."""
    for width, n_heads, seed in ((12, 3, 0), (10, 2, 1), (5, 1, 2)):
        generator = torch.Generator().manual_seed(seed)
        given = (
            torch.randn(width, 3 * width, generator=generator),
            torch.randn(3 * width, generator=generator),
            torch.randn(width, width, generator=generator),
        )
        expected = ref.attention_weights(*given, n_heads)
        try:
            result = attempt(*given, n_heads)
        except Wrong as mistake:
            if seed:  # the first sizes went well
                raise Wrong(
                    f"{mistake} (n_heads is {n_heads} here, and d_model {width}: is a size written "
                    "into your function?)"
                ) from None
            raise
        if result is None:
            raise Wrong("your function returns None: is the return statement missing?")
        if not isinstance(result, dict):
            raise Wrong(f"return a dictionary of weights, not {type(result).__name__}")
        for name in expected:
            if name not in result:
                raise Wrong(f"the dictionary has no {name}; it has {', '.join(map(str, result))}")
        for name, right in expected.items():
            _explain_weight(name, result[name], right, expected, given, n_heads)
        if extra := [str(name) for name in result if name not in expected]:
            raise Wrong(f"the dictionary has more than the seven weights: {', '.join(extra)}")


def _explain_weight(
    name: str,
    found: Any,
    right: Tensor,
    expected: dict[str, Tensor],
    given: tuple[Tensor, Tensor, Tensor],
    n_heads: int,
) -> None:
    if not isinstance(found, Tensor):
        raise Wrong(f"{name} should be a tensor, not {type(found).__name__}")
    if found.shape != right.shape:
        axes = "(n_heads, d_model, d_head)" if name[0] == "W" else "(n_heads, d_head)"
        axes = "(n_heads, d_head, d_model)" if name == "W_O" else axes
        raise Wrong(
            f"{name} has shape {tuple(found.shape)}; expected {axes} = {tuple(right.shape)}"
        )
    if close(found, right):
        return
    symptom = f"{name}: {value_apart(found, right)}"
    for other, value in expected.items():
        if found.shape == value.shape and close(found, value):
            raise Wrong(f"{name} holds what belongs to {other}", symptom=symptom)
    sentence = named(found, _wrong_splits(name, right, given, n_heads), right)
    raise Wrong(
        sentence
        or f"{name} has the right shape and other numbers: which rows and columns of the "
        "matrix belong to head 0?",
        symptom=symptom,
    )


def _wrong_splits(
    name: str, right: Tensor, given: tuple[Tensor, Tensor, Tensor], n_heads: int
) -> dict[str, Tensor]:
    width = given[2].shape[0]
    if name[0] == "b":
        flat = right.reshape(-1)
        return {
            f"{name}: the heads are interleaved: the bias holds head after head": (
                flat.reshape(-1, n_heads).T
            ),
            f"{name}: Q, K and V are interleaved: the bias holds all of Q, then K, then V": (
                given[1].reshape(-1, 3)[:, "QKV".index(name[-1])].reshape(n_heads, -1)
            ),
        }
    if name == "W_O":
        return {
            "W_O: c_proj_weight is transposed: its rows are the heads' z, head after head": (
                given[2].T.reshape(right.shape)
            ),
            "W_O: the heads stand in the opposite order: head 0 comes first": right.flip(0),
            "W_O: the heads are interleaved: rows 0 to d_head − 1 belong to head 0": (
                given[2].reshape(-1, n_heads, width).transpose(0, 1)
            ),
        }
    start = "QKV".index(name[-1]) * width
    part = given[0][:, start : start + width]
    rows = given[0].reshape(3, width, width)["QKV".index(name[-1])]

    def split(matrix: Tensor) -> Tensor:
        return matrix.reshape(width, n_heads, -1).transpose(0, 1)

    return {
        f"{name}: reshape alone cuts rows where the columns should be cut: split the columns into "
        "heads first, then move the head axis to the front": part.reshape(right.shape),
        f"{name}: the matrix is transposed: its shape is (in, out), as in x @ weight": split(
            part.T
        ),
        f"{name}: the matrix is transposed: it is (in, out), and heads are cut from its columns": (
            part.reshape(n_heads, -1, width).mT
        ),
        f"{name}: the heads are interleaved: the first d_head columns belong to head 0": (
            part.reshape(width, -1, n_heads).permute(2, 0, 1)
        ),
        f"{name}: the heads stand in the opposite order: head 0 comes first": right.flip(0),
        f"{name}: Q, K and V are cut from each head's columns: all of Q comes first, then K, "
        "then V": (
            given[0].reshape(width, n_heads, 3, -1)[:, :, "QKV".index(name[-1])].transpose(0, 1)
        ),
        f"{name}: Q, K and V are cut from the rows: they stand side by side, chunk(3, dim=1)": (
            split(rows)
        ),
    }
