"""Build a site as `make book` does, into a folder of the test's own."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from support.outside import ROOT


def build(source: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run Jupyter Book on `source`; the pages come to lie in `out/_build/html`."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    flags = ["-W", "-n", "--keep-going", "-q", "--path-output", str(out), *options]
    return subprocess.run(
        [*command, str(source), *flags], capture_output=True, text=True, check=False
    )


@cache
def real_site() -> Path:
    """The course's own site, built from nothing, once in a run of the tests."""
    out = Path(mkdtemp(prefix="mi-course-site-"))
    result = build(ROOT, out)
    assert result.returncode == 0, f"the site does not build:\n{result.stdout}\n{result.stderr}"
    return out / "_build" / "html"


def pages(site: Path) -> list[Path]:
    """Every page of a built site that was written, without its index and its search page."""
    return sorted((site / "book").rglob("*.html"))
