"""Labs: how far patching by gradient agrees with patches, and why not further."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import ioi, ioi_data
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, claim, shared
from mi_course.claims.evidence import more_than, ratio
from mi_course.claims.prompts import template
from mi_course.gradient_patching import edges, nodes, pair_metrics
from mi_course.gradient_patching.straightness import Way

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


class _Both(NamedTuple):
    """Estimates and patches of every node, [batch, node], under each corruption."""

    estimated: dict[str, Float[Tensor, "batch node"]]
    exact: dict[str, Float[Tensor, "batch node"]]


def _dataset(model: TransformerBridge, n: int, seed: int, held_out: bool) -> ioi_data.Dataset:
    form = template(model.tokenizer, ioi.P8_FORM, seed, held_out)
    return ioi_data.dataset(model.tokenizer, n, seed, [form])


@shared
def _both(model: TransformerBridge, n: int, seed: int, held_out: bool) -> _Both:
    data = _dataset(model, n, seed, held_out)
    metrics, found = pair_metrics(data.clean.io, data.clean.s), _Both({}, {})
    for kind, corrupted in (("abc", data.abc.tokens), ("flipped", data.flipped.tokens)):
        found.estimated[kind] = nodes.estimates(model, data.clean, corrupted, metrics)
        found.exact[kind] = nodes.exact(model, data.clean, corrupted)
    return found


def _of_heads(model: TransformerBridge, values: Float[Tensor, "batch node"]) -> Tensor:
    return values[:, : model.cfg.n_layers * model.cfg.n_heads]


@claim(
    "labs/gradient_agrees_on_heads",
    doc="labs/patching_by_gradient",
    n=10,
    of="pairs of prompts",
    sentences={
        YES: "With three other names, what the gradient misses of the heads' patches is under "
        "{bound} {unit} of what they do.",
        NO: "With three other names, the gradient misses {bound} {unit} of the heads' patches, or "
        "more.",
        CANNOT_TELL: "We cannot tell whether the gradient misses less than {bound} {unit} of the "
        "heads' patches with three other names.",
    },
    templates=True,
)
def gradient_agrees_on_heads(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What is missed of all heads, over what patching them changes, in absolute values."""
    both = _both(model, n, seed, held_out)
    exact = _of_heads(model, both.exact["abc"])
    missed = (_of_heads(model, both.estimated["abc"]) - exact).abs().sum(1)
    return ratio(missed, exact.abs().sum(1), Rule("less", 25.0))


@claim(
    "labs/gradient_misses_a_swapped_name",
    doc="labs/patching_by_gradient",
    n=10,
    of="pairs of prompts",
    sentences={
        YES: "With the names swapped, the gradient finds less than {bound} {unit} of what the "
        "embedding at S2 does.",
        NO: "With the names swapped, the gradient finds {bound} {unit} of what the embedding at S2 "
        "does, or more.",
        CANNOT_TELL: "We cannot tell whether the gradient finds less than {bound} {unit} of what "
        "the embedding at S2 does.",
    },
    templates=True,
)
def gradient_misses_a_swapped_name(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The estimate for the one word that differs, over the whole gap, which its patch restores."""
    both = _both(model, n, seed, held_out)
    word = nodes.names(model).index("S2")
    estimated, exact = both.estimated["flipped"][:, word], both.exact["flipped"][:, word]
    return ratio(estimated, exact, Rule("less", 50.0))


@claim(
    "labs/swapped_names_are_harder",
    doc="labs/patching_by_gradient",
    n=10,
    of="pairs of prompts",
    sentences={
        YES: "Over the heads of a pair, estimates and patches correlate better with three other "
        "names than with the names swapped.",
        NO: "Over the heads of a pair, the correlation of estimates and patches is at most "
        "{within} higher with three other names than with the names swapped.",
        CANNOT_TELL: "We cannot tell whether estimates and patches of heads correlate better with "
        "three other names: a difference below {smallest} can stay hidden.",
    },
    templates=True,
)
def swapped_names_are_harder(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The difference of two correlations over heads, pair by pair."""
    both = _both(model, n, seed, held_out)
    easy, hard = (
        nodes.correlation(
            _of_heads(model, both.estimated[kind]), _of_heads(model, both.exact[kind])
        )
        for kind in ("abc", "flipped")
    )
    return more_than(easy - hard, unit="of correlation", within=0.01)


@claim(
    "labs/attention_bends_the_way",
    doc="labs/patching_by_gradient",
    n=40,
    of="pairs of prompts",
    sentences={
        YES: "With all attention patterns held, a straight line misses at least {bound} {unit} "
        "less of what the swapped name does.",
        NO: "With all attention patterns held, a straight line misses no more than {bound} {unit} "
        "less.",
        CANNOT_TELL: "We cannot tell whether a straight line misses less with all attention "
        "patterns held.",
    },
    templates=True,
)
def attention_bends_the_way(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """How much smaller the miss is with patterns held, in absolute values."""
    return _less_missed(model, n, seed, held_out, nodes.pattern_points(model))


@claim(
    "labs/norms_bend_the_way",
    doc="labs/patching_by_gradient",
    n=40,
    of="pairs of prompts",
    sentences={
        YES: "With the scales of all norms held, a straight line misses at least {bound} {unit} "
        "less of what the swapped name does.",
        NO: "With the scales of all norms held, a straight line misses no more than {bound} "
        "{unit} less.",
        CANNOT_TELL: "We cannot tell whether a straight line misses less with the scales of all "
        "norms held.",
    },
    templates=True,
    needs={"norm": "LayerNorm"},  # with RMSNorm held and gated MLPs the stream overflows
)
def norms_bend_the_way(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """How much smaller the miss is with the norms' scales held, in absolute values."""
    return _less_missed(model, n, seed, held_out, nodes.scale_points(model))


def _less_missed(
    model: TransformerBridge, n: int, seed: int, held_out: bool, holding: list[str]
) -> Finding:
    data = _dataset(model, n, seed, held_out)
    pair = model, data.clean, data.flipped.tokens
    free, fixed = Way(*pair).missed(), Way(*pair, holding=holding).missed()
    # With an equivalence bound just above 0: what does not reach the bound is a "no".
    return more_than(free.abs() - fixed.abs(), 1.0, unit="logits", within=0.01)


@claim(
    "labs/gradient_underrates_edges_into_queries",
    doc="labs/patching_by_gradient",
    n=20,
    of="pairs of prompts",
    sentences={
        YES: "With the names swapped, edges from heads at END into later heads' queries score less "
        "than {bound} {unit} of what path patching finds.",
        NO: "With the names swapped, edges from heads at END into later heads' queries score "
        "{bound} {unit} of what path patching finds, or more.",
        CANNOT_TELL: "We cannot tell whether edges into queries score less than {bound} {unit} of "
        "what path patching finds.",
    },
    templates=True,
    needs={"keys_and_values": "by head"},
)
def gradient_underrates_edges_into_queries(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The scores of all such edges over what path patching gives, in absolute values."""
    data = _dataset(model, n, seed, held_out)
    tokens, flipped = data.clean.tokens, data.flipped.tokens
    by_pair = edges.scores(model, tokens, flipped, pair_metrics(data.clean.io, data.clean.s))
    judged = edges.judge(model, data.clean, flipped, by_pair)
    queries = torch.tensor(["q of" in edge for edge in judged.edges])
    scored, patched = (x[:, queries].abs().sum(1) for x in (judged.estimated, judged.patched))
    return ratio(scored, patched, Rule("less", 80.0))
