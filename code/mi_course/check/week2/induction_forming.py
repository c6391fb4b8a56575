"""Checks on telling induction from counting: a score without a period, and a test by period."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.numerals import apart, first_apart
from mi_course.induction_training import prompts


@exercise
def matching_attention(attempt: Attempt) -> None:
    """`(pattern [batch, query, key], tokens [batch, pos]) -> scalar`, for one head."""
    cases = Cases()
    for seed, (batch, n, n_ids) in enumerate(((2, 10, 7), (1, 6, 3), (3, 14, 6), (4, 33, 64))):
        generator = torch.Generator().manual_seed(seed)
        tokens = torch.randint(0, n_ids, (batch, n), generator=generator)
        if n == 33:  # as in the chapter: BOS, and blocks that repeat
            tokens = prompts.repeat_blocks(tokens[:, 1:], torch.tensor([5, 8, 11, 16]), 64)
        else:
            tokens[:, -1] = tokens[:, 1]  # a last token that roll would bring to the front
            tokens[0, 2] = tokens[0, 3]  # the same token twice in a row
        scores = 2 * torch.randn(batch, n, n, generator=generator)
        pattern = scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf).softmax(-1)
        with cases.case():
            _compare_scores(attempt, pattern, tokens, cases)


def _compare_scores(attempt: Attempt, pattern: Tensor, tokens: Tensor, cases: Cases) -> None:
    right = prompts.matching_attention(pattern, tokens)
    attempt.expect(right, pattern, tokens)
    result = attempt(pattern, tokens)
    found = torch.tensor(result) if isinstance(result, float) else result
    if isinstance(found, Tensor) and found.ndim:
        _explain_score(found, pattern)
    if not isinstance(result, float):
        found = attempt.tensor(pattern, tokens, shape=(), axes="a single number").detach()
    should, yours = apart(right.item(), found.item(), 4)
    queries = int(prompts.matching_keys(tokens).any(-1).sum())
    hint = (
        f"the score should be {should}, and yours is {yours}: here {queries} of the "
        f"{tokens.numel()} queries have a matching key"
    )
    cases.judge(found, right, _wrong_scores(pattern, tokens, right), hint)


def _explain_score(found: Tensor, pattern: Tensor) -> None:
    batch, n, _ = pattern.shape
    shape = tuple(found.shape)
    if shape == (batch,) and batch > 1:
        raise Wrong("one score for each prompt comes back: take one mean over the queries of all")
    if shape == (n,) or shape == (batch, n):
        raise Wrong("one number for each query comes back: take the mean over the queries that "
                    "have a matching key")  # fmt: skip
    if shape == (batch, n, n):
        raise Wrong(
            "one number for each pair comes back: add up over the keys, then take the mean over "
            "the queries that have a matching key"
        )
    if len(shape) == 1:
        raise Wrong("one number for each query with a match comes back: take their mean")


def _before(tokens: Tensor, filler: int) -> Tensor:
    """The token before each position; before the first stands `filler`."""
    return torch.cat([tokens.new_full((len(tokens), 1), filler), tokens[:, :-1]], 1)


def _wrong_scores(pattern: Tensor, tokens: Tensor, right: Tensor) -> dict[str, Tensor]:
    n = tokens.shape[1]
    before, same = _before(tokens, -1), tokens[:, :, None] == tokens[:, None, :]
    open_matches = tokens[:, :, None] == before[:, None, :]
    matches = open_matches.tril()
    hit, some = (pattern * matches).sum(-1), matches.any(-1)

    def score(where: Tensor) -> Tensor:
        """What the right steps give with these pairs as matches."""
        return (pattern * where).sum(-1)[where.any(-1)].mean()

    place = torch.arange(n)
    latest = (matches * (1 + place)).amax(-1) - 1
    first = (matches * (n - place)).argmax(-1)

    def one(key: Tensor) -> Tensor:
        """The attention to one key a query."""
        return pattern.gather(-1, key.clamp(min=0)[..., None])[..., 0][some].mean()

    swapped = (before[:, :, None] == tokens[:, None, :]).tril()
    two = (tokens[:, :, None] == _before(before, -1)[:, None, :]).tril()
    one_earlier = torch.cat([same[:, :, 1:], torch.zeros_like(same[:, :, :1])], 2).tril()
    return {
        "these are the earlier places of the query's OWN token (a duplicate-token head): take the "
        "places after them": score(same.tril(-1)),
        "these are the places of the query's own token, the query among them: take the places "
        "after earlier ones": score(same.tril()),
        "these are the places BEFORE earlier occurrences: take those after them": score(
            one_earlier.tril(-1)
        ),
        "these are the places two after earlier occurrences: one is right": score(two),
        "the mean runs over all queries: only those count that have a matching key": hit.mean(),
        "this is the mean over all matching pairs: add up over the keys of a query first": (
            pattern[matches].mean()
        ),
        "each query's attention is divided by its number of matching keys: add it up": (
            (hit / matches.sum(-1).clamp(min=1))[some].mean()
        ),
        "queries count whose only match comes later: a key is never later than its query": (
            hit[open_matches.any(-1)].mean()
        ),
        "roll brings the last token to the front, where it matches as if it stood before the "
        "prompt: nothing stands before position 0": score(
            (tokens[:, :, None] == tokens.roll(1, 1)[:, None, :]).tril()
        ),
        "what is filled in before position 0 is a token's id, and matches: fill in an id that no "
        "token has, such as -1": score((tokens[:, :, None] == _before(tokens, 0)[:, None]).tril()),
        "query and key are swapped: the token before the KEY is the token at the QUERY": score(
            swapped
        ),
        "this is the mean of the prompts' own means: take one mean over the queries of all prompts":
            torch.stack([h[s].mean() for h, s in zip(hit, some, strict=True) if s.any()]).mean(),
        "only the latest matching key counts: add up the attention to all of them": one(latest),
        "only the first matching key counts: add up the attention to all of them": one(first),
        "only the strongest matching key counts: add up the attention to all of them": (
            (pattern * matches).amax(-1)[some].mean()
        ),
        "the query's own position is left out: where a token follows itself, it matches too": (
            score(matches.tril(-1))
        ),
        "this is a sum over the queries: take their mean": hit.sum(),
        "this is attention to the previous token: matches are found by the tokens": (
            pattern.diagonal(-1, 1, 2).mean()
        ),
        "every prompt is matched with the first prompt's tokens: each has its own": score(
            matches[:1].expand_as(matches)
        ),
        "this counts how often a matching key gets the most attention: take the attention itself":
            matches.gather(-1, pattern.argmax(-1, keepdim=True))[..., 0][some].float().mean(),
        "this counts matching keys: take the attention to them": (
            matches.sum(-1)[some].float().mean()
        ),
        "only the first prompt counts: the mean is over the queries of all prompts": (
            hit[0][some[0]].mean()
        ),
        "this is one minus the score": 1 - right,
    }  # fmt: skip


class _Runs:
    """Prompts by period, and losses that depend on the prompts alone."""

    def __init__(self, batch: int, length: int, seed: int) -> None:
        self.batch, self.length, self.seed = batch, length, seed

    def draw(self, period: Any) -> Tensor:
        """Prompts of BOS and blocks."""
        generator = torch.Generator().manual_seed(100 * self.seed + int(period))
        tokens = torch.randint(0, 64, (self.batch, self.length), generator=generator)
        return prompts.repeat_blocks(tokens, torch.full((self.batch,), int(period)), 64)

    def losses_of(self, tokens: Any) -> Tensor:
        """One loss for each token after BOS."""
        if not isinstance(tokens, Tensor) or tokens.ndim != 2:
            raise TypeError("losses_of takes prompts, (batch, pos): losses_of(draw(period))")
        generator = torch.Generator().manual_seed(int(tokens.sum()))
        return -torch.rand(len(tokens), tokens.shape[1] - 1, generator=generator).log()


@exercise
def losses_by_period(attempt: Attempt) -> None:
    """`(losses_of, draw, periods) -> [period]`: the loss of what a repetition makes known."""
    cases = Cases("period")
    for seed, (batch, length, periods) in enumerate(
        ((3, 14, (5, 3, 6)), (2, 9, (4,)), (4, 32, (4, 8, 11, 16, 5)), (1, 12, (2, 1)))
    ):
        with cases.case():
            _compare_losses(attempt, _Runs(batch, length, seed), list(periods), cases)


def _compare_losses(attempt: Attempt, runs: _Runs, periods: list[int], cases: Cases) -> None:
    given = (runs.losses_of, runs.draw, periods)
    losses = [runs.losses_of(runs.draw(period)) for period in periods]
    known = [prompts.known_losses(x, p) for x, p in zip(losses, periods, strict=True)]
    right = torch.stack([each.mean() for each in known])
    attempt.expect(right, *given)
    _explain_losses(attempt(*given), runs, len(periods))
    found = attempt.tensor(*given, shape=(len(periods),), axes="(period,)").detach()
    differs = first_apart(found, right, 4)
    period = periods[differs.at[0]]
    hint = (
        f"for period {period} and {runs.length} losses a prompt the mean should be "
        f"{differs.right}, and yours is {differs.found}: the first column that counts is "
        f"{period + 1}"
    )
    cases.judge(found, right, _wrong_losses(runs, periods, losses, right), hint)


def _explain_losses(result: Any, runs: _Runs, n: int) -> None:
    if isinstance(result, list | tuple):
        raise Wrong(f"return a tensor, not {type(result).__name__}: torch.stack makes one")
    if isinstance(result, dict):
        raise Wrong("return a tensor, not dict: its entries in the order of `periods`")
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (n,):
        return
    if shape == () or isinstance(result, float):
        raise Wrong("one number comes back: return one for each period")
    if shape in ((n, runs.batch), (runs.batch, n)):
        raise Wrong("one number for each period and prompt: take the mean over the prompts too")
    if shape == (runs.batch,):
        raise Wrong("one number for each prompt comes back: return one for each period")


def _wrong_losses(
    runs: _Runs, periods: Sequence[int], losses: list[Tensor], right: Tensor
) -> dict[str, Tensor]:
    half, n = runs.length // 2, len(periods)

    def each(what: Callable[[Tensor, int], Tensor]) -> Tensor:
        return torch.stack([what(x, p) for x, p in zip(losses, periods, strict=True)])

    order = torch.tensor(periods).argsort()
    found = {
        "the first block counts too, which nothing predicts: begin at the second token of the "
        "second repeat": each(lambda x, p: x.mean()),
        "this is the loss of the first block: take what comes after it": each(
            lambda x, p: x[:, :p].mean()
        ),
        "the first token of the second repeat counts too: nothing says that the block is over, so "
        "begin one later": each(lambda x, p: x[:, p:].mean()),
        "this begins one too late: column 0 is about the first token, so that the second token of "
        "the second repeat is column period + 1": each(lambda x, p: x[:, p + 2 :].mean()),
        "this begins two too early: column 0 is about the first token of the block": each(
            lambda x, p: x[:, p - 1 :].mean()
        ),
        "later repeats are left out: go on to the end of the prompt": each(
            lambda x, p: x[:, p + 1 : 2 * p].mean()
        ),
        "later repeats are left out, and the third's first token is in: go on to the end of the "
        "prompt": each(lambda x, p: x[:, p + 1 : 2 * p + 1].mean()),
        "this is the second half of each prompt: where the second repeat begins depends on the "
        "period": each(lambda x, p: x[:, half + 1 :].mean()),
        "this is the second half of each prompt, whatever the period: begin behind the period": (
            each(lambda x, p: x[:, half:].mean())
        ),
        "every period is measured on the prompts of the first one: draw(period) for each": (
            torch.stack([prompts.known_losses(losses[0], p).mean() for p in periods])
        ),
        "every period is measured on the prompts of the last one: draw(period) for each": (
            torch.stack([prompts.known_losses(losses[-1], p).mean() for p in periods])
        ),
        "every period is cut where the first period is: begin at each one's own": each(
            lambda x, p: x[:, periods[0] + 1 :].mean()
        ),
        "this is the first period's loss for every period": right[:1].expand(n),
        "this adds up the losses of a prompt: take their mean": each(
            lambda x, p: x[:, p + 1 :].sum(1).mean()
        ),
        "this adds up the losses of all prompts: take their mean": each(
            lambda x, p: x[:, p + 1 :].sum()
        ),
        "only the first prompt counts: take the mean over the prompts": each(
            lambda x, p: x[0, p + 1 :].mean()
        ),
        "this is the last token's loss: take the mean from the second repeat on": each(
            lambda x, p: x[:, -1].mean()
        ),
        "this is the loss of one token, at column period + 1: take the mean to the end": each(
            lambda x, p: x[:, p + 1].mean()
        ),
        "this is the median: take the mean": each(lambda x, p: x[:, p + 1 :].median()),
        "this is the change against the first block: return the loss itself": each(
            lambda x, p: x[:, p + 1 :].mean() - x[:, :p].mean()
        ),
        "this is the first block's loss minus the others': return the loss itself": each(
            lambda x, p: x[:, :p].mean() - x[:, p + 1 :].mean()
        ),
        "the periods are sorted: keep the order of `periods`": right[order],
        "the order is reversed: keep the order of `periods`": right.flip(0),
        "these are perplexities: return the losses": right.exp(),
    }
    return {sentence: wrong for sentence, wrong in found.items() if bool(wrong.isfinite().all())}
