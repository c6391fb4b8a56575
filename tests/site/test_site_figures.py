"""Stored figures become boxes that hold their data, their name and their height."""

import json
import re

import pytest
from sample_course import MODEL, attention, curves, heatmap, plotly, store_outputs, write

from mi_course.book import figures, sphinx_ext, store
from mi_course.book.outputs import CIRCUITSVIS, PLOTLY


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


def test_figure_says_what_is_missing_without_javascript():
    assert "<noscript>This figure is drawn by JavaScript" in figures.to_html(heatmap().data)


def test_text_is_no_figure():
    assert figures.to_html({"text/plain": "3"}) is None


@pytest.fixture
def course(tmp_path):
    return write(tmp_path / "course")


def chapter(course):
    return course / "book/week2/01_sample.md"


def shown_line(course):
    return sphinx_ext.label(sphinx_ext.choose(course, chapter(course)))


def test_page_says_that_pocket_is_not_gpt2(course):
    line = shown_line(course)
    assert "pocket" in line
    assert MODEL["sha256"][:8] in line
    assert "not GPT-2" in line
    assert "2026-01-02" in line
    assert "Python 3.11, PyTorch 2.13.0" in line


def test_gpt2_outputs_are_shown_where_they_are_stored(course):
    store_outputs(course, [[], [], [], [], [], []], model="gpt2")
    assert "GPT-2 small" in shown_line(course)
    assert "pocket" not in shown_line(course)
    assert sphinx_ext.HIDDEN not in shown_line(course)


def test_stale_gpt2_outputs_give_way_to_pocket_without_a_complaint(course):
    stored = store_outputs(course, [[], [], [], [], [], []], model="gpt2")
    stored.write_text(stored.read_text().replace('"heatmap"', '"other"'))
    shown = sphinx_ext.choose(course, chapter(course))
    assert shown.reason is None
    assert "pocket" in shown_line(course)
    assert shown_line(course).endswith(sphinx_ext.HIDDEN)


def test_stale_pocket_outputs_are_a_complaint_even_where_gpt2_is_shown(course):
    store_outputs(course, [[], [], [], [], [], []], model="gpt2")
    stored = sphinx_ext.chapters.stored_path(course, "week2/01_sample", "pocket")
    stored.write_text(stored.read_text().replace('"heatmap"', '"other"'))
    shown = sphinx_ext.choose(course, chapter(course))
    assert "code cell 2" in shown.reason
    assert "gpt2" in shown.stored.parts


def test_outputs_without_a_model_are_said_to_be_so(course):
    meta = store.load(sphinx_ext.choose(course, chapter(course)).stored).metadata.mi_course
    meta.model.name = "none"
    assert "without a language model" in sphinx_ext.describe(meta)
