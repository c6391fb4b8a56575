"""Claims of the lab on lenses: what they compare, on `pocket` in the place of `smollm2`."""

from __future__ import annotations

import pytest
import torch

from mi_course import models
from mi_course.claims import labs_lenses as claims
from mi_course.lenses import prompts, reading, shipped, swapping

TEXTS = [
    "When Mary and John went to the store, John gave a bottle of milk to",
    "When Tom and James went to the park, James gave the ball to",
    "When Mary and Tom went to the park, Mary gave the ball to",
]


@pytest.fixture(scope="module")
def model():
    return models.load("pocket", quiet=True)


@pytest.fixture(scope="module")
def bare(model):
    return models.load_bare(model)


@pytest.fixture
def few(model, bare, monkeypatch):
    """Six prompts, and a lens of `pocket`'s first layer for all layers."""
    lens = shipped.fit(bare, TEXTS[:1], [0], "one text")
    rows = [bare.to_tokens(text)[0] for text in TEXTS * 2]
    asked = prompts.Prompts(
        tuple(TEXTS * 2),
        tuple(row.roll(i // 3) for i, row in enumerate(rows)),
        torch.arange(10, 16),
        torch.full((6,), 2),
        ("names",) * 6,
    )
    for name in ("EARLY", "MIDDLE", "LATE"):
        monkeypatch.setattr(claims, name, 0)
    monkeypatch.setattr(shipped, "LAYERS", (0,))
    monkeypatch.setattr(shipped, "load", lambda: lens)
    monkeypatch.setattr(prompts, "draw", lambda *args, **kwargs: asked)
    monkeypatch.setattr(claims, "FIRST", 500)
    for one in (claims._bare, claims._drawn, claims._pairs, claims._after_swap):
        one.cache_clear()
    claims._after_patch.cache_clear()
    return asked, lens


def test_hits_are_ranks_below_a_bound(model, bare, few):
    asked, lens = few
    drawn = claims._drawn(model, 6, 0, False)
    ends = reading.streams(bare, asked, [0])
    ranks = reading.answer_ranks(
        reading.lens_logits(bare, ends.after(0), lens.jacobians[0]), asked.answers
    )
    assert claims._hits(drawn, 0, lens.jacobians[0]).tolist() == (ranks < 500).tolist()


def test_each_prompt_counts_once_for_each_random_draw(model, few):
    assert claims.random_inputs_read_nothing(model, 6, 0).n == 6 * claims.RANDOM_DRAWS


def test_the_same_lens_is_not_behind_itself(model, few):
    own = claims._hits(claims._drawn(model, 6, 0, False), 0, few[1].jacobians[0])
    assert claims._points(own, own).tolist() == [0.0] * 6
    assert claims._points(~own, own).abs().tolist() == [100.0] * 6


def test_what_follows_is_the_other_prompt_s_answer(model, bare, few):
    asked, _ = few
    pairs = claims._pairs(model, 6, 0, False)
    assert pairs.instead.tolist() == asked.answers[asked.others()].tolist()
    new = reading.streams(bare, asked, [0]).after(0)[asked.others()]
    said = swapping.patched(bare, asked, 0, new).argmax(-1)
    found = claims._after_patch(model, 6, 0, False, 0, False)
    assert found.tolist() == (said == pairs.instead).tolist()
    once = claims.the_subject_has_it(model, 6, 0)
    assert once.n == 6
    assert claims.the_subject_has_it_wherever_it_is_named(model, 6, 0) == once, "named once here"
    assert claims.answer_follows_the_swap(model, 6, 0).n == 6
