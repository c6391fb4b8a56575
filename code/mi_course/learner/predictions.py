"""What a learner predicted, how sure they were, and what it was; and of what one recalls.

One small file for each, as for passed exercises. In an export each is one line:

    - [x] loss before training (week 1, number, fairly, 2026-11-28): said 2.2 | was 2.35 | nats

There is one grammar, here and in `book/_static/predictions.js`, and one table for the tests of
both, `tests/learner/prediction_cases.json`.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mi_course.errors import CourseError, system_error
from mi_course.learner import progress

SURE = ("guess", "fairly", "certain")
KINDS = ("number", "choice", "order", "recall")
TITLE = "# Predictions"
FOLDER = "predicted"
_LINE = re.compile(
    r"[-*+] \[([ xX])\] (.+?) \(week ([0-9]{1,2}), (number|choice|order|recall)"
    r"(?:, (guess|fairly|certain))?, ([0-9]{4}-[0-9]{2}-[0-9]{2})\): "
    r"said (.+?) \| was (.+?)(?: \| (.+))?"
)
_SUM = re.compile(
    r"(?:Week [0-9]+|After the weeks): (?:[0-9]+ of [0-9]+ right|[0-9]+ of [0-9]+ recalled)\..*"
)


@dataclass(frozen=True)
class Prediction:
    """One answer.

    Attributes:
        name: of the question.
        kind: one of `KINDS`.
        said: the answer, as text; several options are parted by semicolons.
        sure: one of `SURE`; empty for recall.
        week: of the course; 0 in a lab, after the weeks, and where nobody said.
        was: what is right, as text; empty as long as that was not told.
        unit: of a number.
        right: whether the answer is right; a number within what the question allows.
        at: when it was given, in ISO 8601.
    """

    name: str
    kind: str
    said: str
    sure: str = ""
    week: int = 0
    was: str = ""
    unit: str = ""
    right: bool = False
    at: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the tracker page keeps it, under its name."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


_kept: dict[str, Prediction] = {}
"""Those of this Python, also where nothing may be written."""


def now() -> str:
    """The time, as it is kept."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def get(name: str) -> Prediction | None:
    """What was answered to a question, if anything was."""
    return _kept.get(name) or _read(_slug(name), name)


def keep(prediction: Prediction) -> str:
    """Remember an answer.

    Returns:
        Why it could not be written, or nothing.
    """
    _kept[prediction.name] = prediction
    if os.environ.get("MI_COURSE_PROGRESS") == "off":
        return ""
    text = json.dumps(asdict(prediction), ensure_ascii=False) + "\n"
    try:
        path = progress.home() / FOLDER / f"{_slug(prediction.name)}{progress.SUFFIX}"
        with progress.locked():
            progress.write(path, text)
    except OSError as error:
        return system_error(error) or str(error)
    except CourseError as error:
        return str(error)
    return ""


def forget() -> None:
    """Forget what this Python remembers; files stay."""
    _kept.clear()


def everything() -> list[Prediction]:
    """The answers that are kept and to which it was told what is right, by week and name."""
    folder = progress.home() / FOLDER
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    slugs = (name.removesuffix(progress.SUFFIX) for name in names if name.endswith(progress.SUFFIX))
    found = {p.name: p for p in map(_read, slugs) if p is not None and p.was}
    return sorted(found.values(), key=lambda p: (p.week, p.name))


def _read(slug: str, name: str | None = None) -> Prediction | None:
    """The answer in a file; None where there is none, or the file makes no sense."""
    if os.environ.get("MI_COURSE_PROGRESS") == "off":
        return None
    path = progress.home() / FOLDER / f"{slug}{progress.SUFFIX}"
    try:
        found = Prediction(**json.loads(path.read_text("utf8")))
        good = _is_good(found) and name in (None, found.name)
    except (OSError, ValueError, TypeError):
        return None
    return found if good else None


def _is_good(found: Prediction) -> bool:
    texts = (found.name, found.said, found.sure, found.was, found.unit)
    return (
        all(isinstance(text, str) for text in texts)
        and isinstance(found.week, int)
        and isinstance(found.right, bool)
        and found.kind in KINDS
        and found.sure in ("", *SURE)
        and progress.is_time(found.at)
    )


