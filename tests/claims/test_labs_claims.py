"""Claims of labs: what they compare, on few prompts."""

from __future__ import annotations

import pytest

from mi_course import ioi, models
from mi_course.claims import ClaimError, labs
from mi_course.gradient_patching import edges, nodes, pair_metrics


@pytest.fixture(scope="module")
def model():
    return models.load("pocket", quiet=True)


def test_where_nothing_is_held_nothing_is_concluded(model):
    with pytest.raises(ClaimError):
        labs._less_missed(model, 6, 0, False, [])


def test_holding_the_patterns_leaves_less_to_miss_than_holding_nothing(model):
    found = labs.attention_bends_the_way(model, 6, 0)
    assert found.unit == "logits"
    assert 1 < found.low < found.effect


def test_the_share_of_a_swapped_name_is_of_the_whole_gap(model):
    found = labs.gradient_misses_a_swapped_name(model, 5, 0)
    data = labs._dataset(model, 5, 0, False)
    gap = ioi.model_logit_diff(model, data.clean.tokens, data.clean.answers) - (
        ioi.model_logit_diff(model, data.flipped.tokens, data.clean.answers)
    )
    metrics = pair_metrics(data.clean.io, data.clean.s)
    estimated = nodes.estimates(model, data.clean, data.flipped.tokens, metrics)
    word = nodes.names(model).index("S2")
    expected = 100 * estimated[:, word].mean() / gap.mean()
    assert found.effect == pytest.approx(float(expected), rel=1e-3)


@pytest.mark.slow
def test_edges_into_queries_are_compared_with_path_patching_alone(model):
    found = labs.gradient_underrates_edges_into_queries(model, 5, 0)
    data = labs._dataset(model, 5, 0, False)
    tokens, flipped = data.clean.tokens, data.flipped.tokens
    by_pair = edges.scores(model, tokens, flipped, pair_metrics(data.clean.io, data.clean.s))
    judged = edges.judge(model, data.clean, flipped, by_pair)
    into = [i for i, edge in enumerate(judged.edges) if edge.endswith(("1.0", "1.1", "1.2", "1.3"))]
    assert len(into) == 16
    parts = (judged.estimated[:, into], judged.patched[:, into])
    scored, patched = (x.abs().sum() for x in parts)
    assert found.effect == pytest.approx(100 * float(scored / patched), rel=1e-3)
