"""Everything a learner has done in one file: for the tracker page, for reading, or for Notion."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from mi_course.learner import hours as hours_of
from mi_course.learner import pages, predictions, progress, submissions, weeklog

FORMAT = "mi-course-progress"
VERSION = 1
ENDINGS = {"json": "json", "markdown": "md", "notion": "csv"}
"""The formats, and the ending of each one's file."""
COLUMNS = ("Name", "Week", "Kind", "Done", "Hours", "Date", "Link")
"""Of the table for Notion."""

# Week, chapter and name of an exercise, to its title.
Exercises: TypeAlias = Mapping[int | str, Mapping[str, Mapping[str, str]]]
"""By week, and by the name of a part that is none, then by chapter and exercise: the title."""


def render(form: str, exercises: Exercises) -> str:
    """Everything in one of the formats of `ENDINGS`.

    Args:
        form: `json`, `markdown` or `notion`.
        exercises: of the course, which only Notion's table lists; the others hold what was passed.
    """
    if form == "notion":
        return as_notion(exercises)
    return as_json() if form == "json" else as_markdown()


def written_here(text: str) -> bool:
    """Whether a file's text is that of an earlier export, in any of the formats."""
    start = text.lstrip("\ufeff \t\r\n")
    is_json = start.startswith("{") and f'"format": "{FORMAT}"' in start
    is_table = start.startswith(",".join(COLUMNS))
    return not start or is_json or is_table or f"\n{weeklog.PASSED}" in text


def collect() -> dict[str, Any]:
    """Passed exercises, finished pages, predictions, mystery models and the logs of all weeks."""
    logs = {str(week): weeklog.load(week).as_json() for week in weeklog.weeks()}
    answers = {p.name: p.as_json() for p in predictions.everything()}
    return {
        "format": FORMAT,
        "version": VERSION,
        "exercises": progress.all_passed(),
        "pages": pages.finished(),
        "weeks": logs,
        **({"predictions": answers} if answers else {}),
        **({"mysteries": board} if (board := submissions.board()) else {}),
    }


def as_json() -> str:
    """The file that the tracker page imports."""
    return json.dumps(collect(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def as_markdown() -> str:
    """The logs of all weeks as they are written, then all else: exercises, pages and so on."""
    parts = [weeklog.together([weeklog.read(week) for week in weeklog.weeks()])]
    for title, found in (
        (weeklog.PASSED, progress.all_passed()),
        (weeklog.FINISHED, pages.finished()),
    ):
        if found or title == weeklog.PASSED:
            parts.append(
                "\n".join([f"{title}\n", *(f"- [x] {n} ({w[:10]})" for n, w in found.items())])
            )
    if predicted := predictions.lines(predictions.everything()):
        parts.append("\n".join([f"{predictions.TITLE}\n", *predicted]))
    if tried := submissions.lines():
        parts.append("\n".join([f"{submissions.TITLE}\n", *tried]))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def as_notion(exercises: Exercises) -> str:
    """A table in CSV, which Notion imports as a database: one row for each thing.

    An exercise that was passed and is not among `exercises` belongs to no week. `Done` is Yes or
    No, as Notion writes a box that is ticked or not.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    passed = progress.all_passed()
    answers = predictions.everything()
    rows = []
    for week in weeklog.weeks():
        rows += _rows(week)
        rows += [_prediction(p) for p in answers if p.week == week]
        for names in exercises.get(week, {}).values():
            rows += [_exercise(f"{t} ({n})", week, passed.pop(n, "")) for n, t in names.items()]
    rows += [_prediction(p) for p in answers if p.week not in weeklog.weeks()]
    for part in exercises.keys() - {*weeklog.weeks()}:
        for names in exercises[part].values():
            rows += [_exercise(f"{t} ({n})", part, passed.pop(n, "")) for n, t in names.items()]
    rows += [_exercise(name, "", when) for name, when in passed.items()]
    rows += [
        [name, _week(name), "page", "Yes", "", w[:10], ""] for name, w in pages.finished().items()
    ]
    rows += [_mystery(name, entry) for name, entry in submissions.board().items()]
    table.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n|%]")


def _harmless(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: an apostrophe before it makes it text."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _exercise(name: str, week: int | str, when: str) -> list[Any]:
    return [name, week, "exercise", _yes(bool(when)), "", when[:10], ""]


def _week(page: str) -> int | str:
    found = re.match(r"week(\d+)/", page)
    return int(found[1]) if found else ""


def _prediction(answer: predictions.Prediction) -> list[Any]:
    """Its name with what was said and what it was; `Done` says whether that is right."""
    kind = "recall" if answer.kind == "recall" else "prediction"
    text = f"{answer.name}: said {answer.said}, was {answer.was} {answer.unit}".rstrip()
    return [text, answer.week, kind, _yes(answer.right), "", answer.at[:10], ""]


def _mystery(name: str, entry: submissions.Entry) -> list[Any]:
    text = f"{name}: {submissions.told(entry)}"
    return [text, "", "mystery model", _yes(bool(entry["passed"])), "", entry["passed"][:10], ""]


def _rows(week: int) -> list[list[Any]]:
    log = weeklog.load(week)
    rows = [
        [
            item["text"],
            week,
            item["kind"],
            _yes(item["id"] in log.done),
            "",
            "",
            item.get("link", ""),
        ]
        for item in weeklog.plan(week)["items"]
    ]
    rows += [[text, week, "own", _yes(done), "", "", ""] for _, text, done in log.own]
    rows += [[text, week, "learning", "", "", "", ""] for text in log.learnings]
    rows += [[text, week, "blocker", "", "", "", ""] for text in log.blockers]
    rows += [
        [day, week, "time", "", hours_of.written(hours), "", ""] for day, hours in log.hours.items()
    ]
    return rows + ([[log.notes, week, "note", "", "", "", ""]] if log.notes else [])


def _yes(done: bool) -> str:
    return "Yes" if done else "No"
