"""Sphinx extension for what accompanies a learner: the tracker page, and terms with definitions.

The tracker's items come from `learner/tracker.json`, which the command line uses too. Terms come
from the glossary page: the first time a chapter uses one, it becomes a link that shows the
definition.
"""

from __future__ import annotations

import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mi_course.learner import weeklog

GLOSSARY = "book/glossary"
# In the order in which they load: each uses what stands before it.
EVERYWHERE = ("elements.js", "learner.js")
TRACKER = ("weeklog.js", "tracker.js")
_ENTRY = re.compile(r"^(\S.*)\n((?:[ \t]+\S.*\n?)+)", re.MULTILINE)
_SKIPPED = (
    nodes.reference,
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.raw,
    nodes.math,
    nodes.caption,
)
_KINDS = {"reading": "Read", "video": "Watch", "community": "Community"}


# --- the tracker -----------------------------------------------------------------------------


class Tracker(SphinxDirective):
    """`{course-tracker} 2`: the form of week 2; without a number what belongs to all weeks."""

    optional_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        """One piece of HTML, which a script fills from the reader's own storage."""
        text = week_html(int(self.arguments[0])) if self.arguments else whole_html()
        return [nodes.raw("", text, format="html")]


def week_html(week: int) -> str:
    """Items, learnings, blockers, time and notes of a week, as a form."""
    plan = weeklog.plan(week)
    boxes = {s: "" for s in (weeklog.TASKS, weeklog.DELIVERABLES, weeklog.CRITERIA)}
    for item in plan["items"]:
        boxes[weeklog.SECTION.get(item["kind"], weeklog.TASKS)] += _box(item)
    groups = "".join(
        f'<fieldset data-section="{html.escape(section)}"><legend>{section}</legend>'
        f"<ul>{items}</ul></fieldset>"
        for section, items in boxes.items()
    )
    parts = ", ".join(f"{html.escape(name)} {hours} h" for name, hours in plan["parts"])
    return f"""<div class="course-week" data-week="{week}">
<p>{html.escape(plan["goal"])} <span class="course-parts">{parts}.</span></p>
<p class="course-bar"><progress max="{len(plan["items"])}" value="0"
 aria-label="Items of week {week} that are done"></progress> <output></output></p>
{groups}
{_field(week, "learnings", "Key learnings: three, one on a line")}
{_field(week, "blockers", "Blockers: what is confusing, one on a line")}
<fieldset class="course-time"><legend>Time log</legend><ul></ul>
<p><label>Day <input name="day" type="text" size="10" autocomplete="off"></label>
<label>Hours <input name="hours" type="number" min="0" max="24" step="0.25"></label>
<button type="button" data-do="add-time">Add</button> <output></output></p></fieldset>
{_field(week, "notes", "Notes")}
</div>"""


def _box(item: dict[str, str]) -> str:
    text, kind = html.escape(item["text"]), _KINDS.get(item["kind"])
    name, link = item["id"], html.escape(item.get("link", ""))
    more = f' <a class="reference external" href="{link}" aria-label="open: {text}">open</a>'
    badge = f' <span class="course-kind">{kind}</span>' if kind else ""
    return (
        f'<li><input type="checkbox" id="{name}" data-item="{name}">'
        f'<span><label for="{name}">{text}</label>{badge}{more if link else ""}</span></li>'
    )


def _field(week: int, name: str, label: str) -> str:
    return (
        f'<p class="course-field"><label for="week-{week}-{name}">{label}</label>'
        f'<textarea id="week-{week}-{name}" name="{name}" rows="3"></textarea></p>'
    )


