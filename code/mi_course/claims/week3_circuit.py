"""Week 3: what makes up for the movers, and whether the circuit is the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import ablation, circuit, ioi, ioi_data
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, circuits, claim, shared
from mi_course.claims.evidence import equivalent, more_than, share
from mi_course.claims.prompts import template

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

N_CIRCUITS = 60  # of the same size, drawn at random
IN_PLACE = ("means", "others", "zeros")


@shared
def _repair(model: TransformerBridge, n: int, seed: int, held_out: bool) -> circuit.SelfRepair:
    data = circuits.dataset(model, n, seed, held_out)
    movers = circuits.found(model, seed).movers
    return circuit.self_repair(model, data.clean, movers, data.abc.tokens)


@claim(
    "week3/movers_are_made_up_for",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "Less is lost than the movers write.",
        NO: "What is lost is at most {within} {unit} less than what the movers write.",
        CANNOT_TELL: "We cannot tell whether less is lost than the movers write: a difference "
        "below {smallest} {unit} can stay hidden.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def movers_are_made_up_for(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What the movers write, less what is lost without them."""
    return more_than(_repair(model, n, seed, held_out).made_up_for, unit="logits", within=0.1)


@claim(
    "week3/layernorm_makes_up_for_the_movers",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "The final LayerNorm makes up for part of the movers: with less in the stream, it "
        "divides by less.",
        NO: "The final LayerNorm makes up for no more than {within} {unit}.",
        CANNOT_TELL: "We cannot tell whether the final LayerNorm makes up for a part: less than "
        "{smallest} {unit} can stay hidden.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def layernorm_makes_up_for_the_movers(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What the change of the final LayerNorm's scale adds."""
    return more_than(_repair(model, n, seed, held_out).rescaling, unit="logits", within=0.05)


@claim(
    "week3/replacements_write_little_of_the_answer",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "What the replacements write is within {within} {unit} of nothing.",
        NO: "The replacements themselves write over {within} {unit} for or against the answer.",
        CANNOT_TELL: "We cannot tell whether what the replacements write is within {within} "
        "{unit} of nothing.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def replacements_write_little_of_the_answer(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What the movers' resampled outputs write towards the answer."""
    return equivalent(_repair(model, n, seed, held_out).replacements, 0.5, unit="logits")


@claim(
    "week3/guides_work_through_other_heads",
    doc="week3/knock_outs",
    n=200,
    of="prompts",
    sentences={
        YES: "Without the guides the other heads write less towards the answer: the guides' direct "
        "effect alone misses that.",
        NO: "Without the guides the other heads write at most {within} {unit} less towards the "
        "answer.",
        CANNOT_TELL: "We cannot tell whether the other heads write less towards the answer without "
        "the guides: less than {smallest} {unit} can stay hidden.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def guides_work_through_other_heads(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """By how much the other heads write less when the guides are resampled."""
    form = template(model.tokenizer, ioi.P8_FORM, seed, held_out)
    data = ioi_data.dataset(model.tokenizer, n, seed + 3, [form])
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    others = data.abc.tokens[order]
    repair = circuit.self_repair(model, data.clean, circuits.guides(model, seed), others)
    return more_than(-repair.heads, unit="logits", within=0.2)


@shared
def _alone(
    model: TransformerBridge, n: int, seed: int, held_out: bool
) -> dict[str, Float[Tensor, "batch"]]:
    """F(C) − F(M) of each prompt, by what stands in the place of the heads outside."""
    data = circuits.dataset(model, n, seed, held_out)
    means = ablation.mean_activations(model, data.abc.tokens, data.template)
    replacements = (
        ablation.mean(means, data.template),
        ablation.resample(data.abc.tokens),
        ablation.zero(),
    )
    heads = circuits.found(model, seed).heads
    before = ioi.model_logit_diff(model, data.clean.tokens, data.clean.answers)
    return {
        name: circuit.keep_only(model, data.clean, heads, by) - before
        for name, by in zip(IN_PLACE, replacements, strict=True)
    }


@claim(
    "week3/circuit_does_better_alone_with_means",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "With means in the place of the other heads, the circuit does better alone than the "
        "model.",
        NO: "With means in the place of the other heads, the circuit does no more than {within} "
        "{unit} better alone than the model.",
        CANNOT_TELL: "With means in the place of the other heads, we cannot tell whether the "
        "circuit does better alone than the model.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def circuit_does_better_alone_with_means(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """F(C) − F(M) with means over pABC."""
    return more_than(_alone(model, n, seed, held_out)["means"], unit="logits", within=0.2)


@claim(
    "week3/circuit_does_better_alone_with_other_prompts",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "With activations of other prompts there, it does better alone than the model.",
        NO: "With activations of other prompts there, it does no more than {within} {unit} better "
        "alone than the model.",
        CANNOT_TELL: "With activations of other prompts there, we cannot tell whether it does "
        "better alone than the model.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def circuit_does_better_alone_with_other_prompts(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """F(C) − F(M) with the activations of one pABC prompt each."""
    return more_than(_alone(model, n, seed, held_out)["others"], unit="logits", within=0.2)


@claim(
    "week3/circuit_does_better_alone_with_zeros",
    doc="week3/03_figure_3",
    n=500,
    of="prompts",
    sentences={
        YES: "With zeros there, it does better alone than the model.",
        NO: "With zeros there, it does no more than {within} {unit} better alone than the model.",
        CANNOT_TELL: "With zeros there, we cannot tell whether it does better alone than the "
        "model.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def circuit_does_better_alone_with_zeros(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """F(C) − F(M) with zeros."""
    return more_than(_alone(model, n, seed, held_out)["zeros"], unit="logits", within=0.2)


@claim(
    "week3/few_circuits_of_its_size_are_as_near",
    doc="week3/03_figure_3",
    n=60,
    of="prompts",
    sentences={
        YES: "Of circuits of the same size drawn at random, less than {bound} % come as near to "
        "the model.",
        NO: "Of circuits of the same size drawn at random, more than {bound} % come as near to the "
        "model.",
        CANNOT_TELL: "We cannot tell whether {bound} % of the circuits of the same size come as "
        "near to the model.",
    },
    templates=True,
    needs={"positions": "learned", "norm": "LayerNorm"},
)
def few_circuits_of_its_size_are_as_near(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of random circuits with |F(M) − F(C)| no larger, with means over pABC."""
    data = circuits.dataset(model, n, seed, held_out)
    clean = data.clean
    means = ablation.mean_activations(model, data.abc.tokens, data.template)
    by = ablation.mean(means, data.template)
    before = ioi.model_logit_diff(model, clean.tokens, clean.answers).mean()

    def distance(heads: list[tuple[int, int]]) -> Tensor:
        return (circuit.keep_only(model, clean, heads, by).mean() - before).abs()

    heads = circuits.found(model, seed).heads
    own = distance(heads)
    others = circuit.random_circuits(model, heads, N_CIRCUITS, seed)
    near = torch.stack([distance(some) <= own for some in others])
    return share(near, Rule("less", 10.0))
