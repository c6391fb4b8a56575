import itertools

import pytest
import torch

from mi_course import ioi, ioi_data, patching, path_patching
from support import by_hand
from support.pairs import random_pairs


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def tiny_pairs(tiny):
    return random_pairs(tiny, 6, 8, [0, 3, 5, 3, 5, 2], [7, 5, 7, 7, 5, 7])


@pytest.fixture(scope="module")
def pocket_pairs(pocket):
    data = ioi_data.dataset(pocket.tokenizer, 6, seed=0)
    return data.clean.tokens, data.abc.tokens, data.clean.answers


@pytest.mark.parametrize("which", ["tiny", "pocket"])
def test_path_to_the_logits_is_that_of_one_frozen_pass_for_each_head(which, request):
    model = request.getfixturevalue(which)
    pairs = request.getfixturevalue(f"{which}_pairs")
    found = path_patching.to_logits(model, *pairs, batch_size=2)
    close(found, by_hand.path_to_logits(model, *pairs))
    assert found.std() > 0.01


@pytest.mark.parametrize("into", ["q", "k", "v"])
@pytest.mark.parametrize("receivers", [[(1, 2)], [(1, 0), (1, 2), (0, 1)]])
@pytest.mark.parametrize("where", ["everywhere", "end", "inside"])
def test_path_to_heads_is_that_of_two_passes_for_each_sender(
    tiny, tiny_pairs, into, receivers, where
):
    end = tiny_pairs[2].end
    positions = {"everywhere": None, "end": end, "inside": end - torch.tensor([0, 1, 2, 3, 0, 1])}
    arguments = (*tiny_pairs, receivers, into, positions[where])
    found = path_patching.to_heads(tiny, *arguments, batch_size=2)
    close(found, by_hand.path_to_heads(tiny, *arguments))


@pytest.mark.parametrize("into", ["q", "v"])
def test_path_to_heads_of_pocket(pocket, pocket_pairs, into):
    arguments = (*pocket_pairs, [(1, 2), (1, 3)], into)
    close(path_patching.to_heads(pocket, *arguments), by_hand.path_to_heads(pocket, *arguments))


def test_receivers_in_several_layers_get_each_others_changes_in_the_second_pass(deep):
    pairs = random_pairs(deep, 3, 6, [1, 2, 2], [5, 5, 4])
    for into, positions in itertools.product("qkv", (None, torch.tensor([3, 2, 4]))):
        arguments = (*pairs, [(1, 0), (2, 1), (3, 0)], into, positions)
        close(path_patching.to_heads(deep, *arguments), by_hand.path_to_heads(deep, *arguments))


def test_paths_and_patches_agree_by_hand_in_a_deeper_model(deep):
    pairs = random_pairs(deep, 3, 6, [1, 2, 2], [5, 5, 4])
    close(path_patching.to_logits(deep, *pairs), by_hand.path_to_logits(deep, *pairs))
    close(patching.heads(deep, *pairs, "k"), by_hand.heads(deep, *pairs, "k"))
    expected = by_hand.by_position(deep, *pairs, "hook_resid_pre")
    close(patching.residual(deep, *pairs), expected)


def test_head_of_the_last_layer_gives_the_same_by_path_as_by_activation_patching(deep, pocket):
    data = ioi_data.dataset(pocket.tokenizer, 6, seed=2)
    named = data.clean.tokens, data.abc.tokens, data.clean.answers
    for model, pairs in ((deep, random_pairs(deep, 3, 6, [1, 2, 2], [5, 5, 4])), (pocket, named)):
        path = path_patching.to_logits(model, *pairs)
        patch = patching.heads(model, *pairs)
        close(path[:, -1], patch[:, -1])
        assert not torch.allclose(path[:, 0], patch[:, 0], atol=1e-3)


def test_patching_x_orig_into_itself_changes_nothing(deep):
    orig, _, answers = random_pairs(deep, 3, 6, [1, 2, 2], [5, 5, 4])
    clean = ioi.model_logit_diff(deep, orig, answers)[:, None, None].expand(3, 4, 2)
    close(path_patching.to_logits(deep, orig, orig, answers), clean)
    close(path_patching.to_heads(deep, orig, orig, answers, [(2, 0)], "v"), clean)


def test_senders_that_no_receiver_follows_change_nothing(deep):
    pairs = random_pairs(deep, 3, 6, [1, 2, 2], [5, 5, 4])
    clean = ioi.model_logit_diff(deep, pairs[0], pairs[2])[:, None, None]
    found = path_patching.to_heads(deep, *pairs, [(2, 0), (1, 1)], "v")
    close(found[:, 2:], clean.expand(3, 2, 2))
    assert not torch.allclose(found[:, :2], clean.expand(3, 2, 2), atol=1e-3)
    close(path_patching.to_heads(deep, *pairs, [(0, 1)], "v"), clean.expand(3, 4, 2))


def test_relative_change_is_of_the_mean_in_percent():
    patched = torch.tensor([[[1.0, 4.0]], [[3.0, 4.0]]])
    assert path_patching.relative_change(patched, torch.tensor([3.0, 5.0])).tolist() == [[-50, 0]]


def test_bad_input_is_refused(tiny, tiny_pairs):
    to_heads = path_patching.to_heads
    with pytest.raises(ValueError, match="'q', 'k' or 'v', not 'z'"):
        to_heads(tiny, *tiny_pairs, [(1, 2)], "z")
    with pytest.raises(ValueError, match="no receivers"):
        to_heads(tiny, *tiny_pairs, [], "q")
    with pytest.raises(IndexError, match=r"head 3 out of range: heads are 0\.\.2"):
        to_heads(tiny, *tiny_pairs, [(1, 3)], "q")
    with pytest.raises(ValueError, match="between 0 and END"):
        to_heads(tiny, *tiny_pairs, [(1, 2)], "q", torch.full((6,), 7))


@pytest.fixture(scope="module")
def deep(tmp_path_factory, tiny_folder):
    """Random, 4 layers of 2 heads: paths with something between their ends."""
    import shutil

    from transformers import GPT2Config, GPT2LMHeadModel

    from mi_course import models

    folder = tmp_path_factory.mktemp("deep")
    for file in tiny_folder.glob("tokenizer*"):
        shutil.copy(file, folder)
    config = GPT2Config(
        n_layer=4, n_head=2, n_embd=10, n_inner=14, vocab_size=300, n_positions=16,
        bos_token_id=0, eos_token_id=0, initializer_range=0.5,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        GPT2LMHeadModel(config).save_pretrained(folder)
    return models.boot(folder)
