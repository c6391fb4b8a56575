"""What was tried and what was caught, as a table for a page of the site."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mi_course.book import chapters, kernels, store
from mi_course.book.proof import data
from mi_course.models import registry

SHOWN_CHARS = 150
_FIRST_LINE = re.compile(
    r"^(\d+) of (\d+) damages caught; (\d+) false alarms in (\d+) tries", re.MULTILINE
)
_ROW = re.compile(r"^\| [^|\n]+ \| (\d+) \| (\d+)(, none wanted)? \|", re.MULTILINE)
MARK = "prove-outputs"


@dataclass(frozen=True)
class Tried:
    """One damage, or one change that does no damage.

    Attributes:
        kind: what was done, in a few words.
        example: where and how; empty where the book holds nothing of the kind.
        alarm: what the checks said, empty where they said nothing.
        wanted: whether an alarm is right.
    """

    kind: str
    example: str
    alarm: str
    wanted: bool = True

    @property
    def right(self) -> bool:
        """Caught, or rightly passed, or impossible in this book."""
        return not self.example or bool(self.alarm) == self.wanted


def table(tried: Sequence[Tried]) -> str:
    """The results as a Markdown table: one row for each kind, with one example."""
    done = [t for t in tried if t.example]
    damages, others = ([t for t in done if t.wanted is wanted] for wanted in (True, False))
    caught, false = (sum(bool(t.alarm) for t in kind) for kind in (damages, others))
    lines = [
        f"{caught} of {len(damages)} damages caught; {false} false alarms in {len(others)} tries "
        f"that must raise none (Python {kernels.versions()['python']}).",
        "",
        "| what was done | times | caught | example, and what was said |",
        "| --- | ---: | ---: | --- |",
        *(
            _row([t for t in done if t.kind == kind])
            for kind in dict.fromkeys(t.kind for t in damages + others)
        ),
    ]
    missing = sorted({t.kind for t in tried} - {t.kind for t in done})
    if missing:
        lines += ["", f"Not tried, since the book holds none: {'; '.join(missing)}."]
    return "\n".join(lines) + "\n"


def disagreements(page: str) -> list[str]:
    """Where the first line of a table, as it stands on a page, is not the sum of its rows."""
    first = _FIRST_LINE.search(page)
    if first is None:
        return ["the page holds no table of damages"]
    rows = [(int(n), int(hit), bool(other)) for n, hit, other in _ROW.findall(page)]
    damages, others = ([row for row in rows if row[2] is of_these] for of_these in (False, True))
    sums = {
        "damages caught": (int(first[1]), sum(hit for _, hit, _ in damages)),
        "damages": (int(first[2]), sum(n for n, _, _ in damages)),
        "false alarms": (int(first[3]), sum(hit for _, hit, _ in others)),
        "tries that must raise none": (int(first[4]), sum(n for n, _, _ in others)),
    }
    found = [
        f"{said} {what}, and the rows say {n}" for what, (said, n) in sums.items() if said != n
    ]
    return found + [f"{hit} caught of {n} in one row" for n, hit, _ in rows if hit > n]


def drawn_from(root: Path) -> str:
    """How many points of the book's figures a damage may hit, as a sentence below the table."""
    stored = chapters.find_stored(root, registry.DEFAULT.name)
    counts = [data.points(store.load(path)) for path in stored]
    visible, every = (sum(n) for n in zip(*counts, strict=True))
    return (
        f"\nA point of a figure is drawn among {visible:,} of {every:,} measured ones. The other "
        f"{every - visible:,} are noise: zero, or less than a thousandth of the largest beside "
        "them, which no plot shows.\n"
    )


def _row(of_kind: Sequence[Tried]) -> str:
    """One kind's row; its example is one that went wrong, where one did."""
    alarms = sum(bool(t.alarm) for t in of_kind)
    shown = next((t for t in of_kind if not t.right), of_kind[0])
    said = f"{shown.example}: {shown.alarm.removesuffix('.') or 'no alarm'}".replace("|", "\\|")
    cut = said if len(said) <= SHOWN_CHARS else f"{said[:SHOWN_CHARS].rsplit(' ', 1)[0]} …"
    result = str(alarms) if shown.wanted else f"{alarms}, none wanted"
    return f"| {shown.kind} | {len(of_kind)} | {result} | {_code(cut)} |"


def _code(text: str) -> str:
    """Text as code, so that nothing in it is read as Markdown or HTML."""
    ticks = "``" if "`" in text else "`"
    return f"{ticks} {text} {ticks}" if ticks == "``" else f"`{text}`"
