"""One published number of GPT-2 small, beside the code that measures it.

A `Reference` holds what was printed elsewhere, how far a measurement may lie from it, and a
function that measures it on any model. `compare` runs that function, and only on the real GPT-2
small: the SHA-256 of the weights decides, so that random weights of the same shape can neither
agree nor disagree with the literature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mi_course import models
from mi_course.errors import CourseError

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Printed: TypeAlias = "float | tuple[float, float]"


class NotGPT2Error(CourseError, ValueError):
    """The model is not the one that the published numbers are about."""


@dataclass(frozen=True)
class Reference:
    """A quantity that others published for GPT-2 small.

    Attributes:
        quantity: what it is, with its unit.
        published: the number of each part, for instance of each head; a pair, lowest and highest,
            where runs of the same code printed different numbers, or the source gives a bound.
        tolerance: how far a measurement may lie from the number, or outside of the pair.
        source: where the number was read.
        measure: takes a model in compatibility mode, returns one number for each part of
            `published`, under the same keys. It runs on any model that has the heads it names.
    """

    quantity: str
    published: Mapping[str, Printed]
    tolerance: float
    source: str
    measure: Callable[[TransformerBridge], Mapping[str, float]]


@dataclass(frozen=True)
class Row:
    """One line of the table: a published number beside the measured one."""

    quantity: str
    part: str
    published: Printed
    measured: float
    tolerance: float
    source: str

    @property
    def distance(self) -> float:
        """How far the measured number lies from the published one, or outside of the pair."""
        low, high = _ends(self.published)
        return max(low - self.measured, self.measured - high, 0.0)

    @property
    def agrees(self) -> bool:
        """Whether the distance is within the tolerance; NaN agrees with nothing."""
        return self.distance <= self.tolerance and self.measured == self.measured

    @property
    def printed(self) -> str:
        """The published number, or the two ends between which it lies."""
        return in_words(self.published)

    def __str__(self) -> str:
        verdict = "agrees" if self.agrees else "DIFFERS"
        return (
            f"{verdict}: {self.quantity}, {self.part}: measured {number(self.measured)}, "
            f"published {self.printed} ± {self.tolerance:g} ({self.source})"
        )


def measured_rows(reference: Reference, model: TransformerBridge) -> list[Row]:
    """The rows of one quantity, measured on any model; says nothing about GPT-2 by itself.

    Raises:
        ValueError: the measurement has other parts than the publication.
    """
    found = reference.measure(model)
    if found.keys() != reference.published.keys():
        raise ValueError(
            f"{reference.quantity}: published for {', '.join(reference.published)}, "
            f"and measured for {', '.join(found)}"
        )
    return [
        Row(
            reference.quantity,
            part,
            printed,
            float(found[part]),
            reference.tolerance,
            reference.source,
        )
        for part, printed in reference.published.items()
    ]


def compare(reference: Reference, model: TransformerBridge) -> list[Row]:
    """The rows of one quantity on the real GPT-2 small.

    Raises:
        NotGPT2Error: the model has other weights, whatever its shape.
        ValueError: as `measured_rows`.
    """
    found = models.info(model)
    if found.name != "gpt2" or found.sha256 != models.GPT2_SHA256:
        raise NotGPT2Error(
            f"published numbers are about GPT-2 small, and this model is {found}: load the real "
            "weights with models.load('gpt2')"
        )
    return measured_rows(reference, model)


def number(value: float) -> str:
    """Counts whole, measured values with four digits."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"


def in_words(printed: Printed) -> str:
    """A published number, or the two ends between which it lies."""
    low, high = _ends(printed)
    if low == high:
        return number(low)
    return f"below {number(high)}" if low == -math.inf else f"{number(low)}–{number(high)}"


def _ends(printed: Printed) -> tuple[float, float]:
    return printed if isinstance(printed, tuple) else (printed, printed)
