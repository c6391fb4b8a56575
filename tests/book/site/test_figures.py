"""Stored figures become boxes that hold their data, their name and their height."""

import json
import re

import pytest

from mi_course.book.outputs import CIRCUITSVIS, PLOTLY
from mi_course.book.site import figures
from support.sample_course import attention, curves, heatmap, plotly


def content(html):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.S)[1])


def test_plot_keeps_its_data_and_layout_unchanged():
    stored = heatmap().data[PLOTLY]
    shown = content(figures.to_html(heatmap().data))
    assert (shown["data"], shown["layout"]) == (stored["data"], stored["layout"])


def test_closing_script_tag_within_the_data_does_not_end_the_element():
    html = figures.to_html(attention().data)
    assert html.count("</script>") == 1
    assert content(html)["props"] == attention().data[CIRCUITSVIS]["props"]


@pytest.mark.parametrize(
    ("output", "height"),
    [(heatmap(), 340), (curves(), figures.PLOTLY_HEIGHT)],
    ids=["own", "default"],
)
def test_plot_reserves_its_height(output, height):
    assert f"min-height:{height}px" in figures.to_html(output.data)


def test_plot_is_an_image_named_by_its_title():
    html = figures.to_html(heatmap('Scores <b>of "every" head</b>').data)
    assert 'role="img" aria-label="Scores of &quot;every&quot; head"' in html


def test_plot_without_a_title_still_has_a_name():
    assert 'aria-label="Plot"' in figures.to_html(plotly([], {}).data)


def test_attention_is_named_by_its_heads():
    assert 'aria-label="Attention patterns of heads 0.1, 1.2"' in figures.to_html(attention().data)


def test_zeros_of_a_pattern_are_written_short():
    html = figures.to_html(attention().data)
    assert "[1,0" in html
    assert not re.search(r"\b[0-9]+\.0\b(?!\.)[,\]]", html)


def test_figure_says_what_is_missing_without_javascript():
    assert "<noscript>This figure is drawn by JavaScript" in figures.to_html(heatmap().data)


def test_text_is_no_figure():
    assert figures.to_html({"text/plain": "3"}) is None
