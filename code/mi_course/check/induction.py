"""Checks of the chapter on induction heads."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mi_course import induction
from mi_course.check.core import Attempt, Wrong, close, exercise, first_that_fits


@exercise
def continue_pattern(attempt: Attempt) -> None:
    """`(tokens: list) -> token or None`: what came after the latest earlier match."""
    cases: list[tuple[list[Any], Any]] = [
        (["A", "B", "C", "A"], "B"),
        (["the", "cat", "sat", "on", "the"], "cat"),
        (["A", "B", "A", "C", "A"], "C"),
        ([7, 7], 7),
        ([5, 0, 5], 0),
    ]
    for tokens, expected in cases:
        found = attempt(tokens)
        if found == expected and type(found) is type(expected):
            continue
        shown = f"for {tokens} your function returns {found!r}; expected {expected!r}"
        if found is None:
            raise Wrong(f"{shown}: the last token did occur before")
        if isinstance(found, int) and not isinstance(tokens[0], int):
            raise Wrong(f"{shown}: return the token itself, not its position")
        if tokens.count(tokens[-1]) > 2 and found == tokens[tokens.index(tokens[-1]) + 1]:
            raise Wrong(f"{shown}: take the LATEST earlier occurrence, not the first")
        if found == tokens[-1]:
            raise Wrong(f"{shown}: return the token AFTER the match, not the match")
        raise Wrong(shown)
    for tokens in (["A", "B", "C"], ["A"], []):
        found = attempt(tokens)
        if found is not None:
            raise Wrong(
                f"for {tokens} the last token has no earlier occurrence, so return None; "
                f"your function returns {found!r}: does the last position match itself?"
            )


@exercise
def repeated_tokens(attempt: Attempt) -> None:
    """`(half [batch, seq], bos: int) -> [batch, 1 + 2 seq]`: BOS, the half, the half again."""
    half = torch.tensor([[11, 12, 13, 14], [21, 22, 23, 24], [31, 32, 33, 34]])
    bos = torch.full((3, 1), 5)
    result = attempt(half, 5)
    if isinstance(result, Tensor):
        _explain_repeated_shape(tuple(result.shape))
        if result.is_floating_point():
            raise Wrong(
                "token ids are integers, and your result holds floats: see the dtype of BOS"
            )
    found = attempt.tensor(half, 5, shape=(3, 9), axes="(batch, 1 + 2 × seq)")
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
        "the first token should be the BOS that is handed over, and yours is 0": (
            torch.cat([bos * 0, half, half], 1)
        ),
    }
    if sentence := first_that_fits(found, mistakes):
        raise Wrong(sentence)
    if not bool((found[:, :1] == bos).all()):
        raise Wrong("the first token of every prompt should be BOS")
    if not torch.equal(found[:, 1:5], found[:, 5:]):
        raise Wrong("the second half differs from the first: repeat the same tokens")
    if not torch.equal(found[:, 1:5], half):
        raise Wrong("the tokens after BOS should be those of `half`, row by row")
    attempt.tensor(half[:1, :2], 5, shape=(1, 5), axes="(batch, 1 + 2 × seq)")


def _explain_repeated_shape(shape: tuple[int, ...]) -> None:
    sentences = {
        (3, 8): "BOS is missing: prompts of 4 tokens, twice, and BOS make 9",
        (3, 10): "there is one BOS too many: it stands at the start only",
        (6, 5): "the half is repeated along the batch axis: join along the positions, dim=1",
        (6, 4): "the half is repeated along the batch axis: join along the positions, dim=1",
        (7, 4): "everything is joined along the batch axis: use dim=1",
    }
    if shape in sentences:
        raise Wrong(sentences[shape])


@exercise
def token_losses(attempt: Attempt) -> None:
    """`(logits [batch, pos, vocab], tokens [batch, pos]) -> [batch, pos - 1]`, in nats."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(2, 5, 7, generator=generator)
    tokens = torch.randint(0, 7, (2, 5), generator=generator)
    result = attempt(logits, tokens)
    if isinstance(result, Tensor) and result.ndim == 0:
        raise Wrong("return one loss for each predicted token, not their mean")
    if isinstance(result, Tensor) and tuple(result.shape) == (2, 5):
        raise Wrong(
            "5 tokens give 4 losses: nothing predicts the first token, and the last logits predict "
            "a token that is not there"
        )
    if isinstance(result, Tensor) and tuple(result.shape) in {(8,), (5,), (4,), (2,)}:
        raise Wrong(
            f"the result has shape {tuple(result.shape)}; keep both axes: (batch, pos - 1) = (2, 4)"
        )
    found = attempt.tensor(logits, tokens, shape=(2, 4), axes="(batch, pos - 1)")
    right = induction.token_losses(logits, tokens)
    if close(found, right):
        return
    raise Wrong(
        first_that_fits(found, _wrong_losses(logits, tokens, right)) or _where(found, right)
    )


