"""A table of numbers as colours: rows and columns have names, and a cell may hold a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mi_course.plots.style import color_bar, figure, numbers, row_px

_MOST_SPACED = 30


def cells(
    values: Any,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    x_title: str,
    y_title: str,
    unit: str,
    text: Sequence[Sequence[str]] | None = None,
    signed: bool = False,
) -> go.Figure:
    """One coloured cell for each number; names may repeat, as the tokens of a prompt do.

    Args:
        values: one number for each row and column.
        rows: their names, the first on top.
        columns: their names.
        title: what to see.
        x_title: what columns are.
        y_title: what rows are.
        unit: what the numbers are, with their unit.
        text: a word to write in each cell.
        signed: centre the colours on zero, for quantities of both signs; else they start at zero.

    Raises:
        ValueError: names that do not fit the numbers.
    """
    z = numbers(values)
    if z.shape != (len(rows), len(columns)):
        raise ValueError(
            f"{len(rows)} rows and {len(columns)} columns were named for values of shape {z.shape}"
        )
    limit = float(np.abs(z).max()) or 1.0
    fig = figure(title, x_title, y_title, height=150 + row_px(len(rows), 28) * len(rows))
    fig.add_heatmap(
        z=z,
        text=[list(row) for row in text] if text is not None else None,
        texttemplate="%{text}" if text is not None else None,
        textfont={"size": 11},
        hovertemplate=f"{unit}: %{{z:.3f}}<extra>row %{{y}}, column %{{x}}</extra>",
        colorscale="RdBu_r" if signed else "Blues",
        zmin=-limit if signed else 0,
        zmax=limit,
        colorbar=color_bar(unit),
        xgap=1 if len(columns) <= _MOST_SPACED else 0,  # a phone would show the gaps alone
        ygap=1,
    )
    # Numbered axes with names as ticks: Plotly would merge two columns of one name.
    ticks = {"tickmode": "array", "showgrid": False}
    fig.update_xaxes(tickvals=list(range(len(columns))), ticktext=list(columns), **ticks)
    fig.update_yaxes(tickvals=list(range(len(rows))), ticktext=list(rows), **ticks)
    fig.update_yaxes(autorange="reversed", automargin=True)
    return fig
