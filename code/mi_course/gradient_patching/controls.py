"""What a circuit should beat: edges drawn at random, and paths drawn at random."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from mi_course.gradient_patching.graph import Edge, leads_to, on_paths

TRIES = 10_000


def random_edges(edges: Sequence[Edge], size: int, count: int, seed: int) -> list[list[Edge]]:
    """Circuits of one size, each edge drawn at random from these."""
    rng = random.Random(f"{seed} {size}")
    return [rng.sample(list(edges), size) for _ in range(count)]


def random_paths(
    edges: Sequence[Edge], words: Collection[int], size: int, count: int, seed: int
) -> list[list[Edge]]:
    """Circuits of one size, joined from random paths: every edge leads from a word to the logits.

    A path starts at an edge from the embedding of one of the words. Each next edge is drawn from
    those that lead on.

    Raises:
        ValueError: the edges hold no such circuit, or it was not found.
    """
    usable, rng = on_paths(edges, words), random.Random(f"{seed} {size}")
    return [_joined(usable, size, rng) for _ in range(count)]


def _joined(usable: Sequence[Edge], size: int, rng: random.Random) -> list[Edge]:
    circuit: dict[Edge, None] = {}
    for _ in range(TRIES if usable else 0):
        longer = circuit | dict.fromkeys(_path(usable, rng))
        if len(longer) <= size:
            circuit = longer
        if len(circuit) == size:
            return list(circuit)
    raise ValueError(f"no circuit of {size} edges found that are all on paths")


def _path(usable: Sequence[Edge], rng: random.Random) -> list[Edge]:
    path = [rng.choice([edge for edge in usable if edge[0].kind == "embed"])]
    while path[-1][1].kind != "logits":
        path.append(rng.choice([edge for edge in usable if leads_to(path[-1][1], edge[0])]))
    return path
