import itertools

import pytest
import torch

from mi_course import ablation, ioi, ioi_data
from support import by_hand
from support.pairs import random_pairs

GROUPS = torch.tensor([0, 1] * 5 + [0, 0])  # seven and five prompts


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def prompts(tiny):
    """Twelve prompts and their partners in two groups, 8 and 6 tokens long, BOS in front."""
    base, source, answers = random_pairs(tiny, 12, 8, [1] * 12, [7 - 2 * int(g) for g in GROUPS])
    for tokens in (base, source):
        tokens[:, 0] = 0
        tokens[GROUPS == 1, 6:] = 0
    return base, source, answers


def group_means(values):
    """The mean over each group, at each of its prompts."""
    means = [torch.stack([x[group == GROUPS].mean(0) for group in (0, 1)]) for x in values]
    return [mean[GROUPS] for mean in means]


def stand_ins(model, prompts, how):
    """By hand and as a `Replacement`."""
    source = prompts[1]
    z, mlp = by_hand.activations(model, source)
    if how == "resample":
        return z, mlp, ablation.resample(source)
    if how == "zero":
        return [x * 0 for x in z], [x * 0 for x in mlp], ablation.zero()
    means = ablation.mean_activations(model, source, GROUPS, batch_size=5)
    return group_means(z), group_means(mlp), ablation.mean(means, GROUPS)


@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_knock_out_replaces_heads_and_mlps_as_hooks_do(tiny, prompts, how):
    z, mlp, by = stand_ins(tiny, prompts, how)
    tokens, _, answers = prompts
    for heads, mlps in (([(0, 1), (1, 0), (1, 2)], []), ([(0, 2)], [1]), ([], [0, 1]), ([], [])):
        found = ablation.knock_out(tiny, tokens, answers, heads, mlps, by=by, batch_size=5)
        close(found, by_hand.knocked_out(tiny, tokens, answers, heads, mlps, z, mlp))


@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_each_head_and_each_mlp_alone_is_a_knock_out(tiny, prompts, how):
    z, mlp, by = stand_ins(tiny, prompts, how)
    tokens, _, answers = prompts
    heads = ablation.each_head(tiny, tokens, answers, by, batch_size=5)
    for i, j in itertools.product(range(2), range(3)):
        expected = by_hand.knocked_out(tiny, tokens, answers, [(i, j)], [], z, mlp)
        close(heads[:, i, j], expected)
    mlps = ablation.each_mlp(tiny, tokens, answers, by, batch_size=5)
    for i in range(2):
        close(mlps[:, i], by_hand.knocked_out(tiny, tokens, answers, [], [i], z, mlp))


def test_mean_over_pabc_by_template_in_pocket(pocket):
    data = ioi_data.dataset(pocket.tokenizer, 60, seed=0)
    means = ablation.mean_activations(pocket, data.abc.tokens, data.template)
    z, mlp = by_hand.activations(pocket, data.abc.tokens)
    for group in range(6):
        rows, length = data.template == group, int(means.lengths[group])
        assert (data.clean.end[rows] + 1 == length).all()
        close(means.z[group, 1, :length], z[1][rows, :length].mean(0))
        close(means.mlps[group, 0, :length], mlp[0][rows, :length].mean(0))
    heads = [(0, 0), (0, 2)]
    args = pocket, data.clean.tokens, data.clean.answers
    found = ablation.knock_out(*args, heads, by=ablation.mean(means, data.template))
    rows = data.template == 2
    expected = [x[rows].mean(0, keepdim=True).expand(int(rows.sum()), -1, -1, -1) for x in z]
    tokens, answers = data.clean.tokens[rows], data.clean.answers[rows]
    close(found[rows], by_hand.knocked_out(pocket, tokens, answers, heads, [], expected, mlp))


def test_replacing_by_the_prompts_own_activations_changes_nothing(tiny, prompts):
    tokens, _, answers = prompts
    by = ablation.resample(tokens)
    clean = ioi.difference(tiny, tokens, answers)
    every = ablation.all_heads_but(tiny, [])
    close(ablation.knock_out(tiny, tokens, answers, every, [0, 1], by=by), clean)
    close(ablation.each_head(tiny, tokens, answers, by), clean[:, None, None].expand(12, 2, 3))


def test_all_heads_but_some_are_the_others(tiny):
    assert ablation.all_heads_but(tiny, [(0, 1), (1, 0), (1, 2)]) == [(0, 0), (0, 2), (1, 1)]


def test_means_over_few_prompts_or_several_lengths_are_refused(tiny, prompts):
    tokens = prompts[1]
    with pytest.raises(ValueError, match=r"group 1 has 4 prompts.*give at least 5"):
        ablation.mean_activations(tiny, tokens[:9], GROUPS[:9])
    with pytest.raises(ValueError, match="group 1 has 0 prompts"):
        ablation.mean_activations(tiny, tokens, GROUPS * 3)
    with pytest.raises(ValueError, match="group 0 have several lengths"):
        ablation.mean_activations(tiny, tokens, GROUPS * 0)


def test_replacements_that_do_not_fit_are_refused(tiny, prompts):
    tokens, source, answers = prompts
    means = ablation.mean_activations(tiny, source, GROUPS)
    with pytest.raises(ValueError, match="prompt 0 has 8 tokens and the mean of its group 6"):
        ablation.knock_out(tiny, tokens, answers, by=ablation.mean(means, 1 - GROUPS))
    with pytest.raises(ValueError, match="12 prompts, 3 groups"):
        ablation.knock_out(tiny, tokens, answers, by=ablation.mean(means, GROUPS[:3]))
    with pytest.raises(IndexError, match="layer 2 out of range"):
        ablation.knock_out(tiny, tokens, answers, mlps=[2], by=ablation.zero())
