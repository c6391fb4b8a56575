"""Nodes: the library's estimates by part, and the patches they stand in for."""

from __future__ import annotations

import pytest
import torch

from mi_course import hooks, ioi, ioi_data, models
from mi_course.gradient_patching import nodes
from mi_course.gradient_patching.straightness import Way
from mi_course.yours.gradient_patching import pair_metrics


@pytest.fixture(scope="module")
def model():
    return models.load("pocket", quiet=True)


@pytest.fixture(scope="module")
def data(model):
    return ioi_data.dataset(model.tokenizer, 3, seed=1, templates=[ioi.P8_FORM])


def test_names_kinds_and_columns_go_together(model):
    assert nodes.names(model)[:2] == ["0.0", "0.1"]
    assert nodes.names(model)[8:] == ["MLP 0", "MLP 1", "IO", "S1", "S2"]
    assert nodes.kinds(model) == ["head"] * 8 + ["MLP"] * 2 + ["embedding"] * 3


def test_an_estimate_is_the_slope_of_the_patch(model, data):
    """A small step on the way of each part gives what the gradient says of it."""
    metrics = pair_metrics(data.clean.io, data.clean.s)
    estimated = nodes.estimates(model, data.clean, data.flipped.tokens, metrics)
    for name, point in (("MLP 0", "blocks.0.hook_mlp_out"), ("S2", "hook_embed")):
        way = Way(model, data.clean, data.flipped.tokens, point)
        slope = (way.at(0.01) - way.at(0.0)) / 0.01
        column = estimated[:, nodes.names(model).index(name)]
        assert torch.allclose(slope, column, rtol=0.1, atol=0.1), name


def test_writing_the_one_word_that_differs_restores_the_clean_run(model, data):
    exact = nodes.exact(model, data.clean, data.flipped.tokens)
    clean, flipped = (
        ioi.model_logit_diff(model, batch.tokens, data.clean.answers)
        for batch in (data.clean, data.flipped)
    )
    words = exact[:, -3:]  # IO, S1, S2
    assert torch.allclose(words[:, 2], clean - flipped, atol=1e-4)
    assert words[:, :2].abs().max() < 1e-4


def test_a_patch_of_an_mlp_is_its_clean_output_in_the_corrupted_run(model, data):
    point = "blocks.1.hook_mlp_out"
    _, kept = hooks.run_with_cache(model, data.clean.tokens, [point])
    logits = hooks.run_with_hooks(model, data.abc.tokens, [nodes.held(point, kept[point])])
    before = ioi.model_logit_diff(model, data.abc.tokens, data.clean.answers)
    exact = nodes.exact(model, data.clean, data.abc.tokens)
    column = exact[:, nodes.names(model).index("MLP 1")]
    assert torch.allclose(column, ioi.logit_diff(logits, data.clean) - before, atol=1e-4)


def test_with_every_pattern_and_scale_held_only_mlps_bend_the_way(model, data):
    def missed(*points):
        return Way(model, data.clean, data.flipped.tokens, holding=points).missed().abs().mean()

    mlps = [f"blocks.{i}.hook_mlp_out" for i in range(2)]
    held = [*nodes.pattern_points(model), *nodes.scale_points(model), *mlps]
    assert missed(*held) < 0.05 < missed()


def test_a_correlation_runs_over_the_last_axis():
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(nodes.correlation(x, 2 * x + 3), torch.ones(4))
    expected = torch.corrcoef(torch.stack([x[0], x[1]]))[0, 1]
    assert torch.allclose(nodes.correlation(x[0], x[1]), expected)
