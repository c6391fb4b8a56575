"""Tables of claims, written by hand: what was measured is made up, what made it is the real one."""

from __future__ import annotations

from dataclasses import replace

from mi_course.book.claims import table
from mi_course.claims import catalogue
from mi_course.claims.finding import Finding, Rule
from mi_course.models import registry

NAME = "week4/mlps_are_worth_something_on_ioi"
POCKET = registry.POCKET


def found(effect, width=0.2, level=0.95):
    """A yes where the effect is above the half width of its interval, else not told."""
    return Finding(effect, effect - width, effect + width, "logits", 96, Rule("more"), level)


def record(root, held=20, draws=20, name=NAME, **what):
    """What is stored of a claim that held in some of its draws; `what` are other fields."""
    claim = catalogue.named(name)
    made = (catalogue.digest(claim), registry.known_sha256(POCKET), table.pins(root))
    fresh = (found(0.4),) * held + (found(0.1),) * (draws - held)
    others = fresh if claim.templates else None
    return replace(table.Record(*made, found(0.4), fresh, fresh, others), **what)


def store(root, **what):
    """A table for pocket with this one claim in it."""
    table.save(root, POCKET.name, {NAME: record(root, **what)})
