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
ALONE = ("test_every_cell_gives_now", "test_the_learners_notebook_runs", "test_every_page_works")
"""How the names of tests begin that are long by themselves. Of the others a process gets a whole
file, since they share a costly fixture."""

T = TypeVar("T")


def dealt(items: Sequence[T], names: Sequence[tuple[str, str]], processes: int) -> list[T]:
    """The items in another order, for so many processes.

    Args:
        items: what is ordered.
        names: of each item the name of its file, and its own.
        processes: each starts with a stretch of equal length.

    Returns:
        The same items; each stretch begins with its share of the longest, the rest keeps its order.
    """
    rank = {file: i for i, file in enumerate(LONGEST)}
    triples = [(item, file, name) for item, (file, name) in zip(items, names, strict=True)]
    long = sorted((t for t in triples if t[1] in rank), key=lambda triple: rank[triple[1]])
    units = [[item] for item, _, name in long if name.startswith(ALONE)]
    others = [triple for triple in long if not triple[2].startswith(ALONE)]
    units += [[t[0] for t in group] for _, group in groupby(others, key=lambda triple: triple[1])]
    rest = [item for item, file, _ in triples if file not in rank]
    ordered: list[T] = []
    for number in range(processes):
        hand = [item for unit in units[number::processes] for item in unit]
        end = (number + 1) * len(triples) // processes - len(ordered) - len(hand)
        ordered += hand + rest[: max(0, end)]
        del rest[: max(0, end)]
    return ordered + rest
