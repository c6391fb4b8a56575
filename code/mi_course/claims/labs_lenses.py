"""The lab on lenses: what two lenses read in late layers of `smollm2`, and what a swap changes.

Fresh draws are of prompts, and of random rotations. The lens is the one that ships. Thresholds were
set when the page's draw and trials on other prompts had been seen, and before any fresh draw was.

What swaps and patches runs each prompt seven times, for eight claims together. These had 30 prompts
first, and three of them varied from draw to draw between yes and cannot tell. All have 60 now, as
the page has, so that they share their runs and the page's numbers are theirs. One of what reads
had 60, and refused a draw on which two lenses agreed on every prompt; it has 84. No threshold has
moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mi_course import models
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, claim, shared
from mi_course.claims.evidence import less_than, more_than, share
from mi_course.lenses import prompts, reading, shipped, swapping
from mi_course.lenses.prompts import Prompts
from mi_course.lenses.reading import Streams

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

FIRST = 10  # an answer counts as read where it is among so many

RANDOM_DRAWS = 3
EARLY, MIDDLE, LATE = 20, 24, 28


class _Drawn(NamedTuple):
    """Prompts, and what the model has at their last token."""

    bare: TransformerBridge
    asked: Prompts
    ends: Streams


@shared
def _bare(model: TransformerBridge) -> TransformerBridge:
    return models.load_bare(model)


@shared
def _drawn(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Drawn:
    bare = _bare(model)
    asked = prompts.draw(bare.tokenizer, n, seed, held_out)
    return _Drawn(bare, asked, reading.streams(bare, asked, shipped.LAYERS))


def _hits(
    drawn: _Drawn, layer: int, jacobian: Float[Tensor, "d_model d_model"] | None
) -> Bool[Tensor, "prompt"]:
    """Where the right answer is read after a layer; by the logit lens without a matrix."""
    logits = reading.lens_logits(drawn.bare, drawn.ends.after(layer), jacobian)
    return reading.answer_ranks(logits, drawn.asked.answers) < FIRST


def _points(one: Bool[Tensor, "prompt"], other: Bool[Tensor, "prompt"]) -> Float[Tensor, "prompt"]:
    """By how many points the share of the first is larger, prompt by prompt."""
    return 100 * (one.float() - other.float())


class _Pairs(NamedTuple):
    """Prompts, each with another of its kind, and what both have at the end and at the subject."""

    bare: TransformerBridge
    asked: Prompts
    others: Int[Tensor, "prompt"]
    ends: Streams
    there: Streams

    @property
    def instead(self) -> Int[Tensor, "prompt"]:
        """The other prompt's answer."""
        return self.asked.answers[self.others]


