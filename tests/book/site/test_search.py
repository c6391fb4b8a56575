"""What a reader types finds what they mean."""

import pytest

from support import browser
from support.site_builds import real_site

pytestmark = pytest.mark.browser


def found(page):
    page.wait_for_selector("#search-results li a")
    page.wait_for_selector("#search-results .search-summary")
    return page.eval_on_selector_all(
        "#search-results ul.search > li > a",
        "all => all.map(e => [e.textContent, e.pathname + e.hash])",
    )


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("NaN", "/book/debugging.html#hunt-a-nan"),
        ("install", "/book/setup.html#"),
        ("logit difference", "/book/glossary.html#term-logit-difference"),
    ],
)
def test_the_first_result_is_what_was_meant(chromium, base, words, first):
    with browser.visit(chromium, base, f"search.html?q={words}", browser.DESKTOP) as seen:
        results = found(seen.page)
        problems = list(seen.problems)
    assert first in results[0][1]
    assert len({address for _, address in results}) == len(results)
    assert not any("Solution" in title for title, _ in results)
    assert problems == []


def test_the_chapter_on_the_logit_difference_follows_its_entry(chromium, base):
    with browser.visit(chromium, base, "search.html?q=logit difference", browser.DESKTOP) as seen:
        titles = [title for title, _ in found(seen.page)][:3]
    assert any("Activation patching" in title for title in titles)


def test_from_the_disk_there_are_results_and_a_reason_for_no_extracts(chromium):
    page = chromium.new_page()
    page.goto((real_site() / "search.html").as_uri() + "?q=NaN")
    page.wait_for_selector("#search-results li a")
    assert "no extracts" in page.inner_text(".course-from-disk")
    assert "Hunt a NaN" in page.inner_text("#search-results li a")
    page.close()
