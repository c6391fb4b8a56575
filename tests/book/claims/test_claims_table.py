"""The stored table: what it keeps, when it is stale, what an edit does."""

from __future__ import annotations

import pytest

from mi_course.book.claims import table, words
from mi_course.book.proof import claims as planted
from mi_course.book.proof import report
from mi_course.claims import catalogue
from mi_course.claims.finding import CANNOT_TELL, YES, ClaimError
from mi_course.models import registry
from support.outside import ROOT
from support.stored_claims import NAME, POCKET, found, record


def render(root, one, part=""):
    table.save(root, "pocket", {NAME: one})
    return words.render(root, NAME, "pocket", part)


def test_what_is_stored_is_read_again_in_the_same_bytes(tmp_path):
    one = record(tmp_path, fresh=(found(0.4), None, found(0.1)))
    table.save(tmp_path, "pocket", {NAME: one})
    before = table.path(tmp_path, "pocket").read_bytes()
    again = table.load(tmp_path, "pocket")[NAME]
    assert (again.page, again.code, again.held_out) == (one.page, one.code, one.held_out)
    assert [f and f.verdict for f in again.fresh] == [YES, None, CANNOT_TELL]
    table.save(tmp_path, "pocket", {NAME: again})
    assert table.path(tmp_path, "pocket").read_bytes() == before


def test_eighteen_of_twenty_are_told_and_seventeen_are_not(tmp_path):
    said = render(tmp_path, record(tmp_path, held=18))
    assert said == (
        "On IOI the model does worse when every MLP is at its mean (effect 0.40 logits, 95 % "
        "interval 0.20 to 0.60; held in 18 of 20 fresh draws)."
    )
    said = render(tmp_path, record(tmp_path, held=17))
    assert said.startswith("What this finds varies from draw to draw. In 17 of 20 fresh draws: “On")
    assert "In 3 of 20 fresh draws: “On IOI we cannot tell" in said
    assert "effect 0.40 logits, 95 % interval 0.20 to 0.60" in said
    assert render(tmp_path, record(tmp_path, held=17), "verdict") == "varies"
    brief = render(tmp_path, record(tmp_path, held=17), "brief")
    assert brief.endswith("is at its mean (held only in 17 of 20).")


def test_one_run_and_few_draws_are_called_so(tmp_path):
    assert "one run, not repeated" in render(tmp_path, record(tmp_path, 0, 0))
    assert "held in 5 of 5 fresh draws" in render(tmp_path, record(tmp_path, 5, 5))


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("sentence", "On IOI the model does worse when every MLP is at its mean"),
        (
            "brief",
            "On IOI the model does worse when every MLP is at its mean (held in 20 of 20).",
        ),
        ("effect", "0.40 logits"),
        ("interval", "95 % interval 0.20 to 0.60"),
        ("verdict", "yes"),
        ("smallest", "0.29 logits"),
        ("held", "held in 20 of 20 fresh draws"),
        ("templates", "held in 20 of 20 draws with other templates"),
    ],
)
def test_a_part_stands_alone(tmp_path, part, text):
    assert render(tmp_path, record(tmp_path), part) == text


def test_without_a_table_a_page_says_so_and_names_the_command(tmp_path):
    said = words.render(tmp_path, NAME, "gpt2")
    assert said == (
        f"This was not measured on GPT-2 small: run mi-course claims {NAME} --model gpt2."
    )


@pytest.mark.parametrize(
    ("change", "words_of_it"),
    [
        ({"code": "0" * 16}, "its function, or something that it uses, changed"),
        ({"weights": "0" * 64}, "other weights"),
        ({"pins": "torch 1.0"}, "measured with torch 1.0"),
    ],
)
def test_a_stale_record_is_refused_with_the_command(tmp_path, change, words_of_it):
    with pytest.raises(ClaimError, match=f"{words_of_it}.*run `mi-course claims {NAME}`"):
        render(tmp_path, record(tmp_path, **change))
    (why,) = (w for w in table.problems(tmp_path, POCKET) if NAME in w)
    assert words_of_it in why


def test_a_stale_record_of_gpt2_is_not_shown_and_fails_nothing(tmp_path):
    table.save(tmp_path, "gpt2", {NAME: record(tmp_path)})  # pocket's weights
    assert "not measured on GPT-2 small" in words.render(tmp_path, NAME, "gpt2")
    assert table.problems(tmp_path, registry.GPT2) == []


def test_an_edit_by_hand_is_noticed(tmp_path):
    table.save(tmp_path, "pocket", {NAME: record(tmp_path)})
    path = table.path(tmp_path, "pocket")
    path.write_text(path.read_text().replace("0.4", "0.5", 1))
    with pytest.raises(ClaimError, match=f"was edited: what stands there of {NAME}"):
        words.render(tmp_path, NAME, "pocket")
    path.write_text("[]")
    with pytest.raises(ClaimError, match="no table of claims"):
        table.load(tmp_path, "pocket")


def test_claims_that_are_missing_or_gone_are_named(tmp_path):
    table.save(tmp_path, "pocket", {"week4/gone": record(tmp_path)})
    said = table.problems(tmp_path, POCKET)
    assert "holds week4/gone, which is no claim" in said[0]
    of_pocket = [one for one in catalogue.declared().values() if one.fits(POCKET)]
    assert len(said) == 1 + len(of_pocket)


def test_the_first_draw_agrees_within_a_fiftieth_of_its_interval(tmp_path):
    one = record(tmp_path)
    assert table.disagreement(NAME, one, found(0.407)) is None
    assert "effect 0.4 is stored, and 0.41 was" in table.disagreement(NAME, one, found(0.41))
    assert "interval" not in table.disagreement(NAME, one, found(0.4, width=0.3))
    assert "rule" in table.disagreement(NAME, one, found(0.4, level=0.99))


def test_pins_are_those_that_numbers_depend_on(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/run.txt").write_text(
        "torch==2.13.0\nabc==1.0\ntransformer-lens==4.3.0 ; x\nnumpy==2.4.6\n"
    )
    assert table.pins(tmp_path) == "numpy 2.4.6, torch 2.13.0, transformer_lens 4.3.0"


def test_numbers_are_shown_as_finely_as_their_interval_allows():
    shown = [words.interval(found(0.123456, width)) for width in (0.2, 0.02, 20)]
    assert [text.removeprefix("95 % interval ") for text in shown] == [
        "-0.08 to 0.32",
        "0.103 to 0.143",
        "-20 to 20",
    ]
    assert words.effect(found(-0.001)) == "0.00 logits"


def test_every_planted_false_claim_is_refused_and_nothing_else():
    tried = planted.prove(ROOT)
    assert [t for t in tried if not t.right or not t.example] == []
    assert sum(t.wanted for t in tried) >= 20
    assert sum(not t.wanted for t in tried) >= 4
    page = (ROOT / "book/claims.md").read_text("utf8")
    assert report.disagreements(page) == []
    assert report.table(tried).partition("(Python")[0] in page
