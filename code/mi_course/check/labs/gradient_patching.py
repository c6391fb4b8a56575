"""Checks on patching by gradient: metrics of pairs, the estimate, how straight it is, circuits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import Cases, named
from mi_course.check.week3.stand_in import Pair, TinyModel


@exercise
def pair_metrics(attempt: Attempt) -> None:
    """`(io [batch], s [batch]) -> list of functions`, one for each pair: logits -> number."""
    cases = Cases()
    for batch, n_pos, vocab in ((3, 5, 7), (1, 2, 4), (4, 6, 9)):
        with cases.case():
            _compare_metrics(attempt, batch, n_pos, vocab)


def _compare_metrics(attempt: Attempt, batch: int, n_pos: int, vocab: int) -> None:
    generator = torch.Generator().manual_seed(batch)
    io = torch.randperm(vocab, generator=generator)[:batch]
    s = (io + 1 + torch.arange(batch) % (vocab - 2)) % vocab
    metrics = attempt(io, s)
    if not isinstance(metrics, list | tuple) or not all(map(callable, metrics)):
        kind = type(metrics).__name__
        raise Wrong(f"return a list of functions, one for each pair, not {kind}")
    if len(metrics) != batch:
        raise Wrong(f"your list should hold {batch} functions, one for each pair: {len(metrics)}")
    logits = torch.randn(batch, 1, n_pos, vocab, generator=generator)
    found = []
    for i, metric in enumerate(metrics):
        value, slope = Attempt(_with_slope(metric))(logits[i])
        _explain_value(value, slope, i)
        found.append(value.detach())
    right = torch.stack([x[0, -1, a] - x[0, -1, b] for x, a, b in zip(logits, io, s, strict=True)])
    values = torch.stack(found)
    if close(values, right):
        return
    differs = int((values - right).abs().argmax())
    hint = (
        f"the function of pair {differs} should give {right[differs]:.3f} for its logits, and "
        f"yours gives {values[differs]:.3f}"
    )
    raise Wrong(named(values, _metric_mistakes(logits, io, s), right) or hint, symptom=hint)


def _with_slope(metric: Callable[..., Any]) -> Callable[[Tensor], tuple[Any, Tensor | None]]:
    """A metric's value, and its derivative by the logits where it has one."""

    def run(logits: Tensor) -> tuple[Any, Tensor | None]:
        with torch.enable_grad():
            given = logits.clone().requires_grad_()
            try:
                value = metric(given)
            except IndexError:
                _explain_row(metric, given)
                raise
            if not isinstance(value, Tensor) or not value.requires_grad or value.ndim:
                return value, None
            return value, torch.autograd.grad(value, given)[0]

    return run


def _explain_row(metric: Callable[..., Any], logits: Tensor) -> None:
    """Refuse a metric that reads its pair's row of a batch, which it is never given."""
    try:
        metric(logits.expand(99, -1, -1))
    except IndexError:
        return
    raise Wrong(
        "a function reads another row than 0 of the logits: it is given one prompt's, of shape "
        "(1, pos, vocab)"
    )


def _explain_value(value: Any, slope: Tensor | None, pair: int) -> None:
    if value is None:
        raise Wrong(f"the function of pair {pair} returns None: return the difference")
    if not isinstance(value, Tensor):
        raise Wrong(
            "a function gives a plain number, and no gradient flows through that: return the "
            "tensor, without .item()",
            symptom=f"the function of pair {pair} returns {type(value).__name__}",
        )
    if value.ndim:
        shape = tuple(value.shape)
        raise Wrong(
            f"a function's result has shape {shape}: the library wants a single number, shape (); "
            "pick row 0 of the logits",
            symptom=f"the function of pair {pair} should give shape (), and yours gives {shape}",
        )
    if slope is None:
        raise Wrong("no gradient flows through the result: work on the logits, without detach()")


