"""Checks on knock-outs: by mean or resampling, the faithfulness of a circuit, self-repair."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import Cases, named
from mi_course.check.numerals import first_apart
from mi_course.check.week3.stand_in import Pair, TinyModel

Head = tuple[int, int]
PARTS = ("written", "lost", "replacements", "heads", "mlps", "norm")
"""The parts of `self_repair`, in the order in which they are judged."""


class _KnockOut:
    """A run whose heads are to be knocked out, and what other prompts' heads wrote."""

    def __init__(self, n_layers: int, n_heads: int, batch: int, n_pos: int) -> None:
        model = TinyModel(n_layers, n_heads, d_head=4, d_model=10, vocab=11, seed=batch)
        generator = torch.Generator().manual_seed(n_pos)
        clean, other = torch.randint(0, 11, (2, batch, n_pos), generator=generator)
        right, wrong = torch.randint(0, 11, (2, batch), generator=generator)
        wrong = torch.where(wrong == right, (wrong + 1) % 11, wrong)
        self.source, rows = model.keep(other, "attn.hook_z"), torch.arange(batch)

        def run(pairs: list[Pair]) -> Tensor:
            logits = model(clean, pairs)[:, -1]
            return logits[rows, right] - logits[rows, wrong]

        self.run = run

    def at_own_means(self, heads: list[Head]) -> Float[Tensor, "batch"]:
        """What the run gives with heads at the mean over the prompts of the run itself."""

        def pair(layer: int, head: int) -> Pair:
            def put(x: Tensor, hook: Any) -> Tensor:
                x = x.clone()
                x[:, :, head] = x[:, :, head].mean(0)
                return x

            return f"blocks.{layer}.attn.hook_z", put

        return self.run([pair(*head) for head in heads])

    def without(self, heads: list[Head], z: Tensor, *, end: bool = False) -> Float[Tensor, "batch"]:
        """What the run gives with heads at `z`, [layer, #batch, #pos, head, d_head]."""

        def pair(layer: int, head: int) -> Pair:
            def put(x: Tensor, hook: Any) -> Tensor:
                x, at = x.clone(), slice(-1 if end else 0, None)
                x[:, at, head] = z[layer].expand_as(x)[:, at, head]
                return x

            return f"blocks.{layer}.attn.hook_z", put

        return self.run([pair(*head) for head in heads])


@exercise
def knock_out_heads(attempt: Attempt) -> None:
    """`(run, source [layer, batch, pos, head, d_head], heads, order) -> [batch]`, in one run."""
    three = torch.tensor([2, 0, 1])
    cases = Cases("prompt")
    for sizes, heads, order in (
        ((2, 4, 3, 5), [(0, 1), (0, 3), (1, 2)], None),
        ((2, 4, 3, 5), [(1, 0), (1, 2)], three),
        ((3, 2, 4, 3), [(2, 1)], torch.tensor([1, 1, 3, 0])),
        ((1, 3, 2, 4), [], None),
    ):
        with cases.case():
            _compare_knock_outs(attempt, _KnockOut(*sizes), heads, order, cases)


def _compare_knock_outs(
    attempt: Attempt, task: _KnockOut, heads: list[Head], order: Tensor | None, cases: Cases
) -> None:
    given, batch = (task.run, task.source, heads, order), task.source.shape[1]
    result = attempt(*given)
    if isinstance(result, float) or (isinstance(result, Tensor) and result.shape == ()):
        raise Wrong("return what `run` gives, one for each prompt, not their mean")
    found = attempt.tensor(*given, shape=(batch,), axes="(batch)")
    mean = task.source.mean(1, keepdim=True)
    z = mean if order is None else task.source[:, order]
    right = task.without(heads, z)
    if close(found, right):
        return
    hint = _hint(heads, order, found, right)
    cases.judge(found, right, _knock_out_mistakes(task, heads, order, z), hint)


def _hint(heads: list[Head], order: Tensor | None, found: Tensor, right: Tensor) -> str:
    how = "their means" if order is None else f"source's rows {order.tolist()}"
    differs = first_apart(found, right)
    return (
        f"with {heads} at {how} the number of prompt {differs.at[0]} should be {differs.right}, "
        f"and yours is {differs.found}"
    )


