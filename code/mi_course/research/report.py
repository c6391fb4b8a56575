"""The record of a small piece of research: what was said beforehand, and a measurement to run.

The measurement is a function of a seed, and the record holds no result. So whoever has the record
can run it: the numbers come from code because there is no place to type them. This is what
`review` checks. Reading a whole notebook instead would find the word "control" and not a control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from jaxtyping import Float, Int
from torch import Tensor

from mi_course.errors import CourseError


class ResearchError(CourseError, ValueError):
    """Something that a report cannot give yet; the message says why."""


@dataclass(frozen=True)
class Measured:
    """What one run of an experiment gives.

    Attributes:
        prompts: the prompts that were measured, as tokens or as texts: one for each column below.
        effect: one number for each prompt, such as the harm of an ablation, signed such that your
            guess lies above the control; a row for each draw if there are several.
        control: the same for the control, with a row for each draw.
        drawn: what each draw of the control was: a seed, a head, a set of heads.
    """

    prompts: Int[Tensor, "prompt pos"] | Sequence[str]
    effect: Float[Tensor, "prompt"] | Float[Tensor, "draw prompt"]
    control: Float[Tensor, "draw prompt"]
    drawn: Sequence[Any]


Measure: TypeAlias = Callable[[int], Measured]


@dataclass(frozen=True)
class Report:
    """What a learner fills in; every field may be left out, and is then reported as missing.

    Attributes:
        question: one sentence with a question mark.
        prediction: the guess of the effect beyond the control, in `unit`, made before the run.
        too_small: from which size on an effect matters, in `unit`, said before the run.
        unit: of the effect: `logits`, `nats`.
        control: in words, what the control is and which objection it answers.
        killed_by: in words, which result would show the guess false.
        measure: from a seed to what was measured; the same seed must give the same numbers.
        seed: of the run that the report tells.
        held_out: a seed that was not looked at before the conclusion was written.
        tries: how many variants of the experiment were run, this one included.
    """

    question: str = ""
    prediction: float | None = None
    too_small: float | None = None
    unit: str = ""
    control: str = ""
    killed_by: str = ""
    measure: Measure | None = None
    seed: int | None = None
    held_out: int | None = None
    tries: int | None = None
