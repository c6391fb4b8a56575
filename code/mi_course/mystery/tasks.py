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


N_SIDES = 6


def _side_and_list(n: int, generator: torch.Generator) -> Tensor:
    letters = N_SIDES + 3 + _integers(N_SIDES, (n, N_SIDES), generator)
    side = N_SIDES + _integers(2, (n, 1), generator)
    number = _integers(N_SIDES, (n, 1), generator)
    return torch.cat([side, number, letters, torch.full((n, 1), N_SIDES + 2)], 1)


def _from_a_side(tokens: Tensor) -> Tensor:
    at, from_right = tokens[:, 1], tokens[:, 0] == N_SIDES + 1
    return picked(tokens[:, 2:-1], torch.where(from_right, N_SIDES - 1 - at, at))


FROM_A_SIDE = Task(
    (*range(N_SIDES), "<", ">", "?", *LETTERS[:N_SIDES]), _side_and_list, _from_a_side
)
"""A side, a number and six letters: the letter so far from that side."""

N_TERMS = 5


def _two_and_list(n: int, generator: torch.Generator) -> Tensor:
    numbers = _integers(N_TERMS, (n, 2), generator)
    letters = N_TERMS + 1 + _integers(N_TERMS, (n, N_TERMS), generator)
    return torch.cat([numbers, letters, torch.full((n, 1), N_TERMS)], 1)


def _at_the_sum(tokens: Tensor) -> Tensor:
    return picked(tokens[:, 2:-1], tokens[:, :2].sum(1) % N_TERMS)


AT_THE_SUM = Task((*range(N_TERMS), "?", *LETTERS[:N_TERMS]), _two_and_list, _at_the_sum)
"""Two numbers and five letters: the letter at their sum, modulo five."""

N_NAMES = 12


def _named_twice(n: int, generator: torch.Generator) -> Tensor:
    names = 1 + _distinct(N_NAMES, n, 2, generator)
    again = picked(names, _integers(2, (n,), generator))
    return torch.cat([names, again[:, None], torch.zeros_like(again)[:, None]], 1)


def _the_other(tokens: Tensor) -> Tensor:
    return torch.where(tokens[:, 2] == tokens[:, 0], tokens[:, 1], tokens[:, 0])


NAMED_TWICE = Task((".", *LETTERS[:N_NAMES]), _named_twice, _the_other)
"""Two names, and one of them again: the other one."""
