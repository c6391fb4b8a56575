"""Checks on finding induction heads: score one, name the best, silence one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mi_course import induction
from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.hook_points import HookPoint
from mi_course.check.mistakes import Cases
from mi_course.check.numerals import apart


@exercise
def prefix_matching_score(attempt: Attempt) -> None:
    """`(pattern [batch, query, key], seq_len: int) -> scalar` for one head on repeated tokens."""
    cases = Cases()
    for seq_len, seed, batch in ((4, 0, 3), (7, 1, 2), (3, 2, 1)):
        pattern = _random_pattern(batch, n=1 + 2 * seq_len, seed=seed)
        right = induction.prefix_matching_score(pattern, seq_len).mean()
        attempt.expect(right, pattern, seq_len)
        with cases.case():
            found = _score(attempt, pattern, seq_len)
            hint = _score_hint(found, right, seq_len)
            cases.judge(found, right, _wrong_scores(pattern, seq_len), hint)


def _score(attempt: Attempt, pattern: Tensor, seq_len: int) -> Tensor:
    try:
        result = attempt(pattern, seq_len)
    except Wrong as mistake:
        if "IndexError" in str(mistake):
            raise Wrong(
                f"{mistake} (seq_len is {seq_len} here, and the pattern has {1 + 2 * seq_len} "
                "positions: is a length written into your function?)"
            ) from None
        raise
    if isinstance(result, float):  # a plain number is as good as a tensor of one
        return torch.tensor(result)
    if isinstance(result, Tensor) and result.ndim == 1 and len(result) == len(pattern):
        raise Wrong("one score for each prompt: take the mean over the batch too")
    if isinstance(result, Tensor) and result.ndim == 2:
        raise Wrong("one number for each query: take the mean over the queries, and over the batch")
    if isinstance(result, Tensor) and result.ndim == 1:
        raise Wrong("one number for each query: take the mean over the queries too")
    return attempt.tensor(pattern, seq_len, shape=(), axes="a single number")


def _wrong_scores(pattern: Tensor, seq_len: int) -> dict[str, Tensor]:
    """Wrong answers by the sentence that names their mistake."""

    def mean(shift: int, first: int, last: int | None = None) -> Tensor:
        """Of pattern[:, q, q - shift] over the queries q from `first` to `last`."""
        q = torch.arange(first, n if last is None else last + 1)
        return pattern[:, q, q - shift].mean()

    s, n, batch = seq_len, pattern.shape[1], len(pattern)
    diagonal = pattern.diagonal(1 - s, dim1=1, dim2=2)[:, 2:]
    query = torch.arange(s + 1, n)
    hits = (pattern[:, s + 1 :].argmax(-1) == query - s + 1).float().mean()
    earlier = torch.arange(1, s + 1)
    between = "compare positions in different halves"
    sentences = {
        "this is attention to the token's own first occurrence (a duplicate-token head): an "
        "induction head looks one place further, at the token that came AFTER it": mean(s, s + 1),
        "this is attention to the token BEFORE the first occurrence: go one place after it, not "
        "before": mean(s + 1, s + 1),
        "this looks two places after the first occurrence: one is right": mean(s - 2, s + 1),
        f"this is attention to the previous token: {between}": mean(1, 1),
        f"this is attention to the previous token, in the second half: {between}": mean(1, s + 1),
        "query and key are swapped: pattern[..., query, key], and the query comes later than the "
        "key": pattern[:, query - s + 1, query].mean(),
        "the mean runs over the whole diagonal, which begins two queries before the second half: "
        "start at query seq_len + 1": mean(s - 1, s - 1),
        "the mean starts one query early: BOS takes position 0, so the second half starts at "
        "seq_len + 1": mean(s - 1, s),
        "the queries are one too early: BOS takes position 0, so the second half runs from "
        "seq_len + 1 to 2 × seq_len": mean(s - 1, s, n - 2),
        "the mean leaves out the first repeated token: the second half starts at seq_len + 1": (
            mean(s - 1, s + 2)
        ),
        "the mean leaves out the last query: the second half ends at 2 × seq_len": (
            mean(s - 1, s + 1, n - 2)
        ),
        "the queries are those of the first half: the second half starts at seq_len + 1": (
            pattern[:, earlier, earlier - s + 1].mean()
        ),
        "this is a sum over the queries: take their mean": diagonal.sum(1).mean(),
        "this is a sum over prompts and queries: take the mean of both": diagonal.sum(),
        "this is a sum over the prompts: take their mean": diagonal.mean(1).sum(),
        "this is the largest attention on the diagonal: take the mean": diagonal.max(),
        "the pairs are right, and the divisor is not: divide by the number of pairs, not by all "
        "entries of the pattern": diagonal.sum() / pattern.numel(),
        "the pairs are right, and the divisor is not: only the queries of the second half count": (
            diagonal.sum() / (batch * n)
        ),
        "this is the mean of a whole block: two slices give every query with every key, so index "
        "with two tensors of the same length, or take the block's diagonal": (
            pattern[:, s + 1 :, 2 : s + 2].mean()
        ),
        "this counts how often the right token gets the most attention: take the mean of the "
        "attention itself": hits,
        "this is attention to BOS: look at the token after the first occurrence": (
            pattern[:, s + 1 :, 0].mean()
        ),
        "this is attention to the query's own position: look at the token after its first "
        "occurrence": pattern[:, query, query].mean(),
        "queries and keys are both one too early: the first pair is (seq_len + 1, 2)": (
            mean(s - 1, s, n - 2)
        ),
        "queries and keys are one and two too early: the first pair is (seq_len + 1, 2)": (
            mean(s, s, n - 2)
        ),
        "this is the median: take the mean": diagonal.median(),
        "this is the mean over the prompts of the largest on the diagonal: take the mean of all": (
            diagonal.amax(1).mean()
        ),
        "this adds up the attention to all tokens up to that one: take that one alone": torch.stack(
            [pattern[:, q, : q - s + 2].sum(-1) for q in range(s + 1, n)]
        ).mean(),
        "only the last query counts: take the mean over all queries of the second half": (
            diagonal[:, -1].mean()
        ),
        "only the first query counts: take the mean over all queries of the second half": (
            diagonal[:, 0].mean()
        ),
        "only the first prompt counts: take the mean over the batch": diagonal[0].mean(),
    }
    return sentences


def _score_hint(found: Tensor, right: Tensor, seq_len: int) -> str:
    right_text, found_text = apart(right.item(), found.item(), 4)
    return (
        f"with seq_len = {seq_len} the score should be {right_text}, and yours is {found_text}: "
        f"print which (query, key) pairs you read; the first should be ({seq_len + 1}, 2) and the "
        f"last ({2 * seq_len}, {seq_len + 1})"
    )


def _random_pattern(batch: int, n: int, seed: int) -> Tensor:
    """Causal attention with no structure: each row sums to 1, nothing above the diagonal."""
    scores = 2 * torch.randn(batch, n, n, generator=torch.Generator().manual_seed(seed))
    return scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf).softmax(-1)


@exercise
def top_heads(attempt: Attempt) -> None:
    """`(scores [layer, head], threshold) -> ["1.4", …]`: names of the heads, strongest first."""
    scores = torch.full((3, 12), 0.1)
    strong = {(2, 3): 0.95, (1, 2): 0.9, (1, 10): 0.7, (2, 1): 0.6, (0, 1): 0.5, (2, 11): 0.5}
    for pair, score in strong.items():
        scores[pair] = score
    scores[0, 0] = -0.8
    expected = [f"{layer}.{head}" for layer, head in strong]
    attempt.expect(expected, scores, 0.45)
    found = _names(attempt, scores, 0.45)
    # two heads have the same score: both orders are right
    if found[:4] == expected[:4] and sorted(found[4:]) == sorted(expected[4:]):
        _other_thresholds(attempt, scores)
        return
    raise Wrong(_wrong_names(found, expected))


def _names(attempt: Attempt, scores: Tensor, threshold: float) -> list[str]:
    result = attempt(scores, threshold)
    if result is None and threshold > float(scores.max()):
        raise Wrong("no head reaches the threshold: return an empty list, not None")
    if not isinstance(result, (list, tuple)):
        raise Wrong(f"return a list of names, not {type(result).__name__}")
    for name in result:
        if not isinstance(name, str):
            raise Wrong(f"return names such as '1.2', not {type(name).__name__} objects")
        layer, point, head = name.partition(".")
        if not (point and layer.isdecimal() and head.isdecimal()):
            raise Wrong(
                f"a name is layer, point, head, such as '1.2'; found {name!r}: tolist() or int() "
                "makes plain numbers of tensors"
            )
    return list(result)


def _other_thresholds(attempt: Attempt, scores: Tensor) -> None:
    equal = float(scores[1, 2])
    attempt.expect(["2.3", "1.2"], scores, equal)
    if "1.2" not in _names(attempt, scores, equal):
        raise Wrong("a head whose score equals the threshold counts: use >=")
    attempt.expect(["2.3", "1.2", "1.10"], scores, 0.65)
    if _names(attempt, scores, 0.65) != ["2.3", "1.2", "1.10"]:
        raise Wrong("with threshold 0.65 other heads remain: use the threshold that is passed in")
    attempt.expect([], scores, 0.99)
    if _names(attempt, scores, 0.99):
        raise Wrong("no head reaches 0.99 here: the list should be empty")
    few = torch.tensor([[0.2], [-0.1], [0.7], [-0.6]])
    for threshold, expected in ((0.0, ["2.0", "0.0"]), (-0.3, ["2.0", "0.0", "1.0"])):
        found = _names(attempt, few, threshold)
        if found != expected:
            raise Wrong(
                f"with one head in each of 4 layers and threshold {threshold} expected {expected}, "
                f"found {found}: is a size or a threshold written into your function?"
            )


def _wrong_names(found: list[str], expected: list[str]) -> str:
    pairs = [name.split(".") for name in found]
    shown = f"expected {expected}, found {found}"
    flat = [12 * int(name.split(".")[0]) + int(name.split(".")[1]) for name in expected]
    same = sorted(found) == sorted(expected)
    if same and found[:1:-1] == expected[:4]:
        return "the weakest head comes first: sort from the strongest down"
    if same:
        return "the heads are right, and their order is not: sort by score, strongest first"
    if sorted(f"{head}.{layer}" for layer, head in pairs) == sorted(expected):
        return "layer and head are swapped: names are layer.head, and scores[layer, head]"
    if sorted(f"{int(layer) - 1}.{int(head) - 1}" for layer, head in pairs) == sorted(expected):
        return "layers and heads are counted from 0"
    if len(found) == 30 and not set(found) & set(expected):
        return "these are the heads BELOW the threshold"
    if "2.0" in found and "1.10" not in found:
        return "head 10 of layer 1 is 1.10: a name is not a decimal number"
    if sorted(found) == sorted(f"{i // 3}.{i % 3}" for i in flat):
        return "the flat index is divided by the number of layers: divide it by that of heads"
    if len(found) == 36:
        return "every head is listed: keep those whose score reaches the threshold"
    if "0.0" in found:
        return (
            f"head 0.0 has score −0.8 and is listed: compare the score itself, and name a head by "
            f"its place in the whole table; {shown}"
        )
    layers = [layer for layer, _ in pairs]
    if set(found) < set(expected) and len(set(layers)) == len(layers):
        return "one head of each layer is listed: every head that reaches the threshold counts"
    if set(found) == set(expected) - {"0.1"} or set(found) == set(expected) - {"2.11"}:
        return "two heads have the same score, and one of them is lost"
    if set(found) < set(expected):
        return f"heads are missing, however many reach the threshold: {shown}"
    return shown


@exercise
def zero_head(attempt: Attempt) -> None:
    """`(z [batch, pos, head, d_head], hook, head: int) -> z` with that head's output zero."""
    generator = torch.Generator().manual_seed(0)
    for shape, heads in (((2, 5, 4, 3), (1, 2, 0, 3)), ((1, 1, 2, 4), (0, 1))):
        z = torch.randn(shape, generator=generator)
        for head in heads:
            _compare_silenced(attempt, z, head)


