"""Every submission is kept: one file for each model in the learner's folder, a line for each.

With `MI_COURSE_PROGRESS=off` nothing is recorded, as with passed exercises.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mi_course.learner import progress
from mi_course.mystery.explanation import Explanation
from mi_course.mystery.verdict import Verdict

Entry = dict[str, Any]


def path(name: str) -> Path:
    """The log of a model."""
    return progress.home() / "mystery" / f"{name}.jsonl"


def keep(explanation: Explanation, verdict: Verdict, seed: int) -> None:
    """Add a submission to the log.

    Raises:
        OSError: it cannot be written.
        BusyError: another program is writing, and does not finish.
    """
    if os.environ.get("MI_COURSE_PROGRESS") == "off":
        return
    places = {name: [p.told() for p in of] for name, of in explanation.places().items()}
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "passed": verdict.passed,
        "scores": {name: round(score, 3) for name, score in verdict.scores.items()},
        "verdict": list(verdict.lines),
        "program": explanation.source(),
        "places": places,
    }
    with progress.locked():
        file = path(verdict.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf8") as log:
            log.write(json.dumps(entry, ensure_ascii=False) + "\n")


def read(name: str) -> list[Entry]:
    """The submissions for a model, the first one first; a damaged line is left out."""
    try:
        lines = path(name).read_text("utf8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [entry for line in lines if (entry := _entry(line))]


def _entry(line: str) -> Entry | None:
    try:
        entry = json.loads(line)
        good = isinstance(entry["passed"], bool) and isinstance(entry["scores"], dict)
    except (ValueError, KeyError, TypeError):
        return None
    return entry if good else None


def board(names: Iterable[str]) -> dict[str, Entry]:
    """For each model that was tried: `submissions`, when `passed` first, best score a variable."""
    found = {}
    for name in names:
        entries = read(name)
        if not entries:
            continue
        best: dict[str, float] = {}
        for entry in entries:
            for variable, score in entry["scores"].items():
                best[variable] = max(score, best.get(variable, 0.0))
        when = next((entry["at"] for entry in entries if entry["passed"]), "")
        found[name] = {"submissions": len(entries), "passed": when, "scores": best}
    return found
