"""The tracker page: what is to do in each week, as forms that a script fills.

Its items come from `learner/tracker.json`, which the command line uses too. What a reader ticks and
writes stays in their browser.
"""

from __future__ import annotations

import html
import json
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mi_course.learner import weeklog

# In the order in which they load: each uses what stands before it.
SCRIPTS = ("predictions.js", "mysteries.js", "weeklog.js", "tracker.js")
BOARD = "mysteries"
_KINDS = {"reading": "Read", "video": "Watch", "community": "Community"}


class tracker_form(nodes.raw):
    """A part of the tracker, as HTML."""


class Tracker(SphinxDirective):
    """`{course-tracker} 2`: the form of week 2; without a number what belongs to all weeks.

    `{course-tracker} mysteries` is the board of mystery models.
    """

    optional_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        """One piece of HTML, which a script fills from the reader's own storage."""
        what = self.arguments[0] if self.arguments else ""
        text = board_html() if what == BOARD else week_html(int(what)) if what else whole_html()
        return [tracker_form("", text, format="html")]


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
<p class="course-said" role="status" aria-live="polite"></p>
{_field(week, "notes", "Notes")}
</div>"""


def _box(item: dict[str, Any]) -> str:
    text, kind = html.escape(item["text"]), _KINDS.get(item["kind"])
    name, link = item["id"], html.escape(item.get("link", ""))
    more = f' <a class="reference external" href="{link}" aria-label="open: {text}">open</a>'
    badge = f' <span class="course-kind">{kind}</span>' if kind else ""
    return (
        f'<li><input type="checkbox" id="{name}" data-item="{name}">'
        f'<span><label for="{name}">{text}</label>{badge}{more if link else ""}'
        f'<span class="course-known" hidden>{html.escape(_known(item))}</span></span></li>'
    )


def _known(item: dict[str, Any]) -> str:
    """What ticks an item by itself."""
    checks, pages = item.get("exercises", []), item.get("pages", [])
    said = [f"passed: {', '.join(checks)}"] * bool(checks)
    said += [f"finished: {', '.join(pages)}"] * bool(pages)
    return f" ({'; '.join(said)})"


def _field(week: int, name: str, label: str) -> str:
    return (
        f'<p class="course-field"><label for="week-{week}-{name}">{label}</label>'
        f'<textarea id="week-{week}-{name}" name="{name}" rows="3"></textarea></p>'
    )


def board_html() -> str:
    """The mystery models, a row for each; the last column is filled from what was imported."""
    rows = "".join(
        f'<tr data-mystery="{name}"><th scope="row">{name}</th>'
        f'<td aria-label="{stars} of 3">{"★" * stars}</td><td><output>not tried</output></td></tr>'
        for name, stars in weeklog.tracker()["mysteries"].items()
    )
    return (
        '<table class="table course-mysteries"><thead><tr><th scope="col">model</th>'
        '<th scope="col">difficulty</th><th scope="col">yours, best score a variable</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
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


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the tracker's scripts on the pages that hold a part of it."""
    if doctree is not None and next(doctree.findall(tracker_form), None):
        for script in SCRIPTS:
            app.add_js_file(script, loading_method="defer")


def setup(app: Sphinx) -> None:
    """Called by the extension for what accompanies a learner."""
    app.add_directive("course-tracker", Tracker)
    app.connect("html-page-context", add_script, priority=900)
