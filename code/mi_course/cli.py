"""The command `mi-course`: one subcommand for each thing that one does with the course.

What a subcommand needs is imported when it is called, so that `mi-course --help` answers at once
and works where torch is not installed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mi_course import cli_learner

if TYPE_CHECKING:
    from tqdm import tqdm

    from mi_course.book.run import Outcome

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

MODELS = ("pocket", "gpt2")
MIB = 2**20
VERDICT_PAGE = "book/gpt2_numbers.md"


class UsageError(Exception):
    """Something that the user can put right; the message says what and how."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; errors that the user can mend are one sentence, without a traceback.

    Returns:
        The exit code: 0, 1 for a failure, 2 for a wrong command line, 130 for an interruption.
    """
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = args.command
    try:
        return command(args)
    except KeyboardInterrupt:
        print("mi-course: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone: `mi-course status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if not _for_the_user(error):
            raise
        print(f"mi-course: {error}", file=sys.stderr)
        return 1


def _for_the_user(error: Exception) -> bool:
    """Whether an error's message is written for the user: the package's own kinds, by name.

    By name, since importing their modules would import what the command may not need.
    """
    if isinstance(error, UsageError):
        return True
    if isinstance(error, ModuleNotFoundError):
        missing = error.name or ""
        error.msg = (
            f"{missing} is not installed. Install the course with everything it needs: "
            "`make test` in its folder does, or see its README."
        )
        error.args = (error.msg,)
        return not missing.startswith("mi_course")
    kinds = {
        "LogError",
        "ChapterError",
        "StoreError",
        "RunError",
        "ModelFilesError",
        "TrainingError",
    }
    kinds |= {"DataError", "LogError", "NotGPT2Error"}
    return any(kind.__name__ in kinds for kind in type(error).__mro__)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mi-course",
        description="A hands-on course in mechanistic interpretability.",
        epilog="mi-course COMMAND --help explains a command.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    cli_learner.add(commands, _add)
    _add_run(commands)
    _add_new_post(commands)
    _add_status(commands)
    _add_prove_outputs(commands)
    _add_verify_gpt2(commands)
    _add_train_pocket(commands)
    _add_export_browser(commands)
    _add_train_mlp(commands)
    _add_bench(commands)
    return parser


def _add(
    commands: Commands, name: str, text: str, command: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(command=command)
    return parser


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root", type=Path, metavar="FOLDER", help="the course's folder; default: where you are"
    )


def _root(args: argparse.Namespace) -> Path:
    from mi_course.book.chapters import project_root

    if args.root is not None and not args.root.is_dir():
        raise UsageError(f"--root {args.root}: no such folder")
    return project_root(args.root)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, not {text!r}")
    return int(text)


# --- run -------------------------------------------------------------------------------------


def _add_run(commands: Commands) -> None:
    parser = _add(commands, "run", "execute chapters and store their outputs", run)
    parser.add_argument(
        "docs", nargs="*", metavar="CHAPTER", help="such as week2/02_induction_heads; default: all"
    )
    parser.add_argument("--model", choices=MODELS, default=MODELS[0])
    parser.add_argument("--jobs", type=_positive, metavar="N", help="chapters at a time")
    parser.add_argument(
        "--changed", action="store_true", help="only chapters of which something changed"
    )
    _add_root(parser)


def run(args: argparse.Namespace) -> int:
    """Execute chapters in parallel and store what they give; 1 if one of them failed."""
    from mi_course.book import chapters

    root = _root(args)
    docs = [chapters.doc_name(root, chapters.source_path(root, d)) for d in args.docs] or [
        chapters.doc_name(root, path) for path in chapters.find(root)
    ]
    docs = list(dict.fromkeys(docs))
    if args.changed:
        docs = [doc for doc in docs if _must_run(root, doc, args.model)]
        if not docs:
            print("Nothing changed since the last run here.")
            return 0
    outcomes = _execute(root, docs, args.model, args.jobs or _default_jobs(args.model))
    return int(any(outcome.failed for outcome in outcomes))


def _execute(root: Path, docs: Sequence[str], model: str, jobs: int) -> list[Outcome]:
    """Execute chapters with a bar, and store what each gives as soon as it has ended."""
    from mi_course.book import chapters, verified
    from mi_course.book import run as runner

    cells = {doc: len(chapters.code_cells(chapters.source_path(root, doc))) for doc in docs}

    def end(outcome: Outcome) -> None:
        bar.write(_line(outcome))
        if outcome.state in ("new", "changed", "kept", "unchanged"):
            verified.note(root, outcome.doc, outcome.model, dict(outcome.modules))

    with _bar(sum(cells.values())) as bar:

        def on_cell(doc: str) -> None:
            bar.set_postfix_str(doc)
            bar.update()

        outcomes = runner.run_all(root, docs, model, jobs, on_cell, end)
    print(", ".join(f"{n} {state}" for state, n in runner.summary(outcomes).items()))
    return outcomes


def _must_run(root: Path, doc: str, model: str) -> bool:
    from mi_course.book import chapters, store, verified

    source = chapters.source_path(root, doc)
    stale = store.stale_reason(source, chapters.stored_path(root, doc, model))
    why = stale or verified.why_run(root, doc, model)
    print(f"{doc}: {why or 'nothing changed'}")
    return why is not None


def _default_jobs(model: str) -> int:
    """As many kernels as there are processors; GPT-2 takes 3 GB each, so one at a time."""
    return 1 if model == "gpt2" else min(os.cpu_count() or 1, 8)


def _bar(total: int | None) -> tqdm:
    from tqdm import tqdm

    return tqdm(total=total, disable=None, leave=False)


def _line(outcome: Outcome) -> str:
    text = f"{outcome.state:<10} {outcome.doc} ({outcome.model}, {outcome.seconds:.1f} s)"
    return f"{text}\n{outcome.message}" if outcome.message else text


# --- new-post --------------------------------------------------------------------------------


def _add_new_post(commands: Commands) -> None:
    parser = _add(commands, "new-post", "start a post of your own, and show it in the site", post)
    parser.add_argument("title", nargs="+", metavar="TITLE", help="a question, or a claim")
    parser.add_argument(
        "--no-run", action="store_true", help="write the page, and run its cells later"
    )
    _add_root(parser)


def post(args: argparse.Namespace) -> int:
    """Write a post from the template, add it to the site and run its cells."""
    from mi_course import new_post

    root = _root(args)
    started = new_post.start(root, " ".join(args.title))
    page = f"_build/html/book/{started.doc}.html"
    written = started.path.relative_to(root).as_posix()
    print(f"written  {written}, and added to the site's table of contents")
    failed = 0
    if not args.no_run:
        args.docs, args.model, args.jobs, args.changed = [started.doc], MODELS[0], None, False
        failed = run(args)
    print(
        f"Edit it. `mi-course run {started.doc}` runs its cells again; `make book` builds your "
        f"site, with the post at {page}."
    )
    return failed


# --- status ----------------------------------------------------------------------------------


def _add_status(commands: Commands) -> None:
    parser = _add(commands, "status", "show which stored outputs are fresh, and why not", status)
    _add_root(parser)


def status(args: argparse.Namespace) -> int:
    """One row for each chapter; 1 if outputs of `pocket` are stale or missing."""
    from mi_course.book import chapters, store

    root = _root(args)
    docs = [chapters.doc_name(root, path) for path in chapters.find(root)]
    if not docs:
        raise UsageError("the book has no chapters with code yet")
    rows = [_status_row(root, doc) for doc in docs]
    orphans = store.orphans(root)
    print(_table([("chapter", "cells", *MODELS, "since the last run here"), *rows]))
    for orphan in orphans:
        print(orphan)
    return int(bool(orphans) or any(row[2] != "fresh" for row in rows))


def _status_row(root: Path, doc: str) -> tuple[str, ...]:
    from mi_course.book import chapters, store, verified

    source = chapters.source_path(root, doc)
    states = []
    for model in MODELS:
        stored = chapters.stored_path(root, doc, model)
        why = store.stale_reason(source, stored)
        missing = "none stored" if model != MODELS[0] else f"stale: {why}"
        state = "fresh" if why is None else f"stale: {why}"
        states.append(state if stored.is_file() else missing)
    changed = verified.why_run(root, doc, MODELS[0]) or "nothing changed"
    return (doc, str(len(chapters.code_cells(source))), *states, changed)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


# --- prove-outputs ---------------------------------------------------------------------------


def _add_prove_outputs(commands: Commands) -> None:
    text = "damage a copy of the book and count what the checks catch, some minutes"
    parser = _add(commands, "prove-outputs", text, prove_outputs)
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn; default: 0")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="a page with marks, to put the table into"
    )
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="COMMAND",
        help="another Python with the course's packages, to execute the book with as well",
    )
    _add_root(parser)


def prove_outputs(args: argparse.Namespace) -> int:
    """Print the table of damages; 1 if one was missed or an alarm was false."""
    from mi_course.book import marks
    from mi_course.book.proof import prove, report

    root = _root(args)
    with _bar(None) as bar:

        def on_tried(tried: report.Tried) -> None:
            bar.set_postfix_str(tried.kind)
            bar.update()

        tried = prove.prove(root, args.seed, on_tried, args.python)
    text = report.table(tried) + report.drawn_from(root)
    if args.into:
        marks.put_between(args.into, report.MARK, text)
    print(text)
    return int(not all(t.right for t in tried))


# --- verify-gpt2 -----------------------------------------------------------------------------


def _add_verify_gpt2(commands: Commands) -> None:
    text = "measure every published number of GPT-2 small, then run every chapter on it"
    parser = _add(commands, "verify-gpt2", text, verify_gpt2)
    parser.add_argument("--into", type=Path, metavar="FILE", help=f"default: {VERDICT_PAGE}")
    parser.add_argument("--numbers-only", action="store_true", help="execute no chapter")
    parser.add_argument(
        "--even-if-random",
        action="store_true",
        help="go on with stand-in weights, to see that every number is then called wrong",
    )
    _add_root(parser)


def verify_gpt2(args: argparse.Namespace) -> int:
    """Download and measure GPT-2 small; 1 unless every number agrees and every chapter runs."""
    from mi_course import models, reference, verify
    from mi_course.book import chapters, marks

    root = _root(args)
    found = verify.identity(models.fetch_gpt2())
    print(verify.identity_table(found))
    if not args.even_if_random:
        verify.refuse_others(found)
    model = models.load("gpt2")
    with _bar(len(reference.everything())) as bar:
        verdict = verify.judge(
            model, even_if_random=args.even_if_random, on_measured=lambda _: bar.update()
        )
    print(verify.page(verdict))
    if not verdict.is_gpt2:
        print("Nothing was written: these are not the weights of GPT-2.")
        return 1
    page = args.into or root / VERDICT_PAGE
    marks.put_between(page, verify.MARK, verify.page(verdict))
    if args.numbers_only:
        return int(not verdict.agrees)
    del model  # the chapters load their own
    docs = [chapters.doc_name(root, path) for path in chapters.find(root)]
    outcomes = _execute(root, docs, "gpt2", _default_jobs("gpt2"))
    marks.put_between(page, verify.MARK, verify.page(verdict, outcomes))
    return int(not verdict.agrees or any(outcome.failed for outcome in outcomes))


# --- train-pocket ----------------------------------------------------------------------------


def _add_train_pocket(commands: Commands) -> None:
    parser = _add(
        commands, "train-pocket", "train the embedded model anew, about 20 minutes", train
    )
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="default: the model's folder in the package"
    )
    parser.add_argument(
        "--restart", action="store_true", help="begin anew instead of resuming an interrupted run"
    )


def train(args: argparse.Namespace) -> int:
    """Train `pocket`; an interrupted run is resumed."""
    folder = args.into or Path(__file__).parent / "pocket"
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--into {folder} is a file, expected a folder")
    from mi_course import training  # takes seconds, since it imports torch

    training.train_pocket(folder, resume=not args.restart, progress=True)
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    print(f"{folder}: {size / MIB:.1f} MiB")
    return 0


# --- export-browser --------------------------------------------------------------------------


def _add_export_browser(commands: Commands) -> None:
    text = "write pocket as the file that the playground loads; building the site does it by itself"
    parser = _add(commands, "export-browser", text, export_browser)
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", default=Path(), help="default: where you are"
    )


def export_browser(args: argparse.Namespace) -> int:
    """Write the model's file for the browser."""
    from mi_course.book import browser_model

    if args.into.exists() and not args.into.is_dir():
        raise UsageError(f"--into {args.into} is a file, expected a folder")
    path = browser_model.write(args.into)
    print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


