"""Damages to what is stored as data: arrays of figures, attention patterns, glued values.

A point of an array is drawn among those of at least a thousandth of the array's largest: what is
smaller shows in no plot, and may be noise around zero. How many those are, `points` says.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from nbformat import NotebookNode

from mi_course.book.outputs import CIRCUITSVIS, GLUE, PLOTLY
from mi_course.book.proof.slots import DRAWN, Slot, arrays, figures, glued, leaves, shown
from mi_course.book.proof.texts import SHARE

VISIBLE = 1e-3


def _decode(array: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).copy()


def _encode(array: dict[str, Any], values: np.ndarray) -> None:
    array["bdata"] = base64.b64encode(values.tobytes()).decode()


def _stored_arrays(notebook: NotebookNode, kinds: str) -> list[dict[str, Any]]:
    """The binary arrays of figures whose dtype is of these NumPy kinds."""
    found = (a for figure in figures(notebook, PLOTLY) for a in arrays(figure))
    return [array for array in found if np.dtype(array["dtype"]).kind in kinds]


def _visible(values: np.ndarray) -> np.ndarray:
    """Which points are above the level of noise."""
    largest = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    return (np.abs(values) >= VISIBLE * largest) & (values != 0)


def points(notebook: NotebookNode) -> tuple[int, int]:
    """How many measured points of figures a damage may be drawn from, and how many there are."""
    found = [_decode(array) for array in _stored_arrays(notebook, "f")]
    return sum(int(_visible(v).sum()) for v in found), sum(v.size for v in found)


def _array_point(notebook: NotebookNode, rng: Random, change: Callable[[Any], Any]) -> str | None:
    """Change one visible point of one float array of a figure."""
    stored = _stored_arrays(notebook, "f")
    if not stored:
        return None
    array = rng.choice(stored)
    values = _decode(array)
    visible = np.flatnonzero(_visible(values))
    if not visible.size:
        return None
    at = rng.choice(visible.tolist())
    old, values[at] = values[at], change(values[at])
    _encode(array, values)
    return f"point {at}: {old:.4g} → {values[at]:.4g}"


def point_by_five_per_cent(notebook: NotebookNode, rng: Random) -> str | None:
    """One point of a heatmap or a line."""
    return _array_point(notebook, rng, lambda x: x * SHARE)


def point_changes_sign(notebook: NotebookNode, rng: Random) -> str | None:
    """The sign of one point of a heatmap or a line."""
    return _array_point(notebook, rng, lambda x: -x)


def whole_in_figure(notebook: NotebookNode, rng: Random) -> str | None:
    """A whole number that a figure draws: in the JSON of its traces, or in an integer array."""
    traces = [trace for figure in figures(notebook, PLOTLY) for trace in figure["data"]]
    places = [slot for trace in traces for slot in leaves(trace, int, DRAWN)]
    stored = _stored_arrays(notebook, "iu")
    if stored and (not places or rng.random() < 0.5):
        array = rng.choice(stored)
        values = _decode(array)
        at = rng.randrange(values.size)
        old = int(values[at])
        values[at] += 1 if old < np.iinfo(values.dtype).max else -1
        _encode(array, values)
        return f"point {at}: {old} → {values[at]}"
    if not places:
        return None
    container, key = rng.choice(places)
    container[key] += 1
    return f"point {key}: {container[key] - 1} → {container[key]}"


def attention_value(notebook: NotebookNode, rng: Random) -> str | None:
    """One number of an attention pattern."""
    places: list[Slot] = []
    for figure in figures(notebook, CIRCUITSVIS):
        slots = list(leaves(figure, float))
        largest = max((abs(c[k]) for c, k in slots), default=0.0)
        places += [(c, k) for c, k in slots if c[k] and abs(c[k]) >= VISIBLE * largest]
    if not places:
        return None
    container, key = rng.choice(places)
    old = container[key]
    container[key] = old * SHARE
    return f"{old:.4g} → {container[key]:.4g}"


def _glued_value(
    notebook: NotebookNode, rng: Random, kind: type, change: Callable[[Any], Any]
) -> str | None:
    places = [(slot, value) for slot, value in glued(notebook, kind) if value]
    if not places:
        return None
    (data, mime), value = rng.choice(places)
    data[mime] = repr(change(value))
    return f"{value!r} → {data[mime]}"


def glued_number(notebook: NotebookNode, rng: Random) -> str | None:
    """A glued measurement."""
    return _glued_value(notebook, rng, float, lambda value: value * SHARE)


def glued_sign(notebook: NotebookNode, rng: Random) -> str | None:
    """The sign of a glued measurement."""
    return _glued_value(notebook, rng, float, lambda value: -value)


def glued_count(notebook: NotebookNode, rng: Random) -> str | None:
    """A glued count."""
    return _glued_value(notebook, rng, int, lambda value: value + 1)


def glued_name(notebook: NotebookNode, rng: Random) -> str | None:
    """The name under which a value is glued."""
    found = [output for output in shown(notebook) if GLUE in output.get("data", {})]
    if not found:
        return None
    scrapbook = rng.choice(found).metadata.scrapbook
    scrapbook.name += "_x"
    return str(scrapbook.name)


def drift(notebook: NotebookNode, rng: Random, share: float = 1e-6) -> None:
    """Noise as another machine makes it, on every measurement that is stored as a number."""

    def noisy(value: float) -> float:
        return value if value.is_integer() else value * (1 + rng.uniform(-share, share))

    for figure in figures(notebook, PLOTLY, CIRCUITSVIS):
        for container, key in leaves(figure, float):
            container[key] = noisy(container[key])
    for array in _stored_arrays(notebook, "f"):
        values = _decode(array)
        _encode(array, np.array([noisy(float(x)) for x in values], values.dtype))
    for (data, mime), value in glued(notebook, float):
        data[mime] = repr(noisy(value))
