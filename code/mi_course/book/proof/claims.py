"""Plant false claims and count what is refused, as `prove` does with damaged outputs.

Each plant is a way in which a conclusion can be wrong: in the evidence, in the claim, in the stored
table or on the page. It is caught where it raises, or where the page does not tell the conclusion.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mi_course import models
from mi_course.book import kernels, store
from mi_course.book.claims import table, words
from mi_course.book.claims.table import Record
from mi_course.book.proof.report import Tried
from mi_course.claims import catalogue, evidence, rerun, sources
from mi_course.claims.finding import CANNOT_TELL, NO, YES, Claim, ClaimError, Finding, Rule
from mi_course.errors import CourseError
from mi_course.models import registry

MARK = "prove-claims"
SENTENCES = {YES: "It does", NO: "It does not", CANNOT_TELL: "We cannot tell"}
MODULE, THRESHOLD, IMPORTED = "claims.week4", "IOI: 0.1", "position_study"
RECOMPUTED = "week4/mlps_are_worth_something_on_ioi"


def prove(root: Path) -> list[Tried]:
    """Plant every kind of false claim, and changes that must raise no alarm.

    Args:
        root: of the project. Nothing in it is written; one claim is computed anew, on pocket.
    """
    with tempfile.TemporaryDirectory(prefix="mi-course-claims-") as folder:
        copy = Path(folder)
        (copy / "requirements").mkdir()
        shutil.copy(root / "requirements" / "run.txt", copy / "requirements")
        return [*_of_evidence(), *_of_claims(), *_of_tables(copy), *_of_sources(copy)]


def _refused(kind: str, example: str, attempt: Callable[[], object]) -> Tried:
    """Caught where the attempt raises an error that is meant for a person."""
    try:
        attempt()
    except CourseError as error:
        return Tried(kind, example, str(error))
    return Tried(kind, example, "")


def _verdict(kind: str, example: str, found: Finding) -> Tried:
    """Caught where a null is not told as one."""
    said = f"the verdict is {found.verdict!r}: it sees effects from {found.smallest:.2f} on"
    return Tried(kind, example, said if found.verdict == CANNOT_TELL else "")


def _noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _of_evidence() -> Iterator[Tried]:
    few, many = _noise(20), _noise(400)
    few, many = few - few.mean(), many - many.mean()
    yield _verdict(
        "an underpowered null told as no",
        "20 prompts, a bound of 0.2",
        evidence.more_than(few, unit="nats", within=0.2),
    )
    yield _verdict(
        "a null without an equivalence bound",
        "400 prompts around 0, is it more than 0?",
        evidence.more_than(many, unit="nats"),
    )
    yield _refused(
        "sameness without an equivalence bound",
        "are they the same, to within 0?",
        lambda: evidence.equivalent(many, 0.0, unit="nats"),
    )
    heads = [{(1, 0), (1, 2), (1, 3)}] * 10
    yield _refused(
        "a control whose draws are all one set",
        "ten draws of three of three heads",
        lambda: evidence.beyond_control(few + 1, _noise(10, 20), heads, unit="nats"),
    )
    yield _refused(
        "a control without variance",
        "ten draws, one number",
        lambda: evidence.beyond_control(few, torch.ones(10, 20), range(10), unit="nats"),
    )
    yield _refused(
        "a ratio of means over nearly nothing",
        "1.0 over 0.01",
        lambda: evidence.ratio(many + 1, many + 0.01, Rule("more", 50.0)),
    )
    yield _refused(
        "an effect without an interval",
        "0.3, from 0.3 to 0.3",
        lambda: Finding(0.3, 0.3, 0.3, "nats", 96, Rule("more")),
    )
    yield _refused(
        "an interval beside its effect",
        "0.3, from 0.4 to 0.5",
        lambda: Finding(0.3, 0.4, 0.5, "nats", 96, Rule("more")),
    )
    yield _refused(
        "an interval over fewer than five prompts",
        "4 prompts",
        lambda: evidence.more_than(few[:4], unit="nats"),
    )
    yield _refused(
        "a share of fewer than five trials",
        "4 of 4",
        lambda: evidence.share(torch.ones(4, dtype=torch.bool), Rule("more", 50.0)),
    )


def _of_claims() -> Iterator[Tried]:
    def made(**what: Any) -> Claim:
        usual: dict[str, Any] = {"doc": "week4/x", "n": 96, "of": "prompts", "sentences": SENTENCES}
        return Claim("week4/planted", **(usual | what))

    yield _refused(
        "a verdict with no sentence",
        "nothing to say for 'cannot tell'",
        lambda: made(sentences={YES: "It does", NO: "It does not"}),
    )
    yield _refused("a claim on fewer than five prompts", "n = 3", lambda: made(n=3))
    yield _refused(
        "a threshold that depends on the draw",
        "the bound is a tenth of the seed",
        lambda: rerun.check_rule(
            [evidence.more_than(_noise(20), 0.1 * seed, unit="nats") for seed in range(3)],
            "week4/planted",
        ),
    )
    yield _refused(
        "a threshold that depends on the data",
        "the bound is just below what was found",
        lambda: rerun.check_rule(
            [
                evidence.more_than(x, float(x.mean()) - 0.5, unit="nats")
                for x in (_noise(20, seed=s) for s in range(3))
            ],
            "week4/planted",
        ),
    )


def _found(effect: float, rule: Rule | None = None) -> Finding:
    return Finding(effect, effect - 0.2, effect + 0.2, "logits", 96, rule or Rule("more"))


def _record(root: Path, claim: Claim) -> Record:
    """What is stored of a claim that held in each of 20 draws."""
    made = (catalogue.digest(claim), registry.known_sha256(registry.POCKET), table.pins(root))
    held = tuple(_found(0.4 + draw / 100) for draw in range(20))
    return Record(*made, _found(0.4), held, held, None)


def _of_tables(root: Path) -> Iterator[Tried]:
    claim = catalogue.named(RECOMPUTED)
    sound = _record(root, claim)
    missed = _found(0.1)  # whose interval holds 0

    def page(record: Record) -> str:
        table.save(root, registry.POCKET.name, {claim.name: record})
        return words.render(root, claim.name, registry.POCKET.name)

    def varies(kind: str, example: str, record: Record) -> Tried:
        said = page(record)
        return Tried(kind, example, said if "varies from draw to draw" in said else "")

    yield varies(
        "a verdict that holds on one seed only",
        "yes on the page's draw, held in 0 of 20",
        replace(sound, fresh=(missed,) * 20),
    )
    yield varies(
        "a verdict that holds too rarely",
        "held in 17 of 20",
        replace(sound, fresh=(*sound.fresh[:17], missed, missed, None)),
    )
    said = page(replace(sound, fresh=(), larger=()))
    alone = "one run told as a result that was repeated"
    yield Tried(alone, "no fresh draws", said if "one run, not repeated" in said else "")
    yield _refused("a table from other weights", "another checksum", lambda: page(_other(sound)))
    yield _refused(
        "a table from other versions",
        "torch 1.0",
        lambda: page(replace(sound, pins="torch 1.0")),
    )
    yield from _of_edits(root, claim, sound, page)
    yield _refused(
        "a page that names an unknown claim",
        "week4/no_such_claim",
        lambda: words.render(root, "week4/no_such_claim", registry.POCKET.name),
    )
    no_alarm = page(replace(sound, fresh=(*sound.fresh[:18], missed, missed)))
    alarm = "" if "held in 18 of 20" in no_alarm else no_alarm
    yield Tried("a verdict that holds often enough", "held in 18 of 20", alarm, wanted=False)


def _other(record: Record) -> Record:
    return replace(record, weights=record.weights[::-1])


def _of_edits(
    root: Path, claim: Claim, sound: Record, page: Callable[[Record], str]
) -> Iterator[Tried]:
    """What somebody might change in the stored file by hand."""
    file = table.path(root, registry.POCKET.name)

    def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[], object]:
        def attempt() -> object:
            page(sound)
            content = json.loads(file.read_text("utf8"))
            change(content[claim.name])
            store.write_file(file, json.dumps(content).encode())
            return words.render(root, claim.name, registry.POCKET.name)

        return attempt

    def larger_effect(one: dict[str, Any]) -> None:
        one["page"] = [10 * value for value in one["page"]]

    def held_more_often(one: dict[str, Any]) -> None:
        one["fresh"]["low"] = [abs(low) + 0.001 for low in one["fresh"]["low"]]

    def easier_rule(one: dict[str, Any]) -> None:
        one["rule"] = ["more", -1.0, 0.0]

    def fewer_draws(one: dict[str, Any]) -> None:
        one["fresh"] = {key: values[:1] for key, values in one["fresh"].items()}

    yield _refused("an edited value in the table", "ten times the effect", edited(larger_effect))
    yield _refused("an edited held count", "draws made to hold", edited(held_more_often))
    yield _refused("an edited threshold in the table", "0 → -1", edited(easier_rule))
    yield _refused("draws left out of the table", "1 of 20 kept", edited(fewer_draws))
    resealed = replace(sound, page=_found(4.0))
    model = models.load(registry.POCKET.name, quiet=True)
    (ready,) = rerun.load([claim])
    now = rerun.once(model, ready, rerun.Run("page", 0)).finding
    if now is None:
        raise ClaimError(f"{claim.name} found nothing on the page's own draw")
    as_now = replace(now, effect=now.effect + 1, low=now.low + 1, high=now.high + 1)
    for kind, record in (
        ("a value that was never measured, sealed anew", replace(sound, page=as_now)),
        ("a claim's rule that is not its function's, sealed anew", resealed),
    ):
        yield Tried(kind, claim.name, table.disagreement(claim.name, record, now) or "")
    agrees = table.disagreement(claim.name, replace(sound, page=now), now) or ""
    yield Tried("the first draw computed again", claim.name, agrees, wanted=False)


def _of_sources(folder: Path) -> Iterator[Tried]:
    """What changes a claim's digest, in a copy of the package, and what must not."""
    package = folder / "code" / kernels.PACKAGE.name
    skip = shutil.ignore_patterns("__pycache__", registry.POCKET.name, "book", "check")
    shutil.copytree(kernels.PACKAGE, package, ignore=skip)
    one = catalogue.named("week4/position_costs_mlps_more_on_ioi")
    module, _, function = one.made_in.partition(":")
    stored = sources.digest(module, function)

    def tried(kind: str, file: str, old: str, new: str, wanted: bool) -> Tried:
        path = package / f"{file.replace('.', '/')}.py"
        text = path.read_text("utf8")
        # a folder of its own, since digests are remembered
        copy = folder / f"{len(list(folder.iterdir()))}" / package.name
        shutil.copytree(package, copy)
        (copy / path.relative_to(package)).write_text(text.replace(old, new, 1), "utf8")
        now = sources.digest(module, function, package=copy)
        said = f"its digest was {stored[:8]}, and is {now[:8]}" if now != stored else ""
        example = f"{old} → {' '.join(new.split())}" if old in text else ""
        return Tried(kind, example, said, wanted)

    yield tried("the digest of an older threshold", MODULE, THRESHOLD, "IOI: 0.2", wanted=True)
    yield tried(
        "the digest of an older experiment", IMPORTED, "prompts.value(", "-prompts.value(", True
    )
    yield tried("an edit of a sentence", MODULE, "On IOI", "On such prompts", wanted=False)
    yield tried("an edit of a docstring", MODULE, '"""Week 4:', '"""The fourth week:', wanted=False)
    comment = "# a remark\nfrom __future__"
    yield tried("an edit of a comment", IMPORTED, "from __future__", comment, wanted=False)
