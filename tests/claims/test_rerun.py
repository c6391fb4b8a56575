"""Runs of claims: which draws, and what is refused."""

from __future__ import annotations

import pytest
import torch

from mi_course.claims import CANNOT_TELL, NO, YES, Claim, ClaimError, evidence, rerun

SENTENCES = {YES: "It does.", NO: "It does not.", CANNOT_TELL: "We cannot tell."}


def made(function, **what):
    return Claim("week1/x", "week1/x", 10, "prompts", SENTENCES, function=function, **what)


def values(model, n, seed, held_out=False):
    """Noise around 1, drawn anew for each seed."""
    return torch.randn(n, generator=torch.Generator().manual_seed(seed)) + 1


def test_every_fresh_draw_is_run_three_ways_and_the_page_s_once():
    runs = rerun.runs("pocket")
    assert len(runs) == len(set(runs)) == 61
    assert rerun.Run("page", 0) in runs
    assert {where: sum(r.where == where for r in runs) for where, _ in runs} == {
        "page": 21,
        "larger": 20,
        "held_out": 20,
    }


def test_a_slow_model_has_fewer_draws_and_none_with_three_times_the_prompts():
    runs = rerun.runs("smollm2")
    assert max(run.draw for run in runs) == rerun.FEWER["smollm2"] < rerun.DRAWS
    assert {run.where for run in runs} == {"page", "held_out"}


def test_draws_have_seeds_of_their_own_and_three_times_the_prompts():
    seen = []

    def function(model, n, seed, held_out=False):
        seen.append((n, seed, held_out))
        return evidence.more_than(values(model, n, seed), unit="nats")

    for run in rerun.runs("pocket", 2):
        rerun.once(None, made(function), run)
    assert set(seen) == {
        *((30, seed, False) for seed in (1000, 2000)),
        *((10, seed, True) for seed in (1000, 2000)),
        *((10, seed, False) for seed in (0, 1000, 2000)),
    }


def test_a_draw_that_refuses_counts_as_such_and_the_page_s_own_may_not():
    def function(model, n, seed, held_out=False):
        evidence.check_spread(torch.ones(3, n), [1, 2, 3])

    fresh = rerun.once(None, made(function), rerun.Run("page", 3))
    assert fresh.finding is None
    assert "no variance" in fresh.refusal
    assert rerun.refused([fresh]) == {}
    assert "no variance" in rerun.refused([rerun.once(None, made(function), rerun.PAGE)])["week1/x"]


def test_code_that_fails_on_any_draw_is_no_refusal():
    def function(model, n, seed, held_out=False):
        raise IndexError("no such head")

    ran = rerun.once(None, made(function), rerun.Run("held_out", 2))
    assert ran.finding is None
    assert (
        "IndexError on Run(where='held_out', draw=2): no such head"
        in rerun.refused([ran])[ran.name]
    )


def test_the_page_s_own_draw_is_run_first():
    """A claim that cannot be made there is known at once, not after all others."""
    assert rerun.runs("pocket")[0] == rerun.runs("smollm2")[0] == rerun.PAGE


def test_a_threshold_that_moves_is_refused():
    def moving(model, n, seed, held_out=False):
        return evidence.more_than(values(model, n, seed), seed / 10_000, unit="nats")

    ran = [rerun.once(None, made(moving), rerun.Run("page", d)) for d in range(3)]
    assert "before anything is measured" in rerun.refused(ran)["week1/x"]
    found = [one.finding for one in ran]
    with pytest.raises(ClaimError, match="before anything is measured"):
        rerun.check_rule(found, "week1/x")
    rerun.check_rule(found[:1] * 2, "week1/x")
