"""The text of a week's log, read and changed line by line.

A log is a person's own Markdown. Each line is taken for what it is, or for free text, and a change
touches only the lines that it must: everything else stays where it is, as it was written.

The same reading, without the changes, is in `book/_static/weeklog.js`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mi_course.errors import CourseError
from mi_course.learner import hours as hours_of

TASKS, DELIVERABLES, CRITERIA = "Core Tasks", "Code Deliverables", "Success Criteria"
LEARNINGS, BLOCKERS, TIME, NOTES = "Key Learnings", "Blockers", "Time Log", "Notes"
WITH_BOXES = (TASKS, DELIVERABLES, CRITERIA)
SECTIONS = (*WITH_BOXES, LEARNINGS, BLOCKERS, TIME, NOTES)

TITLE = re.compile(r"# +Week ([0-9]+) Log[ \t]*", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_HEADING = re.compile(r"## +(.+?)[ \t]*")
_ANY_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t].*)?")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*")
_BOX = re.compile(r"[-*+] \[([ xX])\] (.+)")
_BULLET = re.compile(r"[-*+] (.+)")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)")
_KNOWN = {name.lower(): name for name in SECTIONS}


class LogError(CourseError, ValueError):
    """Something asked of the log that it cannot do; the message says what it can."""


@dataclass(frozen=True)
class Entry:
    """What one line of a log is.

    Attributes:
        kind: `title`, `heading`, `item`, `own`, `bullet`, `hours` or `text`.
        section: the section that it stands in, or that it heads; what belongs to none is notes.
        text: without bullet and space, of a box without that; of a planned item, its id; of hours,
            the day.
        done: whether an item or a box of one's own is ticked.
        hours: of the day.
        fenced: whether it belongs to a block of code between fences.
    """

    kind: str
    section: str
    text: str
    done: bool = False
    hours: float = 0.0
    fenced: bool = False


def entries(lines: list[str], week: int, ids: Mapping[str, str]) -> list[Entry]:
    """What each line is.

    Args:
        lines: without their ends.
        week: whose log it is.
        ids: of the planned items, by their text as `same` gives it.
    """
    found: list[Entry] = []
    section, fenced = NOTES, fences(lines)
    totals: dict[str, float] = {}
    for i, line in enumerate(lines):
        title = TITLE.fullmatch(line)
        if i in fenced:
            found.append(Entry("text", section, line, fenced=True))
        elif title and int(title[1]) == week:
            found.append(Entry("title", section, line))
        elif (heading := _HEADING.fullmatch(line)) and heading[1].lower() in _KNOWN:
            section = _KNOWN[heading[1].lower()]
            found.append(Entry("heading", section, line))
        elif level := _level(lines, i):
            # A heading of one's own ends a section: what stands below it is one's own as well.
            section = section if level > 2 and section in WITH_BOXES else NOTES
            found.append(Entry("text", section, line))
        else:
            found.append(_entry(line, section, ids, totals))
    return found


def _entry(line: str, section: str, ids: Mapping[str, str], totals: dict[str, float]) -> Entry:
    bare = line.strip(" \t")
    if section in WITH_BOXES and (box := _BOX.fullmatch(bare)):
        text, ticked = box[2].strip(" \t"), box[1] != " "
        if item := ids.get(same(text)):
            return Entry("item", section, item, ticked)
        return Entry("own", section, text, ticked)
    if section in (LEARNINGS, BLOCKERS) and (bullet := _BULLET.fullmatch(bare)):
        return Entry("bullet", section, bullet[1].strip(" \t"))
    if section == TIME and (read := hours_of.read(bare)):
        day, hours = read
        total = hours_of.rounded(totals.get(day, 0.0) + hours)
        if total <= hours_of.MOST:
            totals[day] = total
            return Entry("hours", section, day, hours=hours)
    return Entry("text", section, line)


def _level(lines: list[str], i: int) -> int:
    """The level of the heading on a line, or that the next line underlines, or 0."""
    if heading := _ANY_HEADING.fullmatch(lines[i]):
        return len(heading[1])
    below = lines[i + 1] if i + 1 < len(lines) else ""
    written = re.match(r" {0,3}[^ \t>*+-]", lines[i])
    return (1 if "=" in below else 2) if written and _UNDERLINE.fullmatch(below) else 0


def fences(lines: list[str]) -> set[int]:
    """The numbers of the lines in blocks of code; a fence that nothing closes is none."""
    found: set[int] = set()
    hopeless: dict[str, int] = {}  # by character, the length from which nothing closes a fence
    i = 0
    while i < len(lines):
        opens = _FENCE.fullmatch(lines[i])
        i += 1
        if not opens or (opens[1][0] == "`" and "`" in opens[2]):
            continue
        mark, n = opens[1][0], len(opens[1])
        if n >= hopeless.get(mark, n + 1):
            continue
        closing = re.compile(rf"[ \t]*{mark}{{{n},}}[ \t]*")
        end = next((j for j in range(i, len(lines)) if closing.fullmatch(lines[j])), None)
        if end is None:
            hopeless[mark] = n
        else:
            found |= set(range(i - 1, end + 1))
            i = end + 1
    return found


def same(text: str) -> str:
    """What is equal in two texts that mean the same item."""
    return hours_of.one_line(text.replace("\xa0", " ")).lower()


def lines_of(text: str) -> list[str]:
    """Its lines, each with its end, whatever that is."""
    return _LINE.findall(text)


def bare(line: str) -> str:
    """A line without its end."""
    return line.rstrip("\r\n")


class LogText:
    """A week's log as text.

    Args:
        week: whose log it is.
        text: what is written.
        ids: of the planned items, by their text.
    """

    def __init__(self, week: int, text: str, ids: Mapping[str, str]) -> None:
        self.week = week
        self._ids = {same(written): item for written, item in ids.items()}
        self._texts = {item: written for written, item in ids.items()}
        self._lines = lines_of(text)
        self._end = next((line[len(bare(line)) :] for line in self._lines), "") or "\n"

    def __str__(self) -> str:
        return "".join(self._lines)

    @property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return [bare(line) for line in self._lines]

    @property
    def entries(self) -> list[Entry]:
        """What each line is."""
        return entries(self.lines, self.week, self._ids)

    @property
    def free(self) -> str:
        """What is neither a heading nor understood, in its order: Markdown of the person's own.

        Lines that stood together stay together; where something understood stood between them,
        there is an empty line.
        """
        parts: list[list[str]] = [[]]
        for entry in self.entries:
            if entry.kind == "text":
                parts[-1].append(entry.text)
            elif parts[-1]:
                parts.append([])
        return "\n\n".join(filter(None, map(trimmed, parts)))

    @property
    def uncounted(self) -> list[str]:
        """Lines of the time log that somebody may have meant as hours, and that count for none."""
        free = [e for e in self.entries if e.kind == "text" and not e.fenced]
        texts = [entry.text.strip(" \t") for entry in free if entry.section == TIME]
        return [text for text in texts if text and hours_of.needs_a_word(text)]

    # --- changes -----------------------------------------------------------------------------

    def tick(self, item: str, section: str) -> None:
        """Tick a planned item; where its line is gone, it is written again into its section."""
        found = [i for i, e in enumerate(self.entries) if (e.kind, e.text) == ("item", item)]
        if any(self.entries[i].done for i in found):
            return
        if found:
            self._replace(found[0], re.sub(r"\[ \]", "[x]", self.lines[found[0]], count=1))
        else:
            self.add(section, f"- [x] {self._texts[item]}")

    def untick(self, item: str) -> None:
        """Take the tick back wherever the item stands."""
        for i, entry in enumerate(self.entries):
            if (entry.kind, entry.text) == ("item", item) and entry.done:
                self._replace(i, re.sub(r"\[[xX]\]", "[ ]", self.lines[i], count=1))

    def set_hours(self, day: str, hours: str) -> None:
        """Note the hours of a day, in place of those noted before; 0 takes the day out.

        Raises:
            LogError: hours that no day has, or a name that cannot be told from hours.
        """
        day = hours_of.named(re.sub(r"\s", " ", day)).rstrip(": ") or "Day"
        number = hours_of.amount(re.sub(r"^(?=[.,])", "0", hours.strip()))
        if number is None:
            raise LogError(
                f"{hours!r} hours: give a number from 0 to 24, such as 2.5 or 2:30 (two hours and "
                "a half)"
            )
        line = f"- {day}: {hours_of.written(number)} hrs"
        if hours_of.read(line) != (day, number):
            raise LogError(
                f"a day cannot be called {day!r}: give a name without a box, a number after a "
                "colon or hours in it, such as Monday"
            )
        before = [
            i
            for i, (text, e) in enumerate(zip(self.lines, self.entries, strict=True))
            if e.section == TIME
            and not e.fenced
            and (read := hours_of.read(text.strip(" \t")))
            and read[0] == day
        ]
        if number and before:
            first = before.pop(0)
            if hours_of.read(self.lines[first].strip(" \t")) != (day, number):
                self._replace(first, hours_of.replaced(self.lines[first], number))
        elif number:
            self.add(TIME, line)
        for i in reversed(before):
            del self._lines[i]

    def add(self, section: str, line: str) -> None:
        """Add a bullet or a box behind the last one of its section."""
        found = self.entries
        places = [
            i for i, e in enumerate(found) if e.section == section and e.kind not in _NO_BULLETS
        ]
        headings = [i for i, e in enumerate(found) if (e.kind, e.section) == ("heading", section)]
        if places:
            self._insert(self._end_of_bullet(places[-1]), [line])
        elif headings:
            at = headings[-1] + 1
            glued = at < len(found) and self.lines[at].strip()
            self._insert(at, ["", line, *([""] if glued else [])])
        else:
            self._append([f"## {section}", "", line])

    def add_note(self, text: str) -> None:
        """Add Markdown behind the last of the notes."""
        note = trimmed([bare(line) for line in lines_of(text)]).split("\n")
        found = self.entries
        headings = [i for i, e in enumerate(found) if e.kind == "heading"]
        notes = [i for i in headings if found[i].section == NOTES]
        if not notes:
            self._append([f"## {NOTES}", "", *note])
            return
        end = next((i for i in headings if i > notes[-1]), len(found))
        while end > notes[-1] + 1 and not self.lines[end - 1].strip():
            end -= 1
        self._insert(end, ["", *note])

    def _end_of_bullet(self, i: int) -> int:
        """Where a bullet ends that begins on a line: behind what goes on below it."""
        found, lines = self.entries, self.lines
        i += 1
        while i < len(found) and found[i].kind == "text":
            below = lines[i + 1] if i + 1 < len(lines) else ""
            full = lines[i].strip() and not _level(lines, i)
            indented = not lines[i].strip() and re.match(r" {2,}[^ ]|\t", below)
            if not (found[i].fenced or full or indented):
                break
            i += 1
        return i

    def _replace(self, i: int, line: str) -> None:
        self._lines[i] = line + self._lines[i][len(bare(self._lines[i])) :]

    def _insert(self, at: int, lines: list[str]) -> None:
        if at and not self._lines[at - 1].endswith(("\n", "\r")):
            self._lines[at - 1] += self._end
        self._lines[at:at] = [line + self._end for line in lines]

    def _append(self, lines: list[str]) -> None:
        """Add a section at the end, with an empty line before it."""
        blank = [""] if self._lines and self.lines[-1].strip() else []
        self._insert(len(self._lines), [*blank, *lines])


_NO_BULLETS = ("title", "heading", "text")


def trimmed(lines: list[str]) -> str:
    """Lines without the empty ones before and behind them."""
    full = [i for i, line in enumerate(lines) if line.strip(" \t")]
    return "\n".join(lines[full[0] : full[-1] + 1]) if full else ""
