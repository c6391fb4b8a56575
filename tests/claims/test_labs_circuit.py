"""Claims of the lab on another circuit, on pocket, whose strongest head is a name mover."""

from __future__ import annotations

import re

import pytest

from mi_course import ioi_data
from mi_course.claims import CANNOT_TELL, NO, YES, labs_circuit
from mi_course.claims.finding import registered
from mi_course.models import registry
from support.outside import ROOT

OURS = [one for one in registered.values() if one.made_in.startswith("claims.labs_circuit:")]


def found(pocket, function, n=16):
    return function(pocket, n, 0)


def test_a_name_mover_does_not_look_at_s2(pocket):
    assert found(pocket, labs_circuit.it_looks_at_s2_more_than_at_io).verdict == NO


def test_a_name_mover_does_not_write_against_s(pocket):
    assert found(pocket, labs_circuit.it_writes_against_s).verdict != YES


def test_a_name_mover_hears_by_its_query(pocket):
    assert found(pocket, labs_circuit.its_query_brings_little).verdict == NO


def test_a_name_mover_reads_nothing_at_s2(pocket):
    key = found(pocket, labs_circuit.its_key_is_the_same_when_names_are_swapped)
    value = found(pocket, labs_circuit.its_value_brings_the_name)
    assert abs(key.effect) < 0.1
    assert value.verdict == NO


def test_the_gap_between_orders_has_the_error_of_two_groups(pocket):
    """The interval is bootstrapped; that of two independent groups by formula is about as wide."""
    n = 16
    clean = labs_circuit._data(pocket, n, 0, False).clean
    path, abba = labs_circuit._path(pocket, n, 0, False), clean.io_pos < clean.s1_pos
    gap = path[abba].mean() - path[~abba].mean()
    error = (path[abba].var() / abba.sum() + path[~abba].var() / (~abba).sum()).sqrt()
    judged = labs_circuit.it_does_the_same_in_both_orders(pocket, n, 0)
    assert judged.effect == pytest.approx(gap.item(), abs=1e-4)
    assert (judged.high - judged.low) / 2 == pytest.approx(1.96 * error.item(), rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("one", OURS, ids=lambda one: one.name)
def test_each_claim_concludes_something_or_says_that_it_cannot(pocket, one):
    if one.name.startswith("labs/it_works_on_"):
        pytest.skip("pocket cannot do these tasks: the ratio has no denominator")
    assert one.run(pocket, 12, 1000, held_out=True).verdict in (YES, NO, CANNOT_TELL)


def test_these_claims_are_made_for_smollm2_alone():
    assert OURS
    fits = {m.name for m in registry.MODELS for one in OURS if one.fits(m)}
    assert fits == {"smollm2"}
    assert all(one.doc == "labs/another_circuit" for one in OURS)


def test_the_head_is_chosen_on_other_prompts_than_those_that_judge_it(pocket, monkeypatch):
    seeds = []
    real = ioi_data.dataset

    def watched(tokenizer, count, seed, *args):
        seeds.append(seed)
        return real(tokenizer, count, seed, *args)

    monkeypatch.setattr(ioi_data, "dataset", watched)
    labs_circuit._head.cache_clear()
    labs_circuit._data.cache_clear()
    labs_circuit._head(pocket, 2000)
    labs_circuit._data(pocket, 8, 2000, False)
    chosen, judged = seeds
    assert chosen != judged


@pytest.mark.parametrize("one", OURS, ids=lambda one: one.name)
def test_the_lab_tells_every_claim_of_its_own_once(one):
    page = (ROOT / "book" / f"{one.doc}.md").read_text("utf8")
    assert len(re.findall(rf"\{{claim\}}`{one.name}`", page)) == 1
