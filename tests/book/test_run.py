"""Chapters are executed, stored, and left alone when nothing changed; failures are reported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from mi_course.book import run, store
from support.small_course import CODE, cell, package_env

FAKE_MODELS = """
from dataclasses import dataclass

@dataclass
class Info:
    name: str
    sha256: str = "ab"
    revision: str = ""

_loaded = []

def load(name):
    _loaded.append(Info(name))

def loaded():
    return _loaded
"""


def runs(project, *docs, model="pocket", jobs=2):
    return run.run_all([project.chapter(doc) for doc in docs], model, jobs)


@pytest.fixture
def fake_models(tmp_path, monkeypatch):
    """A stand-in for mi_course.models in the kernel: no test here needs a real model."""
    package = tmp_path / "site" / "mi_course"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text(FAKE_MODELS)
    monkeypatch.setattr("mi_course.book.kernels.PACKAGE", package)


def test_a_second_run_leaves_every_byte_and_a_changed_output_is_stored(project):
    project.write("week1/01_a", cell("x = 2\nprint('x is', x)") + "\n" + cell("x / 3"))
    (first,) = runs(project, "week1/01_a")
    path = project.stored("week1/01_a")
    before = path.read_bytes()
    (second,) = runs(project, "week1/01_a")
    assert (first.state, second.state) == ("new", "unchanged")
    assert path.read_bytes() == before
    assert store.stale_reason(project.chapter("week1/01_a"), "pocket") is None

    project.write("week1/01_a", cell("x = 2\nprint('x is', x)") + "\n" + cell("x / 7"))
    (third,) = runs(project, "week1/01_a")
    assert third.state == "changed"


def test_one_failing_chapter_does_not_stop_another_and_is_reported(project):
    project.write(
        "bad",
        "# Bad\n\n"
        + cell("ok = 1")
        + "\nprose\n\n"
        + cell("def f():\n    return missing\n\n\nf()", "hide-input"),
    )
    project.write("good", cell("print(1)"))
    seen = []
    chosen = [project.chapter("bad"), project.chapter("good")]
    outcomes = run.run_all(chosen, "pocket", 2, seen.append)
    bad, good = outcomes
    assert (bad.state, good.state) == ("failed", "new")
    assert not project.stored("bad").exists()
    assert sorted(seen) == ["bad", "good"]
    line = next(
        n
        for n, text in enumerate(project.chapter("bad").source.read_text().splitlines(), 1)
        if text == "    return missing"
    )
    assert "book/bad.md: code cell 2 (line" in bad.message
    assert f">   {line} |     return missing" in bad.message
    assert bad.message.endswith("NameError: name 'missing' is not defined")
    assert run.summary(outcomes) == {"new": 1, "failed": 1}


def test_an_error_within_the_package_names_its_line(project):
    project.write(
        "a", cell("from mi_course.book import chapters\nchapters.tolerance(['tol-x'], '')")
    )
    (outcome,) = runs(project, "a")
    assert "in mi_course/book/chapters.py, line" in outcome.message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import warnings\nwarnings.warn('odd')", "writes to stderr"),
        ("print(object())", "an address in memory"),
        ("import os\nprint(os.getcwd())", "a path of this machine"),
        ("import os\nos._exit(1)", "the kernel died"),
        ("import os\nos._exit(3)", "its process ended itself, with exit status 3"),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
            "it was killed, as the system does when memory runs out",
        ),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV ended it"),
        (
            "from PIL import Image\nImage.new('RGB', (2, 2), 'red')",
            "it shows a picture (image/png, ",
        ),
        ("# NBVAL_SKIP\nprint(1)", "tells nbval not to compare"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_the_cell(project, source, message):
    project.write("a", cell("1;") + "\n" + cell(source))
    (outcome,) = runs(project, "a")
    assert outcome.failed
    assert "book/a.md: code cell 2 (line 10)" in outcome.message
    assert message in outcome.message
    assert not project.stored("a").exists()


def test_a_tolerance_without_a_reason_fails_before_the_cell_is_run(project):
    project.write("a", cell("open('ran', 'w')", "tol-0.1"))
    (outcome,) = runs(project, "a")
    assert "say why in the cell" in outcome.message


def test_an_unknown_chapter_is_a_failure_that_lists_the_chapters(project):
    project.write("a", cell("1"))
    (outcome,) = runs(project, "b")
    assert outcome.failed
    assert "The chapters are:\n  a" in outcome.message


def test_the_kernel_is_this_python_in_an_empty_folder_with_this_model(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "code" + os.pathsep + "/nowhere")
    monkeypatch.chdir(CODE.parent)
    project.write(
        "a",
        cell(
            "import os, sys, mi_course\n"
            f"print(sys.executable == {os.sys.executable!r}, os.environ['MI_COURSE_MODEL'])\n"
            "print([f for f in os.listdir() if not f.startswith('.')])\n"
            "print(all(map(os.path.isabs, os.environ['PYTHONPATH'].split(os.pathsep))))"
        ),
    )
    runs(project, "a")
    (output,) = store.load(project.stored("a")).cells[0].outputs
    assert output.text == "True pocket\n[]\nTrue\n"


@pytest.mark.usefixtures("fake_models")
def test_outputs_are_labelled_with_the_model_that_was_loaded(project):
    project.write("a", cell("import os\nfrom mi_course import models\nmodels.load('pocket')"))
    project.write("none", cell("print(1)"))
    runs(project, "a", "none")
    assert store.load(project.stored("a")).metadata.mi_course.model.name == "pocket"
    assert store.load(project.stored("none")).metadata.mi_course.model == store.NO_MODEL


@pytest.mark.usefixtures("fake_models")
def test_outputs_of_random_weights_are_refused_even_beside_others(project):
    load = "from mi_course import models\nmodels.load('pocket'); models.load('gpt2-random')"
    project.write("a", cell(load))
    for model in ("gpt2", "pocket"):
        (outcome,) = runs(project, "a", model=model)
        assert outcome.failed
        assert "random weights" in outcome.message
        assert not project.stored("a", model).exists()


@pytest.mark.usefixtures("fake_models")
def test_a_chapter_that_ignores_the_model_asked_for(project):
    project.write("always", cell("from mi_course import models\nmodels.load('pocket')"))
    project.write("other", cell("from mi_course import models\nmodels.load('gpt2')"))
    project.write("none", cell("print(1)"))
    always, none = runs(project, "always", "none", model="gpt2")
    assert (always.state, none.state) == ("no model", "no model")
    assert not project.stored("always", "gpt2").exists()
    (other,) = runs(project, "other", model="pocket")
    assert "was run for pocket and loaded gpt2" in other.message


@pytest.mark.skipif(sys.platform == "win32", reason="NOT RUN: it has no SIGINT for one process")
@pytest.mark.parametrize("docs", ["a", "ab"])
def test_an_interrupt_is_told_as_one_and_not_as_the_death_of_a_kernel(project, tmp_path, docs):
    begun = tmp_path / "begun"
    sleep = f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(120)"
    project.write("a", cell(sleep))
    project.write("b", cell("1;"))
    command = [sys.executable, "-m", "mi_course.cli", "run", "--jobs", "1", *docs]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=project.root, env=package_env(), **pipes)
    deadline = time.monotonic() + 120
    while not begun.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "mi-course: interrupted" in err
    assert "kernel" not in out + err
    assert "failed" not in out + err
    assert not project.stored("b").exists()
