"""What the tracker page exports, added to the logs and records of this machine.

Every value is looked at before any is taken, and nothing that is here is lost or taken back. Where
both know hours of one day, the larger number counts, so that a second import changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mi_course.errors import CourseError
from mi_course.learner import export, log_text, pages, predictions, progress, submissions, weeklog
from mi_course.learner import hours as hours_of
from mi_course.learner.log_text import LogText


class FileError(CourseError, ValueError):
    """A file that is no export of the course; the message says why."""


@dataclass(frozen=True)
class Found:
    """What a file holds, checked.

    Attributes:
        weeks: logs by week.
        exercises: when each was passed.
        pages: when each was finished.
        predictions: answers to questions.
        mysteries: the board of mystery models.
    """

    weeks: dict[int, weeklog.Week]
    exercises: dict[str, str]
    pages: dict[str, str]
    predictions: list[predictions.Prediction]
    mysteries: dict[str, submissions.Entry]


def read(text: str) -> Found:
    """What stands in the text of an exported file.

    Raises:
        FileError: it is none, or a value in it is wrong.
    """
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise FileError("it is no valid JSON") from error
    _need(
        isinstance(raw, dict) and raw.get("format") == export.FORMAT, "this course did not write it"
    )
    version = raw.get("version")
    _need(version == export.VERSION, f"its version is {version}, and this is {export.VERSION}")
    exercises, finished = raw.get("exercises"), raw.get("pages", {})
    _need(
        isinstance(exercises, dict) and isinstance(raw.get("weeks"), dict),
        "weeks or exercises are missing",
    )
    for name, when in exercises.items():
        _need(name.isidentifier() and progress.is_time(when), f"exercise {name[:40]!r} has no date")
    _need(isinstance(finished, dict), "its pages are no table")
    for name, when in finished.items():
        _need(pages.is_entry(name, when), f"page {name[:40]!r} has no date")
    answers = raw.get("predictions", {})
    _need(isinstance(answers, dict), "its predictions are no table")
    predicted = [predictions.from_json(name, answer) for name, answer in answers.items()]
    for name, answer in zip(answers, predicted, strict=True):
        _need(answer is not None, f"a prediction makes no sense: {name[:40]}")
    board = raw.get("mysteries", {})
    _need(isinstance(board, dict), "its board of mystery models is no table")
    for name, entry in board.items():
        sense = submissions.is_entry(name, entry)
        _need(sense, f"an entry of the mystery models makes no sense: {name[:40]}")
    weeks = {}
    for number, log in raw["weeks"].items():
        _need(
            number.isdecimal() and int(number) in weeklog.weeks(), f"there is no week {number[:20]}"
        )
        weeks[int(number)] = _log(int(number), log)
    return Found(weeks, exercises, finished, [p for p in predicted if p is not None], board)


def merge(found: Found) -> list[str]:
    """Add it to what is here; one sentence for each thing that changed.

    Raises:
        BusyError: somebody else holds on to the folder.
        CourseError: a prediction cannot be written; the message says why.
        OSError: another file cannot be written.
    """
    said = []
    for week, theirs in sorted(found.weeks.items()):
        with weeklog.changing(week) as log:
            said += [f"Week {week}: {change}" for change in _merged(log, theirs)]
    with progress.locked():
        new = pages.add(found.pages)
    if new:
        said.append(f"Finished pages: {', '.join(new)}.")
    passed = sorted(found.exercises.keys() - progress.all_passed().keys())
    for name in passed:
        progress.keep(name, found.exercises[name])
    if passed:
        said.append(f"Exercises passed elsewhere: {', '.join(passed)}.")
    here = {prediction.name for prediction in predictions.everything()}
    new_answers = [p for p in found.predictions if p.name not in here]  # the first answer counts
    for prediction in new_answers:
        if why := predictions.keep(prediction):
            raise CourseError(why)
    if new_answers:
        said.append(f"Predictions: {', '.join(sorted(p.name for p in new_answers))}.")
    if tried := submissions.add(found.mysteries):
        said.append(f"Mystery models: {', '.join(tried)}.")
    return said


def _merged(log: LogText, theirs: weeklog.Week) -> list[str]:
    """Change a log to hold another's entries too, and say what was added."""
    mine = weeklog.parse(log.week, str(log))
    sections = {item["id"]: weeklog.section_of(item) for item in weeklog.plan(log.week)["items"]}
    said = []
    ticked = [item for item in sections if item in theirs.done - mine.done]
    for item in ticked:
        log.tick(item, sections[item])
    if ticked:
        said.append(f"{_count(len(ticked), 'task')} ticked.")
    boxes = {(section, text) for section, text, _ in mine.own}
    own = [one for one in theirs.own if one[:2] not in boxes]
    for section, text, done in own:
        log.add(section, weeklog.box(done, text))
    for section, have, new in (
        (log_text.LEARNINGS, mine.learnings, theirs.learnings),
        (log_text.BLOCKERS, mine.blockers, theirs.blockers),
    ):
        lines = [text for text in new if text not in have]
        own += [(section, text, False) for text in lines]
        for text in lines:
            log.add(section, f"- {text}")
    if own:
        said.append(f"{_count(len(own), 'line')} added.")
    for day, number in theirs.hours.items():
        before = mine.hours.get(day, 0.0)
        if number > before:
            log.set_hours(day, hours_of.written(number))
            instead = f", in place of {hours_of.written(before)}" if before else ""
            said.append(f"{day}: {hours_of.written(number)} hours{instead}.")
    if theirs.notes.strip() and theirs.notes not in mine.notes:
        log.add_note(theirs.notes)
        said.append("notes added.")
    return said


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _log(week: int, raw: Any) -> weeklog.Week:
    """One week's log, checked as the tracker page checks it."""
    _need(isinstance(raw, dict), f"week {week} is no log")
    done, own, hours = raw.get("done", []), raw.get("own", []), raw.get("hours", {})
    learnings, blockers = raw.get("learnings", []), raw.get("blockers", [])
    notes = raw.get("notes", "")
    for name, texts in (("done", done), ("learnings", learnings), ("blockers", blockers)):
        is_list = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        _need(is_list, f"{name} of week {week} is no list of texts")
    _need(isinstance(notes, str), f"notes of week {week} are no text")
    _need(isinstance(own, list) and all(map(_is_own, own)), f"own items of week {week}")
    _need(isinstance(hours, dict), f"hours of week {week} are no table")
    days: dict[str, float] = {}
    for day, number in hours.items():
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        _need(
            is_number and 0 <= number <= hours_of.MOST,
            f"hours of week {week} are not between 0 and 24",
        )
        name, total = hours_of.named(_entry(day)), hours_of.rounded(number)
        line = f"- {name}: {hours_of.written(total)} hrs"
        _need(
            hours_of.read(line) == (name, total),
            f"a day of week {week} cannot be called {day[:40]!r}",
        )
        days[name] = max(total, days.get(name, 0.0))
    return weeklog.Week(
        week,
        set(done),
        [(box["section"], _entry(box["text"]), box["done"]) for box in own if _entry(box["text"])],
        [_entry(text) for text in learnings if _entry(text)],
        [_entry(text) for text in blockers if _entry(text)],
        days,
        notes,
    )


def _is_own(box: Any) -> bool:
    return (
        isinstance(box, Mapping)
        and box.get("section") in log_text.WITH_BOXES
        and isinstance(box.get("text"), str)
        and isinstance(box.get("done"), bool)
    )


def _entry(text: str) -> str:
    """A line of a log is one entry."""
    return " ".join(text.split())


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise FileError(why)
