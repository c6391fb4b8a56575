"""Fixtures for the tests of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mi_course.book import kernels, warm_start
from support.small_course import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "course")


@pytest.fixture(scope="session")
def warm_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a process that has imported what chapters import; empty where none can be."""
    env = kernels.environment("pocket", tmp_path_factory.mktemp("ipython"))
    with warm_start.serving(env) as address:
        yield address


@pytest.fixture
def warm(warm_process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels are forked from the warm process, where that changes no result."""
    monkeypatch.setenv(warm_start.VARIABLE, warm_process)