def _knock_out_mistakes(
    task: _KnockOut, heads: list[Head], order: Tensor | None, z: Tensor
) -> dict[str, Tensor]:
    source = task.source
    n_layers, batch, _, n_heads, _ = source.shape
    every = [(i, j) for i in range(n_layers) for j in range(n_heads)]
    last_of_layer = list({layer: (layer, head) for layer, head in heads}.values())
    first_of_layer = list({layer: (layer, head) for layer, head in reversed(heads)}.values())
    whole = [head for head in every if head[0] in {layer for layer, _ in heads}]
    mean = source.mean(1, keepdim=True)
    alone = [task.without([head], z) for head in heads] or [task.run([])]
    only = "only one head of each layer is replaced: several heads may stand in one layer"
    known = {
        only: task.without(last_of_layer, z),
        f"{only} ": task.without(first_of_layer, z),
        "nothing is replaced: does the hook return the changed copy?": task.run([]),
        "the heads are set to zero: put source in their place": task.without(heads, z * 0),
        "the heads are knocked out one at a time: all together, in one run": (
            torch.stack(alone).mean(0)
        ),
        "the other heads are knocked out: those of `heads`": task.without(
            [head for head in every if head not in heads], z
        ),
        "every head of these layers is knocked out: those of `heads` alone": task.without(whole, z),
        "the heads are replaced at the last position alone: at all positions": task.without(
            heads, z, end=True
        ),
        "the mean is taken over the positions too: position by position": task.without(
            heads, source.mean((1, 2), keepdim=True)
        ),
        "the mean is taken over each prompt's positions: over the prompts, position by position": (
            task.without(heads, source.mean(2, keepdim=True))
        ),
        "the mean is taken over the heads: each head has its own": task.without(
            heads, source.mean((1, 3), keepdim=True)
        ),
        "layer 0 of source is taken for every layer: source[layer]": task.without(
            heads, z[:1].expand_as(z)
        ),
        "every prompt gets source's first row": task.without(heads, source[:, :1]),
        "the heads take their mean in the run itself: the mean over the prompts of source": (
            task.at_own_means(heads)
        ),
    }
    if order is None:
        known["source is put in row by row: where `order` is None, its mean"] = task.without(
            heads, source
        )
        return known
    back = torch.zeros(batch, dtype=torch.long).scatter(0, order, torch.arange(batch))
    return known | {
        "the rows are put in as they stand: `order` says which one a prompt takes": task.without(
            heads, source
        ),
        "the mean is put in, though `order` says which row each prompt takes": task.without(
            heads, mean
        ),
        "order is read backwards: prompt i takes row order[i]": task.without(
            heads, source[:, back]
        ),
        "the rows come in reverse: prompt i takes row order[i]": task.without(
            heads, source.flip(1)
        ),
    }


@exercise
def faithfulness(attempt: Attempt) -> None:
    """`(knocked_out, circuit, every) -> (gap of the means, mean of the gaps)`."""
    cases = Cases()
    for n_layers, n_heads, circuit in (
        (2, 3, [(0, 1), (1, 0)]),
        (3, 2, [(2, 1), (0, 0), (1, 1)]),
        (1, 4, [(0, 3)]),
    ):
        with cases.case():
            _compare_faithfulness(attempt, n_layers, n_heads, circuit)


