"""What a claim is made of: the source of its function and of all of the package that it uses.

Read from the files, nothing is executed. Two sources that do the same have the same digest:
comments, docstrings, blank lines and the sentences of a claim do not count, nor does the version of
Python that reads them.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, TypeGuard

PACKAGE = Path(__file__).resolve().parents[1]
FOR_TYPES = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
_NEVER_COUNT = {"renamed"}  # old names of modules: it computes nothing
_SAYS_NOTHING = {"type_comment", "kind", "ctx"}
_DATA_FOLDERS_LEFT_OUT = {"pocket", "__pycache__"}  # weights have a digest of their own


def digest(module: str, function: str, what: str = "", package: Path = PACKAGE) -> str:
    """Changes when the result of a claim's function may change, and only then.

    Args:
        module: where the function stands, such as `claims.week4`, relative to the package.
        function: its name.
        what: further text that counts.
        package: the folder of the package.
    """
    used = _Used(package)
    used.add(module, function)
    return _digest_of(used, package, what)


def _digest_of(used: _Used, package: Path, what: str = "") -> str:
    parts = [what, *used.texts()]
    parts += [f"{path.name} {_bytes_digest(path)}" for path in _data_beside(package, used.modules)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def digest_of_script(source: str, left_out: Collection[str] = (), package: Path = PACKAGE) -> str:
    """The same for a text of Python that stands outside of the package, such as a chapter's cells.

    Args:
        source: the text; what it does itself does not count, only what it uses of the package.
        left_out: modules and folders at the package's root that do not count.
        package: the folder of the package.
    """
    used = _Used(package)
    used.add_script(ast.parse(source), left_out)
    return _digest_of(used, package)


def modules_of(module: str, function: str, package: Path = PACKAGE) -> set[str]:
    """The modules of the package of which a function uses anything, its own left out."""
    used = _Used(package)
    used.add(module, function)
    return set(used.modules) - {module}


class _Used:
    """The statements at the top of modules that something uses, by turns.

    A function that is used brings what its body names: other statements of its module, and, through
    imports, those of other modules, whose attribute alone counts in `ioi.prompts`. What cannot be
    followed so, such as a module that is handed on, brings the whole module.
    """

    def __init__(self, package: Path) -> None:
        self.package = package
        self.found: dict[str, set[int]] = {}
        self.asked: set[tuple[str, str]] = set()

    @property
    def modules(self) -> list[str]:
        """Of which anything is used, sorted."""
        return sorted(self.found)

    def texts(self) -> Iterator[str]:
        """Each with the module of it, in the order in which they stand there."""
        for module in self.modules:
            for i in sorted(self.found[module]):
                yield f"{module} {_text(self.package, module, i)}"

    def add(self, module: str, name: str) -> None:
        """What a name of a module stands for; with `*`, everything in it."""
        if module in _NEVER_COUNT or (module, name) in self.asked:
            return
        self.asked.add((module, name))
        binding = _bindings(self.package, module)
        if module not in self.found:  # what is done on import, whoever imports it
            self.found[module] = set()
            for i in binding.get("", ()):
                self._add_statement(module, i)
        submodule = f"{module}.{name}".lstrip(".")
        if name in binding:
            wanted = binding[name]
        elif submodule in _files(self.package):
            return self.add(submodule, "*")
        else:  # all of it is wanted, or the name is made by `__getattr__`, perhaps
            wanted = tuple(range(len(_tree(self.package, module).body)))
        for i in wanted:
            self._add_statement(module, i)
        for alias, (source, what) in _aliases(self.package, module).items():
            if name == alias or (name == "*" and what):  # handed on from another module
                self.add(source, what or "*")

    def add_script(self, tree: ast.Module, left_out: Collection[str]) -> None:
        """What a text outside of the package uses, without what it imports of `left_out`."""
        aliases = {
            name: (source, what)
            for node in tree.body
            for name, (source, what) in _aliases_in(self.package, "", node).items()
            if source.partition(".")[0] not in left_out
        }
        for name, attribute in _named(tree):
            if name in aliases:
                source, what = aliases[name]
                self.add(source, what or attribute)

    def _add_statement(self, module: str, i: int) -> None:
        if i in self.found[module]:
            return
        self.found[module].add(i)
        for source, what in _uses(self.package, module, i):
            self.add(source, what)


@cache
def _uses(package: Path, module: str, i: int) -> tuple[tuple[str, str], ...]:
    """What a statement at a module's top uses of the package: modules, and what of each."""
    node = _undecorated(_tree(package, module).body[i])
    if isinstance(node, ast.Import | ast.ImportFrom):
        return ()  # what it brings counts where it is named
    aliases = _aliases(package, module) | _aliases_in(package, module, node)
    found: dict[tuple[str, str], None] = {}  # in order, each once
    for name, attribute in _named(node):
        if name in aliases:
            source, what = aliases[name]
            found[source, what or attribute] = None
        elif name in _bindings(package, module):
            found[module, name] = None
    return tuple(found)


