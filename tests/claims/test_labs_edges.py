"""Claims on circuits of edges: what they compare, on few prompts."""

from __future__ import annotations

import pytest

from mi_course import models
from mi_course.claims import labs_edges
from mi_course.gradient_patching import edges, graph
from mi_course.gradient_patching.ranking import strongest_edges


@pytest.fixture(scope="module")
def model():
    return models.load("pocket", quiet=True)


def test_edges_are_chosen_on_pairs_that_judge_nothing(model):
    chosen = labs_edges._dataset(model, 8, labs_edges.APART, False).clean.tokens.tolist()
    judged = labs_edges._dataset(model, 15, 0, False).clean.tokens.tolist()
    assert not [row for row in chosen if row in judged]


def test_choosing_and_judging_pairs_have_one_form_on_other_templates_too(model):
    for seed in (1000, 2000):
        some, others = (
            labs_edges._dataset(model, 2, one, True).clean
            for one in (seed, seed + labs_edges.APART)
        )
        assert some.tokens.shape == others.tokens.shape
        assert some.s2_pos.tolist() == others.s2_pos.tolist()


@pytest.mark.slow
def test_what_beats_random_paths_is_nearly_all_that_the_circuit_recovers(model):
    found = labs_edges.circuit_beats_random_paths(model, 5, 0)
    own = labs_edges._own(model, 5, 0, False)
    share = ((own.circuit - own.corrupted).mean() / (own.clean - own.corrupted).mean()).item()
    assert found.unit == "of the gap"
    assert found.effect == pytest.approx(share, abs=0.2)  # the paths leave little


@pytest.mark.slow
def test_edges_under_other_heads_names_are_what_the_second_run_is_given(model, monkeypatch):
    given = []

    def alone(model, clean, corrupted, metrics, circuit, by="own", others=None):
        given.append([graph.told(edge) for edge in circuit])
        return real(model, clean, corrupted, metrics, circuit, by, others)

    real = edges.alone
    monkeypatch.setattr(edges, "alone", alone)
    plain = labs_edges.edges_do_not_carry_over(model, 5, 0)
    matched = labs_edges.edges_carry_over_between_matched_heads(model, 5, 0)
    chosen = strongest_edges(labs_edges._scores(model, 0, False), labs_edges.SIZE)
    assert given[0] == [graph.told(edge) for edge in chosen]
    assert given[1] != given[0]
    assert len(set(given[1])) == labs_edges.SIZE
    assert (plain.rule.kind, matched.rule.kind) == ("less", "more")
