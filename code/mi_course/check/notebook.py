"""Check the exercises of a notebook without running all of it.

Only the cells that an exercise needs are run: its own, and those that define the names it uses.
They run in a process of their own, so that a cell that never ends costs one sentence. What IPython
adds to Python (`%magic`, `!command`, `name?`) is read as IPython reads it, and does nothing.
"""

from __future__ import annotations

import ast
import json
import re
import symtable
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mi_course.check import accidents, cells, check_names, magics
from mi_course.check.core import EXERCISES, Verdict
from mi_course.errors import CourseError

CELLS_S = 120.0
"""Seconds that the cells of one notebook may take, and as many again for each exercise."""


class NotebookError(CourseError, ValueError):
    """A notebook that cannot be checked."""


@dataclass(frozen=True)
class Task:
    """One exercise of a notebook.

    Attributes:
        name: of the check.
        answer: the expression that the notebook hands to it, such as the function's name.
        cells: indices of the code cells that must run before.
        above: what stands above the check in its own cell, where the answer needs that.
    """

    name: str
    answer: str
    cells: tuple[int, ...]
    above: str = ""


def check(path: Path, wanted: Sequence[str] = ()) -> list[Verdict]:
    """The verdict on each exercise of a notebook, in its order.

    Args:
        path: an `.ipynb`.
        wanted: names of exercises; all that the notebook checks where none is given. One whose
            check is not found is not passed; its verdict says so, after the others.

    Raises:
        NotebookError: the file is not a notebook, or cannot be read.
        NoIPythonError: IPython is not installed.
    """
    sources = code_of(path)
    found = [task for task in tasks(sources) if not wanted or task.name in wanted]
    missing = [name for name in wanted if name not in {task.name for task in found}]
    lost = [Verdict(name, False, _why_not_found(name, sources)) for name in missing]
    return [*_verdicts(path, sources, found), *lost]


def _why_not_found(name: str, sources: Sequence[str]) -> str:
    """Why an exercise was not checked: its check is gone, or stands in a cell that is no Python."""
    for source in sources:
        if re.search(rf"\.\s*{re.escape(name)}\s*\(", source) is None:
            continue
        try:
            ast.parse(source)
        except SyntaxError as error:
            return (
                f"not checked: the cell of check.{name}(...) stops with SyntaxError on line "
                f"{error.lineno} of it: {error.msg}"
            )
    return (
        f"not checked: check.{name}(...) is not found in the notebook; write it into a cell below "
        "your answer"
    )


def _verdicts(path: Path, sources: Sequence[str], found: Sequence[Task]) -> list[Verdict]:
    """Run the cells in a process of their own, and read what it says of each exercise."""
    if not found:
        return []
    texts = [text for task in found for text in (task.answer, task.above)]
    texts += [sources[i] for task in found for i in task.cells if _parsed(sources[i])]
    used = set().union(*map(_used, texts))
    work = {
        "folder": str(path.resolve().parent),
        "sources": [_without_unused_imports(source, used) for source in sources],
        "tasks": [asdict(task) for task in found],
    }
    verdicts: dict[str, Verdict] = {}
    why = ""
    for answer in cells.run(work, CELLS_S * (1 + len(found))):
        why = answer.pop("lost", why)
        if answer:
            verdicts[answer["exercise"]] = Verdict(**answer)
    lost = f"the cells that it needs {why}: run the notebook from its first cell"
    return [verdicts.get(task.name, Verdict(task.name, False, lost)) for task in found]


