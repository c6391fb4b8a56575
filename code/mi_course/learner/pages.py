"""The pages that a learner has finished on the site, as `mi-course import` brings them here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from mi_course.learner import progress

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_/-]*")
"""Of a page: `week2/02_induction_heads`."""


def path() -> Path:
    """Where they are kept."""
    return progress.home() / "pages.json"


def finished() -> dict[str, str]:
    """When each page was finished, in ISO 8601, by name; none where the file says nothing."""
    try:
        found = json.loads(path().read_text("utf8"))
    except (OSError, ValueError):
        return {}
    return (
        {name: when for name, when in found.items() if is_entry(name, when)}
        if (isinstance(found, dict))
        else {}
    )


def is_entry(name: object, when: object) -> bool:
    """Whether these are the name of a page and a time."""
    return isinstance(name, str) and bool(NAME.fullmatch(name)) and progress.is_time(when)


def add(pages: Mapping[str, str]) -> list[str]:
    """Keep further ones; the first time counts. The names of those that are new."""
    before = finished()
    new = sorted(pages.keys() - before.keys())
    if new:
        text = json.dumps(dict(sorted(({**pages} | before).items())), indent=1)
        progress.write(path(), text + "\n")
    return new
