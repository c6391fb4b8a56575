"""The lab on patching by gradient: circuits of twenty edges, alone, in two training runs.

The edges are chosen anew for each draw, on pairs of prompts that judge nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import torch

from mi_course import ioi, ioi_data, second_run
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, claim, shared
from mi_course.claims.circuits import APART
from mi_course.claims.evidence import beyond_control, ratio
from mi_course.claims.prompts import template
from mi_course.gradient_patching import controls, edges, pair_metrics, two_runs
from mi_course.gradient_patching.ranking import strongest_edges

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

    from mi_course.gradient_patching.graph import Edge

SIZE, FOUND_ON, OTHERS, DRAWS = 20, 8, 16, 5


def _dataset(model: TransformerBridge, n: int, seed: int, held_out: bool) -> ioi_data.Dataset:
    form = template(model.tokenizer, ioi.P8_FORM, seed, held_out)
    return ioi_data.dataset(model.tokenizer, n, seed, [form])


def _scored(model: TransformerBridge, data: ioi_data.Dataset) -> list[edges.Scores]:
    metrics = pair_metrics(data.clean.io, data.clean.s)
    return edges.scores(model, data.clean.tokens, data.flipped.tokens, metrics)


@shared
def _scores(model: TransformerBridge, seed: int, held_out: bool) -> list[edges.Scores]:
    """On pairs that judge nothing; their form is that of the pairs that do."""
    return _scored(model, _dataset(model, FOUND_ON, seed + APART, held_out))


def _alone(
    model: TransformerBridge,
    n: int,
    seed: int,
    held_out: bool,
    circuit: Sequence[Edge],
    by: edges.By = "own",
) -> edges.Alone:
    data = _dataset(model, n, seed, held_out)
    others = _dataset(model, max(n, OTHERS), seed + APART + 1, held_out).abc.tokens
    metrics = pair_metrics(data.clean.io, data.clean.s)
    return edges.alone(model, data.clean.tokens, data.flipped.tokens, metrics, circuit, by, others)


@shared
def _own(model: TransformerBridge, n: int, seed: int, held_out: bool) -> edges.Alone:
    """The strongest edges alone, the rest with what the own swapped prompt writes."""
    circuit = strongest_edges(_scores(model, seed, held_out), SIZE)
    return _alone(model, n, seed, held_out, circuit)


@claim(
    "labs/own_prompt_recovers_more_than_means",
    doc="labs/patching_by_gradient",
    n=5,
    of="pairs of prompts",
    sentences={
        YES: "Twenty edges recover at least {bound} {unit} of the gap more where the rest carries "
        "the pair's own swapped prompt than where it carries means.",
        NO: "Twenty edges recover no more than {bound} {unit} of the gap more where the rest "
        "carries the pair's own swapped prompt than where it carries means.",
        CANNOT_TELL: "We cannot tell whether twenty edges recover {bound} {unit} of the gap more "
        "with the pair's own swapped prompt than with means.",
    },
    templates=True,
    needs={"found": "shipped"},
)
def own_prompt_recovers_more_than_means(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The difference of the circuit's logit differences, over the gap."""
    own = _own(model, n, seed, held_out)
    circuit = strongest_edges(_scores(model, seed, held_out), SIZE)
    mean = _alone(model, n, seed, held_out, circuit, "mean")
    return ratio(own.circuit - mean.circuit, own.clean - own.corrupted, Rule("more", 10.0))


