"""The commands about conclusions: claims, prove-claims.

What a command needs is imported when it is called, as in `mi_course.cli`.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.cli.author import default_jobs
from mi_course.cli.common import add_command, add_root, positive, progress_bar, root_of
from mi_course.models import registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mi_course.book.claims.table import Record
    from mi_course.claims import Claim
    from mi_course.claims.rerun import Ran
    from mi_course.cli.common import Commands


def add(commands: Commands) -> None:
    """Add the parsers of these commands."""
    text = "run conclusions again on fresh draws, and store how often each held"
    parser = add_command(commands, "claims", text, run_claims)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="such as week4/NAME, or week4; default: all"
    )
    parser.add_argument("--model", choices=registry.names(), default=registry.DEFAULT.name)
    parser.add_argument(
        "--draws", type=_draws, metavar="N", help="fresh draws; default: 20, smollm2 6"
    )
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes at a time")
    parser.add_argument("--changed", action="store_true", help="only claims that are stale")
    parser.add_argument("--dry-run", action="store_true", help="store nothing")
    parser.add_argument(
        "--check", action="store_true", help="store nothing: compare with what is stored of them"
    )
    add_root(parser)
    text = "plant false claims, and count those that are refused"
    parser = add_command(commands, "prove-claims", text, prove_claims)
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="a page with marks, to put the table into"
    )
    add_root(parser)


def _draws(text: str) -> int:
    return 0 if text == "0" else positive(text)


def run_claims(args: argparse.Namespace) -> int:
    """Run claims and store their table, or compare them with it; 1 if they differ."""
    from mi_course.book.claims import table
    from mi_course.claims import catalogue, rerun

    root = root_of(args)
    chosen = _chosen(root, args)
    if not chosen:
        print("No claim to run.")
        return 0
    made_by = [(claim, catalogue.digest(claim)) for claim in chosen]  # as it is run
    seconds: dict[str, float] = defaultdict(float)
    of_each = rerun.runs(args.model, args.draws)
    runs = [one for claim in chosen for one in of_each if _is_run(claim, one)]
    with progress_bar(len(runs)) as bar:

        def on_ran(ran: Ran) -> None:
            seconds[ran.name] += ran.seconds
            bar.set_postfix_str(ran.name)
            bar.update()

        jobs = args.jobs or default_jobs(args.model)
        ran = rerun.everything(chosen, args.model, args.draws, jobs, on_ran)
    refused = rerun.refused(ran)
    weights = registry.known_sha256(registry.named(args.model))
    found = {
        one.name: table.record(root, one, code, weights, [r for r in ran if r.name == one.name])
        for one, code in made_by
        if one.name not in refused
    }
    _print(found, seconds)
    for name, why in refused.items():
        print(f"NOT STORED: {name}: {why}", file=sys.stderr)
    if args.check:
        return max(_compare(_still_known(root, args.model), found), int(bool(refused)))
    if not args.dry_run:
        kept = _still_known(root, args.model) if args.names or args.changed else {}
        table.save(root, args.model, kept | found)
    return int(bool(refused))


def _compare(stored: dict[str, Record], found: dict[str, Record]) -> int:
    """Print where what was found is not what is stored; 1 if anywhere."""
    from mi_course.book.claims import table

    wrong = [f"{name} is not stored" for name in found if name not in stored]
    for name in found.keys() & stored.keys():
        wrong += table.disagreements(name, stored[name], found[name])
    print("\n".join(wrong) or "Every draw agrees with the stored one.")
    return int(bool(wrong))


def _is_run(claim: Claim, run: object) -> bool:
    return claim.templates or getattr(run, "where", "") != "held_out"


def _chosen(root: Path, args: argparse.Namespace) -> list[Claim]:
    """The claims that were asked for and that the model can make."""
    from mi_course.book.claims import table
    from mi_course.claims import catalogue

    model, known = registry.named(args.model), catalogue.declared()
    for name in args.names:
        if not any(one.startswith(f"{name}/") for one in known):
            catalogue.named(name)
    asked = [
        claim
        for name, claim in known.items()
        if not args.names or name in args.names or name.partition("/")[0] in args.names
    ]
    fit = [claim for claim in asked if claim.fits(model)]
    measured_only = args.check and not args.names  # a slow model has not run them all
    if not (measured_only or args.changed):
        return fit  # and a damaged table is not read: this is how it is mended
    stored = _still_known(root, args.model)
    if measured_only:
        return [claim for claim in fit if claim.name in stored]
    return [
        claim
        for claim in fit
        if claim.name not in stored or table.why_stale(root, claim, model, stored[claim.name])
    ]


def _still_known(root: Path, model: str) -> dict[str, Record]:
    """What is stored already, of claims that there are."""
    from mi_course.book.claims import table
    from mi_course.claims import catalogue

    known = catalogue.declared()
    return {name: one for name, one in table.load(root, model).items() if name in known}


def _print(found: dict[str, Record], seconds: dict[str, float]) -> None:
    from mi_course.book.claims import words

    heads = ("claim", "verdict", "effect", "interval", "smallest", "n", "3 n", "templates", "s")
    rows: list[Sequence[str]] = [heads]
    for name, one in found.items():
        columns = (words.of_column(one, x) for x in (one.fresh, one.larger, one.held_out))
        low, high = (words.Number.of(x, one.page) for x in (one.page.low, one.page.high))
        smallest = words.Number.of(one.page.smallest, one.page)
        mark = "" if one.is_told else ", VARIES"
        rows.append(
            (
                name,
                f"{one.page.verdict}{mark}",
                words.effect(one.page),
                f"{low} to {high}",
                f"{smallest}",
                *columns,
                f"{seconds[name]:.0f}",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    for row in rows:
        print(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )


def prove_claims(args: argparse.Namespace) -> int:
    """Print the table of planted false claims; 1 if one was not refused."""
    from mi_course.book import generated_parts
    from mi_course.book.proof import claims, report

    tried = claims.prove(root_of(args))
    text = report.table(tried)
    if args.into:
        generated_parts.put_between(args.into, claims.MARK, text)
    print(text)
    return int(not all(one.right for one in tried))
