"""Mystery circuits: small models with a hidden algorithm, and a judge of explanations.

In a notebook: `from mi_course import mystery`. `mystery.load` gives a model, `mystery.inputs` and
`mystery.says` what it reads and answers. Your explanation is a program with places
(`mystery.Explanation`), `mystery.submit` tests it by interchange interventions, and `mystery.draw`
makes a picture of it.
"""

from mi_course.mystery.drawing import draw
from mi_course.mystery.explanation import Explanation, ExplanationError
from mi_course.mystery.submit import submit
from mi_course.mystery_nets.catalogue import (
    MYSTERIES,
    accuracy,
    ids,
    inputs,
    load,
    says,
    symbols,
)
from mi_course.mystery_nets.places import attn, head, learned, mlp, resid

NAMES = tuple(MYSTERIES)
"""The models."""

__all__ = [
    "NAMES",
    "Explanation",
    "ExplanationError",
    "accuracy",
    "attn",
    "draw",
    "head",
    "ids",
    "inputs",
    "learned",
    "load",
    "mlp",
    "resid",
    "says",
    "submit",
    "symbols",
]
