"""Swaps of places, each held against one done by hand with the model's own hooks."""

import pytest
import torch

from mi_course.mystery_nets import catalogue, interchange, places
from mi_course.mystery_nets.interchange import Swap

N = 24


@pytest.fixture(scope="module")
def model():
    return catalogue.load("basil")


@pytest.fixture(scope="module")
def pairs():
    return catalogue.drawn("basil", N, seed=1), catalogue.drawn("basil", N, seed=2)


def at(place, position, basis=None):
    where = torch.full((N,), position)
    return Swap(place, where, where, basis)


def by_hand(model, pairs, name, change):
    """Answers on the bases with `change(base, source)` made at one hook point."""
    bases, sources = pairs
    kept = {}
    model.run_with_hooks(sources, fwd_hooks=[(name, lambda x, hook: kept.update(source=x))])

    def hook(x, hook):
        x = x.clone()
        change(x, kept["source"])
        return x

    with torch.no_grad():
        return model.run_with_hooks(bases, fwd_hooks=[(name, hook)])[:, -1].argmax(-1)


@pytest.mark.parametrize("kind", ["resid", "mlp", "attn"])
def test_a_swap_equals_one_by_hand(model, pairs, kind):
    place = places.Place(kind, 0, 2)

    def change(x, source):
        x[:, 2] = source[:, 2]

    expected = by_hand(model, pairs, place.hook, change)
    assert torch.equal(interchange.swapped(model, *pairs, [at(place, 2)]), expected)


@pytest.mark.parametrize("head", range(4))
def test_a_heads_swap_changes_that_head_at_that_position(model, pairs, head):
    place = places.head(0, head, at=2)

    def change(x, source):
        x[:, 2, head] = source[:, 2, head]

    expected = by_hand(model, pairs, place.hook, change)
    assert torch.equal(interchange.swapped(model, *pairs, [at(place, 2)]), expected)


def test_base_and_source_may_have_positions_of_their_own(model, pairs):
    def change(x, source):
        x[:, 2] = source[:, 1]

    expected = by_hand(model, pairs, "blocks.0.hook_resid_post", change)
    swap = Swap(places.resid(0, 0), torch.full((N,), 2), torch.full((N,), 1))
    assert torch.equal(interchange.swapped(model, *pairs, [swap]), expected)


def test_all_positions_at_once_give_the_sources_answer(model, pairs):
    swaps = [at(places.resid(0, i), i) for i in range(3)]
    expected = interchange.answers(model, pairs[1])
    assert torch.equal(interchange.swapped(model, *pairs, swaps), expected)


def test_no_place_gives_the_bases_answer(model, pairs):
    assert torch.equal(interchange.swapped(model, *pairs, []), interchange.answers(model, pairs[0]))


def test_two_halves_of_a_place_give_the_whole(model, pairs):
    place = places.mlp(0, at=2)
    halves = torch.eye(76)[:, :38], torch.eye(76)[:, 38:]
    swaps = [at(place, 2, half) for half in halves]
    whole = interchange.swapped(model, *pairs, [at(place, 2)])
    assert torch.equal(interchange.swapped(model, *pairs, swaps), whole)
    assert not torch.equal(interchange.swapped(model, *pairs, swaps[:1]), whole)


def test_no_hook_is_left_in_the_model(model, pairs):
    before = interchange.answers(model, pairs[0])
    interchange.swapped(model, *pairs, [at(places.head(0, 2, 2), 2)])
    assert torch.equal(interchange.answers(model, pairs[0]), before)
    assert not any(point.fwd_hooks for point in model.hook_dict.values())


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (places.resid(2, 0), "has layers 0..1"),
        (places.head(0, 4, 0), "has heads 0..3"),
        (places.resid(0, 3), "has positions 0..2"),
        (places.resid(0, 0, torch.eye(5)), "columns of 76 numbers"),
        (places.resid(0, 0, torch.eye(76)), "76 dimensions is the whole of the 76"),
        (places.head(0, 0, 0, places.learned(19)), "19 dimensions is the whole of the 19"),
    ],
)
def test_places_that_there_are_not_are_refused(model, place, words):
    width = interchange.width(model, place)
    with pytest.raises(places.PlaceError, match=words):
        places.check(place, n_layers=2, n_heads=4, width=width, n_pos=3)
