"""Checks on repeated tokens: the pattern in Python, the prompts, and the loss of each token."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mi_course import induction
from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.numerals import first_apart


@exercise
def continue_pattern(attempt: Attempt) -> None:
    """`(tokens: list) -> token or None`: what came after the latest earlier match."""
    big = int("1001")  # made at run time: equal to another 1001, and not the same object
    cases: list[tuple[list[Any], Any]] = [
        (["X", "A", "B", "C", "A"], "B"),
        (["the", "cat", "sat", "on", "the"], "cat"),
        (["A", "B", "A", "C", "A"], "C"),
        (["X", "Y", "Z", "Z"], "Z"),
        ([5, 0, 5], 0),
        ([big, 7, int("1001")], 7),
        (["a", "b", "c", "b", "d", "b"], "d"),
    ]
    for tokens, expected in cases:
        found = _continuation(attempt, tokens)
        if found != expected or type(found) is not type(expected):
            shown = f"for {tokens} your function returns {found!r}; expected {expected!r}"
            raise Wrong(f"{shown}{_wrong_continuation(tokens, found)}")
    for tokens in (["A", "B", "C"], ["A"], []):
        found = _continuation(attempt, tokens)
        if found is not None:
            raise Wrong(
                f"for {tokens} your function returns {found!r}; the last token has no earlier "
                "occurrence, so return None"
            )


def _continuation(attempt: Attempt, tokens: list[Any]) -> Any:
    try:
        return attempt(tokens)
    except Wrong as mistake:
        if "IndexError" not in str(mistake):
            if "stopped with" not in str(mistake):
                raise
            known = tokens and tokens[-1] in tokens[:-1]
            hint = "" if known else " (the last token did not occur before: return None there)"
            raise Wrong(f"for {tokens} {mistake}{hint}") from None
        hint = "the last position must not match itself" if tokens else "an empty list gives None"
        raise Wrong(f"for {tokens} {mistake} ({hint})") from None


def _wrong_continuation(tokens: list[Any], found: Any) -> str:
    """What may have gone wrong, as the end of a sentence."""
    last = tokens[-1]
    matches = [i for i, token in enumerate(tokens[:-1]) if token == last]
    if found is None:
        if matches == [0] and tokens[1] == 0:
            return ": 0 is a token too, and it is false in Python: compare with None"
        if matches == [0] and isinstance(last, int):
            return ": compare with ==, not with `is`"
        if matches == [0]:
            return ": the match is at position 0: does your loop reach it?"
        if matches == [len(tokens) - 2]:
            return ": the position before the last is a candidate too"
        return (
            ": does your loop go on after a position that does not match, and does your function "
            "return its answer, not print it?"
        )
    if isinstance(found, list | tuple):
        return ": return one token, not a collection of them"
    if isinstance(found, int) and not isinstance(last, int):
        return ": return the token itself, not its position"
    if len(matches) > 1 and found == tokens[matches[0] + 1]:
        return ": take the LATEST earlier occurrence, not the first"
    if found == last:
        return ": return the token AFTER the match, not the match"
    if found == tokens[matches[-1] - 1]:
        return ": return the token AFTER the match, not the one before it"
    return ""


@exercise
def repeated_tokens(attempt: Attempt) -> None:
    """`(half [batch, seq], bos: int) -> [batch, 1 + 2 seq]`: BOS, the half, the half again."""
    first = torch.tensor([[11, 12, 13, 14], [21, 24, 23, 24], [31, 32, 33, 34]])
    others = (torch.tensor([[8, 3]]), 0), (torch.tensor([[9], [2], [9], [7]]), 6)
    cases = Cases("prompt", "position")
    for half, bos in ((first, 5), *others):
        with cases.case():
            _compare_prompts(attempt, half, bos, cases)


def _compare_prompts(attempt: Attempt, half: Tensor, start: int, cases: Cases) -> None:
    batch, seq = half.shape
    attempt.expect(torch.cat([torch.full((batch, 1), start), half, half], 1), half, start)
    result = _prompts(attempt, half, start)
    if isinstance(result, Tensor):
        if batch == 3:
            _explain_shape(result)
        if result.is_floating_point():
            raise Wrong("token ids are integers, and your result holds floats: see BOS's dtype")
    found = attempt.tensor(half, start, shape=(batch, 1 + 2 * seq), axes="(batch, 1 + 2 × seq)")
    bos = torch.full((batch, 1), start)
    mistakes = {
        "each token is doubled on the spot (A A B B): repeat the whole half instead (A B A B)": (
            torch.cat([bos, half.repeat_interleave(2, dim=1)], 1)
        ),
        "the second half runs backwards: repeat it in the same order": (
            torch.cat([bos, half, half.flip(1)], 1)
        ),
        "BOS stands at the end: it is the first token of every prompt": (
            torch.cat([half, half, bos], 1)
        ),
        "BOS stands between the halves: it is the first token of every prompt": (
            torch.cat([half, bos, half], 1)
        ),
        "every row is the first prompt: each row of `half` makes its own": (
            torch.cat([bos, half, half], 1)[:1].expand(batch, -1)
        ),
        "the tokens are sorted: keep them in their order": (
            torch.cat([bos, half.sort(1).values, half.sort(1).values], 1)
        ),
        "both halves run backwards: keep the order": (
            torch.cat([bos, half.flip(1), half.flip(1)], 1)
        ),
        "the rows are in another order: row i belongs to row i of `half`": (
            torch.cat([bos, half, half], 1).flip(0)
        ),
    }
    right = torch.cat([bos, half, half], 1)
    cases.judge(found, right, mistakes, lambda: _where_wrong(found, half, start))


def _where_wrong(found: Tensor, half: Tensor, start: int) -> str:
    seq = half.shape[1]
    if not bool((found[:, 0] == start).all()):
        return (
            f"the first token should be the `bos` that is passed in, here {start}; yours is "
            f"{found[0, 0].item()}"
        )
    if not torch.equal(found[:, 1 : 1 + seq], found[:, 1 + seq :]):
        return "the second half differs from the first: repeat the same tokens"
    return "the tokens after BOS should be those of `half`, row by row"


def _prompts(attempt: Attempt, half: Tensor, start: int) -> Any:
    try:
        return attempt(half, start)
    except Wrong as mistake:
        if "Sizes of tensors must match" in str(mistake):
            raise Wrong("the column of BOS needs one row for each prompt: len(half)") from None
        raise


def _explain_shape(result: Tensor) -> None:
    batch_axis = "the half is repeated along the batch axis: join along the positions, dim=1"
    if result.shape == (3, 8) and bool((result[:, 0] == 5).all()):
        raise Wrong("BOS replaces the first token: it stands before the half, and nothing is lost")
    if result.shape[-1:] == (5,) and result.ndim == 3:
        raise Wrong("the parts are stacked on a new axis: join them along the positions, dim=1")
    sentences: dict[tuple[int, ...], str] = {
        (3, 8): "BOS is missing: prompts of 4 tokens, twice, and BOS make 9",
        (3, 10): "there is one BOS too many: it stands at the start only",
        (6, 5): batch_axis,
        (6, 4): batch_axis,
        (7, 4): "everything is joined along the batch axis: use dim=1",
        (4, 8): "BOS is a row on top: it is a column in front, one entry for each prompt",
    }
    if sentence := sentences.get(tuple(result.shape)):
        raise Wrong(sentence)


@exercise
def token_losses(attempt: Attempt) -> None:
    """`(logits [batch, pos, vocab], tokens [batch, pos]) -> [batch, pos - 1]`, in nats."""
    generator = torch.Generator().manual_seed(0)
    cases = Cases("prompt", "token")
    for batch, pos, vocab in ((2, 5, 7), (3, 4, 6), (1, 2, 3)):
        logits = 3 * torch.randn(batch, pos, vocab, generator=generator)
        tokens = torch.randint(0, vocab, (batch, pos), generator=generator)
        with cases.case():
            _compare_token_losses(attempt, logits, tokens, cases)


def _compare_token_losses(attempt: Attempt, logits: Tensor, tokens: Tensor, cases: Cases) -> None:
    batch, pos = tokens.shape
    attempt.expect(induction.token_losses(logits, tokens), logits, tokens)
    result = _losses(attempt, logits, tokens)
    if batch == 2:
        _explain_loss_shape(result)
    found = attempt.tensor(logits, tokens, shape=(batch, pos - 1), axes="(batch, pos - 1)")
    right = induction.token_losses(logits, tokens)
    differs = first_apart(found, right, 4)
    row, column = differs.at
    where = (
        f"the loss of prompt {row}, token {column + 1} should be {differs.right} nats, and yours "
        f"is {differs.found}"
    )
    cases.judge(found, right, _wrong_losses(logits, tokens, right), where)


def _losses(attempt: Attempt, logits: Tensor, tokens: Tensor) -> Any:
    try:
        return attempt(logits, tokens)
    except Wrong as mistake:
        if "Expected target size" in str(mistake):
            raise Wrong(
                "cross_entropy takes the vocabulary as axis 1: pass logits.transpose(1, 2), "
                "or flatten batch and positions into one axis"
            ) from None
        raise


def _explain_loss_shape(result: Any) -> None:
    if not isinstance(result, Tensor):
        return
    sentences: dict[tuple[int, ...], str] = {
        (): "return one loss for each predicted token, not their mean",
        (2, 5): "5 tokens give 4 losses: nothing predicts the first token, and the last logits "
        "predict a token that is not there",
        (8,): "the result is flat: fold it back to (batch, pos - 1) = (2, 4)",
        (4,): "this is a mean over the prompts: keep one loss for each prompt and token",
        (2,): "this is a mean over the tokens: keep one loss for each prompt and token",
        (2, 4, 1): "gather leaves an axis of length 1: remove it with [..., 0]",
        (2, 4, 2, 4): "the index picks every token at every position: gather one entry each",
    }
    if sentence := sentences.get(tuple(result.shape)):
        raise Wrong(sentence)


def _wrong_losses(logits: Tensor, tokens: Tensor, right: Tensor) -> dict[str, Tensor]:
    """Wrong answers by the sentence that names their mistake."""

    def losses(scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores.transpose(1, 2), targets, reduction="none")

    def pick(values: Tensor) -> Tensor:
        return values.gather(-1, tokens[:, 1:, None])[..., 0]

    early = logits[:, :-1]
    log2, log10 = torch.log(torch.tensor([2.0, 10.0]))
    batch, pos, vocab = logits.shape
    mixed = F.cross_entropy(early.reshape(batch, vocab, pos - 1), tokens[:, 1:], reduction="none")
    same_place = (
        "each loss is about the token at the same position: the logits at position i predict token "
        "i + 1, so compare logits[:, :-1] with tokens[:, 1:]"
    )
    over_positions = "the softmax runs over the positions: it belongs on the vocabulary, axis -1"
    return {
        same_place: losses(early, tokens[:, :-1]),
        same_place + " (yours drops the first position)": losses(logits[:, 1:], tokens[:, 1:]),
        "the shift goes the wrong way: the logits at position i predict token i + 1, not i - 1": (
            losses(logits[:, 1:], tokens[:, :-1])
        ),
        "the sign is wrong: the loss is MINUS the log-probability": -right,
        "these are probabilities: the loss is minus their logarithm": torch.exp(-right),
        "these are minus the probabilities: the logarithm is missing": -torch.exp(-right),
        "these are logits: take log_softmax over the vocabulary first": pick(early),
        "these are minus the logits: log_softmax over the vocabulary is missing": -pick(early),
        "the softmax is taken twice: cross_entropy and log_softmax want logits": (
            losses(early.softmax(-1), tokens[:, 1:])
        ),
        "these are bits: use the natural logarithm, which gives nats": right / log2,
        "this is the logarithm to base 10: use the natural one, which gives nats": right / log10,
        over_positions: -pick(logits.log_softmax(1)[:, :-1]),
        over_positions + " (yours runs over those that remain)": -pick(early.log_softmax(1)),
        "this is the entropy of each prediction: take the loss of the token that comes": (
            -(early.softmax(-1) * early.log_softmax(-1)).sum(-1)
        ),
        "this is one minus the probability: take minus its logarithm": 1 - (-right).exp(),
        "the softmax runs over positions and vocabulary together: it belongs on the vocabulary": (
            -pick(early.flatten(1).log_softmax(-1).view_as(early))
        ),
        "each loss is the mean over the prompts: keep one for each prompt": (
            right.mean(0).expand_as(right)
        ),
        "the losses are added up along the text: keep one for each token": right.cumsum(1),
        "these are perplexities: the loss is the logarithm": right.exp(),
        "this is the loss of the most likely token: pick the token that comes": (
            -early.log_softmax(-1).amax(-1)
        ),
        "reshape mixes positions and vocabulary: transpose(1, 2) moves the axis": mixed,
    }
