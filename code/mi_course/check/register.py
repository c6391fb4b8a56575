"""The register of exercises: each by name, with the function that checks an answer to it.

An exercise of the course travels to the process that checks answers by its name. One that is
defined elsewhere, in a test or in a notebook, travels with its check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Exercise:
    """What a learner's answer is checked against.

    Attributes:
        name: as in `check.NAME`.
        check: takes the learner's function, wrapped in `core.Attempt`, and raises `core.Wrong` for
            the first mistake that it finds.
    """

    name: str
    check: Callable[[Any], None]

    def __reduce__(self) -> tuple[Callable[..., Exercise], tuple[Any, ...]]:
        module = self.check.__module__
        if module.startswith("mi_course.") and REGISTER.get(self.name) is self:
            return find, (module, self.name)
        return Exercise, (self.name, self.check)


REGISTER: dict[str, Exercise] = {}


def add(check: Callable[[Any], None]) -> Exercise:
    """Register a check under its function's name; a later one of the same name takes its place."""
    exercise = Exercise(check.__name__, check)
    REGISTER[exercise.name] = exercise
    return exercise


def find(module: str, name: str) -> Exercise:
    """The exercise of this name, once the module that registers it is imported."""
    import_module(module)
    return REGISTER[name]
