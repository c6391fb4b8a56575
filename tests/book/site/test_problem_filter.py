"""Week 4's problems can be filtered by keyboard alone, and all show without a script."""

import pytest

from support import browser
from support.site_builds import real_site

pytestmark = pytest.mark.browser
PAGE = "book/week4/01_choosing.html"
SHOWN = "[...document.querySelectorAll('.problem-table tbody tr')].filter(r => r.offsetHeight > 0)"


@pytest.fixture(scope="module")
def site():
    with browser.served(real_site()) as base:
        yield base


def shown(page):
    rows = page.evaluate(f"{SHOWN}.map(r => [...r.cells].map(c => c.textContent.trim()))")
    assert page.locator(".problem-count").text_content().startswith(f"{len(rows)} of ")
    return rows


@pytest.mark.parametrize("size", [browser.PHONE, browser.DESKTOP], ids=["phone", "desktop"])
def test_problems_are_filtered_by_keyboard(chromium, site, size):
    with browser.visit(chromium, site, PAGE, size) as seen:
        page = seen.page
        everything = shown(page)
        assert len(everything) >= 15
        assert all(len(row) == 6 and all(row) for row in everything)

        page.get_by_label("words").focus()
        page.keyboard.type("Induction HEAD")
        found = shown(page)
        assert 0 < len(found) < len(everything)
        assert all("induction" in " ".join(row).lower() for row in found)

        page.keyboard.press("Control+A")
        page.keyboard.press("Delete")
        page.keyboard.press("Tab")  # to the next control: where the problem comes from
        page.keyboard.press("ArrowDown")
        listed = shown(page)
        assert [row for row in everything if row[1][0].isdigit()] == listed
        page.keyboard.press("ArrowDown")
        assert [row for row in everything if row[1] == "in its spirit"] == shown(page)
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        both = shown(page)
        assert both
        assert len({row[2] for row in both}) == 1
        page.keyboard.press("Enter")  # in a form: must not load the page anew
        assert shown(page) == both
    assert seen.problems == []


def test_nothing_fits_is_said_and_not_hidden(chromium, site):
    with browser.visit(chromium, site, PAGE, browser.DESKTOP) as seen:
        seen.page.get_by_label("words").fill("no such problem at all")
        assert shown(seen.page) == []
        count = seen.page.locator("output.problem-count")  # an output is read aloud when it changes
        assert count.text_content().startswith("0 of ")


def test_without_the_script_the_whole_table_is_there(chromium, site):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + PAGE)
    assert page.locator(".problem-table tbody tr").count() >= 15
    assert page.locator(".problem-filter").count() == 0
    context.close()
