"""The lab on probes and steering: what is read in new words and templates, and what moves answers.

A fresh draw takes words and templates anew out of lists that are not much longer, and halves both
anew: so draws share words, and differ most in what is old. Numbers are of pairs of words, since
texts with one pair in several templates are not independent, and of capitals two countries at a
time, since their texts share both cities. Thresholds were set after trials on
other draws, and before any claim was run, but for `late_probes_of_gender_survive_new_templates`: in
its first form, the share right alone, it could not be judged on draws in which all texts are right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, claim, shared
from mi_course.claims.evidence import beyond_control, equivalent, more_than, ratio
from mi_course.steering import moving, probing, properties, reading
from mi_course.steering.properties import Property, Rows

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

READ_EARLY, READ_LATE, STEERED = 15, 27, 24  # layers
DOSE = 2.0
RANDOM = 4  # directions


class _Read(NamedTuple):
    """Texts of a property, and the stream at their ends after two layers."""

    rows: Rows
    texts: reading.Batch
    early: Float[Tensor, "row d_model"]
    late: Float[Tensor, "row d_model"]


class _Steered(NamedTuple):
    """Moves of the log-ratio by vectors of one length, of negative prompts that are new."""

    means: Float[Tensor, "row"]
    probe: Float[Tensor, "row"]
    random: Float[Tensor, "draw row"]
    pair: Tensor


class _Swapped(NamedTuple):
    """What swaps at layer 15 move, by pair of words."""

    whole: Float[Tensor, "pair"]
    at_end: Float[Tensor, "pair"]
    at_noun: Float[Tensor, "pair"]


class _Said(NamedTuple):
    """Moves of the log-ratio of true to false behind new false statements, by two countries."""

    partner: Float[Tensor, "unit"]
    means: Float[Tensor, "unit"]
    random: Float[Tensor, "draw unit"]


def _read(model: TransformerBridge, of: Property, n: int, seed: int, old_templates: bool) -> _Read:
    """Read a property, but for rows that no claim needs; `old_templates`: new words in them too."""
    rows = properties.rows(of, n, seed)
    texts = reading.batch(model, rows.texts)
    x = torch.zeros(len(rows.texts), 2, model.cfg.d_model)
    needed = rows.first | rows.new
    if old_templates:
        needed |= rows.old_template
    some = reading.Batch(texts.tokens[needed], texts.end[needed])
    x[needed] = reading.at_end(model, some, [READ_EARLY, READ_LATE])
    return _Read(rows, texts, x[:, 0], x[:, 1])


def _by_unit(
    values: Float[Tensor, "row"], rows: Rows, where: Bool[Tensor, "row"]
) -> Float[Tensor, "unit"]:
    """The mean of some rows of each new pair of words, or of pairs that share their words."""
    units = rows.unit[~rows.old_word].unique()
    return torch.stack([values[where & (rows.unit == unit)].mean() for unit in units])


def _right(x: Float[Tensor, "row d_model"], rows: Rows) -> Float[Tensor, "row"]:
    return probing.fitted_on(x, rows).right(x, rows.label).float()


def _right_within(x: Float[Tensor, "row d_model"], rows: Rows) -> Float[Tensor, "row"]:
    """The same once each template's mean score over new words is taken off."""
    scores, right = probing.fitted_on(x, rows).scores(x), torch.zeros(len(x))
    for template in rows.template[rows.new].unique():
        here = rows.new & (rows.template == template)
        right[here] = ((scores[here] > scores[here].mean()) == rows.label[here]).float()
    return right


