"""Week 3: GPT-2 small on indirect objects, as TransformerLens' demos and the paper print it.

EAD is the demo Exploratory_Analysis_Demo, AP the demo Activation_Patching_in_TL_Demo; their stored
outputs were read. The paper's averages are over prompts of its own templates and names; those here
are others, so the tolerances of these rows are wide, and say no more than that it is the same task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import attribution, hooks, ioi, ioi_data, patching
from mi_course.reference.table import Printed, Reference

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_EAD = "TransformerLens, Exploratory_Analysis_Demo"
_AP = "TransformerLens, Activation_Patching_in_TL_Demo"
_PAPER = "Wang et al. 2022, arXiv:2211.00593"
_MILK = "After John and Mary went to the store, John gave a bottle of milk to"
_NAME_MOVERS = ("9.9", "9.6", "10.0")
_S_INHIBITION = ("7.3", "7.9", "8.6", "8.10")


def p8(model: TransformerBridge) -> ioi_data.Dataset:
    """The demos' eight prompts with their flipped counterparts."""
    return ioi_data.from_prompts(model.tokenizer, ioi.p8(), seed=0)


def p8_logit_diffs(model: TransformerBridge) -> dict[str, float]:
    """Logit difference of each of the eight prompts, in the demos' order."""
    batch = p8(model).clean
    found = ioi.model_logit_diff(model, batch.tokens, batch.answers).tolist()
    return {f"prompt {i}": value for i, value in enumerate(found)}


def p8_means(model: TransformerBridge) -> dict[str, float]:
    """Mean logit difference of the clean and of the flipped prompts, by the clean answers."""
    data = p8(model)
    return {
        name: ioi.model_logit_diff(model, batch.tokens, data.clean.answers).mean().item()
        for name, batch in (("clean", data.clean), ("corrupted", data.flipped))
    }


def lens(model: TransformerBridge) -> dict[str, float]:
    """Mean logit difference at END if the model stopped at some stages."""
    means = attribution.logit_diff_by_stage(model, p8(model).clean).mean(0).tolist()
    found = dict(zip(attribution.stage_labels(model), means, strict=True))
    return {stage: found[stage] for stage in _LENS}


def attention_layers(model: TransformerBridge) -> dict[str, float]:
    """Direct effect of whole attention layers."""
    means = attribution.layer_effects(model, p8(model).clean).attention.mean(0)
    return {layer: means[int(layer)].item() for layer in _LAYERS}


def head_effects(model: TransformerBridge) -> dict[str, float]:
    """Direct effect of single heads."""
    return _at(attribution.direct_effects(model, p8(model).clean).heads.mean(0), _HEADS)


def restored(
    model: TransformerBridge, values: Float[Tensor, "batch ..."], data: ioi_data.Dataset
) -> Float[Tensor, "..."]:
    """Mean over prompts, on the scale where flipped is 0 and clean is 1."""
    clean, flipped = (
        ioi.model_logit_diff(model, batch.tokens, data.clean.answers).mean()
        for batch in (data.clean, data.flipped)
    )
    return ioi.normalised(values.mean(0), clean, flipped)


def residual_patches(model: TransformerBridge) -> dict[str, float]:
    """Share of the logit difference that the clean residual stream restores at S2 and END."""
    data = p8(model)
    values = patching.residual(model, data.flipped.tokens, data.clean.tokens, data.clean.answers)
    rows, layers = torch.arange(len(data)), range(model.cfg.n_layers)
    at = {"S2": data.clean.s2_pos, "END": data.clean.end}
    found = {
        f"{name}, layer {layer}": values[rows, layer, positions]
        for name, positions in at.items()
        for layer in layers
    }
    return {part: restored(model, found[part], data).item() for part in _RESIDUAL}


def head_patches(model: TransformerBridge) -> dict[str, float]:
    """Share of the logit difference that one clean head output restores, at all positions."""
    data = p8(model)
    values = patching.heads(model, data.flipped.tokens, data.clean.tokens, data.clean.answers)
    return _at(restored(model, values, data), _PATCHED)


@torch.no_grad()
def milk(model: TransformerBridge) -> dict[str, float]:
    """Probabilities, in percent, of the two names after the demos' first prompt."""
    probabilities = model(model.to_tokens(_MILK))[0, -1].softmax(-1)
    names = (" Mary", " John")
    return {n: 100 * probabilities[hooks.single_token(model, n)].item() for n in names}


@torch.no_grad()
def milk_logits(model: TransformerBridge) -> dict[str, float]:
    """Logits of the two names after the same prompt."""
    logits = model(model.to_tokens(_MILK))[0, -1]
    return {n: logits[hooks.single_token(model, n)].item() for n in (" Mary", " John")}


def prompts(model: TransformerBridge) -> ioi_data.Dataset:
    """The course's own prompts, for what the paper measures over its own."""
    return ioi_data.dataset(model.tokenizer, 200, seed=0)


