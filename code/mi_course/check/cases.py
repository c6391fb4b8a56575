"""The kept answers to every exercise, and what its check says to each: a proof that checks work.

The answers lie in `tests/check/answers/` of a clone, by chapter. `WRONG` maps an exercise to pairs
of a wrong answer and words that its verdict must contain, `RIGHT` to answers that must pass.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from mi_course.check.core import EXERCISES


@dataclass(frozen=True)
class Tried:
    """One kept answer and the verdict on it.

    Attributes:
        exercise: its name.
        answer: the name of the kept function.
        words: what the verdict must contain; None for an answer that is right.
        message: of the verdict.
        passed: whether the check accepted it.
    """

    exercise: str
    answer: str
    words: str | None
    message: str
    passed: bool

    @property
    def as_expected(self) -> bool:
        """Whether a right answer passed, or a wrong one was rejected with the words."""
        if self.words is None:
            return self.passed
        return not self.passed and self.words in self.message


def try_all(folder: Path, exercise: str | None = None) -> list[Tried]:
    """Check every kept answer below a folder, or those to one exercise."""
    found = []
    for name, answer, words in _answers(folder):
        if exercise in (None, name):
            with contextlib.redirect_stdout(io.StringIO()):
                verdict = EXERCISES[name](answer)
            found.append(Tried(name, name_of(answer), words, verdict.message, verdict.passed))
    return sorted(found, key=lambda t: (list(EXERCISES).index(t.exercise), t.words is None))


def name_of(answer: Any) -> str:
    """A kept answer's name, the same in every process; a partial's is its function's and more."""
    if isinstance(answer, partial):
        given = ", ".join(f"{key}={value!r}" for key, value in answer.keywords.items())
        return f"{answer.func.__name__}({given})"
    return str(getattr(answer, "__name__", type(answer).__name__))


def _answers(folder: Path) -> Iterator[tuple[str, Any, str | None]]:
    for module in load(folder):
        for name, pairs in module.WRONG.items():
            yield from ((name, answer, words) for answer, words in pairs)
        for name, answers in module.RIGHT.items():
            yield from ((name, answer, None) for answer in answers)


def load(folder: Path) -> list[ModuleType]:
    """The modules of answers below a folder, each with `WRONG` and `RIGHT`.

    The folder becomes a package with a name of its own, whatever `sys.path` holds. So one file of
    answers can import from another, and answers travel to the process that checks them by value.
    """
    package = f"kept_answers_{zlib.crc32(str(folder.resolve()).encode()):08x}"
    if package not in sys.modules:
        spec = ModuleSpec(package, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[package] = module_from_spec(spec)
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*.py")))
    return [
        importlib.import_module(".".join([package, *path.with_suffix("").parts])) for path in paths
    ]


def table(tried: list[Tried]) -> str:
    """The table, and a last line that counts."""
    rows = [("", "exercise", "answer", "is", "verdict")]
    for t in tried:
        kind = "right" if t.words is None else "wrong"
        rows.append(("ok" if t.as_expected else "NO", t.exercise, t.answer, kind, t.message))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        "  ".join([*(c.ljust(w) for c, w in zip(r, widths, strict=False)), r[4]]) for r in rows
    ]
    right = [t for t in tried if t.words is None]
    wrong = [t for t in tried if t.words is not None]
    lines.append(
        f"{sum(t.as_expected for t in right)} of {len(right)} right answers accepted, "
        f"{sum(t.as_expected for t in wrong)} of {len(wrong)} wrong ones rejected with their words"
    )
    return "\n".join(line.rstrip() for line in lines)
