"""Lenses read what the library reads, and a swap does what the library's hooks do."""

from __future__ import annotations

import pytest
import torch
from transformer_lens.tools.analysis import JacobianLens, logit_readout

from mi_course import models
from mi_course.lenses import reading, shipped, swapping
from mi_course.lenses.prompts import Prompts
from mi_course.yours import lenses as yours

TEXT = "When Mary and John went to the store, John gave a bottle of milk to"


@pytest.fixture(scope="module")
def bare():
    return models.load_bare(models.load("pocket", quiet=True))


@pytest.fixture(scope="module")
def asked(bare):
    """Three prompts of two lengths, the short one in the middle."""
    tokens = bare.to_tokens(TEXT)[0]
    rows = tokens, tokens[:9], tokens.flip(0)
    return Prompts((TEXT,) * 3, rows, torch.tensor([5, 6, 7]), torch.tensor([1, 3, 2]), ("n",) * 3)


@pytest.fixture(scope="module")
def lens(bare):
    return shipped.fit(bare, [TEXT], [0], "one text")


def test_prompts_of_unequal_length_do_not_affect_each_other(bare, asked):
    ends = reading.streams(bare, asked, [0, 1])
    for i, row in enumerate(asked.tokens):
        with torch.no_grad():
            logits, cache = bare.run_with_cache(row[None], names_filter=["blocks.0.hook_out"])
        torch.testing.assert_close(ends.logits[i], logits[0, -1], atol=1e-4, rtol=1e-4)
        stream = cache["blocks.0.hook_out"][0, -1]
        torch.testing.assert_close(ends.after(0)[i], stream, atol=1e-4, rtol=1e-4)
    assert ends.own.tolist() == ends.logits.argmax(-1).tolist()


def test_two_places_in_one_run_are_those_of_two_runs(bare, asked):
    places = [asked.subjects, asked.ends]
    together = reading.streams_at(bare, asked, [0, 1], places)
    for found, at in zip(together, places, strict=True):
        alone = reading.streams(bare, asked, [0, 1], at)
        torch.testing.assert_close(found.streams, alone.streams)
        torch.testing.assert_close(found.logits, alone.logits)
    assert not torch.allclose(together[0].streams, together[1].streams)


def test_the_last_layer_read_by_the_logit_lens_is_the_model(bare, asked):
    ends = reading.streams(bare, asked, [1])
    found = reading.lens_logits(bare, ends.after(1))
    torch.testing.assert_close(found, ends.logits, atol=1e-3, rtol=1e-3)


def test_our_mean_derivative_is_the_library_s(bare, lens):
    tokens = bare.to_tokens(TEXT)[0]
    with torch.no_grad():
        _, cache = bare.run_with_cache(tokens[None], names_filter=["blocks.0.hook_out"])
    rest = reading.rest_of(bare, tokens, 0)
    found = yours.average_jacobian(rest, cache["blocks.0.hook_out"][0], shipped.SKIPPED)
    torch.testing.assert_close(found, lens.jacobians[0], atol=1e-4, rtol=1e-3)


def test_our_carried_reading_is_the_library_s_for_an_rms_norm(bare, asked, lens):
    x = reading.streams(bare, asked, [0]).after(0)
    theirs = lens.transport(x, 0)
    gain = torch.rand(x.shape[1])
    ours = yours.transported_logits(x, lens.jacobians[0], gain, bare.W_U.detach(), 1e-5)
    normed = torch.nn.functional.rms_norm(theirs, (x.shape[1],), gain, 1e-5)
    torch.testing.assert_close(ours, normed @ bare.W_U.detach(), atol=1e-4, rtol=1e-4)


def test_ranks_are_those_of_the_library(bare, asked):
    x = reading.streams(bare, asked, [0]).after(0)
    theirs = logit_readout(bare, x, targets=asked.answers).target_ranks[:, 0]
    found = reading.answer_ranks(reading.lens_logits(bare, x), asked.answers)
    assert found.tolist() == theirs.tolist()