def _wrong_losses(logits: Tensor, tokens: Tensor, right: Tensor) -> dict[str, Tensor]:
    def losses(scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores.transpose(1, 2), targets, reduction="none")

    chosen = logits[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0]
    log2 = torch.log(torch.tensor(2.0))
    same_place = (
        "each loss is about the token at the same position: the logits at position i predict token "
        "i + 1, so compare logits[:, :-1] with tokens[:, 1:]"
    )
    return {
        same_place: losses(logits[:, :-1], tokens[:, :-1]),
        same_place + " (yours drops the first position)": losses(logits[:, 1:], tokens[:, 1:]),
        "the shift goes the wrong way: the logits at position i predict token i + 1, not i - 1": (
            losses(logits[:, 1:], tokens[:, :-1])
        ),
        "the sign is wrong: the loss is MINUS the log-probability": -right,
        "these are probabilities: the loss is minus their logarithm": torch.exp(-right),
        "these are logits: take log_softmax over the vocabulary first": (chosen),
        "these are minus the logits: log_softmax over the vocabulary is missing": -chosen,
        "these are bits: use the natural logarithm, which gives nats": right / log2,
        "the softmax runs over the positions: it belongs on the last axis, the vocabulary": (
            -logits.log_softmax(1)[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0]
        ),
        "log_softmax was taken of the positions that remain: it belongs on the vocabulary": (
            -logits[:, :-1].log_softmax(1).gather(-1, tokens[:, 1:, None])[..., 0]
        ),
    }


@exercise
def prefix_matching_score(attempt: Attempt) -> None:
    """`(pattern [batch, query, key], seq_len: int) -> scalar` for one head on repeated tokens."""
    for seq_len, seed in ((4, 0), (7, 1)):
        pattern = _random_pattern(batch=3, n=1 + 2 * seq_len, seed=seed)
        _explain_score_shape(attempt(pattern, seq_len), batch=3, seq_len=seq_len)
        found = _scalar(attempt, pattern, seq_len)
        right = induction.prefix_matching_score(pattern, seq_len).mean()
        if not close(found, right):
            sentence = first_that_fits(found, _wrong_scores(pattern, seq_len, right))
            raise Wrong(sentence or _score_hint(found, right, seq_len))
    perfect = _perfect_pattern(seq_len=5)
    if not close(_scalar(attempt, perfect, 5), torch.tensor(1.0)):
        raise Wrong("a head whose every repeated token looks at the right place should score 1")


def _scalar(attempt: Attempt, pattern: Tensor, seq_len: int) -> Tensor:
    result = attempt(pattern, seq_len)
    if isinstance(result, float):  # a plain number is as good as a tensor of one
        return torch.tensor(result)
    return attempt.tensor(pattern, seq_len, shape=(), axes="a single number")


