"""What one predicts: a number, one of some options, or their order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import EllipsisType
from typing import Any

from mi_course.errors import CourseError
from mi_course.learner import predictions
from mi_course.learner.console import say
from mi_course.learner.predictions import SURE, Prediction

Choice = int | str
"""An option: its number in the list, from 1, or its text."""


class PredictError(CourseError, ValueError):
    """A prediction that makes no sense; the message says what one can write."""


def number(name: str, value: float | EllipsisType, sure: str = "fairly") -> None:
    """Predict a number.

    Args:
        name: of the question, as the chapter writes it.
        value: in the question's unit; `...` means: no answer yet.
        sure: "guess", "fairly" or "certain".

    Raises:
        PredictError: no number, or another word.
    """
    if value is ...:
        return _nothing_yet(name, "a number")
    if isinstance(value, str) and not math.isnan(predictions.number(value)):
        value = predictions.number(value)
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PredictError(
            f"{value!r} is no number: write one, such as 7.3, in its question's unit"
        )
    return _keep(name, "number", format(value, ".10g"), sure)


def choice(name: str, option: Choice | EllipsisType, sure: str = "fairly") -> None:
    """Predict which of some options is right: its number in the list, from 1, or its text.

    Raises:
        PredictError: neither a number nor a text, or another word for how sure you are.
    """
    if option is ...:
        return _nothing_yet(name, "the number of an option, such as 2,")
    return _keep(name, "choice", _option(option), sure)


def order(name: str, options: Sequence[Choice] | EllipsisType, sure: str = "fairly") -> None:
    """Predict an order: the options' numbers in the list, such as [2, 1, 3], or their texts.

    Raises:
        PredictError: no list of options, one of them twice, or another word for how sure you are.
    """
    if options is ...:
        return _nothing_yet(name, "the options' numbers, such as [2, 1, 3],")
    if isinstance(options, str) or not isinstance(options, Sequence) or len(options) < 2:
        raise PredictError(f"{options!r} is no order: list the options' numbers, such as [2, 1, 3]")
    said = [_option(option) for option in options]
    if len(set(said)) < len(said):
        raise PredictError(f"{options!r} names an option twice")
    return _keep(name, "order", "; ".join(said), sure)


def _option(option: Any) -> str:
    if isinstance(option, bool) or not isinstance(option, int | str) or not str(option).strip():
        raise PredictError(f"{option!r} is no option: give its number in the list, such as 2")
    return str(option).strip()


def _nothing_yet(name: str, what: str) -> None:
    say(f"No prediction yet ({name}): write {what} in place of the three dots.")


def _keep(name: str, kind: str, said: str, sure: str) -> None:
    if not isinstance(name, str) or not name.strip():
        raise PredictError(f"{name!r} is no name: write the question's own, in quotation marks")
    if sure not in SURE:
        words = ", ".join(f'"{word}"' for word in SURE)
        raise PredictError(f"how sure is {sure!r}? Write one of {words}")
    before = predictions.get(name)
    if before is not None and before.was:
        # an option is kept as its text and may be written as its number: the cell below says which
        if kind == "number" and said != before.said:
            say(f"You know the answer by now: {before.said} stays your prediction ({name}).")
        return
    why = predictions.keep(Prediction(name, kind, said, sure, at=predictions.now()))
    if why:
        say(f"Your prediction counts as long as this notebook runs; it is not kept: {why}")