def from_json(name: str, raw: Any) -> Prediction | None:
    """An answer as `as_json` gives it, with what was right; None where it makes no sense."""
    fields = ("kind", "said", "sure", "week", "was", "unit", "right", "at")
    if not isinstance(raw, dict) or not name or not set(fields) <= raw.keys():
        return None
    found = Prediction(name, **{key: raw[key] for key in fields})
    good = _is_good(found) and found.said and found.was and found.week >= 0
    texts = (name, found.said, found.was, found.unit)
    return found if good and not any(set(text) & set("\r\n") for text in texts) else None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "nameless"


# --- in a file ---------------------------------------------------------------------------------


def line(prediction: Prediction) -> str:
    """One answer as a line of an export."""
    p = prediction
    sure = f", {p.sure}" if p.sure else ""
    unit = f" | {p.unit}" if p.unit else ""
    about = f"week {p.week}, {p.kind}{sure}, {p.at[:10]}"
    return f"- [{'x' if p.right else ' '}] {p.name} ({about}): said {p.said} | was {p.was}{unit}"


def parse(text: str) -> Prediction | None:
    """The answer on a line, or None where it holds none."""
    found = _LINE.fullmatch(text.strip(" \t"))
    if found is None:
        return None
    box, name, week, kind, sure, at, said, was, unit = found.groups()
    return Prediction(name, kind, said, sure or "", int(week), was, unit or "", box != " ", at)


def is_sum(text: str) -> bool:
    """Whether a line is a sum that `lines` writes: it is not read back, but made anew."""
    return _SUM.fullmatch(text.strip(" \t")) is not None


def lines(predictions: Iterable[Prediction]) -> list[str]:
    """The part of an export that holds predictions, without its title: for each week a sum."""
    written: list[str] = []
    ordered = sorted(predictions, key=lambda p: (p.week, p.name))
    for week in sorted({p.week for p in ordered}):
        of_week = [p for p in ordered if p.week == week]
        title = f"Week {week}" if week else "After the weeks"
        written += [f"{title}: {summary(of_week)}", "", *map(line, of_week), ""]
    return written[:-1]


def summary(predictions: Iterable[Prediction]) -> str:
    """How often right, how sure when right and when wrong, how far off: a few short sentences."""
    everyone = list(predictions)
    predicted = [p for p in everyone if p.kind != "recall"]
    recalled = [p for p in everyone if p.kind == "recall"]
    said = []
    if predicted:
        said.append(f"{_share(predicted)} right.")
        of_each = {"guess": "Guess", "fairly": "Fairly sure", "certain": "Certain"}
        for sure, word in of_each.items():
            if of_it := [p for p in predicted if p.sure == sure]:
                said.append(f"{word}: {_share(of_it)}.")
        if wrong := [p.name for p in predicted if p.sure == "certain" and not p.right]:
            said.append(f"Certain and wrong: {', '.join(wrong)}.")
        if (far := _typical_distance(predicted)) is not None:
            said.append(f"Half of the numbers are off by {far} % or less.")
    if recalled:
        said.append(f"{_share(recalled)} recalled.")
    return " ".join(said)


def _share(some: list[Prediction]) -> str:
    return f"{sum(p.right for p in some)} of {len(some)}"


def _typical_distance(predicted: list[Prediction]) -> int | None:
    """Per cent of the right value that half of the numbers are not further from."""
    pairs = [(number(p.said), number(p.was)) for p in predicted if p.kind == "number"]
    far = sorted(abs(said - was) / abs(was) for said, was in pairs if was and said == said)
    return math.floor(100 * far[math.ceil(len(far) / 2) - 1] + 0.5) if far else None


def number(text: str) -> float:
    """A number as it is written in an answer; NaN where it is none."""
    plain = text.replace(",", "")
    if not re.fullmatch(
        r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?", plain, re.IGNORECASE
    ):
        return math.nan
    return float(plain)


def told(prediction: Prediction, was: str, right: bool, week: int, unit: str = "") -> Prediction:
    """An answer together with what is right."""
    return replace(prediction, was=was, right=right, week=week, unit=unit)


def tolerance(within: str, value: float) -> float:
    """How far from a value is near enough: `10 %` of it, or `0.5`; rounding is forgiven."""
    amount = float(within.rstrip("% "))
    return (amount / 100 * abs(value) if within.endswith("%") else amount) * (1 + 1e-9)


def seal(text: str) -> str:
    """A text that is not read by accident, for a cell that stands below a question."""
    return base64.b64encode(text.encode()).decode()


def unseal(text: str) -> str:
    """What `seal` was given."""
    return base64.b64decode(text).decode()
