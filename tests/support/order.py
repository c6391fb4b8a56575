"""The order of tests where several processes share them: the longest first, dealt out evenly.

pytest-xdist hands each process a stretch of the collection, and who is done takes from the others'
ends. A long test that stands last keeps one process busy while the others wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

LONGEST = (
    "test_real_book.py",
    "test_site_browser.py",
    "test_site_build.py",
    "test_notebook.py",
    "test_process.py",
    "test_playground_numbers.py",
    "test_printable.py",
    "test_training.py",
    "test_accessibility.py",
    "test_nbval_plugin.py",
    "test_model_sites.py",
    "test_notebooks_branch.py",
    "test_proof.py",
    "test_third_model.py",
    "test_stored.py",
)
"""Files of tests that start kernels, browsers or builds of the site, longest first."""
ONE_BY_ONE = LONGEST[:2]
"""Those whose tests are long by themselves; of the others a process gets a whole file, since their
tests share a costly fixture."""

T = TypeVar("T")


def dealt(items: Sequence[T], names: Sequence[str], processes: int) -> list[T]:
    """The items in another order, for so many processes.

    Args:
        items: what is ordered.
        names: of each item the name of its file.
        processes: each starts with a stretch of equal length.

    Returns:
        The same items; each stretch begins with its share of the longest, the rest keeps its order.
    """
    rank = {name: i for i, name in enumerate(LONGEST)}
    pairs = list(zip(items, names, strict=True))
    long = sorted((p for p in pairs if p[1] in rank), key=lambda pair: rank[pair[1]])
    units: list[list[T]] = []
    for name, group in groupby(long, key=lambda pair: pair[1]):
        file = [item for item, _ in group]
        units += [[item] for item in file] if name in ONE_BY_ONE else [file]
    rest = [item for item, name in pairs if name not in rank]
    ordered: list[T] = []
    for number in range(processes):
        hand = [item for unit in units[number::processes] for item in unit]
        end = (number + 1) * len(pairs) // processes - len(ordered) - len(hand)
        ordered += hand + rest[: max(0, end)]
        del rest[: max(0, end)]
    return ordered + rest
