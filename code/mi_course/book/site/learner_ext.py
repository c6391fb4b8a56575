"""Sphinx extension for what accompanies a learner: tracker, terms, the exercises' numbers."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from mi_course.book.site import numbering, terms, tracker

# In the order in which they load: each uses what stands before it.
EVERYWHERE = ("elements.js", "learner.js")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_css_file("learner.css")
    for script in EVERYWHERE:
        app.add_js_file(script, loading_method="defer")
    tracker.setup(app)
    terms.setup(app)
    numbering.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
