import itertools

import pytest
import torch

from mi_course import ablation, hooks, ioi, ioi_data
from mi_course.ablation import ablate_heads
from support import by_hand
from support.pairs import GROUPS, group_means, grouped_pairs

TOKENS = torch.randint(1, 300, (6, 5), generator=torch.Generator().manual_seed(0))
Z = "blocks.0.attn.hook_z"


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def prompts(tiny):
    return grouped_pairs(tiny)


def replacement(model, prompts, how):
    """By hand and as a `Replacement`."""
    source = prompts[1]
    z, mlp = by_hand.activations(model, source)
    if how == "resample":
        return z, mlp, ablation.resample(source)
    if how == "zero":
        return [x * 0 for x in z], [x * 0 for x in mlp], ablation.zero()
    means = ablation.mean_activations(model, source, GROUPS, batch_size=5)
    return group_means(z), group_means(mlp), ablation.mean(means, GROUPS)


def test_zero_ablation_removes_the_heads_own_term_from_the_attention_output(tiny):
    _, cache = hooks.run_with_cache(tiny, TOKENS, [Z])
    term = cache[Z][:, :, 1] @ tiny.W_O[0, 1]
    without = hooks.run_with_hooks(
        tiny, TOKENS, [("blocks.0.hook_attn_out", lambda out, hook: out - term)]
    )
    ablated = ablate_heads(tiny, TOKENS, [(0, 1)], how="zero")
    assert torch.allclose(ablated, without, atol=1e-4)
    assert not torch.allclose(ablated, tiny(TOKENS), atol=1e-2)


def test_mean_ablation_puts_the_batch_mean_at_each_position(tiny):
    _, cache = hooks.run_with_cache(tiny, TOKENS, [Z])
    moved = cache[Z][:, :, 2].mean(0) - cache[Z][:, :, 2]
    replaced = hooks.run_with_hooks(
        tiny, TOKENS, [("blocks.0.hook_attn_out", lambda out, hook: out + moved @ tiny.W_O[0, 2])]
    )
    assert torch.allclose(ablate_heads(tiny, TOKENS, [(0, 2)]), replaced, atol=1e-4)


def test_mean_ablation_changes_nothing_where_every_prompt_is_the_same(tiny):
    same = TOKENS[:1].expand(6, -1)
    heads = [(layer, head) for layer in range(2) for head in range(3)]
    assert torch.allclose(ablate_heads(tiny, same, heads), tiny(same), atol=1e-5)


def test_no_heads_give_the_clean_logits(tiny):
    for how in ("zero", "mean"):
        assert torch.equal(ablate_heads(tiny, TOKENS, [], how=how), tiny(TOKENS))


def test_heads_of_several_layers_are_ablated_together(tiny):
    both = ablate_heads(tiny, TOKENS, [(0, 1), (1, 2)], how="zero")
    for one in ([(0, 1)], [(1, 2)]):
        assert not torch.allclose(both, ablate_heads(tiny, TOKENS, one, how="zero"), atol=1e-3)


def test_bad_input_is_refused(tiny):
    with pytest.raises(IndexError, match=r"head 3 out of range: heads are 0\.\.2"):
        ablate_heads(tiny, TOKENS, [(0, 3)])
    with pytest.raises(ValueError, match="at least 5"):
        ablate_heads(tiny, TOKENS[:4], [(0, 1)])
    with pytest.raises(ValueError, match="'zero' or 'mean', not 'median'"):
        ablate_heads(tiny, TOKENS, [(0, 1)], how="median")


@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_knock_out_replaces_heads_and_mlps_as_hooks_do(tiny, prompts, how):
    z, mlp, by = replacement(tiny, prompts, how)
    tokens, _, answers = prompts
    for heads, mlps in (([(0, 1), (1, 0), (1, 2)], []), ([(0, 2)], [1]), ([], [0, 1]), ([], [])):
        found = ablation.knock_out(tiny, tokens, answers, heads, mlps, by=by, batch_size=5)
        close(found, by_hand.knocked_out(tiny, tokens, answers, heads, mlps, z, mlp))


@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_each_head_and_each_mlp_alone_is_a_knock_out(tiny, prompts, how):
    z, mlp, by = replacement(tiny, prompts, how)
    tokens, _, answers = prompts
    heads = ablation.each_head(tiny, tokens, answers, by, batch_size=5)
    for i, j in itertools.product(range(2), range(3)):
        expected = by_hand.knocked_out(tiny, tokens, answers, [(i, j)], [], z, mlp)
        close(heads[:, i, j], expected)
    mlps = ablation.each_mlp(tiny, tokens, answers, by, batch_size=5)
    for i in range(2):
        close(mlps[:, i], by_hand.knocked_out(tiny, tokens, answers, [], [i], z, mlp))


