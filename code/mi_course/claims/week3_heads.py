"""Week 3: which heads write the answer, what they look at, and what tells them where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import ablation, attribution, hooks, induction, ioi, ioi_data, path_patching
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, circuits, claim, shared
from mi_course.claims.evidence import equivalent, less_than, more_than
from mi_course.claims.prompts import template

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


@shared
def _before(model: TransformerBridge, n: int, seed: int, held_out: bool) -> Float[Tensor, "batch"]:
    clean = circuits.dataset(model, n, seed, held_out).clean
    return ioi.model_logit_diff(model, clean.tokens, clean.answers)


@shared
def _direct_drops(
    model: TransformerBridge, n: int, seed: int, held_out: bool
) -> Float[Tensor, "batch mover"]:
    """What cutting each mover's direct path costs, in percent of the mean logit difference."""
    data = circuits.dataset(model, n, seed, held_out)
    direct = path_patching.to_logits(model, data.clean.tokens, data.abc.tokens, data.clean.answers)
    before = _before(model, n, seed, held_out)
    movers = circuits.found(model, seed).movers
    drops = [before - direct[:, layer, head] for layer, head in movers]
    return 100 * torch.stack(drops, 1) / before.mean()


@claim(
    "week3/every_mover_writes_the_answer",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "Each of these movers, also the weakest, is above the threshold of {bound} % on "
        "prompts that did not choose it.",
        NO: "The weakest of these movers falls below the threshold of {bound} % on prompts that "
        "did not choose it.",
        CANNOT_TELL: "We cannot tell whether the weakest of these movers is above the threshold of "
        "{bound} %.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def every_mover_writes_the_answer(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The drop when the direct path of the weakest mover is cut."""
    drops = _direct_drops(model, n, seed, held_out)
    weakest = drops[:, drops.mean(0).argmin()]
    bound, heads = circuits.THRESHOLD, circuits.n_heads(model)
    return more_than(weakest, bound, unit="%", comparisons=heads)


@claim(
    "week3/a_mover_prefers_an_order",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "They do not: one mover at least counts for over {bound} % more of the logit "
        "difference in one order than in the other, and the mean over both hides it.",
        NO: "No mover's part differs by {bound} % of the logit difference between the two orders.",
        CANNOT_TELL: "We cannot tell whether a mover's part differs by {bound} % of the logit "
        "difference between the two orders.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def a_mover_prefers_an_order(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The largest difference between the orders in what a mover's direct path is worth."""
    clean = circuits.dataset(model, n, seed, held_out).clean
    drops = _direct_drops(model, n, seed, held_out)
    # of as many prompts of each order, the mean is that of one order less that of the other
    sign = torch.where(clean.io_pos < clean.s1_pos, 2.0, -2.0)[:, None]
    tilt = circuits.largest(sign * (drops - drops.mean(0)))
    return more_than(tilt, 10.0, unit="%", comparisons=circuits.n_heads(model))


@claim(
    "week3/every_mover_is_an_induction_head",
    doc="week3/03_figure_3",
    n=50,
    of="prompts",
    sentences={
        YES: "On repeated random tokens each of these movers, also the weakest at it, is an "
        "induction head by week 2's threshold of {bound}: heads have other work in other text.",
        NO: "Not every mover is an induction head by week 2's threshold of {bound}.",
        CANNOT_TELL: "We cannot tell whether every mover is an induction head by week 2's "
        "threshold of {bound}.",
    },
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def every_mover_is_an_induction_head(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The least prefix-matching score of a mover."""
    half = 30
    tokens = induction.repeated_tokens(model, n, half, seed)
    scores = induction.prefix_matching_score(hooks.attention_patterns(model, tokens), half)
    movers = circuits.found(model, seed).movers
    of_movers = torch.stack([scores[layer, :, head] for layer, head in movers], 1)
    weakest = of_movers[:, of_movers.mean(0).argmin()]
    return more_than(weakest, 0.5, unit="of the attention", comparisons=circuits.n_heads(model))


@shared
def _abc_attention(
    model: TransformerBridge, n: int, seed: int, held_out: bool
) -> Float[Tensor, "name batch"]:
    """On pABC, the movers' mean attention from END to the first name, the second, and S2's."""
    abc = circuits.dataset(model, n, seed, held_out).abc
    attention = attribution.end_attention(model, abc)
    movers = circuits.found(model, seed).movers
    io, s1, s2 = (
        torch.stack([at[:, layer, head] for layer, head in movers]).mean(0)
        for at in (attention.io, attention.s1, attention.s2)
    )
    io_first = abc.io_pos < abc.s1_pos
    return torch.stack([torch.where(io_first, io, s1), torch.where(io_first, s1, io), s2])


@claim(
    "week3/movers_avoid_the_giver_without_a_duplicate",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "On pABC, where no name comes twice, the movers still give the name at S2 less than "
        "{bound} of their attention: they need no duplicate for that.",
        NO: "On pABC, where no name comes twice, the movers give the name at S2 more than {bound} "
        "of their attention.",
        CANNOT_TELL: "On pABC we cannot tell whether the movers give the name at S2 less than "
        "{bound} of their attention.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def movers_avoid_the_giver_without_a_duplicate(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The movers' mean attention to the name at S2 on pABC."""
    _, _, s2 = _abc_attention(model, n, seed, held_out)
    return less_than(s2, 0.05, unit="of the attention")


@claim(
    "week3/movers_together_look_at_both_names_alike",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "There the movers together look at the name that comes first as much as at the "
        "second, to within {within} of their attention.",
        NO: "There the movers together do not look at both names alike: one place differs from the "
        "other by over {within} of their attention.",
        CANNOT_TELL: "There we cannot tell whether the movers together look at both names alike, "
        "to within {within} of their attention.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def movers_together_look_at_both_names_alike(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """On pABC, the movers' mean attention to the first name, less that to the second."""
    first, second, _ = _abc_attention(model, n, seed, held_out)
    return equivalent(first - second, 0.1, unit="of the attention")


@claim(
    "week3/no_name_through_the_movers_values",
    doc="week3/03_figure_3",
    n=120,
    of="prompts",
    sentences={
        YES: "Through the movers' values no head changes the logit difference by the threshold of "
        "{within} %, up or down. So panel c is drawn at END.",
        NO: "Through the movers' values a head changes the logit difference by more than the "
        "threshold of {within} %: part of what they write may come by way of another position.",
        CANNOT_TELL: "We cannot tell whether a head changes the logit difference by the threshold "
        "of {within} % through the movers' values.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def no_name_through_the_movers_values(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The largest change through the movers' values, in percent of the logit difference."""
    data = circuits.dataset(model, n, seed, held_out)
    movers = circuits.found(model, seed).movers
    pair = data.clean.tokens, data.abc.tokens, data.clean.answers
    patched = path_patching.to_heads(model, *pair, movers, "v")
    before = _before(model, n, seed, held_out)
    change = circuits.largest(100 * (patched - before[:, None, None]) / before.mean())
    bound, heads = circuits.THRESHOLD, circuits.n_heads(model)
    return equivalent(change, bound, unit="%", comparisons=heads)


@claim(
    "week3/every_guide_tells_the_movers_where_to_look",
    doc="week3/03_figure_3",
    n=120,
    of="prompts",
    sentences={
        YES: "Each of them, also the weakest, is above the threshold of {bound} % on prompts that "
        "did not choose it.",
        NO: "The weakest of them falls below the threshold of {bound} % on prompts that did not "
        "choose it.",
        CANNOT_TELL: "We cannot tell whether the weakest of them is above the threshold of "
        "{bound} %.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def every_guide_tells_the_movers_where_to_look(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The drop through the movers' queries of the weakest guide."""
    guides = circuits.guides(model, seed)
    data = circuits.dataset(model, n, seed, held_out)
    clean, new = data.clean, data.abc.tokens
    movers = circuits.found(model, seed).movers
    patched = path_patching.to_heads(
        model, clean.tokens, new, clean.answers, movers, "q", positions=clean.end
    )
    before = _before(model, n, seed, held_out)
    drops = torch.stack([before - patched[:, layer, head] for layer, head in guides], 1)
    weakest = 100 * drops[:, drops.mean(0).argmin()] / before.mean()
    bound, heads = circuits.THRESHOLD, circuits.n_heads(model)
    return more_than(weakest, bound, unit="%", comparisons=heads)


@claim(
    "week3/guides_keep_the_movers_off_s1",
    doc="week3/03_figure_3",
    n=200,
    of="prompts",
    sentences={
        YES: "Without them the movers look more at S1.",
        NO: "Without them S1 gets no more than {within} of the attention more.",
        CANNOT_TELL: "Whether the movers look more at S1 without them we cannot tell: less than "
        "{smallest} of the attention can stay hidden.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def guides_keep_the_movers_off_s1(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """By how much the movers' attention to S1 rises when the guides are knocked out."""
    form = template(model.tokenizer, ioi.P8_FORM, seed, held_out)
    batch = ioi_data.dataset(model.tokenizer, n, seed + 2, [form]).clean
    gone = ablation.ablation_hooks(model, batch.tokens, circuits.guides(model, seed), how="mean")
    movers, rows = circuits.found(model, seed).movers, torch.arange(n)
    looks = []
    for changes in ([], gone):
        pattern = hooks.attention_patterns(model, batch.tokens, changes)
        of_movers = [pattern[i, rows, h, batch.end, batch.s1_pos] for i, h in movers]
        looks.append(torch.stack(of_movers).mean(0))
    return more_than(looks[1] - looks[0], unit="of the attention", within=0.05)
