"""Heads of two training runs are matched by the scores of their edges."""

from __future__ import annotations

import random

from mi_course.gradient_patching import graph, two_runs

EDGES = graph.every_edge(2, 3, 4)
HEADS = {
    (0, 0): (0, 2), (0, 1): (0, 0), (0, 2): (0, 1),
    (1, 0): (1, 0), (1, 1): (1, 2), (1, 2): (1, 1),
}  # fmt: skip


def test_heads_that_were_numbered_anew_are_found_again():
    rng = random.Random(0)
    ours = [{edge: rng.gauss(0, 1) for edge in EDGES} for _ in range(2)]
    theirs = [{two_runs.renumbered(e, HEADS): s for e, s in one.items()} for one in ours]
    assert two_runs.matched_heads(ours, theirs, 2, 3) == HEADS
    back = {to: head for head, to in HEADS.items()}
    assert two_runs.matched_heads(theirs, ours, 2, 3) == back


def test_renumbering_changes_heads_alone():
    renumbered = [two_runs.renumbered(edge, HEADS) for edge in EDGES]
    assert set(renumbered) == set(EDGES)  # the graph is the same
    told = dict(zip(map(graph.told, EDGES), map(graph.told, renumbered), strict=True))
    assert told["0.1 → q of 1.1, at 3"] == "0.0 → q of 1.2, at 3"
    assert told["embedding → MLP 0, at 1"] == "embedding → MLP 0, at 1"
