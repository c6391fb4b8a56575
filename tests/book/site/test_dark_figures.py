"""Figures on a dark page: light inverted and hues kept, and what stands on bars can be read."""

import re

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
