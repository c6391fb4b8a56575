"""The commands that show and keep what a learner has done: progress, log, export, import.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mi_course.cli.common import UsageError, add_command, add_root, relative, root_or_none

if TYPE_CHECKING:
    from mi_course.cli.common import Commands
    from mi_course.learner.log_text import LogText

BAR = 12


def add(commands: Commands) -> None:
    """Add the parsers of these commands."""
    for add_parser in (_add_progress, _add_log, _add_export, _add_import):
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
    from mi_course.learner import pages, steps, weeklog
    from mi_course.learner import progress as records

    root = root_or_none(args)
    passed, finished = records.all_passed(), pages.finished()
    chapters, beyond = exercises.by_week(root), exercises.optional(root)
    unread = []
    print(f"{'week':<6}{'exercises':<22}{'tasks':<22}{'pages':<8}{'steps':<9}hours")
    for week in weeklog.weeks():
        names = [n for doc in chapters.get(week, {}).values() for n in doc if n not in beyond]
        log, plan = weeklog.load(week), weeklog.plan(week)
        unread += [(week, line) for line in weeklog.read(week).uncounted]
        hours = sum(hours for _, hours in plan["parts"])
        done = _bar(sum(name in passed for name in names), len(names))
        ticked = _bar(len(log.done | steps.shown_done(week, passed, finished)), len(plan["items"]))
        read = f"{sum(page in finished for page in plan['pages'])}/{len(plan['pages'])}"
        part, whole = steps.of_week(week, log.done, passed, finished, names)
        spent = f"{sum(log.hours.values()):g} of {hours}"
        print(f"{week:<6}{done:<22}{ticked:<22}{read:<8}{f'{part}/{whole}':<9}{spent}")
    for week, line in unread:
        print(f"Not counted in week {week}: {line}  (mi-course log --week {week} says why)")
    if beyond:
        print(f"Optional exercises, beyond the weeks: {len(beyond & passed.keys())}/{len(beyond)}")
    if labs := {n for names in exercises.of_labs(root).values() for n in names}:
        print(f"Exercises of the labs, after the weeks: {len(labs & passed.keys())}/{len(labs)}")
    print()
    print("\n".join(_next_step(chapters, passed, beyond)))
    return 0


def _bar(done: int, total: int) -> str:
    full = BAR * done // total if total else 0
    return f"{'█' * full}{'░' * (BAR - full)} {done}/{total}"


Chapters: TypeAlias = dict[int, dict[str, dict[str, str]]]


def _next_step(chapters: Chapters, passed: Mapping[str, str], beyond: set[str]) -> list[str]:
    """What comes after the exercise that was passed last; and what was left out before its week."""
    from mi_course.learner import weeklog

    order = [n for docs in chapters.values() for names in docs.values() for n in names]
    last = max(passed.keys() & set(order), key=lambda n: (passed[n], order.index(n)), default="")
    weeks = weeklog.weeks()
    at = next((w for w in weeks if any(last in n for n in chapters.get(w, {}).values())), weeks[0])
    open_of = {w: _open(chapters.get(w, {}), passed.keys() | beyond, last) for w in weeks}
    left = [line for w in weeks if w < at for line in open_of[w]]
    for week in (*(w for w in weeks if w >= at), *(w for w in weeks if w < at)):
        step = [f"Next: {line}" for line in open_of[week][:1]]
        if chapters.get(week):
            step += _open_task(week, passed)
        if step:
            more = f", and {len(left) - 1} more" if len(left) > 1 else ""
            return [step[0], *(f"Left out: {line}{more}" for line in left[:1] if week >= at)]
    return ["Everything is done."]


def _open(docs: dict[str, dict[str, str]], closed: Collection[str], last: str) -> list[str]:
    """A week's open exercises: those behind the last one that was passed, then those before it."""
    names = [(name, title, doc) for doc, of_doc in docs.items() for name, title in of_doc.items()]
    at = next((i for i, (name, _, _) in enumerate(names) if name == last), -1)
    turned = names[at + 1 :] + names[: at + 1]
    return [f"{title} ({name}), in {doc}" for name, title, doc in turned if name not in closed]


def _open_task(week: int, passed: Mapping[str, str]) -> list[str]:
    """The first of a week's tasks that neither a tick nor checks and pages call done."""
    from mi_course.learner import pages, steps, weeklog

    done = weeklog.load(week).done | steps.shown_done(week, passed, pages.finished())
    open_items = [item for item in weeklog.plan(week)["items"] if item["id"] not in done]
    log = f"  (mi-course log --week {week})"
    return [f"Next in week {week}: {item['text']}{log}" for item in open_items[:1]]


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
    from mi_course.learner import predictions, weeklog

    asked = (args.done, args.undo, args.time, args.learned, args.blocked, args.link, args.note)
    if any(asked):
        with weeklog.changing(args.week) as log:
            _change(log, args)
    log = weeklog.read(args.week)
    print("\n".join(_numbered(log)))
    for line in log.uncounted:
        print(f"\nNot counted in the time log: {line}\n{HOURS}")
    if said := predictions.summary(p for p in predictions.everything() if p.week == args.week):
        print(f"\nPredicted in week {args.week}: {said}")
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
        "json": "The tracker page of the site imports it, and so does `mi-course import`.",
    }
    print(f"Written: {relative(path)}. {how[args.format]}")
    return 0


# --- import ----------------------------------------------------------------------------------


def _add_import(commands: Commands) -> None:
    parser = add_command(
        commands, "import", "add what the tracker page exported as JSON to what is here", take
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="mi-course-progress.json")


def take(args: argparse.Namespace) -> int:
    """Add the file's ticks, notes, hours, pages and passed exercises; say what changed."""
    from mi_course.learner import importing

    if args.file.suffix.lower() == ".md":
        raise UsageError(f"{args.file} is for reading: export JSON on the tracker page instead")
    try:
        found = importing.read(args.file.read_text("utf8", errors="replace"))
    except importing.FileError as error:
        raise UsageError(f"{args.file} was not imported, and nothing changed: {error}") from error
    said = importing.merge(found)
    print("\n".join(said or ["Everything in it was here already, and nothing was changed."]))
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
