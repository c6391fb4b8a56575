"""What the mystery models answer. Read on and you know more than a learner is told.

A task says which inputs there are and which answer is right. Which model was made for which task is
told in `catalogue`, by number. All inputs of a task have one length, and the answer is read at the
last position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

Symbol = int | str
Draw = Callable[[int, torch.Generator], Int[Tensor, "batch pos"]]
Answer = Callable[[Int[Tensor, "batch pos"]], Int[Tensor, "batch"]]

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Task:
    """Inputs and right answers.

    Attributes:
        symbols: the vocabulary; a token's id is its place in it.
        draw: makes a batch of inputs, as ids.
        answer: the right answer to each, as ids.
    """

    symbols: tuple[Symbol, ...]
    draw: Draw
    answer: Answer

    def spelled(self, tokens: Int[Tensor, "batch pos"]) -> list[tuple[Symbol, ...]]:
        """Inputs as the symbols that a learner sees."""
        return [tuple(self.symbols[i] for i in row) for row in tokens.tolist()]


def picked(rows: Int[Tensor, "batch pos"], at: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
    """The entry of each row at a place of its own."""
    return rows.gather(1, at[:, None])[:, 0]


def _integers(high: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(high, shape, generator=generator)


def _distinct(high: int, n: int, many: int, generator: torch.Generator) -> Tensor:
    """Rows of `many` different numbers below `high`, in any order."""
    return torch.rand(n, high, generator=generator).argsort(1)[:, :many]


N_POINTERS = 8


def _pointers(n: int, generator: torch.Generator) -> Tensor:
    return _integers(N_POINTERS, (n, N_POINTERS + 1), generator)


def _two_steps(tokens: Tensor) -> Tensor:
    return picked(tokens, picked(tokens, tokens[:, -1]))


TWO_STEPS = Task(tuple(range(N_POINTERS)), _pointers, _two_steps)
"""A list of numbers and a number: where the entry there points to."""

SMALL_PRIME = 5


def _three(n: int, generator: torch.Generator) -> Tensor:
    return _integers(SMALL_PRIME, (n, 3), generator)


def _sum(tokens: Tensor) -> Tensor:
    return tokens.sum(1) % SMALL_PRIME


THREE_SUM = Task(tuple(range(SMALL_PRIME)), _three, _sum)
"""Three numbers: their sum, modulo a prime."""

N_RING = 6
RING_STEP = 2


def _ring(n: int, generator: torch.Generator) -> Tensor:
    letters = _distinct(N_RING, n, N_RING, generator)
    at = _integers(N_RING, (n,), generator)
    return torch.cat([letters, picked(letters, at)[:, None]], 1)


def _further_on(tokens: Tensor) -> Tensor:
    letters = tokens[:, :-1]
    at = (letters == tokens[:, -1:]).int().argmax(1)
    return picked(letters, (at + RING_STEP) % N_RING)


FURTHER_ON = Task(tuple(LETTERS[:N_RING]), _ring, _further_on)
"""Letters in a ring and one of them: the letter two places further on."""

N_TERMS = 5


def _two_and_list(n: int, generator: torch.Generator) -> Tensor:
    numbers = _integers(N_TERMS, (n, 2), generator)
    letters = N_TERMS + 1 + _integers(N_TERMS, (n, N_TERMS), generator)
    return torch.cat([numbers, letters, torch.full((n, 1), N_TERMS)], 1)


def _at_the_sum(tokens: Tensor) -> Tensor:
    return picked(tokens[:, 2:-1], tokens[:, :2].sum(1) % N_TERMS)


AT_THE_SUM = Task((*range(N_TERMS), "?", *LETTERS[:N_TERMS]), _two_and_list, _at_the_sum)
"""Two numbers and five letters: the letter at their sum, modulo five."""

N_KINDS = 5
N_COUNTED = 6


def _list_and_asked(n: int, generator: torch.Generator) -> Tensor:
    asked = _integers(N_KINDS, (n, 1), generator)
    many = _integers(N_COUNTED, (n, 1), generator)
    others = (asked + 1 + _integers(N_KINDS - 1, (n, N_COUNTED), generator)) % N_KINDS
    letters = torch.where(_distinct(N_COUNTED, n, N_COUNTED, generator) < many, asked, others)
    return torch.cat([letters, asked], 1)


def _at_its_count(tokens: Tensor) -> Tensor:
    return picked(tokens, (tokens[:, :-1] == tokens[:, -1:]).sum(1))


AT_ITS_COUNT = Task(tuple(LETTERS[:N_KINDS]), _list_and_asked, _at_its_count)
"""Six letters and one more: the letter of the list at the number of times that this one occurs."""

N_PAIRS = 4
HIGHEST = 7


def _numbered(n: int, generator: torch.Generator) -> Tensor:
    numbers = _distinct(HIGHEST, n, N_PAIRS, generator)
    letters = HIGHEST + 1 + _integers(HIGHEST - 1, (n, N_PAIRS), generator)
    pairs = torch.stack([numbers, letters], 2).flatten(1)
    return torch.cat([pairs, torch.full((n, 1), HIGHEST)], 1)


def _beside_the_second(tokens: Tensor) -> Tensor:
    return picked(tokens[:, 1:-1:2], tokens[:, :-1:2].argsort(1)[:, -2])


BESIDE_THE_SECOND = Task(
    (*range(HIGHEST), "?", *LETTERS[: HIGHEST - 1]), _numbered, _beside_the_second
)
"""Four different numbers, each with a letter: the letter beside the second largest."""
