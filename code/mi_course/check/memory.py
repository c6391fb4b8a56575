"""What an answer keeps from one call to the next, which explains a result that was right at first.

Python makes a default argument once, when it reads `def`, and a class attribute once for all
objects. What a call puts into one of them is there in the next.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

_MOST = 10_000
"""Entries of a list that are compared; a longer one is some data set."""


class Memory:
    """The lists, dictionaries and sets that an answer could keep something in."""

    def __init__(self, answer: Any) -> None:
        """Args: answer: the learner's function or class."""
        self._before = [(told, kept, _entries(kept)) for told, kept in _places(answer)]

    def told(self) -> str:
        """What to add to a verdict where one of them has changed since, else nothing."""
        for told, kept, before in self._before:
            now = _entries(kept)
            if len(now) != len(before) or any(a is not b for a, b in zip(now, before, strict=True)):
                return f" ({told})"
        return ""


def _places(answer: Any) -> Iterator[tuple[str, Any]]:
    """Each place with the sentence about it."""
    functions = [answer]
    if isinstance(answer, type):
        functions = list(vars(answer).values())
        for name, value in vars(answer).items():
            if _is_kept(value):
                yield (
                    f"{name} stands in the class, so all its objects share one, which keeps what "
                    f"is put into it: make it in __init__, self.{name} = …",
                    value,
                )
    for function in functions:
        if not inspect.isfunction(function):
            continue
        for name, parameter in inspect.signature(function).parameters.items():
            if _is_kept(parameter.default):
                yield (
                    f"the default of {name} is made once, and keeps what earlier calls have put "
                    f"into it: write {name}=None, and make a new one inside the function",
                    parameter.default,
                )
        for name in function.__code__.co_names:
            if _is_kept(value := function.__globals__.get(name)):
                yield (
                    f"{name} stands outside of the function, and keeps what earlier calls have put "
                    "into it: make it inside",
                    value,
                )


def _is_kept(value: Any) -> bool:
    return type(value) in (list, dict, set) and len(value) <= _MOST


def _entries(kept: Any) -> list[Any]:
    return [*kept, *kept.values()] if isinstance(kept, dict) else list(kept)
