"""The lab on another circuit: one head of a model with rotary positions, and how it works.

The head is chosen anew for each draw, as the one that writes most of the logit difference on
prompts that judge nothing. Thresholds were set before the fresh draws were looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import ablation, attribution, ioi, ioi_data, path_patching
from mi_course.circuits_elsewhere import one_head, tasks
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, claim, shared
from mi_course.claims.circuits import APART
from mi_course.claims.evidence import equivalent, less_than, more_than, ratio
from mi_course.claims.prompts import templates
from mi_course.heads import Head

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

CHOSEN_ON = 24  # prompts


@shared
def _head(model: TransformerBridge, seed: int) -> Head:
    """The strongest writer of this draw."""
    batch = ioi_data.dataset(model.tokenizer, CHOSEN_ON, seed + APART).clean
    return one_head.strongest_writer(model, batch)


@shared
def _data(model: TransformerBridge, n: int, seed: int, held_out: bool) -> ioi_data.Dataset:
    return ioi_data.dataset(model.tokenizer, n, seed, templates(held_out))


@shared
def _before(model: TransformerBridge, n: int, seed: int, held_out: bool) -> Float[Tensor, "batch"]:
    clean = _data(model, n, seed, held_out).clean
    return ioi.model_logit_diff(model, clean.tokens, clean.answers)


@shared
def _path(model: TransformerBridge, n: int, seed: int, held_out: bool) -> Float[Tensor, "batch"]:
    """What the head's direct path to the logits is worth, in logits."""
    data, (layer, head) = _data(model, n, seed, held_out), _head(model, seed)
    direct = path_patching.to_logits(model, data.clean.tokens, data.abc.tokens, data.clean.answers)
    return _before(model, n, seed, held_out) - direct[:, layer, head]


@shared
def _gone(model: TransformerBridge, n: int, seed: int, held_out: bool) -> Float[Tensor, "batch"]:
    """The logit difference without the head, by resampling."""
    return _without(model, _data(model, n, seed, held_out), _head(model, seed))


def _without(
    model: TransformerBridge, data: ioi_data.Dataset, head: Head
) -> Float[Tensor, "batch"]:
    by = ablation.resample(data.abc.tokens)
    return ablation.knock_out(model, data.clean.tokens, data.clean.answers, heads=[head], by=by)


def _input(
    model: TransformerBridge,
    n: int,
    seed: int,
    held_out: bool,
    into: one_head.Into,
    flipped: bool = False,
) -> Float[Tensor, "batch"]:
    """What is lost when the head reads another prompt's query at END, or key or value at S2."""
    data = _data(model, n, seed, held_out)
    other = data.flipped if flipped else data.abc
    at = data.clean.end if into == "q" else data.clean.s2_pos
    head = _head(model, seed)
    changed = one_head.with_input(model, data.clean, other.tokens, head, into, at)
    return _before(model, n, seed, held_out) - changed


@shared
def _looks(
    model: TransformerBridge, n: int, seed: int, held_out: bool
) -> Float[Tensor, "prompts place batch"]:
    """The head's attention from END to the places of IO, S1 and S2, on the prompts and on pABC."""
    data, (layer, head) = _data(model, n, seed, held_out), _head(model, seed)
    found = []
    for batch in (data.clean, data.abc):
        at = attribution.end_attention(model, batch)
        found.append(torch.stack([x[:, layer, head] for x in (at.io, at.s1, at.s2)]))
    return torch.stack(found)


