"""Checks on activation patching as a sweep: each position of each layer, and each head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.week3.stand_in import Pair, TinyModel

# Given an activation, that of the clean run, and a position or head: the activation that goes on.
Change = Callable[[Tensor, Tensor, int], Tensor]


class _Task:
    """Two runs of a model that differ in one token, and what is read off the one that is patched.

    Args:
        sizes: layers, heads, prompts, positions.
        point: the hook point that is patched.
        axis: of `source`, the one whose entries are patched one at a time.
    """

    def __init__(self, sizes: tuple[int, int, int, int], point: str, axis: int) -> None:
        self.n_layers, n_heads, batch, n_pos = sizes
        model = TinyModel(self.n_layers, n_heads, d_head=4, d_model=10, vocab=11, seed=batch)
        generator = torch.Generator().manual_seed(n_pos)
        clean = torch.randint(0, 11, (batch, n_pos), generator=generator)
        base, rows = clean.clone(), torch.arange(batch)
        base[:, 1] = (base[:, 1] + 1 + rows) % 11
        self.point, self.source = point, model.keep(clean, point)
        self.count = self.source.shape[axis]

        def run(pairs: list[Pair]) -> Tensor:
            logits = model(base, pairs)[:, -1]
            return (logits[rows, clean[:, 1]] - logits[rows, base[:, 1]]).mean()

        self.run = run

    def sweep(
        self, change: Change, *, at: str = "", of: Callable[[int], int] = lambda layer: layer
    ) -> Float[Tensor, "layer count"]:
        """What the runs give if each has one hook.

        Args:
            change: what the hook does.
            at: its hook point, if it is not the task's.
            of: which layer of `source` the hook of a layer takes.
        """
        point = at or self.point
        return self._table(
            lambda layer, i: [(f"blocks.{layer}.{point}", self._hook(change, of(layer), i))]
        )

    def heaped(self, change: Change, *, anew: bool) -> Float[Tensor, "layer count"]:
        """The same if each run has the hooks of those before it too; `anew` in each layer."""
        pairs: list[Pair] = []

        def more(layer: int, i: int) -> list[Pair]:
            if anew and i == 0:
                pairs.clear()
            pairs.append((f"blocks.{layer}.{self.point}", self._hook(change, layer, i)))
            return pairs

        return self._table(more)

    def in_all_layers(self, change: Change) -> Float[Tensor, "layer count"]:
        """The same if each run patches every layer at once."""
        layers = range(self.n_layers)
        return self._table(
            lambda _, i: [(f"blocks.{n}.{self.point}", self._hook(change, n, i)) for n in layers]
        )

    def _hook(self, change: Change, layer: int, i: int) -> Callable[..., Tensor]:
        return lambda x, hook: change(x, self.source[layer], i)

    def _table(self, pairs: Callable[[int, int], list[Pair]]) -> Float[Tensor, "layer count"]:
        rows = [
            [self.run(pairs(layer, i)) for i in range(self.count)] for layer in range(self.n_layers)
        ]
        return torch.tensor(rows)


def _instead(index: Callable[[int], Any], value: Callable[[Tensor, Any], Any]) -> Change:
    """A change that puts `value(clean, where)` at `index(i)` of a copy."""

    def change(x: Tensor, clean: Tensor, i: int) -> Tensor:
        x, where = x.clone(), index(i)
        x[where] = value(clean, where)
        return x

    return change


def _clean_at(clean: Tensor, where: Any) -> Tensor:
    return clean[where]


def _position(i: int) -> Any:
    return (slice(None), i)


def _head(i: int) -> Any:
    return (slice(None), slice(None), i)


@exercise
def position_sweep(attempt: Attempt) -> None:
    """`(run, source [layer, batch, pos, d_model], point) -> [layer, pos]`, one run each."""
    cases = Cases("layer", "position")
    for sizes, point in (
        ((2, 3, 3, 5), "hook_resid_pre"),
        ((3, 2, 2, 4), "hook_mlp_out"),
        ((1, 2, 1, 3), "hook_attn_out"),
    ):
        with cases.case():
            _compare_sweeps(attempt, _Task(sizes, point, axis=2), _position, cases)


@exercise
def head_sweep(attempt: Attempt) -> None:
    """`(run, source [layer, batch, pos, head, d_head], point) -> [layer, head]`, one run each."""
    cases = Cases("layer", "head")
    for sizes, point in (
        ((2, 3, 2, 5), "attn.hook_z"),
        ((3, 2, 3, 4), "attn.hook_v"),
        ((1, 4, 1, 3), "attn.hook_z"),
    ):
        with cases.case():
            _compare_sweeps(attempt, _Task(sizes, point, axis=3), _head, cases)


def _compare_sweeps(
    attempt: Attempt, task: _Task, index: Callable[[int], Any], cases: Cases
) -> None:
    what = "position" if index is _position else "head"
    shape, axes = (task.n_layers, task.count), f"(layer, {'pos' if what == 'position' else what})"
    right = task.sweep(_instead(index, _clean_at))
    attempt.expect(right, task.run, task.source, task.point)
    if not cases.passed:
        _explain_shape(_called(attempt, task), shape, what)
    found = attempt.tensor(task.run, task.source, task.point, shape=shape, axes=axes)
    if close(found, right):
        return
    mistakes = _of_both(task, index, right, what)
    mistakes |= _of_positions(task) if what == "position" else _of_heads(task)
    layer, i = divmod(int((found - right).abs().argmax()), task.count)
    hint = (
        f"with the hook at blocks.{layer}.{task.point} and {what} {i} the run gives "
        f"{right[layer, i].item():.3f}, and your table has {found[layer, i].item():.3f} there"
    )
    cases.judge(found, right, mistakes, hint)


def _of_both(
    task: _Task, index: Callable[[int], Any], right: Tensor, what: str
) -> dict[str, Tensor]:
    """Mistakes that can be made over positions and over heads."""
    one = _instead(index, _clean_at)
    last = task.count - 1
    base = float(task.run([]))
    layers = task.n_layers
    stream = "hook_resid_pre" if what == "position" else "attn.hook_z"
    late = _instead(lambda _: index(last), _clean_at)
    return {
        "nothing is patched: does the hook return the changed copy?": right * 0 + base,
        f"every run patches every {what} at once: one {what} at a time": task.sweep(
            lambda x, clean, i: clean
        ),
        f"every run patches the last {what}: a function in a loop looks its variables up when it "
        "is called; bind them, for instance with partial": task.sweep(late),
        f"every run patches the last {what} with the last layer's source: a function in a loop "
        "looks its variables up when it is called; bind them, for instance with partial": (
            task.sweep(late, of=lambda _: layers - 1)
        ),
        "the hooks of earlier runs are still there: give each run a list with one hook": (
            task.heaped(one, anew=False)
        ),
        "the hooks of a layer's earlier runs are still there: give each run a list with one hook": (
            task.heaped(one, anew=True)
        ),
        "every layer is patched in one run: one layer at a time": task.in_all_layers(one),
        "source is ADDED: replace what stands there": task.sweep(
            lambda x, clean, i: x + _instead(index, _clean_at)(x * 0, clean, i)
        ),
        "this sets the place to zero: put source's vectors there": task.sweep(
            _instead(index, lambda clean, where: 0.0)
        ),
        "every layer takes source of layer 0: source[layer]": task.sweep(one, of=lambda _: 0),
        "every layer takes source of the last layer: source[layer]": task.sweep(
            one, of=lambda _: layers - 1
        ),
        "source of the layer before is put there: source[layer]": task.sweep(
            one, of=lambda layer: (layer - 1) % layers
        ),
        f"the hook stands at {stream}, whatever `point` says": _elsewhere(task, stream, one, right),
        "this is the change against the run without a hook: return what `run` gives": right - base,
        "the sign is wrong: return what `run` gives": -right,
        "only the first prompt is patched: patch each prompt": task.sweep(
            _instead(lambda i: (slice(0, 1), *index(i)[1:]), _clean_at)
        ),
        "every prompt gets the first prompt's source: each its own": task.sweep(
            _instead(index, lambda clean, where: clean[(slice(0, 1), *where[1:])])
        ),
        "every prompt gets the mean over the prompts: each its own": task.sweep(
            _instead(index, lambda clean, where: clean[where].mean(0, keepdim=True))
        ),
    }


def _elsewhere(task: _Task, point: str, change: Change, right: Tensor) -> Tensor:
    """The sweep at another hook point; the right one where the point is the task's own."""
    return right if point == task.point else task.sweep(change, at=point)


