"""The commands of mystery circuits: mystery, train-mysteries, prove-mysteries.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.cli.common import UsageError, add_command, add_folder, folder_of, progress_bar

if TYPE_CHECKING:
    from mi_course.cli.common import Commands
    from mi_course.mystery.explanation import Explanation

EXAMPLES = 8


def add(commands: Commands) -> None:
    """Add the parsers of these commands."""
    text = "small models with a hidden algorithm: list them, look at one, submit an explanation"
    group = commands.add_parser("mystery", help=text, description=f"{text[0].upper()}{text[1:]}.")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    add_command(actions, "list", "the models, and how far you are with each", show_list)
    parser = add_command(actions, "show", "inputs of a model and its answers", show)
    parser.add_argument("name", metavar="NAME", help="of a model")
    parser = add_command(actions, "submit", "judge an explanation, at most a minute", submit)
    parser.add_argument("name", metavar="NAME", help="of a model")
    parser.add_argument("file", type=Path, metavar="FILE", help="Python that defines `explanation`")
    text = "make the mystery models anew, a few minutes"
    parser = add_command(commands, "train-mysteries", text, train_mysteries)
    parser.add_argument("names", nargs="*", metavar="NAME", help="some models; default: all")
    add_folder(parser, "the models' folder in the package")
    text = "judge explanations that are known to be right or wrong, some minutes"
    parser = add_command(commands, "prove-mysteries", text, prove_mysteries)
    parser.add_argument("--seed", type=int, default=0, help="of the inputs; default: 0")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="a page with marks, to put the table into"
    )


# --- mystery ---------------------------------------------------------------------------------


def show_list(args: argparse.Namespace) -> int:
    """A table: name, difficulty, an input, accuracy, submissions and best scores."""
    from mi_course.learner import submissions
    from mi_course.mystery_nets import catalogue

    board = submissions.board()
    print(f"{'name':<9}{'difficulty':<12}{'accuracy':<10}{'an input':<30}yours")
    for name, mystery in catalogue.MYSTERIES.items():
        example = " ".join(map(str, catalogue.inputs(name, 1)[0]))
        right = f"{100 * catalogue.accuracy(name):.1f} %"
        stars = "*" * mystery.difficulty
        yours = submissions.told(board[name]) if name in board else "not tried"
        print(f"{name:<9}{stars:<12}{right:<10}{example:<30}{yours}")
    if board:
        print(
            "\nbest: how far a variable's agreement lay above its best control, of what there was "
            f"to gain; 1.00 is all\nevery submission, with its verdict: {submissions.folder()}"
        )
    return 0


def show(args: argparse.Namespace) -> int:
    """A model's shape, and what it answers to some inputs."""
    from mi_course.mystery_nets import catalogue

    name = args.name
    catalogue.find(name)
    shape = catalogue.shape(name)
    print(
        f"{name}: {shape.n_layer} layers of {shape.n_head} heads, d_model {shape.n_embd}, "
        f"{100 * catalogue.accuracy(name):.1f} % right"
    )
    print(f"symbols: {' '.join(map(str, catalogue.find(name).task.symbols))}")
    print(
        "places: resid, mlp, attn (layer, at=) and head(layer, head, at=), with layers "
        f"0..{shape.n_layer - 1}, heads 0..{shape.n_head - 1}, positions 0..{shape.n_positions - 1}"
        "\n"
    )
    rows = catalogue.inputs(name, EXAMPLES)
    for row, answer in zip(rows, catalogue.says(name, rows), strict=True):
        print(f"{' '.join(map(str, row))}  ->  {answer}")
    print(
        "\nthe answer is read at the last position, which a place calls at=-1\n"
        f"explain it: mi-course mystery submit {name} FILE, where FILE is Python and defines\n"
        "`explanation = mystery.Explanation(answer, {variable: place})`; the lab “Mystery "
        "circuits” shows one"
    )
    return 0


def submit(args: argparse.Namespace) -> int:
    """Judge the explanation in a file; 1 unless it passes."""
    if args.file.is_dir():
        raise UsageError(f"{args.file} is a folder: name the file that defines `explanation`")
    if not args.file.is_file():
        raise UsageError(f"{args.file}: no such file")
    from mi_course import mystery
    from mi_course.mystery_nets import catalogue

    catalogue.find(args.name)
    return int(not mystery.submit(args.name, _explanation(args.file)))


def _explanation(file: Path) -> Explanation:
    """What a file calls `explanation`.

    Raises:
        UsageError: the file stops with an error, submits by itself, or does not define that.
    """
    import runpy
    from unittest.mock import patch

    from mi_course.mystery.explanation import Explanation

    def submits(*args: object, **kwargs: object) -> None:
        raise UsageError(
            f"{file} calls `mystery.submit` itself, and would count twice: run it with Python, or "
            "write `explanation = mystery.Explanation(...)` in its place"
        )

    try:
        with patch("mi_course.mystery.submit", submits):
            found = runpy.run_path(str(file), run_name="submitted")
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}{_line(file, error)}"
        raise UsageError(f"{file} stops with {told}") from error
    explanation = found.get("explanation")
    if isinstance(explanation, Explanation):
        return explanation
    kind = type(explanation).__name__
    other = f": what it calls so is of type {kind}" if "explanation" in found else ""
    raise UsageError(f"{file} defines no `explanation = mystery.Explanation(...)`{other}")


def _line(file: Path, error: BaseException) -> str:
    """Where in a file an error came up; empty where its own words say it."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if frame.filename == str(file)]
    return f" (line {numbers[-1]})" if numbers else ""


# --- train-mysteries -------------------------------------------------------------------------


def train_mysteries(args: argparse.Namespace) -> int:
    """Write the files of all models, or of some, anew."""
    from mi_course.induction_training.training import one_thread
    from mi_course.mystery_nets import catalogue

    folder = folder_of(args, catalogue.FOLDER)
    names = args.names or list(catalogue.MYSTERIES)
    with one_thread():
        for name in names:
            catalogue.write(folder, name)
            size = sum(file.stat().st_size for file in (folder / name).iterdir())
            print(f"{folder / name}: {size / 1000:.0f} kB")
    return 0


# --- prove-mysteries -------------------------------------------------------------------------


def prove_mysteries(args: argparse.Namespace) -> int:
    """Print the table of right and wrong explanations; 1 unless all are judged as they should."""
    from mi_course.book import generated_parts
    from mi_course.mystery import proof
    from mi_course.mystery_nets import catalogue

    with progress_bar(None) as bar:

        def on_tried(tried: proof.Tried) -> None:
            bar.set_postfix_str(tried.model)
            bar.update()

        tried = proof.prove(list(catalogue.MYSTERIES), args.seed, on_tried)
    text = proof.table(tried)
    if args.into:
        generated_parts.put_between(args.into, proof.MARK, text)
    print(text)
    return int(not all(t.as_wanted for t in tried))
