"""The experiment of week 4: does a part of the model miss the position in what it reads?

The same number of dimensions is changed three times: those that hold the position, as many drawn at
random, and those that hold most of the words. What each costs is measured on `PromptSet`s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from mi_course import intervals, positional
from mi_course.hooks import Hook, run_with_cache
from mi_course.positional import How, Reader
from mi_course.prompt_sets import PromptSet

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

KINDS = ("position", "random", "content")


def compare(
    model: TransformerBridge,
    prompts: PromptSet,
    reader: Reader,
    how: How = "remove",
    layers: Iterable[int] | None = None,
    n_random: int = 8,
    kinds: Sequence[str] = KINDS,
    progress: bool = False,
    seed: int = 0,
    own: bool = False,
) -> dict[str, Float[Tensor, "draw batch"]]:
    """The measure of each prompt after one part lost a subspace of what it reads.

    Args:
        model: in eval mode.
        prompts: what is measured, and on which prompts.
        reader: who loses it: `MLPs`, `attention` or `everything`.
        how: `remove` or `shuffle`.
        layers: only in these; default: all.
        n_random: how many random subspaces are drawn.
        kinds: of subspace, all of the size of `position`.
        progress: show a bar.
        seed: of the first random subspace and of the shuffle; the next ones have the next seeds.
        own: draw a random subspace for each prompt, not one for all of them. The mean over prompts
            is then one over as many subspaces, at no further cost.

    Returns:
        For each kind of subspace one row for each draw; `position` and `content` have one row.
    """
    subspace = positional.leading_directions(positional.position_rows(model))
    points = positional.reading_points(model, reader, layers)
    read = positional.what_is_read(model, prompts.tokens, points)
    size, width = subspace.shape
    bases: dict[str, list[positional.Basis]] = {}
    for kind in kinds:
        if kind == "position":
            bases[kind] = [subspace]
        elif kind == "random":
            batch = (len(prompts.tokens),) if own else ()
            bases[kind] = [
                positional.random_directions(size, width, seed + i, *batch) for i in range(n_random)
            ]
        else:
            bases[kind] = [{n: positional.content_directions(x, size) for n, x in read.items()}]
    with tqdm(total=sum(map(len, bases.values())), disable=not progress, leave=False) as bar:

        def value(basis: positional.Basis) -> Tensor:
            bar.update()
            return prompts.value(model, positional.reading_hooks(read, basis, how, seed))

        return {kind: torch.stack([value(b) for b in drawn]) for kind, drawn in bases.items()}


def mlp_hooks(
    model: TransformerBridge, prompts: PromptSet, layers: Iterable[int], how: str = "mean"
) -> list[tuple[str, Hook]]:
    """Hooks that replace the output of these MLPs: by zeros, or position by position by its mean.

    `ablation.knock_out` does the same for a logit difference; these hooks serve any measure.

    Raises:
        ValueError: an unknown `how`.
        KeyError: a layer that the model does not have; for zeros, once the hooks are run.
    """
    if how not in ("zero", "mean"):
        raise ValueError(f"how must be 'zero' or 'mean', not {how!r}")
    points = [f"blocks.{layer}.hook_mlp_out" for layer in layers]
    if how == "zero":
        return [(name, lambda x, hook: torch.zeros_like(x)) for name in points]
    _, written = run_with_cache(model, prompts.tokens, points)

    def putting(mean: Tensor) -> Hook:
        return lambda x, hook: mean.expand_as(x)

    return [(name, putting(written[name].mean(0))) for name in points]


def by_kind(
    values: Mapping[str, Mapping[str, Float[Tensor, "draw batch"]]],
) -> dict[str, dict[str, intervals.Interval]]:
    """Intervals of results by label and kind, turned into a plot's series: by kind, then label."""
    kinds = dict.fromkeys(kind for results in values.values() for kind in results)
    return {
        kind: {label: intervals.bootstrap(r[kind]) for label, r in values.items() if kind in r}
        for kind in kinds
    }


def excess(
    harm: Float[Tensor, "draw batch"], control: Float[Tensor, "other batch"]
) -> Float[Tensor, "pair batch"]:
    """The harm minus the control's, prompt by prompt: each row of one with each of the other."""
    return (harm[:, None] - control[None]).flatten(0, 1)


def is_more(
    harm: Float[Tensor, "draw batch"], control: Float[Tensor, "draw batch"], comparisons: int = 1
) -> bool:
    """Whether the harm exceeds the control's: the interval of the difference lies above zero.

    Args:
        harm: of each prompt, a row for each draw.
        control: the same, for the control.
        comparisons: how many such questions are asked side by side. Each interval is widened so
            that all of them hold together in 95 of 100 cases (Bonferroni's correction).
    """
    found = intervals.bootstrap(excess(harm, control), level=1 - 0.05 / comparisons)
    return found.side() == "above"