def io_above_s(model: TransformerBridge) -> dict[str, float]:
    """Share of the course's own prompts, in percent, where IO has the higher logit."""
    batch = prompts(model).clean
    right = ioi.model_logit_diff(model, batch.tokens, batch.answers) > 0
    return {"share": 100 * right.float().mean().item()}


def attention_from_end(model: TransformerBridge) -> dict[str, float]:
    """Mean attention of two classes of heads: name movers to IO, S-inhibition heads to S2."""
    found = attribution.end_attention(model, prompts(model).clean)
    movers = _at(found.io.mean(0), _NAME_MOVERS)
    inhibitors = _at(found.s2.mean(0), _S_INHIBITION)
    return {
        "name movers to IO": sum(movers.values()) / len(movers),
        "S-inhibition to S2": sum(inhibitors.values()) / len(inhibitors),
    }


def correlations(model: TransformerBridge) -> dict[str, float]:
    """Attention to a name against the projection on it: figure 3(c)."""
    batch = prompts(model).clean
    attention = attribution.end_attention(model, batch)
    projections = attribution.name_projections(model, batch)
    return {
        name: attribution.attention_projection_correlation(attention, projections, *_head(name))
        for name in _NAME_MOVERS
    }


def _head(name: str) -> tuple[int, int]:
    layer, head = name.split(".")
    return int(layer), int(head)


def _at(scores: Float[Tensor, "layer head"], heads: Iterable[str]) -> dict[str, float]:
    return {name: scores[_head(name)].item() for name in heads}


_P8 = (3.337, 3.202, 2.709, 3.797, 1.720, 5.281, 2.601, 5.767)
_LENS: Mapping[str, Printed] = {
    "7_mid": 0.250,
    "8_mid": 0.450,
    "9_pre": 0.460,
    "9_mid": 5.025,
    "11_mid": 3.445,
    "final_post": 3.552,
}
_LAYERS: Mapping[str, Printed] = {
    "7": 0.280, "8": 0.199, "9": 4.565, "10": -0.412, "11": -1.442
}  # fmt: skip
_HEADS: Mapping[str, Printed] = {
    "9.9": 2.985, "9.6": 1.384, "10.0": 0.561, "10.10": 0.480, "8.10": 0.290, "10.6": 0.288,
    "10.7": -1.899, "11.10": -0.970, "11.2": -0.388,
}  # fmt: skip
_RESIDUAL: Mapping[str, Printed] = {
    "S2, layer 7": 0.92, "S2, layer 8": 0.66, "S2, layer 9": 0.03,
    "END, layer 7": 0.02, "END, layer 8": 0.32, "END, layer 9": 0.94, "END, layer 10": 1.00,
}  # fmt: skip
_PATCHED: Mapping[str, Printed] = {
    "5.5": 0.343, "8.6": 0.319, "8.10": 0.278, "9.9": 0.264, "7.9": 0.192, "6.9": 0.130,
    "7.3": 0.124, "3.0": 0.116, "10.7": -0.480, "11.10": -0.278, "11.2": -0.114,
}  # fmt: skip

REFERENCES = [
    Reference(
        "logit difference of P8",
        {f"prompt {i}": value for i, value in enumerate(_P8)},
        0.01,
        f"{_EAD}; ARENA 3.0",
        p8_logit_diffs,
    ),
    Reference(
        "mean logit difference of P8",
        {"clean": 3.552, "corrupted": -3.552},
        0.005,
        f"{_AP}; {_EAD}",
        p8_means,
    ),
    Reference("logit lens, P8", _LENS, 0.02, _EAD, lens),
    Reference("direct effect of attention layers, P8", _LAYERS, 0.02, _EAD, attention_layers),
    Reference("direct effect of heads, P8", _HEADS, 0.02, _EAD, head_effects),
    Reference("residual stream patched, P8", _RESIDUAL, 0.02, f"{_AP}; {_EAD}", residual_patches),
    Reference("head output patched, P8", _PATCHED, 0.01, f"{_AP}; {_EAD}", head_patches),
    Reference(
        'probability after "… a bottle of milk to" (%)',
        {" Mary": 70.07, " John": 4.54},
        0.1,
        f"{_EAD}; ARENA 3.0",
        milk,
    ),
    Reference(
        'logit after "… a bottle of milk to"',
        {" Mary": 18.09, " John": 15.35},
        0.02,
        f"{_EAD}; ARENA 3.0",
        milk_logits,
    ),
    Reference("IO above S (%)", {"share": 99.3}, 3.0, _PAPER, io_above_s),
    Reference(
        "attention from END",
        {"name movers to IO": 0.59, "S-inhibition to S2": 0.51},
        0.15,
        _PAPER,
        attention_from_end,
    ),
    Reference(
        "attention against projection, correlation",
        dict.fromkeys(_NAME_MOVERS, (0.81, 1.0)),
        0.05,
        _PAPER,
        correlations,
    ),
]
