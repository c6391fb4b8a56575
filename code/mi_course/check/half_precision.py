"""Whether an answer computes in half precision, whose few digits explain why it is a little off."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

DIGITS = {torch.float16: "three digits", torch.bfloat16: "two digits"}
_WORDS = {"half", "float16", "bfloat16", "autocast"}
_MOST = 200
"""Functions that are looked through for these words."""


def told(answer: Any, judge: Callable[[], object]) -> str:
    """What to add to a verdict where the answer computes in half precision, else nothing.

    Args:
        answer: the learner's function or class. It is judged again only where its code names half
            precision, since most answers do not.
        judge: judges it once more, whatever that raises.
    """
    if not any(_names_it(function) for function in _functions(answer)):
        return ""
    watch = _Watch()
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()), watch:
        judge()
    if watch.seen is None:
        return ""
    kind = str(watch.seen).removeprefix("torch.")
    return f" (part of it is computed in {kind}, which keeps {DIGITS[watch.seen]}: use float32)"


class _Watch(TorchFunctionMode):
    """Notes the first result of half precision."""

    seen: torch.dtype | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if self.seen is None and isinstance(result, Tensor) and result.dtype in DIGITS:
            self.seen = result.dtype
        return result


def _functions(answer: Any) -> Iterator[FunctionType]:
    """The functions that an answer consists of: its own, a class's methods, those that it calls."""
    waiting: list[Any] = [answer]
    known: set[int] = set()
    while waiting and len(known) < _MOST:
        thing = waiting.pop()
        if id(thing) in known:
            continue
        known.add(id(thing))
        if isinstance(thing, functools.partial):
            waiting.append(thing.func)
        elif isinstance(thing, type):
            waiting += [value for kind in thing.__mro__ for value in _own_parts(kind)]
        elif isinstance(function := getattr(thing, "__func__", thing), FunctionType):
            yield function
            waiting += _used_by(function)


def _own_parts(kind: type) -> list[Any]:
    from_torch = kind.__module__.partition(".")[0] in ("torch", "builtins")
    return [] if from_torch else list(vars(kind).values())


def _used_by(function: FunctionType) -> Iterator[Any]:
    """The learner's functions and classes that a function names or holds."""
    values = [function.__globals__.get(name) for name in _names(function.__code__)]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # not filled yet
            values.append(cell.cell_contents)
    values.append(getattr(function, "__wrapped__", None))
    for value in values:
        module = getattr(value, "__module__", "") or ""
        if isinstance(value, FunctionType | type | functools.partial) and not module.startswith(
            ("torch", "numpy", "einops", "mi_course")
        ):
            yield value


def _names_it(function: FunctionType) -> bool:
    return not _WORDS.isdisjoint(_names(function.__code__))


def _names(code: CodeType) -> set[str]:
    """All names and short texts in a function's code, and in the functions within it."""
    found = {*code.co_names, *(c for c in code.co_consts if isinstance(c, str))}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= _names(inner)
    return found
