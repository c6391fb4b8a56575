"""What the cells of week 3 use until your own function has passed its check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import ioi
from mi_course.heads import Head
from mi_course.path_patching import relative_change
from mi_course.prompt_streams import gifts

__all__ = [
    "faithfulness",
    "flip",
    "gifts",
    "head_sweep",
    "hooks_for",
    "knock_out_heads",
    "logit_difference",
    "name_positions",
    "name_projection",
    "normalised",
    "patch_position",
    "patch_test",
    "path_patch",
    "position_sweep",
    "relative_change",
    "self_repair",
    "template_means",
]


def normalised(
    patched: Float[Tensor, "*shape"], corrupted: Tensor | float, clean: Tensor | float
) -> Float[Tensor, "*shape"]:
    """The share of the way from the corrupted run, 0, to the clean run, 1."""
    return ioi.normalised(patched, clean=clean, corrupted=corrupted)


def logit_difference(
    logits: Float[Tensor, "batch pos vocab"],
    io: Int[Tensor, "batch"],
    s: Int[Tensor, "batch"],
    end: Int[Tensor, "batch"],
) -> Float[Tensor, "batch"]:
    """Logit of IO minus logit of S at END."""
    return ioi.logit_diff(logits, ioi.Answers(end, io, s))


def name_positions(
    tokens: Int[Tensor, "batch pos"], io: Int[Tensor, "batch"], s: Int[Tensor, "batch"]
) -> tuple[Int[Tensor, "batch"], Int[Tensor, "batch"], Int[Tensor, "batch"]]:
    """Positions of IO, S1 and S2."""
    is_io, is_s = (tokens == io[:, None]).int(), (tokens == s[:, None]).int()
    last = tokens.shape[1] - 1
    return is_io.argmax(1), is_s.argmax(1), last - is_s.flip(1).argmax(1)


def flip(
    tokens: Int[Tensor, "batch pos"], io: Int[Tensor, "batch"], s2_pos: Int[Tensor, "batch"]
) -> Int[Tensor, "batch pos"]:
    """A copy of the tokens with IO's name at S2."""
    tokens = tokens.clone()
    tokens[torch.arange(len(tokens)), s2_pos] = io
    return tokens


def patch_position(
    resid: Float[Tensor, "batch pos d_model"],
    hook: Any,
    source: Float[Tensor, "batch pos d_model"],
    pos: Int[Tensor, "batch"],
) -> Float[Tensor, "batch pos d_model"]:
    """A copy of `resid` with the vector of `source` at one position of each prompt."""
    resid, rows = resid.clone(), torch.arange(len(resid))
    resid[rows, pos] = source[rows, pos]
    return resid


def position_sweep(
    run: Callable[..., Tensor], source: Float[Tensor, "layer batch pos d_model"], point: str
) -> Float[Tensor, "layer pos"]:
    """What `run` gives with the vectors of `source` at one layer and one position at a time."""

    def put(x: Tensor, hook: Any, clean: Tensor, pos: int) -> Tensor:
        x = x.clone()
        x[:, pos] = clean[:, pos]
        return x

    out = torch.zeros(source.shape[0], source.shape[2])
    for layer, clean in enumerate(source):
        for pos in range(source.shape[2]):
            out[layer, pos] = run([(f"blocks.{layer}.{point}", partial(put, clean=clean, pos=pos))])
    return out


def head_sweep(
    run: Callable[..., Tensor], source: Float[Tensor, "layer batch pos head d_head"], point: str
) -> Float[Tensor, "layer head"]:
    """What `run` gives with one head of `source` at a time, at all positions."""

    def put(z: Tensor, hook: Any, clean: Tensor, head: int) -> Tensor:
        z = z.clone()
        z[:, :, head] = clean[:, :, head]
        return z

    out = torch.zeros(source.shape[0], source.shape[3])
    for layer, clean in enumerate(source):
        for head in range(source.shape[3]):
            hook = partial(put, clean=clean, head=head)
            out[layer, head] = run([(f"blocks.{layer}.{point}", hook)])
    return out


