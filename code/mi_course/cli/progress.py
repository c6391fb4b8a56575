"""The commands that show and keep what a learner has done: progress, log, export.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.cli.common import add_command, add_root, relative, root_or_none

if TYPE_CHECKING:
    from mi_course.cli.common import Commands
    from mi_course.learner.weeklog import Week

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
    chapters = exercises.by_week(root)
    print(f"{'week':<6}{'exercises':<31}{'tasks':<31}hours")
    for week in weeklog.weeks():
        names = [name for doc in chapters.get(week, {}).values() for name in doc]
        log, plan = weeklog.load(week), weeklog.plan(week)
        hours = sum(hours for _, hours in plan["parts"])
        done = _bar(sum(name in passed for name in names), len(names))
        ticked = _bar(len(log.done), len(plan["items"]))
        print(f"{week:<6}{done:<31}{ticked:<31}{sum(log.hours.values()):g} of {hours}")
    print()
    print(_next_step(chapters, passed))
    return 0


def _bar(done: int, total: int) -> str:
    full = BAR * done // total if total else 0
    return f"{'█' * full}{'░' * (BAR - full)} {done}/{total}"


def _next_step(chapters: dict[int, dict[str, dict[str, str]]], passed: dict[str, str]) -> str:
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

    week = weeklog.load(args.week)
    _change(week, args)
    path = weeklog.save(week)
    numbered, n = [], 0
    for line in weeklog.render(week).splitlines():
        if line.startswith("- [") and n < len(weeklog.ordered(args.week)):
            own = any(line[6:] == text for _, text, _ in week.own)
            n += not own
            line = line if own else f"{n:>3} {line[2:]}"
        numbered.append(line)
    print("\n".join(numbered))
    print(f"\nKept in {path}: edit it by hand, or use the options of `mi-course log --help`.")
    return 0


def _change(week: Week, args: argparse.Namespace) -> None:
    from mi_course.learner import weeklog

    week.done |= {weeklog.numbered(args.week, n) for n in args.done}
    week.done -= {weeklog.numbered(args.week, n) for n in args.undo}
    for day, hours in args.time:
        weeklog.set_hours(week, day, hours)
    week.learnings += _lines(args.learned)
    week.blockers += _lines(args.blocked)
    week.own += [(weeklog.DELIVERABLES, link, True) for link in _lines(args.link)]
    week.notes = "\n\n".join(filter(None, [week.notes, *args.note]))


def _lines(texts: Sequence[str]) -> list[str]:
    """Each text on one line, since a line of the log is one entry."""
    return [line for line in (" ".join(text.split()) for text in texts) if line]


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
        print(text, end="")
        return 0
    path = args.into or Path(f"mi-course-progress.{exporting.ENDINGS[args.format]}")
    records.write(path, text)
    how = {
        "notion": "In Notion: Settings, Import, CSV.",
        "markdown": "The tracker page of the site imports it too.",
        "json": "The tracker page of the site imports it.",
    }
    print(f"Written: {relative(path)}. {how[args.format]}")
    return 0
