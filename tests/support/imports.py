"""Which module of a package imports which: read from the source, nothing is executed."""

from __future__ import annotations

import ast
from importlib.util import resolve_name
from pathlib import Path

from mi_course.claims import sources

Graph = dict[str, set[str]]


def graph(package: Path) -> Graph:
    """For each module those of the package that it imports, at its top or within a function.

    Names are relative to the package: `book.run`, `book` for `book/__init__.py`, and an empty one
    for the package itself. What is imported for type checkers only does not count.
    """
    files = sources.files(package)
    return {name: _imports(package.name, name, path, files) for name, path in files.items()}


def circles(arrows: Graph) -> set[frozenset[str]]:
    """The largest groups of modules each of which imports, by some way, every other one."""
    reached = {name: _reached(arrows, name) for name in arrows}
    return {
        frozenset(other for other in others if name in reached[other])
        for name, others in reached.items()
        if name in others
    }


def _reached(arrows: Graph, start: str) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        new = arrows[todo.pop()] - found
        found |= new
        todo += new
    return found


def _imports(package: str, name: str, path: Path, modules: dict[str, Path]) -> set[str]:
    where = f"{package}.{name}".rstrip(".")
    parent = where if path.name == "__init__.py" else where.rpartition(".")[0]
    found = set()
    for node in sources.statements(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            source = resolve_name("." * node.level + (node.module or ""), parent)
            for alias in node.names:  # of a package, a module or a name that it defines
                inner = f"{source}.{alias.name}"
                found.add(inner if inner.removeprefix(f"{package}.") in modules else source)
    names = {full.removeprefix(package).removeprefix(".") for full in found if _in(package, full)}
    return {other for other in names if other in modules} - {name}


def _in(package: str, module: str) -> bool:
    return module == package or module.startswith(f"{package}.")
