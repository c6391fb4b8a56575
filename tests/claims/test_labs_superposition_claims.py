"""Claims of the lab on superposition: what they compare, on few texts."""

from __future__ import annotations

import pytest
import torch

from mi_course import models
from mi_course.claims import labs_superposition as claims
from mi_course.superposition import effects, shipped, toy, variables


@pytest.fixture(scope="module")
def model():
    return models.load("pocket", quiet=True)


def test_toys_are_counted_by_their_squared_lengths(model):
    found = claims.dense_features_do_not_share(model, 6, 0)
    w = toy.train([0.05] * 6 + [1.0] * 6, 5, 2, 0).w[6:]
    assert found.effect == pytest.approx(float(w.square().sum((1, 2)).mean() / 2), rel=1e-3)


def test_the_recovered_share_is_that_of_the_page(model):
    found = claims.dictionary_loses_some_of_the_answer(model, 12, 0)
    texts, dictionary = variables.texts(model.tokenizer, 12, 2), shipped.load(0)
    runs = [
        effects.run(model, texts, change).difference
        for change in (None, effects.by_dictionary(dictionary), effects.by_mean(dictionary))
    ]
    clean, kept, nothing = runs
    assert found.effect == pytest.approx(100 * effects.recovered(kept, nothing, clean), rel=1e-3)
    loss = claims.dictionary_recovers_the_loss(model, 12, 0)
    lost = [
        effects.run(model, texts, change).loss.mean()
        for change in (None, effects.by_dictionary(dictionary), effects.by_mean(dictionary))
    ]
    assert loss.effect == pytest.approx(100 * float((lost[2] - lost[1]) / (lost[2] - lost[0])))


def test_a_probe_of_the_stream_reads_more_than_one_of_what_is_left(model):
    stream, left = (
        claim(model, 240, 0)
        for claim in (claims.a_probe_tells_who_is_named_twice, claims.what_is_left_tells_it_too)
    )
    assert stream.n == left.n == 120
    assert stream.effect > left.effect > 100 / claims.FEW_NAMES


def test_the_control_is_not_where_the_trained_dictionary_began(model):
    trained = shipped.load(0)
    at_end = claims._at_end(model, 20, 0, False)
    assert at_end.x.shape == (20, len(trained.centre))
    control = claims.autoencoder.untrained_like(trained, 2)
    began = claims.autoencoder.untrained_like(trained, 0)
    assert not torch.allclose(control.decoder, began.decoder)


def test_ablation_is_told_as_a_share_of_the_patch(model):
    found = claims.a_names_latent_is_not_the_name(model, 40, 0)
    assert found.unit == "%"
    assert 0 < found.effect < 100
