"""Endless streams of prompts: made one at a time, the same for the same seed, balanced in order.

A list of prompts must fit into memory and must know its length before it begins. A generator makes
a prompt when somebody asks for it, so that the same code serves eight prompts and a million.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Gift(NamedTuple):
    """Who gives what to whom."""

    giver: str
    receiver: str
    thing: str


class IOIPrompt(NamedTuple):
    """A text to be continued by `io`, and the name that is a wrong answer."""

    text: str
    io: str
    s: str


def gifts(names: Sequence[str], things: Sequence[str], seed: int) -> Iterator[Gift]:
    """Gifts without end, between two different people; the same seed gives the same gifts."""
    rng = random.Random(seed)
    while True:
        giver, receiver = rng.sample(names, 2)
        yield Gift(giver, receiver, rng.choice(things))


def article(noun: str) -> str:
    """`an` before a vowel, else `a`: by spelling, which is right for `english.words.OBJECTS`.

    Example:
        >>> article("apple"), article("book")
        ('an', 'a')
    """
    return "an" if noun[0] in "aeiou" else "a"


def sentence(gift: Gift) -> str:
    """`John gave Mary a book`."""
    return f"{gift.giver} gave {gift.receiver} {article(gift.thing)} {gift.thing}"


def one_token(words: Iterable[str], encode: Callable[[str], Sequence[int]]) -> list[str]:
    """Those of the words that are one token in the middle of a sentence, after a space."""
    return [word for word in words if len(encode(f" {word}")) == 1]


def both_orders(gifts: Iterable[Gift]) -> Iterator[IOIPrompt]:
    """Two IOI prompts for each gift: the receiver named first (ABBA), then the giver (BABA).

    Any even number of prompts from the start of the stream has as many of one order as of the
    other, with the same names and things in both.
    """
    for giver, receiver, thing in gifts:
        for first, second in ((receiver, giver), (giver, receiver)):
            opening = f"Then, {first} and {second} went to the shops."
            text = f"{opening} {giver} gave {article(thing)} {thing} to"
            yield IOIPrompt(text, receiver, giver)


def batches(stream: Iterable[T], size: int) -> Iterator[list[T]]:
    """The stream in lists of `size`, the last one shorter where it does not fit.

    No more is read from the stream than the batches that were asked for need.
    """
    iterator = iter(stream)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
