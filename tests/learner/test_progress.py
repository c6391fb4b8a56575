"""What is passed is kept: two notebooks at once, damaged files and full disks lose nothing."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "null", '{"exercise": "b", "passed": "2026-01-01"}', '{"passed": 3}']
)
def test_a_damaged_file_is_set_aside_and_rebuilt(home, damage):
    progress.passed("a")
    progress.passed("other")
    good = progress.all_passed()
    (home / "passed/a.json").write_text(damage)
    found = progress.all_passed()
    assert set(found) == {"a", "other"}
    assert found["other"] == good["other"]
    assert found["a"][:10] == good["a"][:10]  # from the file's date
    assert (home / "passed/a.damaged-1").read_text() == damage
    assert json.loads((home / "passed/a.json").read_text())["exercise"] == "a"
    assert progress.all_passed() == found  # and it stays so


def test_a_file_that_is_no_text_is_damaged_too(home):
    progress.passed("a")
    (home / "passed/a.json").write_bytes(b"\xff\xfe\x00")
    assert set(progress.all_passed()) == {"a"}


def test_a_disk_that_cannot_be_written_spoils_no_check(home):
    home.write_text("a file where the folder should be")
    progress.passed("a")
    assert progress.all_passed() == {}


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
