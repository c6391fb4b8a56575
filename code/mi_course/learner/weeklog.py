"""The weekly log: tasks, deliverables, three key learnings, blockers, and time by the day.

A log is kept as Markdown, `log/week-1.md` in the learner's folder, and may be edited by hand. What
is understood of it is `Week`; `log_text` reads it, and changes it without touching the rest. The
items come from `tracker.json`, which the tracker page of the site uses too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from mi_course.learner import hours as hours_of
from mi_course.learner import log_text, progress
from mi_course.learner.log_text import (
    BLOCKERS,
    CRITERIA,
    DELIVERABLES,
    LEARNINGS,
    NOTES,
    TASKS,
    TIME,
    WITH_BOXES,
    LogError,
    LogText,
)

SECTION = {"deliverable": DELIVERABLES, "criterion": CRITERIA}


@dataclass
class Week:
    """One week's log.

    Attributes:
        week: counted from 1.
        done: ids of the items that are ticked.
        own: boxes that the learner added: section, text, whether it is ticked.
        learnings, blockers: one line each.
        hours: by the day, as the learner calls it; several lines for one day add up.
        notes: free Markdown, with every line that is nothing of the above.
    """

    week: int
    done: set[str] = field(default_factory=set)
    own: list[tuple[str, str, bool]] = field(default_factory=list)
    learnings: list[str] = field(default_factory=list)
    blockers: list[str] = field(default_factory=list)
    hours: dict[str, float] = field(default_factory=dict)
    notes: str = ""

    def as_json(self) -> dict[str, Any]:
        """The week as the tracker page exports and imports it."""
        return {
            "done": sorted(self.done),
            "own": [{"section": s, "text": t, "done": d} for s, t, d in self.own],
            "learnings": self.learnings,
            "blockers": self.blockers,
            "hours": {d: int(h) if h == int(h) else h for d, h in self.hours.items()},
            "notes": self.notes,
        }


@cache
def tracker() -> dict[str, Any]:
    """The items of every week, from the one file that the command line and the page share."""
    found: dict[str, Any] = json.loads(
        files("mi_course.learner").joinpath("tracker.json").read_text("utf8")
    )
    return found


def plan(week: int) -> dict[str, Any]:
    """What the course has planned for a week: title, goal, parts, items.

    Raises:
        LogError: there is no such week.
    """
    weeks: list[dict[str, Any]] = tracker()["weeks"]
    found = next((w for w in weeks if w["week"] == week), None)
    if found is None:
        raise LogError(f"no week {week}: the course has weeks 1 to {len(weeks)}")
    return found


def weeks() -> list[int]:
    """The numbers of the weeks."""
    return [w["week"] for w in tracker()["weeks"]]


def path(week: int) -> Path:
    """Where a week's log lies, written or not."""
    return progress.home() / "log" / f"week-{week}.md"


def read(week: int) -> LogText:
    """A week's log as text: the file, or what a new one starts with."""
    plan(week)
    try:
        data = path(week).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        data = b""
    text = _decoded(data)
    return text_of(week, text if text.strip() else render(Week(week)))


def load(week: int) -> Week:
    """What is understood of a week's log, empty where none is written yet."""
    return _understood(read(week))


def parse(week: int, text: str) -> Week:
    """What is understood of a text; what is not stays among the notes."""
    return _understood(text_of(week, text))


@contextmanager
def changing(week: int) -> Iterator[LogText]:
    """A week's log, to be changed: it is written at the end, if anything was.

    Nobody else changes it meanwhile, and nothing is written where an error ends the change.

    Raises:
        BusyError: somebody else holds on to the folder.
        OSError: the file cannot be written.
    """
    with progress.locked():
        log = read(week)
        before = str(log)
        yield log
        if str(log) != before:
            progress.write(path(week), str(log))


def text_of(week: int, text: str) -> LogText:
    """A text as the log of a week."""
    return LogText(week, text, {item["text"]: item["id"] for item in plan(week)["items"]})


def _decoded(data: bytes) -> str:
    """What an editor saved, in UTF-8 or in one of the older encodings of Windows."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1").translate(_CP1252)


# As browsers read it: a byte that cp1252 leaves out stays a character, so that nothing is lost.
_CP1252 = {
    byte: text for byte in range(0x80, 0xA0) if (text := bytes([byte]).decode("cp1252", "ignore"))
}


def _understood(text: LogText) -> Week:
    log = Week(text.week, notes=text.free)
    for entry in text.entries:
        if entry.kind == "item" and entry.done:
            log.done.add(entry.text)
        elif entry.kind == "own":
            log.own.append((entry.section, entry.text, entry.done))
        elif entry.kind == "bullet":
            (log.learnings if entry.section == LEARNINGS else log.blockers).append(entry.text)
        elif entry.kind == "hours":
            total = log.hours.get(entry.text, 0.0) + entry.hours
            log.hours[entry.text] = hours_of.rounded(total)
    return log


def render(log: Week) -> str:
    """A log as Markdown, with the sections of the course's template."""
    items = plan(log.week)["items"]
    parts = [f"# Week {log.week} Log"]
    for section in WITH_BOXES:
        boxes = [
            box(item["id"] in log.done, item["text"])
            for item in items
            if section_of(item) == section
        ]
        boxes += [box(done, text) for where, text, done in log.own if where == section]
        parts += [f"## {section}", "\n".join(boxes)]
    parts += [f"## {LEARNINGS}", _bullets(log.learnings), f"## {BLOCKERS}", _bullets(log.blockers)]
    times = [f"{day}: {hours_of.written(hours)} hrs" for day, hours in log.hours.items()]
    notes = log_text.trimmed(log.notes.split("\n"))
    parts += [f"## {TIME}", _bullets(times), f"## {NOTES}", notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def together(weeks: list[LogText]) -> str:
    """The logs of several weeks in one text, which can be taken apart again at its titles.

    A line that looks like such a title and is none is written with a space before it.
    """
    return "\n".join(_titled(log) for log in weeks)


def _titled(log: LogText) -> str:
    guarded = [
        f" {line}" if entry.kind != "title" and _TITLES.fullmatch(line) else line
        for line, entry in zip(log.lines, log.entries, strict=True)
    ]
    if not any(entry.kind == "title" for entry in log.entries):
        guarded = [f"# Week {log.week} Log", "", *guarded]
    return "\n".join(guarded).rstrip("\n") + "\n"


PASSED = "# Exercises passed"
FINISHED = "# Pages finished"
_TITLES = re.compile(
    rf"{log_text.TITLE.pattern}"
    r"|# +(?:Exercises passed|Pages finished|Predictions|Mystery models)[ \t]*",
    re.IGNORECASE,
)


def section_of(item: dict[str, str]) -> str:
    """The section in which a planned item stands."""
    return SECTION.get(item["kind"], TASKS)


def box(done: bool, text: str) -> str:
    """A line with a box."""
    return f"- [{'x' if done else ' '}] {text}"


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def ordered(week: int) -> list[str]:
    """The ids of a week's items in the order of the log."""
    items = plan(week)["items"]
    return [item["id"] for s in WITH_BOXES for item in items if section_of(item) == s]


def numbered(week: int, number: str) -> str:
    """The item that the log shows under this number, or that has this id.

    Raises:
        LogError: there is none.
    """
    ids = ordered(week)
    if number in ids:
        return number
    if number.isdecimal() and 1 <= int(number) <= len(ids):
        return ids[int(number) - 1]
    raise LogError(f"no item {number!r} in week {week}: give a number from 1 to {len(ids)}")
