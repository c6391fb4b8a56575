"""Notebooks that were solved with version 0.1 pass today: nothing that a learner has breaks."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mi_course
from mi_course.check import notebook
from mi_course.cli.main import main
from support.outside import ROOT
from support.small_course import package_env

SOLVED = Path(__file__).with_name("solved_0_1")
EXERCISES = {
    "week1/01_mlp_mnist": 7,
    "week2/02_induction_heads": 6,
    "week3/05_python_practice": 2,  # of the 5 that it had: the others' checks still pass there
}
MOVED = {
    "week1/01_mlp_mnist": {
        "mlp": "digits.mlp",
        "mlp_log": "digits.run_log",
        "mnist": "digits.mnist",
    },
    "week2/02_induction_heads": {"training_log": "pocket_training.training_log"},
    "week3/05_python_practice": {"streams": "prompt_streams", "words": "english.words"},
}
RUN_ALL = """
import sys
from pathlib import Path
from mi_course.check import notebook
names = {}
for i, source in enumerate(notebook.code_of(Path(sys.argv[1]))):
    exec(compile(source, f"<cell {i + 1}>", "exec"), names)
"""


SLOW = pytest.mark.slow
FAST, *OTHERS = EXERCISES


@pytest.fixture(params=[FAST, *(pytest.param(doc, marks=SLOW) for doc in OTHERS)])
def solved(request, tmp_path, monkeypatch):
    """A chapter's name, and its solved notebook in a learner's folder."""
    doc = request.param
    mine = tmp_path / "workbook" / f"{doc}.ipynb"
    mine.parent.mkdir(parents=True)
    shutil.copy(SOLVED / f"{doc}.ipynb", mine)
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MI_COURSE_MODEL", "pocket")
    monkeypatch.setenv("MI_COURSE_MNIST", "digits")
    return doc, mine


def test_every_exercise_passes(solved, tmp_path, capsys):
    doc, _ = solved
    code = main(["check", doc, "--into", str(tmp_path / "workbook")])
    told = capsys.readouterr().out
    n = EXERCISES[doc]
    assert told.splitlines()[-1] == f"{n} of {n} passed", told
    assert code == 0


def test_its_imports_give_the_modules_of_today_and_say_so(solved, monkeypatch):
    doc, mine = solved
    statements = [
        node
        for source in notebook.code_of(mine)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("mi_course")
    ]
    for old in MOVED[doc]:  # as in a Python that has not imported it yet
        monkeypatch.delitem(sys.modules, f"mi_course.{old}", raising=False)
        monkeypatch.delattr(mi_course, old, raising=False)
    names = {}
    with pytest.warns(FutureWarning) as told:
        exec(compile(ast.Module(statements, []), doc, "exec"), names)
    for old, new in MOVED[doc].items():
        assert names[old].__name__ == f"mi_course.{new}"
    assert [str(w.message) for w in told] == [
        f"mi_course.{old} is called mi_course.{new} now" for old, new in MOVED[doc].items()
    ]


@SLOW
def test_every_cell_runs(solved, tmp_path):
    _, mine = solved
    done = subprocess.run(
        [sys.executable, "-W", "always::FutureWarning", "-c", RUN_ALL, str(mine)],
        cwd=tmp_path,
        env=package_env(TQDM_DISABLE="1"),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert " now" in done.stderr  # and each old name said what it is called
    assert "✗" not in done.stdout