@claim(
    "labs/one_head_writes_over_half",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "The strongest head's direct path alone is worth over {bound} % of the logit "
        "difference.",
        NO: "The strongest head's direct path is worth less than {bound} % of the logit "
        "difference.",
        CANNOT_TELL: "Whether the strongest head's direct path is worth over {bound} % of the "
        "logit difference we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def one_head_writes_over_half(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of the logit difference that is lost with the head's direct path."""
    path, before = _path(model, n, seed, held_out), _before(model, n, seed, held_out)
    return ratio(path, before, Rule("more", 50.0))


@claim(
    "labs/it_looks_at_s2_more_than_at_io",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "It gives S2 over {bound} of its attention more than IO: it is no name mover.",
        NO: "It does not give S2 {bound} of its attention more than IO.",
        CANNOT_TELL: "Whether it gives S2 {bound} of its attention more than IO we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def it_looks_at_s2_more_than_at_io(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Attention from END to S2 less that to IO."""
    io, _, s2 = _looks(model, n, seed, held_out)[0]
    return more_than(s2 - io, 0.2, unit="of the attention")


@claim(
    "labs/it_writes_against_s",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "What it writes points away from S: the projection on S is below zero.",
        NO: "What it writes does not point away from S.",
        CANNOT_TELL: "Whether what it writes points away from S we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def it_writes_against_s(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The projection of the head's output at END on the unembedding of S."""
    layer, head = _head(model, seed)
    on = attribution.name_projections(model, _data(model, n, seed, held_out).clean)
    return less_than(on.s[:, layer, head], 0.0, unit="logits before the norm", within=1.0)


@claim(
    "labs/its_value_brings_the_name",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "With the value at S2 from pABC over {bound} % of the logit difference are lost.",
        NO: "With the value at S2 from pABC less than {bound} % of the logit difference are lost.",
        CANNOT_TELL: "Whether over {bound} % of the logit difference are lost with the value at S2 "
        "from pABC we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def its_value_brings_the_name(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share that is lost with the value at S2 from pABC."""
    drop = _input(model, n, seed, held_out, "v")
    return ratio(drop, _before(model, n, seed, held_out), Rule("more", 25.0))


@claim(
    "labs/its_key_brings_something",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "With the key at S2 from pABC, where no name comes twice, over {bound} % are lost.",
        NO: "With the key at S2 from pABC less than {bound} % are lost.",
        CANNOT_TELL: "Whether over {bound} % are lost with the key at S2 from pABC we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def its_key_brings_something(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share that is lost with the key at S2 from pABC."""
    drop = _input(model, n, seed, held_out, "k")
    return ratio(drop, _before(model, n, seed, held_out), Rule("more", 10.0))


@claim(
    "labs/its_key_is_the_same_when_names_are_swapped",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "From a prompt in which the other name comes twice, the key costs as good as nothing, "
        "less than {within} {unit}. So it does not bring which name that is.",
        NO: "From a prompt in which the other name comes twice, the key changes the logit "
        "difference by over {within} {unit}.",
        CANNOT_TELL: "Whether the key from a prompt in which the other name comes twice changes "
        "the logit difference by {within} {unit} we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def its_key_is_the_same_when_names_are_swapped(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What is lost with the key at S2 from the prompt with swapped names."""
    return equivalent(_input(model, n, seed, held_out, "k", flipped=True), 0.5, unit="logits")


@claim(
    "labs/its_query_brings_little",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "The query at END from pABC changes the logit difference by less than {within} "
        "{unit}.",
        NO: "The query at END from pABC changes the logit difference by over {within} {unit}.",
        CANNOT_TELL: "Whether the query at END from pABC changes the logit difference by {within} "
        "{unit} we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def its_query_brings_little(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What is lost with the query at END from pABC."""
    return equivalent(_input(model, n, seed, held_out, "q"), 0.5, unit="logits")


@claim(
    "labs/a_duplicate_draws_its_attention",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "A name that was there before gets over {bound} of its attention more than a new one "
        "in the same place.",
        NO: "A name that was there before gets at most {bound} of its attention more than a new "
        "one in the same place.",
        CANNOT_TELL: "Whether a name that was there before gets {bound} of its attention more than "
        "a new one in the same place we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def a_duplicate_draws_its_attention(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Attention to the place of S2 on the prompts less that on pABC."""
    looks = _looks(model, n, seed, held_out)
    return more_than(looks[0, 2] - looks[1, 2], 0.1, unit="of the attention")


@claim(
    "labs/it_looks_at_the_last_name_without_a_duplicate",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "But on pABC it still looks more at the last name than at the two before it, by over "
        "{bound} of its attention: not all of it is a duplicate's.",
        NO: "On pABC it looks no more at the last name than at the two before it.",
        CANNOT_TELL: "Whether on pABC it looks more at the last name than at the two before it, by "
        "{bound} of its attention, we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def it_looks_at_the_last_name_without_a_duplicate(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """On pABC, attention to the last name less the mean of that to the two before it."""
    io, s1, s2 = _looks(model, n, seed, held_out)[1]
    return more_than(s2 - (io + s1) / 2, 0.05, unit="of the attention")


@claim(
    "labs/without_it_a_third_is_lost",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "Knocked out by another prompt's value it costs over {bound} % of the logit "
        "difference.",
        NO: "Knocked out by another prompt's value it costs less than {bound} % of the logit "
        "difference.",
        CANNOT_TELL: "Whether it costs {bound} % of the logit difference when it is knocked out by "
        "another prompt's value we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def without_it_a_third_is_lost(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of the logit difference that is lost without the head."""
    before = _before(model, n, seed, held_out)
    return ratio(before - _gone(model, n, seed, held_out), before, Rule("more", 33.0))


def _by_order(
    model: TransformerBridge, n: int, seed: int, held_out: bool, values: Float[Tensor, "batch"]
) -> Float[Tensor, "batch"]:
    """Values whose mean is that over ABBA less that over BABA, with the spread within each."""
    clean = _data(model, n, seed, held_out).clean
    abba = clean.io_pos < clean.s1_pos
    means = torch.where(abba, values[abba].mean(), values[~abba].mean())
    return (
        2 * torch.where(abba, 1.0, -1.0) * (values - means)
        + values[abba].mean()
        - (values[~abba].mean())
    )


@claim(
    "labs/it_does_the_same_in_both_orders",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "The head's direct path is worth as much in both orders, to within {within} {unit}.",
        NO: "The head's direct path is worth over {within} {unit} more in one order than in the "
        "other.",
        CANNOT_TELL: "Whether the head's direct path is worth as much in both orders, to within "
        "{within} {unit}, we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def it_does_the_same_in_both_orders(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What the direct path is worth in ABBA less in BABA."""
    path = _path(model, n, seed, held_out)
    return equivalent(_by_order(model, n, seed, held_out, path), 1.0, unit="logits")


@claim(
    "labs/the_model_without_it_prefers_an_order",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "Without it the model does over {bound} {unit} better in BABA.",
        NO: "Without it the model does not do {bound} {unit} better in BABA.",
        CANNOT_TELL: "Whether the model without it does {bound} {unit} better in BABA we cannot "
        "tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def the_model_without_it_prefers_an_order(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The logit difference without the head in BABA less in ABBA."""
    gone = _gone(model, n, seed, held_out)
    return more_than(-_by_order(model, n, seed, held_out, gone), 0.5, unit="logits")


@claim(
    "labs/it_works_on_people_in_another_way",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "Where people are named twice in another way, over {bound} % are lost without it.",
        NO: "Where people are named twice in another way, less than {bound} % are lost without it.",
        CANNOT_TELL: "Whether {bound} % are lost without it where people are named twice in "
        "another way we cannot tell.",
    },
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def it_works_on_people_in_another_way(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of the logit difference that is lost without the head."""
    return _share_elsewhere(model, tasks.people(model.tokenizer, n, seed + 2), seed)


@claim(
    "labs/it_works_on_things",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "With things in the place of people, over {bound} % are lost without it: the head is "
        "not about names.",
        NO: "With things in the place of people, less than {bound} % are lost without it.",
        CANNOT_TELL: "Whether {bound} % are lost without it with things in the place of people we "
        "cannot tell.",
    },
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def it_works_on_things(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of the logit difference that is lost without the head."""
    return _share_elsewhere(model, tasks.things(model.tokenizer, n, seed + 2), seed)


def _share_elsewhere(model: TransformerBridge, data: ioi_data.Dataset, seed: int) -> Finding:
    before = ioi.model_logit_diff(model, data.clean.tokens, data.clean.answers)
    return ratio(before - _without(model, data, _head(model, seed)), before, Rule("more", 20.0))


@claim(
    "labs/made_to_look_at_io_it_writes_against_io",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "Made to look at IO, it does worse than none: the logit difference is over {bound} "
        "{unit} lower than without the head.",
        NO: "Made to look at IO, it leaves the logit difference where it is without the head.",
        CANNOT_TELL: "Whether the logit difference is lower when it is made to look at IO than "
        "without the head, by {bound} {unit}, we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def made_to_look_at_io_it_writes_against_io(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Without the head, less with its attention to S2 and to IO exchanged."""
    clean = _data(model, n, seed, held_out).clean
    moved = one_head.with_attention_exchanged(
        model, clean, _head(model, seed), clean.s2_pos, clean.io_pos
    )
    return more_than(_gone(model, n, seed, held_out) - moved, 0.3, unit="logits")


@claim(
    "labs/s1_serves_it_as_well_as_s2",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "Made to look at S1, it leaves the logit difference where it was, to within {within} "
        "{unit}.",
        NO: "Made to look at S1, it changes the logit difference by over {within} {unit}.",
        CANNOT_TELL: "Whether it leaves the logit difference where it was, to within {within} "
        "{unit}, when it is made to look at S1 we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def s1_serves_it_as_well_as_s2(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """With its attention to S2 and to S1 exchanged, less untouched."""
    clean = _data(model, n, seed, held_out).clean
    moved = one_head.with_attention_exchanged(
        model, clean, _head(model, seed), clean.s2_pos, clean.s1_pos
    )
    return equivalent(moved - _before(model, n, seed, held_out), 0.5, unit="logits")
