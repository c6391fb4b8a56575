"""Which of several vectors point the same way, as a map."""

from __future__ import annotations

import plotly.graph_objects as go
import torch
from jaxtyping import Float
from torch import Tensor

from mi_course.plots.style import color_bar, figure, numbers


def similarity_map(
    vectors: Float[Tensor, "vector d_model"], *, first: int, title: str, axis_title: str
) -> go.Figure:
    """Cosine of the angle between every two vectors: 1 is the same direction, 0 a right angle.

    Args:
        vectors: in order; a hundred make a figure of 50 KB.
        first: the number of the first one.
        title: what to see.
        axis_title: what the numbers count.

    Raises:
        ValueError: not a table of vectors, one in each row.
    """
    if vectors.ndim != 2:
        raise ValueError(f"vectors must have shape (vector, d_model), not {tuple(vectors.shape)}")
    cosines = torch.nn.functional.normalize(vectors, dim=-1)
    cosines = (cosines @ cosines.T).float()
    fig = figure(title, axis_title, axis_title, height=460)
    fig.add_heatmap(
        z=numbers(cosines),
        x0=first,
        y0=first,
        zmin=-1,
        zmax=1,
        colorscale="RdBu_r",
        hovertemplate="%{x} and %{y}: %{z:.2f}<extra></extra>",
        colorbar=color_bar("cosine"),
    )
    fig.update_xaxes(showgrid=False)
    fig.update_yaxes(showgrid=False, autorange="reversed")
    return fig
