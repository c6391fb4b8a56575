"""How the hours of a day are written: `Monday: 2.5 h`, `Monday: 2:30 h`.

There is one grammar, here and in `book/_static/weeklog.js`, and one table of odd lines for the
tests of both, `tests/learner/weeklog_cases.json`. A line is understood as a whole or not at all: a
time that could mean two things is never guessed, since a wrong sum is worse than a question.
"""

from __future__ import annotations

import math
import re

MOST = 24.0
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_AMOUNT = r"([0-9]+(?:[.,][0-9]+)?|[0-9]+:[0-5][0-9])"
_UNIT = r"(?:hours?|hrs?|h)"
_BULLET = r"[-*+] (?:\[[ xX]\] )?"
_LINE = re.compile(
    rf"{_BULLET}(.+?)[ \t]*:[ \t]*(?:\[[ xX]\][ \t]*)?{_AMOUNT}[ \t]*{_UNIT}", re.IGNORECASE
)
# `Monday 2:15 h` and `Monday: 2:90 h`: a colon of a clock does not end the name of a day.
_CLOCK = re.compile(rf"[0-9]:[0-9]{{2}}[ \t]*{_UNIT}$", re.IGNORECASE)
# `Monday: 2: 30 h`: nor does a day end with a number of its own after a colon.
_NUMBER_LAST = re.compile(r"(?:[^0-9]:[ \t]*|:[ \t]+)[0-9.,:]+$")
_BLANK = re.compile(rf"{_BULLET}(?:.*:)?[ \t_]*(?:\[[ xX]?\])?[ \t_]*{_UNIT}?", re.IGNORECASE)
_TIMED = re.compile(r"[0-9][ \t]*(?:hours?|hrs?|h|minutes?|min|m)(?![a-z])", re.IGNORECASE)


def read(line: str) -> tuple[str, float] | None:
    """Day and hours of a bullet, or None where it says none that a day has.

    Args:
        line: without space around it; `- Monday: 2.5 h`, with a box or `hrs`, `hours` as well.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    day, text = named(found[1]), found[2]
    if _NUMBER_LAST.search(day) or (":" not in text and _CLOCK.search(line)):
        return None
    hours = amount(text)
    return None if hours is None else (day, hours)


def named(day: str) -> str:
    """A day as the log calls it: `monday` is Monday, so that their hours add up."""
    day = one_line(day)
    return day.capitalize() if day.lower() in WEEKDAYS else day


def amount(text: str) -> float | None:
    """`2.5`, `2,5` or `2:30` in hours, to the hundredth, or None where no day has so many."""
    if not re.fullmatch(_AMOUNT, text):
        return None
    whole, _, minutes = text.partition(":")
    hours = rounded(float(whole.replace(",", ".")) + (int(minutes) / 60 if minutes else 0.0))
    return hours if hours <= MOST else None


def replaced(line: str, hours: float) -> str:
    """A line that `read` understands, with another number of hours; the rest stays as it is."""
    found = _LINE.fullmatch(line.strip(" \t"))
    if found is None:
        raise ValueError(f"{line!r} has no hours")
    start = len(line) - len(line.lstrip(" \t"))
    return line[: start + found.start(2)] + written(hours) + line[start + found.end(2) :]


def needs_a_word(line: str) -> bool:
    """Whether somebody meant hours by a line of the time log that `read` does not understand.

    An empty bullet, or a day whose hours are not filled in yet, needs none.
    """
    if re.match(r"[-*+] ", line):
        return not _BLANK.fullmatch(line)
    return bool(_TIMED.search(line))


def rounded(hours: float) -> float:
    """To the hundredth of an hour, half a minute: as JavaScript's arithmetic does it too."""
    return math.floor(hours * 100 + 0.5) / 100


def written(hours: float) -> str:
    """Hours as they stand in a log: `2.5`, never with an exponent."""
    return f"{rounded(hours):g}"


def one_line(text: str) -> str:
    """Words with one space between them, and none around."""
    return " ".join(re.split(r"[ \t]+", text.strip(" \t")))
