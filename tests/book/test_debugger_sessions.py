"""The debugger sessions that the book shows are what a kernel gives now."""

from __future__ import annotations

import pytest

from mi_course.book import debugger_sessions
from support.small_course import CODE

ROOT = CODE.parent
NAMES = debugger_sessions.names(ROOT)


@pytest.mark.parametrize(
    "name",
    [
        name if name == "shape_error" else pytest.param(name, marks=pytest.mark.slow)
        for name in NAMES
    ],
)
def test_a_session_gives_what_the_page_shows(name):
    path = ROOT / debugger_sessions.FOLDER / f"{name}.ipy"
    shown = path.with_suffix(".txt").read_text("utf8")
    assert debugger_sessions.record(path.read_text("utf8")) == shown


def test_every_session_is_shown_on_a_page():
    page = (ROOT / "book/debugging.md").read_text("utf8")
    assert all(f"sessions/{name}.txt" in page for name in NAMES)
    assert len(NAMES) == 4


def test_cells_and_what_is_typed_are_told_apart():
    text = "x = 1\n# %% a title\n%debug\n#> p x\n#> q\n# %%\n\n"
    assert debugger_sessions.cells(text) == [("x = 1", []), ("%debug", ["p x", "q"])]
