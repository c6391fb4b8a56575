"""Copy scores, from prompts and from weights, by the models' own modules."""

from __future__ import annotations

import itertools

import pytest
import torch

from mi_course import attribution, copying, hooks, ioi
from mi_course.english import words


def test_copy_score_counts_names_among_the_best_tokens(tiny):
    tokens = torch.tensor([[0, 40, 50, 60, 40, 70]] * 3)
    spot = {name: torch.full((3,), pos) for name, pos in (("io_pos", 2), ("s1_pos", 1))}
    batch = ioi.Batch(
        tokens=tokens, io=tokens[:, 2], s=tokens[:, 1],
        s2_pos=torch.full((3,), 4), end=torch.full((3,), 5), **spot,
    )  # fmt: skip
    assert torch.equal(copying.copy_scores(tiny, batch, top=300), torch.ones(2, 3))
    _, cache = tiny.run_with_cache(tokens)
    hits = []
    for position in (2, 1):
        stream = cache["blocks.0.hook_resid_post"][0, position]
        out = (stream / stream.std(correction=0)) @ tiny.W_V[1, 2] @ tiny.W_O[1, 2]
        logits = (out / out.std(correction=0)) @ tiny.W_U + tiny.b_U
        hits.append(bool(logits[tokens[0, position]] >= logits.sort().values[-100]))
    score = copying.copy_scores(tiny, batch, top=100)[1, 2]
    assert score == pytest.approx(sum(hits) / 2)


def test_copy_scores_divide_by_the_models_own_epsilon(coarse):
    """Checked by the bridge's own LayerNorms."""
    batch = ioi.tokenize(coarse.tokenizer, ioi.prompts(20, seed=0))
    rows, names = torch.arange(20), torch.cat([batch.io, batch.s])
    _, cache = coarse.run_with_cache(batch.tokens)
    after = cache["blocks.0.hook_resid_post"]
    stream = torch.cat([after[rows, batch.io_pos], after[rows, batch.s1_pos]])
    with torch.no_grad():
        for layer, head in itertools.product(range(2), range(4)):
            ov = coarse.W_V[layer, head] @ coarse.W_O[layer, head]
            written = coarse.blocks[layer].ln1(stream[:, None]) @ ov
            best = coarse.unembed(coarse.ln_final(written))[:, 0].topk(5).indices
            expected = (best == names[:, None]).any(1).float().mean().item()
            found = copying.copy_scores(coarse, batch)[layer, head].item()
            assert found == pytest.approx(expected), (layer, head)


@pytest.mark.parametrize("which", ["pocket", "coarse"])
def test_copy_score_is_that_of_the_models_own_modules(which, request):
    """The same share, by the bridge's modules instead of its matrices; any LayerNorm epsilon."""
    model = request.getfixturevalue(which)
    names = torch.tensor([[hooks.single_token(model, f" {name}")] for name in words.NAMES])
    layer, head, sign = 1, 0, 1
    with torch.no_grad():
        x = model.embed(names)
        x = x + model.blocks[0].mlp(model.blocks[0].ln2(x))
        x = sign * x @ model.W_V[layer, head] @ model.W_O[layer, head]
        logits = model.unembed(model.ln_final(x))[:, 0]
    share = (logits.topk(5).indices == names).any(-1).float().mean().item()
    assert copying.copy_score_from_weights(model, layer, head, sign) == pytest.approx(
        share, abs=1e-6
    )


def test_a_head_of_pocket_copies_names_and_not_all_do(pocket):
    heads = itertools.product(range(pocket.cfg.n_layers), range(pocket.cfg.n_heads))
    scores = [copying.copy_score_from_weights(pocket, *head) for head in heads]
    assert max(scores) > 0.5
    assert min(scores) < 0.5


def test_turning_the_sign_turns_the_answer(pocket):
    """No head puts the same names at the top with both signs."""
    for head in range(pocket.cfg.n_heads):
        both = copying.copy_score_from_weights(pocket, 1, head) + copying.copy_score_from_weights(
            pocket, 1, head, -1
        )
        assert both <= 1


