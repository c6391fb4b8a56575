"""Fixtures for the tests of the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.small_course import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "course")
