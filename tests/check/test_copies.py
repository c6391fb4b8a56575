"""What a check hands over is copied as deep as it goes, and compared."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mi_course.check.copies import copied, same


@pytest.mark.parametrize(
    ("thing", "change"),
    [
        ([[1, 2], [3]], lambda x: x[0].append(4)),
        ([[1, 2], [3]], lambda x: x.reverse()),
        (({"a": [1]},), lambda x: x[0]["a"].clear()),
        ({"a": 1, "b": 2}, lambda x: x.update(a=x.pop("a"))),
        ({1, 2}, lambda x: x.add(3)),
        ([torch.zeros(2)], lambda x: x[0].add_(1)),
        ({"x": np.zeros(2)}, lambda x: x["x"].__iadd__(1)),
        (torch.tensor([1.0, torch.nan]), lambda x: x.zero_()),
    ],
)
def test_a_change_within_a_copy_is_seen_and_does_not_reach_the_original(thing, change):
    given, untouched = copied(thing), copied(thing)
    change(given)
    assert not same(thing, given)
    assert same(thing, untouched)


def test_of_a_model_and_an_iterator_there_is_one():
    for thing in (torch.nn.Linear(1, 1), iter([1, 2]), (i for i in range(3))):
        assert copied(thing) is thing
        assert same(thing, copied(thing))
