"""An explanation of a model: a program, and for each of its variables the place where it lives.

The program is a small causal model (Geiger et al. 2021, arXiv:2106.02997): named variables, what
each is computed from, and the answer. A function is a variable, its name is the function's, and its
parameters name what it is computed from: `tokens`, the input, or other variables.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mi_course.errors import CourseError
from mi_course.mystery_nets.places import Place, as_list
from mi_course.processes.programs import INPUT, Program

Function = Callable[..., Any]


class ExplanationError(CourseError, ValueError):
    """An explanation that is no causal model; the message says why."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """A causal model of a network.

    Attributes:
        answer: the function that gives the answer.
        variables: each variable's function, with its place or its places.

    Example:
        >>> from mi_course.mystery import Explanation, resid
        >>> def pointed(tokens):
        ...     return tokens[tokens[-1]]
        >>> def answer(tokens, pointed):
        ...     return tokens[pointed]
        >>> Explanation(answer, {pointed: resid(0, at=-1)}).order()
        ['pointed']
    """

    answer: Function
    variables: Mapping[Function, Place | Sequence[Place]]

    def __post_init__(self) -> None:
        if not callable(self.answer) or not isinstance(self.variables, Mapping):
            raise ExplanationError(
                "an explanation is a function and a dictionary: "
                "Explanation(answer, {variable: place})"
            )
        names = [_name(function) for function in self.variables]
        for name in names:
            if names.count(name) > 1:
                raise ExplanationError(f"two variables are called {name!r}: rename one")
        if not names:
            raise ExplanationError("an explanation has at least one variable between input and end")
        if INPUT in names:
            raise ExplanationError(f"{INPUT!r} is the input: give the variable another name")
        for function, places in self.variables.items():
            if not as_list(places) or not all(isinstance(p, Place) for p in as_list(places)):
                raise ExplanationError(
                    f"the place of {_name(function)} is {places!r}: use resid, mlp, attn or head"
                )
        self.order()

    def functions(self) -> dict[str, Function]:
        """The variables' functions, by name."""
        return {_name(function): function for function in self.variables}

    def places(self) -> dict[str, list[Place]]:
        """The variables' places, by name."""
        return {_name(function): as_list(p) for function, p in self.variables.items()}

    def order(self) -> list[str]:
        """The variables' names, each behind those that it is computed from.

        Raises:
            ExplanationError: a parameter that is no variable, or a variable that rests on itself.
        """
        needs = {name: parameters(f) for name, f in self.functions().items()}
        for name, found in (*needs.items(), ("the answer", parameters(self.answer))):
            for parameter in found:
                if parameter != INPUT and parameter not in needs:
                    known = ", ".join((INPUT, *needs))
                    raise ExplanationError(
                        f"{name} is computed from {parameter!r}, which is neither the input nor a "
                        f"variable: there are {known}"
                    )
        order: list[str] = []
        while len(order) < len(needs):
            ready = [n for n in needs if n not in order and set(needs[n]) <= {INPUT, *order}]
            if not ready:
                left = ", ".join(n for n in needs if n not in order)
                raise ExplanationError(f"these variables rest on one another in a circle: {left}")
            order += ready
        return order

    def program(self, symbols: tuple[Any, ...]) -> Program:
        """What is run apart: the functions, and of the places their positions alone."""
        functions = self.functions()
        variables = {name: functions[name] for name in self.order()}
        needs: dict[str | None, list[str]] = {n: parameters(f) for n, f in variables.items()}
        return Program(
            variables=variables,
            answer=self.answer,
            needs=needs | {None: parameters(self.answer)},
            rules={name: [place.at for place in of] for name, of in self.places().items()},
            symbols=symbols,
        )

    def source(self) -> str:
        """The program as it is written, for the log."""
        functions = (*self.variables, self.answer)
        return "\n\n".join(_written(function) for function in functions)


def parameters(function: Function) -> list[str]:
    """What a function is computed from."""
    return list(inspect.signature(function).parameters)


def _name(function: Function) -> str:
    name = getattr(function, "__name__", "")
    if not name.isidentifier():
        raise ExplanationError(
            "a variable is a function with a name, made with `def`, and not "
            + ("a lambda" if name == "<lambda>" else f"{function!r}")
        )
    return name


def _written(function: Function) -> str:
    try:
        return inspect.getsource(function).rstrip()
    except (OSError, TypeError):
        return f"# {getattr(function, '__name__', function)}: its source is not at hand"