def path_patch(
    run: Callable[..., Tensor],
    orig: Int[Tensor, "batch pos"],
    new: Int[Tensor, "batch pos"],
    n_layers: int,
    sender: Head,
) -> Float[Tensor, "batch pos vocab"]:
    """Logits of the run on `orig`, all heads frozen but the sender, which writes as on `new`."""
    names = [f"blocks.{layer}.attn.hook_z" for layer in range(n_layers)]

    def kept(tokens: Tensor) -> dict[str, Tensor]:
        cache: dict[str, Tensor] = {}

        def keep(z: Tensor, hook: Any, name: str) -> None:
            cache[name] = z.clone()

        run(tokens, [(name, partial(keep, name=name)) for name in names])
        return cache

    def freeze(z: Tensor, hook: Any, value: Tensor) -> Tensor:
        return value

    values, other = kept(orig), kept(new)
    layer, head = sender
    values[names[layer]][:, :, head] = other[names[layer]][:, :, head]
    return run(orig, [(name, partial(freeze, value=values[name])) for name in names])


def name_projection(
    z: Float[Tensor, "batch d_head"],
    W_O: Float[Tensor, "d_head d_model"],
    W_U: Float[Tensor, "d_model vocab"],
    names: Int[Tensor, "batch"],
) -> Float[Tensor, "batch"]:
    """What a head writes, projected on each prompt's own name."""
    return (z @ W_O * W_U[:, names].T).sum(-1)


def template_means(
    z: Float[Tensor, "batch pos d"], template: Int[Tensor, "batch"]
) -> Float[Tensor, "batch pos d"]:
    """For each prompt the mean over the prompts of its own template."""
    means = torch.empty_like(z)
    for one in template.unique():
        means[template == one] = z[template == one].mean(0)
    return means


def patch_test(patch: Callable[..., Tensor]) -> bool:
    """Whether `patch` does what `patch_position` does, and leaves its arguments as they are."""
    generator = torch.Generator().manual_seed(0)
    resid, source = torch.randn(2, 4, 6, 5, generator=generator)
    pos, before = torch.tensor([1, 4, 0, 5]), resid.clone()
    result = patch(resid, None, source, pos)
    right = patch_position(before, None, source, pos)
    return bool(torch.equal(result, right) and torch.equal(resid, before))


def hooks_for(
    function: Callable[..., Tensor], heads: Sequence[Head]
) -> list[tuple[str, Callable[..., Tensor]]]:
    """For each head the name of its hook point, and the function bound to it."""
    return [(f"blocks.{layer}.attn.hook_z", partial(function, head=head)) for layer, head in heads]


def knock_out_heads(
    run: Callable[..., Tensor],
    source: Float[Tensor, "layer batch pos head d_head"],
    heads: Sequence[Head],
    order: Int[Tensor, "batch"] | None,
) -> Float[Tensor, "batch"]:
    """What `run` gives with heads at source's mean, or at the rows of source that `order` says."""
    new = source.mean(1, keepdim=True).expand_as(source) if order is None else source[:, order]

    def put(z: Tensor, hook: Any, layer: int, head: int) -> Tensor:
        z = z.clone()
        z[:, :, head] = new[layer][:, :, head]
        return z

    return run([(f"blocks.{i}.attn.hook_z", partial(put, layer=i, head=j)) for i, j in heads])


def faithfulness(
    knocked_out: Callable[[Sequence[Head]], Tensor],
    circuit: Sequence[Head],
    every: Sequence[Head],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """How far the circuit alone is from the model: the gap of the means, and the mean gap."""
    gap = knocked_out([head for head in every if head not in circuit]) - knocked_out([])
    return gap.mean().abs(), gap.abs().mean()


def self_repair(
    before: dict[str, Tensor], after: dict[str, Tensor], towards: Float[Tensor, "batch d_model"]
) -> dict[str, Float[Tensor, "batch"]]:
    """What heads wrote, what is lost without them, and the four parts of the difference."""

    def logits(vector: Tensor, run: dict[str, Tensor]) -> Tensor:
        return (vector * towards).sum(1) / run["scale"]

    def stream(run: dict[str, Tensor]) -> Tensor:
        return run["gone"] + run["heads"] + run["mlps"] + run["rest"]

    old, new = stream(before), stream(after)
    return {
        "written": logits(before["gone"], before),
        "lost": logits(old, before) - logits(new, after),
        "replacements": logits(after["gone"], before),
        "heads": logits(after["heads"] - before["heads"], before),
        "mlps": logits(after["mlps"] - before["mlps"], before),
        "norm": logits(new, after) - logits(new, before),
    }