def _of_positions(task: _Task) -> dict[str, Tensor]:
    return {
        "this patches from the position to the end: one position": task.sweep(
            _instead(lambda i: (slice(None), slice(i, None)), _clean_at)
        ),
        "this patches everything up to the position: one position": task.sweep(
            _instead(lambda i: (slice(None), slice(0, i + 1)), _clean_at)
        ),
        "the position is one too early": task.sweep(
            _instead(lambda i: (slice(None), i - 1), _clean_at)
        ),
        "the position is one too late": task.sweep(
            _instead(lambda i: (slice(None), (i + 1) % task.count), _clean_at)
        ),
        "the place is right, and the vector is that of source's last position": task.sweep(
            _instead(_position, lambda clean, where: clean[:, -1])
        ),
    }


def _of_heads(task: _Task) -> dict[str, Tensor]:
    n_pos, d_head = task.source.shape[2], task.source.shape[4]
    others = torch.arange(task.count)
    found = {
        "the head is patched at the last position alone: at all positions": task.sweep(
            _instead(lambda i: (slice(None), -1, i), _clean_at)
        ),
        "every head but this one is patched": task.sweep(
            _instead(lambda i: (slice(None), slice(None), others != i), _clean_at)
        ),
        "another head of source is put there: source's own head": task.sweep(
            _instead(_head, lambda clean, where: clean[:, :, (where[2] + 1) % task.count])
        ),
    }
    if task.count <= n_pos:
        found["the second axis is taken for the heads: it counts positions, z[:, :, head]"] = (
            task.sweep(_instead(_position, _clean_at))
        )
    if task.count <= d_head:
        found["the last axis is taken for the heads: it is d_head, z[:, :, head]"] = task.sweep(
            _instead(lambda i: (..., i), _clean_at)
        )
    return found


def _called(attempt: Attempt, task: _Task) -> Any:
    try:
        return attempt(task.run, task.source, task.point)
    except Wrong as mistake:
        text = str(mistake)
        if "out of bounds" in text or "out of range" in text:
            axes = (
                "(layer, batch, pos, d_model)"
                if task.source.ndim == 4
                else ("(layer, batch, pos, head, d_head)")
            )
            raise Wrong(
                f"{text}: source is {axes} = {tuple(task.source.shape)}, and an activation has the "
                "same axes without the first"
            ) from None
        raise


def _explain_shape(result: Any, shape: tuple[int, int], what: str) -> None:
    if isinstance(result, list):
        raise Wrong("return a tensor, not a list: torch.tensor(rows) makes one of a list of lists")
    found = tuple(result.shape) if isinstance(result, Tensor) else None
    if found == shape[::-1] != shape:
        raise Wrong(f"rows and columns are exchanged: one row for each layer, (layer, {what})")
    if found in ((shape[1],), (shape[0] * shape[1],)):
        raise Wrong(f"one row for each layer, and in it one number for each {what}: {shape}")
    if found == ():
        raise Wrong(f"return a table of all runs, {shape}, not one number")