def _compare_silenced(attempt: Attempt, z: Tensor, head: int) -> None:
    hook = HookPoint("blocks.1.attn.hook_z")
    right = z.clone()
    right[:, :, head] = 0
    attempt.expect(right, z, hook, head)
    _explain_z_shape(attempt(z, hook, head), z)
    axes = "(batch, pos, head, d_head)"
    found = attempt.tensor(z, hook, head, shape=tuple(z.shape), axes=axes)
    if not close(found, right):
        raise Wrong(_wrong_z(z, found, head))


def _explain_z_shape(result: Any, z: Tensor) -> None:
    batch, pos, heads, d_head = z.shape
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (batch, pos, d_head):
        raise Wrong("only the head comes back: return all of z, with zeros in that head")
    if shape == (batch, pos, heads - 1, d_head):
        raise Wrong("the head is cut out: keep its place, with zeros in it")


def _wrong_z(z: Tensor, found: Tensor, head: int) -> str:
    changed, zero = found != z, found == 0
    rest = "; the head is the third axis, z[:, :, head]"
    if not bool(changed.any()):
        return "nothing is changed: is the changed tensor the one that you return?"
    if bool((zero | ~changed).logical_not().any()):
        return f"head {head} is changed, and not to zero: set it to 0"
    heads = range(z.shape[2])
    silent = [h for h in heads if bool(zero[:, :, h].all())]
    if silent == list(heads):
        return "this removes every head: set only z[:, :, head] to zero"
    if silent and silent == [h for h in heads if h != head]:
        return "this keeps the head and removes all others: do the opposite"
    if silent and silent != [head]:
        return f"heads {silent} are silent, and with head = {head} only head {head} should be"
    for axis, what in enumerate(("a prompt", "a position", None, "one entry of every head")):
        others = [a for a in range(4) if a != axis]
        if what and bool(zero.all(dim=others[2]).all(dim=others[1]).all(dim=others[0]).any()):
            return f"this removes {what}{rest}"
    for axis, what in ((0, "prompts"), (1, "positions"), (3, "entries of its output")):
        others = [a for a in (0, 1, 2) if a != min(axis, 2)]
        kept = zero[:, :, head].all(dim=others[1]).all(dim=others[0])
        if bool(kept.any()) and not bool(kept.all()):
            return f"head {head} is silent in some {what} only: silence it in all{rest}"
    return f"head {head} should be zero everywhere, and every other head stay as it is"
