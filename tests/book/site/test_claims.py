"""Claims on pages of the site: the role, its parts, the table, what a build complains of."""

from __future__ import annotations

from io import StringIO

import pytest

from mi_course.book.claims import table, words
from mi_course.book.site import claims
from mi_course.claims import catalogue
from mi_course.models import registry
from support.outside import ROOT
from support.small_site import build
from support.stored_claims import NAME, record

DOC = catalogue.named(NAME).doc
PAGE = f"# A page\n\nSo: {{claim}}`{NAME}` The effect: {{claim-effect}}`{NAME}`.\n"
ALL = "# All claims\n\n```{claims-table}\n```\n"
CHAPTER = "# A chapter | with a bar\n"


def everything(root, **of_one):
    """A table in which every claim held, but for one."""
    known = {name: record(root, name=name) for name in catalogue.declared()}
    return known | {NAME: record(root, **of_one)}


@pytest.fixture
def built(tmp_path):
    """Pages of a site and what the build complained of, with a table for pocket."""

    def of(pages, stored):
        table.save(tmp_path, "pocket", stored)
        said = StringIO()
        known = {f"book/{claim.doc}": CHAPTER for claim in catalogue.declared().values()}
        found = build(tmp_path, known | pages, claims.__name__, warnings=said)
        return found, said.getvalue()

    return of


def test_the_conclusion_stands_with_its_evidence_which_leads_to_all_claims(built, tmp_path):
    pages, said = built({"book/a": PAGE, claims.PAGE: ALL}, everything(tmp_path))
    assert said == ""
    told = pages["book/a"].select_one(".course-claim")
    assert told.get_text() == (
        "On IOI the model does worse when every MLP is at its mean (effect 0.40 logits, 95 % "
        "interval 0.20 to 0.60; held in 20 of 20 fresh draws)."
    )
    assert told.a["href"] == "claims.html"
    assert told.a.get_text().startswith("(effect")
    assert pages["book/a"].select(".course-claim")[1].get_text() == "0.40 logits"


def test_a_verdict_that_varies_is_not_told(built, tmp_path):
    pages, _ = built({"book/a": PAGE}, {NAME: record(tmp_path, held=12)})
    said = pages["book/a"].select_one(".course-claim").get_text()
    assert said.startswith("What this finds varies from draw to draw. In 12 of 20 fresh draws")


def test_the_table_has_a_row_for_every_claim(built, tmp_path):
    pages, said = built({claims.PAGE: ALL}, everything(tmp_path, held=12))
    assert said == ""
    rows = [
        [cell.get_text() for cell in row.select("td")]
        for row in pages[claims.PAGE].select("tbody tr")
    ]
    assert len(rows) == len(catalogue.declared())
    (row,) = (row for row in rows if row[0].endswith(NAME.partition("/")[2]))
    assert row[0].startswith("It varies. ")
    assert row[1:] == [
        "varies; here yes",
        "0.40 logits (0.20 to 0.60)",
        "0.29",
        "96 prompts",
        "12 of 20",
        "12 of 20",
        "12 of 20",
    ]


@pytest.mark.parametrize(
    ("page", "what", "complaint"),
    [
        ("# A\n\n{claim}`week4/none`\n", {}, "no claim is named 'week4/none'"),
        (PAGE, {"code": "0" * 16}, f"changed since it was measured; run `mi-course claims {NAME}`"),
        (ALL, {"code": "0" * 16}, f"changed since it was measured; run `mi-course claims {NAME}`"),
    ],
)
def test_what_must_not_be_shown_is_a_warning(built, tmp_path, page, what, complaint):
    _, said = built({"book/a": page}, everything(tmp_path, **what))
    assert complaint in said


def test_what_was_measured_on_other_networks_is_not_told_as_the_model_s():
    text = "\n".join(words.table_of(ROOT, registry.POCKET))
    assert "**A network that reads digits**, on networks of the chapter's own" in text
    assert "**Induction heads**, on pocket" in text


def test_the_command_of_what_was_not_measured_is_code_and_keeps_its_dashes(built, tmp_path):
    stored = everything(tmp_path)
    del stored[NAME]
    pages, said = built({"book/a": PAGE}, stored)
    assert said == ""
    told = pages["book/a"].select_one(".course-claim")
    command = f"mi-course claims {NAME} --model pocket"
    assert told.code.get_text() == command
    assert told.get_text().endswith(f": run {command}.")
    part = pages["book/a"].select(".course-claim")[1]
    assert part.code.get_text() == command


def test_what_was_not_measured_for_one_reason_is_said_once_in_a_paragraph(built, tmp_path):
    names = [one.name for one in catalogue.declared().values() if not one.fits(registry.POCKET)]
    first, second = names[:2]
    page = f"# A\n\nNo {{claim}}`{first}` {{claim}}`{second}` End.\n\n- {{claim}}`{first}`\n"
    stored = everything(tmp_path)
    for name in names:
        del stored[name]
    pages, said = built({"book/a": page}, stored)
    assert said == ""
    why = words.not_measured(catalogue.named(first), registry.POCKET)
    assert [p.get_text() for p in pages["book/a"].select("p")][:2] == [f"No {why} End.", why]
