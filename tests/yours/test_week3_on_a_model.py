"""What stands in for a learner's sweeps gives what the package's fast versions give."""

from __future__ import annotations

import pytest
import torch

from mi_course import ablation, hooks, ioi, ioi_data, patching, path_patching
from mi_course.yours import week3


@pytest.fixture(scope="module")
def data(pocket):
    return ioi_data.dataset(pocket.tokenizer, 6, seed=3, templates=[ioi.P8_FORM])


def kept(model, tokens, point):
    names = [f"blocks.{layer}.{point}" for layer in range(model.cfg.n_layers)]
    _, cache = hooks.run_with_cache(model, tokens, names)
    return torch.stack([cache[name] for name in names])


def differences(model, tokens, batch):
    def run(pairs):
        return ioi.logit_diff(hooks.run_with_hooks(model, tokens, pairs), batch)

    return run


@pytest.mark.parametrize(
    ("point", "fast"),
    [
        ("hook_resid_pre", patching.residual),
        ("hook_attn_out", patching.attention_output),
        ("hook_mlp_out", patching.mlp_output),
    ],
)
def test_the_sweep_over_positions_is_the_packages_map(pocket, data, point, fast):
    run = differences(pocket, data.flipped.tokens, data.clean)
    source = kept(pocket, data.clean.tokens, point)
    mine = week3.position_sweep(lambda pairs: run(pairs).mean(), source, point)
    theirs = fast(pocket, data.flipped.tokens, data.clean.tokens, data.clean.answers)
    torch.testing.assert_close(mine, theirs.mean(0), atol=1e-4, rtol=0)


@pytest.mark.parametrize("what", ["z", "v"])
def test_the_sweep_over_heads_is_the_packages_map(pocket, data, what):
    run = differences(pocket, data.flipped.tokens, data.clean)
    source = kept(pocket, data.clean.tokens, f"attn.hook_{what}")
    mine = week3.head_sweep(lambda pairs: run(pairs).mean(), source, f"attn.hook_{what}")
    pair = data.flipped.tokens, data.clean.tokens
    theirs = patching.heads(pocket, *pair, data.clean.answers, what=what)
    torch.testing.assert_close(mine, theirs.mean(0), atol=1e-4, rtol=0)


def test_a_patched_path_is_the_packages(pocket, data):
    two = data.clean.tokens, data.abc.tokens
    theirs = path_patching.to_logits(pocket, *two, data.clean.answers)

    def run(tokens, pairs):
        return hooks.run_with_hooks(pocket, tokens, pairs)

    for head in ((0, 2), (1, 3)):
        logits = week3.path_patch(run, *two, pocket.cfg.n_layers, head)
        mine = ioi.logit_diff(logits, data.clean)
        torch.testing.assert_close(mine, theirs[:, *head], atol=1e-4, rtol=0)


@pytest.mark.parametrize("order", [None, torch.tensor([1, 2, 0, 4, 5, 3])])
def test_a_knock_out_is_the_packages(pocket, data, order):
    heads, group = [(0, 0), (0, 2), (1, 3)], torch.zeros(6, dtype=torch.long)
    run = differences(pocket, data.clean.tokens, data.clean)
    source = kept(pocket, data.abc.tokens, "attn.hook_z")
    mine = week3.knock_out_heads(run, source, heads, order)
    if order is None:
        means = ablation.mean_activations(pocket, data.abc.tokens, group)
        by = ablation.mean(means, group)
    else:
        by = ablation.resample(data.abc.tokens[order])
    theirs = ablation.knock_out(pocket, data.clean.tokens, data.clean.answers, heads=heads, by=by)
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=0)
