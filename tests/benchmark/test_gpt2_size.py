"""Interventions on a random model of GPT-2 small's size equal hooks on whole forward passes."""

import pytest
import torch

from mi_course import ablation, ioi_data, patching, path_patching
from mi_course.benchmark import bench
from support import by_hand

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def big():
    # weights larger than at the start of training, so that patches make a difference
    return bench.random_model(bench.SMALL | {"initializer_range": 0.06})


@pytest.fixture(scope="module")
def data(big):
    return ioi_data.dataset(big.tokenizer, 2, seed=0)


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert found.std() > 0.01


def test_heads(big, data):
    pairs = data.flipped.tokens, data.clean.tokens, data.clean.answers
    close(patching.heads(big, *pairs), by_hand.heads(big, *pairs, "z"))


def test_residual_stream_by_position(big, data):
    pairs = data.abc.tokens, data.clean.tokens, data.clean.answers
    close(patching.residual(big, *pairs), by_hand.by_position(big, *pairs, "hook_resid_pre"))


def test_paths_to_the_logits(big, data):
    pairs = data.clean.tokens, data.abc.tokens, data.clean.answers
    close(path_patching.to_logits(big, *pairs), by_hand.path_to_logits(big, *pairs))


def test_paths_to_heads(big, data):
    pairs = data.clean.tokens, data.abc.tokens, data.clean.answers
    arguments = (*pairs, [(7, 3), (9, 6)], "v")
    close(path_patching.to_heads(big, *arguments), by_hand.path_to_heads(big, *arguments))


def test_knock_out(big, data):
    z, mlp = by_hand.activations(big, data.abc.tokens)
    arguments = big, data.clean.tokens, data.clean.answers, [(3, 4), (10, 7)], [0, 8]
    by = ablation.resample(data.abc.tokens)
    close(ablation.knock_out(*arguments, by=by), by_hand.knocked_out(*arguments, z, mlp))
