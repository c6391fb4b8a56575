"""The lab on mystery circuits: which pairs can tell two variables of the worked example apart.

The model that is swapped is the lab's own, `amber`; the course's model plays no part. Fresh draws
are of its inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, claim, shared
from mi_course.claims.evidence import share
from mi_course.mystery_nets import catalogue, interchange, places
from mi_course.mystery_nets.interchange import Swap
from mi_course.mystery_nets.tasks import picked

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

NAME = "amber"


class _Agreement(NamedTuple):
    """Whether the swapped model answers as a program, on the pairs whose answer changes in it."""

    pointed: Bool[Tensor, "pair"]
    asked: Bool[Tensor, "other_pair"]


def _agreement(bases: Int[Tensor, "pair pos"], sources: Int[Tensor, "pair pos"]) -> _Agreement:
    """Both variables at one place: the stream after layer 0, at the last position."""
    last = torch.full((len(bases),), bases.shape[1] - 1)
    swap = Swap(places.resid(0, at=-1), last, last)
    said = interchange.swapped(catalogue.judged(NAME), bases, sources, [swap])
    right = catalogue.find(NAME).task.answer(bases)
    with_pointed = picked(bases, picked(sources, sources[:, -1]))
    with_asked = picked(bases, picked(bases, sources[:, -1]))
    predicted = (with_pointed, with_asked)
    return _Agreement(*((said == told)[told != right] for told in predicted))


@shared
def _apart(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Agreement:
    return _agreement(catalogue.drawn(NAME, n, seed + 1), catalogue.drawn(NAME, n, seed + 2))


@claim(
    "labs/pairs_that_share_the_list_cannot_tell",
    doc="labs/mystery_circuits",
    n=500,
    of="pairs",
    sentences={
        YES: "On pairs that share the list, the variable that the model does not use agrees in "
        "over {bound} {unit}.",
        NO: "On pairs that share the list, the variable that the model does not use agrees in "
        "{bound} {unit} or fewer.",
        CANNOT_TELL: "We cannot tell whether the wrong variable agrees in over {bound} {unit} of "
        "the pairs that share the list.",
    },
    needs={"name": "pocket"},
)
def pairs_that_share_the_list_cannot_tell(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Agreement of `asked`; only the last number of a source is its own."""
    bases, others = (catalogue.drawn(NAME, n, seed + i) for i in (1, 2))
    sources = torch.cat([bases[:, :-1], others[:, -1:]], 1)
    return share(_agreement(bases, sources).asked, Rule("more", 80.0))


@claim(
    "labs/pairs_drawn_apart_refuse_asked",
    doc="labs/mystery_circuits",
    n=500,
    of="pairs",
    sentences={
        YES: "The number that was asked for agrees in fewer than {bound} {unit} of the pairs drawn "
        "apart.",
        NO: "The number that was asked for agrees in {bound} {unit} of the pairs drawn apart, or "
        "more.",
        CANNOT_TELL: "We cannot tell whether the number that was asked for agrees in fewer than "
        "{bound} {unit} of the pairs drawn apart.",
    },
    needs={"name": "pocket"},
)
def pairs_drawn_apart_refuse_asked(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Agreement of `asked`: one of eight answers would agree by chance."""
    return share(_apart(model, n, seed, held_out).asked, Rule("less", 30.0))


@claim(
    "labs/pairs_drawn_apart_bear_pointed_out",
    doc="labs/mystery_circuits",
    n=500,
    of="pairs",
    sentences={
        YES: "The number that the first pointer leads to agrees in over {bound} {unit} of the "
        "pairs drawn apart.",
        NO: "The number that the first pointer leads to agrees in {bound} {unit} of the pairs "
        "drawn apart, or fewer.",
        CANNOT_TELL: "We cannot tell whether the number that the first pointer leads to agrees in "
        "over {bound} {unit} of the pairs drawn apart.",
    },
    needs={"name": "pocket"},
)
def pairs_drawn_apart_bear_pointed_out(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Agreement of `pointed`."""
    return share(_apart(model, n, seed, held_out).pointed, Rule("more", 80.0))
