"""The examples in docstrings give what they say."""

import doctest
import importlib
import re

import pytest

from support.outside import ROOT, not_run

CODE = ROOT / "code"
WITH_EXAMPLES = [
    ".".join(path.relative_to(CODE).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((CODE / "mi_course").rglob("*.py"))
    if re.search(r"^\s*>>> ", path.read_text("utf8"), re.MULTILINE)
]


def test_modules_with_examples_are_found():
    assert "mi_course.heads" in WITH_EXAMPLES
    assert "mi_course.english.corpus" in WITH_EXAMPLES


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_a_module_are_right(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:  # an environment that only builds the site has no torch
        if str(error.name).startswith("mi_course"):
            raise
        not_run(f"{name} needs {error.name}, which is not installed")
    found = doctest.testmod(module)
    assert found.attempted, f"the examples of {name} stand in no docstring"
    assert found.failed == 0, f"see the output above for the examples of {name} that are wrong"
