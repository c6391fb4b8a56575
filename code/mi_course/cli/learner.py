"""The learner's commands: start, check, progress, log, export.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.cli.common import add_command, add_folder, add_root, root_of

if TYPE_CHECKING:
    from mi_course.book.notebook.workbook import Written
    from mi_course.cli.common import Commands
    from mi_course.learner.weeklog import Week

WORKBOOK = "workbook"
BAR = 20


def add(commands: Commands) -> None:
    """Add the parsers of these commands."""
    for add_parser in (_add_start, _add_check, _add_progress, _add_log, _add_export):
        add_parser(commands)


def _root(args: argparse.Namespace) -> Path | None:
    """The course's folder, or None where only the package is installed."""
    from mi_course.book.chapters import ChapterError
    from mi_course.learner.exercises import SHIPPED

    try:
        return root_of(args)
    except ChapterError:
        if args.root is None and SHIPPED.is_dir():
            return None
        raise


def _workbook(root: Path | None, named: Path | None) -> Path:
    return named or (root or Path.cwd()) / WORKBOOK


def _relative(path: Path) -> str:
    """A path as one would type it from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


# --- start -----------------------------------------------------------------------------------


def _add_start(commands: Commands) -> None:
    parser = add_command(
        commands, "start", "write your own copy of the notebooks, to work in", start
    )
    parser.add_argument(
        "wanted", nargs="?", metavar="WEEK", help="2, week2 or a chapter; default: all"
    )
    add_folder(parser, "workbook/ in the course's folder")
    parser.add_argument("--open", action="store_true", help="open Jupyter there")
    add_root(parser)


def start(args: argparse.Namespace) -> int:
    """Write learners' notebooks; work that a learner has done is never overwritten."""
    from mi_course.book.chapters import ChapterError
    from mi_course.book.notebook import workbook

    root = _root(args)
    folder = _workbook(root, args.into)
    told = {
        "written": "written  {}",
        "left": "left     {} (yours is up to date)",
        "updated": "updated  {} (you had not worked in it)",
        "beside": "beside   {} (the chapter changed; your own copy was left as it is)",
    }

    def tell(written: Written) -> None:
        print(told[written.state].format(_relative(written.path)))

    docs = workbook.select(root, args.wanted)
    if not docs:
        raise ChapterError("the book has no chapters with code yet")
    workbook.write_all(root, docs, folder, tell)
    if args.open:
        return _open_jupyter(folder)
    print(f"Open {_relative(folder)} in VS Code, with the Python {_python()},")
    print("or in Jupyter: the same command with --open does it.")
    return 0


def _python() -> str:
    """The Python that runs this, as one would type it from here; its link is not followed."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _open_jupyter(folder: Path) -> int:
    from importlib.util import find_spec

    from mi_course.book.chapters import ChapterError

    program = next((name for name in ("jupyterlab", "notebook") if find_spec(name)), None)
    if program is None:
        raise ChapterError(
            "the notebooks are written, and Jupyter is not installed here: "
            f"{_python()} -m pip install jupyterlab"
        )
    return subprocess.run([sys.executable, "-m", program, str(folder)], check=False).returncode


# --- check -----------------------------------------------------------------------------------


def _add_check(commands: Commands) -> None:
    parser = add_command(
        commands, "check", "check the exercises in your notebooks; 1 if one is not passed", check
    )
    parser.add_argument(
        "wanted", nargs="?", metavar="WEEK|EXERCISE", help="2, week2, a chapter or an exercise"
    )
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="where your notebooks are; default: workbook/"
    )
    parser.add_argument(
        "--cases",
        action="store_true",
        help="instead: every kept wrong and right answer, and the verdict on it",
    )
    add_root(parser)


def check(args: argparse.Namespace) -> int:
    """Run the cells that the exercises need and print a verdict for each."""
    root = _root(args)
    if args.cases:
        return _cases(root, args.wanted)
    from mi_course.check.notebook import check as check_notebook

    docs, names = _chosen(root, args.wanted)
    folder = _workbook(root, args.into)
    passed = total = 0
    for doc in docs:
        path = _newest(folder, doc)
        if path is None:
            print(f"{doc}: no notebook of yours; `mi-course start {doc}` writes it")
            total += 1
            continue
        print(_relative(path))
        for verdict in check_notebook(path, names):
            print(f"  {verdict}")
            passed, total = passed + verdict.passed, total + 1
    print(f"{passed} of {total} passed")
    return int(passed < total)


def _chosen(root: Path | None, wanted: str | None) -> tuple[list[str], list[str]]:
    """The chapters, and the exercises in them, that were asked for."""
    from mi_course.book.notebook import workbook
    from mi_course.learner.exercises import by_chapter

    chapters = by_chapter(root)
    with_it = [doc for doc, names in chapters.items() if wanted in names]
    if with_it:
        return with_it, [str(wanted)]
    docs = workbook.select(root, wanted)
    return [doc for doc in docs if chapters.get(doc)], []


def _newest(folder: Path, doc: str) -> Path | None:
    """The version of a notebook that was worked in last."""
    own = folder / f"{doc}.ipynb"
    found = [own, *own.parent.glob(f"{own.stem}.new-*.ipynb")]
    found = [path for path in found if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime) if found else None


def _cases(root: Path | None, wanted: str | None) -> int:
    from mi_course.book.chapters import ChapterError
    from mi_course.check import cases

    folder = (root or Path()) / "tests" / "check"
    if not folder.is_dir():
        raise ChapterError("the kept answers lie in tests/check of a clone of the course")
    tried = cases.try_all(folder, wanted)
    print(cases.table(tried))
    return int(not all(t.as_expected for t in tried))


# --- progress --------------------------------------------------------------------------------


def _add_progress(commands: Commands) -> None:
    parser = add_command(
        commands, "progress", "show what you have done, and what is next", progress
    )
    add_root(parser)


def progress(args: argparse.Namespace) -> int:
    """A table with bars: exercises, tasks and hours of each week; then the next step."""
    from mi_course.learner import exercises, weeklog
    from mi_course.learner import progress as records

    root = _root(args)
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
    from mi_course.learner import export as exporting
    from mi_course.learner import progress as records

    make, ending = exporting.FORMATS[args.format]
    text = make()
    if args.into == Path("-"):
        print(text, end="")
        return 0
    path = args.into or Path(f"mi-course-progress.{ending}")
    records.write(path, text)
    how = {
        "notion": "In Notion: Settings, Import, CSV.",
        "markdown": "The tracker page of the site imports it too.",
        "json": "The tracker page of the site imports it.",
    }
    print(f"Written: {_relative(path)}. {how[args.format]}")
    return 0
