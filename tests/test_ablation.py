import pytest
import torch

from mi_course import hooks
from mi_course.ablation import ablate_heads

TOKENS = torch.randint(1, 300, (6, 5), generator=torch.Generator().manual_seed(0))
Z = "blocks.0.attn.hook_z"


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
