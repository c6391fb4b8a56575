"""A claim as a page tells it: the sentence of its verdict, the effect beside it, how often it held.

All of it is plain text, so that the site, a notebook and a printed page say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import floor, log10
from pathlib import Path

from mi_course.book import chapters
from mi_course.book.claims import table
from mi_course.book.claims.table import Record
from mi_course.claims import catalogue
from mi_course.claims.finding import Claim, ClaimError, Finding
from mi_course.models import registry
from mi_course.models.registry import Model

NEEDS = {
    "learned": "learned positions",
    "rotary": "rotary positions",
    "LayerNorm": "LayerNorm",
    "RMSNorm": "RMSNorm",
    "by head": "keys and values of each head's own",
    "by group": "keys and values that heads share",
    "shipped": "weights that come with the course",
    "pocket": "a grammar that is known, as `pocket` has",
    "smollm2": "the weights of `smollm2`",
}
"""What a claim may need of a model, in words."""


class Number(float):
    """A number that writes itself with as many decimals as its interval deserves."""

    decimals = 2

    @classmethod
    def of(cls, value: float, found: Finding) -> Number:
        """A number of a finding: two digits of the width of its interval are shown."""
        number = cls(value)
        number.decimals = max(0, 1 - floor(log10(found.high - found.low)))
        return number

    def __format__(self, spec: str) -> str:
        text = format(float(self), spec or f".{self.decimals}f")
        return text.removeprefix("-") if float(text.replace("%", "") or 0) == 0 else text


def fill(sentence: str, found: Finding) -> str:
    """A sentence with the numbers of a finding in its slots."""
    numbers = {
        "effect": found.effect,
        "low": found.low,
        "high": found.high,
        "smallest": found.smallest,
    }
    shown = {name: Number.of(value, found) for name, value in numbers.items()}
    rule = found.rule
    return sentence.format(
        **shown, bound=f"{rule.bound:g}", within=f"{rule.within:g}", unit=found.unit, n=found.n
    )


def interval(found: Finding) -> str:
    """`95 % interval -0.26 to 0.41`."""
    low, high = (Number.of(x, found) for x in (found.low, found.high))
    return f"{100 * found.level:.3g} % interval {low} to {high}"


def effect(found: Finding) -> str:
    """`0.08 logits`."""
    return f"{Number.of(found.effect, found)} {found.unit}"


def held(record: Record) -> str:
    """`held in 19 of 20 fresh draws`, or `one run, not repeated`."""
    draws = len(record.fresh)
    if not draws:
        return "one run, not repeated"
    return f"held in {record.held(record.fresh)} of {draws} fresh draws"


def elsewhere(record: Record) -> str:
    """`held in 12 of 20 draws with other templates`."""
    if not record.held_out:
        return "was not measured with other templates"
    return f"held in {of_column(record, record.held_out)} draws with other templates"


def of_column(record: Record, findings: Sequence[Finding | None] | None) -> str:
    """`19 of 20`, for a table."""
    if findings is None:
        return "no templates"
    return f"{record.held(findings)} of {len(findings)}" if findings else "not repeated"


def told(claim: Claim, record: Record) -> str:
    """What a page says: the conclusion and its evidence, or how it varies from draw to draw."""
    found = record.page
    if record.is_told:
        sentence = fill(claim.sentences[found.verdict], found).removesuffix(".")
        return f"{sentence} (effect {effect(found)}, {interval(found)}; {held(record)})."
    return (
        f"What this finds varies from draw to draw. {_variants(claim, record)} The draw on this "
        f"page: effect {effect(found)}, {interval(found)}."
    )


def brief(claim: Claim, record: Record) -> str:
    """The conclusion, and in how many draws it held: for a post, whose figure has intervals."""
    found = record.page
    sentence = fill(claim.sentences[found.verdict], found).removesuffix(".")
    draws = len(record.fresh)
    only = "" if record.is_told else "only "
    how_often = f"held {only}in {record.held(record.fresh)} of {draws}" if draws else held(record)
    return f"{sentence} ({how_often})."


def _variants(claim: Claim, record: Record) -> str:
    """Each verdict of the fresh draws with its sentence, the most frequent one first."""
    by_verdict = Counter("refused" if f is None else f.verdict for f in record.fresh)
    parts = []
    for verdict, count in by_verdict.most_common():
        middle = _middle([f for f in record.fresh if f is not None and f.verdict == verdict])
        said = fill(claim.sentences[verdict], middle) if middle else "Nothing can be concluded."
        parts.append(f"In {count} of {len(record.fresh)} fresh draws: “{said.rstrip('.')}.”")
    return " ".join(parts)


def _middle(findings: Sequence[Finding]) -> Finding | None:
    """The finding with the middle effect."""
    ordered = sorted(findings, key=lambda f: f.effect)
    return ordered[len(ordered) // 2] if ordered else None


def table_of(root: Path, model: Model) -> list[str]:
    """All claims that were measured on a model, as lines of Markdown, by chapter.

    Raises:
        ClaimError: what is stored must not be shown.
    """
    lines: list[str] = []
    known = catalogue.declared().values()
    rows = [(claim, one) for claim in known if (one := shown(root, claim, model))]
    for doc in sorted({claim.doc for claim, _ in rows}):
        title = chapters.title(chapters.page_path(root, doc))
        here = [(claim, one) for claim, one in rows if claim.doc == doc]
        own = all(claim.of == _OWN_NETWORKS for claim, _ in here)
        where = "on networks of the chapter's own" if own else f"on {model.display}"
        lines += [f"**{title}**, {where}", "", _HEAD, _RULE]
        lines += [_row(claim, one) for claim, one in here]
        lines += [""]
    return lines


_OWN_NETWORKS = "untrained networks"  # what such claims count: no model of the course is in them
_HEAD = "| claim | verdict | effect | smallest it sees | n | held at n | at 3 n | other templates |"
_RULE = "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"


def _row(claim: Claim, one: Record) -> str:
    found = one.page
    sentence = fill(claim.sentences[found.verdict], found) if one.is_told else "It varies"
    cells = (
        f"{sentence.removesuffix('.')}. `{claim.name.partition('/')[2]}`",
        found.verdict if one.is_told else f"varies; here {found.verdict}",
        f"{effect(found)} ({Number.of(found.low, found)} to {Number.of(found.high, found)})",
        f"{Number.of(found.smallest, found)}",
        f"{claim.n} {claim.of}",
        *(of_column(one, findings) for findings in (one.fresh, one.larger, one.held_out)),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


NOT_MEASURED = "This was not measured on "


def not_measured(claim: Claim, model: Model) -> str:
    """What a page says in place of a verdict where nobody measured it on its model."""
    if not claim.fits(model):
        wanted = " and ".join(NEEDS[value] for value in claim.needs.values())
        return f"{NOT_MEASURED}{model.display}: it is tried on models with {wanted} only."
    return f"{NOT_MEASURED}{model.display}: run mi-course claims {claim.name} --model {model.name}."


def render(root: Path, name: str, model: str, part: str = "") -> str:
    """The text of the role `{claim}`, or of one of its parts.

    Args:
        root: of the project.
        name: of the claim.
        model: that the page shows.
        part: one of `PARTS`; empty for the whole.

    Raises:
        ClaimError: no such claim, or what is stored of it must not be shown.
    """
    claim, known = catalogue.named(name), registry.named(model)
    record = shown(root, claim, known)
    if record is None:
        return not_measured(claim, known)
    return _PARTS[part](claim, record) if part else told(claim, record)


def shown(root: Path, claim: Claim, model: Model) -> Record | None:
    """What is stored of a claim, if it may be shown.

    Raises:
        ClaimError: it is stale, and anyone can measure it again.
    """
    record = table.load(root, model.name).get(claim.name)
    why = record and table.why_stale(root, claim, model, record)
    if why and model.anyone_can_run:
        raise ClaimError(why)
    return None if why else record


_PARTS: dict[str, Callable[[Claim, Record], str]] = {
    "sentence": lambda claim, one: fill(claim.sentences[one.page.verdict], one.page),
    "brief": lambda claim, one: brief(claim, one),
    "effect": lambda claim, one: effect(one.page),
    "interval": lambda claim, one: interval(one.page),
    "verdict": lambda claim, one: one.page.verdict if one.is_told else "varies",
    "smallest": lambda claim, one: f"{Number.of(one.page.smallest, one.page)} {one.page.unit}",
    "held": lambda claim, one: held(one),
    "templates": lambda claim, one: elsewhere(one),
}
PARTS = tuple(_PARTS)
