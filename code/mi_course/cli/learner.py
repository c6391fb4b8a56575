"""The commands that show and keep what a learner has done: progress, log, export.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.cli.common import UsageError, add_command, add_root, relative, root_or_none

if TYPE_CHECKING:
    from mi_course.cli.common import Commands
    from mi_course.learner.log_text import LogText

BAR = 20


def add(commands: Commands) -> None:
    """Add the parsers of these commands."""
    for add_parser in (_add_progress, _add_log, _add_export):
        add_parser(commands)


# --- progress --------------------------------------------------------------------------------


def _add_progress(commands: Commands) -> None:
    parser = add_command(
        commands, "progress", "show what you have done, and what is next", progress
    )
    add_root(parser)


def progress(args: argparse.Namespace) -> int:
    """A table with bars: exercises, tasks and hours of each week; then the next step."""
    from mi_course.book import exercises
    from mi_course.learner import progress as records
    from mi_course.learner import weeklog

    root = root_or_none(args)
    passed = records.all_passed()
    chapters, beyond = exercises.by_week(root), exercises.optional(root)
    unread = []
    print(f"{'week':<6}{'exercises':<31}{'tasks':<31}hours")
    for week in weeklog.weeks():
        names = [n for doc in chapters.get(week, {}).values() for n in doc if n not in beyond]
        log, plan = weeklog.load(week), weeklog.plan(week)
        unread += [(week, line) for line in weeklog.read(week).uncounted]
        hours = sum(hours for _, hours in plan["parts"])
        done = _bar(sum(name in passed for name in names), len(names))
        ticked = _bar(len(log.done), len(plan["items"]))
        print(f"{week:<6}{done:<31}{ticked:<31}{sum(log.hours.values()):g} of {hours}")
    for week, line in unread:
        print(f"Not counted in week {week}: {line}  (mi-course log --week {week} says why)")
    if beyond:
        print(f"Optional exercises, beyond the weeks: {len(beyond & passed.keys())}/{len(beyond)}")
    print()
    print(_next_step(chapters, passed.keys() | beyond))
    return 0


def _bar(done: int, total: int) -> str:
    full = BAR * done // total if total else 0
    return f"{'█' * full}{'░' * (BAR - full)} {done}/{total}"


def _next_step(chapters: dict[int, dict[str, dict[str, str]]], passed: set[str]) -> str:
    from mi_course.learner import weeklog

    for week in weeklog.weeks():
        for doc, names in chapters.get(week, {}).items():
            for name, title in names.items():
                if name not in passed:
                    return f"Next: {title} ({name}), in {doc}"
        log = weeklog.load(week)
        for item in weeklog.plan(week)["items"]:
            if chapters.get(week) and item["id"] not in log.done:
                return f"Next in week {week}: {item['text']}  (mi-course log --week {week})"
    return "Everything is done."


# --- log -------------------------------------------------------------------------------------


def _add_log(commands: Commands) -> None:
    parser = add_command(commands, "log", "keep the log of a week, as Markdown", log)
    parser.add_argument("--week", type=int, required=True, metavar="N", help="1 to 4")
    parser.add_argument("--done", nargs="+", default=[], metavar="NUMBER", help="tick an item")
    parser.add_argument("--undo", nargs="+", default=[], metavar="NUMBER", help="take a tick back")
    parser.add_argument(
        "--time", nargs=2, action="append", default=[], metavar=("DAY", "HOURS"),
        help="such as --time Monday 2.5; 0 takes the day out",
    )  # fmt: skip
    for option, text in (
        ("--learned", "a key learning"),
        ("--blocked", "what is confusing"),
        ("--link", "where a deliverable of yours is"),
        ("--note", "anything else"),
    ):
        parser.add_argument(option, action="append", default=[], metavar="TEXT", help=text)


def log(args: argparse.Namespace) -> int:
    """Change the week's log where asked to, then show it and say where it is kept."""
    from mi_course.learner import weeklog

    asked = (args.done, args.undo, args.time, args.learned, args.blocked, args.link, args.note)
    if any(asked):
        with weeklog.changing(args.week) as log:
            _change(log, args)
    log = weeklog.read(args.week)
    print("\n".join(_numbered(log)))
    for line in log.uncounted:
        print(f"\nNot counted in the time log: {line}\n{HOURS}")
    path = weeklog.path(args.week)
    kept = "Kept in" if path.exists() else "Nothing noted yet. It will be kept in"
    print(f"\n{kept} {path}: edit it by hand, or use the options of `mi-course log --help`.")
    return 0


