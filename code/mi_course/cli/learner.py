"""The commands that a learner works with: start, check.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
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


def _workbook(root: Path | None, named: Path | None) -> Path:
    return named or (root or Path.cwd()) / WORKBOOK


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
    from mi_course.book.notebook import workbook

    root = root_or_none(args)
    folder = folder_of(args, _workbook(root, None))
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
    root = root_or_none(args)
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
        print(relative(path))
        for verdict in check_notebook(path, names):
            print(f"  {verdict}")
            passed, total = passed + verdict.passed, total + 1
    print(f"{passed} of {total} passed")
    return int(passed < total)


def _chosen(root: Path | None, wanted: str | None) -> tuple[list[str], list[str]]:
    """The chapters, and the exercises in them, that were asked for."""
    from mi_course.book import exercises
    from mi_course.book.notebook import workbook

    chapters = exercises.by_chapter(root)
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
    from mi_course.check import cases

    folder = (root or Path()) / "tests" / "check" / "answers"
    if not folder.is_dir():
        raise UsageError("the kept answers lie in tests/check/answers of a clone of the course")
    tried = cases.try_all(folder, wanted)
    print(cases.table(tried))
    return int(not all(t.as_expected for t in tried))
