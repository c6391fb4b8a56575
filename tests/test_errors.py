"""Errors meant for the reader have one base, by which the command line knows them."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections import Counter

import pytest

from mi_course.cli.main import main
from mi_course.errors import CourseError
from support.outside import ROOT

CODE = ROOT / "code"
# A failure in pytest's report, where an AssertionError belongs.
FOR_A_REPORT = {"WrongModelError"}


def error_classes():
    """Module and name of every class of the package that is called an error."""
    for path in sorted((CODE / "mi_course").rglob("*.py")):
        module = ".".join(path.relative_to(CODE).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                yield module, node.name


ERRORS = [(module, name) for module, name in error_classes() if name not in FOR_A_REPORT]


def test_no_two_errors_share_a_name():
    twice = [name for name, n in Counter(name for _, name in ERRORS).items() if n > 1]
    assert len(ERRORS) >= 12
    assert not twice


@pytest.mark.parametrize(("module", "name"), ERRORS)
def test_the_command_says_an_error_in_one_sentence(monkeypatch, capsys, module, name):
    kind = getattr(importlib.import_module(module), name)
    assert issubclass(kind, CourseError)

    def fails(root):
        raise kind("this is wrong; that was expected")

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("mi_course.book.chapters.find", fails)
    assert main(["status"]) == 1
    assert capsys.readouterr().err == "mi-course: this is wrong; that was expected\n"


@pytest.mark.parametrize(
    ("name", "built_in"),
    [
        ("book.chapters.ChapterError", ValueError),
        ("book.run.RunError", RuntimeError),
        ("book.store.StoreError", ValueError),
        ("digits.download.DownloadError", RuntimeError),
        ("digits.mnist.DataError", RuntimeError),
        ("learner.weeklog.LogError", ValueError),
        ("models.ModelFilesError", RuntimeError),
        ("reference.table.NotGPT2Error", ValueError),
    ],
)
def test_an_error_is_still_caught_by_its_built_in_class(name, built_in):
    module, _, kind = f"mi_course.{name}".rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), kind), built_in)


def test_nothing_is_guarded_by_an_assert():
    """With PYTHONOPTIMIZE=1 none is executed."""
    asserts = [
        f"{path.relative_to(CODE)}:{node.lineno}"
        for path in (CODE / "mi_course").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf8")))
        if isinstance(node, ast.Assert)
    ]
    assert asserts == []


def test_the_base_imports_nothing():
    code = "import mi_course, sys; before = set(sys.modules); import mi_course.errors; "
    code += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=CODE)
    assert done.stdout.split() == ["mi_course.errors"]
