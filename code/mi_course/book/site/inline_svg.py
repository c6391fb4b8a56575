"""Drawings that react: an SVG whose name is listed here is put into the page itself.

In an `<img>` a drawing cannot be reached by keyboard or finger, and knows nothing of the page's
theme. Within the page it can and does, by CSS alone. A learner's notebook keeps the picture.

Some of them one steps through: `stepped.js` shows their steps one after another.

A drawing may show what was measured on its page: values that a cell of the chapter glued, of the
model whose outputs the page shows. `data-glued` of a text says what stands there instead of the
text, and what a step says may name values too, both as `str.format` has it: `{mover}`. A path with
`data-unless-none="guides"` is left out where the value of that name is `none`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from mi_course.book import chapters
from mi_course.book.notebook.targets import stored_values
from mi_course.book.site import model_sites

log = logging.getLogger(__name__)

_FOLDER = "book/_static/figures"
_STEPPED = ("two_hops", "patching_steps", "path_patching_steps", "two_circuits")
STEPPED = tuple(f"{_FOLDER}/{name}.svg" for name in _STEPPED)
DRAWINGS = (f"{_FOLDER}/architecture.svg", f"{_FOLDER}/ioi_circuit.svg", *STEPPED)
SCRIPT = "stepped.js"
WIDE = "course-wide"
"""The class of what holds a drawing that stays a picture: too wide for a phone, so it scrolls."""

LINE, LINES = 21, 2
"""Letters in a line, and lines, for which a drawing leaves room where a value is put."""
_LINE_PX = 18
_TEXT = re.compile(r'<text([^>]*?) data-glued="([^"]*)"([^>]*)>[^<]*</text>')
_SAYS = re.compile(r'(?<= data-says=")[^"]*')
_UNLESS_NONE = re.compile(r'<path[^>]* data-unless-none="(\w+)"[^>]*/>')
_LEFT = re.compile(r' x="([\d.]+)"')


class drawing(nodes.General, nodes.Element):
    """The source of an SVG, as `svg`; no text of the page, so the search does not read it."""


def put_inline(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace the pictures of `DRAWINGS` by the drawings themselves; a phone scrolls the others."""
    if app.builder.format != "html":
        return
    for image in list(doctree.findall(nodes.image)):
        if image["uri"] in DRAWINGS:
            svg = _of_page(app, docname, (Path(app.srcdir) / image["uri"]).read_text("utf8"))
            # a link around a drawing would take every tap
            linked = isinstance(image.parent, nodes.reference)
            (image.parent if linked else image).replace_self(drawing(svg=svg))
        elif image["uri"].startswith(_FOLDER) and image["uri"].endswith(".svg"):
            image.parent["classes"].append(WIDE)


def _of_page(app: Sphinx, docname: str, svg: str) -> str:
    """A drawing with the values of the outputs that its page shows, if it asks for some."""
    if not _TEXT.search(svg):
        return svg
    chapter = chapters.of_source(Path(app.srcdir), Path(app.env.doc2path(docname)))
    stored = model_sites.choose(chapter).stored if chapter else None
    if stored is None:
        return svg
    try:
        return fill(svg, stored_values(stored))
    except KeyError as name:
        log.warning("a drawing asks for the value %s, which no cell glues", name, location=docname)
        return svg


def fill(svg: str, values: Mapping[str, Any]) -> str:
    """A drawing with the values that it asks for.

    Args:
        svg: its source.
        values: what the page's cells glued, by name.

    Raises:
        KeyError: the drawing asks for a value that is not there.

    Example:
        >>> fill('<text x="4" data-glued="{n} heads">some heads</text>', {"n": 8})
        '<text x="4"><tspan x="4" dy="0">8 heads</tspan></text>'
    """

    def said(found: re.Match[str]) -> str:
        return escape(unescape(found[0]).format_map(values))

    def drawn(found: re.Match[str]) -> str:
        before, asked, after = found.groups()
        x = _LEFT.search(before + after)
        lines = _lines(unescape(asked).format_map(values))
        spans = (
            f'<tspan x="{x[1] if x else 0}" dy="{_LINE_PX * bool(i)}">{escape(line)}</tspan>'
            for i, line in enumerate(lines)
        )
        return f"<text{before}{after}>{''.join(spans)}</text>"

    svg = _UNLESS_NONE.sub(lambda found: "" if values[found[1]] == "none" else found[0], svg)
    return _TEXT.sub(drawn, _SAYS.sub(said, svg))


def _lines(text: str) -> list[str]:
    """A text in the lines that a drawing has room for; what is left of a list is counted."""
    lines = textwrap.wrap(text, LINE, break_long_words=False, break_on_hyphens=False)
    if len(lines) <= LINES:
        return lines
    shown = lines[: LINES - 1]
    left = text.count(",") - "".join(shown).count(",") + 1
    return [*shown, f"and {left} more"]


def _write(translator: Any, node: drawing) -> None:
    translator.body.append(node["svg"])
    raise nodes.SkipNode


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the script on the pages that have a drawing to step through."""
    if 'class="course-steps ' in (context.get("body") or ""):
        app.add_js_file(SCRIPT, loading_method="defer")


def setup(app: Sphinx) -> None:
    """Called by the course's own extension."""
    app.add_node(drawing, html=(_write, None))
    app.connect("doctree-resolved", put_inline)
    app.connect("html-page-context", add_script, priority=900)
