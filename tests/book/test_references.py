"""Citations resolve, references can be found by a number, links are well formed."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from mi_course.book import chapters
from mi_course.book.notebook import bibliography
from support.outside import ROOT

# pybtex keeps people apart from the other fields
ENTRIES = {
    key: {**entry.fields, **entry.persons}
    for key, entry in bibliography.read(ROOT / "book").items()
}
PAGES = sorted(p for p in (ROOT / "book").rglob("*.md") if chapters.OUTPUTS.name not in p.parts)
CITATION = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
ARXIV = re.compile(r"\d{4}\.\d{4,5}")
DOI = re.compile(r"10\.\d{4,9}/\S+")
LINK = re.compile(r"https?://[^\s<>\"'`\])]+")
# Published on a page of its own, without a DOI and not on arXiv.
ON_THE_WEB_ONLY = {
    "ameisen2025": "https://transformer-circuits.pub/2025/attribution-graphs/methods.html",
    "bricken2023": "https://transformer-circuits.pub/2023/monosemantic-features/index.html",
    "elhage2021": "https://transformer-circuits.pub/2021/framework/index.html",
    "nanda2023attribution": "https://www.neelnanda.io/mechanistic-interpretability/attribution-patching",
}


def cited() -> dict[str, str]:
    """Each key that a page cites, with one of the pages."""
    return {
        key.strip(): str(page.relative_to(ROOT))
        for page in PAGES
        for keys in CITATION.findall(page.read_text("utf8"))
        for key in keys.split(",")
    }


def test_every_citation_resolves():
    missing = {key: page for key, page in cited().items() if key not in ENTRIES}
    assert not missing


def test_every_reference_is_cited():
    assert ENTRIES.keys() - cited().keys() == set()


@pytest.mark.parametrize("key", ENTRIES)
def test_a_reference_has_a_number_to_look_it_up_by(key):
    entry = ENTRIES[key]
    if key in ON_THE_WEB_ONLY:
        assert entry["url"] == ON_THE_WEB_ONLY[key]
        return
    assert ARXIV.fullmatch(entry.get("eprint", "")) or DOI.fullmatch(entry.get("doi", ""))
    if "eprint" in entry:
        assert entry["archiveprefix"] == "arXiv"


@pytest.mark.parametrize("key", ENTRIES)
def test_a_reference_says_who_what_and_when(key):
    entry = ENTRIES[key]
    assert {"title", "author", "year"} <= entry.keys()
    assert "arxiv.org" not in entry.get("url", ""), "its number is its address"


def test_no_two_references_are_the_same_paper():
    numbers = [
        entry.get("eprint") or entry.get("doi") or entry["url"] for entry in ENTRIES.values()
    ]
    assert len(numbers) == len(set(numbers))


def test_a_number_of_arxiv_on_a_page_belongs_to_a_reference():
    known = {entry.get("eprint") for entry in ENTRIES.values()}
    found = {
        number: str(page.relative_to(ROOT))
        for page in PAGES
        for number in re.findall(
            r"arxiv(?:\.org/abs/|:)(\d{4}\.\d{4,5})", page.read_text("utf8"), re.I
        )
    }
    assert {number: page for number, page in found.items() if number not in known} == {}


def test_every_link_is_well_formed():
    wrong = []
    for page in PAGES:
        for link in LINK.findall(page.read_text("utf8")):
            parts = urlsplit(link.rstrip(".,;:"))
            host = parts.hostname or ""
            local = host in ("localhost", "127.0.0.1")
            if not local and (parts.scheme != "https" or not re.fullmatch(r"([\w-]+\.)+\w+", host)):
                wrong.append((str(page.relative_to(ROOT)), link))
    assert not wrong


def test_links_that_the_plan_got_wrong_are_not_used():
    """Pages that are often linked for others: see the course's list of links."""
    wrong = ("AGI Ruin", "agi-ruin-a-list-of-lethalities", "Rimsky")
    for page in PAGES:
        text = page.read_text("utf8")
        assert not any(one in text for one in wrong), page