def test_knock_out_by_means_over_pabc_in_pocket(pocket):
    data = ioi_data.dataset(pocket.tokenizer, 60, seed=0)
    means = ablation.mean_activations(pocket, data.abc.tokens, data.template)
    z, mlp = by_hand.activations(pocket, data.abc.tokens)
    heads = [(0, 0), (0, 2)]
    args = pocket, data.clean.tokens, data.clean.answers
    found = ablation.knock_out(*args, heads, by=ablation.mean(means, data.template))
    rows = data.template == 2
    expected = [x[rows].mean(0, keepdim=True).expand(int(rows.sum()), -1, -1, -1) for x in z]
    tokens, answers = data.clean.tokens[rows], data.clean.answers[rows]
    close(found[rows], by_hand.knocked_out(pocket, tokens, answers, heads, [], expected, mlp))


@pytest.mark.parametrize("how", ["zero", "mean"])
def test_hooks_and_replacements_give_the_same_logit_differences(tiny, how):
    heads, ids = [(0, 1), (1, 0), (1, 2)], torch.arange(6)
    answers = ioi.Answers(torch.full((6,), 4), ids + 1, ids + 7)
    by = ablation.zero()
    if how == "mean":  # over the same prompts, in one group
        by = ablation.mean(ablation.mean_activations(tiny, TOKENS, ids * 0), ids * 0)
    expected = ioi.logit_diff(ablate_heads(tiny, TOKENS, heads, how), answers)
    close(ablation.knock_out(tiny, TOKENS, answers, heads, by=by), expected)


def test_replacing_by_the_prompts_own_activations_changes_nothing(tiny, prompts):
    tokens, _, answers = prompts
    by = ablation.resample(tokens)
    clean = ioi.model_logit_diff(tiny, tokens, answers)
    every = ablation.all_heads_but(tiny, [])
    close(ablation.knock_out(tiny, tokens, answers, every, [0, 1], by=by), clean)
    close(ablation.each_head(tiny, tokens, answers, by), clean[:, None, None].expand(12, 2, 3))


def test_all_heads_but_some_are_the_others(tiny):
    assert ablation.all_heads_but(tiny, [(0, 1), (1, 0), (1, 2)]) == [(0, 0), (0, 2), (1, 1)]


def test_replacements_that_do_not_fit_are_refused(tiny, prompts):
    tokens, source, answers = prompts
    means = ablation.mean_activations(tiny, source, GROUPS)
    with pytest.raises(ValueError, match="prompt 0 has 8 tokens and the mean of its group 6"):
        ablation.knock_out(tiny, tokens, answers, by=ablation.mean(means, 1 - GROUPS))
    with pytest.raises(ValueError, match="12 prompts, 3 groups"):
        ablation.knock_out(tiny, tokens, answers, by=ablation.mean(means, GROUPS[:3]))
    with pytest.raises(IndexError, match="layer 2 out of range"):
        ablation.knock_out(tiny, tokens, answers, mlps=[2], by=ablation.zero())


def test_a_mean_over_padding_is_refused(tiny):
    padded = TOKENS.clone()
    padded[2, -1] = 0
    with pytest.raises(ValueError, match=r"row 2 .* ends with padding .*the mean would count it"):
        ablate_heads(tiny, padded, [(0, 1)], "mean")
    assert ablate_heads(tiny, padded, [(0, 1)], "zero").shape == (6, 5, 300)  # each row for itself


def test_heads_knocked_out_before_end_still_write_there(tiny):
    ids = torch.arange(6)
    answers = ioi.Answers(torch.full((6,), 4), ids + 1, ids + 7)
    gone, early = [(0, 1)], [(0, 2), (1, 0)]

    def silence(layer):
        def hook(z, hook):
            z = z.clone()
            z[:, :, [head for i, head in gone if i == layer]] = 0
            z[:, :-1, [head for i, head in early if i == layer]] = 0
            return z

        return f"blocks.{layer}.attn.hook_z", hook

    expected = ioi.logit_diff(hooks.run_with_hooks(tiny, TOKENS, [silence(0), silence(1)]), answers)
    found = ablation.knock_out(tiny, TOKENS, answers, gone, by=ablation.zero(), before_end=early)
    close(found, expected)
