"""Checks on taking another model's circuit apart: attention, inputs of a head, two orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.numerals import first_apart


def _patterns(
    batch: int, heads: int, pos: int, generator: torch.Generator
) -> Float[Tensor, "batch head query key"]:
    """Attention as a model has it: nothing later is seen, and each row adds up to 1."""
    scores = 2 * torch.randn(batch, heads, pos, pos, generator=generator)
    return scores.masked_fill(torch.ones(pos, pos).triu(1).bool(), -torch.inf).softmax(-1)


def _ends(batch: int, pos: int, least: int) -> Int[Tensor, "batch"]:
    """END of each prompt: no two neighbours alike, and not all at the last position."""
    return pos - 1 - (torch.arange(batch) + 1) % (pos - least)


def _distinct(
    ends: Int[Tensor, "batch"], count: int, generator: torch.Generator
) -> Int[Tensor, "batch count"]:
    """Different positions before END, in no order."""
    rows = [torch.randperm(int(end), generator=generator)[:count] for end in ends]
    return torch.stack(rows)


@exercise
def attention_from_end(attempt: Attempt) -> None:
    """`(pattern [batch, head, query, key], end, places [batch, place]) -> [head, place + 1]`."""
    cases = Cases("head", "column")
    for seed, (batch, heads, pos, count) in enumerate(
        ((5, 3, 9, 4), (4, 2, 7, 3), (1, 4, 6, 2), (3, 1, 8, 1))
    ):
        generator = torch.Generator().manual_seed(seed)
        pattern, end = _patterns(batch, heads, pos, generator), _ends(batch, pos, count + 1)
        with cases.case():
            _compare_looks(attempt, pattern, end, _distinct(end, count, generator), cases)


def _looks(pattern: Tensor, end: Tensor, places: Tensor) -> Float[Tensor, "batch head column"]:
    """For each prompt the attention from END to each place, and what is left."""
    rows = torch.arange(len(pattern))
    there = pattern[rows, :, end]  # batch head key
    found = there.gather(2, places[:, None].expand(-1, there.shape[1], -1))
    return torch.cat([found, there.sum(2, keepdim=True) - found.sum(2, keepdim=True)], 2)


def _compare_looks(
    attempt: Attempt, pattern: Tensor, end: Tensor, places: Tensor, cases: Cases
) -> None:
    each = _looks(pattern, end, places)
    right, heads, count = each.mean(0), pattern.shape[1], places.shape[1]
    attempt.expect(right, pattern, end, places)
    _explain_looks(attempt(pattern, end, places), pattern, count)
    found = attempt.tensor(pattern, end, places, shape=(heads, count + 1), axes="(head, place + 1)")
    differs = first_apart(found, right)
    head, column = differs.at
    where = f"to place {column}" if column < count else "to all other positions"
    hint = (
        f"head {head} gives {differs.right} of its attention {where}, and yours says "
        f"{differs.found}"
    )
    cases.judge(found, right, _wrong_looks(pattern, end, places, each), hint)


def _explain_looks(result: Any, pattern: Tensor, count: int) -> None:
    batch, heads, pos = pattern.shape[:3]
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (heads, count):
        raise Wrong(
            "a column is missing: the last one holds what is left, 1 minus the attention to the "
            "places"
        )
    if shape == (batch, heads, count + 1) and batch > 1:
        raise Wrong("one row for each prompt is too many: take the mean over the prompts")
    if shape == (batch, heads, count) and batch > 1:
        raise Wrong(
            "one row for each prompt is too many, and what is left is missing: take the mean over "
            "the prompts, and add a column"
        )
    if shape == (count + 1, heads) and count + 1 != heads:
        raise Wrong("the axes are exchanged: heads first, then places")
    if shape == (batch, count + 1) and batch not in (heads, 1):
        raise Wrong("one row for each prompt comes back: one for each HEAD, a mean over prompts")
    if shape in ((count + 1,), (count,)) and heads > 1:
        raise Wrong("the mean runs over the heads too: each head has its own row")
    if shape == (heads, pos):
        raise Wrong("one column for each position: pick the places, and add up the rest")


def _wrong_looks(
    pattern: Tensor, end: Tensor, places: Tensor, each: Tensor
) -> Mapping[str, Tensor]:
    batch, heads, pos = pattern.shape[:3]
    right = each.mean(0)
    last = torch.full_like(end, pos - 1)
    named = each[..., :-1]

    def with_rest(rest: Tensor) -> Tensor:
        """The right columns, and another last one."""
        return torch.cat([named, rest.expand(batch, heads)[..., None]], 2).mean(0)

    others = pos - places.shape[1]
    return {
        "the query is the last position of the tensor: in a padded batch each prompt's own END "
        "stands elsewhere, at end[i]": _looks(pattern, last, places).mean(0),
        "every prompt's query is the first prompt's END: each has its own, end[i]": (
            _looks(pattern, end[:1].expand_as(end), places).mean(0)
        ),
        "the first prompt's places are taken for every prompt: row i of `places` is prompt i's": (
            _looks(pattern, end, places[:1].expand_as(places)).mean(0)
        ),
        "query and key are exchanged: this is attention INTO END, and the query is END": (
            _looks(pattern.transpose(2, 3), end, places).mean(0)
        ),
        "these are sums over the prompts: take the mean": each.sum(0),
        "these are medians: take the mean over the prompts": each.median(0).values,
        "these are the largest values over the prompts: take the mean": each.amax(0),
        "the mean runs over all queries: the query is END alone": torch.stack(
            [_looks(pattern, torch.full_like(end, q), places) for q in range(pos)]
        ).mean((0, 1)),
        "only the first prompt counts: take the mean over the prompts": each[0],
        "the last column is the sum of the others: it holds what is left, 1 minus that sum": (
            with_rest(named.sum(2))
        ),
        "the last column is 1: it holds what is left, 1 minus the attention to the places": (
            with_rest(torch.ones(()))
        ),
        "the last column is 0: it holds what is left, 1 minus the attention to the places": (
            with_rest(torch.zeros(()))
        ),
        "the last column is a mean over the other positions: add up what is left": (
            with_rest(each[..., -1] / others)
        ),
        "the last column is END's attention to itself: it holds what is left, all other "
        "positions together": with_rest(pattern[torch.arange(batch), :, end, end]),
        "what is left comes first: the last column holds it": right.roll(1, 1),
        "each row is divided by the attention to the places: give the attention as it is": (
            torch.cat([named / named.sum(2, keepdim=True), each[..., -1:]], 2).mean(0)
        ),
        "these are percent: attention adds up to 1": 100 * right,
        "the mean over the heads is taken too: each head has its own row": (
            right.mean(0, keepdim=True).expand_as(right)
        ),
        "the same place stands in every column: column j is place j": torch.cat(
            [named[..., :1].expand_as(named), each[..., -1:]], 2
        ).mean(0),
    }


@exercise
def swap_input(attempt: Attempt) -> None:
    """`(x [batch, pos, unit, d_head], hook, other, head, n_heads, pos [batch]) -> as x`."""
    cases = Cases("prompt", "position", "unit", "entry")
    for seed, (size, head, n_heads) in enumerate(
        (
            ((4, 7, 5, 3), 6, 10),
            ((3, 6, 4, 2), 1, 4),
            ((2, 5, 2, 3), 2, 6),
            ((1, 4, 1, 2), 3, 5),
            ((3, 5, 3, 4), 7, 9),
        )
    ):
        generator = torch.Generator().manual_seed(seed)
        x, other = (torch.randn(size, generator=generator) for _ in range(2))
        pos = _ends(size[0], size[1], 1)
        with cases.case():
            _compare_inputs(attempt, x, other, head, n_heads, pos, cases)


def _put(x: Tensor, other: Tensor, unit: int, pos: Tensor) -> Tensor:
    out, rows = x.clone(), torch.arange(len(x))
    out[rows, pos, unit] = other[rows, pos, unit]
    return out


def _compare_inputs(
    attempt: Attempt, x: Tensor, other: Tensor, head: int, n_heads: int, pos: Tensor, cases: Cases
) -> None:
    units = x.shape[2]
    unit = head // (n_heads // units)
    right = _put(x, other, unit, pos)
    given = x, None, other, head, n_heads, pos
    attempt.expect(right, *given)
    try:
        result = attempt(*given)
    except Wrong as mistake:
        text = str(mistake)
        if units < n_heads and ("out of bounds" in text or "out of range" in text):
            raise Wrong(
                f"{text}: there are {units} units for {n_heads} heads, and head {head} uses unit "
                f"{unit}, since the {n_heads // units} heads of a unit stand next to each other"
            ) from None
        raise
    _explain_input(result, x)
    found = attempt.tensor(*given, shape=tuple(x.shape), axes="(batch, pos, unit, d_head)")
    hint = _which_vectors(found, x, right, unit, pos)
    cases.judge(found, right, _wrong_inputs(x, other, head, n_heads, pos), hint)


def _explain_input(result: Any, x: Tensor) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    batch, _, units, d_head = x.shape
    if shape in ((batch, d_head), (batch, units, d_head)):
        raise Wrong("only what was put in comes back: return the whole of x with it in its place")


def _which_vectors(found: Tensor, x: Tensor, right: Tensor, unit: int, pos: Tensor) -> str:
    changed = (found != x).any(-1).nonzero()[:3].tolist()
    listed = ", ".join(str(tuple(at)) for at in changed) or "none"
    return (
        f"prompt 0 should change at position {int(pos[0])} in unit {unit} alone; the first "
        f"changed (prompt, position, unit) of yours: {listed}"
    )


def _wrong_inputs(
    x: Tensor, other: Tensor, head: int, n_heads: int, pos: Tensor
) -> Mapping[str, Tensor]:
    batch, length, units = x.shape[:3]
    unit, rows = head // (n_heads // units), torch.arange(batch)
    right = _put(x, other, unit, pos)
    near = "heads of one unit stand next to each other: unit = head // (n_heads // units)"
    everywhere, crossed, every_unit = x.clone(), x.clone(), x.clone()
    everywhere[:, :, unit] = other[:, :, unit]
    crossed[:, pos, unit] = other[:, pos, unit]
    every_unit[rows, pos] = other[rows, pos]
    added, zeroed, mean, shifted = (x.clone() for _ in range(4))
    added[rows, pos, unit] += other[rows, pos, unit]
    zeroed[rows, pos, unit] = 0
    mean[rows, pos, unit] = other[rows, pos, unit].mean(0)
    shifted[rows, pos, unit] = other[rows, pos - 1, unit]
    back, last = other.clone(), torch.full_like(pos, length - 1)
    back[rows, pos, unit] = x[rows, pos, unit]
    return {
        f"the unit is head % units, as if they took turns: the {near}": _put(
            x, other, head % units, pos
        ),
        f"the unit has the head's own number: with shared keys and values the {near}": _put(
            x, other, min(head, units - 1), pos
        ),
        f"unit 0 is taken for every head: the {near}": _put(x, other, 0, pos),
        f"the last unit is taken for every head: the {near}": _put(x, other, units - 1, pos),
        "every position is replaced: only pos[i] of prompt i": everywhere,
        "each prompt is changed at the other prompts' positions too: take pairs, "
        "x[torch.arange(batch), pos]": crossed,
        "every unit is replaced: only the one that the head uses": every_unit,
        "the first prompt's position is taken for every prompt: pos[i] is prompt i's": _put(
            x, other, unit, pos[:1].expand_as(pos)
        ),
        "the last position is replaced, whatever `pos` says": _put(x, other, unit, last),
        "nothing is replaced: put other's vector into the copy, and return it": x,
        "all of `other` comes back: only one vector of each prompt is replaced": other,
        "x and other are exchanged: the vector of OTHER goes into a copy of x": back,
        "other's vector is added: put it in x's place": added,
        "the vector is set to zero: put other's there": zeroed,
        "every prompt gets the mean over the prompts: each gets other's own": mean,
        "the vector comes from one position earlier: from pos[i] itself": shifted,
        "only the first prompt is changed: all of them": torch.cat([right[:1], x[1:]]),
    }


@exercise
def swap_attention(attempt: Attempt) -> None:
    """`(pattern, hook, head, end, one, two) -> pattern`, two keys exchanged for one query."""
    cases = Cases("prompt", "head", "query", "key")
    for seed, (batch, heads, pos, head) in enumerate(
        ((4, 3, 8, 1), (3, 2, 7, 0), (1, 4, 5, 3), (2, 1, 6, 0))
    ):
        generator = torch.Generator().manual_seed(seed)
        pattern, end = _patterns(batch, heads, pos, generator), _ends(batch, pos, 3)
        one, two = _distinct(end, 2, generator).T
        with cases.case():
            _compare_swaps(attempt, pattern, head, end, one, two, cases)


def _exchanged(
    pattern: Tensor, head: int, end: Tensor, one: Tensor, two: Tensor
) -> Float[Tensor, "batch head query key"]:
    out, rows = pattern.clone(), torch.arange(len(pattern))
    out[rows, head, end, one] = pattern[rows, head, end, two]
    out[rows, head, end, two] = pattern[rows, head, end, one]
    return out


def _compare_swaps(
    attempt: Attempt,
    pattern: Tensor,
    head: int,
    end: Tensor,
    one: Tensor,
    two: Tensor,
    cases: Cases,
) -> None:
    right = _exchanged(pattern, head, end, one, two)
    given = pattern, None, head, end, one, two
    attempt.expect(right, *given)
    result = attempt(*given)
    if isinstance(result, Tensor) and result.shape == pattern[:, 0].shape != pattern.shape:
        raise Wrong("one head's attention comes back: return the pattern of all heads")
    found = attempt.tensor(*given, shape=tuple(pattern.shape), axes="(batch, head, query, key)")
    differs = first_apart(found, right, 3)
    i, h, q, k = differs.at
    hint = (
        f"in prompt {i} head {h} should give {differs.right} of query {q}'s attention to key {k}, "
        f"and yours gives {differs.found}; there END is {int(end[i])}, and the two keys are "
        f"{int(one[i])} and {int(two[i])} of head {head}"
    )
    cases.judge(found, right, _wrong_swaps(pattern, head, end, one, two), hint)


def _wrong_swaps(
    pattern: Tensor, head: int, end: Tensor, one: Tensor, two: Tensor
) -> Mapping[str, Tensor]:
    batch, heads, pos = pattern.shape[:3]
    rows, right = torch.arange(batch), _exchanged(pattern, head, end, one, two)
    at_one, at_two = pattern[rows, head, end, one], pattern[rows, head, end, two]

    def row(new_one: Tensor | float, new_two: Tensor | float) -> Tensor:
        """The pattern with other values at the two keys."""
        out = pattern.clone()
        out[rows, head, end, one], out[rows, head, end, two] = (
            torch.as_tensor(new_one, dtype=out.dtype),
            torch.as_tensor(new_two, dtype=out.dtype),
        )
        return out

    every_head = pattern
    for h in range(heads):
        every_head = _exchanged(every_head, h, end, one, two)
    every_query, keys_only, in_columns = (pattern.clone() for _ in range(3))
    every_query[rows, head, :, one] = pattern[rows, head, :, two]
    every_query[rows, head, :, two] = pattern[rows, head, :, one]
    keys_only[rows, head, one] = pattern[rows, head, two]
    keys_only[rows, head, two] = pattern[rows, head, one]
    in_columns[rows, head, one, end] = pattern[rows, head, two, end]
    in_columns[rows, head, two, end] = pattern[rows, head, one, end]
    last = torch.full_like(end, pos - 1)
    lost = (
        "the first assignment has overwritten what the second one reads, so both keys have the "
        "same attention: keep one of them first, or read from the original"
    )
    return {
        lost: row(at_two, at_two),
        f"{lost} ": row(at_one, at_one),
        "the attention is moved, not exchanged: the key that loses it gets the other's": row(
            0.0, at_one + at_two
        ),
        "the attention is moved, not exchanged: the key that loses it gets the other's ": row(
            at_one + at_two, 0.0
        ),
        "both keys have lost their attention: exchange the two": row(0.0, 0.0),
        "both keys have the mean of the two: exchange them": row(
            (at_one + at_two) / 2, (at_one + at_two) / 2
        ),
        "every head's attention is exchanged: only that of `head`": every_head,
        "every query's attention is exchanged: only that of END": every_query,
        "the queries at the two positions are exchanged: the KEYS, for the query at END": keys_only,
        "query and key are exchanged: pattern[i, head, end[i], key]": in_columns,
        "the query is the last position: each prompt's own END is end[i]": _exchanged(
            pattern, head, last, one, two
        ),
        "the first prompt's END is taken for every prompt: each has its own END, end[i]": (
            _exchanged(pattern, head, end[:1].expand_as(end), one, two)
        ),
        "the first prompt's keys are taken for every prompt: one[i] and two[i]": _exchanged(
            pattern, head, end, one[:1].expand_as(one), two[:1].expand_as(two)
        ),
        "head 0 is changed, whatever `head` says": _exchanged(pattern, 0, end, one, two),
        "nothing is exchanged: return the changed copy": pattern,
        "only the first prompt is changed: all of them": torch.cat([right[:1], pattern[1:]]),
        "the row is scaled after the exchange: it adds up to what it did before": (
            right / right.sum(2, keepdim=True)
        ),
    }


@exercise
def writes_against(attempt: Attempt) -> None:
    """`(written [n, d_model], W_U [d_model, vocab], tokens [n], k) -> [n]`, True or False."""
    cases = Cases("row")
    for seed, (n, d_model, vocab, k) in enumerate(
        ((60, 4, 15, 4), (30, 3, 11, 1), (40, 5, 7, 2), (1, 2, 6, 4))
    ):
        generator = torch.Generator().manual_seed(seed)
        w_u = torch.randn(d_model, vocab, generator=generator)
        tokens = torch.randint(0, vocab, (n,), generator=generator)
        # half of the rows are written against their token, so that both answers come up
        sign = 1.0 - 2.0 * (torch.arange(n) % 2 == 0)
        noise = torch.randn(n, d_model, generator=generator)
        written = 0.7 * sign[:, None] * w_u[:, tokens].T + noise
        with cases.case():
            _compare_against(attempt, written, w_u, tokens, k, cases)


def _compare_against(
    attempt: Attempt, written: Tensor, w_u: Tensor, tokens: Tensor, k: int, cases: Cases
) -> None:
    n = len(tokens)
    right = _lowest(written @ w_u, tokens, k)
    given = written, w_u, tokens, k
    attempt.expect(right, *given)
    _explain_against(attempt(*given), written, w_u, n, k)
    found = attempt.tensor(*given, shape=(n,), axes="(n)")
    if found.dtype != torch.bool and not bool(((found == 0) | (found == 1)).all()):
        raise Wrong(
            "return True or False for each row: is the token's own logit among the k lowest?"
        )
    found = found.double()
    row = int((found != right).double().argmax())
    below = int((written[row] @ w_u < written[row] @ w_u[:, tokens[row]]).sum())
    hint = (
        f"for row {row} the answer should be {bool(right[row])}, since {below} of the logits lie "
        f"below the token's own and k is {k}"
    )
    wrong = {
        sentence: value.double()
        for sentence, value in _wrong_against(written, w_u, tokens, k).items()
    }
    cases.judge(found, right.double(), wrong, hint)


def _lowest(logits: Tensor, tokens: Tensor, k: int) -> Tensor:
    """Whether each row's token is among its k lowest logits."""
    own = logits.gather(1, tokens[:, None])
    return (logits < own).sum(1) < k


