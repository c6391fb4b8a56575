"""The kept answers to every exercise, and what its check says to each: a proof that checks work.

The answers lie in `tests/check/answers/` of a clone, by chapter. `WRONG` maps an exercise to pairs
of a wrong answer and words that its verdict must contain, `RIGHT` to answers that must pass. At
which failure those words are told, the first, second or third, is kept beside them in `steps.json`.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from mi_course.check.core import EXERCISES, Verdict
from mi_course.check.steps import Steps

KEPT_STEPS = "steps.json"
"""The file beside a chapter's answers: by file and exercise, then by answer and words, the step."""


@dataclass(frozen=True)
class Kept:
    """One kept answer.

    Attributes:
        place: the file that holds it, relative to the folder of answers.
        exercise: its name.
        answer: the function or class.
        words: what the verdict must contain; None for an answer that is right.
        key: what the kept table calls it.
    """

    place: Path
    exercise: str
    answer: Any
    words: str | None
    key: str


@dataclass(frozen=True)
class Tried:
    """One kept answer and the verdict on it.

    Attributes:
        exercise: its name.
        answer: the name of the kept function.
        words: what the verdict must contain; None for an answer that is right.
        message: of the verdict.
        passed: whether the check accepted it.
        place, key: of the kept answer.
        steps: what the first, second and third failure tell; None for an answer that passed.
    """

    exercise: str
    answer: str
    words: str | None
    message: str
    passed: bool
    place: Path
    key: str
    steps: Steps | None = None

    @property
    def step(self) -> int | None:
        """The failure at which the words are told first, from 1; None where they never are."""
        return step_of(self.steps, self.words) if self.words is not None else None

    @property
    def as_expected(self) -> bool:
        """Whether a right answer passed, or a wrong one was rejected with the words."""
        if self.words is None:
            return self.passed
        return not self.passed and self.words in self.message


def try_all(folder: Path, exercise: str | None = None) -> list[Tried]:
    """Check every kept answer below a folder, or those to one exercise."""
    found = []
    for kept in all_answers(folder):
        if exercise in (None, kept.exercise):
            with contextlib.redirect_stdout(io.StringIO()):
                verdict = EXERCISES[kept.exercise](kept.answer, hint=True)
            steps = None if verdict else steps_of(verdict)
            told = kept.words, verdict.message, verdict.passed, kept.place, kept.key, steps
            found.append(Tried(kept.exercise, name_of(kept.answer), *told))
    return sorted(found, key=lambda t: (list(EXERCISES).index(t.exercise), t.words is None))


def name_of(answer: Any) -> str:
    """A kept answer's name, the same in every process; a partial's is its function's and more."""
    if isinstance(answer, partial):
        given = ", ".join(f"{key}={value!r}" for key, value in answer.keywords.items())
        return f"{answer.func.__name__}({given})"
    return str(getattr(answer, "__name__", type(answer).__name__))


def steps_of(verdict: Verdict) -> Steps:
    """The steps of a verdict on a wrong answer; one without steps is told at once."""
    return verdict.steps or Steps(*3 * [verdict.message])


def step_of(steps: Steps | None, words: str) -> int | None:
    """The failure at which words are told first, from 1; None where they never are."""
    told = steps or ()
    return next((i for i, text in enumerate(told, 1) if words in text), None)


def all_answers(folder: Path) -> Iterator[Kept]:
    """Every kept answer below a folder."""
    for module in load(folder):
        place = Path(*module.__name__.split(".")[1:]).with_suffix(".py")
        for name, pairs in module.WRONG.items():
            seen: Counter[str] = Counter()
            for answer, words in pairs:
                key = f"{name_of(answer)} | {words}"
                seen[key] += 1  # made by one function, they have one name
                number = f" | {seen[key]}" if seen[key] > 1 else ""
                yield Kept(place, name, answer, words, key + number)
        for name, answers in module.RIGHT.items():
            yield from (Kept(place, name, answer, None, name_of(answer)) for answer in answers)


def kept_steps(folder: Path) -> dict[Path, dict[str, dict[str, int]]]:
    """The step at which each wrong answer's words are told, by file, exercise and key."""
    found = {}
    for path in sorted(folder.rglob(KEPT_STEPS)):
        here = path.parent.relative_to(folder)
        for file, exercises in json.loads(path.read_text("utf8")).items():
            found[here / file] = exercises
    return found


def keep_steps(folder: Path, tried: list[Tried]) -> None:
    """Write what `kept_steps` reads, for the exercises that were tried; others stay."""
    kept = kept_steps(folder)
    now: dict[Path, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for one in tried:
        if one.step:
            now[one.place][one.exercise][one.key] = one.step
    chapters: dict[Path, dict[str, Any]] = defaultdict(dict)
    for place in sorted({*kept, *now}):
        merged = kept.get(place, {}) | now.get(place, {})
        chapters[place.parent][place.name] = {
            name: dict(sorted(merged[name].items())) for name in sorted(merged)
        }
    for chapter, files in chapters.items():
        text = json.dumps(files, indent=1, ensure_ascii=False) + "\n"
        (folder / chapter / KEPT_STEPS).write_text(text, "utf8")


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
    rows = [("", "exercise", "answer", "is", "told at", "verdict")]
    for t in tried:
        kind = "right" if t.words is None else "wrong"
        told = str(t.step or "")
        rows.append(("ok" if t.as_expected else "NO", t.exercise, t.answer, kind, told, t.message))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        "  ".join([*(c.ljust(w) for c, w in zip(r, widths, strict=False)), r[5]]) for r in rows
    ]
    right = [t for t in tried if t.words is None]
    wrong = [t for t in tried if t.words is not None]
    lines.append(
        f"{sum(t.as_expected for t in right)} of {len(right)} right answers accepted, "
        f"{sum(t.as_expected for t in wrong)} of {len(wrong)} wrong ones rejected with their words"
    )
    steps = Counter(t.step for t in wrong)
    lines.append(
        f"the words are told at the first failure for {steps[1]} of them, at the second for "
        f"{steps[2]}, at the third for {steps[3]}"
    )
    return "\n".join(line.rstrip() for line in lines)
