"""The process that checks answers keeps what one prints, and starts each with a clean torch."""

from __future__ import annotations

import itertools
import os

import torch

from mi_course import check
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


def test_what_an_answer_changes_in_torch_does_not_outlive_it():
    def meddles(tokens):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return right(tokens)

    assert verdict(meddles).passed
    assert torch.get_default_dtype() == torch.float32

    def looks(tokens):
        assert torch.get_default_dtype() == torch.float32
        assert torch.is_grad_enabled()
        return right(tokens)

    assert verdict(looks).passed


def test_the_beginning_of_what_is_printed_is_kept_and_the_rest_counted():
    printed = Printed()
    for text in ("a" * (MOST_PRINTED - 1), "bc", "d" * 999):
        assert printed.write(text) == len(text)
    kept = "a" * (MOST_PRINTED - 1) + "b"
    assert printed.text() == f"{kept}\n… and 1,000 characters more, not shown\n"