def _compare_faithfulness(
    attempt: Attempt, n_layers: int, n_heads: int, circuit: list[Head]
) -> None:
    every = [(i, j) for i in range(n_layers) for j in range(n_heads)]
    generator = torch.Generator().manual_seed(10 * n_layers + n_heads)
    effects = torch.randn(n_layers, n_heads, 5, generator=generator)

    def knocked_out(heads: Any) -> Tensor:
        listed = [tuple(head) for head in heads]
        if unknown := [head for head in listed if head not in every]:
            raise Wrong(f"knocked_out was asked for head {unknown[0]}, which there is not")
        if len(set(listed)) < len(listed):
            raise Wrong("knocked_out was asked for the same head twice")
        lost = sum((effects[head] for head in listed), torch.zeros(5))
        # What is lost does not add up over heads: else the circuit knocked out, against all heads
        # knocked out, would have the gaps of the circuit alone against the model.
        return 3.0 - lost - 0.1 * lost.square()

    result = attempt(knocked_out, circuit, every)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Wrong("return two numbers: the gap of the means, and the mean of the gaps")
    for part in result:
        if isinstance(part, Tensor) and part.ndim:
            raise Wrong(f"return two numbers; one of yours has shape {tuple(part.shape)}")
    found = torch.tensor([float(part) for part in result])
    model, others = knocked_out([]), [head for head in every if head not in circuit]
    right = _gaps(knocked_out(others), model)
    if close(found, right):
        return
    alone, none = knocked_out(others), knocked_out(every)
    but = "the circuit itself is knocked out: knock out all heads BUT those of the circuit"
    mistakes = {
        but: _gaps(knocked_out(circuit), model),
        "F(M) is the whole model, with no head knocked out: knocked_out([])": _gaps(alone, none),
        "the circuit itself is knocked out, and beside it every head: F(C) is the model without "
        "all heads but the circuit's, and F(M) is knocked_out([])": (
            _gaps(knocked_out(circuit), none)
        ),
        "the two are exchanged: first the gap of the means, then the mean of the gaps": (
            right.flip(0)
        ),
        "the first gap keeps its sign: it is a distance, the absolute value": torch.stack(
            [(alone - model).mean(), (alone - model).abs().mean()]
        ),
        "both gaps keep their sign: they are distances, absolute values": torch.stack(
            [(alone - model).mean()] * 2
        ),
        "both gaps keep their sign: they are distances, absolute values ": torch.stack(
            [(model - alone).mean()] * 2
        ),
        "the first gap keeps its sign: it is a distance, the absolute value ": torch.stack(
            [(model - alone).mean(), (alone - model).abs().mean()]
        ),
        "both are the gap of the means: the second is the mean over prompts of each one's gap": (
            right[:1].expand(2)
        ),
        "both are the mean of the gaps: the first is the gap of the two means": right[1:].expand(2),
        "these are shares of F(M): return logits": right / model.mean(),
        "the gaps are squared: take absolute values": torch.stack(
            [(alone - model).mean() ** 2, (alone - model).square().mean()]
        ),
        "the second is the root of the mean square: take the mean of the absolute gaps": (
            torch.stack([right[0], (alone - model).square().mean().sqrt()])
        ),
        "the gaps are added up: take their mean": torch.stack(
            [(alone - model).sum().abs(), (alone - model).abs().sum()]
        ),
        "these are medians: take means": torch.stack(
            [(alone.median() - model.median()).abs(), (alone - model).abs().median()]
        ),
    }
    hint = (
        f"with the circuit {circuit} the two should be {right[0]:.3f} and {right[1]:.3f}, and "
        f"yours are {found[0]:.3f} and {found[1]:.3f}"
    )
    raise Wrong(named(found, mistakes, right) or hint)


def _gaps(alone: Tensor, model: Tensor) -> Float[Tensor, "two"]:
    return torch.stack([(alone - model).mean().abs(), (alone - model).abs().mean()])


@exercise
def self_repair(attempt: Attempt) -> None:
    """`(before, after, towards [batch, d_model]) -> dict of six tensors [batch]`."""
    for batch, d_model in ((4, 5), (1, 3), (3, 2)):
        generator = torch.Generator().manual_seed(d_model)
        before, after = (_written(batch, d_model, generator) for _ in range(2))
        after["rest"] = before["rest"].clone()
        towards = torch.randn(batch, d_model, generator=generator)
        found = attempt(before, after, towards)
        _explain_parts(found, batch)
        right = _split(before, after, towards)
        for name in PARTS:
            if not close(found[name], right[name]):
                known = _part_mistakes(name, before, after, towards, right)
                said = named(found[name], known, right[name])
                differs = first_apart(found[name], right[name])
                raise Wrong(
                    said or f"{name} is wrong: {_MEANS[name]}",
                    symptom=f"{name} of prompt {differs.at[0]} should be {differs.right}, and "
                    f"yours is {differs.found}",
                )


_MEANS = {
    "written": "what the heads wrote before, along `towards`, at the scale of that run",
    "lost": "the logit difference before minus after, each stream at its own scale",
    "replacements": "what stands in the heads' place after, at the old scale",
    "heads": "what the other heads write more, after minus before, at the old scale",
    "mlps": "what the MLPs write more, after minus before, at the old scale",
    "norm": "the stream after, at the new scale minus at the old",
}


def _written(batch: int, d_model: int, generator: torch.Generator) -> dict[str, Tensor]:
    """What a run has at END."""
    run = {
        name: torch.randn(batch, d_model, generator=generator)
        for name in ("gone", "heads", "mlps", "rest")
    }
    return run | {"scale": 1.0 + torch.rand(batch, generator=generator)}


