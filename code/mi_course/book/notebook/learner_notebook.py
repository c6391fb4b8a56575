"""The learner's notebook of a chapter: its text in plain Markdown, stubs in place of solutions.

Made from the same source as the page, and needing no torch. What lies between the solution markers
of a cell becomes one line that says what to do, and a line of it that was left outside is refused.
Cells that exist only to put numbers into the text are dropped, since the text holds the numbers
already.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import TypeAlias

import nbformat
from nbformat import NotebookNode

from mi_course.book import chapters, store
from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.notebook import directives, predictions
from mi_course.book.notebook.markdown import Converter
from mi_course.book.notebook.targets import Page
from mi_course.book.publish import notebooks_branch
from mi_course.book.site import page_model

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
EXERCISE_TAG = "exercise-"
GLUE_TAG = "glue-only"
_GIVEN = re.compile(r"#\s*given\b")
_MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)
_Holder: TypeAlias = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
HIDDEN = {"hide-input", "remove-input", "remove-cell", "hide-cell"}

_INSTALL = """\
# On Colab this installs the course. Where it is installed already, it does nothing.
import importlib.util

if importlib.util.find_spec("mi_course") is None:
    {install}"""

_PAGE_SHOWS = """\

# A line below says so where your machine runs another model than the page shows.
from mi_course import models

models.page_shows("{model}")"""

_WHOSE_NUMBERS = "*The numbers in the text come from {run}. Your cells compute your own.*"
_RUN = "a run that is kept with the course"
_MODEL_RUN = f"{_RUN}, on its model `{{model}}`"


def learner_notebook(chapter: Chapter) -> NotebookNode:
    """The notebook of one chapter for its learners.

    Raises:
        ChapterError: names file and line of what cannot be turned into a notebook.
    """
    source = chapter.notebook
    asked = predictions.Asked(_week(chapter))
    converter = Converter(Page(chapter), directives.convert, asked=asked)
    install = "\n    ".join(notebooks_branch.install_lines(chapter.root))
    cells = [_code_cell(_INSTALL.format(install=install), ["hide-input"])]
    kept: list[str] = []
    dropped: list[str] = []
    for cell, line in zip(source.cells, source.metadata["source_map"], strict=True):
        if cell.cell_type == "markdown":
            cells += _cells(asked.cells(converter.convert(cell.source, line + 1)), [])
            continue
        tags, code = list(cell.metadata.get("tags", [])), chapters.clean(cell.source)
        if GLUE_TAG in tags:
            dropped.append(code)
        else:
            cells.append(_code_cell(_learners_code(converter, code, tags, line), tags))
            kept.append(cells[-1].source)
        if converter.solution is None:
            told = _cells(asked.told_after(code, GLUE_TAG in tags), ["hide-input"])
            cells += told
            kept += [cell.source for cell in told if cell.cell_type == "code"]
    if converter.solution is not None:
        raise converter.fail(0, f"the solution of {converter.solution!r} is not closed")
    predictions.refuse_untold(asked)
    _refuse_lost_names(converter, kept, dropped)
    loads_a_model = "models" in _names(kept)[1]
    page = page_model.at_first(chapter) if loads_a_model else None
    if page is not None:
        cells[0].source += "\n" + _PAGE_SHOWS.format(model=page.name)
    if dropped:
        run = _MODEL_RUN.format(model=chapter.at_least) if loads_a_model else _RUN
        below_the_title = 2  # the first cell installs
        cells.insert(below_the_title, nbformat.v4.new_markdown_cell(_WHOSE_NUMBERS.format(run=run)))
    cells += _checklist(converter)
    return _notebook(chapter, cells)


def _week(chapter: Chapter) -> int:
    """The week that a chapter belongs to, by its folder; 0 where that is none."""
    found = re.match(r"week(\d+)/", chapter.doc)
    return int(found[1]) if found else 0


def _learners_code(converter: Converter, code: str, tags: Sequence[str], line: int) -> str:
    """A cell's code as a learner gets it: a stub where it is the solution of an exercise."""
    name = next((t.removeprefix(EXERCISE_TAG) for t in tags if t.startswith(EXERCISE_TAG)), None)
    if name is None and (BEGIN in code or END in code):
        raise converter.fail(line, f"solution markers in a cell without the tag {EXERCISE_TAG}NAME")
    if name is None and converter.solution is not None:
        raise converter.fail(line, f"a cell within a solution needs the tag {EXERCISE_TAG}NAME")
    if name is None:
        return code
    if name not in converter.exercises:
        raise converter.fail(line, f"tag {EXERCISE_TAG}{name}, but no exercise ex-{name} above it")
    try:
        return stub(code, name)
    except ChapterError as error:
        raise converter.fail(line, str(error)) from error


