"""Week 3: what the paper says of the whole circuit of GPT-2 small, and of its knock-outs.

Wang et al. 2022, arXiv:2211.00593. Its averages are over prompts of its own templates and names;
those here are the course's, and means for knock-outs are over their pABC counterparts by template.
So the tolerances are wide, and are ours: they tell the circuit of the paper from another one, not
one set of prompts from another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import ablation, circuit, copying, ioi, ioi_data, path_patching
from mi_course.heads import Head
from mi_course.reference.ioi import prompts
from mi_course.reference.table import Reference

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_PAPER = "Wang et al. 2022, arXiv:2211.00593"
_MOVERS = circuit.PAPER_CLASSES["name mover"]
_NEGATIVE = circuit.PAPER_CLASSES["negative name mover"]


@torch.no_grad()
def probability_of_io(model: TransformerBridge) -> dict[str, float]:
    """Mean probability of IO, in percent."""
    batch = prompts(model).clean
    found = []
    for rows in ioi.slices(len(batch), 25):
        part = batch[rows]
        logits = model(part.tokens)[torch.arange(len(part)), part.end]
        found.append(logits.softmax(-1)[torch.arange(len(part)), part.io])
    return {"mean": 100 * torch.cat(found).mean().item()}


def copy_scores(model: TransformerBridge) -> dict[str, float]:
    """Share of names, in percent, that a head would predict if it saw nothing but them."""
    return _copies(model, _MOVERS, 1)


def negative_copy_scores(model: TransformerBridge) -> dict[str, float]:
    """The same with what the heads write turned around."""
    return _copies(model, _NEGATIVE, -1)


def _copies(model: TransformerBridge, heads: tuple[Head, ...], sign: int) -> dict[str, float]:
    scores = 100 * copying.copy_scores(model, prompts(model).clean, sign=sign)
    named = {f"{layer}.{head}": scores[layer, head].item() for layer, head in heads}
    return {**named, "average head": scores.mean().item()}


def drops(model: TransformerBridge) -> dict[str, float]:
    """Rank of the name movers among all heads, by how much patching their direct path costs."""
    return _ranks(-_figure_3b(model), _MOVERS)


def rises(model: TransformerBridge) -> dict[str, float]:
    """Rank of the negative name movers, by how much patching their direct path helps."""
    return _ranks(_figure_3b(model), _NEGATIVE)


def _figure_3b(model: TransformerBridge) -> Float[Tensor, "layer head"]:
    """Mean logit difference with each head's direct path to the logits patched from pABC."""
    data = prompts(model)
    clean = data.clean
    return path_patching.to_logits(model, clean.tokens, data.abc.tokens, clean.answers).mean(0)


def _ranks(scores: Float[Tensor, "layer head"], heads: tuple[Head, ...]) -> dict[str, float]:
    """Place of some heads among all, the largest score first, counted from 1."""
    return {f"{i}.{j}": float((scores >= scores[i, j]).sum()) for i, j in heads}


def logit_diffs(model: TransformerBridge) -> dict[str, float]:
    """Mean logit difference F of the model, its distance from F(C), and F without later MLPs."""
    data = prompts(model)
    whole = _whole(model, data)
    return {
        "F(M)": whole,
        "|F(M) - F(C)|, 26 heads": abs(whole - _circuit_alone(model, data)),
        "without MLPs 1 to 11": _without_mlps(model, data, range(1, 12)),
    }


def shares(model: TransformerBridge) -> dict[str, float]:
    """Mean logit difference with parts knocked out, in percent of the whole model's."""
    data = prompts(model)
    whole = _whole(model, data)
    movers = ablation.knock_out(
        model, data.clean.tokens, data.clean.answers, heads=_MOVERS, by=_means(model, data)
    )
    return {
        "26 heads alone": 100 * _circuit_alone(model, data) / whole,
        "without 9.9, 9.6 and 10.0": 100 * movers.mean().item() / whole,
    }


def without_first_mlp(model: TransformerBridge) -> dict[str, float]:
    """Mean logit difference without the first MLP."""
    return {"MLP 0": _without_mlps(model, prompts(model), [0])}


def _whole(model: TransformerBridge, data: ioi_data.Dataset) -> float:
    return ioi.model_logit_diff(model, data.clean.tokens, data.clean.answers).mean().item()


def _circuit_alone(model: TransformerBridge, data: ioi_data.Dataset) -> float:
    heads = [head for heads in circuit.PAPER_CLASSES.values() for head in heads]
    return circuit.keep_only(model, data.clean, heads, _means(model, data)).mean().item()


def _without_mlps(model: TransformerBridge, data: ioi_data.Dataset, layers: Iterable[int]) -> float:
    by, clean = _means(model, data), data.clean
    return ablation.knock_out(model, clean.tokens, clean.answers, mlps=layers, by=by).mean().item()


def _means(model: TransformerBridge, data: ioi_data.Dataset) -> ablation.Replacement:
    """Means over the pABC counterparts, by template."""
    means = ablation.mean_activations(model, data.abc.tokens, data.template)
    return ablation.mean(means, data.template)


REFERENCES = [
    Reference(
        "figure 3(b): rank of the drop",
        # the heads that the text names as large drops and large rises; it prints no percentages
        {f"{i}.{j}": (1.0, 3.0) for i, j in _MOVERS},
        1.0,
        f"{_PAPER}, figure 3(b)",
        drops,
    ),
    Reference(
        "figure 3(b): rank of the rise",
        {f"{i}.{j}": (1.0, 2.0) for i, j in _NEGATIVE},
        0.0,
        f"{_PAPER}, figure 3(b)",
        rises,
    ),
    Reference(
        "probability of IO (%)", {"mean": 49.0}, 12.0, f"{_PAPER}, section 2", probability_of_io
    ),
    Reference(
        "copy score on prompts (%)",
        {**{f"{i}.{j}": (95.0, 100.0) for i, j in _MOVERS}, "average head": (0.0, 20.0)},
        3.0,
        f"{_PAPER}, section 3.1",
        copy_scores,
    ),
    Reference(
        "negative copy score on prompts (%)",
        {**{f"{i}.{j}": 98.0 for i, j in _NEGATIVE}, "average head": 12.0},
        5.0,
        f"{_PAPER}, section 3.1",
        negative_copy_scores,
    ),
    Reference(
        "logit difference of IOI prompts",
        {"F(M)": 3.56, "|F(M) - F(C)|, 26 heads": 0.46, "without MLPs 1 to 11": -1.1},
        1.0,
        f"{_PAPER}, sections 2 and 4, appendix on MLPs",
        logit_diffs,
    ),
    Reference(
        "logit difference left (%)",
        # without the name movers 5 % less in the paper; its authors' stored data show no drop
        {"26 heads alone": 87.0, "without 9.9, 9.6 and 10.0": (95.0, 100.0)},
        13.0,
        f"{_PAPER}, sections 3.4 and 4",
        shares,
    ),
    Reference(
        "logit difference without the first MLP",
        {"MLP 0": (-math.inf, 0.0)},
        0.0,
        f"{_PAPER}, appendix on MLPs",
        without_first_mlp,
    ),
]
