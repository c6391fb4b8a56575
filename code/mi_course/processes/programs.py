"""Run a causal model that a learner wrote, in the process that checks answers.

What is sent there is functions and inputs, what comes back is answers: the model never enters that
process, and while the program runs nothing may be imported but a few modules of Python's own, and
no file be opened.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mi_course.errors import CourseError

INPUT = "tokens"
"""The parameter of a function that stands for the input: a tuple of symbols."""
ALLOWED = frozenset(
    (
        *("bisect", "cmath", "collections", "copy", "dataclasses", "decimal", "enum", "fractions"),
        *("functools", "heapq", "itertools", "math", "operator", "re", "statistics", "string"),
        "typing",
    )
)
"""Modules of Python's own that a program may import."""
FEW_VALUES = 60
"""Values of a variable that are compared with one another, at most."""
CONTEXTS = 40
"""Inputs in which two values of a variable are compared."""

Tokens = tuple[Any, ...]


class ProgramError(CourseError):
    """The program cannot be used as it is; one sentence for the learner."""


@dataclass(frozen=True)
class Program:
    """The functions of an explanation.

    Attributes:
        variables: by name, each behind those that it is computed from.
        answer: gives the answer.
        needs: by variable, and under None for the answer, what it is computed from.
        rules: by variable, the positions or rules of its places.
        symbols: that an answer may be.
    """

    variables: Mapping[str, Callable[..., Any]]
    answer: Callable[..., Any]
    needs: Mapping[str | None, Sequence[str]]
    rules: Mapping[str, Sequence[Any]]
    symbols: tuple[Any, ...]

    def values(self, tokens: Tokens, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Every variable's value on an input, those of `fixed` held at theirs."""
        values: dict[str, Any] = {INPUT: tokens}
        for name, function in self.variables.items():
            if fixed and name in fixed:
                values[name] = fixed[name]
            else:
                values[name] = _called(function, [values[p] for p in self.needs[name]], tokens)
        return values

    def answered(self, tokens: Tokens, fixed: Mapping[str, Any] | None = None) -> int | None:
        """The answer's token id, None where the program gives none.

        Raises:
            ProgramError: an answer that is no symbol.
        """
        values = self.values(tokens, fixed)
        answer = _called(self.answer, [values[p] for p in self.needs[None]], tokens)
        if answer is None:
            return None
        for at, symbol in enumerate(self.symbols):
            if symbol == answer and isinstance(answer, type(symbol)):
                return at
        raise ProgramError(
            f"your program answers {answer!r:.60} to {tokens}: an answer is one of {self.symbols}"
        )


def _called(function: Callable[..., Any], given: list[Any], tokens: Tokens) -> Any:
    try:
        return function(*given)
    except ProgramError:
        raise
    except Exception as error:
        raise ProgramError(
            f"`{function.__name__}` stopped with {type(error).__name__}: {error!s:.80} on the "
            f"input {tokens}"
        ) from None


def serve(given: tuple[Program, Sequence[tuple[Tokens, Tokens, Tokens]]]) -> dict[str, Any]:
    """`run`, with one argument, as the other process calls it."""
    return run(*given)


def run(program: Program, triples: Sequence[tuple[Tokens, Tokens, Tokens]]) -> dict[str, Any]:
    """Everything that the examination asks of a program.

    Args:
        program: what the learner wrote.
        triples: inputs: a base, a source, and a third that has to do with neither.

    Returns:
        Token ids and flags, lists as long as `triples`: `base` and `source`, the answers there;
        `joint`, the answer on the source with all variables as on the base; and for each variable,
        below `variables`, `swapped` and `arbitrary`, the answer on the base with the variable as on
        the source or on the third; `same`, whether base and source give it one value;
        `positions`, of each of its places on base, source and third; `classes`, an id of its value
        on the source; `copies`, a position whose symbol decides it, or None; `idle`, the share of
        pairs of values that no input tells apart.
    """
    with _alone():
        try:
            return _run(program, triples)
        except ProgramError as error:
            return {"error": str(error)}


def _run(program: Program, triples: Sequence[tuple[Tokens, Tokens, Tokens]]) -> dict[str, Any]:
    bases, sources, thirds = ([t[i] for t in triples] for i in range(3))
    on = [[program.values(tokens) for tokens in some] for some in (bases, sources, thirds)]
    again = [program.values(tokens) for tokens in bases[:50]]
    names = list(program.variables)
    for name in names:
        if any(repr(a[name]) != repr(b[name]) for a, b in zip(again, on[0], strict=False)):
            raise ProgramError(
                f"`{name}` gives another value when it is called again: compute it from its "
                "parameters alone, and return a number, a text or a tuple"
            )
    found: dict[str, Any] = {
        "base": [program.answered(t) for t in bases],
        "source": [program.answered(t) for t in sources],
        "joint": [
            program.answered(t, {n: v[n] for n in names})
            for t, v in zip(sources, on[0], strict=True)
        ],
        "variables": {},
    }
    for name in names:
        swapped, arbitrary = (
            [program.answered(t, {name: v[name]}) for t, v in zip(bases, values, strict=True)]
            for values in on[1:]
        )
        ids: dict[str, int] = {}
        found["variables"][name] = {
            "swapped": swapped,
            "arbitrary": arbitrary,
            "same": [repr(a[name]) == repr(b[name]) for a, b in zip(*on[:2], strict=True)],
            "classes": [ids.setdefault(repr(v[name]), len(ids)) for v in on[1]],
            "positions": [
                [[_position(rule, t) for t in some] for some in (bases, sources, thirds)]
                for rule in program.rules[name]
            ],
            "copies": _copies(sources, [repr(v[name]) for v in on[1]]),
            "idle": _idle(program, name, bases, [v[name] for v in on[1]]),
        }
    return found


def _position(rule: Any, tokens: Tokens) -> int:
    at = rule(tokens) if callable(rule) else rule
    if isinstance(at, bool) or not isinstance(at, int) or not -len(tokens) <= at < len(tokens):
        raise ProgramError(
            f"a rule of position gives {at!r:.60} for {tokens}: it must be a position, "
            f"0..{len(tokens) - 1}"
        )
    return at % len(tokens)


def _copies(inputs: Sequence[Tokens], values: Sequence[str]) -> int | None:
    """A position whose symbol alone decides the value, wherever it was seen; or None."""
    for at in range(len(inputs[0])):
        seen: dict[Any, str] = {}
        pairs = zip(inputs, values, strict=True)
        if all(seen.setdefault(tokens[at], value) == value for tokens, value in pairs):
            return at
    return None


def _idle(program: Program, name: str, inputs: Sequence[Tokens], values: Sequence[Any]) -> float:
    """The share of pairs of different values that give one answer in every context tried."""
    distinct = list({repr(value): value for value in values}.values())[:FEW_VALUES]
    rows = [
        tuple(program.answered(tokens, {name: value}) for tokens in inputs[:CONTEXTS])
        for value in distinct
    ]
    if len(rows) < 2:
        raise ProgramError(f"your variable `{name}` has one value on all inputs")
    pairs = [(a, b) for i, a in enumerate(rows) for b in rows[:i]]
    return sum(a == b for a, b in pairs) / len(pairs)


_REFUSED = "your program reaches outside ({}): it computes from `tokens` and variables alone"
_running = False
_hooked = False


@contextmanager
def _alone() -> Iterator[None]:
    """Within, nothing may be opened or started, and little be imported."""
    global _running, _hooked
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    usual = builtins.__import__

    def importing(name: str, *args: Any, **kwargs: Any) -> Any:
        global _running
        if name.partition(".")[0] not in ALLOWED:
            raise ProgramError(_REFUSED.format(f"import {name}"))
        _running = False  # Python itself opens the module's file
        try:
            return usual(name, *args, **kwargs)
        finally:
            _running = True

    builtins.__import__ = importing
    _running = True
    try:
        yield
    finally:
        _running = False
        builtins.__import__ = usual


_EVENTS = ("open", "os.", "subprocess.", "socket.", "ctypes.", "shutil.", "import")


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _running and event.startswith(_EVENTS):
        raise ProgramError(_REFUSED.format(event))
