"""Printing for a person, wherever that goes: no character ends a program.

A terminal, a file or a pipe may be in an encoding that has no "✓": Windows' is cp1252, that of
`LC_ALL=C` is ASCII. What cannot be written there is written with plain characters, or as a question
mark. The words stay; files that the course writes are in UTF-8 everywhere.
"""

from __future__ import annotations

import codecs
import sys
from typing import Any

PLAIN = {
    "✓": "ok", "✗": "not ok", "█": "#", "░": ".", "▁": "_", "▏": "|",
    "…": "...", "–": "-", "—": "-", "−": "-", "×": "x", "·": "*", "•": "*", "≈": "~", "±": "+-",
    "≤": "<=", "≥": ">=", "→": "->", "←": "<-", "‘": "'", "’": "'", "“": '"', "”": '"', "\xa0": " ",
}  # fmt: skip
"""What stands for a character that an encoding does not have; for any other one, `?`."""

_NAME = "mi_course.plain"


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


codecs.register_error(_NAME, _plainly)


def prepare() -> None:
    """Let the program's own output write plain characters where it would fail.

    A choice of the person's own, such as `PYTHONIOENCODING=ascii:backslashreplace`, is kept.
    """
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) in ("strict", "surrogateescape"):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors=_NAME)


def say(text: Any, end: str = "\n") -> None:
    """Print within somebody else's program: its output is left as it is set up."""
    try:
        print(text, end=end)
    except UnicodeEncodeError:
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        print(str(text).encode(encoding, errors=_NAME).decode(encoding), end=end)
