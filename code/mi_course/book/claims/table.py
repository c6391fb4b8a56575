"""The table of a model's claims: what each found on the page's draw and on fresh ones.

`book/claims/MODEL.json` holds effects and intervals only: verdicts and counts follow from them by
the rule that stands beside them, so that they cannot contradict them. A record has the digest of
what made it, and a seal over itself, which an edit by hand breaks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from mi_course.book import chapters, store
from mi_course.book.code_used import pins
from mi_course.claims import catalogue, rerun
from mi_course.claims.finding import Claim, ClaimError, Finding, Rule
from mi_course.claims.rerun import Ran
from mi_course.models import registry
from mi_course.models.registry import Model

FOLDER = chapters.BOOK / "claims"
HELD_SHARE = 0.9
"""18 of 20: below that a claim is not told as a conclusion."""
LEEWAY = 0.02
_DIGITS = 6
_COLUMNS = ("effect", "low", "high")


@dataclass(frozen=True)
class Record:
    """What is stored of one claim on one model.

    Attributes:
        code, weights, pins: of what made it: digests of the sources and of the weights, and the
            versions that are pinned.
        page: what the page's own draw found.
        fresh, larger: what the fresh draws found, at the page's n and at three times it; None for
            a draw on which the claim refused to conclude.
        held_out: the same on held-out templates; None where the prompts have no templates.
    """

    code: str
    weights: str
    pins: str
    page: Finding
    fresh: tuple[Finding | None, ...]
    larger: tuple[Finding | None, ...]
    held_out: tuple[Finding | None, ...] | None

    def held(self, findings: Sequence[Finding | None]) -> int:
        """In how many of these the verdict is the one of the page's draw."""
        return sum(f is not None and f.verdict == self.page.verdict for f in findings)

    @property
    def is_told(self) -> bool:
        """Whether the verdict may be told as a conclusion: it held in 18 of 20 draws."""
        return self.held(self.fresh) >= HELD_SHARE * len(self.fresh)


Table = Mapping[str, Record]


def path(root: Path, model: str) -> Path:
    """Where a model's table is kept."""
    return root / FOLDER / f"{model}.json"


def _shown(model: str) -> str:
    return (FOLDER / f"{model}.json").as_posix()


def command(model: str, names: Iterable[str] = ()) -> str:
    """What stores these claims anew."""
    flag = "" if model == registry.DEFAULT.name else f" --model {model}"
    return " ".join(["mi-course claims", *names]) + flag


def record(root: Path, claim: Claim, code: str, weights: str, ran: Sequence[Ran]) -> Record:
    """What is stored of the runs of one claim; `code` is its digest from before them."""
    of = {one.run: one.finding and _rounded(one.finding) for one in ran}

    def column(where: str) -> tuple[Finding | None, ...]:
        draws = sorted(run.draw for run in of if run.where == where and run.draw > 0)
        return tuple(of[rerun.Run(where, draw)] for draw in draws)  # type: ignore[arg-type]

    page = of[rerun.Run("page", 0)]
    if page is None:
        raise ClaimError(f"{claim.name} found nothing on the page's own draw")
    held_out = column("held_out") if claim.templates else None
    return Record(code, weights, pins(root), page, column("page"), column("larger"), held_out)


def _rounded(found: Finding) -> Finding:
    low, effect, high = (float(f"{x:.{_DIGITS}g}") for x in (found.low, found.effect, found.high))
    return replace(found, low=low, effect=effect, high=high)


def disagreement(name: str, one: Record, now: Finding) -> str | None:
    """What is wrong with the stored draw of a page, where it was computed again just now.

    Machines differ in the last digits: what moves by less than a fiftieth of the interval agrees.
    """
    page = one.page
    if (page.rule, page.unit, page.level, page.n) != (now.rule, now.unit, now.level, now.n):
        return f"{name} is stored with the rule {page.rule}, and judged by {now.rule}"
    return _differs(name, page, now)


def disagreements(name: str, one: Record, now: Record) -> list[str]:
    """The same for every draw of a claim; a draw that is stored and was not run counts too."""
    found = [disagreement(name, one, now.page)]
    for where in ("fresh", "larger", "held_out"):
        stored, computed = getattr(one, where) or (), getattr(now, where) or ()
        if len(stored) != len(computed):
            found.append(f"{name}: {len(stored)} draws are stored, {len(computed)} were run")
        for draw, (old, new) in enumerate(zip(stored, computed, strict=False), 1):
            found.append(_differs(f"{name}, {where}, draw {draw}", old, new))
    return [why for why in found if why]


