import pytest
import torch

from mi_course import hooks, induction, ioi, prompt_sets


@pytest.fixture(scope="module")
def names(pocket):
    return prompt_sets.ioi_prompts(pocket, 12, seed=0)


def test_prompts_of_a_set_begin_with_bos_and_are_equally_long(pocket, names):
    repeats = prompt_sets.repeated_token_prompts(pocket, 6, seed=1, half=9)
    text = prompt_sets.plain_sentences(pocket, 5, seed=2, length=14)
    bos = pocket.tokenizer.bos_token_id
    for s, shape in ((names, (12, 15)), (repeats, (6, 19)), (text, (5, 15))):
        assert s.tokens.shape == shape
        assert bool((s.tokens[:, 0] == bos).all())
        assert not bool((s.tokens[:, 1:] == bos).any())
    assert torch.equal(repeats.tokens[:, 1:10], repeats.tokens[:, 10:])
    assert torch.equal(text.tokens, prompt_sets.plain_sentences(pocket, 5, 2, 14).tokens)
    assert not torch.equal(text.tokens, prompt_sets.plain_sentences(pocket, 5, 3, 14).tokens)


def test_measures_are_those_of_the_package_prompt_by_prompt(pocket, names):
    batch = ioi.tokenize(pocket.tokenizer, ioi.prompts(12, 0, templates=[ioi.P8_FORM]))
    expected = ioi.logit_diff(hooks.run_with_hooks(pocket, batch.tokens, []), batch)
    assert torch.equal(names.value(pocket), expected)
    repeats = prompt_sets.repeated_token_prompts(pocket, 6, seed=1, half=9)
    log_probs = hooks.run_with_hooks(pocket, repeats.tokens, []).log_softmax(-1)
    by_hand = [
        -sum(log_probs[row, p - 1, repeats.tokens[row, p]] for p in range(11, 19)) / 8
        for row in range(6)
    ]
    assert torch.allclose(repeats.value(pocket), torch.stack(by_hand), atol=1e-5)
    text = prompt_sets.plain_sentences(pocket, 5, seed=2, length=14)
    losses = induction.token_losses(hooks.run_with_hooks(pocket, text.tokens, []), text.tokens)
    assert torch.allclose(text.value(pocket), losses.mean(1))


def test_harm_is_positive_where_the_model_gets_worse(pocket, names):
    text = prompt_sets.plain_sentences(pocket, 5, seed=2, length=14)
    lower, higher = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.5])
    assert names.harm(before=higher, after=lower).tolist() == [2.0, 0.5]
    assert text.harm(before=lower, after=higher).tolist() == [2.0, 0.5]
    assert (names.harm_unit, text.harm_unit) == ("logits", "nats")


def test_the_name_of_version_0_1_leads_to_that_of_today():
    """`induction.repeated_tokens` gives tokens; this one gives prompts with their measure."""
    with pytest.warns(FutureWarning, match=r"prompt_sets\.repeated_token_prompts now"):
        assert prompt_sets.repeated_tokens is prompt_sets.repeated_token_prompts
