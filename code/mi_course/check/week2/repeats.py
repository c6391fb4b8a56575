"""Checks on prompts that repeat, each with a period of its own, and on the loss of each repeat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.numerals import first_apart
from mi_course.induction_training import prompts


@exercise
def repeat_blocks(attempt: Attempt) -> None:
    """`(tokens [batch, length], periods [batch], bos: int) -> [batch, 1 + length]`."""
    cases = Cases("prompt", "position")
    for (batch, length), periods, bos in (
        ((3, 7), [3, 2, 5], 99),
        ((4, 9), [9, 1, 4, 3], 0),
        ((1, 5), [2], 64),
        ((2, 32), [8, 11], 64),
    ):
        # every token occurs once, so that each place tells where it came from
        tokens = 100 * torch.arange(1, batch + 1)[:, None] + torch.arange(length)
        with cases.case():
            _compare_blocks(attempt, (tokens, torch.tensor(periods), bos), cases)


def _compare_blocks(attempt: Attempt, given: tuple[Tensor, Tensor, int], cases: Cases) -> None:
    tokens, periods, bos = given
    batch, length = tokens.shape
    right = prompts.repeat_blocks(*given)
    attempt.expect(right, *given)
    result = attempt(*given)
    if isinstance(result, Tensor):
        _explain_blocks(result, batch, length, bos)
    found = attempt.tensor(*given, shape=(batch, 1 + length), axes="(batch, 1 + length)")

    def hint() -> str:
        row, at = ((found != right).nonzero()[0]).tolist()
        return (
            f"prompt {row} has period {int(periods[row])}, and its token at position {at} should "
            f"be {int(right[row, at])}, and yours is {int(found[row, at])}"
        )

    cases.judge(found, right, _wrong_blocks(tokens, periods, bos), hint)


def _explain_blocks(result: Tensor, batch: int, length: int, bos: int) -> None:
    shape = tuple(result.shape)
    if shape == (batch, length) and bool((result[:, 0] == bos).all()):
        raise Wrong("BOS takes the place of a token: it stands before all of them, 1 + length")
    if shape == (batch, length):
        raise Wrong("BOS is missing: it is the first token of every prompt")
    if shape == (batch, length + 2):
        raise Wrong("there is one BOS too many: it stands at the start only")
    if shape == (batch + 1, length):
        raise Wrong("BOS is a row on top: it is a column in front, one entry for each prompt")
    if result.ndim == 2 and shape[0] == batch and shape[1] > 1 + length:
        raise Wrong("the prompts are too long: the last copy is cut where the row is full")
    if shape == (batch, 1 + length) and result.is_floating_point():
        raise Wrong("token ids are integers, and your result holds floats")


def _wrong_blocks(tokens: Tensor, periods: Tensor, bos: int) -> dict[str, Tensor]:
    (batch, length), period = tokens.shape, periods[:, None]
    place = torch.arange(length).expand(batch, -1)
    column = torch.full((batch, 1), bos)

    def made(source: Tensor) -> Tensor:
        return torch.cat([column, tokens.gather(1, source.clamp(0, length - 1))], 1)

    copy, within = place // period, place % period
    right = made(within)
    with_bos = torch.cat([column, tokens], 1)
    whole = place < length // period * period
    first_row = torch.cat([column, tokens[0][within]], 1)
    fresh = torch.where(copy < 2, within, place)
    mixed = "every row has the period of {} row: row i has periods[i]"
    found = {
        mixed.format("the first"): made(place % periods[0]),
        mixed.format("the last"): made(place % periods[-1]),
        "every row has the largest period: row i has periods[i]": made(place % periods.max()),
        "every row has the smallest period: row i has periods[i]": made(place % periods.min()),
        "each token is repeated on the spot (A A B B): repeat the whole block (A B A B)": made(
            place // period
        ),
        "each token is doubled on the spot (A A B B): repeat the whole block (A B A B)": made(
            place // 2
        ),
        "BOS is repeated with the block: it stands at the start only": with_bos.gather(
            1, torch.arange(1 + length).expand(batch, -1) % (period + 1)
        ),
        "the blocks are one token too long: a block has periods[i] tokens": made(
            place % (period + 1)
        ),
        "the blocks are one token too short: a block has periods[i] tokens": made(
            place % (period - 1).clamp(min=1)
        ),
        "after the second copy come new tokens: repeat the block again and again": made(fresh),
        "the last copy is not cut short, new tokens stand there: go on with the block": made(
            torch.where(whole, within, place)
        ),
        "the last copy is not cut short, BOS stands there: go on with the block": torch.where(
            torch.cat([torch.ones_like(column).bool(), whole], 1), right, torch.tensor(bos)
        ),
        "nothing is repeated: after periods[i] tokens the block begins again": made(place),
        "the block begins one token late: its first token is that of column 0": made(
            (place + 1) % period
        ),
        "the block is taken from the end of the row: take its first tokens": made(
            length - period + within
        ),
        "every second copy runs backwards: keep the order": made(
            torch.where(copy % 2 == 1, period - 1 - within, within)
        ),
        "every row holds the first row's tokens: row i repeats its own": first_row,
        "BOS stands at the end: it is the first token of every prompt": right.roll(-1, 1),
        "periods is read as the number of copies: it is the number of tokens in a block": made(
            place % (length // period).clamp(min=1)
        ),
    }
    return {sentence: wrong.double() for sentence, wrong in found.items()}


@exercise
def loss_by_repeat(attempt: Attempt) -> None:
    """`(losses [batch, length], period: int) -> [repeat]`: mean loss of each copy of the block."""
    cases = Cases("repeat")
    sizes = (((3, 10), 4), ((2, 6), 3), ((4, 5), 1), ((5, 7), 7), ((1, 32), 11))
    for seed, (shape, period) in enumerate(sizes):
        noise = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
        losses = -noise.log() + 0.1
        with cases.case():
            _compare_repeats(attempt, losses, period, cases)


def _compare_repeats(attempt: Attempt, losses: Tensor, period: int, cases: Cases) -> None:
    right = prompts.loss_by_repeat(losses, period)
    attempt.expect(right, losses, period)
    _explain_repeats(attempt(losses, period), losses, period, len(right))
    found = attempt.tensor(losses, period, shape=(len(right),), axes="(repeat,)").detach()
    differs = first_apart(found, right, 4)
    hint = (
        f"with period {period} and {losses.shape[1]} losses a prompt, the mean of repeat "
        f"{differs.at[0]} should be {differs.right}, and yours is {differs.found}"
    )
    cases.judge(found, right, _wrong_repeats(losses, period, right), hint)


def _explain_repeats(result: Any, losses: Tensor, period: int, n: int) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    (batch, length), whole = losses.shape, losses.shape[1] // period
    if shape == (n,) or shape is None:
        if isinstance(result, list | tuple):
            raise Wrong(f"return a tensor, not {type(result).__name__}: torch.stack makes one")
        if isinstance(result, float):
            raise Wrong("one number comes back: return one for each repeat")
        return
    if shape == ():
        raise Wrong("one number comes back: return one for each repeat")
    if shape == (whole,) and whole < n:
        raise Wrong("a repeat that is cut short is left out: its tokens count too, at the end")
    chunks = torch.stack([part.mean() for part in losses.chunk(period, 1)])
    if isinstance(result, Tensor) and shape == chunks.shape and close(result, chunks):
        raise Wrong(
            f"the losses are cut into {period} pieces, as `chunk` does: a repeat is a piece of "
            f"{period} tokens, and `split` cuts those"
        )
    if shape == (period,):
        raise Wrong(
            "one number for each place in the block comes back: take the mean over the places of "
            "one repeat"
        )
    if shape in ((n, batch), (batch, n)):
        raise Wrong("one number for each prompt and repeat: take the mean over the prompts too")
    if shape == (length,):
        raise Wrong("one number for each token comes back: take the mean over each repeat")
    if len(shape) == 1 and shape[0] == -(-batch // period):
        raise Wrong("the prompts are split into groups, not the tokens: the tokens are axis 1")
    if shape == (n - 1,):
        raise Wrong("one repeat is missing: the first block is entry 0")


def _wrong_repeats(losses: Tensor, period: int, right: Tensor) -> dict[str, Tensor]:
    def each(what: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.stack([what(part) for part in losses.split(period, 1)])

    n = len(right)
    found = {
        "this adds up the losses of a repeat: take their mean": each(lambda x: x.sum(1).mean()),
        "this adds up the losses of all prompts: take their mean": each(lambda x: x.sum()),
        "this adds up over the prompts: take their mean": each(lambda x: x.mean(1).sum()),
        "the last repeat is divided by the whole period: it is cut short, so divide by its own "
        "number of tokens": each(lambda x: x.mean(0).sum() / period),
        "this is the largest loss of each repeat: take the mean": each(lambda x: x.max()),
        "this is the median: take the mean": each(lambda x: x.median()),
        "this is the loss of each repeat's first token: take the mean over all its tokens": each(
            lambda x: x[:, 0].mean()
        ),
        "this is the loss of each repeat's last token: take the mean over all its tokens": each(
            lambda x: x[:, -1].mean()
        ),
        "the first token of each repeat is left out: all its tokens count": each(
            lambda x: x[:, min(1, x.shape[1] - 1) :].mean()
        ),
        "only the first prompt counts: take the mean over the prompts": each(lambda x: x[0].mean()),
        "these are means of everything up to a repeat: take each repeat by itself": torch.stack(
            [losses[:, : (i + 1) * period].mean() for i in range(n)]
        ),
        "the order is reversed: the first block comes first": right.flip(0),
        "these are perplexities: return the losses": right.exp(),
        "this is the change against the first block: return the losses": right - right[0],
    }
    late = losses[:, 1:].split(period, 1)
    if len(late) == n:
        found[
            "the repeats begin one column late: column 0 is about the first token of the block, "
            "not about BOS"
        ] = torch.stack([part.mean() for part in late])
    if losses.shape[1] % period:
        found["the repeats are counted from the end: the cut one is the last"] = torch.stack(
            [part.mean() for part in losses.flip(1).split(period, 1)]
        ).flip(0)
    return found
