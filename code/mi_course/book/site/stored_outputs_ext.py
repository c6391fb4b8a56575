"""Sphinx extension: pages show the outputs stored for them, and building executes nothing.

Before a chapter is read, its stored notebook is compared with it (`store.stale_reason`). If they
belong together, myst-nb is given a reader that puts the stored outputs on the page's own cells. If
not, the page is shown without outputs and a warning says which cell differs and which command mends
it; under `-W` that fails the build. myst-nb itself runs with execution switched off.

A line under each chapter's title says which model made its outputs, with what, and when.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.read import read_myst_markdown_notebook
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.util import logging

from mi_course.book import chapters, store
from mi_course.book.claims import table, words
from mi_course.book.site import (
    accessibility,
    claims,
    figures,
    inline_svg,
    landing,
    launch,
    legible,
    live_figure,
    model_sites,
    page_model,
    playground,
    printable,
    results,
    scripts,
    site_address,
    small_playground,
)
from mi_course.book.site.page_model import Shown
from mi_course.models import registry

log = logging.getLogger(__name__)


def read_chapter(text: str, path: str, stored: str, config: Any) -> NotebookNode:
    """Reader for myst-nb: the page's own cells with the stored outputs on them."""
    notebook = read_myst_markdown_notebook(text, config=config, add_source_map=True, path=path)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, kept in zip(cells, store.load(Path(stored)).cells, strict=True):
        cell.outputs = [_drawable(output) for output in kept.outputs]
        cell.execution_count = kept.execution_count
    return notebook


def _drawable(output: NotebookNode) -> NotebookNode:
    html = figures.to_html(output.get("data", {}))
    if html is not None:
        output.data = NotebookNode({"text/html": html})
    return output


def prepare(app: Sphinx, docname: str, source: list[str]) -> None:
    """Before a page is read: find its stored outputs, and say where they are stale."""
    path = Path(app.env.doc2path(docname))
    chapter = chapters.of_source(Path(app.srcdir), path)
    if chapter is None:
        return
    for page in (chapter, *page_model.quoted(chapter)):
        for model in registry.names():
            # Also those that do not exist yet: a page is read again when its outputs, or those that
            # it quotes, change or appear.
            app.env.note_dependency(str(page.stored(model)))
    what = model_sites.choose(chapter)
    if what.reason:
        why = what.reason
        log.warning("%s: stale outputs: %s", chapter, why, location=docname, type="mi_course")
    app.env.temp_data["mi_course_shown"] = what
    if what.stored is not None:
        _give_reader(app, path, what.stored)


def _give_reader(app: Sphinx, path: Path, stored: Path) -> None:
    """Make `read_chapter` myst-nb's reader for this one file."""
    env: Any = app.env
    options = {"path": str(path), "stored": str(stored), "config": env.myst_config}
    reader = (f"{__name__}.{read_chapter.__name__}", options, False)
    formats = {**env.mystnb_config.custom_formats, str(path): reader}
    env.mystnb_config = env.mystnb_config.copy(custom_formats=formats)


def name_outputs(app: Sphinx, doctree: nodes.document) -> None:
    """Put the line about the outputs under the page's title."""
    what: Shown | None = app.env.temp_data.pop("mi_course_shown", None)
    title = doctree.next_node(nodes.title)
    if what is None or title is None:
        return
    line = nodes.paragraph("", page_model.label(what), classes=["course-outputs"])
    if app.builder.format == "html":
        line += model_sites.switch(app.env.docname, what)
    title.parent.insert(title.parent.index(title) + 1, line)


def _version() -> str:
    """Changes with this code, so that an incremental build reads every page anew."""
    pages = (figures, legible, inline_svg, landing, playground, model_sites, results, page_model)
    told = (claims, table, words)
    files = (Path(module.__file__ or "") for module in (chapters, store, registry, *pages, *told))
    return sha256(b"".join(f.read_bytes() for f in (Path(__file__), *files))).hexdigest()[:12]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_config_value("mi_course_code", _version(), "env", [str])
    app.connect("source-read", prepare)
    app.connect("doctree-read", name_outputs)
    playground.setup(app)
    scripts.setup(app)
    inline_svg.setup(app)
    landing.setup(app)
    live_figure.setup(app)
    small_playground.setup(app)
    launch.setup(app)
    site_address.setup(app)
    accessibility.setup(app)
    printable.setup(app)
    results.setup(app)
    model_sites.setup(app)
    claims.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
