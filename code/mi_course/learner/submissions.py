"""Explanations of mystery models that were submitted: each is kept, and the board is read from it.

One file for each model in the learner's folder, a line in JSON for each submission. The board of
another machine, brought by `mi-course import`, is kept beside them. With `MI_COURSE_PROGRESS=off`
nothing is recorded, as with passed exercises.

Lines of the board are written by `book/_static/mysteries.js` too, and read there.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mi_course.learner import progress

TITLE = "# Mystery models"
"""Above the board, where a log is exported as Markdown."""
SUFFIX = ".jsonl"
ELSEWHERE = "elsewhere.json"
"""In the same folder: the board of other machines."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_VARIABLE = re.compile(r"[^\s,;]{1,80}")
_MANY = 1_000_000

Entry = dict[str, Any]
"""A submission: `at`, `passed`, `scores` by variable, and what else was written of it.

Where `measured` is false nothing was learned of the model, and it does not count.
"""


def folder() -> Path:
    """Where the logs lie."""
    return progress.home() / "mystery"


def keep(name: str, entry: Entry) -> None:
    """Add a submission to a model's log.

    Raises:
        OSError: it cannot be written.
        BusyError: another program is writing, and does not finish.
    """
    if os.environ.get("MI_COURSE_PROGRESS") == "off":
        return
    with progress.locked():
        folder().mkdir(parents=True, exist_ok=True)
        with (folder() / f"{name}{SUFFIX}").open("a", encoding="utf8") as log:
            log.write(json.dumps(entry, ensure_ascii=False) + "\n")


def read(name: str) -> list[Entry]:
    """The submissions for a model, the first one first; a damaged line is left out."""
    try:
        lines = (folder() / f"{name}{SUFFIX}").read_text("utf8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [entry for line in lines if (entry := _entry(line))]


def _entry(line: str) -> Entry | None:
    try:
        entry = json.loads(line)
        scores = entry["scores"]
        good = isinstance(entry["passed"], bool) and progress.is_time(entry["at"])
        good = good and all(isinstance(score, int | float) for score in scores.values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return entry if good else None


def board() -> dict[str, Entry]:
    """For each model that was tried: `submissions`, when `passed` first, best score a variable."""
    found = _elsewhere()
    for path in sorted(folder().glob(f"*{SUFFIX}")):
        if entries := [entry for entry in read(path.stem) if entry.get("measured", True)]:
            found[path.stem] = _joined(_summed(entries), found.get(path.stem))
    return dict(sorted(found.items()))


def _summed(entries: list[Entry]) -> Entry:
    best: dict[str, float] = {}
    for entry in entries:
        for variable, score in entry["scores"].items():
            best[variable] = max(score, best.get(variable, 0.0))
    when = next((entry["at"] for entry in entries if entry["passed"]), "")
    return {"submissions": len(entries), "passed": when, "scores": best}


def _joined(mine: Entry, theirs: Entry | None) -> Entry:
    """Of two entries the larger number, the earlier day, the better score."""
    if theirs is None:
        return mine
    scores = {
        name: max(of.get(name, 0.0) for of in (mine["scores"], theirs["scores"]))
        for name in mine["scores"] | theirs["scores"]
    }
    passed = sorted(when for when in (mine["passed"], theirs["passed"]) if when)
    return {
        "submissions": max(mine["submissions"], theirs["submissions"]),
        "passed": passed[0] if passed else "",
        "scores": scores,
    }


def add(theirs: Mapping[str, Entry]) -> list[str]:
    """Join another machine's board to this one's; the names of the models that it changes.

    Raises:
        OSError: it cannot be written.
        BusyError: another program is writing, and does not finish.
    """
    with progress.locked():
        before, kept = board(), _elsewhere()
        new = [
            n
            for n in sorted(theirs)
            if n not in before or _joined(before[n], theirs[n]) != before[n]
        ]
        if new:
            kept |= {name: _joined(theirs[name], kept.get(name)) for name in new}
            text = json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True)
            progress.write(folder() / ELSEWHERE, text + "\n")
    return new


def _elsewhere() -> dict[str, Entry]:
    """The board of other machines; an entry that makes no sense is left out."""
    try:
        found = json.loads((folder() / ELSEWHERE).read_text("utf8"))
    except (OSError, ValueError):
        return {}
    entries = found.items() if isinstance(found, dict) else ()
    return {name: entry for name, entry in entries if is_entry(name, entry)}


def is_entry(name: object, entry: object) -> bool:
    """Whether these are the name of a model and its entry on the board."""
    if not (isinstance(name, str) and NAME.fullmatch(name) and isinstance(entry, dict)):
        return False
    number, passed, scores = (entry.get(key) for key in ("submissions", "passed", "scores"))
    return (
        isinstance(number, int)
        and not isinstance(number, bool)
        and 0 < number < _MANY
        and (passed == "" or progress.is_time(passed))
        and isinstance(scores, dict)
        and all(_is_score(variable, score) for variable, score in scores.items())
    )


def _is_score(variable: str, score: object) -> bool:
    is_number = isinstance(score, int | float) and not isinstance(score, bool)
    return bool(_VARIABLE.fullmatch(variable)) and is_number and 0 <= score <= 1  # type: ignore[operator]


def told(entry: Entry) -> str:
    """A model's line of the board, in words."""
    best = ", ".join(f"{name} {_shown(score)}" for name, score in sorted(entry["scores"].items()))
    state = f"explained on {entry['passed'][:10]}" if entry["passed"] else "open"
    return f"{state}, {entry['submissions']} submitted" + (f"; best {best}" if best else "")


def _shown(score: float) -> str:
    """With two places, and a half upwards as a browser has it."""
    return f"{math.floor(100 * score + 0.5) / 100:.2f}"


def lines() -> list[str]:
    """The board as Markdown, a line for each model; empty where none was tried."""
    return [
        f"- [{'x' if entry['passed'] else ' '}] {name}: {told(entry)}"
        for name, entry in board().items()
    ]
