"""A map over layers and positions of a prompt: what a patch there does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from torch import Tensor

from mi_course.plots.style import color_bar, figure, numbers, row_px


def position_map(
    values: Float[Tensor, "layer pos"],
    positions: Sequence[str],
    *,
    title: str,
    y_title: str,
    unit: str,
    limit: float | None = None,
) -> go.Figure:
    """One cell for each layer and position, layers downwards; colours are centred on zero.

    Args:
        values: of both signs.
        positions: what stands at each position; names may repeat.
        title: what to see.
        y_title: what was patched in each layer.
        unit: what the numbers are.
        limit: where the colours end; the largest value if not given. The same limit makes two maps
            comparable.

    Raises:
        ValueError: not one name for each position.
    """
    z = numbers(values)
    if z.shape[1] != len(positions):
        raise ValueError(f"{len(positions)} names for {z.shape[1]} positions")
    limit = limit or float(np.abs(z).max()) or 1.0
    fig = figure(title, "", y_title, height=max(290, 210 + row_px(len(z), 26) * len(z)))
    fig.add_heatmap(
        z=z,
        customdata=[list(positions)] * len(z),
        hovertemplate=f"layer %{{y}}, %{{customdata}}<br>{unit}: %{{z:.3f}}<extra></extra>",
        colorscale="RdBu_r",
        zmin=-limit,
        zmax=limit,
        colorbar=color_bar(unit),
        xgap=1,
        ygap=1,
    )
    ticks = {"tickvals": list(range(len(positions))), "ticktext": list(positions)}
    fig.update_xaxes(tickmode="array", tickangle=-90, automargin=True, showgrid=False, **ticks)
    fig.update_yaxes(dtick=1, autorange="reversed", showgrid=False)
    return fig