def _explain_score_shape(result: Any, batch: int, seq_len: int) -> None:
    if not isinstance(result, Tensor) or result.ndim == 0:
        return
    shape = tuple(result.shape)
    if shape == (batch,):
        raise Wrong("one score for each prompt: take the mean over the batch too")
    if shape[:1] == (batch,) and len(shape) == 2:
        raise Wrong("one number for each query: take the mean over the queries, and over the batch")
    if len(shape) == 1:
        raise Wrong("one number for each query: take the mean over the queries too")


def _wrong_scores(pattern: Tensor, seq_len: int, right: Tensor) -> dict[str, Tensor]:
    def diagonal(shift: int, first: int, p: Tensor = pattern) -> Tensor:
        """p[:, q, q - shift] for the queries q from `first` on."""
        return p.diagonal(-shift, dim1=1, dim2=2)[:, max(first - shift, 0) :]

    s, n = seq_len, pattern.shape[1]
    hits = torch.stack([pattern[:, q].argmax(-1) == q - s + 1 for q in range(s + 1, n)]).float()
    return {
        "this is attention to the token's own first occurrence (a duplicate-token head): an "
        "induction head looks one place further, at the token that came AFTER it": (
            diagonal(s, s + 1).mean()
        ),
        "this is attention to the token BEFORE the first occurrence: go one place after it, not "
        "before": diagonal(s + 1, s + 1).mean(),
        "this looks two places after the first occurrence: one is right": (
            diagonal(s - 2, s + 1).mean()
        ),
        "this is attention to the previous token: compare positions in different halves": (
            diagonal(1, 1).mean()
        ),
        "this is attention to the previous token, in the second half: compare positions in "
        "different halves": diagonal(1, s + 1).mean(),
        "query and key are swapped: pattern[..., query, key], and the query comes later than the "
        "key": diagonal(s - 1, s + 1, pattern.transpose(1, 2)).mean(),
        "the mean runs over the whole diagonal, which begins two queries before the second half: "
        "start at query seq_len + 1": diagonal(s - 1, 0).mean(),
        "the mean starts one query early: BOS takes position 0, so the second half starts at "
        "seq_len + 1": diagonal(s - 1, s).mean(),
        "the mean leaves out the first repeated token: the second half starts at seq_len + 1": (
            diagonal(s - 1, s + 2).mean()
        ),
        "this is a sum over the queries: take their mean": diagonal(s - 1, s + 1).sum(1).mean(),
        "this is a sum over prompts and queries: take the mean of both": (
            diagonal(s - 1, s + 1).sum()
        ),
        "this is a sum over the prompts: take their mean": diagonal(s - 1, s + 1).mean(1).sum(),
        "this is the largest attention on the diagonal: take the mean": (
            diagonal(s - 1, s + 1).max()
        ),
        "the sum is divided by the number of all positions: only the queries of the second half "
        "count": diagonal(s - 1, s + 1).sum(1).mean() / n,
        "this counts how often the right token gets the most attention: take the mean of the "
        "attention itself": hits.mean(),
        "only the first prompt counts: take the mean over the batch": diagonal(s - 1, s + 1)[
            0
        ].mean(),
    }


def _score_hint(found: Tensor, right: Tensor, seq_len: int) -> str:
    return (
        f"with seq_len = {seq_len} the score should be {right.item():.4f}, and yours is "
        f"{found.item():.4f}: print which (query, key) pairs you read; the first should be "
        f"({seq_len + 1}, 2) and the last ({2 * seq_len}, {seq_len + 1})"
    )