def test_copy_scores_of_heads_that_share_values_are_those_of_the_models_own_modules(tiny_llama):
    tokens = torch.randint(1, 257, (20, 6), generator=torch.Generator().manual_seed(0))
    rows = torch.arange(20)
    spot = {name: torch.full((20,), pos) for name, pos in (("io_pos", 2), ("s1_pos", 1))}
    last = {name: torch.full((20,), 5) for name in ("s2_pos", "end")}
    batch = ioi.Batch(tokens=tokens, io=tokens[:, 2], s=tokens[:, 1], **spot, **last)
    found = copying.copy_scores(tiny_llama, batch, top=60)
    _, cache = tiny_llama.run_with_cache(tokens)
    after = cache["blocks.0.hook_resid_post"]
    stream = torch.cat([after[rows, batch.io_pos], after[rows, batch.s1_pos]])[:, None]
    names = torch.cat([batch.io, batch.s])
    with torch.no_grad():
        for layer, head in itertools.product(range(3), range(6)):
            block = tiny_llama.blocks[layer]
            value = block.attn.v(block.ln1(stream)).unflatten(-1, (2, 4))[:, :, head // 3]
            logits = tiny_llama.unembed(tiny_llama.ln_final(value @ block.attn.W_O[head]))
            best = logits[:, 0].topk(60).indices
            expected = (best == names[:, None]).any(1).float().mean()
            assert found[layer, head] == pytest.approx(expected.item()), (layer, head)
    assert 0 < found.mean() < 1


def test_copy_score_from_weights_takes_the_values_of_the_heads_own_group(tiny_llama, monkeypatch):
    letters = ["a", "b", "c", "d", "e", "f", "g"]
    ids = torch.tensor([[tiny_llama.tokenizer.encode(f" {x}")[-1]] for x in letters])
    monkeypatch.setattr(ioi, "one_token_names", lambda tokenizer: letters)
    monkeypatch.setattr(hooks, "single_token", lambda model, text: int(ids[letters.index(text[1])]))
    first = tiny_llama.blocks[0]
    with torch.no_grad():
        for head in range(6):
            x = tiny_llama.embed(ids)
            x = x + first.mlp(first.ln2(x))
            attn = tiny_llama.blocks[1].attn
            x = attn.v(x).unflatten(-1, (2, 4))[:, :, head // 3] @ attn.W_O[head]
            best = tiny_llama.unembed(tiny_llama.ln_final(x))[:, 0].topk(copying.TOP).indices
            expected = (best == ids).any(1).float().mean().item()
            found = copying.copy_score_from_weights(tiny_llama, 1, head)
            assert found == pytest.approx(expected), head


def test_where_heads_look_from_end_and_what_they_write_there(pocket):
    """Beside the two measures that figure 3(c) is made of, and names one by one."""
    batch = ioi.tokenize(pocket.tokenizer, ioi.prompts(6, seed=0))
    found = copying.at_end(pocket, batch, batch_size=4)
    looks = attribution.end_attention(pocket, batch)
    writes = attribution.name_projections(pocket, batch)
    for name, other in (("io", looks.io), ("s1", looks.s1), ("s2", looks.s2)):
        assert torch.allclose(getattr(found, name), other.mean(0), atol=1e-5)
    assert torch.allclose(found.s, (looks.s1 + looks.s2).mean(0), atol=1e-5)
    assert torch.allclose(found.on_io, writes.io.mean(0), atol=1e-3)
    assert torch.allclose(found.on_s, writes.s.mean(0), atol=1e-3)
    rows = torch.arange(6)
    _, cache = pocket.run_with_cache(batch.tokens)
    bos = cache["blocks.1.attn.hook_pattern"][rows, 2, batch.end, 0]
    assert found.bos[1, 2].item() == pytest.approx(bos.mean().item(), abs=1e-5)
    heads = attribution.head_outputs(pocket, batch.tokens, batch.end)[:, 1, 2]
    every = [hooks.single_token(pocket, f" {name}") for name in words.NAMES]
    others = [
        float((head @ pocket.W_U.detach()[:, [n for n in every if n not in (io, s)]]).mean())
        for head, io, s in zip(heads.detach(), batch.io.tolist(), batch.s.tolist(), strict=True)
    ]
    assert found.on_others[1, 2].item() == pytest.approx(sum(others) / 6, abs=1e-3)


@pytest.mark.parametrize(
    ("looks", "writes", "kind"),
    [
        ((0.5, 0.1, 0.1), (4.0, 3.0, 0.0), "mover"),
        ((0.5, 0.3, 0.3), (4.0, 3.0, 0.0), "writer"),  # looks at S more, and writes for S
        ((0.5, 0.1, 0.1), (-4.0, -5.0, 0.0), "writer"),  # looks at IO, and writes against it
        ((0.5, 0.1, 0.1), (4.0, 3.0, 5.0), "writer"),  # writes any name
        ((0.1, 0.1, 0.5), (-1.0, -9.0, 0.0), "suppressor"),
        ((0.1, 0.1, 0.5), (-9.5, -9.0, 0.0), "writer"),  # against IO even more
        ((0.6, 0.0, 0.5), (-1.0, -9.0, 0.0), "writer"),  # looks at IO
        ((0.1, 0.1, 0.5), (-1.0, -9.0, -9.5), "writer"),  # against any name
    ],
)
def test_a_kind_of_writer_is_told_by_where_it_looks_and_what_it_writes(looks, writes, kind):
    def at_head_1(value):
        return torch.tensor([[0.0, value]])

    bos = at_head_1(0.0)
    found = copying.AtEnd(*map(at_head_1, looks), bos, *map(at_head_1, writes))
    assert found.kind((0, 1)) == kind
