"""The order of tests where several processes share them: the longest first, dealt out evenly.

pytest-xdist hands each process a stretch of the collection, and who is done takes from the others'
ends. A long test that stands last keeps one process busy while the others wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

# The first builds the site, which takes a minute. Whoever needs it too waits until it is there, so
# the other processes have two minutes of something else first.
LONGEST = (
    "test_site_browser.py::test_every_page_works_without_the_network_and_axe",
    "test_real_book.py::test_every_cell_gives_now",
    "test_real_book.py::test_the_learners_notebook_runs",
    "test_training.py",
    "test_stored.py",
    "test_process.py",
    "test_notebook.py",
    "test_run.py",
    "test_proof.py",
    "test_nbval_plugin.py",
    "test_real_book.py",
    "test_notebooks_branch.py",
    "test_third_model.py",
    "test_site_browser.py::test_every_page_works_without_the_network_on_a_phone",
    "test_site_browser.py",
    "test_site_build.py",
    "test_page_speed.py",
    "test_playground_numbers.py",
    "test_printable.py",
    "test_accessibility.py",
    "test_model_sites.py",
)
"""What starts kernels, browsers or builds of the site: files, which one process gets whole
since their tests share a costly fixture, and tests that are long by themselves, by their file and
how their names begin."""

T = TypeVar("T")


def rank(file: str, name: str) -> int | None:
    """The place among the longest of a test of this name, or None."""
    for place, pattern in enumerate(LONGEST):
        of_file, _, begins = pattern.partition("::")
        if file == of_file and name.startswith(begins):
            return place
    return None


def _unit(ranked: tuple[int, str, T]) -> tuple[int, str]:
    """What has to stay in one process: a file's tests, or a test that is long by itself."""
    place, name, _ = ranked
    return place, name if "::" in LONGEST[place] else ""


def dealt(items: Sequence[T], names: Sequence[tuple[str, str]], processes: int) -> list[T]:
    """The items in another order, for so many processes.

    Args:
        items: what is ordered.
        names: of each item the name of its file, and its own.
        processes: each starts with a stretch of equal length.

    Returns:
        The same items; each stretch begins with its share of the longest, the rest keeps its order.
    """
    ranked = [(rank(*of), of[1], item) for item, of in zip(items, names, strict=True)]
    long = sorted((one for one in ranked if one[0] is not None), key=lambda one: one[0])
    units = [[item for _, _, item in group] for _, group in groupby(long, _unit)]
    rest = [item for place, _, item in ranked if place is None]
    ordered: list[T] = []
    for number in range(processes):
        hand = [item for unit in units[number::processes] for item in unit]
        end = (number + 1) * len(items) // processes - len(ordered) - len(hand)
        ordered += hand + rest[: max(0, end)]
        del rest[: max(0, end)]
    return ordered + rest