@claim(
    "labs/means_recover_without_a_circuit",
    doc="labs/patching_by_gradient",
    n=5,
    of="pairs of prompts",
    sentences={
        YES: "With means in the place of every edge, and no circuit at all, more than {bound} "
        "{unit} of the gap is recovered.",
        NO: "With means in the place of every edge, {bound} {unit} of the gap is recovered at "
        "most.",
        CANNOT_TELL: "We cannot tell whether means in the place of every edge recover more than "
        "{bound} {unit} of the gap.",
    },
    templates=True,
    needs={"found": "shipped"},
)
def means_recover_without_a_circuit(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What an empty circuit among means reaches, over the gap."""
    none = _alone(model, n, seed, held_out, [], "mean")
    return ratio(none.circuit - none.corrupted, none.clean - none.corrupted, Rule("more", 25.0))


@claim(
    "labs/circuit_beats_random_paths",
    doc="labs/patching_by_gradient",
    n=5,
    of="pairs of prompts",
    sentences={
        YES: "Twenty edges recover at least {bound} {unit} more than twenty on random paths.",
        NO: "Twenty edges recover no more than {bound} {unit} more than twenty on random paths.",
        CANNOT_TELL: "We cannot tell whether twenty edges recover {bound} {unit} more than twenty "
        "on random paths.",
    },
    templates=True,
    needs={"found": "shipped"},
)
def circuit_beats_random_paths(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Both in units of the mean gap, pair by pair and draw by draw."""
    by_pair = _scores(model, seed, held_out)
    words = _dataset(model, 1, seed, held_out).clean.s2_pos.tolist()
    drawn = controls.random_paths(edges.scored(by_pair), words, SIZE, DRAWS, seed)
    own = _own(model, n, seed, held_out)
    gap = (own.clean - own.corrupted).mean()
    rows = [_alone(model, n, seed, held_out, one).circuit - own.corrupted for one in drawn]
    circuit, control = (own.circuit - own.corrupted) / gap, torch.stack(rows) / gap
    return beyond_control(circuit, control, drawn, unit="of the gap", bound=0.3)


@cache
def _second() -> TransformerBridge:
    return second_run.load()


@claim(
    "labs/edges_do_not_carry_over",
    doc="labs/patching_by_gradient",
    n=5,
    of="pairs of prompts",
    sentences={
        YES: "The twenty edges of one training run recover less than {bound} {unit} of the gap in "
        "another run.",
        NO: "The twenty edges of one training run recover {bound} {unit} of the gap in another "
        "run, or more.",
        CANNOT_TELL: "We cannot tell whether the twenty edges of one training run recover "
        "less than {bound} {unit} of the gap in another run.",
    },
    templates=True,
    needs={"found": "shipped"},
)
def edges_do_not_carry_over(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Under their own names, in the second run of `pocket`."""
    circuit = strongest_edges(_scores(model, seed, held_out), SIZE)
    return _share_in_second(model, n, seed, held_out, circuit, Rule("less", 50.0))


@claim(
    "labs/edges_carry_over_between_matched_heads",
    doc="labs/patching_by_gradient",
    n=5,
    of="pairs of prompts",
    sentences={
        YES: "With heads matched, the twenty edges of one training run recover more than {bound} "
        "{unit} of the gap in another run.",
        NO: "Even with heads matched, the twenty edges of one training run recover {bound} {unit} "
        "of the gap in another run at most.",
        CANNOT_TELL: "We cannot tell whether the twenty edges of one training run, with heads "
        "matched, recover more than {bound} {unit} of the gap in another run.",
    },
    templates=True,
    needs={"found": "shipped"},
)
def edges_carry_over_between_matched_heads(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """Heads are matched by scores on the pairs that chose the edges."""
    ours, theirs = _scores(model, seed, held_out), _scores_of_second(model, seed, held_out)
    heads = two_runs.matched_heads(ours, theirs, model.cfg.n_layers, model.cfg.n_heads)
    circuit = [two_runs.renumbered(edge, heads) for edge in strongest_edges(ours, SIZE)]
    return _share_in_second(model, n, seed, held_out, circuit, Rule("more", 50.0))


def _scores_of_second(model: TransformerBridge, seed: int, held_out: bool) -> list[edges.Scores]:
    return _scored(_second(), _dataset(model, FOUND_ON, seed + APART, held_out))


def _share_in_second(
    model: TransformerBridge,
    n: int,
    seed: int,
    held_out: bool,
    circuit: Sequence[Edge],
    rule: Rule,
) -> Finding:
    alone = _alone(_second(), n, seed, held_out, circuit)
    return ratio(alone.circuit - alone.corrupted, alone.clean - alone.corrupted, rule)
