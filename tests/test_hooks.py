import pytest
import torch

from mi_course import hooks

TOKENS = torch.tensor([[0, 5, 6, 7, 8], [0, 9, 10, 11, 12]])
Z = "blocks.1.attn.hook_z"


def zero(activation, hook):
    return torch.zeros_like(activation)


def test_hook_changes_the_logits_and_is_removed(tiny):
    clean = hooks.run_with_hooks(tiny, TOKENS, [])
    assert not torch.allclose(hooks.run_with_hooks(tiny, TOKENS, [(Z, zero)]), clean)
    assert torch.equal(tiny(TOKENS), clean)


def test_hooks_are_removed_after_an_error(tiny):
    def fails(activation, hook):
        raise RuntimeError("inside")

    clean = tiny(TOKENS)
    with pytest.raises(RuntimeError, match="inside"):
        hooks.run_with_hooks(tiny, TOKENS, [(Z, zero), (Z, fails)])
    assert torch.equal(tiny(TOKENS), clean)


def test_hook_left_behind_by_someone_else_does_not_change_the_result(tiny):
    clean = hooks.run_with_hooks(tiny, TOKENS, [])
    tiny.add_hook(Z, zero)
    assert torch.equal(hooks.run_with_hooks(tiny, TOKENS, []), clean)
    tiny.add_hook(Z, zero)
    assert torch.equal(hooks.run_with_cache(tiny, TOKENS, [Z])[0], clean)


def test_hooks_of_a_context_around_it_act_and_stay_until_it_ends(tiny):
    """They would be asked for and have no effect, there and in the rest of the context."""
    clean = tiny(TOKENS)
    hook = ("blocks.0.attn.hook_z", zero)
    with tiny.hooks(fwd_hooks=[hook]):
        expected = tiny(TOKENS)
        logits, cache = hooks.run_with_cache(tiny, TOKENS, [Z], [(Z, zero)])
        assert cache[Z].abs().max() == 0
        both = tiny.run_with_hooks(TOKENS, fwd_hooks=[(Z, zero)])
        assert torch.equal(logits, both)
        assert not torch.allclose(both, expected)
        assert torch.equal(hooks.run_with_hooks(tiny, TOKENS, []), expected)
        assert torch.equal(tiny(TOKENS), expected)
    assert torch.equal(tiny(TOKENS), clean)


def test_cache_holds_what_was_asked_for(tiny):
    name = "blocks.1.hook_resid_pre"
    _, cache = hooks.run_with_cache(tiny, TOKENS, [Z, name])
    assert {key: tuple(value.shape) for key, value in cache.items()} == {
        Z: (2, 5, 3, 4),
        name: (2, 5, 12),
    }


def test_cache_agrees_with_the_librarys_own(tiny):
    names = [Z, "blocks.1.hook_resid_pre", "blocks.0.attn.hook_pattern", "blocks.0.mlp.hook_post"]
    _, own = hooks.run_with_cache(tiny, TOKENS, names)
    _, theirs = tiny.run_with_cache(TOKENS)
    assert all(torch.equal(own[name], theirs[name]) for name in names)


def test_cache_sees_what_a_hook_changed(tiny):
    _, cache = hooks.run_with_cache(tiny, TOKENS, [Z], hooks=[(Z, zero)])
    assert cache[Z].abs().max() == 0
    changed = hooks.attention_patterns(tiny, TOKENS, hooks=[("blocks.0.attn.hook_z", zero)])
    clean = hooks.attention_patterns(tiny, TOKENS)
    assert torch.equal(changed[0], clean[0])
    assert not torch.allclose(changed[1], clean[1])


def test_patterns_are_causal_probabilities(tiny):
    patterns = hooks.attention_patterns(tiny, TOKENS)
    assert patterns.shape == (2, 2, 3, 5, 5)
    assert torch.allclose(patterns.sum(-1), torch.ones(2, 2, 3, 5), atol=1e-5)
    assert patterns.triu(1).abs().max() == 0


def test_misspelt_hook_name_is_refused_with_the_right_one(tiny):
    for run in (
        lambda: hooks.run_with_hooks(tiny, TOKENS, [("blocks.1.attn.hook_zz", zero)]),
        lambda: hooks.run_with_cache(tiny, TOKENS, ["blocks.1.attn.hook_zz"]),
    ):
        with pytest.raises(KeyError, match=r"did you mean blocks\.1\.attn\.hook_z"):
            run()


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (
            torch.zeros(1, 33, dtype=torch.long),
            "33 tokens are too many: this model reads at most 32",
        ),
        (torch.zeros(5, dtype=torch.long), "shape"),
        (torch.zeros(1, 5), "token ids"),
        (torch.zeros(1, 0, dtype=torch.long), "there are no tokens"),
        ("When Mary", "token ids"),
        (torch.full((1, 5), 300), "another model's tokenizer"),
        (torch.full((1, 5), -1), "another model's tokenizer"),
    ],
)
def test_tokens_that_the_model_cannot_read_are_refused(tiny, tokens, words):
    with pytest.raises(ValueError, match=words):
        hooks.run_with_hooks(tiny, tokens, [])
    with pytest.raises(ValueError, match=words):
        hooks.run_with_cache(tiny, tokens, [Z])
