"""The commands in the encodings of other machines: Windows' cp1252, ASCII, and `LC_ALL=C`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from mi_course.learner import export, progress, weeklog
from support.outside import ROOT, not_run
from support.small_course import package_env

ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C"},
    "C without UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
RIGHT = ROOT / "tests/learner/solved_0_1/week3/05_python_practice.ipynb"
TEXT = "ungewöhnlich: 日本 ✓ …"


SLOW = ("ascii", "C")  # cp1252 and C without UTF-8 have fewer letters


@pytest.fixture(params=[pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in ENCODINGS])
def call(request, tmp_path, monkeypatch):
    """Runs `mi-course` in a process with one of the encodings; gives code and bytes."""
    if request.param.startswith("C") and not (sys.prefix + str(ROOT)).isascii():
        not_run("Python itself reads no path with accents where LC_ALL is C")
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    (tmp_path / "home").mkdir()
    inherited = ("PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL", "LC_CTYPE", "LANG")
    for name in inherited:
        monkeypatch.delenv(name, raising=False)

    def run(*argv):
        command = [sys.executable, "-m", "mi_course.cli", *argv]
        env = package_env(**ENCODINGS[request.param])
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, timeout=300)
        assert b"Traceback" not in done.stderr, done.stderr.decode("utf8", "replace")
        return done.returncode, done.stdout

    return run


def test_progress_log_and_export(call, tmp_path):
    log = weeklog.text_of(1, weeklog.render(weeklog.Week(1)))
    log.add(weeklog.LEARNINGS, f"- {TEXT}")
    progress.write(weeklog.path(1), str(log))
    code, shown = call("progress")
    assert code == 0
    assert b"0/" in shown
    assert call("log", "--week", "1")[0] == 0
    for kind in export.ENDINGS:
        code, shown = call("export", "--format", kind, "--into", "-")
        assert code == 0
        assert TEXT in shown.decode("utf8")  # a file is in UTF-8 everywhere
    code, shown = call("export", "--into", "-")
    assert json.loads(shown)["weeks"]["1"]["learnings"] == [TEXT]


def test_what_is_typed_into_the_log_is_kept(call):
    assert call("log", "--week", "1", "--learned", TEXT, "--note", TEXT)[0] == 0
    log = weeklog.load(1)
    assert log.learnings == [TEXT]
    assert log.notes == TEXT


@pytest.mark.parametrize(
    "call",
    ["cp1252", "C without UTF-8"],
    indirect=True,
)
@pytest.mark.slow
def test_a_right_answer_is_right(call, tmp_path):
    mine = tmp_path / "workbook/week3/05_python_practice.ipynb"
    mine.parent.mkdir(parents=True)
    shutil.copy(RIGHT, mine)
    code, shown = call("check", "gifts", "--into", str(tmp_path / "workbook"))
    assert b"ok gifts: passed" in shown
    assert b"1 of 1 passed" in shown
    assert code == 0
    assert os.listdir(tmp_path / "home/passed") == ["gifts.json"]
