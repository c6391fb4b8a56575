"""Figures can be read: on a dark page, what stands on bars, and words in cells on a phone."""

import itertools
import re

import numpy as np
import pytest

from support import browser
from support.site_builds import real_site

pytestmark = pytest.mark.browser

MAPS = "book/week3/02_activation_patching.html"
BARS = "book/week2/02_induction_heads.html"
SCALES = """() => [...document.querySelectorAll(".course-plotly .js-plotly-plot, .js-plotly-plot")]
    .flatMap(box => box.data || []).filter(t => t.type === "heatmap" && Array.isArray(t.colorscale))
    .map(t => t.colorscale.map(([, color]) => color))"""
ERRORS = """() => [...document.querySelectorAll(".js-plotly-plot")]
    .flatMap(box => box._fullData || []).filter(t => t.type === "bar" && t.error_y?.visible)
    .map(t => [t.marker.color, t.marker.opacity, t.error_y.color,
               getComputedStyle(document.body).backgroundColor])"""


@pytest.fixture(scope="module")
def opened():
    with browser.served(real_site()) as base, browser.launched() as chromium:
        yield chromium, base


def rgb(color):
    if color.startswith("#"):
        return [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return [float(v) for v in re.findall(r"[\d.]+", color)[:3]]


def luminance(color):
    """As WCAG has it, from 0 to 1."""
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (v / 255 for v in color)
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def drawn(opened, path, scheme, code):
    chromium, base = opened
    with browser.visit(chromium, base, path, browser.DESKTOP, scheme) as seen:
        browser.scroll_through(seen.page)
        found = seen.page.evaluate(code)
        if code is SCALES:
            other = "light" if scheme == "dark" else "dark"
            seen.page.evaluate(
                "theme => { document.documentElement.dataset.theme = theme; }", other
            )
            changed = "old => JSON.stringify((" + SCALES + ")()) !== JSON.stringify(old)"
            seen.page.wait_for_function(changed, arg=found)
            return found, seen.page.evaluate(code)
        return found


def test_heat_maps_are_dark_on_a_dark_page_and_follow_the_theme(opened):
    dark, light = drawn(opened, MAPS, "dark", SCALES)
    assert len(dark) == len(light) > 2
    for below, above in zip(dark, light, strict=True):
        middle = len(below) // 2
        assert luminance(rgb(below[middle])) < 0.03  # what is zero fades into the page
        assert luminance(rgb(above[middle])) > 0.9
        red = rgb(below[-1])
        assert red[0] == max(red)  # what was red stays red


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_error_bars_can_be_read_on_their_bars_and_beyond(opened, scheme):
    found = drawn(opened, BARS, scheme, ERRORS)
    assert found
    for color, opacity, ink, page in found:
        shown = [
            opacity * c + (1 - opacity) * p for c, p in zip(rgb(color), rgb(page), strict=True)
        ]
        assert contrast(rgb(ink), shown) >= 4.5
        assert contrast(rgb(ink), rgb(page)) >= 4.5


@pytest.mark.slow
def test_what_a_title_calls_dark_is_bright_on_a_dark_page(opened):
    chromium, base = opened
    titles = "() => [...document.querySelectorAll('.gtitle')].map(t => t.textContent)"
    with browser.visit(chromium, base, BARS, browser.DESKTOP, "dark") as seen:
        browser.scroll_through(seen.page)
        assert sum("Bright cells" in title for title in seen.page.evaluate(titles)) == 3
        seen.page.evaluate("document.documentElement.dataset.theme = 'light'")
        seen.page.wait_for_function(f"() => !({titles})().some(t => t.includes('Bright'))")
        assert sum("Dark cells" in title for title in seen.page.evaluate(titles)) == 3


CELLS = """() => [...document.querySelectorAll(".js-plotly-plot")].map(plot =>
    [...plot.querySelectorAll(".heatmap-label text")].map(e => {
        const { left, right, top } = e.getBoundingClientRect();
        return [Math.round(top), left, right, e.textContent];
    })).filter(cells => cells.length)"""


@pytest.mark.slow
def test_words_in_cells_do_not_run_into_one_another_on_a_phone(opened):
    chromium, base = opened
    phone = {"width": 360, "height": 740}
    with browser.visit(chromium, base, "book/week2/01_transformerlens.html", phone) as seen:
        browser.scroll_through(seen.page)
        found = seen.page.evaluate(CELLS)
        scrolled = seen.page.locator(".course-scrolls")
        assert scrolled.count()
        assert all(figure.get_attribute("tabindex") == "0" for figure in scrolled.all())
    assert found
    for cells in map(sorted, found):
        for (top, _, right, word), (next_top, left, _, next_word) in itertools.pairwise(cells):
            assert top != next_top or right <= left, (word, next_word)


INKS = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap(box => {
    const map = (box._fullData || []).find(trace => trace.type === "heatmap");
    return [...box.querySelectorAll(".heatmap-label")].map(label => [
        (label.__data__.z - map.zmin) / (map.zmax - map.zmin), map.colorscale,
        getComputedStyle(label.querySelector("text")).fill, label.textContent]);
})"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_in_cells_can_be_read_whatever_the_cell_s_colour(opened, scheme):
    found = drawn(opened, f"pocket/{BARS}", scheme, INKS)
    assert len(found) > 30
    for at, scale, ink, word in found:
        stops, colors = zip(*scale, strict=True)
        channels = zip(*map(rgb, colors), strict=True)
        cell = [np.interp(at, stops, values) for values in channels]
        assert contrast(rgb(ink), cell) >= 4.45, (word, cell)  # 4.5, but for rounding


POINTS = "book/week3/03_figure_3.html", "Panel c"
OPACITIES = """([title]) => [...document.querySelectorAll(`.course-fig[aria-label*="${title}"]`)]
    .flatMap(figure => figure.querySelector(".js-plotly-plot")._fullData)
    .map(trace => trace.marker.opacity)"""


def opened_at(seen, title):
    """The figure with a title, drawn."""
    seen.page.evaluate(browser.UNVEIL)
    figure = seen.page.locator(f'.course-fig[aria-label*="{title}"]').first
    figure.scroll_into_view_if_needed()
    seen.page.wait_for_function("f => f.dataset.state === 'drawn'", arg=figure.element_handle())
    return figure


@pytest.mark.slow
def test_points_are_bright_on_a_dark_page_and_seen_through_on_a_light_one(opened):
    chromium, base = opened
    path, title = POINTS
    for scheme, is_right in (("dark", lambda o: o >= 0.9), ("light", lambda o: o < 0.9)):
        with browser.visit(chromium, base, path, browser.DESKTOP, scheme) as seen:
            opened_at(seen, title)
            found = seen.page.evaluate(OPACITIES, [title])
            assert found
            assert all(map(is_right, found)), scheme


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("week1/gpt2_to_llama", "what one mistake does"),  # long words upright below the bars
        ("week3/knock_outs", "The logit difference after each knock-out"),
        ("labs/another_circuit", "Names among the"),  # a title as wide as the screen
    ],
)
def test_on_a_phone_no_title_is_cut_or_runs_into_an_axis(opened, path, title):
    chromium, base = opened
    with browser.visit(chromium, base, f"book/{path}.html", browser.PHONE) as seen:
        figure = opened_at(seen, title)
        frame, above = figure.bounding_box(), figure.locator(".gtitle").bounding_box()
        axis = figure.locator(".ytitle").bounding_box()
        assert above["x"] + above["width"] <= frame["x"] + frame["width"]
        assert axis["y"] >= above["y"] + above["height"]
