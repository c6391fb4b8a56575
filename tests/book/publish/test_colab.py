"""The weekly look at Colab: it reads Colab's lists, and sees what must not happen."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import psutil
import pytest

from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.notebook import learner_notebook
from mi_course.book.publish import colab
from support.outside import ROOT

FREEZE = Path(__file__).with_name("colab_freeze.txt")
SYSTEM = "# Do not modify this file\nUbuntu 24.04.5 LTS\nPython 3.13.15\nR version 4.5.1\n"
DOC = "week2/02_induction_heads"
CHAPTER = Chapter(ROOT, DOC)
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_pins_are_those_of_the_packages_that_notebooks_use():
    found = colab.pins(FREEZE.read_text(), colab.used_names(ROOT))
    assert found == {
        "ipykernel": "6.17.1",
        "ipython": "7.34.0",
        "jinja2": "3.1.6",
        "numpy": "2.1.3",
        "pandas": "2.2.3",
        "psutil": "5.9.5",
        "pyyaml": "6.0.3",
        "scikit-learn": "1.6.1",
        "torch": "2.11.0",
        "torchvision": "0.26.0",
        "traitlets": "5.7.1",
    }


def test_the_python_is_read_from_the_list_of_the_system():
    assert colab.python_of(SYSTEM) == "3.13"
    with pytest.raises(ChapterError, match="names no Python"):
        colab.python_of("Ubuntu")


@pytest.mark.parametrize(
    ("system", "why"),
    [
        ("Python 3.99.1\n", f"Colab runs Python 3.99, this is {HERE}: run this with 3.99."),
        ("Ubuntu\n", "os-info.txt names no Python"),
        (None, "No such file"),
    ],
)
def test_what_hinders_the_look_is_in_the_report(tmp_path, system, why):
    file = tmp_path / "system"
    if system:
        file.write_text(system)
    options = ["--system", str(file), "--freeze", str(FREEZE)]
    assert colab.main(["--into", str(tmp_path / "out"), *options]) == 1
    assert why in (tmp_path / "out/report.md").read_text()


def test_a_kernels_package_that_was_replaced_is_told():
    before = {"ipython": "7.34.0", "tornado": "6.5", "einops": "0.8", "numpy": "2.1.3"}
    after = {"ipython": "9.18.1", "tornado": "6.5", "einops": "0.9"}
    assert colab.replaced(before, after) == {"ipython": "7.34.0 → 9.18.1", "numpy": "2.1.3 → none"}


def test_no_dependency_of_the_package_is_newer_than_what_colabs_kernel_has():
    """What a notebook installs must be content with the old IPython, NumPy and psutil of Colab."""
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    versions = colab.pins(FREEZE.read_text(), colab.used_names(ROOT))
    kernel = [*colab.KEPT, "psutil", "torch", "torchvision", "scikit-learn"]
    for requirement in map(Requirement, project["dependencies"]):
        version = versions.get(colab.normal(requirement.name))
        if version and colab.normal(requirement.name) in kernel:
            assert version in requirement.specifier, requirement


def test_the_notebook_is_filled_in_with_every_solution():
    plain = learner_notebook.learner_notebook(CHAPTER)
    filled = colab.filled_in(CHAPTER)
    assert any("raise NotImplementedError" in cell.source for cell in plain.cells)
    code = [cell.source for cell in filled.cells if cell.cell_type == "code"]
    assert not any('raise NotImplementedError("Exercise' in source for source in code)
    assert [c.id for c in plain.cells] == [c.id for c in filled.cells]


def test_the_first_chapter_of_each_week_is_looked_at():
    weeks = [chapter.doc.partition("/")[0] for chapter in colab.first_chapters(ROOT)]
    assert weeks == [
        "week1",
        "week2",
        "week3",
        "week4",
    ]


def test_the_kernel_ends_with_its_notebook(tmp_path):
    before = set(psutil.Process().children(recursive=True))
    code = nbformat.v4.new_code_cell("import os; print(os.environ['MI_COURSE_MODEL'])")
    notebook = nbformat.v4.new_notebook(cells=[code])
    assert colab.run(notebook, Path(sys.executable), tmp_path) == ""
    assert notebook.cells[0].outputs[0].text == "pocket\n"
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_cell_that_fails_is_reported_with_what_pip_said(tmp_path, monkeypatch):
    monkeypatch.setattr(colab, "installed", lambda python: {})
    broken = learner_notebook.learner_notebook(CHAPTER)
    broken.cells = broken.cells[:1]
    broken.cells[0].source = "print('pip says no')\nimport no_such_package"
    monkeypatch.setattr(colab, "filled_in", lambda chapter: broken)
    lines, well = colab.check([CHAPTER], Path(sys.executable), tmp_path)
    assert not well
    report = "\n".join(lines)
    assert f"`{DOC}`: failed" in report
    assert "pip says no" in report
    assert "No module named 'no_such_package'" in report
    assert "\x1b" not in report
