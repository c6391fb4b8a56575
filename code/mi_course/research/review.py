"""Check what can be checked in a report, name what is missing, and say what was not judged.

Each problem is one sentence. The numbers of a report are computed here, from its measurement; put
them into a write-up with `Review.numbers` and `glue`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mi_course.claims.evidence import beyond_control
from mi_course.claims.finding import ClaimError, Finding
from mi_course.research.report import Measured, Report, ResearchError

MOST_SHARED = 0.05
"""Of held-out prompts: a few may be drawn twice by chance, and no more."""
NOT_JUDGED = (
    "No program can judge whether the question is worth an answer, whether the control answers the "
    "objection, whether you wrote the prediction before you ran, whether you counted every try, "
    "and whether your conclusion follows: ask a reader."
)
_WORDS = {
    "question": "the question: one sentence, with a question mark",
    "unit": "the unit of the effect, such as logits or nats",
    "control": "the control in words: what it is, and which objection it answers",
    "killed_by": "what would kill it: the result that would show your guess false",
}
_NUMBERS = {
    "prediction": "the prediction: your guess of the effect beyond the control, as a number",
    "too_small": "from which size on an effect matters: a number above 0, said before the run",
    "tries": "how many variants you ran, this one included",
}
_SEEDS = {
    "seed": "the seed of the run that you report",
    "held_out": "the seed of held-out prompts: one that you had not looked at",
}


@dataclass(frozen=True)
class Review:
    """What a check found.

    Attributes:
        missing: one sentence for each thing that is missing or wrong; empty where all is there.
        found: the effect beyond the control, on the report's own prompts; None where that could not
            be computed.
        held_out: the same on the held-out prompts.
        seed, tries: of the report.
    """

    missing: tuple[str, ...]
    found: Finding | None = None
    held_out: Finding | None = None
    seed: int | None = None
    tries: int | None = None

    def __bool__(self) -> bool:
        return not self.missing

    def __str__(self) -> str:
        lines = [f"missing: {sentence}" for sentence in self.missing]
        if self.found:
            lines.append(f"measured: {_told(self.found)}")
        if self.held_out:
            lines.append(f"held out: {_told(self.held_out)}")
        if self.found and self.held_out and self.found.verdict != self.held_out.verdict:
            lines.append("The two verdicts differ: say so in your first paragraph.")
        if not self.missing:
            lines.append("All that can be checked is there.")
        return "\n".join([*lines, NOT_JUDGED])

    def numbers(self) -> dict[str, float | int | str]:
        """What a write-up must tell, by name, for `glue`: nothing of it is typed.

        Raises:
            ResearchError: something is missing, so that there is nothing to tell yet.
        """
        if self.found is None or self.held_out is None or self.missing:
            raise ResearchError(
                "nothing can be told while something is missing: print the review to see what"
            )
        told: dict[str, float | int | str] = {"seed": self.seed or 0, "tries": self.tries or 0}
        for prefix, one in (("", self.found), ("held_out_", self.held_out)):
            told |= {f"{prefix}{k}": getattr(one, k) for k in ("effect", "low", "high", "smallest")}
            told |= {f"{prefix}n": one.n, f"{prefix}verdict": one.verdict}
        return told


def check(report: Report) -> Review:
    """Run a report's measurement three times, print what is missing, and return it.

    Twice with its seed, which must give the same numbers, and once on the held-out prompts.
    """
    review = _review(report)
    print(review)
    return review


def _review(report: Report) -> Review:
    missing = list(_unsaid(report))
    first, problem = _run(report, report.seed)
    missing += problem
    if first is None:
        return Review(tuple(missing))
    missing += _unsteady(report, first)
    found, problem = _finding(report, first)
    missing += problem
    if found and report.too_small and found.smallest > report.too_small:
        missing.append(
            f"prompts, or draws of the control: with {found.n} prompts and {len(first.control)} "
            f"draws the smallest effect that you would see is {found.smallest:.3g} {report.unit}, "
            f"more than the {report.too_small:g} that you called too small, so an effect that "
            "matters can stay hidden"
        )
    held_out = None
    if _is_seed(report.held_out):
        second, problem = _run(report, report.held_out)
        missing += problem
        if second is not None:
            missing += _seen_before(report, first, second)
            held_out, problem = _finding(report, second)
            missing += [f"on the held-out prompts: {text}" for text in problem]
    return Review(tuple(missing), found, held_out, report.seed, report.tries)


def _unsaid(report: Report) -> Iterator[str]:
    """What the learner should have written and did not."""
    for name, sentence in _WORDS.items():
        if not _is_said(getattr(report, name)):
            yield sentence
    if _is_said(report.question) and "?" not in report.question:
        yield "a question mark: what you wrote is a topic, and not yet a question"
    for name, sentence in _NUMBERS.items():
        value = getattr(report, name)
        if not _is_number(value) or (name != "prediction" and value <= 0):
            yield sentence
    for name, sentence in _SEEDS.items():
        if not _is_seed(getattr(report, name)):
            yield sentence
    if _is_seed(report.seed) and report.seed == report.held_out:
        yield "another seed for the held-out prompts: it is the one that you report"
    if not callable(report.measure):
        yield "the measurement: a function of a seed, with `measure=my_function`"


def _is_said(text: Any) -> bool:
    return isinstance(text, str) and bool(text.strip(" .…"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _run(report: Report, seed: int | None) -> tuple[Measured | None, list[str]]:
    """What the measurement gives for a seed, or why there is nothing to look at."""
    if not callable(report.measure) or not _is_seed(seed):
        return None, []
    try:
        result = report.measure(int(seed or 0))
    except Exception as error:
        text = str(error).partition("\n")[0]
        return None, [f"a run: measure({seed}) stopped with {type(error).__name__}: {text}"]
    if not isinstance(result, Measured):
        kind = type(result).__name__
        return None, [f"a result: measure({seed}) returned {kind}, and not research.Measured(…)"]
    if problem := _misfit(result):
        return None, [problem]
    return result, []


def _misfit(one: Measured) -> str | None:
    """Why the parts of a measurement do not fit together."""
    if not isinstance(one.effect, Tensor) or not one.effect.is_floating_point():
        return (
            "the effect of each prompt: hand over a tensor with one number for each, not a mean "
            "that was taken, or typed, before"
        )
    if one.effect.ndim not in (1, 2):
        return f"the effect of each prompt: its shape is {tuple(one.effect.shape)}, not (prompt,)"
    if not isinstance(one.control, Tensor) or one.control.numel() == 0:
        return "a control that was measured: hand over a tensor, one row for each draw"
    if one.control.ndim != 2 or one.control.shape[1] != one.effect.shape[-1]:
        return (
            f"a control on the same prompts: its shape is {tuple(one.control.shape)}, and should be"
            f" (draw, prompt) with {one.effect.shape[-1]} prompts"
        )
    if len(one.prompts) != one.effect.shape[-1]:
        return (
            f"the prompts of the measurement: there are {len(one.prompts)}, and "
            f"{one.effect.shape[-1]} effects"
        )
    return None


def _unsteady(report: Report, first: Measured) -> Iterator[str]:
    """Whether the same seed gives other numbers."""
    again, problem = _run(report, report.seed)
    yield from problem
    if again is not None and not all(
        a.shape == b.shape and torch.allclose(a, b, atol=1e-5)
        for a, b in ((first.effect, again.effect), (first.control, again.control))
    ):
        yield (
            f"the same numbers again: measure({report.seed}) gave others the second time, so "
            "something is drawn without the seed"
        )


def _finding(report: Report, one: Measured) -> tuple[Finding | None, list[str]]:
    """The effect beyond the control with its interval, or why there is none."""
    effect = one.effect.reshape(-1, one.effect.shape[-1])
    if len(effect) <= len(one.control) and torch.allclose(
        effect, one.control[: len(effect)].to(effect)
    ):
        return None, ["another control: it gives the same numbers as the effect"]
    bound = report.too_small if _is_number(report.too_small) else 0.0
    try:
        return beyond_control(
            effect, one.control, one.drawn, unit=report.unit, within=max(bound or 0.0, 0.0)
        ), []
    except ClaimError as error:
        return None, [f"an interval beyond the control: {error}"]


def _seen_before(report: Report, first: Measured, second: Measured) -> Iterator[str]:
    """Whether the held-out prompts are those that were looked at."""
    seen = set(_keys(first))
    keys = _keys(second)
    shared = sum(key in seen for key in keys)
    if report.seed != report.held_out and shared > MOST_SHARED * len(keys):
        yield (
            f"held-out prompts: {shared} of {len(keys)} are among those of seed {report.seed}, so "
            "the seed does not draw other ones"
        )


def _keys(one: Measured) -> list[Any]:
    if isinstance(one.prompts, Tensor):
        return [tuple(row) for row in one.prompts.reshape(len(one.prompts), -1).tolist()]
    return list(one.prompts)


def _told(one: Finding) -> str:
    return (
        f"{one.effect:.3f} {one.unit} beyond the control, [{one.low:.3f}, {one.high:.3f}], "
        f"n = {one.n}, smallest visible {one.smallest:.3f}: {one.verdict}"
    )
