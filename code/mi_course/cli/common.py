"""What the commands of `mi-course` share: their arguments, the course's folder, a bar."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mi_course.errors import CourseError

if TYPE_CHECKING:
    from tqdm import tqdm

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]


class UsageError(CourseError):
    """A command that cannot be carried out as it was given; the message says what can."""


def add_command(
    commands: Commands, name: str, text: str, command: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """A subcommand's parser; `text` explains it, in the list of commands and in its own help."""
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(command=command)
    return parser


def add_root(parser: argparse.ArgumentParser) -> None:
    """The argument that names the course's folder."""
    parser.add_argument(
        "--root", type=Path, metavar="FOLDER", help="the course's folder; default: where you are"
    )


def root_of(args: argparse.Namespace) -> Path:
    """The course's folder.

    Raises:
        UsageError: the folder that was named does not exist.
        ChapterError: it is not the course's.
    """
    from mi_course.book.chapters import project_root

    if args.root is not None and not args.root.is_dir():
        raise UsageError(f"--root {args.root}: no such folder")
    return project_root(args.root)


def root_or_none(args: argparse.Namespace) -> Path | None:
    """The course's folder, or None where only the package is installed, with its notebooks.

    Raises:
        UsageError: the folder that was named does not exist.
        ChapterError: it is not the course's, or there is none and the package has no notebooks.
    """
    from mi_course.book.chapters import ChapterError
    from mi_course.book.exercises import SHIPPED

    try:
        return root_of(args)
    except ChapterError:
        if args.root is None and SHIPPED.is_dir():
            return None
        raise


def relative(path: Path) -> str:
    """A path as one would type it from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def add_folder(parser: argparse.ArgumentParser, default: str) -> None:
    """The argument that names a folder to write into."""
    parser.add_argument("--into", type=Path, metavar="FOLDER", help=f"default: {default}")


def folder_of(args: argparse.Namespace, default: Path) -> Path:
    """The folder to write into.

    Raises:
        UsageError: it is a file.
    """
    folder: Path = args.into or default
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--into {folder} is a file, expected a folder")
    return folder


def positive(text: str) -> int:
    """The type of an argument that counts something."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, not {text!r}")
    return int(text)


def progress_bar(total: int | None) -> tqdm:
    """A progress bar, where a person looks on; `None` counts without a goal."""
    from tqdm import tqdm

    return tqdm(total=total, disable=None, leave=False)
