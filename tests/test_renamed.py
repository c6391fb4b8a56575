"""Old names of modules and functions resolve, and say what they are called now."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types

import pytest

from mi_course import renamed
from support.outside import ROOT

# Whatever the notebooks of version 0.1 took from the package: `module.name`, one a line.
NAMES_0_1 = (ROOT / "tests/names_0_1.txt").read_text("utf8").split()


@pytest.mark.parametrize(("old", "new"), renamed.MODULES.items())
def test_an_old_module_is_the_new_one_and_says_so(old, new):
    code = (
        "import importlib, sys, warnings, mi_course\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        f"    from mi_course import {old} as old\n"
        f"new = importlib.import_module('mi_course.{new}')\n"
        "print(old is new, new.__spec__.name, *(w.message for w in told), sep='\\n')\n"
    )
    if old not in ("streams", "words", "progress"):  # a process for each would take a minute
        assert importlib.util.find_spec(f"mi_course.{new}") is not None
        return
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    told = f"mi_course.{old} is called mi_course.{new} now"
    assert done.stdout.splitlines() == ["True", f"mi_course.{new}", told]


def test_names_from_an_old_module_can_be_imported():
    sys.modules.pop("mi_course.words", None)
    with pytest.warns(FutureWarning, match="mi_course.english.words now"):
        from mi_course.words import NAMES
    assert "Mary" in NAMES


@pytest.mark.parametrize("name", NAMES_0_1)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_every_name_that_a_notebook_of_0_1_uses_is_there(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(f"mi_course.{module}"), attribute)


def test_a_name_that_never_was_is_still_missing():
    with pytest.raises(ModuleNotFoundError, match="nothing_of_the_kind"):
        importlib.import_module("mi_course.nothing_of_the_kind")


def test_an_old_function_is_the_new_one_and_says_so(monkeypatch):
    module = types.ModuleType("of_today")
    module.new = lambda: 1
    module.__getattr__ = renamed.attributes("of_today", {"old": "new"})
    monkeypatch.setitem(sys.modules, "of_today", module)
    with pytest.warns(FutureWarning, match="of_today.old is called of_today.new now"):
        assert module.old is module.new
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        _ = module.other
