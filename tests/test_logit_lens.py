import pytest
import torch
from transformer_lens.model_bridge import TransformerBridge

from mi_course import logit_lens

TOKENS = torch.tensor([[0, 5, 6, 7, 8], [0, 9, 10, 11, 12]])


def test_the_last_place_gives_the_models_own_logits(tiny):
    found = logit_lens.logit_lens(tiny, TOKENS)
    assert found.shape == (5, 2, 5, 300)
    assert torch.allclose(found[-1], tiny(TOKENS), atol=1e-4)


def test_every_place_is_the_final_norm_and_the_unembedding_of_the_stream(tiny):
    """By the model's own modules, and by the library's cache instead of ours."""
    found = logit_lens.logit_lens(tiny, TOKENS)
    _, cache = tiny.run_with_cache(TOKENS)
    for logits, name in zip(found, logit_lens.hook_points(tiny).values(), strict=True):
        with torch.no_grad():
            expected = tiny.unembed(tiny.ln_final(cache[name]))
        assert torch.allclose(logits, expected, atol=1e-4)


def test_the_stream_before_the_first_block_is_the_embeddings(tiny):
    with torch.no_grad():
        stream = tiny.W_E[TOKENS] + tiny.W_pos[:5]
    assert torch.allclose(
        logit_lens.logit_lens(tiny, TOKENS)[0], logit_lens.unembed(tiny, stream), atol=1e-4
    )


def test_weights_that_are_not_folded_are_refused(tiny_folder):
    raw = TransformerBridge.boot_transformers(str(tiny_folder), device="cpu")
    with pytest.raises(ValueError, match="compatibility mode"):
        logit_lens.logit_lens(raw, TOKENS)


def test_top_tokens_are_the_most_probable(pocket):
    logits = pocket("When John and Mary went to the shops, John gave the bag to")[0, -1]
    best = logit_lens.top_tokens(pocket, logits, k=3)
    assert best[0][0] == " Mary"
    assert best[0][1] == pytest.approx(logits.softmax(-1).max().item())
    assert [p for _, p in best] == sorted((p for _, p in best), reverse=True)


def test_logits_of_several_positions_are_refused(tiny):
    with pytest.raises(ValueError, match=r"take for instance logits\[0, -1\]"):
        logit_lens.top_tokens(tiny, tiny(TOKENS))


def test_lens_of_a_llama_ends_with_its_own_logits(tiny_llama):
    tokens = torch.randint(1, 257, (2, 7), generator=torch.Generator().manual_seed(0))
    found = logit_lens.logit_lens(tiny_llama, tokens)
    with torch.no_grad():
        torch.testing.assert_close(found[-1], tiny_llama(tokens), atol=1e-4, rtol=1e-4)
        _, cache = tiny_llama.run_with_cache(tokens)
        middle = tiny_llama.unembed(tiny_llama.ln_final(cache["blocks.1.hook_resid_pre"]))
    torch.testing.assert_close(found[2], middle, atol=1e-4, rtol=1e-4)
