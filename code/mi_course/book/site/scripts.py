"""Sphinx extension: which scripts a page loads, and when.

No script holds up the first paint, but for the small one of pages that veil something: what it
hides must not be seen before. The large ones, which draw figures and formulas, are named on pages
that may need them and fetched by `lazy.js` when a figure or a formula comes near the screen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.builders.html._assets import _JavaScript

from mi_course.book.site import figures, predict

LAZY = "lazy.js"
MATH = "course-math.js"
SEARCH_PAGE, SEARCH = "search", "search.js"
LATER: dict[str, Any] = {"type": "text/lazy"}
"""Attributes of a script that `lazy.js` fetches when it is wanted."""
_FOR_DEBUGGERS, _ICON_SCRIPT = ".map", "fontawesome.js"
# Inline scripts of the page call what these define.
_AT_ONCE = ("documentation_options.js", predict.SCRIPT)


def choose(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Name the large scripts on the pages that have something for them to draw."""
    if pagename == SEARCH_PAGE:
        app.add_js_file(SEARCH, defer="defer")
        return
    body = context.get("body") or ""
    has_math, has_figure = 'class="math ' in body, 'class="course-fig ' in body
    for css_class, script in figures.ASSETS.items():
        if f'class="course-fig {css_class}"' in body:
            app.add_js_file(script, **LATER)
    if has_math or has_figure:
        app.add_js_file(LAZY)
    if has_figure:
        app.add_js_file(figures.DRAWS)
    if has_math:
        app.add_js_file(MATH)
    # Sphinx loads MathJax also on a page whose table of contents leads to math.
    scripts = context["script_files"]
    scripts[:] = [s for s in scripts if has_math or app.config.mathjax_path not in str(s.filename)]


def postpone(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Let every script file wait until the page has been read; MathJax until it is wanted.

    Not on the search page, whose own scripts use the others while it is read.
    """
    if pagename == SEARCH_PAGE:
        return
    context["script_files"] = [_postponed(app, s) for s in context["script_files"]]


def _postponed(app: Sphinx, script: Any) -> Any:
    """The script, to be run later; one without a file, which is written on the page, as it is."""
    name, attributes = str(script.filename or ""), dict(script.attributes)
    if not name or name.endswith(_AT_ONCE) or attributes.get("type"):
        return script
    if app.config.mathjax_path in name:
        return _JavaScript(name, priority=script.priority, **LATER)
    return _JavaScript(name, priority=script.priority, **(attributes | {"defer": "defer"}))


def drop_unused(app: Sphinx, exception: Exception | None) -> None:
    """After a build: leave out what no page loads, five megabytes of the theme's files."""
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    pages = (page for page in site.rglob("*.html") if static not in page.parents)
    icons = any(_ICON_SCRIPT in page.read_text("utf8") for page in pages)
    for path in static.rglob("*"):
        if path.suffix == _FOR_DEBUGGERS or (path.name == _ICON_SCRIPT and not icons):
            path.unlink()


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.connect("build-finished", drop_unused, priority=100)  # before other models' sites go in
    app.connect("html-page-context", choose, priority=900)
    app.connect("html-page-context", postpone, priority=950)
