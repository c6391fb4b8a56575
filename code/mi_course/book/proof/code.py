"""Damages to a chapter's source, to the package and to the model's files, as new contents."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

FUNCTIONS_A_CHAPTER = 5

_CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.MULTILINE | re.DOTALL)


def edited_chapters(text: str) -> Iterator[tuple[str, str]]:
    """A chapter's text with one of its code cells edited, added, removed, moved."""
    cells = list(_CELL.finditer(text))
    first, last = cells[0], cells[-1]
    yield "a line of a cell edited", _put(text, first, first[0].replace("\n```", "  # edited\n```"))
    yield "a line added to a cell", _put(text, last, last[0].replace("\n```", "\nextra = 1\n```"))
    yield "a cell added", text + "\n```{code-cell} ipython3\nextra = 1\n```\n"
    yield "a cell removed", _put(text, last, "")
    if len(cells) > 1:
        swapped = _put(_put(text, last, first[0]), first, last[0])
        yield "two cells swapped", swapped


def _put(text: str, match: re.Match[str], new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]


def edited_prose(text: str) -> str:
    """A chapter's text with another title, a new paragraph, and cells that look otherwise."""
    front, _, body = text.removeprefix("---\n").partition("\n---\n")
    body = re.sub(r"^# .*$", "# Another title", body, count=1, flags=re.MULTILINE)
    return f"---\n{front}\n---\n{body}\n\nOne more paragraph, with a list:\n\n- one\n- two\n"


def changed_functions(package: Path, chapter: Path, rng: Random) -> Iterator[tuple[Path, str, str]]:
    """Functions of the package that a chapter calls, each with a result that is 5 % larger.

    Those are drawn that return a tensor of floats or a float, by their annotation.

    Yields:
        The file, its new content, and the changed line.
    """
    called = _called(chapter.read_text("utf8"))
    places = []
    for module, function in sorted(called):
        file = package / f"{module}.py"
        if file.is_file():
            source = file.read_text("utf8")
            places += [(file, source, node) for node in _measuring_returns(source, function)]
    for file, source, node in rng.sample(places, min(FUNCTIONS_A_CHAPTER, len(places))):
        assert node.value is not None
        start, end = _span(source, node.value)
        value = source[start:end]
        new = f"{source[:start]}({value}) * 1.05{source[end:]}"
        yield file, new, f"{file.name}: `return {value.splitlines()[0]}` × 1.05"


def _span(source: str, node: ast.expr) -> tuple[int, int]:
    """Where an expression begins and ends, in characters; the parser counts bytes of a line."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]

    def at(line: int, column: int) -> int:
        return len((b"".join(lines[: line - 1]) + lines[line - 1][:column]).decode())

    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)


def _called(text: str) -> set[tuple[str, str]]:
    """Pairs of module and function that a chapter's cells call as `module.function(`."""
    cells = "\n".join(match[0] for match in _CELL.finditer(text))
    return set(re.findall(r"\b([a-z_]+)\.([a-z_]+)\(", cells))


def _measuring_returns(source: str, function: str) -> list[ast.Return]:
    """The last `return` of a function that gives floats."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == function and node.returns:
            annotation = ast.unparse(node.returns)
            if annotation.startswith("Float[Tensor") or annotation == "float":
                returns = [n for n in ast.walk(node) if isinstance(n, ast.Return) and n.value]
                return returns[-1:]
    return []


def changed_byte(content: bytes) -> bytes:
    """One byte changed, in the middle."""
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def changed_weights(content: bytes) -> bytes:
    """A safetensors file in which the last tenth of the first tensor's numbers is negated."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    name = next(n for n in sorted(header) if n != "__metadata__")
    start, end = (8 + size + offset for offset in header[name]["data_offsets"])
    start = end - (end - start) // 40 * 4
    # the sign is the highest bit of the last byte of each little-endian float32
    changed = bytearray(content)
    for at in range(start + 3, end, 4):
        changed[at] ^= 0x80
    return bytes(changed)
