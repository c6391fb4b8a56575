"""Sphinx extension for claims: a role that tells one, and a table of them all.

    {claim}`week4/position_costs_mlps_more_on_ioi`
    {claim-effect}`week4/position_costs_mlps_more_on_ioi`

The first is the sentence of the verdict with its evidence, the others are parts (`words.PARTS`) for
a sentence of one's own. They tell what was found on the model whose outputs the page shows. A claim
that is not known, or whose table is stale, is a warning, which fails the build.

    ```{claims-table}
    ```
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole

from mi_course.book.chapters import Chapter
from mi_course.book.claims import table, words
from mi_course.book.site import model_sites, page_model
from mi_course.claims import catalogue
from mi_course.claims.finding import Claim
from mi_course.errors import CourseError
from mi_course.models import registry

PAGE = "book/claims"
_EVIDENCE = " (effect "
_COMMAND = re.compile(r"(?<=: run )mi-course .+?(?=\.?$)")


class ClaimRole(SphinxRole):
    """`{claim}`NAME`` or `{claim-PART}`NAME``: what a claim found on the page's model."""

    def __init__(self, part: str = "") -> None:
        self.part = part

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The text; its evidence is a link to the page of all claims, where there is one."""
        try:
            claim = catalogue.named(self.text.strip())
            _depend(self.env)
            model = _model_of(self.env, claim)
            text = words.render(Path(self.env.srcdir), claim.name, model, self.part)
        except CourseError as error:
            message = self.inliner.reporter.warning(str(error), line=self.lineno)
            return [nodes.Text(self.text)], [message]
        inner = _with_command(text) if self.part else self._linked(text)
        return [nodes.inline("", "", *inner, classes=["course-claim"])], []

    def _linked(self, text: str) -> list[nodes.Node]:
        sentence, bracket, evidence = text.partition(_EVIDENCE)
        if not bracket or PAGE not in self.env.found_docs:
            return _with_command(text)
        target = {"refdomain": "std", "reftype": "doc", "refexplicit": True, "refwarn": True}
        shown = nodes.inline("", f"{bracket.strip()} {evidence}", classes=["course-evidence"])
        link = addnodes.pending_xref("", shown, reftarget=f"/{PAGE}", **target)
        link["refdoc"] = self.env.docname
        return [nodes.Text(f"{sentence} "), link]


def say_once(app: Sphinx, doctree: nodes.document) -> None:
    """Claims of one paragraph that cannot be measured for one reason say so once."""
    for paragraph in doctree.findall(nodes.paragraph):
        said: set[str] = set()
        for node in list(paragraph.findall(nodes.inline)):
            text = node.astext()
            other = not text.startswith(words.NOT_MEASURED) or node.next_node(nodes.literal)
            if other or "course-claim" not in node["classes"]:
                continue  # measured, or with the command that measures it
            if text in said:
                _remove(node)
            said.add(text)


def _remove(node: nodes.Element) -> None:
    """Take a node out, with the space before it."""
    parent, i = node.parent, node.parent.index(node)
    parent.remove(node)
    if i and isinstance(before := parent[i - 1], nodes.Text):
        parent.replace(before, nodes.Text(before.rstrip()))


def _with_command(text: str) -> list[nodes.Node]:
    """A sentence, with the command in it as code: its `--` would become a dash in prose."""
    command = _COMMAND.search(text)
    if command is None:
        return [nodes.Text(text)]
    before, after = text[: command.start()], text[command.end() :]
    return [nodes.Text(before), nodes.literal("", command[0]), nodes.Text(after)]


def _depend(env: BuildEnvironment) -> None:
    """The page is read again when a table changes or appears."""
    for model in registry.names():
        env.note_dependency(str(table.path(Path(env.srcdir), model)))


def _model_of(env: BuildEnvironment, claim: Claim) -> str:
    """The model whose outputs this page shows; on a page without code, the claim's chapter's."""
    shown = env.temp_data.get("mi_course_shown")
    if shown is None or shown.model is None:
        shown = model_sites.choose(Chapter(Path(env.srcdir), claim.doc))
    return shown.model or registry.DEFAULT.name


class ClaimsTable(SphinxDirective):
    """Every claim of the course as a table, for each model on which some were measured."""

    def run(self) -> list[nodes.Node]:
        """The tables, or a warning for each reason why one must not be shown."""
        root = Path(self.env.srcdir)
        _depend(self.env)
        wanted = page_model.asked()
        models = [one for one in registry.MODELS if wanted in (None, one.name)]
        problems = [why for model in models for why in table.problems(root, model)]
        if problems:
            warn = self.state.document.reporter.warning
            return [warn(why, line=self.lineno) for why in problems]
        lines = [line for model in models for line in words.table_of(root, model)]
        box = nodes.container(classes=["course-claims"])
        self.state.nested_parse(StringList(lines, source="claims"), self.content_offset, box)
        return [box]


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.add_role("claim", ClaimRole())
    for part in words.PARTS:
        app.add_role(f"claim-{part}", ClaimRole(part))
    app.add_directive("claims-table", ClaimsTable)
    app.connect("doctree-read", say_once)
