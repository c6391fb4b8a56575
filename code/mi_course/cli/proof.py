"""The commands that put the course to the test: prove-outputs, verify-gpt2, bench, quality.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.cli import author
from mi_course.cli.common import (
    UsageError,
    add_command,
    add_folder,
    add_root,
    folder_of,
    positive,
    progress_bar,
    root_of,
)
from mi_course.models import registry

if TYPE_CHECKING:
    from mi_course.cli.common import Commands

VERDICT_PAGE = "book/gpt2_numbers.md"


def add(commands: Commands) -> None:
    """Add the parsers of these commands."""
    for add_parser in (_add_prove_outputs, _add_verify_gpt2, _add_bench, _add_quality):
        add_parser(commands)


# --- prove-outputs ---------------------------------------------------------------------------


def _add_prove_outputs(commands: Commands) -> None:
    text = "damage a copy of the book and count what the checks catch, some minutes"
    parser = add_command(commands, "prove-outputs", text, prove_outputs)
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
    add_root(parser)


def prove_outputs(args: argparse.Namespace) -> int:
    """Print the table of damages; 1 if one was missed or an alarm was false."""
    from mi_course.book import generated_parts
    from mi_course.book.proof import prove, report

    root = root_of(args)
    with progress_bar(None) as bar:

        def on_tried(tried: report.Tried) -> None:
            bar.set_postfix_str(tried.kind)
            bar.update()

        tried = prove.prove(root, args.seed, on_tried, args.python)
    text = report.table(tried) + report.drawn_from(root)
    if args.into:
        generated_parts.put_between(args.into, report.MARK, text)
    print(text)
    return int(not all(t.right for t in tried))


# --- verify-gpt2 -----------------------------------------------------------------------------


def _add_verify_gpt2(commands: Commands) -> None:
    text = "measure every published number of GPT-2 small, then run every chapter on it"
    parser = add_command(commands, "verify-gpt2", text, verify_gpt2)
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FILE",
        help=f"a page with marks; default: {VERDICT_PAGE}, with --list none",
    )
    parser.add_argument(
        "--list", action="store_true", help="print the published numbers, and measure nothing"
    )
    parser.add_argument("--numbers-only", action="store_true", help="execute no chapter")
    parser.add_argument(
        "--even-if-random",
        action="store_true",
        help="go on with stand-in weights, to see that every number is then called wrong",
    )
    add_root(parser)


def verify_gpt2(args: argparse.Namespace) -> int:
    """Download and measure GPT-2 small; 1 unless every number agrees and every chapter runs."""
    from mi_course import models, reference
    from mi_course.book import chapters, generated_parts, kernels
    from mi_course.reference import verify

    if args.list:
        if args.into:
            generated_parts.put_between(args.into, verify.MARK, verify.unmeasured())
        print(verify.unmeasured())
        return 0
    root = root_of(args)
    found = verify.identity(models.fetch_gpt2())
    print(verify.identity_table(found))
    if not args.even_if_random:
        verify.refuse_others(found)
    model = models.load("gpt2")
    with progress_bar(len(reference.everything())) as bar:
        verdict = verify.judge(
            model,
            even_if_random=args.even_if_random,
            on_measured=lambda _: bar.update(),
            versions=kernels.versions(),
        )
    print(verify.page(verdict))
    if not verdict.is_gpt2:
        print("Nothing was written: these are not the weights of GPT-2.")
        return 1
    page = args.into or root / VERDICT_PAGE
    generated_parts.put_between(page, verify.MARK, verify.page(verdict))
    if args.numbers_only:
        return int(not verdict.agrees)
    del model  # the chapters load their own
    outcomes = author.execute(chapters.find(root), "gpt2", author.default_jobs("gpt2"))
    generated_parts.put_between(page, verify.MARK, verify.page(verdict, outcomes))
    return int(not verdict.agrees or any(outcome.failed for outcome in outcomes))


# --- bench -----------------------------------------------------------------------------------


def _add_bench(commands: Commands) -> None:
    text = "measure the speed of the interventions on random weights, about 10 minutes"
    parser = add_command(commands, "bench", text, run_bench)
    parser.add_argument("--prompts", type=positive, default=24, help="default: 24")
    parser.add_argument(
        "--memory-prompts", type=positive, default=500, help="where memory is measured"
    )
    parser.add_argument("--threads", type=positive, default=2, help="default: 2")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    parser.add_argument(
        "--quick", action="store_true", help="a tiny model: tries the code, says nothing of speed"
    )
    parser.add_argument(
        "--model", choices=registry.names(), help="default: random weights of GPT-2 small's size"
    )


def run_bench(args: argparse.Namespace) -> int:
    """Print the table of speeds; write it as JSON if asked to."""
    if args.json is not None and not args.json.resolve().parent.is_dir():
        raise UsageError(f"--json {args.json}: no such folder")
    from mi_course.benchmark import bench

    def say(text: str) -> None:
        print(f"measuring: {text}", file=sys.stderr)

    sizes = args.prompts, args.memory_prompts, args.quick, args.threads
    report = bench.run(*sizes, say, args.model)
    print(report)
    if args.json is not None:
        args.json.write_text(report.to_json(), "utf8")
    return 0


# --- quality ---------------------------------------------------------------------------------


def _add_quality(commands: Commands) -> None:
    text = "measure what a model can do on repeats and IOI, and write its card, some minutes"
    parser = add_command(commands, "quality", text, quality)
    default = registry.SMOLLM2.name
    parser.add_argument("--model", choices=registry.names(), default=default)
    add_folder(parser, "the cards' folder in the package")


def quality(args: argparse.Namespace) -> int:
    """Write a model's card, and print it."""
    from mi_course import models
    from mi_course.benchmark import quality as measures

    folder = folder_of(args, measures.CARDS)
    path = measures.write(measures.measure(models.load(args.model, quiet=True)), folder)
    print(path.read_text("utf8"), end="")
    return 0
