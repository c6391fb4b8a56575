"""What a learner has passed, kept on this machine: one small file for each exercise.

A file is written beside its place and moved there in one step: whoever reads it finds the old text
or the new. What is read, changed and written back is locked (`locked`), so that two notebooks or
two commands at once lose nothing. Reading changes nothing. A damaged file still says by its name
and its date what was passed, and when; it is set aside when the exercise is passed again. A file
with nothing in it says nothing.

Everything lies in `~/.mi-course`, or where the variable `MI_COURSE_HOME` says. With
`MI_COURSE_PROGRESS=off` nothing is recorded: so run the chapters' own solutions, and the tests.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from mi_course.errors import CourseError, naming, system_error

SUFFIX = ".json"
PATIENCE_S = 10.0
"""Seconds that a command waits for another one to finish writing."""


class BusyError(CourseError):
    """Another process holds on to the learner's folder."""


class HomeError(CourseError, RuntimeError):
    """The learner's folder cannot be told."""


def home() -> Path:
    """The folder of everything that a learner's progress consists of.

    Raises:
        HomeError: the system knows no home of the person who asks, or `MI_COURSE_HOME` means
            another folder wherever one stands.
    """
    named = os.environ.get("MI_COURSE_HOME")
    try:
        folder = Path(named).expanduser() if named else Path.home() / ".mi-course"
    except RuntimeError as error:
        raise HomeError(
            "your home folder cannot be found: set MI_COURSE_HOME to the folder where your "
            "progress is to be kept"
        ) from error
    if not folder.is_absolute():
        raise HomeError(
            f"MI_COURSE_HOME is {named}, which is another folder for each notebook: give its whole "
            f"path, such as {folder.absolute()}"
        )
    return folder


@contextmanager
def locked() -> Iterator[None]:
    """Keep others from changing what lies in the folder, meanwhile.

    On a system of files that knows no locks, or that may not be written, it goes on without one.

    Raises:
        BusyError: another process did not finish in `PATIENCE_S` seconds.
    """
    from filelock import FileLock, Timeout

    lock = None
    with suppress(OSError, NotImplementedError):
        home().mkdir(parents=True, exist_ok=True)
        lock = FileLock(home() / ".lock")
        try:
            lock.acquire(timeout=PATIENCE_S)
        except Timeout as error:
            raise BusyError(
                f"another program is writing in {home()} and does not finish: try again, and if "
                "that does not help, end the other `mi-course` or notebook"
            ) from error
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def passed(exercise: str) -> str:
    """Record that a check was passed; the first time counts.

    A disk that is full or may not be written spoils no check.

    Returns:
        Why it could not be recorded, or nothing.
    """
    if os.environ.get("MI_COURSE_PROGRESS") == "off":
        return ""
    try:
        path = home() / "passed" / f"{exercise}{SUFFIX}"
        if _recorded(path) is None:
            with locked():
                _record(path)
    except OSError as error:
        return system_error(error) or str(error)
    except CourseError as error:
        return str(error)
    return ""


def keep(exercise: str, when: str) -> None:
    """Record what was passed elsewhere, and when; what is recorded here stays.

    Raises:
        OSError: it cannot be written.
        BusyError: somebody else holds on to the folder.
    """
    with locked():
        _record(home() / "passed" / f"{exercise}{SUFFIX}", when)


def _record(path: Path, when: str = "") -> None:
    """Write the file of an exercise, unless it is there; a damaged one is set aside."""
    if _recorded(path) is not None:
        return
    when = _dated(path) or when or _now()
    if not _is_empty(path):
        n = 1
        while (aside := path.with_suffix(f".damaged-{n}")).exists():
            n += 1
        os.replace(path, aside)
    entry = {"exercise": path.stem, "passed": when}
    write(path, json.dumps(entry) + "\n")


def all_passed() -> dict[str, str]:
    """When each exercise was passed, in ISO 8601, by name.

    A file whose name is that of no exercise, such as a copy `attention (1).json`, counts for the
    exercise that it names itself.

    Raises:
        OSError: the folder is there and cannot be read.
    """
    folder = home() / "passed"
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    found: dict[str, str] = {}
    copies: dict[str, str] = {}
    for path in (folder / name for name in names if name.endswith(SUFFIX)):
        if path.stem.isidentifier():
            if when := _recorded(path) or _dated(path):
                found[path.stem] = when
        elif entry := _entry(path):
            copies.setdefault(*entry)
    return dict(sorted((copies | found).items()))


def write(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads it finds the old text or the new, never a half.

    Raises:
        OSError: it cannot be written; it names this file, and nothing of the new text is left.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        _write(path, text)


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".mi-course-")
    try:
        with os.fdopen(handle, "w", encoding="utf8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):
            shutil.copymode(path, name)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _recorded(path: Path) -> str | None:
    """When the exercise that a file is called by was passed; None where it does not say so."""
    entry = _entry(path)
    return entry[1] if entry and entry[0] == path.stem else None


def _entry(path: Path) -> tuple[str, str] | None:
    """Exercise and time that a file names, or None where it makes no sense or is missing."""
    try:
        entry = json.loads(path.read_text("utf8"))
        exercise, when = entry["exercise"], entry["passed"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    good = is_time(when) and isinstance(exercise, str) and exercise.isidentifier()
    return (exercise, when) if good else None


def is_time(when: object) -> bool:
    """Whether this is a time in ISO 8601, as every record here has one."""
    try:
        datetime.fromisoformat(when)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _dated(path: Path) -> str | None:
    """The date of a file with something in it, which is damaged; None where there is no such."""
    if _is_empty(path):
        return None
    try:
        seconds = path.stat().st_mtime
    except OSError:  # somebody is just setting it aside
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _is_empty(path: Path) -> bool:
    """Whether a file is missing, or holds nothing but space, or zeros as after a power cut."""
    try:
        return not path.read_bytes().strip(b"\0 \t\r\n")
    except FileNotFoundError:
        return True
    except OSError:
        return False
