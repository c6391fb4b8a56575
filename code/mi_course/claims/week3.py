"""Week 3: where the difference between two prompts is, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import hooks, ioi, ioi_data, patching
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, circuits, claim, shared
from mi_course.claims.evidence import less_than, more_than, ratio
from mi_course.claims.prompts import template

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


class _OneTemplate(NamedTuple):
    """Prompts of one template, which position by position mean the same."""

    data: ioi_data.Dataset
    clean: Float[Tensor, "batch"]
    flipped: Float[Tensor, "batch"]


@shared
def _one_template(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _OneTemplate:
    form = template(model.tokenizer, ioi.P8_FORM, seed, held_out)
    data = ioi_data.dataset(model.tokenizer, n, seed + 1, [form])
    tokens = (data.clean.tokens, data.flipped.tokens)
    return _OneTemplate(data, *(ioi.model_logit_diff(model, t, data.clean.answers) for t in tokens))


@claim(
    "week3/difference_goes_straight_to_end",
    doc="week3/02_activation_patching",
    n=48,
    of="prompts",
    sentences={
        YES: "None of the positions between S2 and END carries a tenth of the difference at any "
        "layer.",
        NO: "A position between S2 and END carries at least a tenth of the difference on the way.",
        CANNOT_TELL: "We cannot tell whether a position between S2 and END carries a tenth of the "
        "difference on the way.",
    },
    templates=True,
)
def difference_goes_straight_to_end(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The largest share restored at a position between S2 and END."""
    data, clean, flipped = _one_template(model, n, seed, held_out)
    base, source = data.flipped.tokens, data.clean.tokens
    stream = patching.residual(model, base, source, data.clean.answers)
    between = slice(int(data.clean.s2_pos[0]) + 1, int(data.clean.end[0]))
    shares = ioi.normalised(stream[:, :, between], clean=clean.mean(), corrupted=flipped.mean())
    moved = shares - ioi.normalised(flipped, clean=clean.mean(), corrupted=flipped.mean()).view(
        -1, 1, 1
    )
    return less_than(
        circuits.largest(moved), 0.1, unit="of the way", comparisons=10 * model.cfg.n_layers
    )


@shared
def _s1_replaced(
    model: TransformerBridge, n: int, seed: int, held_out: bool
) -> Float[Tensor, "patch batch"]:
    """What S1's own name does, in logits: put back before the first layer, and before the last."""
    data, clean_ld, _ = _one_template(model, n, seed, held_out)
    clean, rows = data.clean, torch.arange(n)
    base = clean.tokens.clone()
    base[rows, clean.s1_pos] = data.abc.s
    start = ioi.model_logit_diff(model, base, clean.answers)
    # put back before the first layer, it is the clean prompt again, exactly
    parts = [_late_s1(model, base[some], clean[some]) for some in ioi.slices(n, 25)]
    return torch.stack([clean_ld - start, torch.cat(parts) - start])


@torch.no_grad()
def _late_s1(
    model: TransformerBridge, base: Int[Tensor, "batch pos"], clean: ioi.Batch
) -> Float[Tensor, "batch"]:
    """Logit differences with the clean prompt's vector at S1 before the last layer."""
    name, rows = f"blocks.{model.cfg.n_layers - 1}.hook_resid_pre", torch.arange(len(base))
    _, kept = hooks.run_with_cache(model, clean.tokens, [name])

    def put_back(resid: Tensor, hook: Any) -> Tensor:
        resid = resid.clone()
        resid[rows, clean.s1_pos] = kept[name][rows, clean.s1_pos]
        return resid

    logits = hooks.run_with_hooks(model, base, [(name, put_back)])
    return ioi.logit_diff(logits, clean).cpu()


@claim(
    "week3/the_name_at_s1_counts_against_the_answer",
    doc="week3/02_activation_patching",
    n=48,
    of="prompts",
    sentences={
        YES: "The name at S1 matters, and it pulls towards S: with another name there the logit "
        "difference is larger.",
        NO: "With another name at S1 the logit difference is no more than {within} {unit} larger.",
        CANNOT_TELL: "We cannot tell whether another name at S1 makes the logit difference larger: "
        "an effect below {smallest} {unit} can stay hidden.",
    },
    templates=True,
)
def the_name_at_s1_counts_against_the_answer(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """By how much another name at S1 raises the logit difference."""
    at_first, _ = _s1_replaced(model, n, seed, held_out)
    return more_than(-at_first, unit="logits", within=0.5)


@claim(
    "week3/s1_is_read_where_it_stands",
    doc="week3/02_activation_patching",
    n=48,
    of="prompts",
    sentences={
        YES: "More than half of what the name at S1 does is still to be had from S1's own position "
        "before the last layer: it is read there, late.",
        NO: "Less than half of what the name at S1 does is still to be had from S1's own position "
        "before the last layer.",
        CANNOT_TELL: "We cannot tell whether half of what the name at S1 does is still to be had "
        "from S1's own position before the last layer.",
    },
    templates=True,
)
def s1_is_read_where_it_stands(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The effect of S1's vector before the last layer, in percent of that before the first."""
    at_first, at_last = _s1_replaced(model, n, seed, held_out)
    return ratio(at_last, at_first, Rule("more", 50.0))


@claim(
    "week3/the_strongest_mover_answers_by_where_it_looks",
    doc="week3/02_activation_patching",
    n=100,
    of="prompts",
    sentences={
        YES: "The head that writes most of the answer brings back more of it by where it looks "
        "than by what it finds there.",
        NO: "The head that writes most of the answer brings back no more than {within} of the way "
        "more by where it looks than by what it finds there.",
        CANNOT_TELL: "We cannot tell whether the head that writes most of the answer brings back "
        "more of it by where it looks than by what it finds there.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def the_strongest_mover_answers_by_where_it_looks(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share restored by its pattern, less the share restored by its values."""
    layer, head = circuits.found(model, seed).movers[0]
    data = circuits.dataset(model, n, seed, held_out)
    pair = data.flipped.tokens, data.clean.tokens, data.clean.answers
    ends = [ioi.model_logit_diff(model, t, pair[2]).mean() for t in (pair[1], pair[0])]
    by_pattern, by_values = (
        ioi.normalised(
            patching.heads(model, *pair, what=what)[:, layer, head],
            clean=ends[0],
            corrupted=ends[1],
        )
        for what in ("pattern", "v")
    )
    return more_than(by_pattern - by_values, unit="of the way", within=0.05)