def _explain_against(result: Any, written: Tensor, w_u: Tensor, n: int, k: int) -> None:
    if isinstance(result, list | tuple):
        raise Wrong(f"return a tensor, not {type(result).__name__}: torch.tensor makes one")
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if n > 1 and (shape == () or isinstance(result, float | int)):
        raise Wrong("one number comes back: return True or False, one for each row")
    if shape == (n, k) and k > 1:
        raise Wrong("the k lowest tokens of each row come back: is the row's own among them?")
    if shape == (n, w_u.shape[1]):
        raise Wrong("one value for each token of the vocabulary: ask for the row's own token")


def _wrong_against(written: Tensor, w_u: Tensor, tokens: Tensor, k: int) -> Mapping[str, Tensor]:
    logits = written @ w_u
    right, own = _lowest(logits, tokens, k), logits.gather(1, tokens[:, None])
    n, vocab = logits.shape
    unit = w_u / w_u.norm(dim=0)
    turned = logits.argsort(1).gather(1, tokens[:, None])[:, 0]
    return {
        "this asks for the k highest logits: a head that writes against a token makes its logit "
        "one of the lowest": _lowest(-logits, tokens, k),
        "this is True for the k + 1 lowest: as many as k logits may not lie below the token's": (
            _lowest(logits, tokens, k + 1)
        ),
        "this is True for the k - 1 lowest: fewer than k logits lie below the token's own": (
            _lowest(logits, tokens, k - 1)
        ),
        "this asks whether the logit is below zero: is it among the k lowest of its row?": (
            own[:, 0] < 0
        ),
        "this asks for the logits nearest zero: no absolute value, the lowest are negative": (
            _lowest(logits.abs(), tokens, k)
        ),
        "this asks for the logits farthest from zero: no absolute value": (
            _lowest(-logits.abs(), tokens, k)
        ),
        "every row is asked for the first token: row i has its own, tokens[i]": _lowest(
            logits, tokens[:1].expand_as(tokens), k
        ),
        "k is not used, and only the lowest counts: the k lowest": _lowest(logits, tokens, 1),
        "the answers are turned round: True where the token IS among the lowest": ~right,
        "this asks whether the logit is below the mean of its row: is it among the k lowest?": (
            own[:, 0] < logits.mean(1)
        ),
        "the lowest are looked for among the rows: compare the token with the other tokens of its "
        "own row": (logits < logits.max(1, keepdim=True).values).sum(1) < 0
        if n == 1
        else _among_rows(logits, tokens, k),
        "argsort was read as a rank: argsort(...)[token] is the token in that place; the rank is "
        "how many lie below": turned < k,
        "the columns of W_U are scaled to length 1: use them as they are": _lowest(
            written @ unit, tokens, k
        ),
        "every row is False: count how many logits lie below the token's own": (
            torch.zeros(n, dtype=torch.bool)
        ),
        "every row is True: count how many logits lie below the token's own": (
            torch.ones(n, dtype=torch.bool)
        ),
        "this asks for the lower half: the k lowest": _lowest(logits, tokens, vocab // 2),
    }


def _among_rows(logits: Tensor, tokens: Tensor, k: int) -> Tensor:
    own = logits.gather(1, tokens[:, None])[:, 0]
    return torch.stack([(logits[:, t] < x).sum() < k for t, x in zip(tokens, own, strict=True)])


@exercise
def order_gap(attempt: Attempt) -> None:
    """`(values [batch], first [batch]) -> (gap, half)`: of two groups' means, with its interval."""
    cases = Cases()
    for seed, (n_first, n_second) in enumerate(((6, 9), (4, 4), (12, 3), (2, 5))):
        generator = torch.Generator().manual_seed(seed)
        first = torch.zeros(n_first + n_second, dtype=torch.bool)
        first[torch.randperm(len(first), generator=generator)[:n_first]] = True
        noise = torch.randn(len(first), generator=generator)
        values = torch.where(first, 3.0 + 2.0 * noise, 1.2 + 3.5 * (seed % 2) - 0.7 * noise)
        with cases.case():
            _compare_gaps(attempt, values, first, cases)


def _compare_gaps(attempt: Attempt, values: Tensor, first: Tensor, cases: Cases) -> None:
    right = _gap(values, first)
    attempt.expect(tuple(right.tolist()), values, first)
    found = _two(attempt(values, first))
    hint = (
        f"the gap should be {right[0]:.3f} and half of its interval {right[1]:.3f}; yours are "
        f"{found[0]:.3f} and {found[1]:.3f}"
    )
    cases.judge(found, right, _wrong_gaps(values, first, right), hint)


def _gap(values: Tensor, first: Tensor) -> Float[Tensor, "two"]:
    a, b = values[first], values[~first]
    return torch.stack([a.mean() - b.mean(), 1.96 * (a.var() / len(a) + b.var() / len(b)).sqrt()])


def _two(result: Any) -> Float[Tensor, "two"]:
    """The two numbers that an answer returned."""
    if result is None:
        raise Wrong("your function returns None: is the return statement missing?")
    if isinstance(result, float) or (isinstance(result, Tensor) and result.ndim == 0):
        raise Wrong("one number comes back: return two, the gap and half of its interval")
    if isinstance(result, Tensor) and result.shape != (2,):
        raise Wrong(f"return two numbers; yours has shape {tuple(result.shape)}")
    if not isinstance(result, tuple | list | Tensor) or len(result) != 2:
        raise Wrong("return two numbers: the gap, and half of its interval")
    parts = [torch.as_tensor(part, dtype=torch.float64) for part in result]
    if any(part.ndim for part in parts):
        raise Wrong("return two numbers: take the mean over the prompts of each order")
    if not bool(torch.isfinite(torch.stack(parts)).all()):
        raise Wrong("one of the two is NaN or infinite: is something divided by zero?")
    return torch.stack(parts).float()


def _wrong_gaps(values: Tensor, first: Tensor, right: Tensor) -> Mapping[str, Tensor]:
    a, b = values[first], values[~first]
    gap, half, n = right[0], right[1], len(values)
    one, other = a.std() / len(a) ** 0.5, b.std() / len(b) ** 0.5
    plain = (
        (a - a.mean()).square().mean() / len(a) + (b - b.mean()).square().mean() / len(b)
    ).sqrt()

    def with_half(value: Tensor | float) -> Tensor:
        return torch.stack([gap, torch.as_tensor(value, dtype=gap.dtype)])

    def with_gap(value: Tensor) -> Tensor:
        return torch.stack([value, half])

    return {
        "the sign is wrong: this is BABA minus ABBA": with_gap(-gap),
        "the sign is lost: take no absolute value, it says which order has more": with_gap(
            gap.abs()
        ),
        "this is the gap of the medians: take means": with_gap(a.median() - b.median()),
        "these are sums: take the mean of each order": with_gap(a.sum() - b.sum()),
        "this is the mean over both orders: subtract one order's mean from the other's": with_gap(
            values.mean()
        ),
        "this is ABBA's mean alone: subtract that of BABA": with_gap(a.mean()),
        "this is a ratio: subtract": with_gap(a.mean() / b.mean()),
        "the standard error is that of all prompts together, which counts the gap as spread: "
        "each order has its own": with_half(1.96 * values.std() / n**0.5),
        "the two standard errors are added: add up their squares, and take the root": with_half(
            1.96 * (one + other)
        ),
        "the root of the mean of the squares is taken: add them up": with_half(half / 2**0.5),
        "this is one standard error: half of a 95 % interval is 1.96 of them": with_half(
            half / 1.96
        ),
        "this is the whole width: return half of it": with_half(2 * half),
        "the variances are not divided by the number of prompts of their order": with_half(
            1.96 * (a.var() + b.var()).sqrt()
        ),
        "the root is missing: the sum of var / n is a variance": with_half(
            1.96 * (half / 1.96).square()
        ),
        "both variances are divided by the number of all prompts: each by its own order's": (
            with_half(1.96 * ((a.var() + b.var()) / n).sqrt())
        ),
        "the standard deviations are divided by n, not by its root": with_half(
            1.96 * ((a.std() / len(a)).square() + (b.std() / len(b)).square()).sqrt()
        ),
        "the variances divide by n: by n - 1, as var() does": with_half(1.96 * plain),
        "only ABBA's spread is counted: add that of BABA": with_half(1.96 * one),
        "only BABA's spread is counted: add that of ABBA": with_half(1.96 * other),
        "the variances are subtracted: what is uncertain adds up": with_half(
            1.96 * (one.square() - other.square()).abs().sqrt()
        ),
        "this is the 99 % interval: 1.96 standard errors, not 2.58": with_half(half / 1.96 * 2.58),
        "these are the bounds of the interval: return the gap and half of the interval's width": (
            torch.stack([gap - half, gap + half])
        ),
        "the two are exchanged: first the gap, then half of its interval": right.flip(0),
    }
