"""Every page in headless Chromium, with the network cut: no error, figures drawn, none too wide.

On every page axe, the accessibility checker, finds nothing.

The browser is the machine's own. Where there is none the tests are NOT RUN, with a line on how to
get one; in CI they fail instead.
"""

import pytest

from support import axe, browser
from support.sample_course import CHAPTER, all_outputs, attention, write
from support.site_builds import build, pages, real_site

pytestmark = pytest.mark.browser

SAMPLE = f"book/{CHAPTER}.html"
# What a drawn figure holds: curves, points or a heatmap's picture; on CircuitsVis' canvas, colour.
DRAWN = """figure => {
    if (figure.dataset.state !== "drawn") return figure.dataset.state === "failed" ? "failed" : "";
    if (figure.classList.contains("course-plotly"))
        return figure.querySelector("svg .trace, svg .heatmaplayer image, svg .point") && "drawn";
    const canvas = [...figure.querySelectorAll("canvas")].at(-1);
    const area = canvas && [0, 0, canvas.width, canvas.height];
    const pixels = canvas && canvas.getContext("2d").getImageData(...area);
    return pixels && pixels.data.some(Boolean) ? "drawn" : "";
}"""
# What lies beyond the right edge, outside of what scrolls within itself.
TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter(e =>
    e.getBoundingClientRect().right > innerWidth + 1 && e.offsetParent &&
    !e.closest(".course-fig, .course-wide, pre, .pst-scrollable-table-container, mjx-container,"
        + ".pg-scroll, dialog, .bd-sidebar-primary, .bd-sidebar-secondary"))
    .map(e => e.outerHTML.slice(0, 120))"""

SWITCH = "course-switch"  # a link to the same page with another model's outputs
PHONE_WIDTHS = (360, 375, browser.PHONE["width"])


@pytest.fixture(scope="module")
def course():
    """The address of the course's own site, the paths of its pages, and those to print."""
    site = real_site()
    found = (pages(site), sorted((site / "print").glob("*.html")))
    with browser.served(site) as base:
        yield base, *([page.relative_to(site).as_posix() for page in some] for some in found)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The address of the sample course, whose last figure cannot be drawn."""
    outs = all_outputs()
    outs[4] = [attention("NoSuchComponent")]
    folder = write(tmp_path_factory.mktemp("sample") / "course", outs)
    result = build(folder, folder)
    assert result.returncode == 0, result.stderr
    with browser.served(folder / "_build" / "html") as base:
        yield base


def check(seen, size):
    """What is wrong with an open page, after everything on it was looked at."""
    browser.scroll_through(seen.page)
    problems = list(seen.problems)
    for figure in seen.page.query_selector_all(".course-fig"):
        figure.scroll_into_view_if_needed()  # CircuitsVis fades its colours in
        drawn = seen.page.wait_for_function(DRAWN, arg=figure, timeout=10_000)
        if drawn.json_value() != "drawn":
            problems.append(f"not drawn: {figure.get_attribute('aria-label')}")
    return problems + (beyond_the_screen(seen.page) if size == browser.PHONE else [])


def beyond_the_screen(page):
    """What is wider than a phone: an open page, or something on it. Ends at the phone's size."""
    problems = []
    for width in PHONE_WIDTHS:
        page.set_viewport_size(browser.PHONE | {"width": width})
        wide, clipped = page.evaluate(f"[document.documentElement.scrollWidth, ({TOO_WIDE})()]")
        if wide > width or clipped:
            problems.append(f"{wide} px wide, on a screen of {width}: {clipped[:3]}")
    return problems


# Each page is loaded once at each size for all that is asked of it, widths do not depend on the
# theme, and in the dark only colours differ, which the slow tests look at. In parts, which
# processes can share: neighbours of one week fall into different ones. `make test` opens a sixth
# of the pages, each on a phone or on a desktop; the slow tests, which CI runs at every change of
# main, open the others, and each on both.
PARTS = 12
ON_DESKTOP = {0}  # the parts that `make test` opens there
ON_A_PHONE = {2}  # and those that it opens there


def parts(quick):
    """All parts, as slow tests those that are not quick."""
    marks = [() if part in quick else pytest.mark.slow for part in range(PARTS)]
    return pytest.mark.parametrize(
        "part", [pytest.param(part, marks=mark) for part, mark in enumerate(marks)]
    )


@parts(quick=ON_A_PHONE)
def test_every_page_works_without_the_network_on_a_phone_in_the_dark(chromium, course, part):
    base, paths, _ = course
    found = {}
    # one window for all pages, as a reader has: what they share is loaded and compiled once
    with browser.visit(chromium, base, "search.html?q=model", browser.PHONE, "dark") as seen:
        found["search"] = check(seen, browser.PHONE)
        for path in paths[part::PARTS]:
            seen.problems.clear()
            seen.page.goto(base + path, wait_until="load")
            found[path] = check(seen, browser.PHONE)
    assert {path: problems for path, problems in found.items() if problems} == {}


