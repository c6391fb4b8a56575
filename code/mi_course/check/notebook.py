"""Check the exercises of a notebook without running all of it.

Only the cells that an exercise needs are run: its own, and those that define the names it uses.
They run in a process of their own, so that a cell that never ends costs one sentence. What IPython
adds to Python (`%magic`, `!command`, `name?`) is read as IPython reads it, and does nothing.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import symtable
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mi_course.check import magics
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
    """

    name: str
    answer: str
    cells: tuple[int, ...]


def check(path: Path, wanted: Sequence[str] = ()) -> list[Verdict]:
    """The verdict on each exercise of a notebook, in its order.

    Args:
        path: an `.ipynb`.
        wanted: names of exercises; all where none is given.

    Raises:
        NotebookError: the file is no notebook.
        NoIPythonError: IPython is not installed.
    """
    sources = code_of(path)
    found = [task for task in tasks(sources) if not wanted or task.name in wanted]
    if not found:
        return []
    with tempfile.TemporaryDirectory() as folder:
        job, result = Path(folder, "job.json"), Path(folder, "result.json")
        job.write_text(json.dumps({"sources": sources, "tasks": [asdict(t) for t in found]}))
        code = "import sys; sys.path[:] = sys.argv[3:]; from mi_course.check import notebook; "
        code += "notebook.run(*sys.argv[1:3], globals())"
        late = False
        try:
            subprocess.run(
                [sys.executable, "-c", code, str(job), str(result), *_path()],
                cwd=path.parent,
                # What its cells print goes nowhere, and must not fail on the way.
                env={"MI_COURSE_MODEL": "pocket"} | os.environ | {"PYTHONIOENCODING": "utf-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=CELLS_S * (1 + len(found)),
                check=False,
            )
        except subprocess.TimeoutExpired:
            late = True
        lines = result.read_text("utf8").splitlines() if result.exists() else []
    verdicts = {v["exercise"]: Verdict(**v) for v in map(json.loads, lines)}
    why = "did not finish" if late else "ended Python"
    lost = f"the cells that it needs {why}: run the notebook from its first cell"
    return [verdicts.get(task.name, Verdict(task.name, False, lost)) for task in found]


def _path() -> list[str]:
    return [str(Path(__file__).resolve().parents[2]), *(p for p in sys.path if p)]


def code_of(path: Path) -> list[str]:
    """The sources of a notebook's code cells as Python, with calls where IPython's syntax was.

    Raises:
        NotebookError: the file is no notebook.
        NoIPythonError: IPython is not installed.
    """
    try:
        cells = json.loads(path.read_text("utf8"))["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotebookError(f"{path} is no notebook: {error}") from error
    return [magics.as_python(source) for source in sources]


def tasks(sources: Sequence[str]) -> list[Task]:
    """The exercises that the cells check, with the cells that each needs."""
    found: dict[str, Task] = {}
    trees = [_parsed(source) for source in sources]
    for i, tree in enumerate(trees):
        for node in ast.walk(tree) if tree else ():
            name = _checked(node)
            if name in EXERCISES and isinstance(node, ast.Call) and node.args:
                needed = _needed(trees, sources, i, node.args[0], name)
                found[name] = Task(name, ast.unparse(node.args[0]), needed)
    return list(found.values())


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def _checked(node: ast.AST) -> str:
    """`NAME` of a call `check.NAME(...)`, else nothing."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id == "check":
            return node.func.attr
    return ""


def _needed(
    trees: Sequence[ast.Module | None],
    sources: Sequence[str],
    before: int,
    answer: ast.expr,
    name: str,
) -> tuple[int, ...]:
    """The cells above that define what the answer uses, followed back to the first."""
    wanted, needed = _used(ast.unparse(answer)), set()
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


def run(job: str, result: str, namespace: dict[str, object]) -> None:
    """In the process of its own: run the cells and write one verdict a line."""
    work = json.loads(Path(job).read_text("utf8"))
    failed: dict[int, str] = {}
    ran: set[int] = set()
    for task in work["tasks"]:
        for i in task["cells"]:
            if i not in ran:
                ran.add(i)
                _run_cell(i, work["sources"][i], namespace, failed)
        verdict = _verdict(task, namespace, failed)
        with open(result, "a", encoding="utf8") as file:
            file.write(json.dumps(asdict(verdict)) + "\n")


def _run_cell(i: int, source: str, namespace: dict[str, object], failed: dict[int, str]) -> None:
    # anew for each cell: one above may have imported IPython's own, which gives None here
    namespace["get_ipython"] = magics.get_ipython
    try:
        exec(compile(source, f"<cell {i + 1}>", "exec"), namespace)
    except BaseException as error:
        text = str(error).strip().split("\n")[0]
        failed[i] = f"{type(error).__name__}: {text}"


def _verdict(
    task: dict[str, object], namespace: dict[str, object], failed: dict[int, str]
) -> Verdict:
    name, cells = str(task["name"]), task["cells"]
    assert isinstance(cells, list)
    try:
        solution = eval(str(task["answer"]), namespace)
    except BaseException as error:
        why = next((failed[i] for i in reversed(cells) if i in failed), None)
        why = why or f"{type(error).__name__}: {error}"
        return Verdict(name, False, f"the cell of your answer stops with {why}")
    return EXERCISES[name](solution)
