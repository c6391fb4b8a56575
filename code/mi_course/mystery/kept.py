"""Explanations known to be right or wrong, kept encoded so that no one reads one by chance.

Each file of `kept/` is Python: functions, and two lists of pairs of a title and an `Explanation`,
`RIGHT` and `WRONG`. To change one, decode it, edit it, and encode it again:

    python -m mi_course.mystery.kept open amber > amber.py
    python -m mi_course.mystery.kept close amber < amber.py
"""

from __future__ import annotations

import base64
import sys
import textwrap
import zlib
from dataclasses import dataclass
from pathlib import Path

from mi_course.mystery.explanation import Explanation
from mi_course.mystery_nets import places

FOLDER = Path(__file__).parent / "kept"
_NAMES = {
    "Explanation": Explanation,
    **{name: getattr(places, name) for name in ("attn", "head", "learned", "mlp", "resid")},
    "__name__": "kept_explanations",  # no module: its functions are sent by value
}


@dataclass(frozen=True)
class Kept:
    """An explanation with the verdict that it should have.

    Attributes:
        title: what kind of explanation it is.
        explanation: the explanation.
        right: whether it should pass.
    """

    title: str
    explanation: Explanation
    right: bool


def text(name: str) -> str:
    """The file of a model, decoded."""
    return zlib.decompress(base64.b64decode((FOLDER / f"{name}.txt").read_text())).decode()


def encoded(source: str) -> str:
    """A file as it is kept."""
    return textwrap.fill(base64.b64encode(zlib.compress(source.encode(), 9)).decode(), 76) + "\n"


def read(name: str) -> list[Kept]:
    """The explanations of a model, the right ones first."""
    found = dict(_NAMES)
    exec(compile(text(name), f"<kept {name}>", "exec"), found)
    pairs = [(title, one, True) for title, one in found["RIGHT"]]
    return [Kept(*pair) for pair in pairs + [(t, one, False) for t, one in found["WRONG"]]]


def main(action: str, name: str) -> None:
    """Print a file decoded, or write one from what stands on standard input."""
    if action == "open":
        sys.stdout.write(text(name))
    else:
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.txt").write_text(encoded(sys.stdin.read()), encoding="utf8")


if __name__ == "__main__":
    main(*sys.argv[1:])
