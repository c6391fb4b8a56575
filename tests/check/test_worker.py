"""The process that checks answers keeps what one prints, and starts each with a clean torch."""

from __future__ import annotations

import builtins
import itertools
import math
import os
import random
import sys
import time
import warnings

import numpy as np
import pytest
import torch

from mi_course import check
from mi_course.check import core, register
from mi_course.check.worker import MOST_PRINTED, Printed


def right(tokens):
    return dict(itertools.pairwise(tokens)).get(tokens[-1]) if tokens else None


def verdict(answer):
    return check.continue_pattern(answer)


def test_a_print_flood_is_cut_and_costs_nothing(capfd):
    def floods(tokens):
        for i in range(5_000):
            print("flood", i)
        os.write(1, b"raw" * 100_000)
        os.write(2, b"raw" * 100_000)
        return right(tokens)

    assert verdict(floods).passed
    printed = capfd.readouterr().out
    assert printed.startswith("flood 0\nflood 1\n")
    assert "characters more, not shown\n✓ continue_pattern: passed\n" in printed
    assert len(printed) < 2_200


def meddles_with_derivatives(tokens):
    torch.set_grad_enabled(False)
    return right(tokens)


def meddles_with_types(tokens):
    torch.set_default_dtype(torch.float64)
    return right(tokens)


def meddles_with_devices(tokens):
    torch.set_default_device("meta")
    return right(tokens)


def meddles_with_python(tokens):
    builtins.len = lambda thing: 3
    return right(tokens)


def meddles_with_all(tokens):
    for meddle in (meddles_with_types, meddles_with_devices, meddles_with_derivatives):
        meddle(tokens)
    return right(tokens)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (meddles_with_derivatives, "leaves derivatives switched off for everything that follows"),
        (meddles_with_types, "changes PyTorch's default dtype for everything that follows"),
        (meddles_with_devices, "changes PyTorch's default device for everything that follows"),
        (meddles_with_python, "replaces Python's own len"),
        (meddles_with_all, "derivatives"),
    ],
)
def test_an_answer_that_leaves_a_change_behind_is_told_and_the_next_finds_none(answer, words):
    began = time.monotonic()
    assert words in verdict(answer).message
    assert time.monotonic() - began < 30

    def looks(tokens):
        assert torch.get_default_dtype() == torch.float32
        assert torch.get_default_device().type == "cpu"
        assert torch.is_grad_enabled()
        assert len(tokens) == sum(1 for _ in tokens)
        return right(tokens)

    assert verdict(looks).passed
    assert torch.get_default_dtype() == torch.float32


def test_whatever_else_an_answer_changes_in_its_process_the_next_finds_it_as_it_was():
    def meddles(tokens):
        torch.softmax = torch.Tensor.sum = math.sqrt = None
        os.environ["LEFT_BEHIND"] = "1"
        warnings.simplefilter("error")
        np.seterr(all="raise")
        sys.setrecursionlimit(77_777)
        torch.set_num_threads(2)
        random.seed(5)
        return right(tokens)

    def looks(tokens):
        found = [torch.softmax, torch.Tensor.sum, math.sqrt]
        assert None not in found
        assert "LEFT_BEHIND" not in os.environ
        assert warnings.filters[0][0] != "error"
        assert np.geterr()["divide"] == "warn"
        assert sys.getrecursionlimit() != 77_777
        assert torch.get_num_threads() == 1
        assert random.getstate() == random.Random(0).getstate()
        return right(tokens)

    assert verdict(meddles).passed
    assert verdict(looks).message == "passed"


def test_a_notebook_that_has_replaced_len_can_be_checked_and_keeps_its_own(monkeypatch):
    def own(thing):
        return 3

    monkeypatch.setattr(builtins, "len", own)
    began = time.monotonic()
    found = verdict(right)
    took, kept = time.monotonic() - began, builtins.len is own
    monkeypatch.undo()
    assert found.passed
    assert kept
    assert took < 30


def test_a_reply_that_cannot_be_read_ends_the_check_at_once():
    def meddles(tokens):
        import json

        json.dumps = lambda *args, **options: "no JSON"
        return right(tokens)

    began = time.monotonic()
    assert "the check could not answer" in verdict(meddles).message
    assert time.monotonic() - began < 30
    assert verdict(right).passed


@pytest.mark.slow
def test_a_model_that_an_answer_has_changed_is_new_for_the_next(pocket):
    @core.exercise
    def looks_at_pocket(attempt):
        if attempt() != "as it was":
            raise core.Wrong("it was changed")

    def state(model):
        return model.training, float(model.embed.weight.detach().sum())

    before = state(pocket)

    def changes():
        pocket.train()
        pocket.embed.weight.data.zero_()
        return "as it was"

    def looks():
        return "as it was" if state(pocket) == before else "changed"

    try:
        assert looks_at_pocket(looks).passed  # loading it may cost the process
        assert looks_at_pocket(changes).passed
        assert looks_at_pocket(looks).passed
    finally:
        register.REGISTER.pop("looks_at_pocket")
        core.EXERCISES.pop("looks_at_pocket")


def test_the_beginning_of_what_is_printed_is_kept_and_the_rest_counted():
    printed = Printed()
    for text in ("a" * (MOST_PRINTED - 1), "bc", "d" * 999):
        assert printed.write(text) == len(text)
    kept = "a" * (MOST_PRINTED - 1) + "b"
    assert printed.text() == f"{kept}\n… and 1,000 characters more, not shown\n"
