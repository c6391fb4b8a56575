"""Stored figures as HTML that one local script draws when the reader scrolls to them.

A plot is stored as data, not as a picture and not as a program. On the page it becomes a box with
its final height, the data as JSON, and a name for readers who do not see it. The script
`book/_static/course-figs.js` does the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape, unescape
from math import ceil
from typing import Any

from mi_course.book.outputs import CIRCUITSVIS, PLOTLY
from mi_course.book.site.legible import legible

PLOTLY_HEIGHT = 450
"""Plotly's own height, in pixels, for a layout that names none."""

ASSETS = {
    "course-plotly": "vendor/plotly/plotly-cartesian.min.js",
    "course-circuitsvis": "vendor/circuitsvis/iife.js",
}
"""The library that each kind of figure needs, under `book/_static`; `lazy.js` fetches it."""

HEADS_IN_A_ROW = 4
"""Small patterns side by side on a phone, as CircuitsVis draws them."""

DRAWS = "course-figs.js"
"""The script that draws figures with these libraries."""

_NOSCRIPT = "This figure is drawn by JavaScript, which is switched off in your browser."


def to_html(data: Mapping[str, Any]) -> str | None:
    """The HTML of a stored output, or None where it holds no figure.

    Args:
        data: the output's representations, from MIME type to content.
    """
    if PLOTLY in data:
        return _plotly(data[PLOTLY])
    if CIRCUITSVIS in data:
        return _circuitsvis(data[CIRCUITSVIS])
    return None


def name(html: str) -> str:
    """The name, for readers who do not see it, of a figure that `to_html` made.

    Example:
        >>> name(to_html({PLOTLY: {"data": [], "layout": {"title": "Loss & accuracy"}}}))
        'Loss & accuracy'
    """
    match = re.search(r'aria-label="([^"]*)"', html)
    return unescape(match[1]) if match else ""


def _plotly(stored: Mapping[str, Any]) -> str:
    figure = legible(stored)
    layout = figure.get("layout", {})
    # Plotly takes both forms of a title, and tags in it.
    title = layout.get("title", "")
    text = title.get("text", "") if isinstance(title, Mapping) else title
    name = " ".join(re.sub(r"<[^>]*>", " ", text or "Plot").split())
    shown = {"data": figure["data"], "layout": layout, "config": figure.get("config", {})}
    style = f' style="min-height:{round(layout.get("height", PLOTLY_HEIGHT))}px"'
    return _box("course-plotly", "img", name, style, shown)


def _circuitsvis(figure: Mapping[str, Any]) -> str:
    props = figure["props"]
    heads = props.get("attentionHeadNames")
    name = f"Attention patterns of heads {', '.join(heads)}" if heads else figure["component"]
    # Its layout names no height; the style sheet reserves what it comes to need for so many rows.
    rows = ceil(len(heads) / HEADS_IN_A_ROW) if heads else 1
    style = f' style="--course-rows:{rows}"'
    return _box("course-circuitsvis", "group", name, style, _short(dict(figure)))


def _short(value: Any) -> Any:
    """The same numbers in fewer characters: half of a causal pattern is `0`, and not `0.0`."""
    if isinstance(value, Mapping):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _box(kind: str, role: str, name: str, style: str, content: Mapping[str, Any]) -> str:
    # "</script>" within the JSON would end the element; "<\/" is the same string to a JSON parser.
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    return (
        f'<div class="course-fig {kind}" role="{role}" aria-label="{escape(name)}"{style}>'
        f'<script type="application/json">{text}</script>'
        f"<noscript>{_NOSCRIPT}</noscript></div>"
    )
