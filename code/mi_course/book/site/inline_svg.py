"""Drawings that react: an SVG whose name is listed here is put into the page itself.

In an `<img>` a drawing cannot be reached by keyboard or finger, and knows nothing of the page's
theme. Within the page it can and does, by CSS alone. A learner's notebook keeps the picture.

Some of them one steps through: `stepped.js` shows their steps one after another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

_FOLDER = "book/_static/figures"
STEPPED = (f"{_FOLDER}/two_hops.svg", f"{_FOLDER}/patching_steps.svg")
DRAWINGS = (f"{_FOLDER}/architecture.svg", f"{_FOLDER}/ioi_circuit.svg", *STEPPED)
SCRIPT = "stepped.js"


class drawing(nodes.General, nodes.Element):
    """The source of an SVG, as `svg`; no text of the page, so the search does not read it."""


def put_inline(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace the pictures of `DRAWINGS` by the drawings themselves."""
    if app.builder.format != "html":
        return
    for image in list(doctree.findall(nodes.image)):
        if image["uri"] in DRAWINGS:
            svg = (Path(app.srcdir) / image["uri"]).read_text("utf8")
            # a link around a drawing would take every tap
            linked = isinstance(image.parent, nodes.reference)
            (image.parent if linked else image).replace_self(drawing(svg=svg))


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