def stub(code: str, name: str) -> str:
    """A solution cell with each part between the markers replaced by an error that says what to do.

    Raises:
        ChapterError: markers that do not pair, or a rest that is no Python.
    """
    lines: list[str] = []
    inside = False
    for text in code.splitlines():
        if text.strip() == (END if inside else BEGIN):
            inside = not inside
            if inside:
                indent = text[: len(text) - len(text.lstrip())]
                todo = f"Exercise {name}: write your code here, then run the check below."
                lines += [
                    f"{indent}# Your code here.",
                    f'{indent}raise NotImplementedError("{todo}")',
                ]
        elif text.strip() in (BEGIN, END):
            raise ChapterError(f"{text.strip()} where the other marker was expected")
        elif not inside:
            lines.append(text)
    if inside or len(lines) == len(code.splitlines()):
        raise ChapterError(f"expected {BEGIN} and {END} around the solution of {name}")
    stubbed = "\n".join(lines)
    try:
        ast.parse(stubbed)
    except SyntaxError as error:
        raise ChapterError(f"without its solution the cell is no Python: {error.msg}") from error
    _refuse_left_over(code)
    return stubbed


def _refuse_left_over(code: str) -> None:
    """What stands beside a solution, in the same function, must be what learners are given.

    That is a docstring, an import, a call of the parent's constructor, an attribute that keeps an
    argument, or a line that says so itself with a comment `# given`.
    """
    lines = code.splitlines()
    begins = [n for n, text in enumerate(lines, 1) if text.strip() == BEGIN]
    ends = [n for n, text in enumerate(lines, 1) if text.strip() == END]
    tree = ast.parse(_MAGIC.sub("pass", code))
    for begin in begins:
        holder = _innermost(tree, begin)
        for statement in holder.body:
            hidden = any(b < statement.lineno < e for b, e in zip(begins, ends, strict=True))
            text = lines[statement.lineno - 1]
            if not hidden and not _is_given(statement) and not _GIVEN.search(text):
                raise ChapterError(
                    f"learners would get {text.strip()!r}, which stands beside the solution: move "
                    f"it between {BEGIN} and {END}, or end the line with `# given`"
                )


def _innermost(tree: ast.Module, line: int) -> _Holder:
    """The function or class, else the module, in which a line stands."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(around, key=lambda node: node.lineno, default=tree)


def _is_given(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(ast.Constant(str())) | ast.Import() | ast.ImportFrom():
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return True
        case ast.Expr(ast.Call(ast.Attribute(ast.Call(ast.Name("super")), "__init__"))):
            return True
        case ast.Assign([ast.Attribute(ast.Name("self"))], value):
            return all(
                isinstance(node, ast.Name | ast.Attribute | ast.expr_context)
                for node in ast.walk(value)
            )
    return False


def _refuse_lost_names(converter: Converter, kept: Sequence[str], dropped: Sequence[str]) -> None:
    """A name that only a dropped cell defines must not be used by a cell that is kept."""
    defined, used = _names(kept)
    lost = (_names(dropped)[0] - defined) & used
    if lost:
        raise ChapterError(
            f"{converter.page.chapter.file}: {', '.join(sorted(lost))} defined only in a "
            f"{GLUE_TAG} cell, which learners do not get; move the definition to another cell"
        )


def _names(cells: Sequence[str]) -> tuple[set[str], set[str]]:
    """The names that cells define, and those that they use."""
    defined: set[str] = set()
    used: set[str] = set()
    for code in cells:
        plain = _MAGIC.sub("pass", code)
        for node in ast.walk(ast.parse(plain)):
            if isinstance(node, ast.Name):
                (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                defined |= {(a.asname or a.name).partition(".")[0] for a in node.names}
    return defined, used


def _checklist(converter: Converter) -> Iterator[NotebookNode]:
    """A last cell with a box for each exercise; none for a chapter without exercises."""
    if converter.exercises:
        titles = enumerate(converter.exercises.values(), 1)
        boxes = [f"- [ ] Exercise {number}: {title}" for number, title in titles]
        text = "## Checklist\n\nEach of these checks says *passed*:\n\n" + "\n".join(boxes)
        yield nbformat.v4.new_markdown_cell(text)


def _cells(pieces: Iterable[tuple[str, str]], tags: Sequence[str]) -> list[NotebookNode]:
    """Cells of `code` and of `markdown`, the former with tags."""
    return [
        _code_cell(text, tags) if kind == "code" else nbformat.v4.new_markdown_cell(text)
        for kind, text in pieces
    ]


def _code_cell(code: str, tags: Sequence[str]) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(code)
    if tags:
        cell.metadata["tags"] = list(tags)
    if HIDDEN & set(tags):
        cell.metadata["jupyter"] = {"source_hidden": True}
    return cell


def _notebook(chapter: Chapter, cells: Sequence[NotebookNode]) -> NotebookNode:
    seen: dict[str, int] = {}
    for cell in cells:
        digest = cell_digest(cell)
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": dict(store.KERNELSPEC),
            "language_info": {"name": "python"},
            "mi_course": {"chapter": chapter.doc, "generated": fingerprint(notebook)},
        }
    )
    nbformat.validate(notebook)
    return notebook


def cell_digest(cell: NotebookNode) -> str:
    """What a cell's id begins with as long as nobody has changed the cell."""
    text = f"{cell.cell_type}\n{cell.source.rstrip()}"
    return sha256(text.encode()).hexdigest()[:8]


def fingerprint(notebook: NotebookNode) -> str:
    """A checksum of the cells' texts, which running the notebook does not change."""
    texts = (f"{cell.cell_type}\n{cell.source.rstrip()}" for cell in notebook.cells)
    return sha256("\0".join(texts).encode()).hexdigest()
