"""A clone holds the same bytes on every machine, also where git is set to change line endings."""

from __future__ import annotations

import subprocess

import pytest

from mi_course import models
from support.outside import ROOT, not_run


@pytest.fixture(scope="module")
def windows_clone(tmp_path_factory):
    """A clone as git for Windows makes it by default; of what is committed."""
    if not (ROOT / ".git").exists():
        not_run("this is no git checkout, so nothing can be cloned from it")
    folder = tmp_path_factory.mktemp("windows") / "clone"
    command = ["git", "clone", "-q", "--depth", "1", "-c", "core.autocrlf=true", f"file://{ROOT}"]
    subprocess.run([*command, str(folder)], check=True, capture_output=True)
    return folder


def test_the_model_is_not_damaged(windows_clone):
    models.verify_checksums(windows_clone / "code" / "mi_course" / "pocket")


def test_no_file_has_the_line_endings_of_windows(windows_clone):
    listed = subprocess.run(
        ["git", "ls-files", "--eol"],
        cwd=windows_clone,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert listed
    changed = [line.split("\t")[1] for line in listed if "w/crlf" in line or "w/mixed" in line]
    assert not changed
