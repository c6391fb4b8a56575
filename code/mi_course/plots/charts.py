"""Plots of numbers, drawn by Plotly: maps of all heads, patterns, lines and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots
from torch import Tensor

from mi_course.plots.style import TEMPLATE, color_bar, figure, numbers, row_px

_MOST_LABELLED_CELLS = 150


def head_heatmap(
    scores: Float[Tensor, "layer head"],
    *,
    title: str,
    unit: str,
    signed: bool = False,
    columns: str = "head",
) -> go.Figure:
    """One cell for each head: layers downwards, heads across; hover gives the head's name.

    Args:
        scores: one number for each head.
        title: what to see.
        unit: what the number is, with its unit.
        signed: centre the colours on zero, for quantities of both signs; else they start at zero.
        columns: what a column is, where it is no head: `patching.units(model, "k")`.
    """
    z = numbers(scores)
    n_layers, n_heads = z.shape
    names = [[f"{layer}.{head}" for head in range(n_heads)] for layer in range(n_layers)]
    limit = float(np.abs(z).max()) or 1.0
    fig = figure(title, columns, "layer", height=170 + row_px(n_layers, 42) * n_layers)
    fig.add_heatmap(
        z=z,
        text=names,
        hovertemplate=f"{columns} %{{text}}<br>{unit}: %{{z:.3f}}<extra></extra>",
        texttemplate="%{z:.2f}" if z.size <= _MOST_LABELLED_CELLS else None,
        colorscale="RdBu_r" if signed else "Blues",
        zmin=-limit if signed else 0,
        zmax=limit if signed else max(limit, 1.0),
        colorbar=color_bar(unit),
        xgap=1,
        ygap=1,
    )
    fig.update_xaxes(dtick=1, showgrid=False)
    fig.update_yaxes(dtick=1, autorange="reversed", showgrid=False)
    return fig


def pattern_maps(patterns: Mapping[str, Float[Tensor, "query key"]], *, title: str) -> go.Figure:
    """Attention patterns side by side, as pictures: queries downwards, keys across.

    Args:
        patterns: one for each caption, all of one shape.
        title: what to see.
    """
    fig = make_subplots(cols=len(patterns), subplot_titles=list(patterns), shared_yaxes=True)
    fig.update_layout(template=TEMPLATE, title_text=title, height=380, margin_t=90)
    for column, pattern in enumerate(patterns.values(), 1):
        fig.add_heatmap(
            z=numbers(pattern),
            coloraxis="coloraxis",
            hovertemplate="query %{y} → key %{x}: %{z:.3f}<extra></extra>",
            col=column,
            row=1,
        )
    fig.update_layout(
        coloraxis={
            "colorscale": "Blues",
            "cmin": 0,
            "cmax": 1,
            "colorbar": color_bar("attention"),
        }
    )
    fig.update_xaxes(title_text="key (position)", showgrid=False)
    fig.update_yaxes(autorange="reversed", showgrid=False)
    fig.update_yaxes(title_text="query (position)", col=1)
    return fig


def lines(
    x: Sequence[float] | Tensor | np.ndarray,
    curves: Mapping[str, Any],
    *,
    title: str,
    x_title: str,
    y_title: str,
    marks: Mapping[str, float] | None = None,
) -> go.Figure:
    """One line for each named curve over a shared x; `marks` are labelled vertical lines."""
    fig = figure(title, x_title, y_title)
    for name, y in curves.items():
        fig.add_scatter(x=numbers(x), y=numbers(y), mode="lines", name=name)
    for label, position in (marks or {}).items():
        fig.add_vline(position, line_dash="dot", line_color="gray")
        # y = 1 in paper coordinates: just above the plot, clear of the curves
        fig.add_annotation(
            x=position, y=1, yref="paper", yanchor="bottom", showarrow=False, text=label
        )
    legend = {"orientation": "h", "y": -0.3, "x": 0, "xanchor": "left"}
    fig.update_layout(legend=legend, margin={"t": 80, "b": 90}, height=410)
    return fig


def bars(
    labels: Sequence[str],
    values: Sequence[float] | Tensor | np.ndarray,
    *,
    title: str,
    x_title: str,
    y_title: str,
    errors: Sequence[float] | Tensor | np.ndarray | None = None,
) -> go.Figure:
    """One bar for each label, with error bars where `errors` are given (say in y_title of what)."""
    fig = figure(title, x_title, y_title)
    error_y = {"type": "data", "array": numbers(errors)} if errors is not None else None
    fig.add_bar(
        x=list(labels),
        y=numbers(values),
        error_y=error_y,
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
    )
    fig.update_xaxes(type="category")  # "1.4" names a head, it is no number
    return fig