@shared
def _gender(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Read:
    return _read(model, properties.GENDER, n, seed, old_templates=True)


@shared
def _number(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Read:
    return _read(model, properties.NUMBER, n, seed, old_templates=False)


@claim(
    "labs/new_templates_break_a_probe_of_gender",
    doc="labs/probes_and_steering",
    n=34,
    of="pairs of names",
    sentences={
        YES: "At layer 15 new templates cost a probe of gender over {bound} {unit} on new names.",
        NO: "At layer 15 new templates cost a probe of gender {bound} {unit} or less on new names.",
        CANNOT_TELL: "We cannot tell whether new templates cost a probe of gender at layer 15 over "
        "{bound} {unit} on new names.",
    },
    needs={"name": "smollm2"},
)
def new_templates_break_a_probe_of_gender(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Of each new pair of names: the share right in old templates minus that in new ones."""
    read = _gender(model, n, seed, held_out)
    right, rows = _right(read.early, read.rows), read.rows
    old = _by_unit(right, rows, ~rows.old_word & rows.old_template)
    return more_than(100 * (old - _by_unit(right, rows, rows.new)), 15.0, unit="points")


@claim(
    "labs/the_direction_of_gender_was_there",
    doc="labs/probes_and_steering",
    n=34,
    of="pairs of names",
    sentences={
        YES: "At layer 15, with each template's mean taken off, a probe of gender is right on over "
        "{bound} {unit} of new names in new templates.",
        NO: "At layer 15, with each template's mean taken off, a probe of gender is right on "
        "{bound} {unit} of new names in new templates or fewer.",
        CANNOT_TELL: "We cannot tell whether a probe of gender at layer 15, with each template's "
        "mean taken off, is right on over {bound} {unit} of new names in new templates.",
    },
    needs={"name": "smollm2"},
)
def the_direction_of_gender_was_there(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Of each new pair of names the share right, template by template."""
    read = _gender(model, n, seed, held_out)
    right = _right_within(read.early, read.rows)
    return more_than(100 * _by_unit(right, read.rows, read.rows.new), 70.0, unit="%")


@claim(
    "labs/late_probes_of_gender_survive_new_templates",
    doc="labs/probes_and_steering",
    n=34,
    of="pairs of names",
    sentences={
        YES: "Of new names in new templates a probe of layer 27 is right on over {bound} {unit} "
        "more than one of layer 15.",
        NO: "Of new names in new templates a probe of layer 27 is right on at most {bound} {unit} "
        "more than one of layer 15.",
        CANNOT_TELL: "We cannot tell whether of new names in new templates a probe of layer 27 is "
        "right on over {bound} {unit} more than one of layer 15.",
    },
    needs={"name": "smollm2"},
)
def late_probes_of_gender_survive_new_templates(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Of each new pair of names the share right at layer 27 minus that at layer 15, as fitted."""
    read = _gender(model, n, seed, held_out)
    more = _right(read.late, read.rows) - _right(read.early, read.rows)
    return more_than(100 * _by_unit(more, read.rows, read.rows.new), 15.0, unit="points")


@shared
def _mood(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Steered:
    """Moves at layer 24 of new negative adjectives in new templates."""
    of = properties.SENTIMENT
    rows, yes, no = properties.rows(of, n, seed), *_ids(model, of)
    texts, first = reading.batch(model, rows.texts), rows.first
    some = reading.Batch(texts.tokens[first], texts.end[first])
    x = reading.at_end(model, some, [STEERED])[:, 0]
    keep = rows.new & ~rows.label
    prompts = reading.Batch(texts.tokens[keep], texts.end[keep])
    v = moving.mean_difference(x, rows.label[first])
    w = moving.as_long(probing.fit(x, rows.label[first]).weights, v)

    def said(vector: Tensor, dose: float) -> Tensor:
        logits = moving.last_logits(model, prompts, STEERED, vector, dose)
        return moving.log_ratio(logits, yes, no)

    base = said(v, 0.0)
    drawn = [moving.random_like(v, seed + i) for i in range(RANDOM)]
    moved = [said(vector, DOSE) - base for vector in (v, w, *drawn)]
    return _Steered(moved[0], moved[1], torch.stack(moved[2:]), rows.pair[keep])


def _ids(model: TransformerBridge, of: Property) -> tuple[Tensor, Tensor]:
    return moving.token_ids(model, of.yes), moving.token_ids(model, of.no)


def _means(values: Float[Tensor, "*draw row"], pair: Tensor) -> Float[Tensor, "*draw pair"]:
    return torch.stack([values[..., pair == one].mean(-1) for one in pair.unique()], -1)


@claim(
    "labs/means_of_sentiment_steer",
    doc="labs/probes_and_steering",
    n=34,
    of="pairs of adjectives",
    sentences={
        YES: "Two doses of the difference of means at layer 24 move the log-ratio by over {bound} "
        "{unit}.",
        NO: "Two doses of the difference of means at layer 24 move the log-ratio by {bound} {unit} "
        "or less.",
        CANNOT_TELL: "We cannot tell whether two doses of the difference of means at layer 24 move "
        "the log-ratio by over {bound} {unit}.",
    },
    needs={"name": "smollm2"},
)
def means_of_sentiment_steer(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Of each new negative adjective in new templates."""
    found = _mood(model, n, seed, held_out)
    return more_than(_means(found.means, found.pair), 3.0, unit="nats")


@claim(
    "labs/means_beat_random_directions",
    doc="labs/probes_and_steering",
    n=34,
    of="pairs of adjectives",
    sentences={
        YES: "They move it by over {bound} {unit} more than random directions of the same length "
        "do.",
        NO: "They move it by at most {bound} {unit} more than random directions of the same length "
        "do.",
        CANNOT_TELL: "We cannot tell whether they move it by over {bound} {unit} more than random "
        "directions of the same length.",
    },
    needs={"name": "smollm2"},
)
def means_beat_random_directions(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The same prompts and the same dose; random directions are drawn anew."""
    found = _mood(model, n, seed, held_out)
    means, random = _means(found.means, found.pair), _means(found.random, found.pair)
    drawn = [seed + i for i in range(RANDOM)]
    return beyond_control(means, random, drawn, unit="nats", bound=2.0)


@claim(
    "labs/means_steer_more_than_the_probe",
    doc="labs/probes_and_steering",
    n=34,
    of="pairs of adjectives",
    sentences={
        YES: "The difference of means moves the log-ratio by over {bound} {unit} more than the "
        "probe's direction of the same length.",
        NO: "The difference of means moves the log-ratio by at most {bound} {unit} more than the "
        "probe's direction of the same length.",
        CANNOT_TELL: "We cannot tell whether the difference of means moves the log-ratio by over "
        "{bound} {unit} more than the probe's direction of the same length.",
    },
    needs={"name": "smollm2"},
)
def means_steer_more_than_the_probe(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Two doses of each at layer 24, on the same prompts."""
    found = _mood(model, n, seed, held_out)
    return more_than(_means(found.means - found.probe, found.pair), 1.0, unit="nats")


@claim(
    "labs/number_is_read_at_layer_15",
    doc="labs/probes_and_steering",
    n=34,
    of="pairs of nouns",
    sentences={
        YES: "With each template's mean taken off, a probe at the last token is right on over "
        "{bound} {unit} of new nouns in new templates.",
        NO: "With each template's mean taken off, a probe at the last token is right on {bound} "
        "{unit} of new nouns in new templates or fewer.",
        CANNOT_TELL: "We cannot tell whether a probe at the last token, with each template's mean "
        "taken off, is right on over {bound} {unit} of new nouns in new templates.",
    },
    needs={"name": "smollm2"},
)
def number_is_read_at_layer_15(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Of each new pair of nouns the share right, template by template."""
    read = _number(model, n, seed, held_out)
    right = _right_within(read.early, read.rows)
    return more_than(100 * _by_unit(right, read.rows, read.rows.new), 80.0, unit="%")


@shared
def _swaps(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Swapped:
    """Singular texts with the stream of their plural partners after layer 15, at one position."""
    read, (yes, no) = _number(model, n, seed, held_out), _ids(model, properties.NUMBER)
    rows, texts = read.rows, read.texts
    many, one = ((rows.new & (rows.label == flag)).nonzero().flatten() for flag in (True, False))
    plural, singular = (reading.Batch(texts.tokens[at], texts.end[at]) for at in (many, one))
    noun, there = (reading.batch(model, rows.upto).end[at] for at in (one, many))
    at_noun = reading.at_end(model, reading.Batch(plural.tokens, there), [READ_EARLY])[:, 0]

    def said(texts: reading.Batch, source: Tensor | None, positions: Tensor) -> Tensor:
        change = (lambda x: x) if source is None else (lambda x: source)
        logits = moving.at_position(model, texts, READ_EARLY, change, positions)
        return moving.log_ratio(logits, yes, no)

    base = said(singular, None, singular.end)
    moves = (
        said(plural, None, plural.end) - base,
        said(singular, read.early[many], singular.end) - base,
        said(singular, at_noun, noun) - base,
    )
    return _Swapped(*(_means(move, rows.pair[one]) for move in moves))


@claim(
    "labs/number_is_not_used_there_at_layer_15",
    doc="labs/probes_and_steering",
    n=34,
    of="pairs of nouns",
    sentences={
        YES: "The swap of the whole stream at the last token after layer 15 makes less than "
        "{bound} {unit} of the move.",
        NO: "The swap of the whole stream at the last token after layer 15 makes {bound} {unit} of "
        "the move or more.",
        CANNOT_TELL: "We cannot tell whether the swap of the whole stream at the last token after "
        "layer 15 makes less than {bound} {unit} of the move.",
    },
    needs={"name": "smollm2"},
)
def number_is_not_used_there_at_layer_15(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The move by the swap over the move by the partner text, of new nouns in new templates."""
    found = _swaps(model, n, seed, held_out)
    return ratio(found.at_end, found.whole, Rule("less", 15.0))


@claim(
    "labs/number_is_used_at_the_noun",
    doc="labs/probes_and_steering",
    n=34,
    of="pairs of nouns",
    sentences={
        YES: "The same swap at the noun makes over {bound} {unit} of the move.",
        NO: "The same swap at the noun makes {bound} {unit} of the move or less.",
        CANNOT_TELL: "We cannot tell whether the same swap at the noun makes over {bound} {unit} "
        "of the move.",
    },
    needs={"name": "smollm2"},
)
def number_is_used_at_the_noun(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The move by the swap over the move by the partner text, of new nouns in new templates."""
    found = _swaps(model, n, seed, held_out)
    return ratio(found.at_noun, found.whole, Rule("more", 80.0))


@shared
def _truth(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Read:
    return _read(model, properties.TRUTH, n, seed, old_templates=False)


@claim(
    "labs/truth_is_read_of_new_capitals",
    doc="labs/probes_and_steering",
    n=36,
    of="countries",
    sentences={
        YES: "At layer 15, with each template's mean taken off, a probe tells true from false in "
        "over {bound} {unit} of statements about new countries in new templates.",
        NO: "At layer 15, with each template's mean taken off, a probe tells true from false in "
        "{bound} {unit} of statements about new countries in new templates or fewer.",
        CANNOT_TELL: "We cannot tell whether at layer 15, with each template's mean taken off, a "
        "probe tells true from false in over {bound} {unit} of statements about new countries in "
        "new templates.",
    },
    needs={"name": "smollm2"},
)
def truth_is_read_of_new_capitals(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Of each two new countries the share right, template by template."""
    read = _truth(model, n, seed, held_out)
    right = _right_within(read.early, read.rows)
    return more_than(100 * _by_unit(right, read.rows, read.rows.new), 70.0, unit="%")


@shared
def _said(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Said:
    """The model is asked around the statement, and moved at the statement's own last token.

    The vector is from statements without a question, of old countries in old templates.
    """
    read, (yes, no) = _truth(model, n, seed, held_out), _ids(model, properties.TRUTH)
    rows, first = read.rows, read.rows.first
    asked, ends = reading.asked(model, rows.texts, properties.TRUTH.ask)
    true, false = ((rows.new & (rows.label == flag)).nonzero().flatten() for flag in (True, False))

    def said(which: Tensor, vector: Tensor) -> Tensor:
        prompts = reading.Batch(asked.tokens[which], asked.end[which])
        logits = moving.at_position(model, prompts, READ_EARLY, lambda x: x + vector, ends[which])
        return moving.log_ratio(logits, yes, no)

    v = moving.mean_difference(read.early[first], rows.label[first])
    drawn = [moving.random_like(v, seed + i) for i in range(RANDOM)]
    base = said(false, 0 * v)
    moved = [said(true, 0 * v), *(said(false, DOSE * one) for one in (v, *drawn))]
    moves = _means(torch.stack(moved) - base, rows.unit[false])
    return _Said(moves[0], moves[1], moves[2:])


@claim(
    "labs/the_model_does_not_say_what_is_true",
    doc="labs/probes_and_steering",
    n=36,
    of="countries",
    sentences={
        YES: "Asked, the model says the same of both: a true statement in place of a false one "
        "moves the log-ratio by less than {within} {unit}, up or down.",
        NO: "Asked, the model does not say the same of both: a true statement in place of a false "
        "one moves the log-ratio by more than {within} {unit}, up or down.",
        CANNOT_TELL: "We cannot tell whether a true statement in place of a false one moves the "
        "log-ratio by less than {within} {unit}.",
    },
    needs={"name": "smollm2"},
)
def the_model_does_not_say_what_is_true(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Both about the same country, in the same template, with the same question behind."""
    return equivalent(_said(model, n, seed, held_out).partner, 0.25, unit="nats")


@claim(
    "labs/means_of_truth_steer",
    doc="labs/probes_and_steering",
    n=36,
    of="countries",
    sentences={
        YES: "Two doses of truth's difference of means move the log-ratio more than random "
        "directions of the same length do.",
        NO: "Two doses of truth's difference of means move the log-ratio by at most {within} "
        "{unit} more than random directions of the same length do.",
        CANNOT_TELL: "We cannot tell whether two doses of truth's difference of means move the "
        "log-ratio more than random directions of the same length.",
    },
    needs={"name": "smollm2"},
)
def means_of_truth_steer(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """After layer 15, at the last token of false statements; random directions are drawn anew."""
    found, drawn = _said(model, n, seed, held_out), [seed + i for i in range(RANDOM)]
    return beyond_control(found.means, found.random, drawn, unit="nats", within=0.25)
