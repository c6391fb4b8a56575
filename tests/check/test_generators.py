"""A generator is read a few items at a time, and what is no generator is told how to become one."""

import itertools
import random

import pytest

from mi_course.check.core import Attempt, Wrong
from mi_course.check.generators import Source, Watched, take


def test_no_more_is_read_than_is_taken():
    source = Source(itertools.count())

    def doubled():
        return (2 * i for i in source)

    assert take(Attempt(doubled), doubled, 3) == [0, 2, 4]
    assert source.read == 3


def test_a_source_ends_long_after_anyone_should_stop():
    source = Source(itertools.count())
    assert len(list(source)) == source.read == 1000


def test_a_loop_that_collects_endlessly_is_ended():
    names = Watched(["Mary", "John"])

    def collects():
        found = []
        while True:
            found.append(random.Random(0).choice(names))
        yield from found

    with pytest.raises(Wrong, match="draws endlessly and yields nothing"):
        take(Attempt(collects), collects, 1)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: [1, 2], "returns a list, which is complete before anyone asks for an item"),
        (lambda: None, "returns None: `yield` the items"),
        (lambda: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_what_is_no_generator_is_a_sentence(answer, words):
    with pytest.raises(Wrong, match=words):
        take(Attempt(answer), answer, 2)
