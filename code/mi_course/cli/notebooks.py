"""The commands for a learner's notebooks: start, check.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.cli.common import (
    UsageError,
    add_command,
    add_folder,
    add_root,
    folder_of,
    relative,
    root_or_none,
)

if TYPE_CHECKING:
    from mi_course.book.notebook.workbook import Written
    from mi_course.cli.common import Commands

WORKBOOK = "workbook"


def add(commands: Commands) -> None:
    """Add the parsers of these commands."""
    for add_parser in (_add_start, _add_check):
        add_parser(commands)


def _workbook(args: argparse.Namespace, root: Path | None) -> Path:
    """In the course's folder where one is in it, or named it; else where one is."""
    here = Path.cwd().resolve()
    course = root if root and (args.root or here.is_relative_to(root.resolve())) else here
    return args.into or course / WORKBOOK


# --- start -----------------------------------------------------------------------------------


def _add_start(commands: Commands) -> None:
    parser = add_command(
        commands, "start", "write your own copy of the notebooks, to work in", start
    )
    parser.add_argument(
        "wanted", nargs="?", metavar="WEEK", help="2, week2, labs or a chapter; default: all"
    )
    add_folder(parser, "workbook/ in the course's folder if you are in it, else here")
    parser.add_argument("--open", action="store_true", help="open Jupyter there")
    add_root(parser)


def start(args: argparse.Namespace) -> int:
    """Write learners' notebooks; work that a learner has done is never overwritten."""
    from mi_course.book.notebook import workbook

    root = root_or_none(args)
    folder = folder_of(args, _workbook(args, root))
    told = {
        "written": "written  {}",
        "left": "left     {} (yours is up to date)",
        "updated": "updated  {} (you had not worked in it)",
        "beside": "beside   {} (the chapter changed; your own copy was left as it is)",
    }

    def tell(written: Written) -> None:
        print(told[written.state].format(relative(written.path)))

    docs = workbook.select(root, args.wanted)
    if not docs:
        raise UsageError("the book has no chapters with code yet")
    workbook.write_all(root, docs, folder, tell)
    if args.open:
        return _open_jupyter(folder)
    print(f"Open {relative(folder)} in VS Code, with the Python {_python()},")
    print("or in Jupyter: the same command with --open does it.")
    return 0


def _python() -> str:
    """The Python that runs this, as one would type it from here; its link is not followed."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _open_jupyter(folder: Path) -> int:
    from importlib.util import find_spec

    program = next((name for name in ("jupyterlab", "notebook") if find_spec(name)), None)
    if program is None:
        raise UsageError(
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
        "wanted",
        nargs="?",
        metavar="WEEK|EXERCISE",
        help="2, week2, labs, a chapter or an exercise",
    )
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="where your notebooks are; default: workbook/"
    )
    parser.add_argument(
        "--cases",
        action="store_true",
        help="instead: every kept wrong and right answer, and the verdict on it",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="with --cases: write down at which failure each answer's words are told",
    )
    add_root(parser)


def check(args: argparse.Namespace) -> int:
    """Run the cells that the exercises need and print a verdict for each."""
    root = root_or_none(args)
    if args.cases:
        return _cases(root, args.wanted, keep=args.keep)
    _start_importing(args.wanted)
    chosen = _chosen(root, args.wanted)
    folder = _workbook(args, root)
    passed = total = damaged = 0
    for doc, names in chosen.items():
        here, unread = _check_chapter(root, folder, doc, names)
        passed, total, damaged = passed + here, total + len(names), damaged + unread
    print(f"{passed} of {total} passed")
    return int(passed < total or damaged > 0)


def _start_importing(wanted: str | None) -> None:
    """The process that runs the cells imports what it needs while this one does the same.

    Every week has a chapter that loads a model; of a single exercise it is not known yet.
    """
    from mi_course.processes import of_cells

    of_cells.start(models=wanted is None or bool(re.fullmatch(r"(week)?\d|labs", wanted)))


def _chosen(root: Path | None, wanted: str | None) -> dict[str, list[str]]:
    """The chapters that were asked for, each with the exercises in it that were.

    Raises:
        UsageError: there are none.
    """
    from mi_course.book import exercises
    from mi_course.book.notebook import workbook

    chapters = {doc: list(names) for doc, names in exercises.by_chapter(root).items()}
    with_it = {doc: [str(wanted)] for doc, names in chapters.items() if wanted in names}
    if with_it:
        return with_it
    chosen = {
        doc: names for doc in workbook.select(root, wanted) if (names := chapters.get(doc, []))
    }
    if not chosen:
        raise UsageError(f"{wanted or 'the course'} has no exercises: there is nothing to check")
    return chosen


def _check_chapter(root: Path | None, folder: Path, doc: str, names: list[str]) -> tuple[int, int]:
    """Print a verdict for each of these exercises.

    Returns:
        How many of them are passed, and how many copies of the notebook are damaged.
    """
    from mi_course.book.notebook import workbook
    from mi_course.check import notebook

    copies = workbook.worked_in(root, folder, doc)
    if not copies:
        print(f"{doc}: no notebook of yours; `mi-course start {doc}` writes it")
    for i, path in enumerate(copies):
        try:
            verdicts = notebook.check(path, names)
        except notebook.NotebookError as error:
            print(f"{error}; not checked")
            continue
        others = copies[i + 1 :]
        older, renamed = (
            ", ".join(relative(copy) for copy in others if workbook.has_own_name(copy, doc) is own)
            for own in (True, False)
        )
        print(relative(path) + (f" (the newer of yours; not checked: {older})" if older else ""))
        if renamed:
            print(f"  not checked, since it has another name: {renamed}")
        for verdict in verdicts:
            print(f"  {verdict}")
        return sum(verdict.passed for verdict in verdicts), i
    return 0, len(copies)


def _cases(root: Path | None, wanted: str | None, *, keep: bool) -> int:
    from mi_course.check import cases

    folder = (root or Path()) / "tests" / "check" / "answers"
    if not folder.is_dir():
        raise UsageError("the kept answers lie in tests/check/answers of a clone of the course")
    tried = cases.try_all(folder, wanted)
    print(cases.table(tried))
    if keep:
        cases.keep_steps(folder, tried)
    return int(not all(t.as_expected for t in tried))
