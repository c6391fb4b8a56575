"""The functions of week 2's exercises, on what a model hands over, against the package's own."""

from __future__ import annotations

import pytest
import torch

from mi_course import attribution, hooks, induction, ioi, logit_lens
from mi_course.yours import week2


@pytest.fixture(scope="module")
def batch(pocket):
    return ioi.tokenize(pocket.tokenizer, ioi.prompts(12, seed=3))


@torch.no_grad()
def test_direct_logit_attribution_of_heads_is_the_packages(pocket, batch):
    rows = torch.arange(len(batch))
    _, cache = hooks.run_with_cache(pocket, batch.tokens, ["ln_final.hook_scale"])
    scale = cache["ln_final.hook_scale"][rows, batch.end]
    assert scale.shape == (12, 1)
    heads = attribution.head_outputs(pocket, batch.tokens, batch.end).permute(1, 2, 0, 3)
    found = week2.direct_logit_attribution(heads, scale, pocket.W_U, batch.io, batch.s)
    right = attribution.direct_effects(pocket, batch).heads.permute(1, 2, 0)
    torch.testing.assert_close(found, right, atol=1e-4, rtol=1e-4)


def test_repeated_tokens_of_the_same_draw_are_the_packages(pocket):
    generator = torch.Generator().manual_seed(4)
    half = torch.randint(*induction.random_ids(pocket), (3, 7), generator=generator)
    found = week2.repeated_tokens(half, pocket.tokenizer.bos_token_id)
    assert torch.equal(found, induction.repeated_tokens(pocket, 3, 7, seed=4))


@torch.no_grad()
def test_the_lens_is_the_packages(pocket, batch):
    names = list(logit_lens.hook_points(pocket).values())
    _, cache = hooks.run_with_cache(pocket, batch.tokens[:1], names)
    stream = torch.cat([cache[name] for name in names])
    found = week2.lens_logits(stream, pocket.W_U, pocket.b_U)
    right = logit_lens.logit_lens(pocket, batch.tokens[:1])[:, 0]
    torch.testing.assert_close(found, right, atol=1e-3, rtol=1e-4)
