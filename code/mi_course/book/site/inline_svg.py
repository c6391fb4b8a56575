"""Drawings that react: an SVG whose name is listed here is put into the page itself.

In an `<img>` a drawing cannot be reached by keyboard or finger, and knows nothing of the page's
theme. Within the page it can and does, by CSS alone. A learner's notebook keeps the picture.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DRAWINGS = ("architecture.svg", "ioi_circuit.svg")
_FOLDER = Path("book/_static/figures")
# Sphinx makes a picture of a given width a link to its file, which would take every tap.
_IMAGE = re.compile(
    r"(?P<link><a\b[^>]*\bimage-reference\b[^>]*>\s*)?"
    r'<img\b[^>]*\bsrc="[^"]*/(?P<name>[\w-]+\.svg)"[^>]*/?>(?(link)\s*</a>)'
)


def put_inline(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Replace the pictures of `DRAWINGS` in a page by the drawings themselves."""

    def drawing(match: re.Match[str]) -> str:
        if match["name"] not in DRAWINGS:
            return match[0]
        return (Path(app.srcdir) / _FOLDER / match["name"]).read_text("utf8")

    if context.get("body"):
        context["body"] = _IMAGE.sub(drawing, context["body"])


def setup(app: Sphinx) -> None:
    """Called by the course's own extension."""
    app.connect("html-page-context", put_inline)
