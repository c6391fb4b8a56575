"""Notebooks that are checked one after the other share a process, and nothing else."""

from __future__ import annotations

import json

import pytest

from mi_course.check import notebook
from mi_course.processes import of_cells

IMPORT = "from mi_course import check"
RIGHT = "def continue_pattern(tokens):\n    return helper(tokens)"
CHECK = "check.continue_pattern(continue_pattern);"
HELPER = """\
import itertools
def helper(tokens):
    return dict(itertools.pairwise(tokens)).get(tokens[-1]) if tokens else None"""


def write(path, *sources):
    found = [{"cell_type": "code", "metadata": {}, "source": s} for s in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": found, "metadata": {}, "nbformat": 4}))
    return path


def only(path):
    (verdict,) = notebook.check(path)
    return verdict.message


def test_a_notebook_has_no_names_of_the_one_before_it(tmp_path):
    assert only(write(tmp_path / "a.ipynb", IMPORT, HELPER, RIGHT, CHECK)) == "passed"
    process = of_cells.start().process.pid
    other = write(tmp_path / "b.ipynb", IMPORT, RIGHT, CHECK)
    assert "NameError on line 2 of your code: name 'helper' is not defined" in only(other)
    assert of_cells.start().process.pid == process


def test_each_notebook_imports_from_its_own_folder_and_finds_pythons_names(tmp_path):
    imports = "import sys\nsys.path.insert(0, '.')\nfrom mine import helper"
    spoils = f"{imports}\nimport builtins\nbuiltins.max = None"
    for folder, text, cell, told in (
        ("one", HELPER, spoils, "passed"),
        ("two", "def helper(tokens):\n    return max(7, 8)", imports, "your function returns 8"),
    ):
        path = write(tmp_path / folder / "a.ipynb", IMPORT, cell, RIGHT, CHECK)
        path.with_name("mine.py").write_text(text)
        assert told in only(path)


@pytest.mark.slow
def test_after_a_notebook_that_ended_its_process_the_next_one_is_checked(tmp_path):
    ends = "import os\nos._exit(0)\ndef helper(tokens): ..."
    assert "ended Python" in only(write(tmp_path / "a.ipynb", IMPORT, ends, RIGHT, CHECK))
    assert only(write(tmp_path / "b.ipynb", IMPORT, HELPER, RIGHT, CHECK)) == "passed"


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("from mi_course import check, plots", "from mi_course import check"),
        ("from mi_course import plots as check, hooks", "from mi_course import plots as check"),
        (
            "from mi_course import (\n    plots,\n    check,\n)\nx",
            "from mi_course import check\n\n\n\nx",
        ),
        ("from mi_course.heads import head_name", "pass"),
        ("from mi_course import *", "from mi_course import *"),
        (
            "import torch\nfrom einops import rearrange",
            "import torch\nfrom einops import rearrange",
        ),
        (
            "from mi_course import plots; plots.quiet()",
            "from mi_course import plots; plots.quiet()",
        ),
        ("x = (", "x = ("),
    ],
)
def test_of_the_course_only_what_is_used_is_imported_and_lines_keep_their_numbers(source, left):
    assert notebook._without_unused_imports(source, {"check"}) == left
