"""Two training runs of one architecture: which head of one takes the part of which of the other.

Positions and words mean the same in both. The numbers of heads mean nothing: training from other
first weights may give any head any part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations, product
from typing import Any

from mi_course.gradient_patching.edges import Scores
from mi_course.gradient_patching.graph import Edge
from mi_course.gradient_patching.ranking import mean_scores
from mi_course.heads import Head


def matched_heads(
    one: Sequence[Scores], other: Sequence[Scores], n_layers: int, n_heads: int
) -> dict[Head, Head]:
    """For each head of one run, the head of the other that takes its part.

    Of all ways to number the heads of each layer anew, the one with the largest sum, over edges,
    of the product of both runs' mean scores.
    """
    ours, theirs = mean_scores(one), mean_scores(other)
    strong = {edge: score for edge, score in ours.items() if abs(score) > 1e-6}
    ways = _numberings(n_layers, n_heads)
    return max(ways, key=lambda way: sum(s * theirs[renumbered(e, way)] for e, s in strong.items()))


def _numberings(n_layers: int, n_heads: int) -> Iterator[dict[Head, Head]]:
    for orders in product(permutations(range(n_heads)), repeat=n_layers):
        yield {
            (layer, head): (layer, to)
            for layer, order in enumerate(orders)
            for head, to in enumerate(order)
        }


def renumbered(edge: Edge, heads: Mapping[Head, Head]) -> Edge:
    """The same edge between the heads that take its heads' parts."""
    return _as(edge[0], heads), _as(edge[1], heads)


def _as(node: Any, heads: Mapping[Head, Head]) -> Any:
    if node.head is None:
        return node
    return replace(node, head=heads[node.layer, node.head][1])
