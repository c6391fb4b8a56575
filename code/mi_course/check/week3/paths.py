"""A check on path patching with plain hooks: freeze every head, swap one, and run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.week3.stand_in import Pair, TinyModel

Logits = Float[Tensor, "batch pos vocab"]


class _Task:
    """A model, the prompts of both runs, and the head whose path is patched.

    Args:
        sizes: layers, heads, prompts, positions.
        sender: layer and head.
    """

    def __init__(self, sizes: tuple[int, int, int, int], sender: tuple[int, int]) -> None:
        self.n_layers, self.n_heads, batch, n_pos = sizes
        self.sender = sender
        model = TinyModel(self.n_layers, self.n_heads, d_head=4, d_model=10, vocab=11, seed=batch)
        generator = torch.Generator().manual_seed(n_pos)
        self.orig, self.new = torch.randint(0, 11, (2, batch, n_pos), generator=generator)
        self.new[:, -1] = self.orig[:, -1]  # as in pABC: END is the same word in both
        self.z, self.new_z = (model.keep(t, "attn.hook_z") for t in (self.orig, self.new))
        self.mlps = model.keep(self.orig, "hook_mlp_out")

        def run(tokens: Int[Tensor, "batch pos"], pairs: list[Pair] | tuple[Pair, ...] = ()) -> Any:
            return model(tokens, pairs)

        self.run: Callable[..., Any] = run

    def swapped(self, where: Any = None) -> Float[Tensor, "layer batch pos head d_head"]:
        """`z` of the run on orig, with the values of the run on new at one place."""
        layer, head = self.sender
        there = (layer, slice(None), slice(None), head) if where is None else where
        z = self.z.clone()
        z[there] = self.new_z[there]
        return z

    def with_z(self, z: Tensor, tokens: Tensor | None = None, layers: Any = None) -> Logits:
        """Logits of a run whose heads write `z`, in some layers or in all."""
        some = range(self.n_layers) if layers is None else layers
        pairs = [(f"blocks.{i}.attn.hook_z", _fixed(z[i])) for i in some]
        return self.run(self.orig if tokens is None else tokens, pairs)

    def mlps_too(self, z: Tensor) -> Logits:
        """The same with every MLP frozen at the run on orig."""
        layers = range(self.n_layers)
        pairs = [(f"blocks.{i}.attn.hook_z", _fixed(z[i])) for i in layers]
        return self.run(
            self.orig, pairs + [(f"blocks.{i}.hook_mlp_out", _fixed(self.mlps[i])) for i in layers]
        )

    def unfrozen(self) -> Logits:
        """Activation patching: the sender alone has a hook."""
        layer, head = self.sender

        def send(z: Tensor, hook: Any) -> Tensor:
            z = z.clone()
            z[:, :, head] = self.new_z[layer][:, :, head]
            return z

        return self.run(self.orig, [(f"blocks.{layer}.attn.hook_z", send)])


def _fixed(value: Tensor) -> Callable[..., Tensor]:
    return lambda x, hook: value


@exercise
def path_patch(attempt: Attempt) -> None:
    """`(run, orig, new, n_layers, sender) -> logits`: one head's path to the logits is patched."""
    cases = Cases("prompt", "position", "token")
    for sizes, sender in (
        ((3, 4, 2, 6), (0, 2)),
        ((3, 4, 2, 6), (1, 3)),
        ((2, 2, 3, 4), (1, 0)),
        ((1, 3, 1, 3), (0, 1)),
    ):
        with cases.case():
            _compare_paths(attempt, _Task(sizes, sender), cases)


def _compare_paths(attempt: Attempt, task: _Task, cases: Cases) -> None:
    given = (task.run, task.orig, task.new, task.n_layers, task.sender)
    shape = (*task.orig.shape, 11)
    right = task.with_z(task.swapped())
    attempt.expect(right, *given)
    if not cases.passed:
        _explain_shape(attempt(*given), shape)
    found = attempt.tensor(*given, shape=shape, axes="(batch, pos, vocab)")
    if close(found, right):
        return
    layer, head = task.sender
    hint = (
        f"with head {layer}.{head} as the sender the logits are others than they should be: all "
        "other heads at their z of the run on orig, MLPs and norms without a hook"
    )
    cases.judge(found, right, _mistakes(task, right), hint)


def _mistakes(task: _Task, right: Logits) -> Mapping[str, Tensor]:
    layer, head = task.sender
    every, without = slice(None), task.run(task.orig)
    zeroed, added, swapped = task.z.clone(), task.z.clone(), task.swapped()
    late = swapped[-1:].expand_as(swapped)
    zeroed[layer, :, :, head] = 0
    added[layer, :, :, head] += task.new_z[layer, :, :, head]
    back = task.new_z.clone()
    back[layer, :, :, head] = task.z[layer, :, :, head]
    known = {
        "the other heads are not frozen: later heads hear the change and answer it. Give every "
        "layer's z a hook": task.unfrozen(),
        "the MLPs are frozen too: they get no hook, and compute anew from what they read": (
            task.mlps_too(swapped)
        ),
        "orig and new are exchanged: the run is on orig, and the sender takes its z of new": (
            task.with_z(back, task.new)
        ),
        "orig and new are exchanged in what is frozen: the sender's z is the one of new, and every "
        "other head's the one of orig": task.with_z(back),
        "the last run is on new: it is on orig, with the sender's z of new": task.with_z(
            swapped, task.new
        ),
        "all heads of the sender's layer are swapped: one head, z[:, :, head]": task.with_z(
            task.swapped(layer)
        ),
        "the head of this number is swapped in every layer: the sender's layer alone": task.with_z(
            task.swapped((every, every, every, head))
        ),
        "nothing is swapped: this is the run on orig": without,
        "this is the run on new": task.run(task.new),
        "every head takes its z of new: the sender alone does": task.with_z(task.new_z),
        "the sender is swapped at the last position alone: at all positions": task.with_z(
            task.swapped((layer, every, -1, head))
        ),
        "the sender is set to zero: it takes its z of the run on new": task.with_z(zeroed),
        "the sender's z of new is ADDED: it takes the place of the other": task.with_z(added),
        "every layer gets the last layer's z: a function in a loop looks its variables up when it "
        "is called; bind them, for instance with partial": task.with_z(late),
        "the last layer is not frozen: `n_layers` says how many there are": task.with_z(
            swapped, layers=range(task.n_layers - 1)
        ),
        "the sender's layer is not frozen beside the sender, and the others stand at new": (
            task.with_z(task.new_z, layers=[i for i in range(task.n_layers) if i != layer])
        ),
        "this is the change of the logits: return the logits of the patched run": right - without,
    }
    if head < task.orig.shape[1]:
        known["the second axis of z is taken for the heads: it counts positions, z[:, :, head]"] = (
            task.with_z(task.swapped((layer, every, head)))
        )
    if head < task.n_layers and layer < task.n_heads:
        known["layer and head of the sender are exchanged: sender is (layer, head)"] = task.with_z(
            task.swapped((head, every, every, layer))
        )
    if layer:
        known["the layer before the sender's is swapped"] = task.with_z(
            task.swapped((layer - 1, every, every, head))
        )
    return known


def _explain_shape(result: Any, shape: tuple[int, ...]) -> None:
    found = tuple(result.shape) if isinstance(result, Tensor) else None
    if isinstance(result, dict):
        raise Wrong("this is what was kept of a run: run once more, and return its logits")
    if found == (shape[0], shape[2]):
        raise Wrong("these are the logits of one position: return those of all, as `run` does")
    if found == (shape[0],):
        raise Wrong("return the logits that `run` gives, not a number for each prompt")
