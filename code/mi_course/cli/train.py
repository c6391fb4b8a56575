"""The commands that make what the course ships: train-pocket, train-mlp and others like them.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.cli.common import UsageError, add_command, add_folder, folder_of, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from mi_course.cli.common import Commands

MIB = 2**20
POCKET_SEED = 5  # as in `pocket_training`, which imports torch


def add(commands: Commands) -> None:
    """Add the parsers of these commands."""
    for add_parser in (
        _add_train_pocket,
        _add_train_mlp,
        _add_train_induction,
        _add_train_dictionaries,
        _add_fit_lens,
        _add_export_browser,
    ):
        add_parser(commands)


# --- train-pocket ----------------------------------------------------------------------------


def _add_train_pocket(commands: Commands) -> None:
    parser = add_command(
        commands, "train-pocket", "train the embedded model anew, about 20 minutes", train
    )
    add_folder(parser, "the model's folder in the package")
    parser.add_argument(
        "--restart", action="store_true", help="begin anew instead of resuming an interrupted run"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=POCKET_SEED,
        help="another one trains another model; default: 5, pocket's",
    )


def train(args: argparse.Namespace) -> int:
    """Train `pocket`, or a model like it from another seed; an interrupted run is resumed.

    Raises:
        UsageError: another seed, and no folder for what is not `pocket`.
    """
    from mi_course.models import POCKET_DIR

    if args.seed != POCKET_SEED and args.into is None:
        raise UsageError(f"--seed {args.seed} trains another model: say where with --into FOLDER")
    folder = folder_of(args, POCKET_DIR)
    from mi_course.pocket_training import training  # takes seconds, since it imports torch

    training.train_pocket(folder, seed=args.seed, resume=not args.restart, progress=True)
    _print_size(folder)
    return 0


def _write(write: Callable[..., None], folder: Path) -> int:
    """Let a module write what ships of its runs, and tell how far it is."""
    with progress_bar(None) as bar:
        write(folder, tell=bar.set_postfix_str)
    _print_size(folder)
    return 0


def _print_size(folder: Path) -> None:
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    print(f"{folder}: {size / MIB:.1f} MiB")


# --- train-mlp -------------------------------------------------------------------------------


def _add_train_mlp(commands: Commands) -> None:
    text = "train week 1's networks anew, and break and time their loops, a few minutes"
    parser = add_command(commands, "train-mlp", text, train_mlp)
    add_folder(parser, "the runs' folder in the package")


def train_mlp(args: argparse.Namespace) -> int:
    """Write week 1's training log, weights and checksums anew; needs the real MNIST."""
    from mi_course.digits import run_log  # takes seconds, since it imports torch

    folder = folder_of(args, run_log.FOLDER)
    with progress_bar(None) as bar:
        run_log.write(folder, bar.set_postfix_str)
    _print_size(folder)
    return 0


# --- train-induction -------------------------------------------------------------------------


def _add_train_induction(commands: Commands) -> None:
    text = "train week 2's two-layer models anew, with five seeds each, a few minutes"
    parser = add_command(commands, "train-induction", text, train_induction)
    add_folder(parser, "the runs' folder in the package")


def train_induction(args: argparse.Namespace) -> int:
    """Write the log, the two models and the checksums of week 2's optional runs anew."""
    from mi_course.induction_training import training_log  # takes seconds, since it imports torch

    return _write(training_log.write, folder_of(args, training_log.FOLDER))


# --- train-dictionaries ----------------------------------------------------------------------


def _add_train_dictionaries(commands: Commands) -> None:
    text = "train the dictionaries of the lab on superposition anew, about five minutes"
    parser = add_command(commands, "train-dictionaries", text, train_dictionaries)
    add_folder(parser, "the runs' folder in the package")


def train_dictionaries(args: argparse.Namespace) -> int:
    """Write the two dictionaries, the table of more and the checksums anew."""
    from mi_course.superposition import shipped  # takes seconds, since it imports torch

    return _write(shipped.write, folder_of(args, shipped.FOLDER))


# --- fit-lens --------------------------------------------------------------------------------


def _add_fit_lens(commands: Commands) -> None:
    text = "fit the Jacobian lens of the lab on lenses anew, about two minutes"
    parser = add_command(commands, "fit-lens", text, fit_lens)
    add_folder(parser, "the lens' folder in the package")


def fit_lens(args: argparse.Namespace) -> int:
    """Write the lens, the texts that it was fitted on, and the checksums anew."""
    from mi_course.lenses import shipped  # takes seconds, since it imports torch

    return _write(shipped.write, folder_of(args, shipped.FOLDER))


# --- export-browser --------------------------------------------------------------------------


def _add_export_browser(commands: Commands) -> None:
    text = "write pocket as the file that the playground loads; building the site does it by itself"
    parser = add_command(commands, "export-browser", text, export_browser)
    add_folder(parser, "where you are")


def export_browser(args: argparse.Namespace) -> int:
    """Write the model's file for the browser."""
    from mi_course.book.site import browser_model

    path = browser_model.write(folder_of(args, Path()))
    print(f"{path}: {path.stat().st_size:,} bytes")
    return 0
