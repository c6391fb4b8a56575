"""The search leaves out edges that are not missed, and visits them from the logits backwards."""

from __future__ import annotations

import pytest
import torch

from mi_course.gradient_patching import discovery, graph
from mi_course.gradient_patching.edges import Alone

WORD, LENGTH = 2, 5
EDGES = graph.reach_end(graph.every_edge(2, 2, LENGTH), 2, LENGTH)
CLEAN = torch.zeros(1, LENGTH, dtype=torch.long)
CORRUPTED = CLEAN.clone()
CORRUPTED[0, WORD] = 1
NEEDED = {
    "embedding → v of 0.1, at 2": 4.0,
    "0.1 → q of 1.0, at 4": 2.0,
    "1.0 → logits, at 4": 3.0,
}


@pytest.fixture
def tried(monkeypatch):
    """A made-up model, to which needed edges on paths are worth something; the circuits it ran."""
    tried = []

    def alone(model, clean, corrupted, metrics, circuit):
        tried.append(list(circuit))
        on_path = graph.on_paths(circuit, [WORD])
        worth = sum((NEEDED.get(graph.told(edge), 0.0) for edge in on_path), 0.0)
        return Alone(torch.tensor([worth]), torch.tensor([0.0]), torch.tensor([9.0]))

    monkeypatch.setattr(discovery, "alone", alone)
    return tried


def found(threshold):
    return discovery.discover(None, CLEAN, CORRUPTED, [], EDGES, threshold)


def test_what_is_worth_more_than_the_threshold_stays(tried):
    result = found(1.0)
    assert {graph.told(edge) for edge in result.edges} == NEEDED.keys()
    assert result.tries == len(tried) < len(EDGES)


def test_an_edge_is_judged_by_what_goes_with_it(tried):
    """The edge to the logits is worth 3 by itself, and 5 with the query that leads to it."""
    kept = {graph.told(edge) for edge in found(3.5).edges}
    assert "1.0 → logits, at 4" in kept
    assert "0.1 → q of 1.0, at 4" not in kept  # worth 2, and its head has other ways in
    assert found(5.5).edges == []


def test_what_is_on_no_path_any_more_goes_without_a_run(tried):
    found(9.5)
    runs = len(tried)
    found(1.0)
    assert runs < len(tried) - runs


def test_edges_are_visited_from_the_logits_backwards(tried):
    order = [graph.told(edge) for edge in found(1.0).edges]
    (first,) = set(tried[0]) - set(tried[1])
    assert graph.told(first) == "MLP 1 → logits, at 4"
    assert order == ["1.0 → logits, at 4", "0.1 → q of 1.0, at 4", "embedding → v of 0.1, at 2"]
