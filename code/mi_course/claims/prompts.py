"""The prompts of claims: the page's templates, or others that no page uses."""

from __future__ import annotations

from typing import Any

from mi_course import ioi_data


def templates(held_out: bool) -> tuple[str, ...]:
    """IOI templates for `ioi_data.dataset`: the pages' six, or six others."""
    return ioi_data.OTHER_TEMPLATES if held_out else ioi_data.TEMPLATES


def template(tokenizer: Any, page: str, seed: int, held_out: bool) -> str:
    """One template: the page's, or another one for each draw, where prompts must be of one form."""
    if not held_out:
        return page
    others = ioi_data.readable(tokenizer, ioi_data.OTHER_TEMPLATES)
    return others[(seed // 1000) % len(others)]
