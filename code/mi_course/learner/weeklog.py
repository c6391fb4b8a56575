"""The weekly log: tasks, deliverables, three key learnings, blockers, and time by the day.

A log is kept as Markdown, `log/week-1.md` in the learner's folder, and may be edited by hand. What
is read from it and written to it is `Week`; a line that was ticked is found again by its text. The
items come from `tracker.json`, which the tracker page of the site uses too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from mi_course.errors import CourseError
from mi_course.learner import progress

TASKS, DELIVERABLES, CRITERIA = "Core Tasks", "Code Deliverables", "Success Criteria"
LEARNINGS, BLOCKERS, TIME, NOTES = "Key Learnings", "Blockers", "Time Log", "Notes"
SECTION = {"deliverable": DELIVERABLES, "criterion": CRITERIA}
_BOX = re.compile(r"[-*] \[([ xX])\] (.+)")
_BULLET = re.compile(r"[-*] (?:\[[ xX]\] )?(.+)")
_HOURS = re.compile(
    r"[-*] (?:\[[ xX]\] )?(.+?):\s*(?:\[[ xX]\]\s*)?(\d+(?:[.,]\d+)?)\s*(?:h|hr|hrs|hours)\b"
)


class LogError(CourseError, ValueError):
    """Something asked of the log that it cannot do; the message says what it can."""


@dataclass
class Week:
    """One week's log.

    Attributes:
        week: counted from 1.
        done: ids of the items that are ticked.
        own: boxes that the learner added: section, text, whether it is ticked.
        learnings, blockers: one line each.
        hours: by the day, as the learner calls it.
        notes: free Markdown.
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


def load(week: int) -> Week:
    """A week's log, empty where none is written yet."""
    plan(week)
    file = path(week)
    return parse(week, _text(file.read_bytes())) if file.is_file() else Week(week)


def _text(data: bytes) -> str:
    """What an editor saved, whether in UTF-8 or in the older encoding of Windows."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def save(log: Week) -> Path:
    """Write a week's log in one step."""
    progress.write(path(log.week), render(log))
    return path(log.week)


def render(log: Week) -> str:
    """The log as Markdown, with the sections of the course's template."""
    items = plan(log.week)["items"]
    parts = [f"# Week {log.week} Log"]
    for section in (TASKS, DELIVERABLES, CRITERIA):
        boxes = [
            _box(item["id"] in log.done, item["text"])
            for item in items
            if SECTION.get(item["kind"], TASKS) == section
        ]
        boxes += [_box(done, text) for where, text, done in log.own if where == section]
        parts += [f"## {section}", "\n".join(boxes)]
    parts += [f"## {LEARNINGS}", _bullets(log.learnings), f"## {BLOCKERS}", _bullets(log.blockers)]
    times = [f"{day}: {hours:g} hrs" for day, hours in log.hours.items()]
    parts += [f"## {TIME}", _bullets(times), f"## {NOTES}", log.notes.strip()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _box(done: bool, text: str) -> str:
    return f"- [{'x' if done else ' '}] {text}"


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def parse(week: int, text: str) -> Week:
    """Read a log; what stands in no known section is kept among the notes."""
    log = Week(week)
    ids = {_same(item["text"]): item["id"] for item in plan(week)["items"]}
    section, notes = NOTES, []
    known = {
        s.lower(): s for s in (TASKS, DELIVERABLES, CRITERIA, LEARNINGS, BLOCKERS, TIME, NOTES)
    }
    for line in text.splitlines():
        heading = re.fullmatch(r"##\s+(.+?)\s*", line)
        if re.match(r"# ", line):
            continue
        if heading and heading[1].lower() in known:
            section = known[heading[1].lower()]
        elif not _read_line(log, ids, section, line.strip()):
            notes.append(line)
    log.notes = re.sub(r"\n{3,}", "\n\n", "\n".join(notes)).strip()
    return log


def _read_line(log: Week, ids: dict[str, str], section: str, line: str) -> bool:
    """Take a line into the log; False where it is free text."""
    if section in (TASKS, DELIVERABLES, CRITERIA) and (match := _BOX.fullmatch(line)):
        ticked, text = match[1] in "xX", match[2].strip()
        item = ids.get(_same(text))
        if item is None:
            log.own.append((section, text, ticked))
        elif ticked:
            log.done.add(item)
        return True
    if section in (LEARNINGS, BLOCKERS) and (match := _BULLET.fullmatch(line)):
        (log.learnings if section == LEARNINGS else log.blockers).append(match[1].strip())
        return True
    if section == TIME and (match := _HOURS.fullmatch(line)):
        day = match[1].strip()
        log.hours[day] = log.hours.get(day, 0) + float(match[2].replace(",", "."))
        return True
    return False


def _same(text: str) -> str:
    return " ".join(text.split()).casefold()


def ordered(week: int) -> list[str]:
    """The ids of a week's items in the order of the log."""
    items = plan(week)["items"]
    sections = (TASKS, DELIVERABLES, CRITERIA)
    return [i["id"] for s in sections for i in items if SECTION.get(i["kind"], TASKS) == s]


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


def set_hours(log: Week, day: str, hours: str) -> None:
    """Note the hours of a day, in place of those noted before; 0 takes the day out.

    Raises:
        LogError: hours that no day has.
    """
    day = " ".join(day.split()).strip(":") or "Day"
    try:
        number = float(hours.replace(",", "."))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 24:
        raise LogError(f"{hours!r} hours: give a number from 0 to 24, such as 2.5")
    log.hours[day] = number
    if number == 0:
        del log.hours[day]
