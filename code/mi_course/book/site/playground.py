"""Sphinx extension for the playground: its scripts, its model, and links that open it as one wants.

A chapter links with a role, whose target says what the page shall show:

    {playground}`Try it here <prompt=Tom and Amy went to the park&head=1.2>`

The target is `key=value` pairs with `&` between them. Spaces may be typed as they are. The keys are
those of the page's own address: `KEYS` here, and state.js there. `{playground}` with a text alone
opens the page as it starts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from mi_course.book.site import browser_model

PAGE = "book/playground"
BUNDLE = "playground.js"
"""All scripts but the last in one file: one question to the server, not some twenty."""
START = "start.js"
"""By itself: it is what an old browser can read."""
FOLDER = "playground"
# In the order in which they load: each uses what stands before it. `elements.js`, which makes the
# elements, is on every page of the site (learner_ext).
NUMBERS = (
    "slices.js",
    "tokenizer.js",
    "weights.js",
    "model.js",
    "interventions.js",
    "measures.js",
    "state.js",
    "compute.js",
    "puzzles.js",
)
VIEWS = (
    "prompt.js",
    "tokens.js",
    "effect.js",
    "predictions.js",
    "difference.js",
    "changes.js",
    "second.js",
    "patterns.js",
    "large.js",
    "scores.js",
    "lens.js",
    "puzzles.js",
)
SCRIPTS = (
    *NUMBERS,
    *("format.js", "draw.js", "controls.js", "solved.js"),
    *(f"views/{view}" for view in VIEWS),
    *("page.js", START),
)
SECTIONS = {
    "pg-tokens": "Tokens and predictions",
    "pg-patterns": "Attention patterns, switches and puzzles",
    "pg-scores": "Scores on this prompt",
    "pg-lens": "Logit lens",
}
"""What page.js makes, by id, in the order of the page: its contents name it before it is there."""
KEYS = {
    "prompt": "the prompt",
    "answer": "a token",
    "other": "the token that the answer is compared with",
    "at": "the position whose prediction is read, from 0 for BOS; default: the last",
    "change": "changes: 1.3:zero,mlp0:mean,positions:zero,1.2:patch@all,resid1:patch@9",
    "source": "the second prompt, from which patches are taken",
    "head": "the head that is shown large, such as 1.3",
    "show": "after, before or difference",
}
_TITLED = re.compile(r"^(.*?)\s*<(.+)>$", re.DOTALL)


def split(content: str) -> tuple[str, str]:
    """The text of a link and its target, from what the role holds; the target may be empty."""
    match = _TITLED.match(content)
    return (match[1], match[2]) if match else (content, "")


def query(target: str) -> str:
    """The part of a link after `?`, from `key=value&key=value` as one types it.

    After `?` and not after `#`, where the page keeps it later: the theme's script takes what stands
    after the `#` of a link for a CSS selector, and this is none.

    Raises:
        ValueError: a key that the playground does not know, or a pair without `=`.

    Example:
        >>> query("prompt=Tom and Amy&head=1.2")
        'prompt=Tom%20and%20Amy&head=1.2'
    """
    pairs = [pair.partition("=") for pair in target.split("&") if pair]
    for key, sign, _ in pairs:
        if key not in KEYS or not sign:
            raise ValueError(
                f"the playground does not know {key + sign!r}: write key=value pairs with & "
                f"between them; the keys are {', '.join(KEYS)}"
            )
    return "&".join(f"{key}={quote(' '.join(_lines(value)), ',:@')}" for key, _, value in pairs)


def _lines(value: str) -> list[str]:
    """A value that is broken over lines in the source, in pieces; its own leading space stays."""
    return [part.strip() if i else part for i, part in enumerate(value.split("\n"))]


class PlaygroundRole(SphinxRole):
    """`{playground}`text <target>``: a link to the playground, set as the target says."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The link; its address is completed when the page is written."""
        text, target = split(self.text)
        try:
            after = query(target)
        except ValueError as error:
            message = self.inliner.reporter.warning(str(error), line=self.lineno)
            return [nodes.Text(text)], [message]
        reference = nodes.reference(self.rawtext, text, internal=True, classes=["course-try"])
        reference["playground"] = after
        reference["refuri"] = ""
        return [reference], []


def resolve_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give each link of the role its address, as seen from the page that it stands on."""
    for reference in list(doctree.findall(nodes.reference)):
        if "playground" not in reference:
            continue
        if PAGE not in app.env.found_docs:
            reference.replace_self(nodes.Text(reference.astext()))
            continue
        page = app.builder.get_relative_uri(docname, PAGE)
        after = reference["playground"]
        reference["refuri"] = f"{page}?{after}" if after else page


def add_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the playground's scripts and style on its own page, in order, and nowhere else."""
    if pagename != PAGE:
        return
    app.add_css_file(f"{FOLDER}/playground.css")
    for script in (BUNDLE, START):
        app.add_js_file(f"{FOLDER}/{script}", loading_method="defer")
    # It is asked for with the page, not once the scripts have run.
    rounded = f"../_static/{FOLDER}/{browser_model.ROUNDED}"
    link = f'<link rel="preload" as="script" fetchpriority="low" href="{rounded}" />'
    context["metatags"] = context.get("metatags", "") + link


def add_sections(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Name the sections that the page's script makes in the page's contents."""
    if pagename == PAGE:
        context["toc"] = _with_sections(context.get("toc") or "")


def _with_sections(toc: str) -> str:
    """The page's contents with the sections that its script makes, before those of the text."""
    soup = BeautifulSoup(toc, "html.parser")
    items = "".join(
        f'<li class="pst-js-only"><a class="reference internal" href="#{name}">{title}</a></li>'
        for name, title in SECTIONS.items()
    )
    if inner := soup.select_one("ul ul"):
        inner.insert(0, BeautifulSoup(items, "html.parser"))
    return str(soup)


def write_bundle(app: Sphinx) -> None:
    """Before a build: join the scripts, in their order, beside where they are copied to."""
    folder = Path(app.outdir) / "_static" / FOLDER
    source = Path(app.srcdir) / "book" / "_static" / FOLDER
    if app.builder.format != "html" or not source.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    parts = [(source / name).read_text("utf8") for name in SCRIPTS if name != START]
    (folder / BUNDLE).write_text("\n".join(parts), "utf8")


def write_model(app: Sphinx, exception: Exception | None) -> None:
    """After a build: put the model beside the scripts."""
    if exception is None and app.builder.format == "html" and PAGE in app.env.found_docs:
        browser_model.write(Path(app.outdir) / "_static" / FOLDER)


def setup(app: Sphinx) -> None:
    """Called by the course's Sphinx extension."""
    app.add_role("playground", PlaygroundRole())
    app.connect("builder-inited", write_bundle)
    app.connect("doctree-resolved", resolve_links)
    app.connect("html-page-context", add_sections, priority=400)  # the theme reads it at 500
    app.connect("html-page-context", add_scripts, priority=900)
    app.connect("build-finished", write_model)
