"""Each week, and the labs, as one page to print, `print/week1.html`, made from the built site.

The week's pages follow one another without sidebar and buttons. What is folded up on the site
(hints, answers, solutions) stands numbered at the end, so that paper gives nothing away either. Ids
carry the name of their page, and a link from one page of the week to another stays on this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from bs4 import Tag as Element
from docutils import nodes
from sphinx.application import Sphinx

from mi_course.book.chapters import LABS, PART

Tag = Any  # bs4's own types make every step on the way to a tag optional

FOLDER = "print"
STYLE, SCRIPT = "print.css", "print.js"
_WEEK = re.compile(rf"book/({PART})/index")
_NOT_PRINTED = "a.headerlink, .course-print-link, .course-switch"
# What draws figures and math; the theme's scripts run its sidebar and its search.
_DRAWS = re.compile(r"/vendor/|/lazy\.js|/course-(figs|math)\.js|^window\.MathJax")
_PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="light" data-content_root="../">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}: all pages, to print</title>
{head}
<link rel="stylesheet" href="../_static/{style}">
<script defer src="../_static/{script}"></script>
</head>
<body class="course-print">
<main class="bd-content">
<p class="course-print-bar"><button type="button">Print, or save as PDF</button>
<a href="../{index}.html">Back to its first page</a> <span role="status"></span></p>
{articles}
</main>
</body>
</html>
"""


def _parsed(html: str) -> Any:
    return BeautifulSoup(html, "html.parser")


def week_of(docname: str) -> str | None:
    """`week2` for the first page of week 2, `labs` for the labs', None for any other page."""
    match = _WEEK.fullmatch(docname)
    return match[1] if match else None


def page_of_week(site: Path, docs: list[str]) -> str:
    """The HTML of a week's single page.

    Args:
        site: folder of the built site.
        docs: names of the week's pages, its first page first.
    """
    head: dict[str, None] = {}  # in order, each once
    folded: list[Tag] = []
    articles = []
    for doc in docs:
        soup = _parsed((site / f"{doc}.html").read_text("utf8"))
        links, article = soup.head(["link", "script"]), soup.find("article", "bd-article")
        for tag in [*links, *_outside_of_drawings(article)]:
            _readdress(tag, doc, docs)
        head |= dict.fromkeys(str(tag) for tag in links if _is_needed(tag))
        article["id"] = anchor(doc, "page")
        for tag in article.select(_NOT_PRINTED):
            tag.decompose()
        _take_out_folded(article, folded)
        for details in article("details"):
            details["open"] = ""
        articles.append(str(article))
    title = _parsed(articles[0]).h1
    return _PAGE.format(
        title=escape(title.get_text() if title else docs[0]),
        # what they use first: a script that draws was perhaps wanted by a page before
        head="\n".join(sorted(head, key=lambda tag: bool(re.search("/course-(figs|math)", tag)))),
        index=docs[0],
        articles="\n".join([*articles, _answers(folded)]),
        style=STYLE,
        script=SCRIPT,
    )


def _is_needed(tag: Tag) -> bool:
    if tag.name == "link":
        return "stylesheet" in tag["rel"]
    return bool(_DRAWS.search(tag.get("src") or tag.get_text()))


def _outside_of_drawings(tag: Tag) -> Iterator[Tag]:
    """Every element below one; a drawing refers to its own ids, also from its style."""
    for child in tag.children:
        if isinstance(child, Element):
            yield child
            if child.name != "svg":
                yield from _outside_of_drawings(child)


def _readdress(tag: Tag, doc: str, docs: list[str]) -> None:
    """Make an element's id and addresses right on the page to print."""
    for name in ("id", "for", "aria-labelledby", "aria-describedby"):
        if tag.get(name):
            tag[name] = " ".join(anchor(doc, part) for part in tag[name].split())
    for name in ("href", "src"):
        if tag.get(name):
            tag[name] = address(str(tag[name]), doc, docs)


def anchor(doc: str, name: str) -> str:
    """The id, on the page to print, of what has the id `name` on the page `doc`.

    Example:
        >>> anchor("book/week1/01_mlp_mnist", "pitfalls")
        '01_mlp_mnist--pitfalls'
    """
    return f"{PurePosixPath(doc).name}--{name}"


def address(link: str, doc: str, docs: list[str]) -> str:
    """Where a link on the page `doc` leads, seen from the page to print, which holds `docs`.

    Example:
        >>> address("../_images/a.svg", "week1/a", ["week1/a", "week1/b"])
        '../_images/a.svg'
        >>> address("b.html#plot", "week1/a", ["week1/a", "week1/b"])
        '#b--plot'
    """
    if urlsplit(link).scheme:
        return link
    path, hash_sign, name = link.partition("#")
    target = normpath(f"{PurePosixPath(doc).parent}/{path}") if path else f"{doc}.html"
    within = target.removesuffix(".html")
    if within in docs:
        return f"#{anchor(within, name or 'page')}"
    return f"../{target}{hash_sign}{name}"


def _is_folded(tag: Tag) -> bool:
    classes = set(tag.get("class", ()))
    return classes >= {"admonition", "dropdown"} or (
        tag.name == "details" and "sd-dropdown" in classes
    )


def _take_out_folded(article: Tag, folded: list[Tag]) -> None:
    """Move what is folded up to the end of `folded`, and leave a line that says where it is."""
    for box in [box for box in article(_is_folded) if not box.find_parent(_is_folded)]:
        line = box.find_previous_sibling()
        if line is None or "course-print-see" not in line.get("class", []):
            line = _parsed('<p class="course-print-see">At the end:</p>').p
            box.insert_before(line)
        folded.append(box.extract())
        n = len(folded)
        text = f' <a id="see-{n}" href="#folded-{n}">{n}. {escape(_title(box))}</a>'
        line.append(_parsed(text))


def _title(box: Tag) -> str:
    """A hint's or a solution's own title."""
    return " ".join(box.select_one(".sd-summary-text, .admonition-title").get_text().split())


def _answers(folded: list[Tag]) -> str:
    """The last part of the page: everything that was folded up, by its number."""
    parts = []
    for n, box in enumerate(folded, 1):
        title = _title(box)
        box.select_one("summary, .admonition-title").decompose()
        parts.append(
            f'<section class="course-print-answer" id="folded-{n}">'
            f'<h2><a href="#see-{n}">{n}.</a> {escape(title)}</h2>{box.decode_contents()}</section>'
        )
    if not parts:
        return ""
    title = "<h1>Hints, answers and solutions</h1>"
    return f'<article class="bd-article" id="folded">{title}{"".join(parts)}</article>'


def link_to_print(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put a link to the page to print under the title of each week's first page."""
    week, title = week_of(docname), doctree.next_node(nodes.title)
    if week is None or title is None or app.builder.format != "html":
        return
    uri = f"{'../' * docname.count('/')}{FOLDER}/{week}.html"
    part = "part" if week == LABS else "week"
    text = f"All pages of this {part} on one, to print"
    link = nodes.reference("", text, internal=True, refuri=uri)
    line = nodes.paragraph("", "", link, classes=["course-print-link"])
    title.parent.insert(title.parent.index(title) + 1, line)


def write_weeks(app: Sphinx, exception: Exception | None) -> None:
    """After a build: write the page of each week."""
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    for index, pages in app.env.toctree_includes.items():
        week = week_of(index)
        if week is not None:
            (site / FOLDER).mkdir(exist_ok=True)
            (site / FOLDER / f"{week}.html").write_text(page_of_week(site, [index, *pages]), "utf8")


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.connect("doctree-resolved", link_to_print)
    app.connect("build-finished", write_weeks)
