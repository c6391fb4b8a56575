"""Edges: which can reach END, circuits alone, and path patching as the judge."""

from __future__ import annotations

import pytest
import torch

from mi_course import ioi, ioi_data, models
from mi_course.gradient_patching import edges
from mi_course.yours.gradient_patching import pair_metrics


@pytest.fixture(scope="module")
def model():
    return models.load("pocket", quiet=True)


@pytest.fixture(scope="module")
def data(model):
    return ioi_data.dataset(model.tokenizer, 1, seed=1, templates=[ioi.P8_FORM])


@pytest.fixture(scope="module")
def metrics(data):
    return pair_metrics(data.clean.io, data.clean.s)


@pytest.fixture(scope="module")
def scores(model, data, metrics):
    return edges.scores(model, data.clean.tokens, data.flipped.tokens, metrics)


def test_what_reaches_end_and_what_leads_nowhere_make_the_library_s_graph(
    model, data, metrics, scores
):
    from transformer_lens.tools.analysis import EdgeAttributionConfig, attribution_patch

    pair = data.clean.tokens, data.flipped.tokens
    config = EdgeAttributionConfig("edge")
    graph = attribution_patch(model, *pair, metrics[0], config).edge_scores
    idle = edges.lead_nowhere(model.cfg.n_layers, model.cfg.n_heads, data.clean.tokens.shape[1])
    assert not set(idle) & scores[0].keys()
    assert set(idle) | scores[0].keys() == graph.keys()
    assert {graph[edge] for edge in idle} == {0.0}
    assert len(set(idle)) == len(idle) == len(graph) - len(scores[0])


def test_a_circuit_of_all_edges_is_the_clean_run_and_of_none_the_corrupted(
    model, data, metrics, scores
):
    run = model, data.clean.tokens, data.flipped.tokens, metrics
    whole, none = edges.alone(*run, list(scores[0])), edges.alone(*run, [])
    assert torch.allclose(whole.circuit, whole.clean, atol=1e-3)
    assert torch.allclose(none.circuit, none.corrupted, atol=1e-3)
    expected = ioi.model_logit_diff(model, data.flipped.tokens, data.clean.answers)
    assert torch.allclose(none.corrupted, expected, atol=1e-3)
    expected = ioi.model_logit_diff(model, data.clean.tokens, data.clean.answers)
    assert torch.allclose(none.clean, expected, atol=1e-3)


@pytest.mark.slow
def test_another_replacement_changes_what_no_edges_leave(model, data, metrics):
    run = model, data.clean.tokens, data.flipped.tokens, metrics
    others = ioi_data.dataset(model.tokenizer, 3, seed=9, templates=[ioi.P8_FORM]).abc.tokens
    found = [edges.alone(*run, [], by, others).circuit for by in ("own", "mean", "other")]
    assert len({round(float(one), 3) for one in found}) == 3
    one = ioi.model_logit_diff(model, others[:1], data.clean.answers)
    assert torch.allclose(found[2], one, atol=1e-3)  # that prompt's own run, all of it


def test_unknown_replacements_and_missing_prompts_are_refused(model, data, metrics):
    run = model, data.clean.tokens, data.flipped.tokens, metrics
    with pytest.raises(ValueError, match="unknown replacement 'zero'"):
        edges.alone(*run, [], "zero")
    with pytest.raises(ValueError, match="'mean' needs other prompts"):
        edges.alone(*run, [], "mean")


def test_the_judge_compares_all_edges_from_heads_at_end(model, data, scores):
    judged = edges.judge(model, data.clean, data.flipped.tokens, scores)
    assert len(judged.edges) == 8 + 4 * 4
    assert {"1.2 → logits", "0.0 → q of 1.3"} <= set(judged.edges)
    assert judged.estimated.shape == judged.patched.shape == (1, 24)
    # the final norm alone stands between a last head and the logits, and no head answers
    late = [i for i, edge in enumerate(judged.edges) if edge.startswith("1.")]
    assert torch.allclose(judged.estimated[0, late], judged.patched[0, late], rtol=0.6, atol=0.3)


def test_random_circuits_differ_and_come_again(scores):
    every = list(scores[0])
    drawn = edges.random_circuits(every, 20, 3, seed=1)
    assert drawn == edges.random_circuits(every, 20, 3, seed=1)
    assert [len(set(one)) for one in drawn] == [20, 20, 20]
    assert set(drawn[0]) != set(drawn[1])
    assert set(drawn[0]) <= set(every)


def test_edges_that_score_are_those_that_carry_something_else(model, data, scores):
    (word,) = data.clean.s2_pos.tolist()
    some = edges.scored(scores)
    assert 0 < len(some) < len(scores[0])
    assert {w.position for w, _ in some if w.kind == "embed"} == {word}


def test_edges_are_told_in_words(scores):
    said = {edges.told(edge) for edge in scores[0]}
    assert "1.2 → logits, at 14" in said
    assert {"embedding → v of 0.2, at 10", "0.1 → MLP 0, at 14", "MLP 0 → k of 1.0, at 3"} <= said
