"""The tests' own asserts are executed, also where PYTHONOPTIMIZE=1 leaves out Python's.

pytest rewrites those of the test modules and of `conftest.py`, and of what it is told to.
"""

from __future__ import annotations

import ast
import importlib

import pytest

from support.outside import ROOT

HELPERS = [
    path.stem
    for path in sorted((ROOT / "tests/support").glob("*.py"))
    if any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text("utf8"))))
]


def test_some_helpers_assert():
    assert "site_builds" in HELPERS


@pytest.mark.parametrize("name", HELPERS)
def test_the_asserts_of_a_helper_are_rewritten(name):
    spec = importlib.import_module(f"support.{name}").__spec__
    assert type(spec.loader).__name__ == "AssertionRewritingHook"


def test_an_assert_that_fails_is_noticed():
    with pytest.raises(AssertionError):
        assert not HELPERS
