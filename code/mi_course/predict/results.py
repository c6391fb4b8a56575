"""What a prediction came to: what was said, what it is, how far off."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from mi_course.errors import CourseError
from mi_course.learner import predictions
from mi_course.learner.console import say
from mi_course.learner.predictions import Prediction

Bounds = tuple[float | None, float | None]
_SURE = {"guess": "a guess", "fairly": "fairly sure", "certain": "certain"}


class ToldError(CourseError, ValueError):
    """A cell that tells a result does not fit its question: a mistake of the chapter's author."""


@dataclass(frozen=True)
class _Verdict:
    said: str
    was: str
    right: bool
    far: str
    written: str = "{}"


def told(
    name: str,
    value: Any = None,
    *,
    among: Mapping[str, Bounds] | Sequence[str] = (),
    first: str = "",
    sealed: str = "",
    unit: str = "",
    form: str = ".3g",
    within: str = "10 %",
    week: int = 0,
) -> None:
    """Say how far off a prediction was; without a prediction, say nothing.

    Args:
        name: of the question.
        value: what it is: a number, an option's text, or, with `first`, each option's own value,
            by its text.
        among: the options, as the question lists them; with the bounds within which `value` makes
            one right.
        first: "largest" or "smallest": which option comes first.
        sealed: in place of `value`, what `predictions.seal` made: nobody reads it by accident.
        unit: of a number.
        form: how a number is written.
        within: how far off a number may be, `10 %` of what it is, or as much as `0.5`.
        week: of the course.
    """
    answer = predictions.get(name)
    if answer is None:
        return
    if sealed:
        value = predictions.unseal(sealed)
        value = float(value) if answer.kind == "number" else value
    if answer.kind == "number":
        verdict = _number(answer, value, form, within, unit)
    else:
        verdict = _listed(answer, value, among, first)
    if verdict is None:
        return
    say(_sentence(verdict, answer, unit))
    if not answer.was:
        found = predictions.told(answer, verdict.was, verdict.right, week, unit)
        kept = Prediction(**{**found.__dict__, "said": verdict.said})
        predictions.keep(kept)


def _sentence(verdict: _Verdict, answer: Prediction, unit: str) -> str:
    unit = f" {unit}" if unit else ""
    said, was = (verdict.written.format(text) for text in (verdict.said, verdict.was))
    found = "right" if verdict.right else "not right"
    start = f"You predicted {said}{unit} ({_SURE[answer.sure]})"
    return f"{start}, and it is {was}{unit}: {found}{verdict.far}."


def _number(answer: Prediction, value: Any, form: str, within: str, unit: str) -> _Verdict | None:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, str) or not isinstance(value, int | float):
        raise ToldError(f"{answer.name!r}: {value!r} is no number")
    was = format(value, form)
    said = predictions.number(answer.said)
    if math.isnan(said):
        say(f"{answer.name!r} asks for a number, and your prediction is {answer.said!r}.")
        return None
    right = abs(said - value) <= predictions.tolerance(within, value)
    off = format(abs(said - value), ".3g")
    direction = "high" if said > value else "low"
    steps = "percentage points" if unit == "%" else unit
    far = "" if said == value else f", {off}{f' {steps}' if steps else ''} too {direction}"
    return _Verdict(answer.said, was, right, far)


def _listed(
    answer: Prediction, value: Any, among: Mapping[str, Bounds] | Sequence[str], first: str
) -> _Verdict | None:
    texts = list(value) if first and isinstance(value, Mapping) else list(among)
    said = [_found(option, texts) for option in answer.said.split("; ")]
    right = _right(value, among, first, texts)
    if answer.kind == "choice":
        right = right[:1]
    if None in said or len(said) != len(right):
        listed = "; ".join(f"{n} {text}" for n, text in enumerate(texts, 1))
        say(f"Your prediction {answer.said!r} does not fit {answer.name!r}. The options: {listed}.")
        return None
    chosen = [option for option in said if option is not None]
    far = ""
    if answer.kind == "order" and chosen != right:
        wrong, pairs = misplaced(chosen, right)
        far = f", {wrong} of {pairs} pairs stand the wrong way round"
    return _Verdict("; ".join(chosen), "; ".join(right), chosen == right, far, "“{}”")


def _right(
    value: Any, among: Mapping[str, Bounds] | Sequence[str], first: str, texts: list[str]
) -> list[str]:
    """The texts of the options that are right, the first one first."""
    if first:
        return sorted(texts, key=lambda text: float(value[text]), reverse=first == "largest")
    if isinstance(among, Mapping):
        value = value.item() if hasattr(value, "item") else value
        fits = [t for t, (low, high) in among.items() if _within(value, low, high)]
    else:
        fits = [t for part in str(value).split("; ") if (t := _found(part, texts)) is not None]
    if not fits:
        raise ToldError(f"{value!r} is none of {texts}")
    return fits


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value < high)


def _found(option: str, texts: Sequence[str]) -> str | None:
    """An option's text by its number in the list, or by its text in any spelling of letters."""
    if re.fullmatch(r"[0-9]+", option) and 1 <= int(option) <= len(texts):
        return texts[int(option) - 1]
    return next((t for t in texts if t.casefold() == option.strip().casefold()), None)


def misplaced(said: Sequence[str], right: Sequence[str]) -> tuple[int, int]:
    """How many pairs of an order stand the wrong way round, and how many pairs there are."""
    place = {text: i for i, text in enumerate(right)}
    pairs = list(combinations(said, 2))
    return sum(place[a] > place[b] for a, b in pairs), len(pairs)
