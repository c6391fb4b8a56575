"""Where one is: the table of contents marks it in every section, the sidebar keeps its head."""

from contextlib import suppress

import pytest
from playwright.sync_api import TimeoutError

from support import browser
from support.site_builds import real_site

pytestmark = pytest.mark.browser

CHAPTER = "book/week3/02_activation_patching.html"
MARKED = """() => {
    const link = document.querySelector(".page-toc a[aria-current]");
    const section = link && document.getElementById(link.hash.slice(1));
    return [link?.hash, link?.classList.contains("active"),
        section && section.getBoundingClientRect().top < innerHeight,
        section && section.getBoundingClientRect().bottom > 0];
}"""
VIEWED = """part => {
    const box = document.querySelector(`.bd-sidebar-primary ${part}`).getBoundingClientRect();
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return box.top >= 0 && box.bottom <= innerHeight && Boolean(at.closest(part));
}"""


@pytest.fixture(scope="module")
def chapter():
    """A chapter on a desktop."""
    with (
        browser.served(real_site()) as base,
        browser.launched() as chromium,
        browser.visit(chromium, base, CHAPTER, browser.DESKTOP) as seen,
    ):
        yield seen.page


def test_every_screen_after_the_first_heading_has_its_section_marked(chapter):
    first = "document.querySelector('article h2').getBoundingClientRect().top + scrollY"
    top, end = chapter.evaluate(f"[{first}, document.documentElement.scrollHeight - innerHeight]")
    marked = set()
    while top < end:
        chapter.evaluate("y => scrollTo({ top: y, behavior: 'instant' })", top)
        with suppress(TimeoutError):  # a busy machine marks it later; what is wrong then is told
            chapter.wait_for_function(f"({MARKED})().slice(1).every(Boolean)", timeout=5_000)
        link, active, begun, lasts = chapter.evaluate(MARKED)
        assert (active, begun, lasts) == (True, True, True), (top, link)
        marked.add(link)
        top += 400
    assert len(marked) > 5


def test_the_sidebar_keeps_the_courses_name_and_the_search_in_view(chapter):
    bar = chapter.locator(".bd-sidebar-primary")
    bar.evaluate("bar => bar.scrollTo(0, bar.scrollHeight)")
    assert bar.evaluate("bar => bar.scrollTop") > 100
    for part in (".navbar-brand", ".search-button-field"):
        assert chapter.evaluate(VIEWED, part), part