HOURS = "Write a day and its hours as `- Monday: 2.5 h` or `- Monday: 2:30 h`, at most 24 in a day."


def _numbered(log: LogText) -> list[str]:
    """The log's lines, with the numbers of the planned items in place of their bullets."""
    from mi_course.learner import weeklog

    numbers = {item: n for n, item in enumerate(weeklog.ordered(log.week), 1)}
    lines, missing = [], dict(numbers)
    for line, entry in zip(log.lines, log.entries, strict=True):
        if entry.kind == "item":
            missing.pop(entry.text, None)
            line = f"{numbers[entry.text]:>3} {line.strip()[2:]}"
        lines.append(line)
    texts = {item["id"]: item["text"] for item in weeklog.plan(log.week)["items"]}
    gone = [f"{n:>3} [ ] {texts[item]}" for item, n in missing.items()]
    return [*lines, "", "Not in your file, and on the list:", *gone] if gone else lines


def _change(log: LogText, args: argparse.Namespace) -> None:
    from mi_course.learner import weeklog

    sections = {item["id"]: weeklog.section_of(item) for item in weeklog.plan(args.week)["items"]}
    for item in [weeklog.numbered(args.week, n) for n in args.done]:
        log.tick(item, sections[item])
    for item in [weeklog.numbered(args.week, n) for n in args.undo]:
        log.untick(item)
    for day, hours in args.time:
        log.set_hours(_typed(day), hours)
    for text in _lines(args.learned):
        log.add(weeklog.LEARNINGS, f"- {text}")
    for text in _lines(args.blocked):
        log.add(weeklog.BLOCKERS, f"- {text}")
    for text in _lines(args.link):
        log.add(weeklog.DELIVERABLES, weeklog.box(True, text))
    for text in filter(str.strip, args.note):
        log.add_note(_typed(text))


def _lines(texts: Sequence[str]) -> list[str]:
    """Each text on one line, since a line of the log is one entry."""
    return [line for line in (" ".join(_typed(text).split()) for text in texts) if line]


def _typed(text: str) -> str:
    """What was typed; Python takes it apart where the system's encoding does not have it."""
    return text.encode("utf8", errors="surrogateescape").decode("utf8", errors="replace")


# --- export ----------------------------------------------------------------------------------


def _add_export(commands: Commands) -> None:
    parser = add_command(
        commands, "export", "write your progress and your logs to one file", export
    )
    parser.add_argument("--format", choices=("notion", "markdown", "json"), default="json")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="default: mi-course-progress.*, - for the screen"
    )


def export(args: argparse.Namespace) -> int:
    """Write the file, and say how to import it."""
    from mi_course.book import exercises
    from mi_course.learner import export as exporting
    from mi_course.learner import progress as records

    text = exporting.render(args.format, exercises.here())
    if args.into == Path("-"):
        _to_the_screen(text)
        return 0
    path = args.into or Path(f"mi-course-progress.{exporting.ENDINGS[args.format]}")
    if path.is_file() and not exporting.written_here(path.read_text("utf8", errors="replace")):
        raise UsageError(
            f"{relative(path)} is there already, and `mi-course export` did not write it: name "
            "another file with --into"
        )
    records.write(path, text)
    how = {
        "notion": "In Notion: Settings, Import, CSV.",
        "markdown": "The tracker page of the site imports it too.",
        "json": "The tracker page of the site imports it.",
    }
    print(f"Written: {relative(path)}. {how[args.format]}")
    return 0


def _to_the_screen(text: str) -> None:
    """Print a file; where it goes to another program or a file, as the file itself, in UTF-8."""
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None or sys.stdout.isatty():
        print(text, end="")
        return
    sys.stdout.flush()
    raw.write(text.encode("utf8"))
    raw.flush()