def code_of(path: Path) -> list[str]:
    """The sources of a notebook's code cells as Python, with calls where IPython's syntax was.

    Raises:
        NotebookError: the file is not a notebook, or cannot be read.
        NoIPythonError: IPython is not installed.
    """
    try:
        text = path.read_text("utf-8-sig")  # some editors put a byte order mark in front
    except UnicodeDecodeError as error:
        raise NotebookError(f"{path} is not a notebook: its text is not UTF-8 ({error})") from error
    except OSError as error:
        raise NotebookError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        cells = json.loads(text)["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotebookError(f"{path} is not a notebook: {_damage(text, error)}") from error
    return [magics.as_python(source) for source in sources]


def _damage(text: str, error: Exception) -> str:
    """What is wrong with the text of a notebook, in words."""
    if not text.strip():
        return "it is empty"
    if re.search(r"^(<{7}|={7}|>{7})", text, re.MULTILINE):
        return "it holds conflict markers of git (<<<<<<<, =======, >>>>>>>); settle the conflict"
    if isinstance(error, json.JSONDecodeError):
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        ends = "it ends in the middle" if cut else "it is no JSON"
        return f"{ends} (line {error.lineno}: {error.msg})"
    return f"it has no list of cells ({accidents.brief(error)})"


def tasks(sources: Sequence[str]) -> list[Task]:
    """The exercises that the cells check, with the cells that each needs."""
    found: dict[str, Task] = {}
    trees = [_parsed(source) for source in sources]
    names = check_names.read([tree for tree in trees if tree])
    for i, tree in enumerate(trees):
        for statement in tree.body if tree else ():
            for node in ast.walk(statement):
                name, answer = names.called(node)
                if name in EXERCISES and answer is not None:
                    above = _above(sources[i], statement, answer)
                    found[name] = _task(name, answer, trees, sources, i, above)
    return list(found.values())


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):  # ValueError: a character that is none
        return None


def _above(source: str, statement: ast.stmt, answer: ast.expr) -> str:
    """What stands above a check in its own cell, if that defines what the answer uses."""
    lines = source.splitlines()[: statement.lineno - 1]
    above = "\n".join(lines)
    tree = _parsed(above)
    return above if tree and _defined(tree) & _used(ast.unparse(answer)) else ""


def _task(
    name: str,
    answer: ast.expr,
    trees: Sequence[ast.Module | None],
    sources: Sequence[str],
    before: int,
    above: str,
) -> Task:
    wanted = _used(ast.unparse(answer)) | (_used(above) if above else set())
    return Task(name, ast.unparse(answer), _needed(trees, sources, before, wanted), above)


def _needed(
    trees: Sequence[ast.Module | None],
    sources: Sequence[str],
    before: int,
    used: set[str],
) -> tuple[int, ...]:
    """The cells above that define the names that are used, followed back to the first."""
    wanted, needed = set(used), set()
    for i in range(before - 1, -1, -1):
        tree = trees[i]
        if tree is None:
            # No Python: if it is the cell of this answer, its error is the verdict.
            if any(re.search(rf"\b(?:def|class)\s+{re.escape(w)}\b", sources[i]) for w in wanted):
                needed.add(i)
            continue
        if _defined(tree) & wanted:
            needed.add(i)
            wanted |= _used(sources[i])
    return tuple(sorted(needed))


def _without_unused_imports(source: str, used: set[str]) -> str:
    """A cell that imports of the course what is used, line by line; importing takes seconds."""
    tree = _parsed(source)
    lines = source.splitlines()
    statements = tree.body if tree else []
    package = check_names.MODULE.partition(".")[0]
    for statement in statements:
        if not isinstance(statement, ast.ImportFrom) or statement.module is None:
            continue
        kept = [a for a in statement.names if (a.asname or a.name) in used or a.name == "*"]
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        alone = sum(s.lineno <= last and (s.end_lineno or 0) >= first for s in statements) == 1
        if statement.module.partition(".")[0] != package or kept == statement.names or not alone:
            continue
        statement.names = kept
        text = ast.unparse(statement) if kept else "pass"
        lines[first - 1 : last] = [text] + [""] * (last - first)
    return "\n".join(lines)


def _used(source: str) -> set[str]:
    """Names that code looks up in the notebook: not its functions' parameters and variables."""
    found: set[str] = set()
    tables = [symtable.symtable(source, "cell", "exec")]
    while tables:
        table = tables.pop()
        top = table.get_type() == "module"
        symbols = table.get_symbols()
        found |= {s.get_name() for s in symbols if s.is_referenced() and (top or s.is_global())}
        tables += table.get_children()
    return found


def _defined(tree: ast.Module) -> set[str]:
    """Names that a cell gives to the notebook: not those within its functions."""
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(statement.name)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                found |= {(a.asname or a.name).partition(".")[0] for a in node.names}
    return found
