"""What an answer keeps between its calls is told, and only where it has changed."""

import torch

from mi_course.check import EXERCISES
from mi_course.check.memory import Memory

_OUTSIDE: list[int] = []


def by_default(x, seen=[]):  # noqa: B006
    seen.append(x)


def by_counter(x, count=[1000]):  # noqa: B006
    count[0] += x


def outside(x):
    _OUTSIDE.append(x)


class Shared:
    kept: dict[int, int] = {}  # noqa: RUF012

    def __init__(self, x):
        self.kept[x] = x


def test_lists_that_grow_are_named():
    for answer, words in (
        (by_default, "the default of seen is made once"),
        (by_counter, "the default of count is made once"),
        (outside, "_OUTSIDE stands outside of the function"),
        (Shared, "kept stands in the class"),
    ):
        memory = Memory(answer)
        assert memory.told() == ""
        answer(1)
        assert words in memory.told()


def test_an_answer_that_is_right_the_first_time_only_is_refused(monkeypatch):
    monkeypatch.setenv("MI_COURSE_CHECK", "inline")
    calls = []

    def tires(z, hook, head):
        calls.append(head)
        return z.index_fill(2, torch.tensor([head]), 0.0) if len(calls) < 15 else z

    verdict = EXERCISES["zero_head"](tires)
    assert not verdict
    assert "right the first time, and wrong when it is called again" in verdict.message