@cache
def _text(package: Path, module: str, i: int) -> str:
    return _dump(_undecorated(_tree(package, module).body[i]))


def _named(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Every name below a node, and which attribute is taken of it; `*` where it stands alone."""
    attributes = {
        id(a.value): a.attr
        for a in ast.walk(node)
        if isinstance(a, ast.Attribute) and isinstance(a.value, ast.Name)
    }
    for name in (n for n in ast.walk(node) if isinstance(n, ast.Name)):
        yield name.id, attributes.get(id(name), "*")


@cache
def _bindings(package: Path, module: str) -> dict[str, tuple[int, ...]]:
    """Which statements at a module's top bind a name; under an empty one those that bind none."""
    found: dict[str, tuple[int, ...]] = {}
    for i, node in enumerate(_tree(package, module).body):
        if _is_text(node) or _is_for_types(node):
            continue
        for name in set(_bound(node)) or {""}:
            found[name] = (*found.get(name, ()), i)
    return found


@cache
def _aliases(package: Path, module: str) -> dict[str, tuple[str, str]]:
    """Imported names, and of which module each is what; an empty name for a module itself."""
    found: dict[str, tuple[str, str]] = {}
    for node in _tree(package, module).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= _aliases_in(package, module, node)
    return found


def _aliases_in(package: Path, module: str, node: ast.stmt) -> dict[str, tuple[str, str]]:
    """The same for what is imported anywhere below a statement."""
    known = _files(package)
    where = f"{package.name}.{module}".rstrip(".")
    parent = where if known[module].name == "__init__.py" else where.rpartition(".")[0]
    found: dict[str, tuple[str, str]] = {}
    for one in statements(ast.Module([node], [])):
        if isinstance(one, ast.Import):
            for alias in one.names:
                if (short := _short(package, alias.name)) in known:
                    found[alias.asname or package.name] = (short or "", "")
            continue
        source = _short(package, resolve_name("." * one.level + (one.module or ""), parent))
        if source is None:
            continue
        for alias in one.names:
            inner = f"{source}.{alias.name}".lstrip(".")
            whole = inner in known
            found[alias.asname or alias.name] = (inner, "") if whole else (source, alias.name)
    return found


def _short(package: Path, full: str) -> str | None:
    """A module's name relative to the package; None for those of others."""
    first, _, rest = full.partition(".")
    return rest if first == package.name else None


def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import below a node, save those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif _is_for_types(child):
            for otherwise in child.orelse:
                yield from statements(ast.Module([otherwise], []))
        else:
            yield from statements(child)


def _is_for_types(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test) in FOR_TYPES


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


def _bytes_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement at a module's top binds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    else:
        targets = (n for n in ast.walk(node) if isinstance(n, ast.Name))
        yield from (n.id for n in targets if isinstance(n.ctx, ast.Store))


def is_claim(decorator: ast.expr) -> bool:
    """Whether this is `@claim(…)`."""
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "claim"


def _undecorated(node: ast.stmt) -> ast.stmt:
    if not isinstance(node, ast.FunctionDef):
        return node
    kept = [d for d in node.decorator_list if not is_claim(d)]
    fields = {name: value for name, value in ast.iter_fields(node)} | {"decorator_list": kept}
    return ast.FunctionDef(**fields)


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
