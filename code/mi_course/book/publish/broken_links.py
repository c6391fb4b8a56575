"""The report on addresses that no longer answer, from what Sphinx's link check wrote.

The check's `output.json` has an object on each line, for one address: the page and line where it
is met first, and what became of it. What is not broken is left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

BROKEN = {"broken", "timeout"}
_NONE = "No address is broken: the check failed for another reason, which its log names.\n"


def report(lines: Iterable[str]) -> str:
    """What is broken, as Markdown: page, line, address, and what was wrong.

    Args:
        lines: of `output.json`.
    """
    found = [result for result in map(json.loads, lines) if result["status"] in BROKEN]
    if not found:
        return _NONE
    found.sort(key=lambda result: (result["filename"], result["lineno"], result["uri"]))
    count = "1 address does" if len(found) == 1 else f"{len(found)} addresses do"
    return "\n".join([f"{count} not answer as expected:\n", *map(_item, found), ""])


def _item(result: dict[str, Any]) -> str:
    line = f", line {result['lineno']}" if result["lineno"] else ""
    return f"- {result['filename']}{line}: {result['uri']}\n  {_reason(result)}"


def _reason(result: dict[str, Any]) -> str:
    """What was wrong, without the address, which stands before it."""
    why = " ".join(result["info"].removesuffix(f" for url: {result['uri']}").split())
    _, caused, cause = why.partition("(Caused by ")
    if caused:
        why = f"no connection: {cause.removesuffix(')')}"
    return f"no answer in time: {why}" if result["status"] == "timeout" else why


if __name__ == "__main__":
    print(report(Path(sys.argv[1]).read_text("utf8").splitlines()), end="")
