"""Files of training runs that ship: tables as CSV, and checksums of everything beside them.

A file whose SHA-256 is not the one written beside it is refused.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mi_course.errors import CourseError

CHECKSUMS = "checksums.json"


class RunFilesError(CourseError, RuntimeError):
    """A shipped file that is missing or was changed; the message says what to do."""


def read(path: Path, command: str) -> bytes:
    """What a file holds, if it is the one that was written.

    Args:
        path: of the file; the checksums lie beside it.
        command: that writes both anew, for the message.

    Raises:
        RunFilesError: it is missing or changed.
    """
    try:
        content = path.read_bytes()
        expected = json.loads((path.parent / CHECKSUMS).read_text("utf8")).get(path.name)
    except OSError as error:
        raise RunFilesError(f"{error.filename} is missing: install the course anew") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise RunFilesError(
            f"{path.name} is not the file that {CHECKSUMS} names: install the course anew, or "
            f"write both with `{command}`"
        )
    return content


def read_table(path: Path, command: str) -> list[dict[str, str]]:
    """A table's rows, as text; for arguments and errors see `read`."""
    return list(csv.DictReader(read(path, command).decode("utf8").splitlines()))


def write_table(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows, numbers with six digits; what a row does not have is left empty."""
    lines = [{k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    columns = list(dict.fromkeys(name for line in lines for name in line))
    with path.open("w", newline="", encoding="utf8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(lines)


def write_checksums(folder: Path, names: Iterable[str]) -> None:
    """Write the checksums of these files of a folder."""
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    (folder / CHECKSUMS).write_text(json.dumps(sums, indent=1, sort_keys=True) + "\n")
