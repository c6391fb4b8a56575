"""`mi-course check` runs the cells that an exercise needs, and says what became of each."""

from __future__ import annotations

import json

import pytest

from mi_course.book.chapters import ChapterError
from mi_course.check import notebook
from mi_course.cli.main import main
from mi_course.learner import progress

RIGHT = """\
def continue_pattern(tokens):
    return zip_dict(tokens).get(tokens[-1]) if tokens else None"""
HELPER = "import itertools\ndef zip_dict(tokens):\n    return dict(itertools.pairwise(tokens))"
CHECK = "check.continue_pattern(continue_pattern);"
IMPORT = "%matplotlib inline\nfrom mi_course import check"


def write(path, *sources):
    cells = [{"cell_type": "code", "metadata": {}, "source": s} for s in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    return path


def test_only_the_cells_that_an_answer_needs_are_run(tmp_path):
    stops = "raise SystemExit('never run')"
    path = write(tmp_path / "a.ipynb", IMPORT, stops, HELPER, "other = 1", RIGHT, CHECK)
    (task,) = notebook.tasks(notebook.code_of(path))
    assert task.cells == (2, 4)
    (verdict,) = notebook.check(path)
    assert (verdict.exercise, verdict.passed) == ("continue_pattern", True)


def test_a_parameter_is_no_name_of_the_notebook(tmp_path):
    """`tokens` is what the function is called with: the cell that trains for an hour is not run."""
    slow = "tokens = [0]\nmodel = object()"
    helper = "pairs = 1\ndef zip_dict(tokens):\n    model = [t for t in tokens]\n    return model"
    uses = "class Big:\n    size = 3\n    def f(self, size):\n        return size + pairs"
    path = write(tmp_path / "a.ipynb", IMPORT, slow, helper, uses, RIGHT, CHECK)
    (task,) = notebook.tasks(notebook.code_of(path))
    assert task.cells == (2, 4)
    assert notebook._used(uses) == {"pairs"}


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["def continue_pattern(tokens):\n    return 0"], "your function returns 0"),
        (["def continue_pattern(tokens)\n    return 0"], "stops with SyntaxError"),
        (["1 / 0\ncontinue_pattern = 1"], "stops with ZeroDivisionError: division by zero"),
        ([], "stops with NameError"),
        (["import os\nos._exit(0)\ndef continue_pattern(tokens): ..."], "ended Python"),
        (["while True: pass\ncontinue_pattern = 1"], "did not finish"),
    ],
)
def test_whatever_the_cells_do_each_exercise_has_a_verdict(tmp_path, monkeypatch, cells, words):
    monkeypatch.setattr(notebook, "CELLS_S", 2.0 if "while" in "".join(cells) else 60.0)
    path = write(tmp_path / "a.ipynb", IMPORT, *cells, CHECK)
    (verdict,) = notebook.check(path)
    assert not verdict.passed
    assert words in verdict.message


def test_a_damaged_notebook_is_one_sentence(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"a\.ipynb is no notebook"):
        notebook.check(path)


MAGICS = """\
%matplotlib inline
!touch {folder}/by_command
lines = !touch {folder}/by_output
%cd {folder}
?lines
lines?
rest = (17
% 5)
def zip_dict(tokens):
    found = !touch {folder}/within
    assert lines == found == []
    assert rest == 2
    return dict(itertools.pairwise(tokens))"""


def test_magics_do_nothing_in_the_cells_that_a_check_runs_and_a_remainder_is_no_magic(tmp_path):
    timed = "%%capture\n%%time\nimport itertools\nfrom IPython import get_ipython"
    shell = "%%bash\ntouch {folder}/by_bash"
    cells = [cell.replace("{folder}", str(tmp_path)) for cell in (timed, shell, MAGICS)]
    path = write(tmp_path / "a.ipynb", IMPORT, *cells, RIGHT, CHECK)
    (task,) = notebook.tasks(notebook.code_of(path))
    assert task.cells == (1, 3, 4)
    (verdict,) = notebook.check(path)
    assert verdict.message == "passed"
    assert [file.name for file in tmp_path.iterdir()] == ["a.ipynb"]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one chapter with one exercise, and a learner's folder of its own."""
    root = tmp_path / "course"
    (root / "book/week1").mkdir(parents=True)
    (root / "_toc.yml").write_text("chapters:\n  - file: book/week1/01_a\n")
    (root / "book/week1/01_a.md").write_text(
        "---\nkernelspec: {display_name: Python 3, language: python, name: python3}\n"
        "jupytext:\n  text_representation: {extension: .md, format_name: myst}\n---\n\n# A\n\n"
        "```{exercise-start} Continue\n:label: ex-continue_pattern\n```\nDo.\n```{exercise-end}\n"
        "```\n\n```{code-cell} ipython3\nx = 1\n```\n"
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MI_COURSE_PROGRESS")
    return root


def test_the_command_says_that_a_pass_could_not_be_recorded(course, tmp_path, capsys):
    write(course / "workbook/week1/01_a.ipynb", IMPORT, HELPER, RIGHT, CHECK)
    (tmp_path / "home").write_text("a file where the folder should be")
    assert main(["check"]) == 0
    assert "✓ continue_pattern: passed, but not recorded: " in capsys.readouterr().out


def test_the_command_checks_a_week_or_an_exercise_and_records_what_passed(course, capsys):
    assert main(["check"]) == 1
    assert "no notebook of yours; `mi-course start week1/01_a`" in capsys.readouterr().out

    mine = course / "workbook/week1/01_a.ipynb"
    write(mine, IMPORT, HELPER, RIGHT, CHECK)
    for wanted in ("1", "continue_pattern"):
        assert main(["check", wanted]) == 0
        out = capsys.readouterr().out
        assert "  ✓ continue_pattern: passed\n1 of 1 passed" in out
    assert set(progress.all_passed()) == {"continue_pattern"}

    # the version that was worked in last counts
    newer = write(mine.with_name("01_a.new-1.ipynb"), IMPORT, "continue_pattern = len", CHECK)
    assert main(["check"]) == 1
    assert newer.name in capsys.readouterr().out

    assert main(["check", "no_such_thing"]) == 1
    assert "no chapter 'no_such_thing'" in capsys.readouterr().err


def test_progress_names_the_next_step(course, capsys):
    assert main(["progress"]) == 0
    out = capsys.readouterr().out
    assert "0/1" in out
    assert "Next: Continue (continue_pattern), in week1/01_a" in out
    progress.passed("continue_pattern")
    main(["progress"])
    out = capsys.readouterr().out
    assert "1/1" in out
    assert "Next in week 1: Code an MLP for MNIST" in out


def test_the_wheel_s_notebooks_are_used_where_there_is_no_book(
    course, tmp_path, monkeypatch, capsys
):
    from mi_course.book import chapters, exercises

    shipped = tmp_path / "shipped"
    assert main(["start", "--into", str(shipped)]) == 0
    capsys.readouterr()
    monkeypatch.setattr(exercises, "SHIPPED", shipped)

    def nowhere(start=None):
        raise ChapterError("no course here")

    monkeypatch.setattr(chapters, "project_root", nowhere)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["start", "1"]) == 0
    assert "written  workbook/week1/01_a.ipynb" in capsys.readouterr().out
    ours, theirs = (f / "week1/01_a.ipynb" for f in (elsewhere / "workbook", shipped))
    assert ours.read_bytes() == theirs.read_bytes()
    ours.write_text(ours.read_text().replace("x = 1", "x = 2"))
    assert main(["start", "week1/01_a"]) == 0
    assert "left" in capsys.readouterr().out
    assert main(["start", "week7"]) == 1
