"""What is passed is kept: two notebooks at once, damaged files and full disks lose nothing."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from mi_course.learner import progress
from support.outside import ROOT


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MI_COURSE_PROGRESS")
    return tmp_path / "home"


def test_the_first_time_counts(home):
    assert progress.all_passed() == {}
    progress.passed("a")
    first = progress.all_passed()
    before = (home / "passed/a.json").read_bytes()
    progress.passed("a")
    assert progress.all_passed() == first
    assert (home / "passed/a.json").read_bytes() == before


def test_a_folder_that_depends_on_where_one_stands_is_refused(monkeypatch, tmp_path):
    """Each notebook would keep its passes in a place of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MI_COURSE_HOME", "mine")
    assert "MI_COURSE_HOME is mine, which is another folder for each" in progress.passed("a")
    with pytest.raises(progress.HomeError, match=re.escape(str(tmp_path / "mine"))):
        progress.all_passed()
    assert not (tmp_path / "mine").exists()


def test_two_notebooks_at_once_lose_nothing(home):
    code = "import sys; from mi_course.learner import progress\n"
    code += "for i in range(40): progress.passed(f'{sys.argv[1]}{i}'); progress.passed(f'both{i}')"

    def notebook(name):
        command = [sys.executable, "-c", code, name]
        subprocess.run(command, check=True, cwd=ROOT / "code", timeout=60)

    with ThreadPoolExecutor() as pool:
        list(pool.map(notebook, ["one", "two"]))
    names = {f"{kind}{i}" for kind in ("one", "two", "both") for i in range(40)}
    assert set(progress.all_passed()) == names
    assert {path.suffix for path in (home / "passed").iterdir()} == {".json"}  # no halves


DAMAGE = ["{", "[]", "null", '{"exercise": "b", "passed": "2026-01-01"}', '{"passed": 3}']


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_still_counts_and_reading_leaves_it_alone(home, damage):
    progress.passed("a")
    progress.passed("other")
    good = progress.all_passed()
    (home / "passed/a.json").write_text(damage)
    found = progress.all_passed()
    assert set(found) == {"a", "other"}
    assert found["other"] == good["other"]
    assert found["a"][:10] == good["a"][:10]  # from the file's date
    assert (home / "passed/a.json").read_text() == damage
    assert sorted(p.name for p in (home / "passed").iterdir()) == ["a.json", "other.json"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_set_aside_when_its_exercise_is_passed_again(home, damage):
    progress.passed("a")
    (home / "passed/a.json").write_text(damage)
    os.utime(home / "passed/a.json", (0, 1_700_000_000))
    found = progress.all_passed()
    assert progress.passed("a") == ""
    assert (home / "passed/a.damaged-1").read_text() == damage
    assert json.loads((home / "passed/a.json").read_text())["exercise"] == "a"
    assert progress.all_passed() == found == {"a": "2023-11-14T22:13:20+00:00"}


@pytest.mark.parametrize("nothing", ["", " \n", "\0" * 60])
def test_a_file_with_nothing_in_it_counts_for_nothing(home, nothing):
    progress.passed("other")
    (home / "passed/a.json").write_text(nothing)
    assert set(progress.all_passed()) == {"other"}
    progress.passed("a")
    assert set(progress.all_passed()) == {"a", "other"}
    assert {path.suffix for path in (home / "passed").iterdir()} == {".json"}


def test_a_copy_counts_for_the_exercise_that_it_names_and_for_no_other(home):
    progress.passed("top_heads")
    good = progress.all_passed()
    original = home / "passed/top_heads.json"
    shutil.copy(original, home / "passed/top_heads (1).json")
    (home / "passed/not an exercise.json").write_text("{")
    (home / "passed/x (1).json").write_text('{"exercise": "=1+1", "passed": "2026-01-01"}')
    assert progress.all_passed() == good
    original.unlink()  # what a program that synchronises folders may leave
    assert progress.all_passed() == good


def test_a_file_that_is_no_text_is_damaged_too(home):
    progress.passed("a")
    (home / "passed/a.json").write_bytes(b"\xff\xfe\x00")
    assert set(progress.all_passed()) == {"a"}


def test_a_disk_that_cannot_be_written_spoils_no_check_and_is_told(home):
    home.write_text("a file where the folder should be")
    assert str(home) in progress.passed("a")
    assert progress.all_passed() == {}


def test_a_home_that_nobody_knows_spoils_no_check_and_is_told(monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", "~nobody-of-this-name/mi")
    assert "MI_COURSE_HOME" in progress.passed("a")


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_record_that_cannot_be_written_says_why_and_leaves_nothing(home, monkeypatch, number):
    progress.passed("before")

    def refused(fd):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(progress.os, "fsync", refused)
    told = progress.passed("a")
    assert str(home / "passed" / "a.json") in told
    assert len(told.split()) > 6  # a sentence
    assert [p.name for p in (home / "passed").iterdir()] == ["before.json"]


def test_a_system_without_locks_is_no_worse_than_before(home, monkeypatch):
    def no_locks(lock, *args, **options):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    assert progress.passed("a") == ""
    assert set(progress.all_passed()) == {"a"}


def test_a_lock_that_another_process_holds_for_ever_is_an_error_for_people(home, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_S", 0.1)
    refused = pytest.raises(progress.BusyError, match="another program")
    with progress.locked(), refused, progress.locked():
        pass
    with progress.locked():
        assert "another program" in progress.passed("a")


def test_a_link_to_a_file_elsewhere_stays_one(home, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/mine.md").write_text("old")
    (tmp_path / "notes/mine.md").chmod(0o640)
    (home / "log").mkdir(parents=True)
    (home / "log/week-1.md").symlink_to(tmp_path / "notes/mine.md")
    progress.write(home / "log/week-1.md", "new")
    assert (home / "log/week-1.md").is_symlink()
    assert (tmp_path / "notes/mine.md").read_text() == "new"
    assert (tmp_path / "notes/mine.md").stat().st_mode & 0o777 == 0o640


def test_a_write_that_fails_leaves_the_old_text(home, monkeypatch):
    path = home / "x.md"
    progress.write(path, "old")

    def full(fd):
        raise OSError("no space left")

    monkeypatch.setattr(progress.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        progress.write(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in home.iterdir()] == ["x.md"]
