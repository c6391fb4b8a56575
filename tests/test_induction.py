import pytest
import torch
import torch.nn.functional as F

from mi_course import hooks, induction


def random_pattern(seq_len, seed=0):
    n = 1 + 2 * seq_len
    scores = torch.randn(2, n, n, generator=torch.Generator().manual_seed(seed))
    return scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf).softmax(-1)


def test_prompts_are_bos_and_the_same_tokens_twice(tiny):
    tokens = induction.repeated_tokens(tiny, n_prompts=4, seq_len=6, seed=0)
    assert tokens.shape == (4, 13)
    assert (tokens[:, 0] == 0).all()
    assert torch.equal(tokens[:, 1:7], tokens[:, 7:])
    assert tokens[:, 1:].min() >= 257
    assert len({tuple(row.tolist()) for row in tokens}) == 4


def test_the_seed_alone_decides_the_prompts(tiny):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = induction.repeated_tokens(tiny, 2, 5, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, induction.repeated_tokens(tiny, 2, 5, seed=3))
    assert not torch.equal(first, induction.repeated_tokens(tiny, 2, 5, seed=4))


def test_prompt_longer_than_the_context_is_refused(tiny):
    with pytest.raises(ValueError, match="reads at most 32"):
        induction.repeated_tokens(tiny, 1, 16, seed=0)


def test_losses_equal_those_computed_token_by_token(tiny):
    tokens = induction.repeated_tokens(tiny, 2, 4, seed=0)
    logits = hooks.run_with_hooks(tiny, tokens, [])
    losses = induction.token_losses(logits, tokens)
    for prompt in range(2):
        for i in range(8):
            expected = F.cross_entropy(logits[prompt, i], tokens[prompt, i + 1])
            assert losses[prompt, i] == pytest.approx(float(expected), abs=1e-4)


def test_halves_leave_out_the_first_repeated_token():
    # tokens: BOS a b c a b c; losses are about a b c a b c
    first, second = induction.losses_by_half(torch.tensor([[6.0, 6.0, 6.0, 9.0, 1.0, 2.0]]))
    assert (float(first), float(second)) == (6.0, 1.5)


@pytest.mark.parametrize(
    ("score", "shift", "first"),
    [
        (lambda p, s: induction.prefix_matching_score(p, s), lambda s: s - 1, lambda s: s + 1),
        (lambda p, s: induction.duplicate_token_score(p, s), lambda s: s, lambda s: s + 1),
        (lambda p, s: induction.previous_token_score(p), lambda s: 1, lambda s: 1),
    ],
    ids=["prefix matching", "duplicate", "previous"],
)
def test_score_is_the_mean_over_the_named_pairs(score, shift, first):
    for seq_len in (3, 6):
        pattern = random_pattern(seq_len)
        pairs = [pattern[:, q, q - shift(seq_len)] for q in range(first(seq_len), 1 + 2 * seq_len)]
        assert torch.allclose(score(pattern, seq_len), torch.stack(pairs, 1).mean(1))


def test_scores_keep_all_leading_axes():
    patterns = torch.stack([random_pattern(4, seed) for seed in range(3)])
    assert induction.prefix_matching_score(patterns, 4).shape == (3, 2)


def test_random_ids_follow_the_vocabulary(tiny):
    assert induction.random_ids(tiny) == (257, 300)


@pytest.mark.parametrize(
    "score", [induction.prefix_matching_score, induction.duplicate_token_score]
)
def test_another_length_than_that_of_the_prompts_is_refused(score):
    for wrong in (3, 5, 40):
        with pytest.raises(ValueError, match=f"patterns of 9 tokens and seq_len {wrong}, which ma"):
            score(random_pattern(4), wrong)


def test_what_has_no_halves_or_no_tokens_is_refused(tiny):
    with pytest.raises(ValueError, match="7 losses have no halves"):
        induction.losses_by_half(torch.rand(2, 7))
    for count, length in ((0, 4), (3, 0), (3, -2)):
        with pytest.raises(ValueError, match=f"{count} prompts of {length} tokens"):
            induction.repeated_tokens(tiny, count, length, seed=0)
