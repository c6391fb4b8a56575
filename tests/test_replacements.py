import pytest
import torch

from mi_course import folded as folded_pass
from mi_course import ioi_data, replacements
from mi_course.microbatches import microbatches
from support import by_hand
from support.pairs import GROUPS, group_means, grouped_pairs


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def prompts(tiny):
    return grouped_pairs(tiny)


def replaced(model, prompts, by):
    """For each microbatch its rows, its length, and what takes the place of heads and of MLPs."""
    folded = folded_pass.of(model)
    with torch.no_grad():
        for microbatch in microbatches(prompts[0], by.tokens, prompts[2], batch_size=3):
            found = by.z(folded, microbatch), by.mlps(folded, microbatch)
            yield microbatch.rows, microbatch.length, *found


def test_zero_is_zero_in_the_shape_of_the_activations(tiny, prompts):
    for _, length, z, mlps in replaced(tiny, prompts, replacements.zero()):
        assert [x.shape for x in z] == [(1, 3, length, 4)] * 2
        assert [x.shape for x in mlps] == [(1, length, 12)] * 2
        assert not any(x.any() for x in (*z, *mlps))


@pytest.mark.parametrize("how", ["mean", "resample"])
def test_replacements_are_activations_of_the_source_prompts(tiny, prompts, how):
    _, source, _ = prompts
    expected_z, expected_mlps = by_hand.activations(tiny, source)
    by = replacements.resample(source)
    if how == "mean":
        means = replacements.mean_activations(tiny, source, GROUPS, batch_size=5)
        by = replacements.mean(means, GROUPS)
        expected_z, expected_mlps = group_means(expected_z), group_means(expected_mlps)
    for rows, length, z, mlps in replaced(tiny, prompts, by):
        for layer in range(2):
            close(z[layer].transpose(1, 2), expected_z[layer][rows, :length])
            close(mlps[layer], expected_mlps[layer][rows, :length])


def test_mean_over_pabc_by_template_in_pocket(pocket):
    data = ioi_data.dataset(pocket.tokenizer, 60, seed=0)
    means = replacements.mean_activations(pocket, data.abc.tokens, data.template)
    z, mlp = by_hand.activations(pocket, data.abc.tokens)
    for group in range(6):
        rows, length = data.template == group, int(means.lengths[group])
        assert (data.clean.end[rows] + 1 == length).all()
        close(means.z[group, 1, :length], z[1][rows, :length].mean(0))
        close(means.mlps[group, 0, :length], mlp[0][rows, :length].mean(0))


def test_means_over_few_prompts_or_several_lengths_are_refused(tiny, prompts):
    tokens = prompts[1]
    with pytest.raises(ValueError, match=r"group 1 has 4 prompts.*give at least 5"):
        replacements.mean_activations(tiny, tokens[:9], GROUPS[:9])
    with pytest.raises(ValueError, match="group 1 has 0 prompts"):
        replacements.mean_activations(tiny, tokens, GROUPS * 3)
    with pytest.raises(ValueError, match="group 0 have several lengths"):
        replacements.mean_activations(tiny, tokens, GROUPS * 0)
