"""Build a site as `make book` does, into a folder of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from support.outside import ROOT

PATIENCE_S = 900.0
"""Seconds that another process may take to build the site."""


def build(source: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run Jupyter Book on `source`; the pages come to lie in `out/_build/html`."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    flags = ["-W", "-n", "--keep-going", "-q", "--path-output", str(out), *options]
    return subprocess.run(
        [*command, str(source), *flags],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def real_site() -> Path:
    """The course's own site, built from nothing, once in a run of the tests.

    The processes of one run share it: the first that asks builds it, and others wait.
    """
    out, complaint = _built()
    assert not complaint, f"the site does not build:\n{complaint}"
    return out / "_build" / "html"


@cache
def _built() -> tuple[Path, str]:
    """Where the site was built, and what was said if that failed."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        out = Path(mkdtemp(prefix="mi-course-site-"))
        return out, _complaint(out)
    out = Path(gettempdir(), f"mi-course-site-{run}")
    said = out / "said.txt"
    try:
        out.mkdir()
    except FileExistsError:
        _wait_for(said)
    else:
        unfinished, complaint = out / "said.new", "the process that built it was stopped"
        try:
            complaint = _complaint(out)
        finally:  # or the others would wait for nothing
            unfinished.write_text(complaint, encoding="utf8")
            unfinished.replace(said)
    return out, said.read_text("utf8")


def _complaint(out: Path) -> str:
    result = build(ROOT, out)
    return f"{result.stdout}\n{result.stderr}" if result.returncode != 0 else ""


def _wait_for(file: Path) -> None:
    """Wait until another process has written a file."""
    end = time.monotonic() + PATIENCE_S
    while not file.exists():
        assert time.monotonic() < end, f"another process did not write {file}"
        time.sleep(0.2)


def pages(site: Path) -> list[Path]:
    """Every page of a built site that was written, without its index and its search page."""
    return sorted((site / "book").rglob("*.html"))
