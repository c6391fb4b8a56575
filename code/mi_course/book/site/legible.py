"""What a page changes in a stored plot so that all of it can be seen; its numbers stay.

In a map of many effects one cell may rule the colours, and all others look alike. And a curve may
lie on another one, which is then seen in the legend only. Stored is what a cell showed, so that it
can be compared; how it is drawn on a page is decided here, and told on it.

Only maps of both signs are changed. Scores from 0 to 1 share their scale with the maps beside them,
where white says that a head does not do it.
"""

from __future__ import annotations

import struct
from base64 import b64decode
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

MANY, NEAR_ZERO, BLANK = 100, 0.03, 0.9
"""A map of so many cells is faint where this share of them is so near zero, in ranges of colour."""
ROUNDING = 1e-6
"""Cells that are zero but for so much are zero whatever the model does, and are not counted."""
TOLD = "colours spread out near 0"

ON_TOP, OFTEN = 0.015, 0.5
"""A curve covers another one where they are so near, in ranges of y, at this share of points."""
DASHES = ("solid", "dash", "dot", "dashdot")

_CODES = {"f4": "f", "f8": "d", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I"}

Trace = dict[str, Any]


def legible(figure: Mapping[str, Any]) -> dict[str, Any]:
    """A stored figure as a page draws it; the argument is not changed."""
    return {**figure, "data": [_spread(trace) for trace in _told_apart(figure["data"])]}


def numbers(values: Any) -> list[float]:
    """The numbers of a list, of nested lists, or of Plotly's binary arrays, one after another.

    Example:
        >>> numbers([[1, 2.5], [None]]), numbers({"bdata": "AAAgQA==", "dtype": "f4"})
        ([1.0, 2.5, nan], [2.5])
    """
    if isinstance(values, Mapping):
        code, raw = _CODES[values["dtype"].lstrip("<|=")], b64decode(values["bdata"])
        return [float(v) for (v,) in struct.iter_unpack(f"<{code}", raw)]
    if isinstance(values, list):
        return list(chain.from_iterable(map(numbers, values)))
    return [float("nan") if values is None else float(values)]


def _spread(trace: Trace) -> Trace:
    """A faint map with its colours spread out near zero, and a line on its bar that says so.

    A value's share of the range is the square of its colour's: 4 % of the largest value has a fifth
    of the way to the strongest colour.
    """
    if not _is_faint(trace):
        return trace
    bar = trace.get("colorbar", {})
    title = bar.get("title", {})
    told = {**title, "text": "<br>".join(filter(None, (title.get("text"), TOLD)))}
    scale = [[_bent(at), color] for at, color in trace["colorscale"]]
    return {**trace, "colorscale": scale, "colorbar": {**bar, "title": told}}


def _is_faint(trace: Trace) -> bool:
    """Whether a map centred on zero, without numbers in its cells, is nearly white."""
    written = "texttemplate" in trace
    if trace["type"] != "heatmap" or written or trace.get("zmin", 0) >= 0:
        return False
    values, colours = numbers(trace["z"]), trace["zmax"] - trace["zmin"]
    measured = [value for value in values if not abs(value) <= ROUNDING * colours]
    near = sum(abs(value) <= NEAR_ZERO * colours for value in measured)
    return len(values) >= MANY and near >= BLANK * max(len(measured), 1)


def _bent(at: float) -> float:
    """Where on a scale from 0 to 1, whose centre is zero, the colour of the place `at` stands."""
    off = 2 * at - 1
    return float(0.5 + 0.5 * off * abs(off))


def _told_apart(traces: list[Trace]) -> Iterator[Trace]:
    """The traces, with gaps in a curve that lies on others, so that these are seen as well."""
    curves = {i: numbers(t["y"]) for i, t in enumerate(traces) if t.get("mode") == "lines"}
    values = [value for curve in curves.values() for value in curve if value == value]
    bound = ON_TOP * (max(values) - min(values)) if values else 0.0
    for i, trace in enumerate(traces):
        below = [k for k in curves if k < i and i in curves and _same_x(trace, traces[k])]
        covered = sum(_covers(curves[i], curves[k], bound) for k in below)
        if covered and "dash" not in trace.get("line", {}):
            dash = DASHES[min(covered, len(DASHES) - 1)]
            yield {**trace, "line": {**trace.get("line", {}), "dash": dash}}
        else:
            yield trace


def _same_x(one: Trace, other: Trace) -> bool:
    return bool(one.get("x") == other.get("x"))


def _covers(upper: list[float], lower: list[float], bound: float) -> bool:
    near = sum(abs(a - b) <= bound for a, b in zip(upper, lower, strict=True))
    return near >= OFTEN * len(lower)
