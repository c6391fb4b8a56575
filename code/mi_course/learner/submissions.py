"""Explanations of mystery models that were submitted: each is kept, and the board is read from it.

One file for each model in the learner's folder, a line in JSON for each submission. With
`MI_COURSE_PROGRESS=off` nothing is recorded, as with passed exercises.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mi_course.learner import progress

TITLE = "## Mystery models"
"""Above the board, where a log is exported as Markdown."""
SUFFIX = ".jsonl"

Entry = dict[str, Any]
"""A submission: `at`, `passed`, `scores` by variable, and what else was written of it."""


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
    found = {}
    for path in sorted(folder().glob(f"*{SUFFIX}")):
        entries = read(path.stem)
        if not entries:
            continue
        best: dict[str, float] = {}
        for entry in entries:
            for variable, score in entry["scores"].items():
                best[variable] = max(score, best.get(variable, 0.0))
        when = next((entry["at"] for entry in entries if entry["passed"]), "")
        found[path.stem] = {"submissions": len(entries), "passed": when, "scores": best}
    return found


def told(entry: Entry) -> str:
    """A model's line of the board, in words."""
    best = ", ".join(f"{name} {score:.2f}" for name, score in entry["scores"].items())
    state = f"explained on {entry['passed'][:10]}" if entry["passed"] else "open"
    return f"{state}, {entry['submissions']} submitted" + (f"; best {best}" if best else "")


def lines() -> list[str]:
    """The board as Markdown, a line for each model; empty where none was tried."""
    return [
        f"- [{'x' if entry['passed'] else ' '}] {name}: {told(entry)}"
        for name, entry in board().items()
    ]
