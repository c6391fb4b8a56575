"""What a reader sees before any of the site's script files has arrived is what stays."""

from __future__ import annotations

import pytest

from support import browser
from support.site_builds import pages, real_site

pytestmark = pytest.mark.browser

CHAPTER = "book/week2/01_transformerlens.html"
LOOKS = """() => {
    const root = document.documentElement, styles = getComputedStyle(root);
    return [root.dataset.theme, styles.fontSize, getComputedStyle(document.body).backgroundColor];
}"""
# Icons that are shown and are not drawn by the icon font.
MISSING_ICONS = """() => [...document.querySelectorAll("i[class*='fa-']")]
    .filter(e => e.checkVisibility())
    .filter(e => {
        const before = getComputedStyle(e, "::before");
        return before.content === "none" || !before.fontFamily.includes("Font Awesome");
    }).map(e => e.className)"""


@pytest.fixture(scope="module")
def opened():
    with browser.served(real_site()) as base, browser.launched() as chromium:
        yield chromium, base


def test_no_page_loads_the_icon_script():
    site = real_site()
    assert pages(site)
    assert [p.name for p in pages(site) if "scripts/fontawesome.js" in p.read_text("utf8")] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme_and_size_are_right_before_any_script_file_arrives(opened, scheme):
    chromium, base = opened
    context = chromium.new_context(color_scheme=scheme)
    try:
        context.route("**/*.js*", lambda route: route.abort())
        page = context.new_page()
        page.goto(base + CHAPTER)
        before = page.evaluate(LOOKS)
        context.unroute("**/*.js*")
        page.goto(base + CHAPTER, wait_until="load")
        page.wait_for_function("localStorage.getItem('theme')")  # the theme's own script has run
        after = page.evaluate(LOOKS)
    finally:
        context.close()
    assert before == after
    assert before[0] == scheme


def test_a_chosen_theme_is_kept_and_icons_are_drawn(opened):
    chromium, base = opened
    with browser.visit(chromium, base, CHAPTER, browser.DESKTOP, "light") as seen:
        seen.page.evaluate("localStorage.setItem('mode', 'dark')")
        seen.page.reload()
        assert seen.page.evaluate(LOOKS)[0] == "dark"
        assert seen.page.evaluate("document.querySelectorAll('i[class*=fa-]').length") > 5
        assert seen.page.evaluate(MISSING_ICONS) == []
        assert seen.problems == []
