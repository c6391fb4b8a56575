"""How much of a week is done: tasks, checks and pages, which know of one another.

A task whose exercises are all passed and whose pages are all finished counts as done, ticked or
not. `book/_static/steps.js` counts alike, for the tracker page and the sidebar.
"""

from __future__ import annotations

from collections.abc import Collection

from mi_course.learner import weeklog


def shown_done(week: int, passed: Collection[str], pages: Collection[str]) -> set[str]:
    """Ids of the week's items that are done by what was passed and finished.

    Args:
        week: counted from 1.
        passed: names of exercises.
        pages: that are finished, such as `week2/index`.
    """
    return {
        item["id"]
        for item in weeklog.plan(week)["items"]
        if (needs := (*item.get("exercises", ()), *item.get("pages", ())))
        and all(name in passed or name in pages for name in needs)
    }


def of_week(
    week: int,
    ticked: Collection[str],
    passed: Collection[str],
    pages: Collection[str],
    core: Collection[str],
) -> tuple[int, int]:
    """Steps done and steps in all: items, core exercises, and pages.

    Args:
        week: counted from 1.
        ticked: ids of items that are ticked by hand; others than the week's count for nothing.
        passed: names of exercises.
        pages: that are finished.
        core: the week's exercises that are not optional.
    """
    plan = weeklog.plan(week)
    items = {item["id"] for item in plan["items"]}
    done = (items & set(ticked)) | shown_done(week, passed, pages)
    parts = [(len(done), len(items))]
    for all_of, have in ((core, passed), (plan["pages"], pages)):
        parts.append((len(set(all_of) & set(have)), len(set(all_of))))
    return sum(part[0] for part in parts), sum(part[1] for part in parts)
