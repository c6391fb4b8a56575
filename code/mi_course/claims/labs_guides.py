"""The lab on another circuit: heads that tell those that look at IO where to look.

They are chosen anew for each draw, on prompts that judge nothing. That they matter was found by
somebody who repeated the lab's question from scratch; thresholds were set before these draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import ablation, copying, ioi, ioi_data, path_patching
from mi_course.circuits_elsewhere import guides
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, Rule, claim, shared
from mi_course.claims.circuits import APART
from mi_course.claims.evidence import more_than, ratio
from mi_course.claims.prompts import templates
from mi_course.heads import Head

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

CHOSEN_ON = 12  # prompts


@shared
def _chosen_on(model: TransformerBridge, seed: int) -> ioi_data.Dataset:
    return ioi_data.dataset(model.tokenizer, CHOSEN_ON, seed + APART)


@shared
def _guides(model: TransformerBridge, seed: int) -> list[Head]:
    """The two heads of this draw that do most to the queries of those that look at IO."""
    data = _chosen_on(model, seed)
    receivers = guides.movers(copying.at_end(model, data.clean))
    return guides.strongest(guides.into_queries(model, data, receivers), 2)


@shared
def _data(model: TransformerBridge, n: int, seed: int, held_out: bool) -> ioi_data.Dataset:
    return ioi_data.dataset(model.tokenizer, n, seed, templates(held_out))


@shared
def _before(model: TransformerBridge, n: int, seed: int, held_out: bool) -> Float[Tensor, "batch"]:
    clean = _data(model, n, seed, held_out).clean
    return ioi.model_logit_diff(model, clean.tokens, clean.answers)


@claim(
    "labs/two_heads_that_guide_cost_a_third",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "Without the two heads that do most to the queries of those that look at IO, over "
        "{bound} % of the logit difference are lost.",
        NO: "Without the two heads that do most to the queries of those that look at IO, less than "
        "{bound} % of the logit difference are lost.",
        CANNOT_TELL: "Whether over {bound} % of the logit difference are lost without the two "
        "heads that do most to the queries of those that look at IO we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def two_heads_that_guide_cost_a_third(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share that is lost without both, each by its value on another pABC prompt."""
    data, before = _data(model, n, seed, held_out), _before(model, n, seed, held_out)
    by = ablation.resample(data.abc.tokens)
    heads = _guides(model, seed)
    left = ablation.knock_out(model, data.clean.tokens, data.clean.answers, heads=heads, by=by)
    return ratio(before - left, before, Rule("more", 33.0))


@claim(
    "labs/they_write_little_of_the_answer",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "Their own direct paths are worth less than {bound} % of it.",
        NO: "Their own direct paths are worth over {bound} % of it.",
        CANNOT_TELL: "Whether their own direct paths are worth less than {bound} % of it we cannot "
        "tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def they_write_little_of_the_answer(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of the logit difference that both write themselves."""
    data, before = _data(model, n, seed, held_out), _before(model, n, seed, held_out)
    direct = path_patching.to_logits(model, data.clean.tokens, data.abc.tokens, data.clean.answers)
    gone = [before - direct[:, layer, head] for layer, head in _guides(model, seed)]
    return ratio(torch.stack(gone).sum(0), before, Rule("less", 15.0))


@claim(
    "labs/they_read_an_induction_head",
    doc="labs/another_circuit",
    n=24,
    of="prompts",
    sentences={
        YES: "The strongest sender into their values at S2 looks from S2 at the token after S1, "
        "with over {bound} of its attention: an induction head.",
        NO: "The strongest sender into their values at S2 is no induction head: less than {bound} "
        "of its attention goes from S2 to the token after S1.",
        CANNOT_TELL: "Whether the strongest sender into their values at S2 gives over {bound} of "
        "its attention there to the token after S1 we cannot tell.",
    },
    templates=True,
    needs={"positions": "rotary", "norm": "RMSNorm"},
)
def they_read_an_induction_head(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The attention of the head that does most to the guides' values at S2."""
    sent = guides.into_values(model, _chosen_on(model, seed), _guides(model, seed))
    (sender,) = guides.strongest(sent.abs(), 1)
    clean = _data(model, n, seed, held_out).clean
    there = clean.s2_pos, clean.s1_pos + 1
    looks = guides.looks_back(model, clean.tokens, sender, *there)
    return more_than(looks, 0.4, unit="of its attention")
