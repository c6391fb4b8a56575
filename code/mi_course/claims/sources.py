"""What a claim is made of: the source of its function and of every module that it imports.

Read from the files, nothing is executed. Two sources that do the same have the same digest:
comments, docstrings, blank lines and the sentences of a claim do not count, nor does the version of
Python that reads them.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
FOR_TYPES = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
_NEVER_COUNT = {"renamed"}  # old names of modules: it computes nothing
_SAYS_NOTHING = {"type_comment", "kind", "ctx"}
_DATA_FOLDERS_LEFT_OUT = {"pocket", "__pycache__"}  # weights have a digest of their own


def digest(module: str, function: str, what: str = "", package: Path = PACKAGE) -> str:
    """Changes when the result of a claim's function may change, and only then.

    Args:
        module: where the function stands, such as `claims.week4`, relative to the package.
        function: its name; of its module counts what it uses, since other claims stand there too.
        what: further text that counts.
        package: the folder of the package.
    """
    used = _used(_tree(package, module), function)
    direct = _imports_of(package, module, tuple(used))
    modules = _reached(package, direct)
    parts = [what, *(_dump(node) for node in used)]
    parts += [f"{name} {_module_digest(package, name)}" for name in sorted(modules)]
    parts += [f"{path.name} {_bytes_digest(path)}" for path in _data_beside(package, modules)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def modules_of(module: str, function: str, package: Path = PACKAGE) -> set[str]:
    """The modules of the package that a function reaches, its own left out."""
    used = _used(_tree(package, module), function)
    return _reached(package, _imports_of(package, module, tuple(used)))


def imports(
    nodes: Sequence[ast.stmt], where: str, is_package: bool, package: str, known: Container[str]
) -> set[str]:
    """Which of the known modules some code imports, at its top or within a function.

    Args:
        nodes: the code. What is imported for type checkers only does not count.
        where: the name of the module that it stands in, with the package's.
        is_package: whether that is an `__init__.py`.
        package: the name of the package.
        known: its modules, relative to it; an empty name for the package itself.
    """
    parent = where if is_package else where.rpartition(".")[0]
    found = set()
    for node in _statements(ast.Module(list(nodes), [])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            source = resolve_name("." * node.level + (node.module or ""), parent)
            for alias in node.names:  # of a package, a module or a name that it defines
                inner = f"{source}.{alias.name}"
                found.add(inner if inner.removeprefix(f"{package}.") in known else source)
    ours = {name for name in found if name == package or name.startswith(f"{package}.")}
    return {short for n in ours if (short := n.removeprefix(package).lstrip(".")) in known}


def _statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import below a node, save those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test) in FOR_TYPES:
            for otherwise in child.orelse:
                yield from _statements(ast.Module([otherwise], []))
        else:
            yield from _statements(child)


def files(package: Path = PACKAGE) -> dict[str, Path]:
    """The file of each module, by its name relative to the package."""
    return {_name(package, path): path for path in sorted(package.rglob("*.py"))}


def _name(package: Path, path: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _files(package: Path) -> dict[str, Path]:
    return files(package)


@cache
def _tree(package: Path, module: str) -> ast.Module:
    return ast.parse(_files(package)[module].read_text("utf8"))


@cache
def _module_digest(package: Path, module: str) -> str:
    return hashlib.sha256(_dump(_tree(package, module)).encode()).hexdigest()


def _bytes_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _used(tree: ast.Module, function: str) -> list[ast.stmt]:
    """The function, without its decorator, and what it uses at its module's top, by turns."""
    tops = {name: node for node in tree.body for name in _bound(node)}
    todo, found = [function], dict[int, ast.stmt]()
    while todo:
        node = tops.get(todo.pop())
        if node is None or id(node) in found:
            continue
        found[id(node)] = node
        inner = [d for d in ast.walk(node) if isinstance(d, ast.Name)]
        claims = {id(n) for d in _claims(node) for n in ast.walk(d)}
        todo += [n.id for n in inner if id(n) not in claims]
    return [_undecorated(node) for node in tree.body if id(node) in found]


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement at a module's top binds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    else:
        targets = (n for n in ast.walk(node) if isinstance(n, ast.Name))
        yield from (n.id for n in targets if isinstance(n.ctx, ast.Store))


def _claims(node: ast.AST) -> list[ast.expr]:
    """The decorators of a function that say what the claim is, not how it is measured."""
    return [d for d in getattr(node, "decorator_list", []) if is_claim(d)]


def is_claim(decorator: ast.expr) -> bool:
    """Whether this is `@claim(…)`."""
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "claim"


def _undecorated(node: ast.stmt) -> ast.stmt:
    if not isinstance(node, ast.FunctionDef):
        return node
    kept = [d for d in node.decorator_list if not is_claim(d)]
    fields = {name: value for name, value in ast.iter_fields(node)} | {"decorator_list": kept}
    return ast.FunctionDef(**fields)


@cache
def _imports_of(package: Path, module: str, nodes: tuple[ast.stmt, ...] = ()) -> frozenset[str]:
    known = _files(package)
    where = f"{package.name}.{module}".rstrip(".")
    is_package = known[module].name == "__init__.py"
    code = nodes or tuple(_tree(package, module).body)
    return frozenset(imports(code, where, is_package, package.name, known) - {module})


def _reached(package: Path, start: Iterable[str]) -> set[str]:
    found, todo = set[str](), list(start)
    while todo:
        module = todo.pop()
        if module not in found | _NEVER_COUNT:
            found.add(module)
            todo += _imports_of(package, module)
    return found


def _data_beside(package: Path, modules: Iterable[str]) -> list[Path]:
    """Data that lies beside these modules, in folders that are no packages."""
    folders = {_files(package)[module].parent for module in modules} - {package}
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".md")
        if not _DATA_FOLDERS_LEFT_OUT & set(path.relative_to(package).parts)
    )


def _dump(node: Any) -> str:
    """A syntax tree as text, without docstrings and without what Python's versions write apart."""
    if isinstance(node, ast.AST):
        fields = (
            f"{name}={_dump(value)}"
            for name, value in ast.iter_fields(node)
            if name not in _SAYS_NOTHING and value not in (None, [], ())
        )
        return f"{type(node).__name__}({', '.join(fields)})"
    if isinstance(node, list):
        return f"[{', '.join(_dump(one) for one in node if not _is_text(one))}]"
    return repr(node)


def _is_text(node: Any) -> bool:
    """Whether a statement is a docstring, or another text that does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
