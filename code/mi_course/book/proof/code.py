"""Damages to a chapter's source, to the package and to the model's files, as new contents."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

FUNCTIONS_A_CHAPTER = 2

_CHANGES = {
    "({}) * 1.05": "× 1.05",
    "{{key: 1.05 * value for key, value in ({}).items()}}": "with values × 1.05",
    "({}) + 1": "+ 1",
    "({})[:-1]": "without its last",
    "not ({})": "negated",
}
_TIMES, _VALUES_TIMES, _PLUS_ONE, _WITHOUT_LAST, _NEGATED = _CHANGES
# by how the annotation begins
_BY_TYPE = {
    "float": _TIMES,
    "Float[": _TIMES,
    "dict[str, Float[": _VALUES_TIMES,
    "dict[str, np.ndarray]": _VALUES_TIMES,
    "dict[int, np.ndarray]": _VALUES_TIMES,
    "int": _PLUS_ONE,
    "Int[": _PLUS_ONE,
    "Int64[": _PLUS_ONE,
    "list[": _WITHOUT_LAST,
    "bool": _NEGATED,
}

_CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r"^from (mi_course(?:\.\w+)*) import (?:\(([^)]*)\)|([\w, ]+))$", re.MULTILINE)


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
    """Functions of the package that a chapter calls, each with another result.

    A measurement becomes 5 % larger, a count one more, a list loses its last, a truth its
    opposite. What a function gives is read from its annotation.

    Yields:
        The file, its new content, and the function with what became of its result.
    """
    places = list(changeable(package, chapter))
    for file, function, change in rng.sample(places, min(FUNCTIONS_A_CHAPTER, len(places))):
        source = file.read_text("utf8")
        for value in reversed(_results(function)):  # from the end, so that places stay right
            start, end = _span(source, value)
            source = source[:start] + change.format(source[start:end]) + source[end:]
        yield file, source, f"`{file.stem}.{function.name}` {_CHANGES[change]}"


def changeable(package: Path, chapter: Path) -> Iterator[tuple[Path, ast.FunctionDef, str]]:
    """Every function that a chapter calls and that can be changed: its file, itself, and how."""
    cells = _cells(chapter.read_text("utf8"))
    imported = _imported(package, cells)
    for imported_as, name in sorted(_called(cells)):
        for file in imported.get(imported_as, ()):
            for node in ast.parse(file.read_text("utf8")).body:
                if isinstance(node, ast.FunctionDef) and node.name == name and node.returns:
                    change = _change(ast.unparse(node.returns))
                    if change:
                        yield file, node, change


def _results(node: ast.AST) -> list[ast.expr]:
    """What a function returns, in the order of its lines; functions within it are left out."""
    found = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return) and child.value is not None:
            found.append(child.value)
        elif not isinstance(child, ast.FunctionDef | ast.Lambda):
            found += _results(child)
    return found


def _change(annotation: str) -> str | None:
    """The template that changes a result of this type; None where there is none."""
    return next((change for kind, change in _BY_TYPE.items() if annotation.startswith(kind)), None)


def _span(source: str, node: ast.expr) -> tuple[int, int]:
    """Where an expression begins and ends, in characters; the parser counts bytes of a line."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]

    def at(line: int | None, column: int | None) -> int:
        if line is None or column is None:
            raise ValueError("the expression was not parsed from a text")
        return len((b"".join(lines[: line - 1]) + lines[line - 1][:column]).decode())

    return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)


def _cells(text: str) -> str:
    """A chapter's code cells, fences included."""
    return "\n".join(match[0] for match in _CELL.finditer(text))


def _imported(package: Path, cells: str) -> dict[str, list[Path]]:
    """The files of what cells import from the package, by the name that the cells use."""
    found = {}
    for module, in_brackets, in_line in _IMPORT.findall(cells):
        home = package.joinpath(*module.split(".")[1:])
        names = filter(None, map(str.strip, (in_brackets or in_line).split(",")))
        for name in (one for one in names if one != "yours"):  # where the solution runs instead
            found[name] = _files(home, name)
    return found


def _files(home: Path, name: str) -> list[Path]:
    """Where what `from home import name` gives is defined.

    A folder stands for all its files: its `__init__` hands on what they define. So do the modules
    of other folders that it imports from.
    """
    if (home / name).is_dir():
        return sorted({*(home / name).glob("*.py"), *_handed_on(home / name)})
    module, function_of = (home / name).with_suffix(".py"), home.with_suffix(".py")
    return [file for file in (module, function_of) if file.is_file()][:1]


def _handed_on(folder: Path) -> Iterator[Path]:
    """Modules of the package, outside of a folder, from which its `__init__` imports."""
    package = next(one for one in folder.parents if one.name == "mi_course")
    imports = re.findall(
        r"^from mi_course\.(\S+) import", (folder / "__init__.py").read_text("utf8"), re.M
    )
    for module in imports:
        file = package.joinpath(*module.split(".")).with_suffix(".py")
        if file.is_file() and folder not in file.parents:
            yield file


def _called(cells: str) -> set[tuple[str, str]]:
    """What was imported and the function, of calls `module.function(` and `function(`."""
    calls = re.findall(r"(?<![\w.])(?:([a-z_0-9]+)\.)?([a-z_0-9]+)\(", cells)
    return {(module or function, function) for module, function in calls}


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
