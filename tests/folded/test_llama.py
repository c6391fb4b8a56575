"""Interventions on small random Llamas equal hooks on whole passes: shared keys, rotary, gates."""

import itertools

import pytest
import torch

from mi_course import ablation, folded, ioi, models, patching, path_patching
from support import by_hand
from support.pairs import GROUPS, group_means, grouped_pairs, random_pairs
from support.tiny_llama import tiny_llama_folder as write_folder

TOKENS = torch.randint(1, 250, (3, 40), generator=torch.Generator().manual_seed(0))
PLACES = {
    "hook_resid_pre": patching.residual,
    "hook_attn_out": patching.attention_output,
    "hook_mlp_out": patching.mlp_output,
}


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


SIZES = {
    "one group": {"num_key_value_heads": 1, "num_hidden_layers": 2},
    "each its own": {"num_key_value_heads": 6, "num_hidden_layers": 2},
    "one layer": {"num_hidden_layers": 1},
}


@pytest.fixture(
    scope="module",
    params=["grouped", *(pytest.param(size, marks=pytest.mark.slow) for size in SIZES)],
)
def model(request, tmp_path_factory, tiny_folder, tiny_llama):
    """Llamas whose groups have three heads, all heads, one head; and one of a single layer."""
    if request.param == "grouped":
        return tiny_llama
    folder = tmp_path_factory.mktemp("llama")
    return models.boot(write_folder(folder, tiny_folder, 1, **SIZES[request.param]))


@pytest.fixture(scope="module")
def pairs(model):
    """Six pairs of two lengths that begin to differ at four positions."""
    return random_pairs(model, 6, 8, [0, 3, 5, 3, 5, 2], [7, 5, 7, 7, 5, 7])


@torch.no_grad()
def test_forward_pass_is_the_bridges_at_every_position(model):
    pass_ = folded.of(model)
    found = pass_.normal(pass_.run(TOKENS).pre[-1]) @ pass_.w_u + pass_.b_u
    close(found, model(TOKENS))


@pytest.mark.parametrize("point", PLACES)
def test_patch_at_a_position_is_that_of_one_forward_pass_with_a_hook(model, pairs, point):
    found = PLACES[point](model, *pairs, batch_size=2)
    close(found, by_hand.by_position(model, *pairs, point))
    assert found.std(-1).max() > 0.01


@pytest.mark.parametrize("what", ["z", "q", "k", "v", "pattern"])
def test_patch_of_a_head_or_a_group_is_that_of_one_forward_pass(model, pairs, what):
    found = patching.heads(model, *pairs, what, batch_size=4)
    groups = model.cfg.n_key_value_heads or 6
    assert found.shape[2] == (groups if what in "kv" else 6)
    close(found, by_hand.heads(model, *pairs, what))


@pytest.mark.parametrize("what", ["z", "q", "k", "v"])
def test_patch_of_a_head_or_a_group_at_a_position(model, pairs, what):
    found = patching.heads_by_position(model, *pairs, what, batch_size=4)
    for pos in (0, 3, 7):
        close(found[:, :, pos], by_hand.heads(model, *pairs, what, pos))


def test_what_a_column_stands_for_is_said(tiny_llama, tiny):
    assert [patching.units(tiny_llama, what) for what in "zqkv"] == [
        *("head", "head", "group of 3 heads", "group of 3 heads")
    ]
    assert [patching.units(tiny, what) for what in "zk"] == ["head", "head"]


def test_path_to_the_logits_is_that_of_one_frozen_pass_for_each_head(model, pairs):
    found = path_patching.to_logits(model, *pairs, batch_size=2)
    close(found, by_hand.path_to_logits(model, *pairs))
    assert found.std() > 0.01


@pytest.mark.parametrize("into", ["q", "k", "v"])
def test_path_to_heads_is_that_of_two_passes_for_each_sender(tiny_llama, into):
    pairs = random_pairs(tiny_llama, 6, 8, [0, 3, 5, 3, 5, 2], [7, 5, 7, 7, 5, 7])
    receivers = [(2, 5), (1, 2), (2, 1)] if into == "q" else [(2, 1), (1, 0), (0, 1)]
    end = pairs[2].end
    for positions in (None, end, end - torch.tensor([0, 1, 2, 3, 0, 1])):
        arguments = (*pairs, receivers, into, positions)
        found = path_patching.to_heads(tiny_llama, *arguments, batch_size=2)
        close(found, by_hand.path_to_heads(tiny_llama, *arguments))
    assert found.std() > 0.01