def whole_html() -> str:
    """Export, import and print, with the items as data for the script."""
    data = json.dumps(weeklog.tracker(), ensure_ascii=False).replace("</", "<\\/")
    return f"""<div class="course-tracker">
<noscript><p>Ticks are kept by a script, which is off in this browser. The page can be printed.</p>
</noscript>
<p class="course-all"><output aria-live="polite"></output></p>
<p class="course-buttons">
<button type="button" data-do="json">Export JSON</button>
<button type="button" data-do="markdown">Export Markdown</button>
<label class="course-import">Import a file
 <input type="file" accept=".json,.md,.markdown,.txt"></label>
<button type="button" data-do="print">Print</button>
<button type="button" data-do="clear">Clear everything</button>
</p>
<p class="course-said" role="status" aria-live="polite"></p>
<script type="application/json" class="course-items">{data}</script>
</div>"""


# --- terms -----------------------------------------------------------------------------------


@cache
def _terms(path: Path, _changed: int) -> dict[str, str]:
    text = path.read_text("utf8")
    body = re.search(r"`{3,}\{glossary\}\n(.*?)\n`{3,}", text, re.DOTALL)
    if body is None:
        return {}
    rest = re.sub(r"^:\w+:.*\n", "", body[1] + "\n", flags=re.MULTILINE)
    return {term.strip(): " ".join(text.split()) for term, text in _ENTRY.findall(rest)}


def terms(root: Path) -> dict[str, str]:
    """The terms of the glossary and their definitions; empty where there is no glossary."""
    path = root / f"{GLOSSARY}.md"
    return _terms(path, path.stat().st_mtime_ns) if path.is_file() else {}


def link_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link the first use of each term on a chapter's page to the glossary."""
    found = terms(Path(app.srcdir))
    if not found or not re.match(r"book/week\d+/", docname) or app.builder.format != "html":
        return
    by_name = {name.casefold(): name for name in found}
    names = "|".join(re.escape(name) for name in sorted(found, key=len, reverse=True))
    pattern = re.compile(rf"\b({names})\b", re.IGNORECASE)
    target = app.builder.get_relative_uri(docname, GLOSSARY)
    for text in list(doctree.findall(nodes.Text)):
        if not by_name:
            return
        if _plain(text):
            _link_in(text, pattern, by_name, target)


def _plain(text: nodes.Text) -> bool:
    """Whether a text stands in a paragraph or a list, outside of links, titles and code."""
    node, within = text.parent, False
    while node is not None:
        if isinstance(node, _SKIPPED):
            return False
        within = within or isinstance(node, nodes.paragraph)
        node = node.parent
    return within


def _link_in(
    text: nodes.Text, pattern: re.Pattern[str], names: dict[str, str], target: str
) -> None:
    pieces: list[nodes.Node] = []
    whole, at = text.astext(), 0
    for match in pattern.finditer(whole):
        name = names.pop(match[1].casefold(), None)
        if name is None:
            continue
        pieces.append(nodes.Text(whole[at : match.start()]))
        uri = f"{target}#term-{slug(name)}"
        pieces.append(
            nodes.reference("", match[1], internal=True, refuri=uri, classes=["course-term"])
        )
        at = match.end()
    if pieces:
        text.parent.replace(text, [*pieces, nodes.Text(whole[at:])])


def slug(term: str) -> str:
    """The end of the anchor that Sphinx gives a term of a glossary."""
    return re.sub(r"[^\w.]+", "-", term).strip("-")


def give_definitions(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put the definition on every link to a term, for the script that shows it."""
    body = context.get("body") or ""
    if f"{GLOSSARY.rpartition('/')[2]}.html#term-" in body:
        found = {slug(name).casefold(): text for name, text in terms(Path(app.srcdir)).items()}

        def define(match: re.Match[str]) -> str:
            text = found.get(match[1].casefold())
            return f'{match[0]} data-definition="{html.escape(text)}"' if text else match[0]

        link = r'href="[^"]*glossary\.html#term-([^"]+)"'
        context["body"] = re.sub(link, define, body)
    if 'class="course-tracker"' in body:
        for script in TRACKER:
            app.add_js_file(script, loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("course-tracker", Tracker)
    app.add_css_file("learner.css")
    for script in EVERYWHERE:
        app.add_js_file(script, loading_method="defer")
    app.connect("doctree-resolved", link_terms)
    app.connect("html-page-context", give_definitions, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
