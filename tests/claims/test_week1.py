"""The claims of week 1: each is broken by what would make it false."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mi_course import hooks, models, transformer
from mi_course.claims import NO, YES, week1
from mi_course.digits import mlp


@pytest.fixture(autouse=True)
def _forget():
    week1._first_losses.cache_clear()
    yield
    week1._first_losses.cache_clear()


@pytest.fixture(scope="module")
def pocket():
    return models.load("pocket", quiet=True)


def test_only_unscaled_pixels_show_in_the_first_loss(pocket):
    assert week1.shifted_labels_hide_in_the_first_loss(pocket, 8, 0).verdict == YES
    assert week1.softmax_hides_in_the_first_loss(pocket, 8, 0).verdict == YES
    assert week1.unscaled_pixels_show_in_the_first_loss(pocket, 8, 0).verdict == YES


def test_a_network_that_knows_something_shows_all_of_them(pocket, monkeypatch):
    """Brightness alone, which no image lacks, pulls the answers of this network apart."""

    def certain(seed):
        network = torch.nn.Linear(784, 10)
        with torch.no_grad():
            network.weight.normal_(generator=torch.Generator().manual_seed(seed))
        return network

    monkeypatch.setattr(mlp, "build", certain)
    assert week1.softmax_hides_in_the_first_loss(pocket, 8, 0).verdict == NO


def test_scaled_pixels_do_not_show(pocket, monkeypatch):
    own = mlp.pixels
    monkeypatch.setattr(mlp, "pixels", lambda images: own(images) / 255)
    assert week1.unscaled_pixels_show_in_the_first_loss(pocket, 8, 0).verdict == NO


def test_order_survives_in_two_layers_and_not_in_one(pocket):
    """The second layer's attention and MLP are what can carry it: without them it is exact."""
    assert week1.order_survives_without_positions(pocket, 12, 0).verdict == YES
    run = hooks.run_with_hooks

    def one_layer(model, tokens, changes):
        silent = [
            (f"blocks.1.hook_{part}_out", lambda x, hook: torch.zeros_like(x))
            for part in ("attn", "mlp")
        ]
        return run(model, tokens, [*changes, *silent])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hooks, "run_with_hooks", one_layer)
        found = week1.order_survives_without_positions(pocket, 12, 0)
    assert found.verdict != YES
    assert found.effect < 1e-6


def test_a_worse_activation_does_not_keep_the_word(pocket, monkeypatch):
    assert week1.exact_gelu_keeps_the_word(pocket, 40, 0).verdict == YES
    monkeypatch.setattr(F, "gelu", torch.sin)
    assert transformer.gelu is not F.gelu
    assert week1.exact_gelu_keeps_the_word(pocket, 40, 0).verdict == NO
