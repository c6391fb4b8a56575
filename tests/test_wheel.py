"""What travels in the wheel: the notebooks, the items of the tracker, the model."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import pytest

from mi_course.book import chapters
from support.outside import ROOT


@pytest.mark.slow
def test_start_works_from_an_unpacked_wheel_in_a_fresh_folder(tmp_path):
    script = str(ROOT / "requirements/wheel.sh")
    subprocess.run([script, sys.executable, str(tmp_path)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")

    here = tmp_path / "here"
    here.mkdir()
    home = {"PYTHONPATH": str(tmp_path / "site"), "MI_COURSE_HOME": str(tmp_path / "home")}
    for command in (["start"], ["progress"], ["log", "--week", "1"], ["check", "zero_head"]):
        done = subprocess.run(
            [sys.executable, "-m", "mi_course.cli", *command],
            cwd=here,
            env=os.environ | home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
    written = {p.relative_to(here / "workbook").with_suffix("") for p in here.rglob("*.ipynb")}
    docs = {chapter.doc for chapter in chapters.find(ROOT)}
    assert {path.as_posix() for path in written} == docs
    assert "zero_head: not written yet" in done.stdout
