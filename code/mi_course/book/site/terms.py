"""Terms of the glossary: a link to one shows its definition on hover and focus.

The first time a chapter uses a term, the word becomes such a link. So does what a page writes as
`{term}`. Terms and definitions are read from the glossary page as Sphinx has parsed it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from mi_course.book.chapters import PART

GLOSSARY = "book/glossary"
_SKIPPED = (
    nodes.reference,
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.raw,
    nodes.math,
    nodes.caption,
)


@dataclass(frozen=True)
class Term:
    """A term of the glossary.

    Attributes:
        name: as the glossary writes it.
        anchor: its id on the glossary page.
        definition: its text, on one line.
    """

    name: str
    anchor: str
    definition: str


class term_link(nodes.reference):
    """A link to a term, with its `definition`, which a script shows."""


def terms(env: BuildEnvironment) -> list[Term]:
    """The terms of the glossary; empty where there is no glossary."""
    if GLOSSARY not in env.found_docs:
        return []
    return [
        Term(term.astext(), term["ids"][0], " ".join(definition.astext().split()))
        for glossary in env.get_doctree(GLOSSARY).findall(addnodes.glossary)
        for definition in glossary.findall(nodes.definition)
        for term in definition.parent.findall(nodes.term)
    ]


def link_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link the first use of each term in a chapter, and put definitions on all links to terms."""
    if app.builder.format != "html":
        return
    page = app.builder.get_relative_uri(docname, GLOSSARY)
    found = {f"{page}#{term.anchor}": term for term in terms(app.env)}
    if re.match(rf"book/{PART}/", docname):
        _link_first_uses(doctree, {term.name.casefold(): uri for uri, term in found.items()})
    for link in list(doctree.findall(nodes.reference)):
        term = found.get(link.get("refuri"))
        if term is not None:
            attributes = {**link.attributes, "definition": term.definition}
            link.replace_self(term_link("", "", *link.children, **attributes))


def _link_first_uses(doctree: nodes.document, uris: dict[str, str]) -> None:
    """Make links of words; `uris` has an address for each term, and loses those that were used."""
    names = "|".join(re.escape(name) for name in sorted(uris, key=len, reverse=True))
    pattern = re.compile(rf"\b({names})\b", re.IGNORECASE)
    for text in list(doctree.findall(nodes.Text)):
        if uris and _in_prose(text):
            pieces = _linked(text.astext(), pattern, uris)
            if len(pieces) > 1:
                text.parent.replace(text, pieces)


def _in_prose(text: nodes.Text) -> bool:
    """Whether a text stands in a paragraph or a list, outside of links, titles and code."""
    node, within = text.parent, False
    while node is not None:
        if isinstance(node, _SKIPPED):
            return False
        within = within or isinstance(node, nodes.paragraph)
        node = node.parent
    return within


def _linked(whole: str, pattern: re.Pattern[str], uris: dict[str, str]) -> Sequence[nodes.Node]:
    """A text in pieces, with a link for each term that has not been used yet."""
    pieces: list[nodes.Node] = []
    at = 0
    for match in pattern.finditer(whole):
        uri = uris.pop(match[1].casefold(), None)
        if uri is not None:
            link = nodes.reference("", match[1], internal=True, refuri=uri, classes=["course-term"])
            pieces += [nodes.Text(whole[at : match.start()]), link]
            at = match.end()
    return [*pieces, nodes.Text(whole[at:])]


def _open(translator: Any, node: term_link) -> None:
    """Sphinx's own start of a link within the site, and the definition."""
    attributes = {"href": node["refuri"], "data-definition": node["definition"]}
    start = translator.starttag(node, "a", "", CLASS="reference internal", **attributes)
    translator.body.append(start)


def _close(translator: Any, node: term_link) -> None:
    translator.depart_reference(node)


def setup(app: Sphinx) -> None:
    """Called by the extension for what accompanies a learner."""
    app.add_node(term_link, html=(_open, _close))
    app.connect("doctree-resolved", link_terms)
