"""A notebook's cell as Python: what IPython adds (`%magic`, `!command`, `name?`) becomes calls.

IPython's own transformer does it, so that a cell is read as in a notebook. The calls go to a
`get_ipython` that does nothing: whoever checks an exercise wants no package installed by it.
"""

from __future__ import annotations

import ast

from mi_course.errors import CourseError

NOT_PYTHON = frozenset(
    {"!", "bash", "cmd", "file", "html", "javascript", "js", "latex", "markdown", "perl", "pypy"}
    | {"python", "python2", "python3", "ruby", "script", "sh", "svg", "sx", "system", "writefile"}
)
"""Magics of whole cells whose text is no code of the notebook; below others, as `%%time`, it is."""


class NoIPythonError(CourseError, ImportError):
    """IPython is not installed; it is no requirement of the package itself."""


def as_python(source: str) -> str:
    """A cell's source as Python: `!ls` becomes `get_ipython().system('ls')`.

    The text below `%%time` and its like stands for the cell. What is no Python stays as it is, and
    stops with IPython's error when it is run.

    Raises:
        NoIPythonError: with what to install.
    """
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ModuleNotFoundError:
        raise NoIPythonError(
            "notebooks cannot be read without IPython, which is not installed here: "
            "python -m pip install ipython"
        ) from None
    try:
        code = str(TransformerManager().transform_cell(source))
    except SyntaxError:
        return source
    magic, body = _cell_magic(code)
    return as_python(body) if magic and magic not in NOT_PYTHON else code


def _cell_magic(code: str) -> tuple[str, str]:
    """Name and body of a cell that is one `%%magic`, transformed; else two empty strings."""
    try:
        statements = ast.parse(code).body
    except SyntaxError:
        return "", ""
    match statements:
        case [
            ast.Expr(
                ast.Call(
                    ast.Attribute(attr="run_cell_magic"),
                    [ast.Constant(str(name)), _, ast.Constant(str(body))],
                )
            )
        ]:
            return name, body
    return "", ""


class _NoShell:
    """A shell whose magics and commands do nothing."""

    def run_line_magic(self, *args: object, **options: object) -> None:
        """Of `%name line`, `value = %name line` and `name?`."""

    def run_cell_magic(self, *args: object, **options: object) -> None:
        """Of a cell below `%%name`."""

    def system(self, command: str) -> None:
        """Of `!command`."""

    def getoutput(self, command: str) -> list[str]:
        """Of `lines = !command`: no lines."""
        return []


def get_ipython() -> _NoShell:
    """What the cells call in place of IPython's function of this name."""
    return _NoShell()
