"""MyST roles as plain Markdown: what `{role}`content`` becomes in a learner's notebook.

The parser finds a role and hands over its content; `text <target>` within it is taken apart by a
regular expression, as Sphinx does, which need not be loaded for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from mi_course.book import chapters
from mi_course.book.chapters import ChapterError
from mi_course.book.claims import words
from mi_course.book.notebook import bibliography
from mi_course.book.notebook.targets import Page
from mi_course.errors import CourseError

if TYPE_CHECKING:
    from pybtex.database import Entry

_TITLED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.DOTALL)


def convert(page: Page, name: str, content: str) -> str:
    """One role as plain Markdown.

    Raises:
        ChapterError: a role that has no plain form here, or that refers to nothing.
    """
    if name not in ROLES:
        raise ChapterError(
            f"role {{{name}}} has no plain form for notebooks; those that have: {', '.join(ROLES)}"
        )
    return ROLES[name](page, content)


def _titled(content: str) -> tuple[str, str]:
    """`text <target>` as text and target; the text is empty where only a target stands."""
    match = _TITLED.match(content)
    return (match[1], match[2]) if match else ("", content)


def _cite_in_brackets(page: Page, content: str) -> str:
    cited = [
        _cited(entry, f"{bibliography.authors(entry)}, {bibliography.year(entry)}")
        for entry in _entries(page, content)
    ]
    return f"({'; '.join(cited)})"


def _cite_in_text(page: Page, content: str) -> str:
    return ", ".join(
        _cited(entry, f"{bibliography.authors(entry)} ({bibliography.year(entry)})")
        for entry in _entries(page, content)
    )


def _entries(page: Page, keys: str) -> list[Entry]:
    names = [key.strip() for key in keys.split(",")]
    for name in names:
        if name not in page.bibliography:
            raise ChapterError(f"no reference {name!r} in the bibliography")
    return [page.bibliography[name] for name in names]


def _cited(entry: Entry, text: str) -> str:
    address = bibliography.address(entry)
    return f"[{text}]({address})" if address else text


def _glue(page: Page, content: str) -> str:
    return page.glued(content)


def _reference(page: Page, content: str) -> str:
    """`{ref}`: the text given, or the title of what the label labels, linked if elsewhere."""
    text, label = _titled(content)
    if label not in page.labels:
        raise ChapterError(f"no label {label!r} in the book")
    doc, title = page.labels[label]
    return (text or title) if doc == page.doc else page.link(text or title, doc)


def _document(page: Page, content: str) -> str:
    text, target = _titled(content)
    base = page.root / chapters.BOOK
    path = base / target.lstrip("/") if target.startswith("/") else page.path.parent / target
    doc = chapters.doc_name(page.root, path.with_name(path.name.removesuffix(".md") + ".md"))
    return page.link(text or chapters.title(base / f"{doc}.md"), doc)


def _playground(page: Page, content: str) -> str:
    """`{playground}`: a link to the site, or where to find it if the site's address is not set."""
    from mi_course.book.site import playground

    text, target = playground.split(content)
    try:
        after = playground.query(target)
    except ValueError as error:
        raise ChapterError(str(error)) from error
    address = page.site and f"{page.site}{playground.PAGE}.html"
    if not address:
        return f"{text} (on the site's page *Playground*)"
    return f"[{text}]({address}{after and '?'}{after})"


def _claim(part: str = "") -> Callable[[Page, str], str]:
    """`{claim}`: what it found on the model of all numbers of a notebook's text."""

    def text(page: Page, content: str) -> str:
        try:
            return words.render(page.root, content.strip(), page.chapter.at_least, part)
        except CourseError as error:
            raise ChapterError(str(error)) from error

    return text


def _equation(page: Page, content: str) -> str:
    return "the equation above"


def _text(page: Page, content: str) -> str:
    return _titled(content)[0] or _titled(content)[1]


def _wrapped(before: str, after: str = "") -> Callable[[Page, str], str]:
    return lambda page, content: f"{before}{content}{after or before}"


ROLES: dict[str, Callable[[Page, str], str]] = {
    "abbr": lambda page, content: content.partition("(")[0].strip(),
    "cite": _cite_in_brackets,
    "cite:p": _cite_in_brackets,
    "cite:t": _cite_in_text,
    "claim": _claim(),
    **{f"claim-{part}": _claim(part) for part in words.PARTS},
    "code": _wrapped("`"),
    "doc": _document,
    "eq": _equation,
    "glue": _glue,
    "glue:text": _glue,
    "guilabel": _wrapped("**"),
    "kbd": _wrapped("<kbd>", "</kbd>"),
    "math": _wrapped("$"),
    "numref": _reference,
    "playground": _playground,
    "ref": _reference,
    "sub": _wrapped("<sub>", "</sub>"),
    "sup": _wrapped("<sup>", "</sup>"),
    "term": _text,
}
