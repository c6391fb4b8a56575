"""Cells are read as IPython reads them, and their magics do nothing."""

import sys

import pytest

from mi_course.check import magics
from mi_course.errors import CourseError


def run(source):
    """The names that a cell leaves behind."""
    names = {"get_ipython": magics.get_ipython}
    exec(magics.as_python(source), names)
    return names


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline",
        "!exit 1",
        "?name",
        "name?",
        "len??",
        "%%bash\nexit 1",
        "%%html\n<b>",
        "if True:\n    %no_such_magic\n    !no_such_command",
    ],
)
def test_magics_and_commands_do_nothing(source):
    assert run(source + "\nx = 1" if source[:2] != "%%" else source).get("x", 1) == 1


def test_what_a_command_prints_is_an_empty_list_and_a_magic_gives_none():
    names = run("x = !ls\ny = %pwd")
    assert names["x"] == []
    assert names["y"] is None


@pytest.mark.parametrize("first", ["%%time", "\n%%timeit -n 1", "%%capture out\n%%time", "%%memit"])
def test_the_code_below_a_magic_of_the_whole_cell_runs(first):
    names = run(f"{first}\nx = 1\n!ls\ndef f():\n    return x")
    assert names["f"]() == 1


def test_a_percent_sign_within_brackets_or_a_string_is_python():
    names = run('x = (17\n% 5)\ny = """\n%d\n!\n""" % 5')
    assert names["x"] == 2
    assert names["y"] == "\n5\n!\n"


@pytest.mark.parametrize("source", ["def f(:", "f(", "x = 'a", "%%time\ndef f(:"])
def test_what_is_no_python_stops_with_a_syntax_error(source):
    with pytest.raises(SyntaxError):
        run(source)


def test_without_ipython_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.core.inputtransformer2", None)
    with pytest.raises(CourseError, match="python -m pip install ipython"):
        magics.as_python("x = 1")
