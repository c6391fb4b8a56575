"""The escape codes with which terminals and IPython colour text: out of what is stored or read."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def strip(text: str) -> str:
    """A text without the codes that colour it."""
    return _COLOUR.sub("", text)