@parts(quick=ON_DESKTOP)
def test_every_page_works_without_the_network_and_axe_finds_nothing(chromium, course, part):
    """On a desktop: axe with folded parts open and figures drawn."""
    base, paths, _ = course
    search = "search.html?q=head"
    found = {}
    with browser.visit(chromium, base, search, browser.DESKTOP) as seen:
        for path in [search, *[*paths, "genindex.html"][part::PARTS]]:
            seen.problems.clear()
            seen.page.goto(base + path, wait_until="load")
            found[path] = check(seen, browser.DESKTOP) + violations(seen.page, "light")
    assert {path: problems for path, problems in found.items() if problems} == {}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_axe_finds_nothing_in_the_dark_and_on_pages_to_print(chromium, course, part):
    """Nor is a page to print too wide for a phone."""
    base, paths, printed = course
    found = {}
    with browser.visit(chromium, base, "genindex.html", browser.DESKTOP) as seen:
        for path in [*paths, "genindex.html", *printed][part::PARTS]:
            seen.page.goto(base + path, wait_until="load")
            found[path] = violations(seen.page, "light" if path in printed else "dark")
            if path in printed:  # also read on the screen; chapters are narrowed on the phone
                found[path] += beyond_the_screen(seen.page)
                seen.page.set_viewport_size(browser.DESKTOP)
    assert {path: problems for path, problems in found.items() if problems} == {}


@pytest.mark.slow
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_pages_with_outputs_of_another_model_work_and_axe_finds_nothing(chromium, course, size):
    base, *_ = course
    site = real_site()
    chosen = [page for page in sorted(site.glob("*/book/**/*.html")) if SWITCH in page.read_text()]
    assert chosen
    window, theme = (browser.PHONE, "dark") if size == "phone" else (browser.DESKTOP, "light")
    found = {}
    with browser.visit(chromium, base, "genindex.html", window, theme) as seen:
        for page in chosen:
            path = page.relative_to(site).as_posix()
            seen.problems.clear()
            seen.page.goto(base + path, wait_until="load")
            found[path] = check(seen, window)
            seen.page.set_viewport_size(browser.DESKTOP)
            found[path] += violations(seen.page, "light") + violations(seen.page, "dark")
            seen.page.set_viewport_size(window)
    assert {path: problems for path, problems in found.items() if problems} == {}


def violations(page, theme):
    # a plot is one image to axe, drawn or not
    browser.scroll_through(page, ".course-fig:not(.course-plotly)")
    axe.prepare(page)
    return axe.violations(page, theme)


def test_first_page_leads_to_the_introduction(chromium, course):
    base, *_ = course
    with browser.visit(chromium, base, "index.html", browser.DESKTOP) as seen:
        seen.page.wait_for_url(f"{base}book/intro.html")
    assert seen.problems == []


@pytest.mark.parametrize("size", [browser.PHONE, browser.DESKTOP], ids=["phone", "desktop"])
def test_figures_are_drawn_and_a_failure_is_one_sentence(chromium, sample, size):
    with browser.visit(chromium, sample, SAMPLE, size) as seen:
        problems = check(seen, size)
        failed = seen.page.text_content("[aria-label] > .course-fig-failed")
        drawn = seen.page.locator(".course-fig[data-state=drawn]").count()
    assert failed == "This figure could not be drawn (CircuitsVis has no NoSuchComponent)."
    assert drawn == 3
    unexpected = [p for p in problems if "NoSuchComponent" not in p and "not drawn" not in p]
    assert unexpected == []


def test_figure_is_drawn_when_it_comes_near_and_keeps_its_place(chromium, sample):
    tiny = {"width": 390, "height": 200}
    with browser.visit(chromium, sample, SAMPLE, tiny) as seen:
        plot = seen.page.locator(".course-plotly").nth(1)
        seen.page.wait_for_timeout(300)
        before = plot.get_attribute("data-state"), plot.bounding_box()["height"]
        browser.scroll_through(seen.page)
        after = plot.get_attribute("data-state"), plot.bounding_box()["height"]
    assert before == (None, 450)
    assert after == ("drawn", 450)


def test_figures_follow_the_theme(chromium, sample):
    color = "e => getComputedStyle(e).fill"
    with browser.visit(chromium, sample, SAMPLE, browser.DESKTOP, "light") as seen:
        browser.scroll_through(seen.page)
        title = seen.page.locator(".course-plotly .gtitle").first
        light = title.evaluate(color)
        seen.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        seen.page.wait_for_function(
            "old => getComputedStyle(document.querySelector('.gtitle')).fill !== old", arg=light
        )
        page_text = seen.page.evaluate("getComputedStyle(document.body).color")
        dark = title.evaluate(color)
    assert dark == page_text


def test_math_is_typeset_with_fonts_of_the_site(chromium, sample):
    with browser.visit(chromium, sample, "book/week2/02_prose.html", browser.PHONE) as seen:
        seen.page.wait_for_selector("mjx-container mjx-math")
        seen.page.wait_for_function("document.fonts.status === 'loaded'")
        seen.page.wait_for_timeout(300)
    assert any("woff-v2/MathJax" in url for url in seen.requests)
    assert seen.problems == []


def test_wide_table_and_code_scroll_within_themselves(chromium, sample):
    with browser.visit(chromium, sample, SAMPLE, browser.PHONE) as seen:
        table = seen.page.locator(".pst-scrollable-table-container")
        assert table.evaluate("e => e.scrollWidth > e.clientWidth")
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 390


def test_request_to_another_host_would_be_seen(chromium, sample):
    with browser.visit(chromium, sample, "book/intro.html", browser.DESKTOP) as seen:
        seen.page.evaluate("fetch('https://example.org/x.js').catch(() => 0)")
        seen.page.wait_for_timeout(200)
    assert any("another host: https://example.org/x.js" in p for p in seen.problems)
