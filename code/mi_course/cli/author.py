"""The commands of those who write chapters: run, new-post, check-post, status.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mi_course.cli.common import UsageError, add_command, add_root, positive, progress_bar, root_of
from mi_course.models import registry

if TYPE_CHECKING:
    from mi_course.book.chapters import Chapter
    from mi_course.book.run import Outcome
    from mi_course.cli.common import Commands


def add(commands: Commands) -> None:
    """Add the parsers of these commands."""
    for add_parser in (_add_run, _add_new_post, _add_check_post, _add_status):
        add_parser(commands)


# --- run -------------------------------------------------------------------------------------


def _add_run(commands: Commands) -> None:
    parser = add_command(commands, "run", "execute chapters and store their outputs", run)
    parser.add_argument(
        "docs", nargs="*", metavar="CHAPTER", help="such as week2/02_induction_heads; default: all"
    )
    parser.add_argument("--model", choices=registry.names(), default=registry.DEFAULT.name)
    parser.add_argument("--jobs", type=positive, metavar="N", help="chapters at a time")
    parser.add_argument(
        "--changed", action="store_true", help="only chapters of which something changed"
    )
    add_root(parser)


def run(args: argparse.Namespace) -> int:
    """Execute chapters in parallel and store what they give; 1 if one of them failed."""
    from mi_course.book import chapters

    root = root_of(args)
    chosen = [chapters.named(root, doc) for doc in args.docs] or chapters.find(root)
    chosen = list(dict.fromkeys(chosen))
    if args.changed:
        chosen = [chapter for chapter in chosen if _must_run(chapter, args.model)]
        if not chosen:
            print("Nothing changed since the last run here.")
            return 0
    outcomes = execute(chosen, args.model, args.jobs or default_jobs(args.model))
    return int(any(outcome.failed for outcome in outcomes))


def execute(chosen: Sequence[Chapter], model: str, jobs: int) -> list[Outcome]:
    """Execute chapters with a bar, and store what each gives as soon as it has ended."""
    from mi_course.book import last_runs
    from mi_course.book import run as runner

    def end(outcome: Outcome) -> None:
        bar.write(_line(outcome))
        if outcome.state in ("new", "changed", "kept", "unchanged"):
            last_runs.note(outcome.chapter, outcome.model, dict(outcome.modules))

    with progress_bar(sum(len(chapter.cells) for chapter in chosen)) as bar:

        def on_cell(doc: str) -> None:
            bar.set_postfix_str(doc)
            bar.update()

        outcomes = runner.run_all(chosen, model, jobs, on_cell, end)
    print(", ".join(f"{n} {state}" for state, n in runner.summary(outcomes).items()))
    return outcomes


def _must_run(chapter: Chapter, model: str) -> bool:
    from mi_course.book import last_runs, store

    why = store.stale_reason(chapter, model) or last_runs.why_run(chapter, model)
    print(f"{chapter}: {why or 'nothing changed'}")
    return why is not None


def default_jobs(model: str) -> int:
    """As many kernels as there are processors, but no more than the model's size allows."""
    return min(os.cpu_count() or 1, registry.named(model).most_jobs)


def _line(outcome: Outcome) -> str:
    text = f"{outcome.state:<10} {outcome.chapter} ({outcome.model}, {outcome.seconds:.1f} s)"
    return f"{text}\n{outcome.message}" if outcome.message else text


# --- new-post --------------------------------------------------------------------------------


def _add_new_post(commands: Commands) -> None:
    parser = add_command(
        commands, "new-post", "start a post of your own, and show it in the site", post
    )
    parser.add_argument("title", nargs="+", metavar="TITLE", help="a question, or a claim")
    parser.add_argument(
        "--no-run", action="store_true", help="write the page, and run its cells later"
    )
    add_root(parser)


def post(args: argparse.Namespace) -> int:
    """Write a post from the template, add it to the site and run its cells."""
    from mi_course.book import new_post

    root = root_of(args)
    started = new_post.start(root, " ".join(args.title))
    page = f"_build/html/book/{started}.html"
    print(f"written  {started.file}, and added to the site's table of contents")
    failed = 0
    if not args.no_run:
        args.docs, args.model = [started.doc], registry.DEFAULT.name
        args.jobs, args.changed = None, False
        failed = run(args)
    print(
        f"Edit it. `mi-course run {started}` runs its cells again; `make book` builds your "
        f"site, with the post at {page}."
    )
    return failed


# --- check-post ------------------------------------------------------------------------------


def _add_check_post(commands: Commands) -> None:
    parser = add_command(
        commands, "check-post", "look at a post's text: typed numbers, what is missing", check_post
    )
    parser.add_argument("post", metavar="POST", help="its name, such as my-title")
    add_root(parser)


def check_post(args: argparse.Namespace) -> int:
    """Print what is missing in a post, one sentence a line; 1 if anything is."""
    from mi_course.book import chapters, new_post, post_check

    root = root_of(args)
    name = args.post if "/" in args.post else f"{new_post.FOLDER}/{args.post}"
    post = chapters.named(root, name)
    missing = post_check.problems(post)
    print("\n".join(missing) or "Nothing is missing that a program can see.")
    print(f"\n{post_check.NOT_JUDGED}")
    return int(bool(missing))


# --- status ----------------------------------------------------------------------------------


def _add_status(commands: Commands) -> None:
    parser = add_command(
        commands, "status", "show which stored outputs are fresh, and why not", status
    )
    add_root(parser)


_NOT_RUN_ON = "not run on it"
_WHAT_IS_FRESH = (
    "\nfresh: the outputs belong to the cells as they stand, and to the model's weights. Whether "
    "code, data\nor versions that they depend on changed is in the last column, as far as they "
    "were run here."
)


def status(args: argparse.Namespace) -> int:
    """One row for each chapter; 1 if outputs that must be stored are stale, or a label wrong."""
    from mi_course.book import chapters, store

    root = root_of(args)
    found = chapters.find(root)
    if not found:
        raise UsageError("the book has no chapters with code yet")
    rows = [_status_row(chapter) for chapter in found]
    orphans = store.orphans(root)
    print(_table([("chapter", "cells", *registry.names(), "since the last run here"), *rows]))
    print(_WHAT_IS_FRESH)
    for orphan in orphans:
        print(orphan)
    wrong = any(store.wrong_label(chapter, name) for chapter in found for name in registry.names())
    stale = any(store.stale_reason(chapter, chapter.at_least) for chapter in found)
    return int(bool(orphans) or wrong or stale)


def _status_row(chapter: Chapter) -> tuple[str, ...]:
    from mi_course.book import last_runs, store

    states = []
    for model in registry.names():
        why = store.stale_reason(chapter, model)
        missing = "none stored" if model != chapter.at_least else f"stale: {why}"
        state = "fresh" if why is None else f"stale: {why}"
        if chapter.only not in (None, model):
            missing = _NOT_RUN_ON
        states.append(state if chapter.stored(model).is_file() else missing)
    changed = last_runs.why_run(chapter, chapter.at_least) or "nothing changed"
    return (chapter.doc, str(len(chapter.cells)), *states, changed)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
