"""Knock out heads and MLPs and see what the model can no longer do.

What stands in a knocked-out component's place decides what is measured. Zero: the model never met
it. Mean: what the component does for every prompt stays, what it does for this one goes. Resample:
its value on another prompt, which the model does meet.

There are two ways to do it, which give the same numbers where both apply:

- With hooks: `ablate_heads`, or `ablation_hooks` beside hooks and caches of your own. Use them for
  logits at every position, for attention patterns, and for a model of any family. Heads only,
  by zero or by the mean over the prompts given, which are all of one length.
- With replacements: `knock_out` for heads and MLPs together, `each_head` and `each_mlp` for each of
  them alone. Use them for the logit difference of many prompts of any lengths, and for what
  `mi_course.replacements` offers: zero, means over other prompts by group, another prompt. For the
  families of `mi_course.folded`; each one alone is fast, since nothing before it is computed again.

Source: Wang et al. 2022, arXiv:2211.00593, section 2: means over pABC, by template.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm.auto import tqdm

from mi_course import folded as folded_pass
from mi_course import ioi, patching
from mi_course.guards import padding
from mi_course.heads import Head, check_head
from mi_course.hooks import Hook, run_with_cache, run_with_hooks
from mi_course.microbatches import Microbatch, microbatches
from mi_course.replacements import LEAST, Means, Replacement, mean, mean_activations, resample, zero

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

__all__ = [
    "Means",
    "Replacement",
    "ablate_heads",
    "ablation_hooks",
    "all_heads_but",
    "each_head",
    "each_mlp",
    "knock_out",
    "mean",
    "mean_activations",
    "resample",
    "zero",
]


def ablate_heads(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    heads: Iterable[Head],
    how: Literal["zero", "mean"] = "mean",
) -> Float[Tensor, "batch pos vocab"]:
    """Logits of a forward pass in which the given heads say nothing about this prompt.

    For the logits of every position; `knock_out` gives logit differences. Arguments and errors are
    those of `ablation_hooks`; the model is left without hooks.
    """
    return run_with_hooks(model, tokens, ablation_hooks(model, tokens, heads, how))


def ablation_hooks(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    heads: Iterable[Head],
    how: Literal["zero", "mean"] = "mean",
) -> list[tuple[str, Hook]]:
    """Hooks that replace `z`, a head's output before W_O, at every position.

    To be given to `hooks.run_with_cache` or `hooks.attention_patterns`, beside others if need be.
    `zero` sets it to zero, which the model never meets; `mean` sets it to its mean over this batch,
    position by position, which keeps what the head does for every prompt and removes what it does
    for this one.

    Args:
        model: in eval mode.
        tokens: equal-length prompts, no padding; for `mean`, at least five.
        heads: (layer, head) pairs, counted from 0; none gives no hooks.
        how: `zero` or `mean`.

    Raises:
        IndexError: a head that the model does not have.
        ValueError: an unknown `how`; too few prompts for a mean, or padding among them.

    See: Wang et al. 2022, arXiv:2211.00593, section 2, for the case against zero ablation.
    """
    if how not in ("zero", "mean"):
        raise ValueError(f"how must be 'zero' or 'mean', not {how!r}")
    if how == "mean" and tokens.shape[0] < LEAST:
        raise ValueError(
            f"a mean over {tokens.shape[0]} prompts is mostly the prompt itself: "
            f"give at least {LEAST}"
        )
    if how == "mean":
        mend = "give prompts of one length, or use knock_out by mean(...), which tells them apart"
        padding.check_right(model, tokens, None, harm="the mean would count it", mend=mend)
    by_layer = _by_layer(model, heads)
    names = {layer: f"blocks.{layer}.attn.hook_z" for layer in by_layer}
    means: dict[str, Tensor] = {}
    if how == "mean":
        _, cache = run_with_cache(model, tokens, names.values())
        means = {name: z.mean(0) for name, z in cache.items()}
    return [
        (name, partial(_replace_heads, heads=by_layer[layer], mean=means.get(name)))
        for layer, name in names.items()
    ]


def _replace_heads(
    z: Float[Tensor, "batch pos head d_head"],
    hook: Any,
    heads: list[int],
    mean: Float[Tensor, "pos head d_head"] | None,
) -> Float[Tensor, "batch pos head d_head"]:
    z = z.clone()  # the forward pass may use the original elsewhere
    z[:, :, heads] = 0.0 if mean is None else mean[:, heads]
    return z


@torch.no_grad()
def knock_out(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    heads: Iterable[Head] = (),
    mlps: Iterable[int] = (),
    *,
    by: Replacement,
    before_end: Iterable[Head] = (),
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch"]:
    """Logit difference of each prompt when all the given heads and MLPs are knocked out at once.

    For every head or MLP alone, `each_head` and `each_mlp` are faster.

    Args:
        model: in compatibility mode.
        tokens: the prompts.
        answers: the two tokens whose logits are compared, and where.
        heads: (layer, head) pairs, knocked out at every position.
        mlps: layers whose MLP is knocked out.
        by: what takes their place.
        before_end: more heads, knocked out at every position but END.
        batch_size: prompts at a time; the memory needed grows with it, not with their number.
        progress: show a bar.

    Raises:
        IndexError: a head or MLP that the model does not have.
        ValueError: prompts and replacements that do not fit together.
    """
    by_layer, without = _by_layer(model, heads), set(mlps)
    early = _by_layer(model, before_end)
    for layer in without:
        check_head(model, layer, 0)
    folded = folded_pass.of(model)
    out = torch.empty(len(tokens))
    for microbatch in _microbatches(tokens, answers, by, batch_size, progress):
        new_z = by.z(folded, microbatch) if by_layer or early else []
        new_mlps = by.mlps(folded, microbatch) if without else []
        x = folded.embed(microbatch.of(tokens))
        for layer in range(model.cfg.n_layers):
            z = folded_pass.attend(*folded.qkv(layer, x))
            if layer in by_layer or layer in early:
                z = z.clone()
                gone, partly = by_layer.get(layer, []), early.get(layer, [])
                z[:, gone] = new_z[layer][:, gone]
                z[:, partly, :-1] = new_z[layer][:, partly, :-1]
            x = x + folded.output(layer, z)
            x = x + (new_mlps[layer] if layer in without else folded.mlp(layer, x))
        values = folded.logit_diff(x[:, -1], answers[microbatch.rows])
        out[microbatch.rows] = values.cpu()
    return out


@torch.no_grad()
def each_head(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    by: Replacement,
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch layer head"]:
    """Logit difference when each head is knocked out alone; arguments as for `knock_out`."""
    folded = folded_pass.of(model)
    out = torch.empty(len(tokens), model.cfg.n_layers, model.cfg.n_heads)
    for microbatch in _microbatches(tokens, answers, by, batch_size, progress):
        run, z = folded.run(microbatch.of(tokens)), by.z(folded, microbatch)
        at = answers[microbatch.rows]
        out[microbatch.rows] = patching.each_head(folded, run, z, at, microbatch.first).cpu()
    return out


@torch.no_grad()
def each_mlp(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    by: Replacement,
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Float[Tensor, "batch layer"]:
    """Logit difference when each MLP is knocked out alone; arguments as for `knock_out`."""
    folded = folded_pass.of(model)
    out = torch.empty(len(tokens), model.cfg.n_layers)
    for microbatch in _microbatches(tokens, answers, by, batch_size, progress):
        run, mlps = folded.run(microbatch.of(tokens)), by.mlps(folded, microbatch)

        def start(layer: int, span: slice, run: Any = run, new: Any = mlps) -> Tensor:
            return (run.mid[layer] + new[layer])[None, :, span]  # patch batch span d_model

        at = answers[microbatch.rows]
        values = folded_pass.propagate(folded, run, at, microbatch.first, after_mlp=start)
        out[microbatch.rows] = values.T.cpu()  # batch layer
    return out


def all_heads_but(model: TransformerBridge, heads: Iterable[Head]) -> list[Head]:
    """Every other head of the model: what to knock out so that only these are left."""
    kept = set(heads)
    for layer, head in kept:
        check_head(model, layer, head)
    every = [(i, j) for i in range(model.cfg.n_layers) for j in range(model.cfg.n_heads)]
    return [head for head in every if head not in kept]


def _by_layer(model: TransformerBridge, heads: Iterable[Head]) -> dict[int, list[int]]:
    """The heads of each layer. Raises IndexError for one that the model does not have."""
    by_layer: dict[int, list[int]] = defaultdict(list)
    for layer, head in heads:
        check_head(model, layer, head)
        by_layer[layer].append(head)
    return by_layer


def _microbatches(
    tokens: Int[Tensor, "batch pos"],
    answers: ioi.Answers,
    by: Replacement,
    batch_size: int,
    progress: bool,
) -> tqdm[Microbatch]:
    """The microbatches of the prompts, once prompts and replacements fit together."""
    if by.means is not None and by.groups is not None:
        if len(by.groups) != len(tokens) or int(by.groups.max()) >= len(by.means.lengths):
            raise ValueError(
                f"{len(tokens)} prompts, {len(by.groups)} groups of which the highest is "
                f"{int(by.groups.max())}, and means of {len(by.means.lengths)}: they must fit"
            )
        groups, end = by.groups.cpu(), answers.end.cpu()
        wrong = by.means.lengths[groups] != end + 1
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0])
            raise ValueError(
                f"prompt {row} has {int(end[row]) + 1} tokens and the mean of its group "
                f"{int(by.means.lengths[groups[row]])}: their positions do not correspond"
            )
    return microbatches(tokens, by.tokens, answers, batch_size, progress)
