"""How a check reads a learner's generator: a few items at a time, and never forever."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from mi_course.check.core import Attempt, Wrong

T = TypeVar("T")


class _NeverAsks(Exception):
    """A function draws and draws, and yields nothing."""


class Watched(list[str]):
    """A list that ends a loop which would never end: it counts how often its length is asked."""

    looks = 0

    def __len__(self) -> int:
        self.looks += 1
        if self.looks > 20_000:
            raise _NeverAsks
        return super().__len__()


class Source(Iterable[T]):
    """An iterator that knows how much was read of it, and ends long after anybody should stop."""

    def __init__(self, items: Iterable[T], limit: int = 1000) -> None:
        self.read = 0
        self._items = itertools.islice(items, limit)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = next(self._items)
        self.read += 1
        return item


def guarded(attempt: Attempt, make: Callable[[], Any]) -> Any:
    """What `make` returns, with any accident on the way turned into a sentence."""
    return Attempt(_named(make, attempt.name))()


def _named(make: Callable[[], Any], name: str) -> Callable[[], Any]:
    def call() -> Any:
        return make()

    call.__name__ = name
    return call


def take(attempt: Attempt, make: Callable[[], Any], count: int) -> list[Any]:
    """The first items of the stream that `make` gives."""

    def items() -> list[Any]:
        stream = make()
        if isinstance(stream, Iterator):
            return list(itertools.islice(stream, count))
        raise _NoStream(stream)

    try:
        return list(guarded(attempt, items))
    except Wrong as mistake:
        text = str(mistake)
        if "_NeverAsks" in text:
            raise Wrong(
                "your function draws endlessly and yields nothing: `yield` each item inside the "
                "loop, instead of collecting them"
            ) from None
        if "_NoStream" in text:
            raise Wrong(_no_stream(text.rpartition(": ")[2])) from None
        raise


class _NoStream(TypeError):
    def __init__(self, found: Any) -> None:
        super().__init__(type(found).__name__)


def _no_stream(kind: str) -> str:
    if kind == "NoneType":
        return "your function returns None: `yield` the items, do not print or collect them"
    return (
        f"your function returns a {kind}, which is complete before anyone asks for an item: make "
        "it a generator, with `yield` in place of `return`"
    )
