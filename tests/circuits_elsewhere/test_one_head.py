"""One head's inputs and its attention, changed: against the same worked out by hand."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from mi_course import attribution, hooks, ioi, ioi_data
from mi_course.circuits_elsewhere import one_head

HEAD = 1, 1  # of six heads that share two values it uses the first, and would not by 1 % 2


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def batch_of(model, seed):
    """Six random prompts of eight tokens, with places that no two neighbours share."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, model.cfg.d_vocab, (6, 8), generator=generator)
    tokens[:, 0] = model.tokenizer.bos_token_id
    right, wrong = torch.randint(1, model.cfg.d_vocab, (2, 6), generator=generator)
    io, s1, s2 = torch.tensor([[1, 2, 1, 3, 2, 1], [2, 3, 3, 1, 1, 3], [5, 4, 6, 5, 6, 4]])
    return ioi.Batch(tokens, right, wrong, io, s1, s2, torch.full((6,), 7))


def kept(model, tokens, *points):
    names = [f"blocks.{HEAD[0]}.attn.{point}" for point in points]
    return [hooks.run_with_cache(model, tokens, names)[1][name] for name in names]


def with_z(model, batch, z):
    """The logit difference when a layer's heads write these, whatever they compute."""
    put = [(f"blocks.{HEAD[0]}.attn.hook_z", lambda x, hook: z)]
    return ioi.logit_diff(hooks.run_with_hooks(model, batch.tokens, put), batch.answers)


@pytest.mark.parametrize("which", ["tiny", "tiny_llama"])
def test_a_value_of_another_prompt_is_read_by_all_heads_that_share_it(which, request):
    model = request.getfixturevalue(which)
    batch, other = batch_of(model, 0), batch_of(model, 1).tokens
    (pattern, v), (new,) = (
        kept(model, batch.tokens, "hook_pattern", "hook_v"),
        kept(model, other, "hook_v"),
    )
    share = model.cfg.n_heads // v.shape[2]
    rows = torch.arange(6)
    v = v.clone()
    v[rows, batch.s2_pos, HEAD[1] // share] = new[rows, batch.s2_pos, HEAD[1] // share]
    z = torch.einsum("bhqk,bkhd->bqhd", pattern, v.repeat_interleave(share, 2))
    found = one_head.with_input(model, batch, other, HEAD, "v", batch.s2_pos, batch_size=4)
    close(found, with_z(model, batch, z))
    assert not torch.allclose(found, ioi.model_logit_diff(model, batch.tokens, batch.answers))


@pytest.mark.parametrize("into", ["q", "k"])
def test_a_query_or_key_of_another_prompt_changes_where_the_head_looks(tiny, into):
    batch, other = batch_of(tiny, 0), batch_of(tiny, 1).tokens
    at = batch.end if into == "q" else batch.s2_pos
    mine = dict(zip("qkv", kept(tiny, batch.tokens, "hook_q", "hook_k", "hook_v"), strict=True))
    (new,) = kept(tiny, other, f"hook_{into}")
    rows, changed = torch.arange(6), mine[into].clone()
    changed[rows, at, HEAD[1]] = new[rows, at, HEAD[1]]
    mine[into] = changed
    scores = torch.einsum("bqhd,bkhd->bhqk", mine["q"], mine["k"]) / tiny.cfg.d_head**0.5
    later = torch.ones(8, 8).triu(1).bool()
    pattern = scores.masked_fill(later, -torch.inf).softmax(-1)
    z = torch.einsum("bhqk,bkhd->bqhd", pattern, mine["v"])
    found = one_head.with_input(tiny, batch, other, HEAD, into, at, batch_size=4)
    close(found, with_z(tiny, batch, z))


@pytest.mark.parametrize("which", ["tiny", "tiny_llama"])
def test_exchanged_attention_reads_each_value_with_the_others_weight(which, request):
    model = request.getfixturevalue(which)
    batch, rows = batch_of(model, 2), torch.arange(6)
    pattern, v, z = kept(model, batch.tokens, "hook_pattern", "hook_v", "hook_z")
    values = v.repeat_interleave(model.cfg.n_heads // v.shape[2], 2)[:, :, HEAD[1]]
    at_io, at_s2 = (pattern[rows, HEAD[1], 7, p] for p in (batch.io_pos, batch.s2_pos))
    more = (at_s2 - at_io)[:, None] * (values[rows, batch.io_pos] - values[rows, batch.s2_pos])
    z = z.clone()
    z[:, 7, HEAD[1]] += more
    found = one_head.with_attention_exchanged(
        model, batch, HEAD, batch.s2_pos, batch.io_pos, batch_size=4
    )
    close(found, with_z(model, batch, z))


def test_the_same_prompt_again_changes_nothing(tiny_llama):
    batch = batch_of(tiny_llama, 3)
    before = ioi.model_logit_diff(tiny_llama, batch.tokens, batch.answers)
    for into in ("q", "k", "v"):
        same = partial(one_head.with_input, tiny_llama, batch, batch.tokens, HEAD, into)
        close(same(batch.s2_pos), before)
    moved = one_head.with_attention_exchanged(tiny_llama, batch, HEAD, batch.s2_pos, batch.s2_pos)
    close(moved, before)


def test_the_strongest_writer_is_the_head_with_the_largest_direct_effect(pocket):
    clean = ioi_data.dataset(pocket.tokenizer, 12, 0).clean
    heads = attribution.direct_effects(pocket, clean).heads.mean(0)
    assert heads[one_head.strongest_writer(pocket, clean)] == heads.max()


def test_a_head_that_the_model_has_not_is_refused(tiny):
    batch = batch_of(tiny, 0)
    with pytest.raises(IndexError, match="out of range"):
        one_head.with_input(tiny, batch, batch.tokens, (0, 99), "q", batch.end)
    with pytest.raises(IndexError, match="out of range"):
        one_head.with_attention_exchanged(tiny, batch, (99, 0), batch.s2_pos, batch.io_pos)
