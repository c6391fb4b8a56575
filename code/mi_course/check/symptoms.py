"""What a check has seen of an answer: the call, what should have come back, and what did."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from mi_course.check.numerals import apart, first_apart

_FEW = 8
"""Entries of a list or of a tensor of integers that are written out."""
_NUMBERS = 4
"""Numbers with decimals that are written out."""
_LONGEST = 160
"""Characters of one value."""


class Seen:
    """The last call of an answer, what it should have given, and a result that differs."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin with another answer."""
        self._call: tuple[Callable[..., Any], tuple[Any, ...], Any] | None = None
        self._expected: tuple[tuple[Any, ...], Any] | None = None
        self._differs = ""
        self._noted = ""

    def expect(self, right: Any, *args: Any) -> None:
        """Note what a call with these arguments should give; of other calls nothing is said."""
        self._expected = args, right

    def called(self, function: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        """Note a call."""
        self._call = function, args, result
        self._noted = ""

    def note(self, symptom: str) -> None:
        """Say in the check's own words what the last call did."""
        self._noted = symptom

    def compared(self, found: Any, right: Any) -> None:
        """Note that the result of the last call, or what was made of it, is not the right one."""
        if not self._differs and (differs := difference(found, right)):
            self._differs = self._given() + differs

    def told(self) -> str:
        """The symptom in words, or nothing where nothing was seen."""
        if self._differs or self._noted or self._call is None:
            return self._differs or self._noted
        _, args, result = self._call
        differs = ""
        if self._expected is not None and _same(args, self._expected[0]):
            differs = difference(result, self._expected[1])
        if differs:
            return self._given() + differs
        told = f"your function returns {shown(result)}, and the check does not accept it"
        return self._given() + told

    def _given(self) -> str:
        """The arguments of the last call: `with x of shape (2, 3), k = 2: `."""
        if self._call is None:
            return ""
        function, args, _ = self._call
        told = [
            f"{name} {_argument(arg)}"
            for name, arg in zip(_names(function, args), args, strict=True)
            if isinstance(arg, Tensor | int | float | str | list | tuple)
        ]
        return f"with {', '.join(told)}: " if told else ""


SEEN = Seen()
"""Of the answer that is being judged in this process."""


def difference(found: Any, right: Any) -> str:
    """What should have come back and what did: of tensors of one shape the first value.

    Returns:
        Nothing where the two are the same in every value and in their types.
    """
    if not isinstance(found, Tensor) or not isinstance(right, Tensor):
        if isinstance(found, float) and isinstance(right, float):
            return "expected {}, got {}".format(*apart(right, found, 4))
        if shown(found) != shown(right):
            return f"expected {shown(right)}, got {shown(found)}"
        types = _types(right), _types(found)
        return f"expected {types[0]}, got {types[1]}" if types[0] != types[1] else ""
    if found.shape != right.shape or not found.numel() or found.is_complex():
        return f"expected {shown(right)}, got {shown(found)}"
    whole = not found.is_floating_point() and not right.is_floating_point()
    differs = first_apart(found, right, 0 if whole else 4)
    if float(differs.right) == float(differs.found):  # the values are right, and their type is not
        return f"expected {right.dtype}, got {found.dtype}" if right.dtype != found.dtype else ""
    numbers = f"expected {differs.right}, got {differs.found}"
    return (
        f"the first value that differs, at {list(differs.at)}: {numbers}" if found.ndim else numbers
    )


def _types(value: Any) -> str:
    """The types of what a tuple or list holds, or of one value; of a tensor its dtype."""
    if isinstance(value, tuple | list):
        return ", ".join(dict.fromkeys(_types(item) for item in value)) or type(value).__name__
    return str(value.dtype) if isinstance(value, Tensor) else type(value).__name__


def shown(value: Any) -> str:
    """A value in few words: a large tensor by its shape, a module or function by its kind."""
    text = " ".join(_shown(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        if value.numel() > (_NUMBERS if value.is_floating_point() else _FEW):
            return f"a tensor of shape {tuple(value.shape)}"
        return _shown(value.tolist())
    if isinstance(value, float):
        return f"{value:.4g}"
    if type(value) in (list, tuple):
        items = [_shown(item) for item in value[:_FEW]] + ["…"] * (len(value) > _FEW)
        inside = ", ".join(items) + "," * (len(items) == 1 and type(value) is tuple)
        return f"[{inside}]" if type(value) is list else f"({inside})"
    if type(value) is dict:
        items = [f"{key!r}: {_shown(item)}" for key, item in list(value.items())[:_FEW]]
        return f"{{{', '.join(items)}}}"
    if isinstance(value, str | int | bool | None):
        return repr(value)
    kind = type(value).__name__
    return f"the module {kind}" if isinstance(value, nn.Module) else f"an object of type {kind}"


def _argument(value: Any) -> str:
    told = shown(value)
    return told.removeprefix("a tensor ") if told.startswith("a tensor of shape") else f"= {told}"


def _same(given: tuple[Any, ...], expected: tuple[Any, ...]) -> bool:
    """Whether these are the very arguments; numbers may be equal."""
    return len(given) == len(expected) and all(
        a is b or (isinstance(a, int | float) and isinstance(b, int | float) and a == b)
        for a, b in zip(given, expected, strict=True)
    )


def _names(function: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """What the learner calls the arguments; by number, from 1, what has no name."""
    try:
        names = list(inspect.signature(function).parameters)
    except (ValueError, TypeError):
        names = []
    return [*names, *(f"argument {n + 1}" for n in range(len(names), len(args)))][: len(args)]
