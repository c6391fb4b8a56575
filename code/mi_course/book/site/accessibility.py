"""What the theme and Sphinx leave out for readers who do not see the page, put into its HTML.

Found with axe, which the tests run on every page: toggles of the sidebar without a name, header
cells without text, entries of the bibliography in a role that a list cannot hold, folded code that
is called otherwise than what is written on it. The latter two are written by docutils and myst-nb
as fixed strings, whatever the page, so these strings are replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


class blank_cell(nodes.entry):
    """An empty cell of a table's header, which is no header of anything."""


def blank_headers(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make plain cells of the empty ones in the headers of tables."""
    if app.builder.format != "html":
        return
    for header in doctree.findall(nodes.thead):
        for cell in list(header.findall(nodes.entry)):
            if not cell.astext().strip() and cell.next_node(nodes.image) is None:
                cell.replace_self(blank_cell())


def _write_blank(translator: Any, node: blank_cell) -> None:
    node.parent.column += 1  # docutils counts a row's cells as it writes them
    translator.body.append("<td></td>\n")
    raise nodes.SkipNode


def mend(body: str) -> str:
    """A page's body with names and roles that are right.

    Example:
        >>> mend('<div class="citation" role="doc-biblioentry">')
        '<div class="citation" role="listitem">'
    """
    body = body.replace(' role="doc-biblioentry"', ' role="listitem"')
    return body.replace('<summary aria-label="Toggle hidden content">', "<summary>")


def name_toggles(sidebar: Any) -> Any:
    """Say what each toggle of the sidebar shows; `sidebar` as the theme makes it, a soup."""
    for summary in sidebar.select("li > details > summary") if sidebar else ():
        page = summary.find_parent("li").find("a").get_text(strip=True)
        summary["aria-label"] = f"Pages of {page}"
    return sidebar


def apply(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Mend a page's body, and the sidebar that its template asks for."""
    if context.get("body"):
        context["body"] = mend(context["body"])
    make: Callable[..., Any] | None = context.get("generate_toctree_html")
    if make is not None:

        def make_named(kind: str, **options: Any) -> Any:
            made = make(kind=kind, **options)
            return name_toggles(made) if kind == "sidebar" else made

        context["generate_toctree_html"] = make_named


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.add_node(blank_cell, html=(_write_blank, None))
    app.connect("doctree-resolved", blank_headers)
    app.connect("html-page-context", apply, priority=900)
