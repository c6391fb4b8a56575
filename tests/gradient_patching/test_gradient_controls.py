"""Random circuits: of the right size, different, repeatable, and on paths where they should be."""

from __future__ import annotations

import pytest

from mi_course.gradient_patching import controls, graph

WORD, LENGTH = 2, 5
EDGES = graph.reach_end(graph.every_edge(2, 3, LENGTH), 2, LENGTH)


def test_random_edges_are_drawn_from_those_given_and_come_again():
    drawn = controls.random_edges(EDGES, 20, 3, seed=1)
    assert drawn == controls.random_edges(EDGES, 20, 3, seed=1)
    assert drawn != controls.random_edges(EDGES, 20, 3, seed=2)
    assert [len(set(one)) for one in drawn] == [20, 20, 20]
    assert set(drawn[0]) != set(drawn[1])
    assert set(drawn[0]) <= set(EDGES)


@pytest.mark.parametrize("size", [5, 20, 60])
def test_every_edge_of_random_paths_leads_from_the_word_to_the_logits(size):
    drawn = controls.random_paths(EDGES, [WORD], size, 3, seed=1)
    assert drawn == controls.random_paths(EDGES, [WORD], size, 3, seed=1)
    for circuit in drawn:
        assert len(set(circuit)) == size
        assert set(graph.on_paths(circuit, [WORD])) == set(circuit) <= set(EDGES)
    assert set(drawn[0]) != set(drawn[1])


def test_random_edges_seldom_hold_what_random_paths_hold():
    drawn = controls.random_edges(EDGES, 5, 20, seed=1)
    assert sum(bool(graph.on_paths(one, [WORD])) for one in drawn) < 10


def test_where_no_path_is_no_circuit_is_drawn():
    no_logits = [edge for edge in EDGES if edge[1].kind != "logits"]
    with pytest.raises(ValueError, match="no circuit of 4 edges"):
        controls.random_paths(no_logits, [WORD], 4, 1, seed=1)
    with pytest.raises(ValueError, match="no circuit of 999 edges"):
        controls.random_paths(EDGES, [WORD], 999, 1, seed=1)
