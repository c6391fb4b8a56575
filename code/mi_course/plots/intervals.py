"""Plots of means with their intervals: dots side by side, one row for each kind of measurement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from mi_course.plots.style import COLORS, GRID, TEMPLATE

if TYPE_CHECKING:
    from mi_course.intervals import Interval

Series = Mapping[str, Mapping[str, "Interval"]]
_ROW_PIXELS = 190


def interval_rows(
    panels: Mapping[str, Series], *, units: Mapping[str, str], title: str, x_title: str
) -> go.Figure:
    """Means with 95 % intervals, one row for each panel, over shared labels.

    Args:
        panels: for each row its series, and for each series an interval for each label.
        units: of each row's numbers.
        title: what to see.
        x_title: what the labels are.

    Raises:
        ValueError: no panel, a panel without its unit, or more series than there are colours.
    """
    names = list(dict.fromkeys(name for series in panels.values() for name in series))
    _check(panels, units, names)
    fig = go.Figure(layout={"template": TEMPLATE, "title": {"text": title}})
    fig.update_layout(scattermode="group", scattergap=0.4)
    height = 190 + _ROW_PIXELS * len(panels)
    share = 1 / len(panels)
    for row, (panel, series) in enumerate(panels.items()):
        axis = "y" if row == 0 else f"y{row + 1}"
        for name, points in series.items():
            fig.add_trace(_dots(name, points, COLORS[names.index(name)], axis))
        # one x axis under all rows: rows side by side would make a phone scroll
        top = 1 - row * share
        fig.update_layout(
            {
                axis.replace("y", "yaxis"): {
                    "domain": [max(top - 0.8 * share, 0), top - 0.08 * share],
                    "title": {"text": units[panel]},
                    **GRID,
                }
            }
        )
        fig.add_annotation(
            text=panel, x=0, xref="paper", y=top, yref="paper", yanchor="middle", showarrow=False
        )
    last = "y" if len(panels) == 1 else f"y{len(panels)}"
    fig.update_xaxes(type="category", title_text=x_title, anchor=last, **GRID)
    # at the foot of the whole figure, whatever its height: clear of the last row's labels
    legend = {"orientation": "h", "x": 0, "y": 0, "yanchor": "bottom", "yref": "container"}
    fig.update_layout(height=height, legend=legend, margin={"t": 80, "b": 100})
    return fig


def _check(panels: Mapping[str, Series], units: Mapping[str, str], names: list[str]) -> None:
    if not panels:
        raise ValueError("no panels: give at least one row of intervals")
    if unknown := [panel for panel in panels if panel not in units]:
        raise ValueError(f"no unit for {', '.join(unknown)}: `units` names one for each panel")
    if len(names) > len(COLORS):
        raise ValueError(
            f"{len(names)} series are too many to tell apart: at most {len(COLORS)} have a colour"
        )


def _dots(name: str, points: Mapping[str, Interval], color: str, axis: str) -> go.Scatter:
    means = [point.mean for point in points.values()]
    return go.Scatter(
        x=list(points),
        y=means,
        yaxis=axis,
        name=name,
        mode="markers",
        marker={"color": color, "size": 8},
        legendgroup=name,
        offsetgroup=name,
        showlegend=axis == "y",
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [point.high - point.mean for point in points.values()],
            "arrayminus": [point.mean - point.low for point in points.values()],
            "width": 4,
        },
        customdata=[[point.low, point.high] for point in points.values()],
        hovertemplate=(
            "%{x}: %{y:.3f}, 95 % interval %{customdata[0]:.3f} to %{customdata[1]:.3f}"
        ),
    )
