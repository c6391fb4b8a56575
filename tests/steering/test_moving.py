"""Reading and moving the stream, on `pocket`: positions, padding, and what a vector changes."""

from __future__ import annotations

import pytest
import torch

from mi_course import hooks, models
from mi_course.steering import moving, reading
from mi_course.yours import probes_and_steering as yours

TEXTS = ("Then, Mary and John went to the park. John gave a ball to", "Mary and John", "The park")


@pytest.fixture(scope="module")
def model():
    return models.load("pocket", quiet=True)


@pytest.fixture(scope="module")
def texts(model):
    return reading.batch(model, TEXTS)


def test_padding_changes_nothing_that_is_read(model, texts):
    found = reading.at_end(model, texts, [0, 1])
    for i, text in enumerate(TEXTS):
        alone = reading.at_end(model, reading.batch(model, [text]), [0, 1])
        assert torch.allclose(found[i], alone[0], atol=1e-4)


def test_it_is_the_last_token_that_is_read(model, texts):
    _, cache = hooks.run_with_cache(model, texts.tokens, reading.point(1))
    x = yours.last_tokens(cache[reading.point(1)], texts.end + 1)
    assert torch.allclose(x, reading.at_end(model, texts, [1])[:, 0], atol=1e-4)


def test_in_a_question_a_text_ends_where_its_own_last_token_stands(model):
    before, behind = "The park.", " went to the park"
    found, ends = reading.asked(model, TEXTS, f"{before} {{}}{behind}")
    for i, text in enumerate(TEXTS):
        whole = model.tokenizer(f"{before} {text}{behind}")["input_ids"]
        assert found.tokens[i, : len(whole)].tolist() == whole
        assert found.end[i] - ends[i] == len(model.tokenizer(behind)["input_ids"]) - 1  # BOS
        assert found.tokens[i, ends[i]] == model.tokenizer(text)["input_ids"][-1]


def test_a_dose_of_zero_moves_nothing_and_bos_is_never_moved(model, texts):
    vector = torch.randn(model.cfg.d_model, generator=torch.Generator().manual_seed(0))
    still = moving.last_logits(model, texts, 0, vector, 0.0)
    plain = hooks.run_with_hooks(model, texts.tokens, [])[torch.arange(3), texts.end]
    assert torch.allclose(still, plain, atol=1e-4)
    assert not torch.allclose(moving.last_logits(model, texts, 0, vector, 1.0), plain, atol=1e-2)
    x = torch.zeros(2, 3, 4)
    assert moving.add_vector(x, None, torch.ones(4), 2.0)[:, :, 0].tolist() == [[0, 2, 2]] * 2


def test_the_loss_leaves_out_padding_and_the_first_token(model, texts):
    zero = torch.zeros(model.cfg.d_model)
    both = moving.loss(model, texts, 0, zero, 0.0)
    for i, text in enumerate(TEXTS):
        one = reading.batch(model, [text])
        assert torch.allclose(both[i], moving.loss(model, one, 0, zero, 0.0)[0], atol=1e-4)
        logits = hooks.run_with_hooks(model, one.tokens, [])[0].log_softmax(-1)
        each = [-logits[p, one.tokens[0, p + 1]] for p in range(1, int(one.end[0]))]
        assert torch.allclose(both[i], torch.stack(each).mean(), atol=1e-4)


def test_a_change_at_a_text_s_end_is_as_if_it_had_been_there(model, texts):
    """After the last layer, a swap of the whole stream gives the other text's logits."""
    source = reading.at_end(model, texts, [1])[:, 0].flip(0)
    swapped = moving.at_position(model, texts, 1, lambda x: source, texts.end)
    plain = hooks.run_with_hooks(model, texts.tokens, [])[torch.arange(3), texts.end]
    assert torch.allclose(swapped, plain.flip(0), atol=1e-3)


def test_vectors_keep_a_length_and_random_ones_differ():
    vector = torch.tensor([3.0, 4, 0])
    one, other = (moving.random_like(vector, seed) for seed in (0, 1))
    assert torch.allclose(torch.stack([one.norm(), other.norm()]), torch.tensor(5.0))
    assert not torch.allclose(one, other)
    assert torch.allclose(moving.as_long(torch.ones(3), vector), torch.full((3,), 5 / 3**0.5))


def test_the_log_ratio_is_that_of_summed_probabilities():
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    p = logits.softmax(1)[0]
    found = moving.log_ratio(logits, torch.tensor([0, 3]), torch.tensor([1]))
    assert torch.allclose(found, ((p[0] + p[3]) / p[1]).log()[None])


def test_the_mean_difference_points_from_no_to_yes():
    x = torch.tensor([[1.0, 0], [3, 0], [0, 5], [0, 7]])
    label = torch.tensor([True, True, False, False])
    assert moving.mean_difference(x, label).tolist() == [2, -6]


def test_an_untrained_copy_has_the_shape_and_other_weights(model):
    copy = reading.untrained(model, seed=0)
    assert copy.cfg.d_model == model.cfg.d_model
    assert copy.cfg.n_layers == model.cfg.n_layers
    texts = reading.batch(copy, ["Mary and John"])
    assert not torch.allclose(
        reading.at_end(copy, texts, [1]), reading.at_end(model, texts, [1]), atol=1e-2
    )
