"""`mi-course claims`: what it runs, what it stores, and what it finds wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mi_course.book.claims import table
from mi_course.claims import catalogue, rerun
from mi_course.cli.main import main
from mi_course.models import registry
from support import sample_course
from support.stored_claims import NAME, found, record

OTHER = "week4/first_look_on_ioi"


@pytest.fixture
def root(tmp_path):
    return sample_course.write(tmp_path / "course")


@pytest.fixture
def effects(monkeypatch):
    """What each run finds, instead of measuring; and the claims that were run."""
    of = {"page": 0.4, "larger": 0.4, "held_out": 0.4, "ran": [], "refused": ()}

    def everything(claims, model, draws, jobs, on_ran):
        of["ran"] = [claim.name for claim in claims]
        ran = [
            rerun.Ran(claim.name, run, None, "not finite", 1.5)
            if claim.name in of["refused"] and run == rerun.PAGE
            else rerun.Ran(claim.name, run, found(of[run.where]), "", 1.5)
            for claim in claims
            for run in rerun.runs(model, draws)
            if claim.templates or run.where != "held_out"
        ]
        for one in ran:
            on_ran(one)
        return ran

    monkeypatch.setattr(rerun, "everything", everything)
    return of


def run(root, *arguments):
    return main(["claims", *arguments, "--root", str(root)])


def test_a_claim_is_stored_beside_what_is_stored_already(root, effects, capsys):
    table.save(root, "pocket", {OTHER: record(root, name=OTHER)})
    effects["larger"] = 0.1
    assert run(root, NAME) == 0
    assert effects["ran"] == [NAME]
    stored = table.load(root, "pocket")
    assert set(stored) == {NAME, OTHER}
    one = stored[NAME]
    assert one.code == catalogue.digest(catalogue.named(NAME))
    assert [one.held(x) for x in (one.fresh, one.larger, one.held_out)] == [20, 0, 20]
    row = capsys.readouterr().out.splitlines()[-1].split()
    assert row[0] == NAME
    assert row[-10:] == ["20", "of", "20", "0", "of", "20", "20", "of", "20", "92"]  # 61 of 1.5 s


def test_one_that_is_refused_takes_no_other_with_it(root, effects, capsys):
    effects["refused"] = (OTHER,)
    assert run(root, NAME, OTHER) == 1
    assert set(table.load(root, "pocket")) == {NAME}
    assert f"NOT STORED: {OTHER}: not finite" in capsys.readouterr().err


def test_a_week_and_all_of_them(root, effects):
    assert run(root, "week4", "--draws", "1") == 0
    assert set(effects["ran"]) == {n for n in catalogue.declared() if n.startswith("week4/")}
    assert run(root, "--draws", "1") == 0
    of_pocket = {n for n, one in catalogue.declared().items() if one.fits(registry.POCKET)}
    assert set(effects["ran"]) == of_pocket
    assert {len(one.fresh) for one in table.load(root, "pocket").values()} == {1}


def test_only_what_is_stale_or_missing_is_run_with_changed(root, effects):
    everything = {name: record(root, name=name) for name in catalogue.declared()}
    table.save(root, "pocket", everything | {OTHER: record(root, name=OTHER, code="0" * 16)})
    assert run(root, "--changed") == 0
    assert effects["ran"] == [OTHER]
    assert table.problems(root, registry.POCKET) == []
    effects["ran"] = []
    assert run(root, "--changed") == 0
    assert effects["ran"] == []


def test_check_of_all_runs_those_that_were_measured(root, effects):
    measured = "week2/repetition_is_used"
    table.save(root, "smollm2", {measured: record(root, name=measured)})
    run(root, "--check", "--model", "smollm2")
    assert effects["ran"] == [measured]


def test_all_of_them_mend_a_damaged_table(root, effects):
    table.path(root, "pocket").parent.mkdir(parents=True, exist_ok=True)
    table.path(root, "pocket").write_text("{", encoding="utf8")
    assert run(root, "--draws", "1") == 0
    assert table.load(root, "pocket").keys() == set(effects["ran"])


def test_check_stores_nothing_and_says_which_draw_differs(root, effects, capsys):
    assert run(root, NAME) == 0
    before = table.path(root, "pocket").read_bytes()
    assert run(root, NAME, "--check") == 0
    assert "Every draw agrees" in capsys.readouterr().out
    one = table.load(root, "pocket")[NAME]
    fresh = (*one.fresh[:6], found(0.7), *one.fresh[7:-1])
    table.save(root, "pocket", {NAME: replace(one, fresh=fresh)})
    assert run(root, NAME, "--check") == 1
    said = capsys.readouterr().out
    assert f"{NAME}, fresh, draw 7: effect 0.7 is stored, and 0.4 was computed now" in said
    assert f"{NAME}: 19 draws are stored, 20 were run" in said
    assert run(root, OTHER, "--check") == 1
    assert f"{OTHER} is not stored" in capsys.readouterr().out
    table.save(root, "pocket", {NAME: one})
    assert run(root, NAME, "--dry-run") == 0
    assert table.path(root, "pocket").read_bytes() == before


def test_an_unknown_claim_is_one_sentence(root, effects, capsys):
    assert run(root, "week4/none") == 1
    assert capsys.readouterr().err.startswith("mi-course: no claim is named 'week4/none'; there")
