"""Autoencoders and their scores, on data of which every variable is known."""

from __future__ import annotations

import pytest
import torch

from mi_course.superposition import autoencoder, scores


@pytest.fixture(scope="module")
def known():
    """Rows that are sums of two of eight directions, at right angles."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.linalg.qr(torch.randn(10, 8, generator=generator)).Q.T
    there = torch.zeros(3000, 8)
    picks = torch.rand(3000, 8, generator=generator).topk(2, dim=1).indices
    there.scatter_(1, picks, 1 + torch.rand(3000, 2, generator=generator))
    return directions, there, there @ directions + 5


@pytest.fixture(scope="module")
def trained(known):
    _, _, x = known
    return autoencoder.train(x, 12, 2, seed=0, steps=400, batch=256, lr=1e-2)


def test_no_more_than_k_stay_and_none_below_zero():
    pre = torch.tensor([[3.0, -1.0, 2.0, 1.0], [-1.0, -2.0, 0.5, -4.0]])
    expected = torch.tensor([[3.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.5, 0.0]])
    assert torch.equal(autoencoder.top_k(pre, 2), expected)
    assert torch.equal(autoencoder.top_k(pre[None], 2), expected[None])


def test_an_autoencoder_finds_the_directions_that_made_the_data(known, trained):
    directions, there, x = known
    z = trained.latents(x)
    assert (z > 0).sum(1).max() <= 2
    assert autoencoder.explained(x, trained.rebuilt(z)) > 0.9
    assert scores.best_cosines(directions, trained.decoder).min() > 0.9
    first = torch.arange(len(x)) < 1500
    found = scores.found(z > 0, there > 0, first)
    control = autoencoder.untrained_like(trained, seed=1)
    untrained = scores.found(control.latents(x) > 0, there > 0, first)
    assert untrained.score.mean() < 0.75 < 0.9 < found.score.mean()


def test_what_is_rebuilt_is_the_sum_of_what_latents_add(known, trained):
    _, _, x = known
    z = trained.latents(x[:5])
    parts = z[:, :, None] * trained.decoder * trained.scale
    assert torch.allclose(trained.rebuilt(z), parts.sum(1) + trained.centre, atol=1e-5)
    assert torch.allclose(trained.decoder.norm(dim=1), torch.ones(12), atol=1e-5)


def test_training_begins_where_untrained_says_and_is_decided_by_the_seed(known):
    _, _, x = known
    start = autoencoder.train(x, 12, 2, seed=3, steps=0)
    control = autoencoder.untrained_like(start, seed=3)
    assert torch.equal(start.decoder, control.decoder)
    one, same = (autoencoder.train(x, 12, 2, seed=3, steps=4) for _ in range(2))
    assert torch.equal(one.decoder, same.decoder)
    assert not torch.equal(one.decoder, start.decoder)


def test_the_auxiliary_loss_wakes_latents_that_have_long_been_silent(known):
    """Not before: until then both runs are the same."""
    _, _, x = known
    for steps, same in ((autoencoder.SILENT, True), (autoencoder.SILENT + 10, False)):
        one, other = (
            autoencoder.train(x, 96, 2, 0, steps, batch=64, lr=1e-9, auxiliary=auxiliary)
            for auxiliary in (True, False)
        )
        assert torch.equal(one.encoder, other.encoder) == same


def test_f1_counts_what_pairs_of_columns_share():
    generator = torch.Generator().manual_seed(2)
    active = torch.rand(50, 4, generator=generator) < 0.3
    active[:, 3] = False
    labels = torch.rand(50, 3, generator=generator) < 0.2
    table = scores.f1_table(active, labels)
    for i in range(4):
        for j in range(3):
            hit = (active[:, i] & labels[:, j]).sum().item()
            off = (active[:, i] ^ labels[:, j]).sum().item()
            assert table[i, j] == pytest.approx(2 * hit / (2 * hit + off))


def test_a_latent_is_chosen_on_the_first_rows_and_judged_on_the_others():
    labels = torch.tensor([[1], [0], [1], [0]]).bool()
    first = torch.tensor([1, 1, 0, 0]).bool()
    active = torch.tensor([[1, 0], [0, 1], [0, 1], [1, 0]]).bool()
    found = scores.found(active, labels, first)
    assert found.latent.tolist() == [0]
    assert found.score.tolist() == [0.0]


def test_words_that_are_rare_in_one_half_are_left_out():
    tokens = torch.tensor([4, 4, 7, 7, 2, 4, 4, 7, 2, 2])
    first = torch.arange(10) < 5
    assert scores.frequent(tokens, first, 2).tolist() == [4]


def test_cosines_ignore_lengths_and_keep_signs():
    one = torch.tensor([[2.0, 0.0], [0.0, -3.0]])
    other = torch.tensor([[5.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert torch.allclose(scores.best_cosines(one, other), torch.tensor([1.0, 0.0]))
