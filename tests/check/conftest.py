"""Fixtures of the tests of checks."""

import pytest

from mi_course.check import core, process


@pytest.fixture(autouse=True)
def first_failure(monkeypatch):
    """Each test begins a session of its own; what follows a pass is said where a test asks."""
    monkeypatch.setenv(core.WHOSE_VARIABLE, "solutions")
    monkeypatch.setattr(core, "_told_next", set())
    core.FAILURES.clear()


@pytest.fixture
def short_limits(monkeypatch):
    """An answer may take a second of computing, eight by the clock, and 300 MiB."""
    monkeypatch.setattr(process, "PATIENCE_S", 1.0)
    monkeypatch.setattr(process, "WALL_S", 8.0)
    monkeypatch.setattr(process, "MEMORY_BYTES", 300 * 2**20)
