"""Read the training log that ships with `pocket`: what the model could do at each step."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from mi_course.models import POCKET_DIR

LOG = POCKET_DIR / "training_log.csv"
SCORE = "prefix_matching_"


def read(path: Path = LOG) -> dict[str, np.ndarray]:
    """The log's columns by name: step, losses in nats, IOI score, one score for each head."""
    with path.open(newline="", encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def prefix_matching(log: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each head's prefix-matching score over training, by the head's name."""
    return {name.removeprefix(SCORE): log[name] for name in log if name.startswith(SCORE)}


def change_window(steps: np.ndarray, values: np.ndarray, share: float = 0.8) -> tuple[int, int]:
    """The shortest stretch of steps in which `values` makes `share` of its whole change.

    A quantity that changes evenly needs that share of the training; a phase change needs far less.

    Args:
        steps: increasing.
        values: one for each step.
        share: between 0 and 1, of the difference between the largest and the smallest value.

    Returns:
        The first and the last step of the stretch.
    """
    needed = share * (values.max() - values.min())
    best = (int(steps[0]), int(steps[-1]))
    for start in range(len(steps)):
        reached = np.flatnonzero(np.abs(values[start:] - values[start]) >= needed)
        if len(reached):
            window = (int(steps[start]), int(steps[start + reached[0]]))
            if window[1] - window[0] < best[1] - best[0]:
                best = window
    return best
