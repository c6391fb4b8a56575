"""Claims of the lab on probes and steering: how rows become pairs, and what is compared."""

from __future__ import annotations

import pytest
import torch

from mi_course import models
from mi_course.claims import labs_steering as claims
from mi_course.models import smollm2
from mi_course.steering import properties
from support.outside import not_run

ROWS = properties.rows(properties.NUMBER, 10, seed=0)


def test_rows_are_averaged_within_each_new_pair():
    values = ROWS.pair.float() + 10 * ROWS.label
    found = claims._by_unit(values, ROWS, ROWS.new)
    assert found.tolist() == [pair + 5.0 for pair in range(5, 10)]


def test_capitals_are_averaged_over_two_countries_that_share_their_cities():
    rows = properties.rows(properties.TRUTH, 12, seed=0)
    found = claims._by_unit(rows.pair.float(), rows, rows.new)
    assert found.tolist() == [6.5, 8.5, 10.5]


def test_moves_are_averaged_within_a_pair_for_each_draw():
    pair, values = torch.tensor([4, 4, 7]), torch.tensor([[1.0, 3, 5], [0, 0, 9]])
    assert claims._means(values, pair).tolist() == [[2, 5], [0, 9]]


def test_a_shift_of_a_template_is_taken_off():
    x = torch.randn(len(ROWS.texts), 6, generator=torch.Generator().manual_seed(0))
    x[:, 0] += 6 * (2 * ROWS.label - 1) + torch.tensor([0.0, 0, 0, 40, -40, 40])[ROWS.template]
    assert claims._right(x, ROWS)[ROWS.new].mean() == 0.5
    assert claims._right_within(x, ROWS)[ROWS.new].mean() > 0.8


@pytest.mark.slow
def test_swaps_at_the_noun_and_at_the_end_are_held_against_the_partner_text():
    if smollm2.installed() is None:
        not_run("SmolLM2-135M-Instruct is not installed")
    model = models.load("smollm2", quiet=True)
    found = claims._swaps(model, 10, 0, False)
    assert found.whole.shape == found.at_end.shape == found.at_noun.shape == (5,)
    assert found.whole.mean() > found.at_noun.mean() > found.at_end.mean()


@pytest.mark.slow
def test_what_is_said_of_truth_is_told_for_each_two_countries():
    if smollm2.installed() is None:
        not_run("SmolLM2-135M-Instruct is not installed")
    model = models.load("smollm2", quiet=True)
    found = claims._said(model, 8, 0, False)
    assert found.partner.shape == found.means.shape == (2,)
    assert found.random.shape == (claims.RANDOM, 2)
    assert found.random.std() > 0
