"""Edges by their score over several pairs of prompts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean
from typing import TypeVar

Edge = TypeVar("Edge", bound=Hashable)


def mean_scores(by_pair: Sequence[Mapping[Edge, float]]) -> dict[Edge, float]:
    """Each edge's mean over the pairs, all of which have the same edges."""
    return {edge: fmean(one[edge] for one in by_pair) for edge in by_pair[0]}


def strongest_edges(scores: Sequence[Mapping[Edge, float]], k: int) -> list[Edge]:
    """The k edges whose mean score over pairs is farthest from zero, farthest first."""
    mean = mean_scores(scores)
    return sorted(mean, key=lambda edge: -abs(mean[edge]))[:k]
