"""Claims of the lab on mystery circuits, on few pairs."""

import torch

from mi_course.claims import labs_mystery
from mi_course.mystery_nets import catalogue


def test_pairs_that_share_the_list_bear_both_out_and_pairs_drawn_apart_one():
    assert labs_mystery.pairs_that_share_the_list_cannot_tell(None, 60, 0).effect > 95
    apart = labs_mystery._apart(None, 60, 0, False)
    assert apart.pointed.float().mean() > 0.95
    assert apart.asked.float().mean() < 0.5


def test_only_pairs_whose_answer_changes_count():
    bases = catalogue.drawn("amber", 60, 1)
    found = labs_mystery._agreement(bases, bases)
    assert found.pointed.numel() == found.asked.numel() == 0


def test_the_page_s_draw_is_that_of_the_page():
    rows = catalogue.inputs("amber", 500, seed=1)
    assert torch.equal(catalogue.ids("amber", rows), catalogue.drawn("amber", 500, 1))