def _differs(what: str, stored: Finding | None, now: Finding | None) -> str | None:
    if stored is None or now is None:
        same = stored is now
        return None if same else f"{what}: it was refused only once, when stored or just now"
    leeway = LEEWAY * (stored.high - stored.low)
    for column in _COLUMNS:
        old, new = getattr(stored, column), getattr(now, column)
        if abs(old - new) > leeway:
            return f"{what}: {column} {old:.4g} is stored, and {new:.4g} was computed now"
    return None


def save(root: Path, model: str, table: Table) -> None:
    """Write a model's table; the same content gives the same bytes."""
    content = {name: _to_json(one) for name, one in sorted(table.items())}
    for one in content.values():
        one["seal"] = _seal(one)
    store.write_file(path(root, model), (store.dumps(content) + "\n").encode())


def load(root: Path, model: str) -> Table:
    """A model's table; empty where there is none.

    Raises:
        ClaimError: it was edited, or is no table.
    """
    file = path(root, model)
    return dict(_load(file, file.stat().st_mtime_ns)) if file.is_file() else {}


@cache
def _load(file: Path, _: int) -> Table:
    mend = command(file.stem)
    try:
        content: dict[str, Any] = json.loads(file.read_text("utf8"))
        for name, one in content.items():
            if one.pop("seal") != _seal(one):
                raise ClaimError(
                    f"{_shown(file.stem)} was edited: what stands there of {name} is not what was "
                    f"measured; run `{command(file.stem, [name])}`"
                )
        return {name: _from_json(one) for name, one in content.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ClaimError):
            raise
        raise ClaimError(f"{_shown(file.stem)} is no table of claims; run `{mend}`") from error


def _to_json(one: Record) -> dict[str, Any]:
    rule = one.page.rule
    held_out = None if one.held_out is None else _columns(one.held_out)
    return {
        "code": one.code,
        "weights": one.weights,
        "pins": one.pins,
        "rule": [rule.kind, rule.bound, rule.within],
        "unit": one.page.unit,
        "level": one.page.level,
        "n": one.page.n,
        "page": [one.page.effect, one.page.low, one.page.high],
        "fresh": _columns(one.fresh),
        "larger": _columns(one.larger),
        "held_out": held_out,
    }


def _columns(findings: Sequence[Finding | None]) -> dict[str, list[float | None]]:
    return {key: [None if f is None else getattr(f, key) for f in findings] for key in _COLUMNS}


def _from_json(one: Mapping[str, Any]) -> Record:
    rule = Rule(*one["rule"])

    def finding(row: Sequence[float | None], times: int = 1) -> Finding | None:
        effect, low, high = row
        if effect is None or low is None or high is None:
            return None
        return Finding(effect, low, high, one["unit"], times * one["n"], rule, one["level"])

    def column(where: str, times: int = 1) -> tuple[Finding | None, ...]:
        rows = zip(*(one[where][key] for key in _COLUMNS), strict=True)
        return tuple(finding(row, times) for row in rows)

    page = finding(one["page"])
    if page is None:
        raise KeyError("page")
    made = (one["code"], one["weights"], one["pins"])
    held_out = None if one["held_out"] is None else column("held_out")
    return Record(*made, page, column("fresh"), column("larger", rerun.LARGER), held_out)


def _seal(one: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(one, sort_keys=True).encode()).hexdigest()[:16]


def why_stale(root: Path, claim: Claim, model: Model, one: Record) -> str | None:
    """Why a record is not what this claim finds as it stands; None where it may be.

    Returns:
        One sentence that ends with the command that mends it.
    """
    why = _stale(root, claim, model, one)
    return why and f"the claim {claim.name}: {why}; run `{command(model.name, [claim.name])}`"


def _stale(root: Path, claim: Claim, model: Model, one: Record) -> str | None:
    if one.code != catalogue.digest(claim):
        return "its function, or something that it uses, changed since it was measured"
    if one.weights != registry.known_sha256(model):
        return f"it was measured with other weights than those of {model.display}"
    if one.pins != pins(root):
        return f"it was measured with {one.pins}, and the pins are {pins(root)}"
    return None


def problems(root: Path, model: Model) -> list[str]:
    """Everything for which a model's table must not be shown, each with the command that mends it.

    Of a model that needs the hub a table may be missing or stale, since not everyone can run it.
    """
    try:
        table = load(root, model.name)
    except ClaimError as error:
        return [str(error)]
    known = catalogue.declared()
    unknown = [
        f"{_shown(model.name)} holds {name}, which is no claim; run `{command(model.name)}`"
        for name in table
        if name not in known
    ]
    if not model.anyone_can_run:
        return unknown
    stale = [why_stale(root, known[name], model, table[name]) for name in table if name in known]
    missing = [
        f"the claim {name} was not measured on {model.display}; run `{command(model.name, [name])}`"
        for name, claim in known.items()
        if name not in table and claim.fits(model) and model.name == registry.DEFAULT.name
    ]
    return [*unknown, *filter(None, stale), *missing]
