"""Choose between the learner's function and the package's, and say which one ran."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from mi_course.check import accidents
from mi_course.check.core import PASSED, WHOSE_VARIABLE
from mi_course.learner import console

WEEKS = (
    "week1",
    "week2",
    "weight_circuits",
    "induction_forming",
    "week3",
    "week4",
    "gradient_patching",
    "another_circuit",
    "superposition",
    "lenses",
    "probes_and_steering",
)


class Choice:
    """One exercise's function: the learner's where it has passed, else the package's."""

    def __init__(self, name: str, package: Callable[..., Any]) -> None:
        """Args: name: of the exercise. package: the function that stands in for the learner's."""
        self.name = name
        self.package = package
        self._said: tuple[Any, str] | None = None
        self._broken: Any = None

    @classmethod
    def of(cls, name: str) -> Choice:
        """The choice for an exercise.

        Raises:
            KeyError: there is no exercise of that name whose function is used later.
        """
        return _choices()[name]

    @classmethod
    def names(cls) -> list[str]:
        """The exercises whose functions later cells use."""
        return sorted(_choices())

    def __call__(self, *args: Any) -> Any:
        """Call the learner's function, or the package's with the same arguments."""
        function = PASSED.get(self.name)
        if function is None:
            self._say("the package's", ": yours has not passed its check in this session")
            return self.package(*args)
        if function is self._broken:
            self._say("the package's", ": yours stopped on a real input above")
            return self.package(*args)
        try:
            result = function(*args)
        except Exception as error:
            self._broken = function
            self._say(
                "the package's",
                f": yours stopped here, on real input, with {accidents.told(error)}",
            )
            return self.package(*args)
        self._say("the solution's" if os.environ.get(WHOSE_VARIABLE) == "solutions" else "your")
        return result

    def _say(self, whose: str, why: str = "") -> None:
        """Say whose function ran, once in each cell."""
        now = (_cell(), whose)
        if now != self._said:
            self._said = now
            console.say(f"This cell runs {whose} {self.name}{why}.")


@cache
def _choices() -> dict[str, Choice]:
    """The functions of the modules that stand in for the learner's, by name."""
    modules = [import_module(f"mi_course.yours.{week}") for week in WEEKS]
    return {
        name: Choice(name, getattr(module, name)) for module in modules for name in module.__all__
    }


def _cell() -> int | None:
    """The number of the cell that runs; None outside of a notebook."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return None if shell is None else int(shell.execution_count)
