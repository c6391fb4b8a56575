"""`mi-course check` runs the cells that an exercise needs, and says what became of each."""

from __future__ import annotations

import json
import os

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
    with pytest.raises(ValueError, match=r"a\.ipynb is not a notebook"):
        notebook.check(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it is empty"),
        ('{"cells": [{"cell_type": "code", "sour', "it ends in the middle"),
        ('{\n<<<<<<< HEAD\n "cells": []\n=======\n "cells": [1]\n>>>>>>> b\n}', "conflict markers"),
        ("# notes", "it is no JSON"),
        ('{"worksheets": []}', "it has no list of cells"),
        ("[1]", "it has no list of cells"),
        (b"\xff\xfe\x00", "its text is not UTF-8"),
    ],
)
def test_what_is_wrong_with_a_damaged_notebook_is_named(tmp_path, content, words):
    path = tmp_path / "a.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(notebook.NotebookError, match=words):
        notebook.code_of(path)


def test_a_byte_order_mark_is_read_over(tmp_path):
    path = write(tmp_path / "a.ipynb", IMPORT, HELPER, RIGHT, CHECK)
    path.write_text(path.read_text(), "utf-8-sig")
    assert [task.name for task in notebook.tasks(notebook.code_of(path))] == ["continue_pattern"]


@pytest.mark.parametrize(
    ("imported", "call"),
    [
        (IMPORT, "check.continue_pattern(solution=continue_pattern)"),
        (IMPORT, "verdict = check.continue_pattern(continue_pattern)"),
        (IMPORT, "c = check\nd = c\nd.continue_pattern(continue_pattern)"),
        (IMPORT, "run = check.continue_pattern\nrun(continue_pattern)"),
        ("from mi_course import check as c", "c.continue_pattern(continue_pattern)"),
        ("import mi_course.check as c", "c.continue_pattern(continue_pattern)"),
        ("import mi_course.check", "mi_course.check.continue_pattern(continue_pattern)"),
        ("import mi_course as m", "m.check.continue_pattern(continue_pattern)"),
        ("from mi_course.check import continue_pattern as cp", "cp(continue_pattern)"),
        (IMPORT, f"{RIGHT}\n\n{CHECK}"),
        (IMPORT, f"{HELPER}\n{RIGHT}\n{CHECK}\n"),
    ],
)
def test_a_check_is_found_under_every_name_and_beside_its_answer(tmp_path, imported, call):
    path = write(tmp_path / "a.ipynb", imported, HELPER, RIGHT, call)
    (task,) = notebook.tasks(notebook.code_of(path))
    assert (task.name, task.answer) == ("continue_pattern", "continue_pattern")


def test_an_answer_in_the_cell_of_its_check_is_the_one_that_counts(tmp_path):
    older = "def continue_pattern(tokens):\n    return 0"
    path = write(tmp_path / "a.ipynb", IMPORT, HELPER, older, f"{RIGHT}\n{CHECK}")
    assert [v.message for v in notebook.check(path)] == ["passed"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([], "check.continue_pattern(...) is not found in the notebook"),
        (["# check.continue_pattern(continue_pattern)"], "is not found in the notebook"),
        (["check.continue_pattern()"], "is not found in the notebook"),
        (["continue_pattern(continue_pattern)"], "is not found in the notebook"),
        (["x = 1\ny = = 2\n" + CHECK], "stops with SyntaxError on line 2 of it: invalid syntax"),
        (["check.continue_pattern(continue_pattern"], "stops with SyntaxError on line 1"),
    ],
)
def test_an_exercise_whose_check_is_not_found_is_not_passed(tmp_path, cells, words):
    path = write(tmp_path / "a.ipynb", IMPORT, HELPER, RIGHT, *cells)
    (verdict,) = notebook.check(path, ["continue_pattern"])
    assert not verdict.passed
    assert "not checked: " in verdict.message
    assert words in verdict.message


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

    # the newer one of two that were worked in counts
    newer = write(mine.with_name("01_a.new-1.ipynb"), IMPORT, "continue_pattern = len", CHECK)
    assert main(["check"]) == 1
    assert newer.name in capsys.readouterr().out

    assert main(["check", "no_such_thing"]) == 1
    assert "no chapter 'no_such_thing'" in capsys.readouterr().err


def test_what_is_not_checked_ends_with_1_and_never_with_0_of_0(course, capsys):
    mine = course / "workbook/week1/01_a.ipynb"
    write(mine, IMPORT, HELPER, RIGHT)
    for wanted in ([], ["week1/01_a"], ["continue_pattern"]):
        assert main(["check", *wanted]) == 1
        out = capsys.readouterr().out
        assert "✗ continue_pattern: not checked: check.continue_pattern(...) is not found" in out
        assert out.endswith("0 of 1 passed\n")
    (course / "_toc.yml").write_text("chapters:\n  - file: book/week1/01_a\n  - file: book/b\n")
    (course / "book/week1/01_a.md").rename(course / "book/b.md")
    (course / "book/b.md").write_text((course / "book/b.md").read_text().replace("ex-", "no-"))
    assert main(["check", "b"]) == 1
    assert "b has no exercises: there is nothing to check" in capsys.readouterr().err