# --- train-mlp -------------------------------------------------------------------------------


def _add_train_mlp(commands: Commands) -> None:
    text = "train week 1's networks anew, and break and time their loops, a few minutes"
    parser = _add(commands, "train-mlp", text, train_mlp)
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="default: the runs' folder in the package"
    )


def train_mlp(args: argparse.Namespace) -> int:
    """Write week 1's training log, weights and checksums anew; needs the real MNIST."""
    from mi_course import mlp_log  # takes seconds, since it imports torch

    folder = args.into or mlp_log.FOLDER
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--into {folder} is a file, expected a folder")
    with _bar(None) as bar:
        mlp_log.write(folder, bar.set_postfix_str)
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    print(f"{folder}: {size / MIB:.1f} MiB")
    return 0


# --- bench -----------------------------------------------------------------------------------


def _add_bench(commands: Commands) -> None:
    text = "measure the speed of the interventions on random weights, about 10 minutes"
    parser = _add(commands, "bench", text, run_bench)
    parser.add_argument("--prompts", type=_positive, default=24, help="default: 24")
    parser.add_argument(
        "--memory-prompts", type=_positive, default=500, help="where memory is measured"
    )
    parser.add_argument("--threads", type=_positive, default=2, help="default: 2")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    parser.add_argument(
        "--quick", action="store_true", help="a tiny model: tries the code, says nothing of speed"
    )


def run_bench(args: argparse.Namespace) -> int:
    """Print the table of speeds; write it as JSON if asked to."""
    if args.json is not None and not args.json.resolve().parent.is_dir():
        raise UsageError(f"--json {args.json}: no such folder")
    from mi_course import bench

    def say(text: str) -> None:
        print(f"measuring: {text}", file=sys.stderr)

    report = bench.run(args.prompts, args.memory_prompts, args.quick, args.threads, say)
    print(report)
    if args.json is not None:
        args.json.write_text(report.to_json(), "utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