def test_a_swap_is_the_library_s(bare, asked, lens):
    pair = torch.tensor([20, 30])
    one, two = swapping.token_directions(bare, pair, lens.jacobians[0])
    theirs = lens.lens_vectors(bare, [20, 30], 0)
    torch.testing.assert_close(torch.stack([one, two]), theirs, atol=1e-4, rtol=1e-4)
    found = swapping.swapped(bare, asked, 0, one.expand(3, -1), two.expand(3, -1))
    hooks = lens.swap_hooks(bare, 20, 30, [0], positions=[-1])
    for i, row in enumerate(asked.tokens):
        with torch.no_grad():
            expected = bare.run_with_hooks(row[None], fwd_hooks=hooks)[0, -1]
        torch.testing.assert_close(found[i], expected, atol=1e-3, rtol=1e-3)


def test_a_swap_made_twice_changes_nothing():
    x, one, two = torch.randn(3, 4, 6, generator=torch.Generator().manual_seed(0))
    twice = swapping.swap_coordinates(swapping.swap_coordinates(x, one, two), one, two)
    torch.testing.assert_close(twice, x, atol=1e-4, rtol=1e-4)


def test_random_inputs_write_the_same_and_read_something_else():
    jacobian = torch.randn(5, 5, generator=torch.Generator().manual_seed(1))
    one, other = (reading.random_inputs(jacobian, seed) for seed in (0, 1))
    torch.testing.assert_close(one @ one.T, jacobian @ jacobian.T)
    assert not torch.allclose(one, other)
    assert not torch.allclose(one, jacobian)


def test_the_largest_dimension_is_taken_by_its_mean_size():
    x = torch.tensor([[1.0, -9.0, 2.0], [1.0, -8.0, 30.0]])
    assert reading.without_largest(x, 1).tolist() == [[1.0, -9.0, 0.0], [1.0, -8.0, 0.0]]
    assert x[0, 2] == 2.0, "the argument is left alone"


def test_the_library_refuses_compatibility_mode(lens):
    with pytest.raises(ValueError, match="compatibility mode"):
        lens.readout(models.load("pocket", quiet=True), TEXT)


def test_the_library_skips_short_texts_and_says_so(bare):
    with (
        pytest.warns(UserWarning, match="skipping prompt with only"),
        pytest.raises(ValueError, match="too short"),
    ):
        JacobianLens.fit(bare, ["Mary"], corpus="x", source_layers=[0], show_progress=False)


def test_a_patch_at_the_subject_is_a_run_with_that_vector(bare, asked):
    new = torch.randn(3, bare.cfg.d_model, generator=torch.Generator().manual_seed(2))
    found = swapping.patched(bare, asked, 0, new, asked.subjects)
    for i, row in enumerate(asked.tokens):

        def put(x, hook, i=i):
            x[0, asked.subjects[i]] = new[i]
            return x

        with torch.no_grad():
            hooks = [("blocks.0.hook_out", put)]
            expected = bare.run_with_hooks(row[None], fwd_hooks=hooks)[0, -1]
        torch.testing.assert_close(found[i], expected, atol=1e-3, rtol=1e-3)
    there = reading.streams(bare, asked, [0], asked.subjects).after(0)
    own = swapping.patched(bare, asked, 0, there, asked.subjects)
    clean = reading.streams(bare, asked, [0]).logits
    torch.testing.assert_close(own, clean, atol=1e-3, rtol=1e-3)


def test_a_patch_of_two_places_is_one_of_each(bare, asked):
    new = torch.randn(2, 3, bare.cfg.d_model, generator=torch.Generator().manual_seed(3))
    one = swapping.patched_at(bare, asked, 0, [new[0]], [asked.subjects])
    expected = swapping.patched(bare, asked, 0, new[0], asked.subjects)
    torch.testing.assert_close(one, expected)
    both = swapping.patched_at(bare, asked, 0, list(new), [asked.subjects, asked.ends])
    for i, row in enumerate(asked.tokens):

        def put(x, hook, i=i):
            x[0, asked.subjects[i]], x[0, -1] = new[0, i], new[1, i]
            return x

        with torch.no_grad():
            hooks = [("blocks.0.hook_out", put)]
            alone = bare.run_with_hooks(row[None], fwd_hooks=hooks)[0, -1]
        torch.testing.assert_close(both[i], alone, atol=1e-3, rtol=1e-3)
