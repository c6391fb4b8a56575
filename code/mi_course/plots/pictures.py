"""Small pictures side by side, and a table of counts as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Int
from torch import Tensor

from mi_course.plots.style import TEMPLATE, color_bar, figure, numbers

_GAP, _CAPTION = 3, 9  # in pixels of the pictures: between two of them, and above each


def pictures(
    images: Tensor | np.ndarray,
    captions: Sequence[Any],
    *,
    title: str,
    columns: int = 4,
    signed: bool = False,
) -> go.Figure:
    """Pictures in rows, each with a short caption above it.

    Args:
        images: [n, height, width]; 0 is paper and the largest value is ink.
        captions: one for each picture, best under ten letters.
        title: what to see.
        columns: pictures in a row.
        signed: red for values above 0, blue for those below, white for 0; each picture on a scale
            of its own, in whole percent of its largest magnitude.

    Raises:
        ValueError: not one caption for each picture.
    """
    z = numbers(images)
    if len(captions) != len(z):
        raise ValueError(f"{len(z)} pictures and {len(captions)} captions: expected as many")
    if signed:
        z = np.round(100 * z / np.abs(z).max(axis=(1, 2), keepdims=True)).astype(np.int8)
    n, height, width = z.shape
    rows = -(-n // columns)
    fig = go.Figure(layout={"template": TEMPLATE, "title": {"text": title}})
    for i, (picture, caption) in enumerate(zip(z, captions, strict=True)):
        left, top = (i % columns) * (width + _GAP), (i // columns) * (height + _CAPTION)
        fig.add_heatmap(
            z=picture,
            x0=left,
            y0=top,
            coloraxis="coloraxis",
            name=str(caption),
            hovertemplate=f"{caption}: %{{z}}<extra></extra>",
        )
        fig.add_annotation(
            x=left + width / 2, y=top - 1, yanchor="bottom", showarrow=False, text=str(caption)
        )
    limit = 100 if signed else float(z.max(initial=1))
    fig.update_layout(
        coloraxis={
            "colorscale": "RdBu_r" if signed else "Greys",
            "cmin": -limit if signed else 0,
            "cmax": limit,
            "showscale": False,
        },
        height=90 + rows * 400 // columns + 30 * rows,
        margin={"l": 10, "r": 10, "b": 10},
    )
    fig.update_xaxes(visible=False, constrain="domain")
    fig.update_yaxes(
        visible=False,
        scaleanchor="x",
        constrain="domain",
        range=[rows * (height + _CAPTION) - _CAPTION, -_CAPTION],
    )
    return fig


def confusion(counts: Int[Tensor, "true predicted"], *, title: str) -> go.Figure:
    """How often each true class was taken for each class; the colour shows the mistakes only."""
    z = numbers(counts)
    mistakes = z - np.diag(np.diag(z))
    fig = figure(title, "the network's answer", "true digit", height=470)
    fig.add_heatmap(
        z=mistakes,
        text=z,
        texttemplate="%{text}",
        hovertemplate="true %{y}, answered %{x}: %{text} images<extra></extra>",
        colorscale="Oranges",
        colorbar=color_bar("mistakes (images)"),
        xgap=1,
        ygap=1,
    )
    fig.update_xaxes(dtick=1, showgrid=False)
    fig.update_yaxes(dtick=1, autorange="reversed", showgrid=False)
    return fig
