"""What stored outputs were made by, beside their cells: the package's code and pinned versions.

Outputs of the default model are executed again by tests. Those of a larger model take minutes, so
they carry a digest, as claims do: what changes it makes them stale, and nothing is executed to find
out. It follows what a chapter's cells use, statement by statement; comments and docstrings do not
count.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from mi_course.book.chapters import Cell
from mi_course.claims import sources

PINNED = ("torch", "transformer_lens", "transformers", "numpy")
"""The packages on whose versions numbers depend."""

# What a check says of an answer, and whose function ran, is tested with the answers.
_SAYS_NO_NUMBER = frozenset({"check", "yours", "glue", "learner"})
_MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)


def digest(cells: Sequence[Cell], root: Path) -> str:
    """Changes when the outputs of these cells may change though the cells do not.

    Args:
        cells: of a chapter.
        root: of the project, whose `requirements/` pin versions.
    """
    plain = (_MAGIC.sub("pass", cell.source) for cell in cells)
    code = "\n".join(filter(_is_python, plain))
    return hashlib.sha256(f"{_of_package(code)} {pins(root)}".encode()).hexdigest()[:16]


def _is_python(code: str) -> bool:
    """Whether this can be read; a cell that cannot uses nothing, and its run fails."""
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


@cache
def _of_package(code: str) -> str:
    return sources.digest_of_script(code, left_out=_SAYS_NO_NUMBER)


def pins(root: Path) -> str:
    """The versions, of those that numbers depend on, that are pinned: `numpy 2.4.6, torch …`."""
    file = root / "requirements" / "run.txt"
    text = file.read_text("utf8") if file.is_file() else ""
    found = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))
    versions = {name: found.get(name.replace("_", "-"), found.get(name)) for name in PINNED}
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()) if version)
