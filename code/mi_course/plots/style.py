"""The look that all plots share: colours, fonts, grid, and a figure with both axes named."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

# Okabe and Ito's palette, which colour-blind readers can tell apart (jfly.uni-koeln.de/color).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666", "#000000")
# A template of our own: plotly's default adds 7 KB to every stored figure.
TEMPLATE = go.layout.Template(
    layout={
        "colorway": COLORS,
        "font": {"size": 13},
        "title": {"x": 0, "xanchor": "left", "font": {"size": 15, "weight": 600}},
        "xaxis": {"title": {"font": {"size": 13}, "standoff": 8}},
        "yaxis": {"title": {"font": {"size": 13}, "standoff": 8}},
        "margin": {"l": 60, "r": 20, "t": 60, "b": 50},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
)
MANY_ROWS, LOW_ROW_PX = 18, 20  # GPT-2 has 12 layers; a row still holds a word of 11 pixels
GRID = {"gridcolor": "rgba(128,128,128,0.25)", "zerolinecolor": "rgba(128,128,128,0.5)"}


def figure(title: str, x_title: str, y_title: str, height: int = 380) -> go.Figure:
    """An empty figure of the course's look; `height` in pixels."""
    fig = go.Figure(layout={"template": TEMPLATE, "title": {"text": title}, "height": height})
    fig.update_xaxes(title_text=x_title, **GRID)
    fig.update_yaxes(title_text=y_title, **GRID)
    return fig


def row_px(n_rows: int, usual: int) -> int:
    """Height of a map's rows in pixels: lower ones where a map of many would fill two screens."""
    return usual if n_rows <= MANY_ROWS else LOW_ROW_PX


def color_bar(title: str) -> dict[str, Any]:
    """A narrow colour bar with what it shows, and its unit, written along it."""
    return {"title": {"text": title, "side": "right", "font": {"size": 12}}, "thickness": 12}


def numbers(values: Any) -> np.ndarray:
    """A tensor, or anything that numpy reads, as an array."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