@exercise
def top_heads(attempt: Attempt) -> None:
    """`(scores [layer, head], threshold) -> ["1.4", …]`: names of the heads, strongest first."""
    scores = torch.tensor([[0.1, 0.5, 0.2, 0.0], [0.3, 0.05, 0.9, 0.7], [0.0, 0.6, 0.0, 0.95]])
    expected = ["2.3", "1.2", "1.3", "2.1", "0.1"]
    found = _names(attempt, scores, 0.45)
    if found == expected:
        if _names(attempt, scores, 0.99) != []:
            raise Wrong("no head reaches 0.99 here: the list should be empty")
        if "1.2" not in _names(attempt, scores, float(scores[1, 2])):
            raise Wrong("a head whose score equals the threshold counts: use >=")
        return
    if found == expected[::-1]:
        raise Wrong("the weakest head comes first: sort from the strongest down")
    swapped = [".".join(reversed(name.split("."))) for name in expected]
    if sorted(found) == sorted(swapped):
        raise Wrong("layer and head are swapped: names are layer.head, and scores[layer, head]")
    from_one = [f"{int(name[0]) + 1}.{int(name[2]) + 1}" for name in expected]
    if sorted(found) == sorted(from_one):
        raise Wrong("layers and heads are counted from 0")
    if sorted(found) == sorted(expected):
        raise Wrong("the heads are right, and their order is not: sort by score, strongest first")
    if len(found) == scores.numel():
        raise Wrong("every head is listed: keep those whose score reaches the threshold")
    if set(found) < set(expected):
        raise Wrong(f"heads are missing: expected {expected}, found {found}")
    raise Wrong(f"expected {expected}, found {found}")


def _names(attempt: Attempt, scores: Tensor, threshold: float) -> list[str]:
    result = attempt(scores, threshold)
    if not isinstance(result, (list, tuple)):
        raise Wrong(f"return a list of names, not {type(result).__name__}")
    if result and not all(isinstance(name, str) for name in result):
        raise Wrong(f"return names such as '1.2', not {type(result[0]).__name__} objects")
    if any(name.count(".") != 1 for name in result):
        raise Wrong(f"a name is layer, point, head, such as '1.2'; found {result[0]!r}")
    return list(result)


@exercise
def zero_head(attempt: Attempt) -> None:
    """`(z [batch, pos, head, d_head], hook, head: int) -> z` with that head's output zero."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, 5, 4, 3, generator=generator)
    head = 1
    found = attempt.tensor(z, None, head, shape=(2, 5, 4, 3), axes="(batch, pos, head, d_head)")
    right = z.clone()
    right[:, :, head] = 0
    if close(found, right):
        return
    kept = z - right
    by_axis = [z.clone() for _ in range(3)]
    by_axis[0][head], by_axis[1][:, head], by_axis[2][..., head] = 0, 0, 0
    mistakes = {
        "this removes a prompt: the head is the third axis, z[:, :, head]": by_axis[0],
        "this removes a position: the head is the third axis, z[:, :, head]": by_axis[1],
        "this removes one entry of every head: the head is the third axis, z[:, :, head]": (
            by_axis[2]
        ),
        "this keeps the head and removes all others: do the opposite": kept,
        "this removes every head: set only z[:, :, head] to zero": torch.zeros_like(z),
        "nothing is changed: is the changed tensor the one that you return?": z,
    }
    sentence = first_that_fits(found, mistakes)
    raise Wrong(sentence or "every other head should stay as it is, and z[:, :, head] be zero")


def _random_pattern(batch: int, n: int, seed: int) -> Tensor:
    """Causal attention with no structure: each row sums to 1, nothing above the diagonal."""
    scores = 2 * torch.randn(batch, n, n, generator=torch.Generator().manual_seed(seed))
    return scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf).softmax(-1)


def _perfect_pattern(seq_len: int) -> Tensor:
    """An ideal induction head: BOS until the repetition, then the token after the match."""
    n = 1 + 2 * seq_len
    pattern = torch.zeros(1, n, n)
    pattern[:, : seq_len + 1, 0] = 1
    for query in range(seq_len + 1, n):
        pattern[:, query, query - seq_len + 1] = 1
    return pattern


def _where(found: Tensor, right: Tensor) -> str:
    row, column = divmod(int((found - right).abs().argmax()), right.shape[1])
    return (
        f"the loss of prompt {row}, token {column + 1} should be {right[row, column].item():.4f} "
        f"nats, and yours is {found[row, column].item():.4f}"
    )
