"""Edges: which can reach END, circuits alone, and path patching as the judge."""

from __future__ import annotations

import pytest
import torch

from mi_course import ioi, ioi_data, models
from mi_course.gradient_patching import edges
from mi_course.yours.gradient_patching import pair_metrics, strongest_edges


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


def test_edges_that_score_are_those_that_carry_something_else(model, data, scores):
    (word,) = data.clean.s2_pos.tolist()
    some = edges.scored(scores)
    assert 0 < len(some) < len(scores[0])
    assert {w.position for w, _ in some if w.kind == "embed"} == {word}


def test_keeping_what_carries_the_corrupted_run_anyway_changes_nothing(
    model, data, metrics, scores, monkeypatch
):
    """`alone` spares the library hooks; with all of them the result is the same."""
    run = model, data.clean.tokens, data.flipped.tokens, metrics
    circuit = strongest_edges(scores, 20)
    sparing = edges.alone(*run, circuit).circuit
    monkeypatch.setattr(edges, "_unchanged", lambda live, circuit, words: [])
    assert torch.allclose(sparing, edges.alone(*run, circuit).circuit, atol=1e-3)
    assert sparing > 0  # and the circuit does something
