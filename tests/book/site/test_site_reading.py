"""A reader's ways through the site: keyboard, search, the dark theme, a wrong address."""

import re

import pytest

from support import browser
from support.site_builds import real_site

pytestmark = pytest.mark.browser

CHAPTER = "book/week2/02_induction_heads.html"
# What can take the focus and is shown; what a menu or a dialog holds has its own way in.
REACHABLE = """() => [...document.querySelectorAll(
        "a[href], button, input, summary, [tabindex='0']")]
    .filter(e => e.checkVisibility({visibilityProperty: true, opacityProperty: true})
        && !e.disabled && e.tabIndex >= 0 && !e.closest("dialog:not([open])"))
    .map((e, i) => { e.dataset.reach = i; return e.outerHTML.slice(0, 120); })"""
# Whether the focus is seen: a ring around the element, or within it as on the sidebar's toggles.
FOCUSED = r"""() => {
    const e = document.activeElement;
    const seen = [e, ...e.children].map(part => getComputedStyle(part)).some(s =>
        !/^(none|rgba\(0, 0, 0, 0\))/.test(s.boxShadow)
            || s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0);
    return [e.dataset.reach, seen];
}"""


@pytest.fixture(scope="module")
def opened():
    with browser.served(real_site()) as base, browser.launched() as chromium:
        yield chromium, base


@pytest.mark.parametrize("path", ["book/intro.html", "book/week4/index.html"])
def test_the_tab_key_reaches_everything_and_shows_where_it_is(opened, path):
    chromium, base = opened
    with browser.visit(chromium, base, path, browser.DESKTOP) as seen:
        page = seen.page
        page.add_style_tag(content="* { transition: none !important; }")  # the ring comes at once
        everything = page.evaluate(REACHABLE)
        reached, unseen = set(), []
        for _ in range(len(everything) + 5):
            page.keyboard.press("Tab")
            number, ring = page.evaluate(FOCUSED)
            if number is not None:
                reached.add(int(number))
                unseen += [] if ring else [everything[int(number)]]
    assert len(everything) > 30
    assert [e for i, e in enumerate(everything) if i not in reached] == []
    assert unseen == []


def test_the_first_tab_offers_to_skip_to_the_content(opened):
    chromium, base = opened
    with browser.visit(chromium, base, CHAPTER, browser.DESKTOP) as seen:
        page = seen.page
        page.keyboard.press("Tab")
        link = page.get_by_role("link", name="Skip to main content")
        assert link.evaluate(
            "e => e === document.activeElement && e.getBoundingClientRect().y >= 0"
        )
        page.keyboard.press("Enter")
        page.wait_for_url("**#main-content")  # the browser follows a moment later
        page.keyboard.press("Tab")
        assert page.evaluate("!!document.activeElement.closest('main')")


def test_the_search_finds_the_page_about_a_subject(opened):
    chromium, base = opened
    with browser.visit(chromium, base, "book/intro.html", browser.DESKTOP) as seen:
        page = seen.page
        page.keyboard.press("Control+K")
        page.keyboard.type("induction head")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=induction*")
        page.wait_for_selector("#search-results li a")
        found = page.eval_on_selector_all("#search-results li a", "all => all.map(e => e.href)")
    assert any(CHAPTER in address for address in found[:5])
    assert not any("/print/" in address or "/pocket/" in address for address in found)


def test_the_theme_follows_the_button_and_is_remembered(opened):
    chromium, base = opened
    with browser.visit(chromium, base, CHAPTER, browser.DESKTOP) as seen:
        page = seen.page
        background = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(background)
        button = page.locator(".theme-switch-button").first
        for _ in range(3):
            if page.evaluate("document.documentElement.dataset.mode") == "dark":
                break
            button.click()
        page.wait_for_function(f"{background} !== '{light}'")
        page.goto(f"{base}book/intro.html")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert page.evaluate(background) != light
    assert seen.problems == []


def test_the_first_page_says_what_for_whom_how_long_and_shows_results(opened):
    chromium, base = opened
    with browser.visit(chromium, base, "book/intro.html", browser.PHONE) as seen:
        headings = seen.page.eval_on_selector_all("article h2", "all => all.map(e => e.innerText)")
        results = seen.page.locator(".course-result .course-fig")
        count = results.count()
        browser.scroll_through(seen.page)
        drawn = seen.page.locator(".course-result .course-fig[data-state=drawn]").count()
        text = seen.page.inner_text("article")
    assert {"Who it is for", "What you will be able to do", "How it works"} <= set(headings)
    assert re.search(r"Four weeks, twelve hours each", text)
    assert count == drawn == 4
