"""Week 2: do a head's weights alone copy names? As ARENA 3.0 measures it, without a prompt.

A name's embedding goes through the first MLP, then through the head's OV matrix and the
unembedding. The score is the share of names that come out among the five most probable tokens; for
a negative name mover the OV matrix is turned round. ARENA's list of names is not ours, so the
tolerance holds its 3 percentage points and two standard errors of a share of 94.5 % over 100 names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mi_course import hooks, logit_lens
from mi_course.english import words
from mi_course.heads import check_head
from mi_course.reference.table import Reference

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_POSITIVE = {"9.9": 1.0, "9.6": 0.945, "10.0": 0.945}
_NEGATIVE = {"10.7": 1.0, "11.10": 1.0}
_TOP = 5


@torch.no_grad()
def copy_score(model: TransformerBridge, layer: int, head: int, sign: int = 1) -> float:
    """Share of names that one head's OV matrix, times `sign`, puts among the top five tokens.

    Raises:
        IndexError: a head that the model does not have.
        ValueError: the model's LayerNorms are not folded into its weights.
    """
    check_head(model, layer, head)
    hooks.require_compatibility(model)
    names = torch.tensor([hooks.single_token(model, f" {name}") for name in words.NAMES])
    embedded = model.W_E[names][:, None]
    first = model.blocks[0]
    stream = (embedded + first.mlp(first.ln2(embedded)))[:, 0]
    written = sign * (stream @ model.W_V[layer, head] @ model.W_O[layer, head])
    best = logit_lens.unembed(model, written).topk(_TOP).indices
    return (best == names[:, None]).any(-1).float().mean().item()


def _scores(model: TransformerBridge, heads: dict[str, float], sign: int) -> dict[str, float]:
    pairs = {name: name.split(".") for name in heads}
    return {name: copy_score(model, int(i), int(j), sign) for name, (i, j) in pairs.items()}


REFERENCES = [
    Reference(
        "copy score of name movers, from weights",
        _POSITIVE,
        0.03 + 0.045,
        "ARENA 3.0, chapter 1.4",
        lambda model: _scores(model, _POSITIVE, 1),
    ),
    Reference(
        "copy score of negative name movers, from weights, sign turned",
        _NEGATIVE,
        0.03,
        "ARENA 3.0, chapter 1.4",
        lambda model: _scores(model, _NEGATIVE, -1),
    ),
]
