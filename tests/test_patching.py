import pytest
import torch
import transformer_lens.patching as library

from mi_course import folded, ioi, ioi_data, patching
from support import by_hand
from support.pairs import random_pairs

PLACES = {
    "hook_resid_pre": patching.residual,
    "hook_attn_out": patching.attention_output,
    "hook_mlp_out": patching.mlp_output,
}


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def tiny_pairs(tiny):
    """Six pairs of two lengths that begin to differ at four positions."""
    return random_pairs(tiny, 6, 8, [0, 3, 5, 3, 5, 2], [7, 5, 7, 7, 5, 7])


@pytest.fixture(scope="module")
def pocket_pairs(pocket):
    data = ioi_data.dataset(pocket.tokenizer, 6, seed=0)
    return data.flipped.tokens, data.clean.tokens, data.clean.answers


@pytest.mark.parametrize("point", PLACES)
@pytest.mark.parametrize("which", ["tiny", "pocket"])
def test_patch_at_a_position_is_that_of_one_forward_pass_with_a_hook(which, point, request):
    model = request.getfixturevalue(which)
    pairs = request.getfixturevalue(f"{which}_pairs")
    found = PLACES[point](model, *pairs, batch_size=2)
    close(found, by_hand.by_position(model, *pairs, point))
    assert found.std(-1).max() > 0.01  # not all the same


@pytest.mark.parametrize("what", ["z", "q", "k", "v", "pattern"])
@pytest.mark.parametrize("which", ["tiny", "pocket"])
def test_patch_of_a_head_is_that_of_one_forward_pass_with_a_hook(which, what, request):
    model = request.getfixturevalue(which)
    pairs = request.getfixturevalue(f"{which}_pairs")
    close(patching.heads(model, *pairs, what, batch_size=4), by_hand.heads(model, *pairs, what))


@pytest.mark.parametrize("what", ["z", "q", "k", "v"])
def test_patch_of_a_head_at_a_position_is_that_of_one_forward_pass(tiny, tiny_pairs, what):
    found = patching.heads_by_position(tiny, *tiny_pairs, what, batch_size=4)
    assert found.shape == (6, 2, 8, 3)
    for pos in range(8):
        close(found[:, :, pos], by_hand.heads(tiny, *tiny_pairs, what, pos))


def test_few_rows_at_a_time_give_the_same(tiny, tiny_pairs, monkeypatch):
    whole = patching.heads(tiny, *tiny_pairs)
    monkeypatch.setattr(patching, "ROWS", 1)
    monkeypatch.setattr(folded.engine, "_ROWS", 3)
    close(patching.heads(tiny, *tiny_pairs, batch_size=1), whole)


def test_patching_a_run_into_itself_changes_nothing(tiny, tiny_pairs):
    base, _, answers = tiny_pairs
    clean = ioi.model_logit_diff(tiny, base, answers)
    for measure in (*PLACES.values(), patching.heads, patching.heads_by_position):
        found = measure(tiny, base, base, answers)
        close(found, clean.view(-1, *[1] * (found.ndim - 1)).expand_as(found))


def test_patching_all_that_the_first_layer_reads_at_the_last_name_gives_the_other_run(pocket):
    """Flipped prompts differ in one token: patching its embedding restores the clean answer."""
    data = ioi_data.dataset(pocket.tokenizer, 6, seed=1)
    found = patching.residual(pocket, data.flipped.tokens, data.clean.tokens, data.clean.answers)[
        torch.arange(6), 0, data.clean.s2_pos
    ]
    close(found, ioi.model_logit_diff(pocket, data.clean.tokens, data.clean.answers))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (patching.residual, library.get_act_patch_resid_pre),
        (patching.attention_output, library.get_act_patch_attn_out),
        (patching.mlp_output, library.get_act_patch_mlp_out),
        (patching.heads, library.get_act_patch_attn_head_out_all_pos),
        (patching.heads_by_position, library.get_act_patch_attn_head_out_by_pos),
    ],
)
def test_patching_is_that_of_transformer_lens(tiny, ours, theirs):
    base, source, answers = random_pairs(tiny, 3, 5, [1, 1, 2], [4, 4, 4])
    _, cache = tiny.run_with_cache(source)
    with torch.no_grad():
        expected = theirs(tiny, base, cache, lambda logits: ioi.logit_diff(logits, answers).mean())
    close(ours(tiny, base, source, answers).mean(0), expected)


@pytest.mark.parametrize("what", ["q", "k", "v", "pattern"])
def test_patching_of_ingredients_is_that_of_transformer_lens(tiny, what):
    base, source, answers = random_pairs(tiny, 3, 5, [1, 1, 2], [4, 4, 4])
    _, cache = tiny.run_with_cache(source)
    theirs = getattr(library, f"get_act_patch_attn_head_{what}_all_pos")
    with torch.no_grad():
        expected = theirs(tiny, base, cache, lambda logits: ioi.logit_diff(logits, answers).mean())
    close(patching.heads(tiny, base, source, answers, what).mean(0), expected)


def test_model_is_left_without_hooks_and_gradients(tiny, tiny_pairs):
    before = tiny(tiny_pairs[0]).detach()
    assert not patching.residual(tiny, *tiny_pairs).requires_grad
    assert torch.equal(tiny(tiny_pairs[0]).detach(), before)


def test_bars_are_shown_only_if_asked_for(tiny, tiny_pairs, capsys):
    patching.heads(tiny, *tiny_pairs)
    assert capsys.readouterr().err == ""
    patching.heads(tiny, *tiny_pairs, progress=True)
    assert "batch" in capsys.readouterr().err


def test_bad_input_is_refused(tiny, tiny_pairs):
    base, source, answers = tiny_pairs
    with pytest.raises(ValueError, match="as many prompts in both, of the same lengths"):
        patching.heads(tiny, base, source[:, :-1], answers)
    with pytest.raises(ValueError, match="6 prompts and 2 answers"):
        patching.heads(tiny, base, source, answers[:2])
    with pytest.raises(ValueError, match="one of z, q, k, v, pattern, not 'w'"):
        patching.heads(tiny, base, source, answers, "w")
    with pytest.raises(ValueError, match="one of z, q, k, v, not 'pattern'"):
        patching.heads_by_position(tiny, base, source, answers, "pattern")
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        patching.heads(tiny, base, source, answers, batch_size=0)
