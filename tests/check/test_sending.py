"""An answer travels to the process that checks it, with what it uses."""

from __future__ import annotations

import dataclasses
import itertools
import pickle

import pytest

from mi_course import check
from mi_course.check import sending


def verdict(answer):
    return check.continue_pattern(answer)


def test_the_learners_own_module_is_sent_as_it_is_now(tmp_path, monkeypatch):
    import importlib

    file = tmp_path / "my_code_of_today.py"
    file.write_text(
        "def answer(tokens):\n    return helper(tokens)\ndef helper(tokens): return 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("my_code_of_today")
    assert not verdict(mine.answer).passed
    file.write_text(
        "def answer(tokens):\n    return helper(tokens)\ndef helper(tokens):\n"
        "    return dict(zip(tokens, tokens[1:])).get(tokens[-1]) if tokens else None\n"
    )
    importlib.invalidate_caches()
    assert verdict(importlib.reload(mine).answer).passed


def test_a_model_of_the_course_travels_by_name(pocket):
    data = sending.dumps(lambda: pocket.cfg.n_layers)
    assert len(data) < 5_000
    assert pickle.loads(data)() == pocket.cfg.n_layers


def test_smollm2_is_not_loaded_a_second_time_for_a_check(pocket, monkeypatch):
    label = dataclasses.replace(pocket.mi_course_info, name="smollm2")
    monkeypatch.setattr(pocket, "mi_course_info", label)
    with pytest.raises(pickle.PicklingError, match="do not load smollm2"):
        sending.dumps(lambda: pocket.cfg.n_layers)

    def answer(tokens):
        assert pocket.cfg.n_layers == 2
        return dict(itertools.pairwise(tokens)).get(tokens[-1]) if tokens else None

    assert verdict(answer).passed  # in this process, which has it
