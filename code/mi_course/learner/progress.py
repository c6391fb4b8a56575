"""What a learner has passed, kept on this machine: one small file for each exercise.

A file is written beside its place and moved there in one step. Two notebooks that pass two
exercises at once write two files, so nothing is locked and nothing can be overwritten. A damaged
file is set aside and made anew from its name and its date: it still says what was passed, and when.

Everything lies in `~/.mi-course`, or where the variable `MI_COURSE_HOME` says. With
`MI_COURSE_PROGRESS=off` nothing is recorded: so run the chapters' own solutions, and the tests.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

SUFFIX = ".json"


def home() -> Path:
    """The folder of everything that a learner's progress consists of."""
    named = os.environ.get("MI_COURSE_HOME")
    return Path(named).expanduser() if named else Path.home() / ".mi-course"


def passed(exercise: str) -> None:
    """Record that a check was passed; the first time counts.

    A disk that is full or may not be written spoils no check: the record is then left out.
    """
    if os.environ.get("MI_COURSE_PROGRESS") == "off":
        return
    path = home() / "passed" / f"{exercise}{SUFFIX}"
    with suppress(OSError):
        if _when(path) is None:
            write(path, _entry(exercise, datetime.now(UTC)))


def all_passed() -> dict[str, str]:
    """When each exercise was passed, in ISO 8601, by name; damaged files are mended on the way."""
    found = {}
    with suppress(OSError):
        for path in sorted((home() / "passed").glob(f"*{SUFFIX}")):
            found[path.stem] = _when(path) or _mended(path)
    return found


def write(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads it finds the old text or the new, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _entry(exercise: str, when: datetime) -> str:
    return json.dumps({"exercise": exercise, "passed": when.isoformat(timespec="seconds")}) + "\n"


def _when(path: Path) -> str | None:
    """What a file says, or None where it is missing or says nothing that makes sense."""
    try:
        entry = json.loads(path.read_text("utf8"))
        datetime.fromisoformat(entry["passed"])
        if entry["exercise"] != path.stem:
            return None
        return str(entry["passed"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _mended(path: Path) -> str:
    """Set a damaged file aside, and write it anew from its name and its date."""
    when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    n = 1
    while (aside := path.with_suffix(f".damaged-{n}")).exists():
        n += 1
    os.replace(path, aside)
    write(path, _entry(path.stem, when))
    return when.isoformat(timespec="seconds")
