"""The stored table of pocket's claims: fresh, and what its first draws say is what is computed."""

from __future__ import annotations

import pytest

from mi_course.book.claims import table
from mi_course.claims import catalogue, rerun
from mi_course.cli.main import main
from mi_course.models import registry
from support.outside import ROOT

POCKET = registry.POCKET
CLAIMS = [one for one in catalogue.declared().values() if one.fits(POCKET)]


@pytest.mark.parametrize("model", registry.MODELS, ids=lambda model: model.name)
def test_no_table_is_stale_edited_or_of_claims_that_are_gone(model):
    assert table.problems(ROOT, model) == []


@pytest.fixture(scope="module")
def ready():
    return {one.name: one for one in rerun.load(CLAIMS)}


def dear(claim):
    """The claims of weeks 3 and 4 and of the labs take a second or more for a draw."""
    return [pytest.mark.slow] if claim.name.startswith(("week3/", "week4/", "labs/")) else []


@pytest.mark.parametrize("claim", [pytest.param(c, marks=dear(c), id=c.name) for c in CLAIMS])
def test_the_first_draw_of_a_claim_agrees_with_the_stored_one(claim, ready, pocket):
    stored = table.load(ROOT, POCKET.name)[claim.name]
    now = rerun.once(pocket, ready[claim.name], rerun.Run("page", 0)).finding
    assert table.disagreement(claim.name, stored, now) is None


@pytest.mark.parametrize(("model", "draws"), [("pocket", 20), ("smollm2", 6)])
def test_every_claim_was_run_on_as_many_fresh_draws_of_each_kind(model, draws):
    stored = table.load(ROOT, model)
    assert stored
    for name, one in stored.items():
        columns = [one.fresh, *([one.held_out] if one.held_out is not None else [])]
        assert {len(column) for column in columns} == {draws}, name
        assert len(one.larger) == (0 if model in rerun.FEWER else draws), name


@pytest.mark.slow
def test_every_draw_of_every_claim_agrees_with_the_stored_one(capsys):
    code = main(["claims", "--check", "--jobs", "2", "--root", str(ROOT)])
    assert code == 0, capsys.readouterr().out
