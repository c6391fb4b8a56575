"""Under which names a notebook calls its checks: `check.NAME(f)`, or an alias of one's own."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MODULE = "mi_course.check"
ARGUMENT = "solution"
"""What the one argument of a check is called."""


@dataclass
class CheckNames:
    """What the cells of a notebook bind to the checks.

    Attributes:
        modules: names of the module of checks; `check` is one whether its import is seen or not.
        packages: names of the course's package, of which `check` is a part.
        checks: names that stand for one check each, with that check's.
    """

    modules: set[str] = field(default_factory=lambda: {"check"})
    packages: set[str] = field(default_factory=set)
    checks: dict[str, str] = field(default_factory=dict)

    def called(self, node: ast.AST) -> tuple[str, ast.expr | None]:
        """The check that a node calls, and the answer that it hands over; else nothing."""
        if not isinstance(node, ast.Call):
            return "", None
        given = [word.value for word in node.keywords if word.arg == ARGUMENT]
        answer = next((a for a in node.args[:1] if not isinstance(a, ast.Starred)), None)
        return self.check(node.func), answer or next(iter(given), None)

    def check(self, node: ast.expr) -> str:
        """The name of the check that an expression stands for, or nothing."""
        if isinstance(node, ast.Name):
            return self.checks.get(node.id, "")
        if isinstance(node, ast.Attribute) and self.is_module(node.value):
            return node.attr
        return ""

    def is_module(self, node: ast.expr) -> bool:
        """Whether an expression stands for the module of checks."""
        if isinstance(node, ast.Name):
            return node.id in self.modules
        return (
            isinstance(node, ast.Attribute)
            and node.attr == "check"
            and isinstance(node.value, ast.Name)
            and node.value.id in self.packages
        )


def read(trees: Sequence[ast.Module]) -> CheckNames:
    """The names that the cells bind, whatever their order."""
    names = CheckNames()
    nodes = [node for tree in trees for node in ast.walk(tree)]
    for node in nodes:
        _imported(node, names)
    for _ in range(3):  # an alias of an alias
        for target, value in _assigned(nodes):
            if names.is_module(value):
                names.modules.add(target)
            elif name := names.check(value):
                names.checks[target] = name
    for node in nodes:  # a function of the learner's own hides an imported check
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.checks.pop(node.name, None)
    return names


def _imported(node: ast.AST, names: CheckNames) -> None:
    package = MODULE.partition(".")[0]
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name == MODULE and alias.asname:
                names.modules.add(alias.asname)
            elif alias.name == package:
                names.packages.add(alias.asname or package)
            elif alias.name == MODULE:
                names.packages.add(package)
    elif isinstance(node, ast.ImportFrom) and node.module == package:
        names.modules |= {alias.asname or alias.name for alias in node.names if _is_check(alias)}
    elif isinstance(node, ast.ImportFrom) and node.module == MODULE:
        names.checks |= {alias.asname or alias.name: alias.name for alias in node.names}


def _is_check(alias: ast.alias) -> bool:
    return alias.name == MODULE.partition(".")[2]


def _assigned(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """Names with the expression that is assigned to them."""
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
