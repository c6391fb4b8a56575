"""What the theme and Sphinx leave out for readers who do not see the page, put into its HTML.

Found with axe, which the tests run on every page: toggles of the sidebar without a name, header
cells without text, entries of the bibliography in a role that a list cannot hold, folded code that
is called otherwise than what is written on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sphinx.application import Sphinx

_EMPTY_HEADER = re.compile(r"<th\b[^>]*>\s*(?:<p>\s*</p>)?\s*</th>")


def mend(body: str) -> str:
    """A page's body with headers that hold something, and names and roles that are right.

    Example:
        >>> mend('<th class="head"><p></p></th><th>a</th>')
        '<td></td><th>a</th>'
    """
    body = _EMPTY_HEADER.sub("<td></td>", body)
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
    app.connect("html-page-context", apply, priority=900)
