import math

import pytest
import torch

from mi_course import ablation, ioi, position_study, positional, prompt_sets


@pytest.fixture(scope="module")
def names(pocket):
    return prompt_sets.ioi_prompts(pocket, 12, seed=0)


@pytest.mark.parametrize("how", ["zero", "mean"])
@pytest.mark.parametrize("layers", [[1], [0, 1]])
def test_mlps_are_ablated_as_knock_out_does_it(pocket, names, how, layers):
    batch = ioi.tokenize(pocket.tokenizer, ioi.prompts(12, 0, templates=[ioi.P8_FORM]))
    by = ablation.zero()
    if how == "mean":
        group = torch.zeros(12, dtype=torch.long)
        by = ablation.mean(ablation.mean_activations(pocket, batch.tokens, group), group)
    expected = ablation.knock_out(pocket, batch.tokens, batch.answers, mlps=layers, by=by)
    found = names.value(pocket, position_study.mlp_hooks(pocket, names, layers, how))
    assert torch.allclose(found, expected, atol=1e-3)
    assert not torch.allclose(found, names.value(pocket), atol=0.01)


def test_comparison_has_a_row_for_each_draw_and_removes_as_many_dimensions(pocket, names):
    results = position_study.compare(pocket, names, "MLPs", n_random=3)
    assert {kind: tuple(v.shape) for kind, v in results.items()} == {
        "position": (1, 12),
        "random": (3, 12),
        "content": (1, 12),
    }
    rows = positional.position_rows(pocket)
    size = len(positional.leading_directions(rows))
    read = positional.what_is_read(pocket, names.tokens, positional.reading_points(pocket, "MLPs"))
    by_hand = positional.reading_hooks(read, positional.random_directions(size, rows.shape[1], 2))
    assert torch.equal(results["random"][2], names.value(pocket, by_hand))
    some = position_study.compare(pocket, names, "MLPs", layers=[1], kinds=("position",))
    assert list(some) == ["position"]
    assert not torch.equal(some["position"], results["position"])


def test_a_control_can_have_a_subspace_for_each_prompt(pocket, names):
    size = len(positional.leading_directions(positional.position_rows(pocket)))
    read = positional.what_is_read(pocket, names.tokens, positional.reading_points(pocket, "MLPs"))
    results = position_study.compare(
        pocket, names, "MLPs", n_random=2, kinds=("random",), seed=5, own=True
    )
    second = positional.random_directions(size, pocket.cfg.d_model, 6, 12)
    for prompt in (0, 7):  # the same prompt, with its own subspace taken from all of them
        hooks = positional.reading_hooks(read, second[prompt])
        expected = names.value(pocket, hooks)[prompt]
        assert torch.allclose(results["random"][1, prompt], expected, atol=1e-4)


def test_the_seed_draws_other_subspaces_and_another_order(pocket, names):
    def random(seed, how="remove"):
        return position_study.compare(
            pocket, names, "MLPs", how, n_random=2, kinds=("random",), seed=seed
        )["random"]

    assert torch.equal(random(0)[1], random(1)[0])
    assert not torch.equal(random(0, "shuffle")[1], random(1, "shuffle")[0])  # other orders


def test_more_is_said_only_where_the_paired_difference_is_above_zero():
    generator = torch.Generator().manual_seed(0)
    prompts = 10 * torch.randn(1, 40, generator=generator)  # prompts differ more than harms do
    noise = torch.randn(3, 40, generator=generator)
    assert position_study.is_more(prompts + 1, prompts + 0.1 * noise)
    assert not position_study.is_more(prompts, prompts + 1 + 0.1 * noise)
    assert not position_study.is_more(prompts, prompts + 0.1 * noise)


def test_many_comparisons_ask_for_more_evidence():
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(1, 40, generator=generator)
    noise = (noise - noise.mean()) / noise.std()
    harm = noise + 2.3 / math.sqrt(40)  # 2.3 standard errors above zero
    control = torch.zeros(1, 40)
    assert position_study.is_more(harm, control)
    assert not position_study.is_more(harm, control, comparisons=20)


def test_series_of_a_plot_are_by_kind_and_then_by_label():
    values = {
        "MLPs": {"position": torch.ones(1, 6), "random": torch.zeros(2, 6)},
        "attention": {"position": torch.full((1, 6), 3.0)},
    }
    series = position_study.by_kind(values)
    assert {kind: {k: i.mean for k, i in s.items()} for kind, s in series.items()} == {
        "position": {"MLPs": 1.0, "attention": 3.0},
        "random": {"MLPs": 0.0},
    }


def test_unknown_ablation_is_refused(pocket, names):
    with pytest.raises(ValueError, match="'zero' or 'mean', not 'resample'"):
        position_study.mlp_hooks(pocket, names, [0], "resample")
