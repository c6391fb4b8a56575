"""Week 2: do a head's weights alone copy names? As ARENA 3.0 measures it, without a prompt.

ARENA's list of names is not ours, so the tolerance holds its 3 percentage points and two standard
errors of a share of 94.5 % over 100 names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mi_course import copying
from mi_course.reference.table import Reference

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_POSITIVE = {"9.9": 1.0, "9.6": 0.945, "10.0": 0.945}
_NEGATIVE = {"10.7": 1.0, "11.10": 1.0}


def _scores(model: TransformerBridge, heads: dict[str, float], sign: int) -> dict[str, float]:
    pairs = {name: name.split(".") for name in heads}
    return {
        name: copying.copy_score_from_weights(model, int(i), int(j), sign)
        for name, (i, j) in pairs.items()
    }


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
