"""What a test may need from outside the project, and how it says that it was not to be had."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


def not_run(reason: str) -> None:
    """Leave the test with a reason, which the summary at the end of the run repeats."""
    pytest.skip(f"NOT RUN: {reason}")