def _stream(run: dict[str, Tensor]) -> Float[Tensor, "batch d_model"]:
    return run["gone"] + run["heads"] + run["mlps"] + run["rest"]


def _split(
    before: dict[str, Tensor], after: dict[str, Tensor], towards: Tensor
) -> dict[str, Float[Tensor, "batch"]]:
    def logits(vector: Tensor, run: dict[str, Tensor]) -> Tensor:
        return (vector * towards).sum(1) / run["scale"]

    whole = _stream(after)
    return {
        "written": logits(before["gone"], before),
        "lost": logits(_stream(before), before) - logits(whole, after),
        "replacements": logits(after["gone"], before),
        "heads": logits(after["heads"] - before["heads"], before),
        "mlps": logits(after["mlps"] - before["mlps"], before),
        "norm": logits(whole, after) - logits(whole, before),
    }


def _explain_parts(found: Any, batch: int) -> None:
    if not isinstance(found, dict):
        raise Wrong(f"return a dictionary with {', '.join(PARTS)}, not {type(found).__name__}")
    if missing := [name for name in PARTS if name not in found]:
        told = f"the dictionary has no {missing[0]!r}"
        raise Wrong(f"{told}: it has {', '.join(PARTS)}", symptom=told)
    for name in PARTS:
        value = found[name]
        if not isinstance(value, Tensor) or tuple(value.shape) != (batch,):
            shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise Wrong(
                f"{name} is {shape}: one number for each prompt, ({batch},)",
                symptom=f"{name} should have shape ({batch},), and yours is {shape}",
            )


def _part_mistakes(
    name: str,
    before: dict[str, Tensor],
    after: dict[str, Tensor],
    towards: Tensor,
    right: dict[str, Tensor],
) -> dict[str, Tensor]:
    def along(vector: Tensor) -> Tensor:
        return (vector * towards).sum(1)

    old, new = before["scale"], after["scale"]
    known: dict[str, Tensor] = {}
    if name != "lost":
        known[f"the sign of {name} is wrong"] = -right[name]
    if name == "written":
        known |= {
            "written is not divided by the scale of the run": along(before["gone"]),
            "written is what the heads wrote BEFORE, not what stands in their place": (
                along(after["gone"]) / old
            ),
            "written is the run before at its own scale, not at the new one": (
                along(before["gone"]) / new
            ),
        }
    elif name == "lost":
        known |= {
            "lost is before minus after: a loss is positive": -right["lost"],
            "lost reads both streams at the old scale: each run has its own": (
                along(_stream(before) - _stream(after)) / old
            ),
            "lost reads both streams at the new scale: each run has its own": (
                along(_stream(before) - _stream(after)) / new
            ),
            "lost is what the heads wrote: it is what the whole logit difference falls by": (
                right["written"]
            ),
        }
        for left_out in ("gone", "heads", "mlps", "rest"):
            known[f"lost leaves {left_out!r} out: the stream is the sum of all four parts"] = (
                along(_stream(before) - before[left_out]) / old
                - along(_stream(after) - after[left_out]) / new
            )
        known["lost leaves 'gone' out of the stream after: what stands in the place counts too"] = (
            along(_stream(before)) / old - along(_stream(after) - after["gone"]) / new
        )
    elif name == "norm":
        both = along(_stream(before))
        known |= {
            "norm reads the stream before: read that of the run after, at both scales": (
                both / new - both / old
            ),
            "norm is the change of the scale itself: read the stream after at both": new - old,
        }
    else:
        key = "gone" if name == "replacements" else name
        less = torch.zeros_like(towards) if name == "replacements" else before[key]
        known |= {
            f"{name} is read at the new scale: all parts but norm are at the old scale": (
                along(after[key] - less) / new
            ),
            f"{name} is not divided by the scale of the run before": along(after[key] - less),
            f"each run at its own scale mixes the norm into {name}: both at the old scale": (
                right[name]  # it has one run
                if name == "replacements"
                else along(after[key]) / new - along(less) / old
            ),
            f"{name} is what is written after: subtract what was written before": (
                right[name] if name == "replacements" else along(after[key]) / old
            ),
            "replacements is what stands in the heads' place, without what they wrote": (
                along(after["gone"] - before["gone"]) / old
                if name == "replacements"
                else right[name]
            ),
        }
    return known
