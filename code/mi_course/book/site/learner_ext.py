"""Sphinx extension for what accompanies a learner: tracker, terms, predictions, numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from mi_course.book import exercises
from mi_course.book.site import numbering, predict, terms, tracker
from mi_course.learner import weeklog

PLAN = "course-plan.js"
# In the order in which they load: each uses what stands before it.
EVERYWHERE = (PLAN, "elements.js", "steps.js", "learner.js", "where.js")


def plan(root: Path) -> list[dict[str, Any]]:
    """What each week consists of, for `steps.js`: items, pages, core exercises."""
    chapters = exercises.by_week(root) if (root / "_toc.yml").is_file() else {}
    optional = exercises.optional(root) if chapters else set()
    weeks = []
    for week in weeklog.weeks():
        of_week = weeklog.plan(week)
        names = {name for doc in chapters.get(week, {}).values() for name in doc}
        kept = ("id", "exercises", "pages")
        items = [{key: item[key] for key in kept if key in item} for item in of_week["items"]]
        core = sorted(names - optional)
        weeks.append({"week": week, "items": items, "pages": of_week["pages"], "core": core})
    return weeks


def write_plan(app: Sphinx) -> None:
    """A script, since a page that is opened from the disk may fetch no data."""
    if app.builder.format != "html":
        return
    path = Path(app.outdir) / "_static" / PLAN
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"window.coursePlan = {json.dumps(plan(Path(app.srcdir)))};\n", "utf8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_css_file("learner.css")
    app.connect("builder-inited", write_plan)
    for script in EVERYWHERE:
        app.add_js_file(script, loading_method="defer")
    tracker.setup(app)
    terms.setup(app)
    numbering.setup(app)
    predict.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
