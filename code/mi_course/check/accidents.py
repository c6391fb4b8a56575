"""An error in a learner's code, in words: what it is, on which line of theirs, and what it says.

The last line of the learner's own is meant, not one of einops or numpy that it called. An error
explains itself on several lines more often than not: all of them are told, up to a limit.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from functools import lru_cache
from pathlib import Path

MOST = 300
"""Characters of an error's own text that are told."""
NO_FILES = ("<frozen ", "<string>", "<__array_function__", "<attrs generated")
"""What stands for a file where Python or a library has made code by itself."""

_PLACES = {sys.base_prefix, sys.prefix, *sysconfig.get_paths().values()}
_INSTALLED = tuple(
    os.path.join(os.path.realpath(place), "")
    for place in (*_PLACES, str(Path(__file__).resolve().parents[1]))
)


def told(error: BaseException) -> str:
    """Kind, line and text of an error: `ValueError on line 3 of your code: …`."""
    line = own_line(error)
    where = f" on line {line} of your code" if line else ""
    return f"{type(error).__name__}{where}: {text_of(error) or 'no message'}"


def brief(error: BaseException) -> str:
    """Kind and text of an error, for one whose lines are no learner's."""
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def text_of(error: BaseException) -> str:
    """What an error says, on one line, without the C++ frames that PyTorch adds."""
    text = str(error).partition("\nException raised from ")[0]
    joined = " ".join(line.strip() for line in text.splitlines() if line.strip())
    return joined if len(joined) <= MOST else f"{joined[: MOST - 1]}…"


def own_line(error: BaseException) -> int | None:
    """The last line of the learner's own that ran, or None where there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if is_own(frame.filename)), None)


def is_own(file: str) -> bool:
    """Whether the learner wrote a file or a cell: it lies outside of every installation."""
    return not file.startswith(NO_FILES) and not _installed(file)


@lru_cache(maxsize=8192)
def _installed(file: str) -> bool:
    if file.startswith("<"):  # a cell of a notebook
        return False
    try:
        return os.path.realpath(file).startswith(_INSTALLED)
    except OSError:  # a relative path, and the folder is gone
        return False