def test_a_group_that_there_is_not_is_refused(tiny_llama):
    pairs = random_pairs(tiny_llama, 2, 6, [1, 2], [5, 5])
    with pytest.raises(IndexError, match=r"group of 3 heads 4 out of range.*groups 0\.\.1"):
        path_patching.to_heads(tiny_llama, *pairs, [(1, 4)], "v")
    assert path_patching.to_heads(tiny_llama, *pairs, [(1, 4)], "q").shape == (2, 3, 6)


@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_knock_outs_are_those_of_hooks(tiny_llama, how):
    tokens, source, answers = grouped_pairs(tiny_llama)
    z, mlp = by_hand.activations(tiny_llama, source)
    if how == "resample":
        by = ablation.resample(source)
    elif how == "zero":
        z, mlp, by = [x * 0 for x in z], [x * 0 for x in mlp], ablation.zero()
    else:
        means = ablation.mean_activations(tiny_llama, source, GROUPS, batch_size=5)
        z, mlp, by = group_means(z), group_means(mlp), ablation.mean(means, GROUPS)
    heads, mlps = [(0, 1), (1, 5), (2, 2)], [1]
    found = ablation.knock_out(tiny_llama, tokens, answers, heads, mlps, by=by, batch_size=5)
    close(found, by_hand.knocked_out(tiny_llama, tokens, answers, heads, mlps, z, mlp))
    each = ablation.each_head(tiny_llama, tokens, answers, by, batch_size=5)
    for i, j in itertools.product(range(3), range(6)):
        expected = by_hand.knocked_out(tiny_llama, tokens, answers, [(i, j)], [], z, mlp)
        close(each[:, i, j], expected)
    each = ablation.each_mlp(tiny_llama, tokens, answers, by, batch_size=5)
    for i in range(3):
        expected = by_hand.knocked_out(tiny_llama, tokens, answers, [], [i], z, mlp)
        close(each[:, i], expected)


def test_few_rows_at_a_time_give_the_same(tiny_llama, monkeypatch):
    pairs = random_pairs(tiny_llama, 3, 6, [1, 2, 2], [5, 5, 4])
    whole = patching.heads(tiny_llama, *pairs, "k")
    monkeypatch.setattr(patching, "ROWS", 1)
    monkeypatch.setattr(folded.engine, "_ROWS", 3)
    close(patching.heads(tiny_llama, *pairs, "k", batch_size=1), whole)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("act_fn", "gelu", "act_fn is 'gelu', not 'silu'"),
        ("attn_scores_soft_cap", 50.0, "soft_cap is 50.0"),
        ("rope_parameters", {"rope_type": "llama3"}, "rotary positions of type 'llama3'"),
        ("architecture", "MistralForCausalLM", "GPT-2 and Llama, and this model is a Mistral"),
    ],
)
def test_what_the_pass_does_not_know_is_refused(tiny_llama, monkeypatch, name, value, reason):
    folded.of(tiny_llama)
    monkeypatch.setattr(tiny_llama.cfg, name, value)
    with pytest.raises(folded.UnknownModelError, match=reason):
        folded.of(tiny_llama)


def test_biases_are_refused(tmp_path, tiny_folder):
    biased = models.boot(write_folder(tmp_path, tiny_folder, attention_bias=True))
    with pytest.raises(folded.UnknownModelError, match="attention_bias is True"):
        folded.of(biased)


def test_patching_a_run_into_itself_changes_nothing(tiny_llama):
    base, _, answers = random_pairs(tiny_llama, 3, 6, [1, 2, 2], [5, 5, 4])
    clean = ioi.model_logit_diff(tiny_llama, base, answers)
    for measure in (*PLACES.values(), patching.heads, patching.heads_by_position):
        found = measure(tiny_llama, base, base, answers)
        close(found, clean.view(-1, *[1] * (found.ndim - 1)).expand_as(found))