def test_a_damaged_notebook_is_one_line_and_the_others_are_checked(course, capsys):
    (course / "_toc.yml").write_text(
        "chapters:\n  - file: book/week1/01_a\n  - file: book/week1/02_b\n"
    )
    source = (course / "book/week1/01_a.md").read_text()
    (course / "book/week1/02_b.md").write_text(source.replace("continue_pattern", "top_heads"))
    write(course / "workbook/week1/01_a.ipynb", IMPORT, HELPER, RIGHT, CHECK)
    (course / "workbook/week1/02_b.ipynb").write_text("{")
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert "✓ continue_pattern: passed" in out
    assert "02_b.ipynb is not a notebook: it ends in the middle" in out
    assert out.endswith("1 of 2 passed\n")


def change_the_chapter(course):
    source = course / "book/week1/01_a.md"
    source.write_text(source.read_text().replace("Do.", "Do it."))


def solve(path, answer=RIGHT):
    made = json.loads(path.read_text())
    made["cells"] += [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": s}
        for s in (IMPORT, HELPER, answer, CHECK)
    ]
    path.write_text(json.dumps(made))


@pytest.fixture
def solved(course, capsys):
    """The learner's solved copy and the untouched one of a changed chapter beside it."""
    mine = course / "workbook/week1/01_a.ipynb"
    assert main(["start"]) == 0
    solve(mine)
    change_the_chapter(course)
    assert main(["start"]) == 0
    assert "beside" in capsys.readouterr().out
    return mine, mine.with_name("01_a.new-1.ipynb")


def passes(capsys, name):
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split(" (")[0].endswith(name)
    assert "1 of 1 passed" in out
    return out


@pytest.mark.slow
def test_the_copy_that_was_worked_in_is_checked_not_the_untouched_one(solved, capsys):
    mine, copy = solved
    passes(capsys, mine.name)
    os.utime(mine, (0, 0))  # a clock that was set back
    passes(capsys, mine.name)

    made = json.loads(copy.read_text())  # an editor, and a run of it
    made["metadata"] = {"kernelspec": {"name": "mine"}, "vscode": {"x": 1}}
    for cell in made["cells"]:
        cell["metadata"] = {"collapsed": False}
        if cell["cell_type"] == "code":
            cell["execution_count"] = 3
    made["cells"].append(
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": []}
    )
    copy.write_text(json.dumps(made))
    passes(capsys, mine.name)
    for cell in made["cells"]:
        cell.pop("id", None)
    copy.write_text(json.dumps(made | {"nbformat_minor": 4}))
    passes(capsys, mine.name)


def test_of_two_copies_that_were_worked_in_the_newer_is_checked_whatever_the_clock(solved, capsys):
    mine, copy = solved
    solve(copy)
    solve(mine, "continue_pattern = len")
    os.utime(copy, (0, 0))
    out = passes(capsys, copy.name)
    assert "(the newer of yours; not checked: workbook/week1/01_a.ipynb)" in out


@pytest.mark.slow
def test_a_copy_with_another_name_is_checked_where_the_work_is_in_it_alone(course, capsys):
    """As after Jupyter's "Duplicate", or where the learner renamed the notebook."""
    assert main(["start"]) == 0
    mine = course / "workbook/week1/01_a.ipynb"
    copy = mine.with_name("01_a-Copy1.ipynb")
    copy.write_bytes(mine.read_bytes())
    mine.with_name("notes.ipynb").write_text('{"cells": [], "metadata": {}}')
    solve(copy)
    capsys.readouterr()
    passes(capsys, copy.name)
    solve(mine, "continue_pattern = len")
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("workbook/week1/01_a.ipynb\n")
    assert "not checked, since it has another name: workbook/week1/01_a-Copy1.ipynb" in out
    mine.unlink()
    passes(capsys, copy.name)


def test_of_two_copies_the_damaged_one_is_told_and_the_other_is_checked(solved, capsys):
    mine, copy = solved
    copy.write_text("")
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert "01_a.new-1.ipynb is not a notebook: it is empty; not checked" in out
    assert "1 of 1 passed" in out
    assert main(["start"]) == 0  # beside both
    mine.write_text(mine.read_text()[:200])
    capsys.readouterr()
    assert main(["check"]) == 1
    out = capsys.readouterr().out
    assert "01_a.ipynb is not a notebook" in out
    assert out.endswith("0 of 1 passed\n")


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


def test_start_writes_where_one_is_outside_of_the_course_s_folder(
    course, tmp_path, monkeypatch, capsys
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr("mi_course.cli.notebooks.root_or_none", lambda args: args.root or course)
    assert main(["start"]) == 0
    assert list(elsewhere.rglob("*.ipynb")) != []
    before = len(list(course.rglob("*.ipynb")))
    assert main(["start", "--root", str(course)]) == 0  # named: there
    assert len(list(course.rglob("*.ipynb"))) > before


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