def _metric_mistakes(logits: Tensor, io: Tensor, s: Tensor) -> dict[str, Tensor]:
    def all_of(metric: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        return torch.stack([metric(x[0], a, b) for x, a, b in zip(logits, io, s, strict=True)])

    last = torch.stack([x[0, -1, io[-1]] - x[0, -1, s[-1]] for x in logits])
    first = torch.stack([x[0, -1, io[0]] - x[0, -1, s[0]] for x in logits])
    right = all_of(lambda x, a, b: x[-1, a] - x[-1, b])
    return {
        "every function takes the last pair's names, since it looks the loop's variable up when it "
        "is called: bind it when the function is made, as in `lambda logits, a=a, b=b:`": last,
        "every function takes the first pair's names: each has its own": first,
        "the sign is wrong: IO minus S": -right,
        "these are differences of probabilities: take the logits as they are": all_of(
            lambda x, a, b: x[-1].softmax(-1)[a] - x[-1].softmax(-1)[b]
        ),
        "the logits are read at the first position: the answer is at the last": all_of(
            lambda x, a, b: x[0, a] - x[0, b]
        ),
        "the logits are averaged over the positions: the answer is at the last": all_of(
            lambda x, a, b: x[:, a].mean() - x[:, b].mean()
        ),
        "the logit of S is not subtracted: return the difference": all_of(lambda x, a, b: x[-1, a]),
        "the difference is added up over the positions: the answer is at the last": all_of(
            lambda x, a, b: x[:, a].sum() - x[:, b].sum()
        ),
    }


@exercise
def linear_estimate(attempt: Attempt) -> None:
    """`(clean, corrupted, gradient) -> [batch, head]`, each [batch, pos, head, d_head]."""
    cases = Cases("prompt", "head")
    for shape in ((2, 5, 3, 4), (4, 3, 2, 5), (1, 2, 4, 3)):
        with cases.case():
            generator = torch.Generator().manual_seed(shape[1])
            given = [torch.randn(shape, generator=generator) for _ in range(3)]
            found = attempt.tensor(*given, shape=(shape[0], shape[2]), axes="(batch, head)")
            clean, corrupted, gradient = given
            right = ((clean - corrupted) * gradient).sum((1, 3))
            attempt.expect(right, *given)
            one, yours = right[0, 0], found[0, 0]
            hint = f"head 0 of prompt 0 should get {one:.3f}, and yours is {yours:.3f}"
            cases.judge(found, right, _estimate_mistakes(*given), hint)


def _estimate_mistakes(clean: Tensor, corrupted: Tensor, gradient: Tensor) -> dict[str, Tensor]:
    change = clean - corrupted
    each = change * gradient
    right = each.sum((1, 3))
    return {
        "this goes the wrong way: from corrupted to clean is clean minus corrupted": -right,
        "this is the gradient alone: times how far the activation moves": gradient.sum((1, 3)),
        "this is the change alone: times the gradient": change.sum((1, 3)),
        "corrupted is not subtracted: the gradient is times the change of the activation": (
            (clean * gradient).sum((1, 3))
        ),
        "the mean over positions and dimensions is taken: they add up": each.mean((1, 3)),
        "the mean over positions is taken: what a head does at each position adds up": (
            each.sum(3).mean(1)
        ),
        "the mean over the head's dimensions is taken: they add up": each.mean(3).sum(1),
        "this is the last position alone: the head is patched at all positions": (
            each[:, -1].sum(-1)
        ),
        "the lengths of two vectors are multiplied: their directions count, take the dot product": (
            (change.norm(dim=-1) * gradient.norm(dim=-1)).sum(1)
        ),
        "absolute values are added up over positions: gains and losses cancel, keep the signs": (
            each.sum(3).abs().sum(1)
        ),
        "absolute values of every product are added up: keep the signs": each.abs().sum((1, 3)),
        "the absolute value is returned: keep the sign": right.abs(),
        "sums of change and gradient are multiplied: multiply first, then add up": (
            change.sum((1, 3)) * gradient.sum((1, 3))
        ),
    }


class _PartWay:
    """A run on corrupted prompts, and what stands at a hook point in two runs."""

    def __init__(self, n_layers: int, point: str, batch: int, n_pos: int) -> None:
        model = TinyModel(n_layers, n_heads=3, d_head=4, d_model=10, vocab=11, seed=batch)
        generator = torch.Generator().manual_seed(n_pos)
        before, after = torch.randint(0, 11, (2, batch, n_pos), generator=generator)
        names, rows = torch.randint(0, 11, (2, batch), generator=generator), torch.arange(batch)
        self.name, layer = f"blocks.{n_layers - 1}.{point}", n_layers - 1
        self.corrupted, self.clean = (model.keep(x, point)[layer] for x in (before, after))

        def run(pairs: list[Pair]) -> Tensor:
            logits = model(before, pairs)[:, -1]
            return logits[rows, names[0]] - logits[rows, names[1]]

        self.run = run

    def at(self, value: Tensor) -> Float[Tensor, "batch"]:
        """What the run gives with this at the hook point."""
        return self.run([(self.name, lambda x, hook: value)])


@exercise
def part_way(attempt: Attempt) -> None:
    """`(run, name, corrupted, clean, shares) -> [share, batch]`, one run for each share."""
    cases = Cases("share", "prompt")
    for sizes, shares in (
        ((2, "attn.hook_z", 3, 5), [0.0, 0.25, 1.0]),
        ((1, "hook_mlp_out", 4, 3), [0.5, 0.1]),
        ((3, "attn.hook_z", 1, 4), [0.0, 0.3, 0.6, 0.9]),
    ):
        with cases.case():
            _compare_part_way(attempt, _PartWay(*sizes), shares, cases)


def _compare_part_way(attempt: Attempt, task: _PartWay, shares: list[float], cases: Cases) -> None:
    given = task.run, task.name, task.corrupted, task.clean, shares
    batch, change = len(task.clean), task.clean - task.corrupted
    result = attempt(*given)
    if isinstance(result, Tensor) and result.shape == (len(shares),) != (len(shares), batch):
        raise Wrong(
            "return what `run` gives, one for each prompt, not their mean: shape (share, batch)"
        )
    found = attempt.tensor(*given, shape=(len(shares), batch), axes="(share, batch)")
    right = torch.stack([task.at(task.corrupted + t * change) for t in shares])
    share = float((found - right).abs().sum(1).argmax())
    hint = (
        f"with the share {shares[int(share)]} prompt 0 should give {right[int(share), 0]:.3f}, and "
        f"yours gives {found[int(share), 0]:.3f}"
    )
    cases.judge(found, right, _part_way_mistakes(task, shares), hint)


def _part_way_mistakes(task: _PartWay, shares: list[float]) -> dict[str, Tensor]:
    change = task.clean - task.corrupted

    def all_at(value: Callable[[float], Tensor]) -> Tensor:
        return torch.stack([task.at(value(t)) for t in shares])

    before, after = task.run([]), task.at(task.clean)
    steps = torch.tensor(shares)[:, None]
    total = sum(shares)
    return {
        "this goes from clean to corrupted: share 0 is the corrupted run": all_at(
            lambda t: task.clean - t * change
        ),
        "the difference alone is put in: add it to corrupted": all_at(lambda t: t * change),
        "every run takes the last share, since the hook looks `t` up when it runs: bind it when "
        "the hook is made, with partial or `t=t`": all_at(
            lambda t: task.corrupted + shares[-1] * change
        ),
        "all shares are put in together: one run for each": all_at(
            lambda t: task.corrupted + total * change
        ),
        "the activation is the share times clean: the rest of it is corrupted": all_at(
            lambda t: t * task.clean
        ),
        "clean is added to corrupted: add the share of their difference": all_at(
            lambda t: task.corrupted + t * task.clean
        ),
        "nothing is replaced: does the hook return the changed activation?": before.expand(
            len(shares), -1
        ),
        "the whole of clean is put in at every share": after.expand(len(shares), -1),
        "the two runs' results are mixed: mix the activations, and run the model": (
            before + steps * (after - before)
        ),
        "the change of the result is returned: return what `run` gives": (
            all_at(lambda t: task.corrupted + t * change) - before
        ),
        "the shares come in reverse": all_at(lambda t: task.corrupted + t * change).flip(0),
        "the difference is added twice: `corrupted` has none of it yet": all_at(
            lambda t: task.corrupted + 2 * t * change
        ),
    }


@exercise
def strongest_edges(attempt: Attempt) -> None:
    """`(scores: list of {edge: score}, k) -> list of k edges`, farthest from zero first."""
    cases = Cases()
    for n_pairs, n_edges, k in ((3, 8, 3), (1, 5, 2), (4, 12, 5), (2, 3, 3)):
        with cases.case():
            _compare_edges(attempt, n_pairs, n_edges, k)


def _compare_edges(attempt: Attempt, n_pairs: int, n_edges: int, k: int) -> None:
    generator = torch.Generator().manual_seed(n_edges)
    table = torch.randn(n_pairs, n_edges, generator=generator)
    table[:, 0] = -2.5 - torch.arange(n_pairs) / 10  # strong, and against the answer
    if n_pairs > 1:  # strong in each pair, and nothing in the mean
        table[:, 1] = 4.0 * torch.where(torch.arange(n_pairs) % 2 == 0, 1.0, -1.0)
        table[-1, 1] -= table[:, 1].sum() - 0.05
    edges = [(f"head {i}", f"reader {i % 3}") for i in range(n_edges)]
    scores = [dict(zip(edges, row, strict=True)) for row in table.tolist()]
    found = attempt(scores, k)
    _explain_list(found, edges, k)
    right = _ranked(edges, table.mean(0).abs(), k)
    if list(found) == right:
        return
    place = next(i for i, (a, b) in enumerate(zip(found, right, strict=True)) if a != b)
    hint = f"edge {place} of the list should be {right[place]}, and yours is {found[place]}"
    ways = _edge_mistakes(edges, table, k)
    fitting = [told for told, wrong in ways.items() if wrong == list(found) != right]
    raise Wrong(fitting[0] if len(fitting) == 1 else _either(fitting) or hint, symptom=hint)


def _either(fitting: list[str]) -> str:
    return "; or: ".join(fitting[:2])


def _explain_list(found: Any, edges: list[tuple[str, str]], k: int) -> None:
    if not isinstance(found, list | tuple):
        raise Wrong(f"return a list of edges, not {type(found).__name__}")
    with_scores = [
        one for one in found if isinstance(one, list | tuple) and one and one[0] in edges
    ]
    if with_scores:
        raise Wrong("the list holds the edges with their scores: the edges alone")
    if unknown := [one for one in found if one not in edges]:
        raise Wrong(f"{unknown[0]!r} is none of the edges: return keys of the dictionaries")
    if len(found) != k:
        raise Wrong(
            f"the list has {len(found)} edges: k of them, by their mean over all pairs",
            symptom=f"the list should hold k = {k} edges, and yours holds {len(found)}",
        )
    if len(set(found)) < k:
        raise Wrong("an edge stands in the list twice: each is ranked once, by its mean")


def _ranked(edges: list[tuple[str, str]], by: Tensor, k: int) -> list[tuple[str, str]]:
    return [edges[i] for i in by.argsort(descending=True).tolist()[:k]]


def _edge_mistakes(
    edges: list[tuple[str, str]], table: Tensor, k: int
) -> dict[str, list[tuple[str, str]]]:
    mean = table.mean(0)
    right = _ranked(edges, mean.abs(), k)
    return {
        "the mean of absolute scores ranks the edges: an edge that helps in one pair and harms in "
        "another cancels, so take the mean first": _ranked(edges, table.abs().mean(0), k),
        "the largest means come first, and negative ones never: rank by distance from zero": (
            _ranked(edges, mean, k)
        ),
        "the most negative means come first: rank by distance from zero": _ranked(edges, -mean, k),
        "the order is turned round: farthest from zero first": right[::-1],
        "the weakest edges are returned: those farthest from zero": _ranked(edges, -mean.abs(), k),
        "only the first pair decides: take the mean over all pairs": _ranked(
            edges, table[0].abs(), k
        ),
        "only the last pair decides: take the mean over all pairs": _ranked(
            edges, table[-1].abs(), k
        ),
        "the largest score in any pair ranks the edges: take the mean over all pairs": _ranked(
            edges, table.abs().amax(0), k
        ),
        "the edges come in the order of the dictionary: rank them": edges[:k],
        "the median ranks the edges: take the mean": _ranked(
            edges, table.median(0).values.abs(), k
        ),
    }


@exercise
def recovered_share(attempt: Attempt) -> None:
    """`(alone, corrupted, clean) -> (share of the mean gap [], each prompt's share [batch])`."""
    cases = Cases()
    for batch in (5, 1, 4):
        with cases.case():
            generator = torch.Generator().manual_seed(batch)
            alone, corrupted, clean = torch.randn(3, batch, generator=generator)
            clean = corrupted + 1.5 + clean.abs() * torch.arange(1, batch + 1)
            _compare_shares(attempt, alone + 1, corrupted, clean)


def _compare_shares(attempt: Attempt, alone: Tensor, corrupted: Tensor, clean: Tensor) -> None:
    result = attempt(alone, corrupted, clean)
    if not isinstance(result, list | tuple) or len(result) != 2:
        raise Wrong("return two: the share of the mean gap, and each prompt's own")
    whole, each = (torch.as_tensor(part).float() for part in result)
    if whole.ndim and not each.ndim:
        raise Wrong("the two are exchanged: first the share of the mean gap")
    for told, part, shape in (
        ("the share of the mean gap", whole, ()),
        ("each prompt's share", each, (len(alone),)),
    ):
        if tuple(part.shape) != shape:
            raise Wrong(f"{told} has shape {tuple(part.shape)}; expected {shape}")
    right = _shares(alone, corrupted, clean)
    found = torch.cat([whole[None], each])
    if close(found, right):
        return
    hint = (
        f"the two should be {right[0]:.3f} and, for prompt 0, {right[1]:.3f}; yours are "
        f"{found[0]:.3f} and {found[1]:.3f}"
    )
    known = _share_mistakes(alone, corrupted, clean)
    raise Wrong(named(found, known, right) or hint, symptom=hint)


def _shares(alone: Tensor, corrupted: Tensor, clean: Tensor) -> Float[Tensor, "1+batch"]:
    reached, gap = alone - corrupted, clean - corrupted
    return torch.cat([(reached.mean() / gap.mean())[None], reached / gap])


def _share_mistakes(alone: Tensor, corrupted: Tensor, clean: Tensor) -> dict[str, Tensor]:
    reached, gap = alone - corrupted, clean - corrupted
    right = _shares(alone, corrupted, clean)
    whole, each = right[:1], right[1:]
    own = reached / gap.mean()
    nothing = torch.zeros_like(alone)
    return {
        "the first is the mean of the shares, in which a pair with a small gap counts as much as "
        "any: divide the mean of what is recovered by the mean gap": (
            torch.cat([each.mean()[None], each])
        ),
        "corrupted is not subtracted: the share is of the way from corrupted to clean": _shares(
            alone, nothing, clean
        ),
        "corrupted is not subtracted from clean: the gap is clean minus corrupted": torch.cat(
            [(reached.mean() / clean.mean())[None], reached / clean]
        ),
        "corrupted is not subtracted from alone: a circuit that does nothing has the share 0": (
            torch.cat([(alone.mean() / gap.mean())[None], alone / gap])
        ),
        "this is the share that is lost: that which is recovered is 1 minus it": 1 - right,
        "the first is what is recovered, and the second what is lost: both are recovered": (
            torch.cat([whole, 1 - each])
        ),
        "the first is what is lost, and the second what is recovered: both are recovered": (
            torch.cat([1 - whole, each])
        ),
        "the shares are cut off to lie between 0 and 1: a circuit may overshoot, or do harm": (
            right.clamp(0, 1)
        ),
        "each prompt's share is cut off to lie between 0 and 1: a circuit may overshoot": (
            torch.cat([whole, each.clamp(0, 1)])
        ),
        "each prompt is divided by the mean gap: by its own gap": torch.cat(
            [own.mean()[None], own]
        ),
        "these are percent: return shares, 1 for the whole gap": 100 * right,
        "the first is the median of the shares: divide the means": torch.cat(
            [each.median()[None], each]
        ),
        "the sign is turned: from corrupted, 0, to clean, 1": -right,
    }