@shared
def _pairs(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Pairs:
    bare = _bare(model)
    asked = prompts.draw(bare.tokenizer, n, seed + 1, held_out)
    places = asked.ends, asked.subjects
    ends, there = reading.streams_at(bare, asked, shipped.LAYERS, places)
    return _Pairs(bare, asked, asked.others(), ends, there)


@shared
def _after_swap(
    model: TransformerBridge, n: int, seed: int, held_out: bool, layer: int, by_jacobian: bool
) -> Bool[Tensor, "prompt"]:
    """Where the first choice is the other answer when a lens' two coordinates are exchanged."""
    bare, asked, _, ends, _ = pairs = _pairs(model, n, seed, held_out)
    identity = torch.eye(bare.cfg.d_model)
    matrix = shipped.load().jacobians[layer] if by_jacobian else identity
    one, two = (
        swapping.token_directions(bare, tokens, matrix) for tokens in (ends.own, pairs.instead)
    )
    return swapping.swapped(bare, asked, layer, one, two).argmax(-1) == pairs.instead


@shared
def _after_patch(
    model: TransformerBridge, n: int, seed: int, held_out: bool, layer: int, at_subject: bool
) -> Bool[Tensor, "prompt"]:
    """The same when the whole vector is the other prompt's."""
    bare, asked, others, ends, there = pairs = _pairs(model, n, seed, held_out)
    of, at = (there, asked.subjects) if at_subject else (ends, None)
    found = swapping.patched(bare, asked, layer, of.after(layer)[others], at)
    return found.argmax(-1) == pairs.instead


def _read_at_subject(
    model: TransformerBridge, n: int, seed: int, held_out: bool, layer: int
) -> Bool[Tensor, "prompt"]:
    """Where a layer's Jacobian lens has the right answer among its first ten at the subject."""
    pairs, matrix = _pairs(model, n, seed, held_out), shipped.load().jacobians[layer]
    logits = reading.lens_logits(pairs.bare, pairs.there.after(layer), matrix)
    return reading.answer_ranks(logits, pairs.asked.answers) < FIRST


@claim(
    "labs/logit_lens_fails_late",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "One layer before the end the logit lens has the right answer among its first ten in "
        "less than {bound} {unit} of prompts.",
        NO: "One layer before the end the logit lens has the right answer among its first ten in "
        "{bound} {unit} of prompts or more.",
        CANNOT_TELL: "Whether the logit lens has the right answer among its first ten in less than "
        "{bound} {unit} of prompts, one layer before the end, we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def logit_lens_fails_late(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """After layer 28 of 0 to 29."""
    return share(_hits(_drawn(model, n, seed, held_out), LATE, None), Rule("less", 50.0))


@claim(
    "labs/one_dimension_hides_the_answer",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "One layer before the end, leaving out the largest dimension raises the logit lens' "
        "share of right answers by over {bound} {unit}.",
        NO: "One layer before the end, leaving out the largest dimension raises the logit lens' "
        "share of right answers by {bound} {unit} or less.",
        CANNOT_TELL: "Whether leaving out the largest dimension raises the logit lens' share of "
        "right answers by over {bound} {unit}, one layer before the end, we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def one_dimension_hides_the_answer(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The logit lens after layer 28, with the dimension at zero that is largest on average."""
    drawn = _drawn(model, n, seed, held_out)
    bald = reading.without_largest(drawn.ends.after(LATE), 1)
    logits = reading.lens_logits(drawn.bare, bald)
    without = reading.answer_ranks(logits, drawn.asked.answers) < FIRST
    return more_than(_points(without, _hits(drawn, LATE, None)), 10.0, unit="points")


@claim(
    "labs/jacobian_lens_reads_more",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "After layer 24 the Jacobian lens finds over {bound} {unit} more of the right answers "
        "than the logit lens.",
        NO: "After layer 24 the Jacobian lens finds at most {bound} {unit} more of the right "
        "answers than the logit lens.",
        CANNOT_TELL: "Whether the Jacobian lens finds over {bound} {unit} more of the right "
        "answers after layer 24 than the logit lens we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def jacobian_lens_reads_more(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Right answers among the first ten, prompt by prompt."""
    drawn = _drawn(model, n, seed, held_out)
    carried = _hits(drawn, MIDDLE, shipped.load().jacobians[MIDDLE])
    return more_than(_points(carried, _hits(drawn, MIDDLE, None)), 60.0, unit="points")


@claim(
    "labs/jacobian_lens_fails_earlier",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "After layer 20 the Jacobian lens has the right answer among its first ten in less "
        "than {bound} {unit} of prompts.",
        NO: "After layer 20 the Jacobian lens has the right answer among its first ten in {bound} "
        "{unit} of prompts or more.",
        CANNOT_TELL: "Whether the Jacobian lens has the right answer among its first ten in less "
        "than {bound} {unit} of prompts after layer 20 we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def jacobian_lens_fails_earlier(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The lens that ships, at its earliest layer."""
    drawn = _drawn(model, n, seed, held_out)
    return share(_hits(drawn, EARLY, shipped.load().jacobians[EARLY]), Rule("less", 30.0))


@claim(
    "labs/random_inputs_read_nothing",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "With random input directions, over three draws of them, the right answer is among "
        "the first ten in less than {bound} {unit}.",
        NO: "With random input directions the right answer is among the first ten in {bound} "
        "{unit} or more.",
        CANNOT_TELL: "Whether the right answer is among the first ten in less than {bound} {unit} "
        "with random input directions we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def random_inputs_read_nothing(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The lens of layer 24 behind three random rotations; each prompt counts three times."""
    drawn, matrix = _drawn(model, n, seed, held_out), shipped.load().jacobians[MIDDLE]
    seeds = range(seed, seed + RANDOM_DRAWS)
    hits = [_hits(drawn, MIDDLE, reading.random_inputs(matrix, one)) for one in seeds]
    return share(torch.cat(hits), Rule("less", 10.0))


@claim(
    "labs/another_layers_lens_does_nearly_as_well",
    doc="labs/lenses",
    n=84,
    of="prompts",
    sentences={
        YES: "After layer 24, layer 28's lens finds fewer right answers than layer 24's own by "
        "less than {bound} {unit}.",
        NO: "After layer 24, layer 28's lens finds fewer right answers than layer 24's own by "
        "{bound} {unit} or more.",
        CANNOT_TELL: "Whether layer 28's lens falls behind layer 24's own by less than {bound} "
        "{unit} after layer 24 we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def another_layers_lens_does_nearly_as_well(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Both read the stream after layer 24."""
    drawn, matrices = _drawn(model, n, seed, held_out), shipped.load().jacobians
    own, other = (_hits(drawn, MIDDLE, matrices[layer]) for layer in (MIDDLE, LATE))
    return less_than(_points(own, other), 25.0, unit="points")


@claim(
    "labs/answer_follows_the_swap",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "Exchanged along the Jacobian lens' directions after layer 24, the first choice "
        "follows in over {bound} {unit} of prompts.",
        NO: "Exchanged along the Jacobian lens' directions after layer 24, the first choice "
        "follows in {bound} {unit} of prompts or fewer.",
        CANNOT_TELL: "Whether the first choice follows a swap after layer 24 in over {bound} "
        "{unit} of prompts we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def answer_follows_the_swap(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Two coordinates at the last token; the other answer is that of another prompt of the kind."""
    return share(_after_swap(model, n, seed, held_out, MIDDLE, True), Rule("more", 30.0))


@claim(
    "labs/jacobian_swaps_better_than_logit",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "Swaps after layer 24 turn over {bound} {unit} more of the first choices along the "
        "Jacobian lens' directions than along the logit lens'.",
        NO: "Swaps after layer 24 turn at most {bound} {unit} more of the first choices along the "
        "Jacobian lens' directions than along the logit lens'.",
        CANNOT_TELL: "Whether swaps after layer 24 turn over {bound} {unit} more of the first "
        "choices along the Jacobian lens' directions than along the logit lens' we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def jacobian_swaps_better_than_logit(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """After layer 24, prompt by prompt."""
    ways = (_after_swap(model, n, seed, held_out, MIDDLE, way) for way in (True, False))
    return more_than(_points(*ways), 15.0, unit="points")


@claim(
    "labs/no_swap_earlier",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "After layer 20 the first choice follows such a swap in less than {bound} {unit} of "
        "prompts.",
        NO: "After layer 20 the first choice follows such a swap in {bound} {unit} of prompts or "
        "more.",
        CANNOT_TELL: "Whether the first choice follows such a swap after layer 20 in less than "
        "{bound} {unit} of prompts we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def no_swap_earlier(model: TransformerBridge, n: int, seed: int, held_out: bool = False) -> Finding:
    """The same exchange along directions of layer 20's lens."""
    return share(_after_swap(model, n, seed, held_out, EARLY, True), Rule("less", 20.0))


@claim(
    "labs/the_last_token_does_not_have_it_yet",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "With the whole vector of another prompt at the last token after layer 20, its answer "
        "is the first choice in less than {bound} {unit} of prompts.",
        NO: "With the whole vector of another prompt at the last token after layer 20, its answer "
        "is the first choice in {bound} {unit} of prompts or more.",
        CANNOT_TELL: "Whether the other prompt's answer is the first choice in less than {bound} "
        "{unit} of prompts, with its whole vector at the last token after layer 20, we cannot "
        "tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def the_last_token_does_not_have_it_yet(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """A patch of the last token alone."""
    return share(_after_patch(model, n, seed, held_out, EARLY, False), Rule("less", 20.0))


@claim(
    "labs/the_subject_has_it",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "With the whole vector at the subject after layer 20, the other answer is the first "
        "choice in over {bound} {unit} of prompts.",
        NO: "With the whole vector at the subject after layer 20, the other answer is the first "
        "choice in {bound} {unit} of prompts or less.",
        CANNOT_TELL: "Whether the other answer is the first choice in over {bound} {unit} of "
        "prompts, with the whole vector at the subject after layer 20, we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def the_subject_has_it(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """A patch of the last token of the country or the word that is asked for."""
    return share(_after_patch(model, n, seed, held_out, EARLY, True), Rule("more", 40.0))


@claim(
    "labs/the_subject_has_it_wherever_it_is_named",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "With the whole vector wherever the subject is named, after layer 20, the other "
        "answer is the first choice in over {bound} {unit}.",
        NO: "With the whole vector wherever the subject is named, after layer 20, the other answer "
        "is the first choice in {bound} {unit} or less.",
        CANNOT_TELL: "Whether the other answer is the first choice in over {bound} {unit}, with "
        "the whole vector wherever the subject is named, after layer 20, we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def the_subject_has_it_wherever_it_is_named(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """A patch of both, where a template names it twice: no template of the page does.

    Made when `the_subject_has_it` had failed on other templates, with its threshold, after one
    trial on the first of their draws.
    """
    bare, asked, others, _, there = pairs = _pairs(model, n, seed, held_out)
    places = [prompts.first_named(asked), asked.subjects]
    first = reading.streams(bare, asked, (EARLY,), places[0])
    new = [one.after(EARLY)[others] for one in (first, there)]
    said = swapping.patched_at(bare, asked, EARLY, new, places).argmax(-1)
    return share(said == pairs.instead, Rule("more", 40.0))


@claim(
    "labs/the_lens_does_not_show_it_there",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "At the subject, after layer 20, the Jacobian lens has the right answer among its "
        "first ten in less than {bound} {unit}.",
        NO: "At the subject, after layer 20, the Jacobian lens has the right answer among its "
        "first ten in {bound} {unit} or more.",
        CANNOT_TELL: "Whether the Jacobian lens has the right answer among its first ten at the "
        "subject in less than {bound} {unit} after layer 20 we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def the_lens_does_not_show_it_there(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """At the subject, after the layer at which the patch is made."""
    return share(_read_at_subject(model, n, seed, held_out, EARLY), Rule("less", 40.0))


@claim(
    "labs/the_subject_is_used_no_more",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "After layer 24 the whole vector at the subject turns the first choice in less than "
        "{bound} {unit} of prompts.",
        NO: "After layer 24 the whole vector at the subject turns the first choice in {bound} "
        "{unit} of prompts or more.",
        CANNOT_TELL: "Whether the whole vector at the subject turns the first choice in less than "
        "{bound} {unit} of prompts after layer 24 we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def the_subject_is_used_no_more(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """A patch of the subject's last token."""
    return share(_after_patch(model, n, seed, held_out, MIDDLE, True), Rule("less", 20.0))


@claim(
    "labs/the_lens_shows_it_there_all_the_same",
    doc="labs/lenses",
    n=60,
    of="prompts",
    sentences={
        YES: "At the subject, after layer 24, the Jacobian lens has the right answer among its "
        "first ten in over {bound} {unit}.",
        NO: "At the subject, after layer 24, the Jacobian lens has the right answer among its "
        "first ten in {bound} {unit} or less.",
        CANNOT_TELL: "Whether the Jacobian lens has the right answer among its first ten at the "
        "subject in over {bound} {unit} after layer 24 we cannot tell.",
    },
    templates=True,
    needs={"name": "smollm2"},
)
def the_lens_shows_it_there_all_the_same(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """At the subject, after the layer at which a patch of it does nothing."""
    return share(_read_at_subject(model, n, seed, held_out, MIDDLE), Rule("more", 20.0))
