"""MyST roles as plain Markdown: what `{role}`content`` becomes in a learner's notebook."""

from __future__ import annotations

import re
from collections.abc import Callable

from mi_course.book.chapters import ChapterError
from mi_course.book.notebook.targets import Page

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


def _entry(page: Page, key: str) -> dict[str, str]:
    if key not in page.bibliography:
        raise ChapterError(f"no reference {key!r} in the bibliography")
    return page.bibliography[key]


def _authors(entry: dict[str, str]) -> str:
    """`Elhage et al.`, `Vig and Belinkov`, `Olah`."""
    people = re.split(r"\s+and\s+", entry.get("author", entry.get("title", "")))
    names = [p.partition(",")[0] if "," in p else p.split()[-1] for p in people if p]
    if len(names) == 2 and names[1] != "others":
        return f"{names[0]} and {names[1]}"
    return names[0] if len(names) == 1 else f"{names[0]} et al."


def _address(entry: dict[str, str]) -> str:
    if "eprint" in entry and entry.get("archiveprefix", "").lower() == "arxiv":
        return f"https://arxiv.org/abs/{entry['eprint']}"
    return entry.get("url") or (f"https://doi.org/{entry['doi']}" if "doi" in entry else "")


def _citation(entry: dict[str, str], text: str) -> str:
    address = _address(entry)
    return f"[{text}]({address})" if address else text


def _cite_in_brackets(page: Page, content: str) -> str:
    entries = [_entry(page, key.strip()) for key in content.split(",")]
    cited = [_citation(e, f"{_authors(e)}, {e.get('year', '')}") for e in entries]
    return f"({'; '.join(cited)})"


def _cite_in_text(page: Page, content: str) -> str:
    entries = [_entry(page, key.strip()) for key in content.split(",")]
    return ", ".join(_citation(e, f"{_authors(e)} ({e.get('year', '')})") for e in entries)


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
    from mi_course.book import chapters

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
