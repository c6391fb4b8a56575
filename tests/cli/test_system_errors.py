"""What the system refuses reaches the person as one sentence, with the path and what to do."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from mi_course.cli.main import main
from mi_course.errors import naming, system_error
from mi_course.learner import progress, weeklog
from support.small_course import Project, cell, package_env

resource = pytest.importorskip("resource")  # Windows has none


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one chapter; the command is called in its folder."""
    project = Project(tmp_path / "course")
    project.write("week1/01_a", "# A\n\n" + cell("x = 1\nprint(x)"))
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    return project


def refused(number):
    def refuse(*args, **options):
        raise OSError(number, os.strerror(number))

    return refuse


def told(capsys):
    err = capsys.readouterr().err
    assert err.startswith("mi-course: ")
    assert "Traceback" not in err
    assert err.count("\n") == 1
    return err


def test_export_into_a_folder(course, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    assert main(["export", "--into", str(tmp_path / "folder")]) == 1
    assert f"{tmp_path / 'folder'} is a folder" in told(capsys)
    assert list((tmp_path / "folder").iterdir()) == []


def test_export_below_a_file(course, capsys):
    assert main(["export", "--into", "_toc.yml/x.json"]) == 1
    assert "_toc.yml is there already, and it is no folder" in told(capsys)


@pytest.mark.parametrize("into", ["_toc.yml", "_toc.yml/below"])
def test_start_into_a_file(course, capsys, into):
    before = (course.root / "_toc.yml").read_text()
    assert main(["start", "1", "--into", into]) == 1
    assert "_toc.yml" in told(capsys)
    assert (course.root / "_toc.yml").read_text() == before


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "can only be read"),
        (errno.EACCES, "no permission"),
        (errno.ENOSPC, "no space"),
    ],
)
def test_a_log_that_cannot_be_written(course, capsys, monkeypatch, number, words):
    monkeypatch.setattr(progress.os, "replace", refused(number))
    assert main(["log", "--week", "2", "--learned", "x"]) == 1
    err = told(capsys)
    assert words in err
    assert str(weeklog.path(2)) in err
    assert list(weeklog.path(2).parent.iterdir()) == []


def test_a_home_below_a_file(course, capsys, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(course.root / "_toc.yml" / "home"))
    assert main(["log", "--week", "2"]) == 0
    assert main(["progress"]) == 0
    capsys.readouterr()
    assert main(["log", "--week", "2", "--learned", "x"]) == 1
    assert "_toc.yml" in told(capsys)


def test_a_log_that_is_a_folder(course, capsys):
    weeklog.path(2).mkdir(parents=True)
    assert main(["log", "--week", "2"]) == 1
    assert "week-2.md is a folder" in told(capsys)


def test_a_home_that_nobody_knows(course, capsys, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", "~nobody-of-this-name")
    for command in (["progress"], ["log", "--week", "1"], ["export"]):
        assert main(command) == 1
        assert "set MI_COURSE_HOME" in told(capsys)


def in_a_process(course, *argv, largest=None, **options):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(
        [sys.executable, "-B", "-m", "mi_course.cli", *argv],
        cwd=course.root,
        env=package_env(),
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        preexec_fn=limit if largest else None,
        **options,
    )


def test_a_notebook_that_does_not_fit_leaves_no_part_behind(course):
    """A limit on the size of files stops the system in the middle, as a full disk does."""
    done = in_a_process(course, "start", largest=100, stdout=subprocess.DEVNULL)
    assert done.returncode == 1
    assert done.stderr.startswith("mi-course: ")
    assert "workbook/week1/01_a.ipynb would be larger" in done.stderr
    assert [p.name for p in (course.root / "workbook").rglob("*")] == ["week1"]


def test_a_log_that_does_not_fit_leaves_the_old_one(course, tmp_path):
    assert main(["log", "--week", "1", "--learned", "first"]) == 0
    before = weeklog.path(1).read_bytes()
    argv = ["log", "--week", "1", "--learned", "x" * 500]
    done = in_a_process(course, *argv, largest=len(before), stdout=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "week-1.md would be larger" in done.stderr
    assert weeklog.path(1).read_bytes() == before
    assert [p.name for p in weeklog.path(1).parent.iterdir()] == ["week-1.md"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_an_output_that_is_full(course):
    with open("/dev/full", "w") as full:
        done = in_a_process(course, "log", "--week", "1", stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("mi-course: no space left")
    assert done.stderr.count("\n") == 1


def test_a_folder_that_was_deleted_under_ones_feet(course, tmp_path, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        assert main(["start"]) == 1
        assert "does not exist any more" in told(capsys)
    finally:
        os.chdir(course.root)


def test_an_error_of_the_network_keeps_its_traceback(course, monkeypatch):
    class NetworkError(OSError):
        pass

    def broken(root):
        raise NetworkError("a proxy")

    monkeypatch.setattr("mi_course.book.chapters.find", broken)
    with pytest.raises(NetworkError):
        main(["status"])


def test_every_sentence_says_what_is_meant_and_what_to_do():
    for number in (13, 1, 28, 30, 21, 20, 17, 2, 36, 40, 5, 16, 24, 23, 27, 122):
        sentence = system_error(OSError(number, os.strerror(number), "a/b"))
        assert sentence is not None, errno.errorcode[number]
        assert sentence.startswith("a/b ") or " a/b" in sentence
        assert ": " in sentence
    assert system_error(OSError("without a number")) is None


def test_an_error_names_the_file_that_was_meant(tmp_path):
    with pytest.raises(IsADirectoryError) as caught, naming(tmp_path / "x.md"):
        raise OSError(errno.EISDIR, "is a directory", "/tmp/.x.md-abc", None, "/tmp/x.md")
    assert caught.value.filename == str(tmp_path / "x.md")
