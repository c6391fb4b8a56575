"""The course's plots: one look, axes named, units given, and a title that says what to see.

Each function returns a figure; the last line of a cell shows it. Plotly draws numbers, CircuitsVis
draws attention over tokens.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from plotly.subplots import make_subplots
from torch import Tensor

# Okabe and Ito's palette, which colour-blind readers can tell apart (jfly.uni-koeln.de/color).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666", "#000000")
CIRCUITSVIS_MIME = "application/vnd.mi-course.circuitsvis+json"
_MOST_LABELLED_CELLS = 150
# A template of our own: plotly's default adds 7 KB to every stored figure.
_TEMPLATE = go.layout.Template(
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
_GRID = {"gridcolor": "rgba(128,128,128,0.25)", "zerolinecolor": "rgba(128,128,128,0.5)"}


def head_heatmap(
    scores: Float[Tensor, "layer head"], *, title: str, unit: str, signed: bool = False
) -> go.Figure:
    """One cell for each head: layers downwards, heads across; hover gives the head's name.

    Args:
        scores: one number for each head.
        title: what to see.
        unit: what the number is, with its unit.
        signed: centre the colours on zero, for quantities of both signs; else they start at zero.
    """
    z = _numpy(scores)
    n_layers, n_heads = z.shape
    names = [[f"{layer}.{head}" for head in range(n_heads)] for layer in range(n_layers)]
    limit = float(np.abs(z).max()) or 1.0
    fig = _figure(title, "head", "layer", height=170 + 42 * n_layers)
    fig.add_heatmap(
        z=z,
        text=names,
        hovertemplate=f"head %{{text}}<br>{unit}: %{{z:.3f}}<extra></extra>",
        texttemplate="%{z:.2f}" if z.size <= _MOST_LABELLED_CELLS else None,
        colorscale="RdBu_r" if signed else "Blues",
        zmin=-limit if signed else 0,
        zmax=limit if signed else max(limit, 1.0),
        colorbar={"title": {"text": unit, "side": "right", "font": {"size": 12}}, "thickness": 12},
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
    fig.update_layout(template=_TEMPLATE, title_text=title, height=380, margin_t=90)
    for column, pattern in enumerate(patterns.values(), 1):
        fig.add_heatmap(
            z=_numpy(pattern),
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
            "colorbar": {
                "title": {"text": "attention", "side": "right", "font": {"size": 12}},
                "thickness": 12,
            },
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
    fig = _figure(title, x_title, y_title)
    for name, y in curves.items():
        fig.add_scatter(x=_numpy(x), y=_numpy(y), mode="lines", name=name)
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
    fig = _figure(title, x_title, y_title)
    error_y = {"type": "data", "array": _numpy(errors)} if errors is not None else None
    fig.add_bar(
        x=list(labels),
        y=_numpy(values),
        error_y=error_y,
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
    )
    fig.update_xaxes(type="category")  # "1.4" names a head, it is no number
    return fig


class AttentionFigure:
    """Attention patterns drawn over their tokens by CircuitsVis.

    The course's site stores the data and draws it with one shared script; Jupyter and Colab get
    CircuitsVis' own HTML.
    """

    def __init__(self, props: dict[str, Any]) -> None:
        self.props = props

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            CIRCUITSVIS_MIME: {"component": "AttentionHeads", "props": self.props},
            "text/html": self._html(),
            "text/plain": f"attention of heads {', '.join(self.props['attentionHeadNames'])}",
        }

    def _html(self) -> str:
        from circuitsvis.utils.render import render

        page = render("AttentionHeads", **self.props)
        # CircuitsVis would ask the internet which of the two to use, and wait for the answer.
        return page.cdn_src if "google.colab" in sys.modules else page.local_src


def attention(
    tokens: Sequence[str],
    patterns: Float[Tensor, "head query key"],
    names: Sequence[str],
) -> AttentionFigure:
    """The attention patterns of a few heads on one prompt; hover a token to see where it looks.

    Args:
        tokens: the prompt's tokens, as text.
        patterns: one pattern for each head.
        names: the heads' names.

    Raises:
        ValueError: tokens, patterns and names whose lengths do not fit together.
    """
    expected = (len(names), len(tokens), len(tokens))
    if tuple(patterns.shape) != expected:
        raise ValueError(
            f"{len(names)} names and {len(tokens)} tokens need patterns of shape {expected}, "
            f"not {tuple(patterns.shape)}"
        )
    return AttentionFigure(
        {
            # Six decimals keep a page small. Fewer would let rounding turn noise of 1e-7 into a
            # visible step, and two honest runs would differ.
            "attention": [
                [[round(p, 6) for p in row] for row in head] for head in patterns.tolist()
            ],
            "tokens": list(tokens),
            "attentionHeadNames": list(names),
            "maskUpperTri": True,
            "minValue": 0,
            "maxValue": 1,
        }
    )


def _figure(title: str, x_title: str, y_title: str, height: int = 380) -> go.Figure:
    fig = go.Figure(layout={"template": _TEMPLATE, "title": {"text": title}, "height": height})
    fig.update_xaxes(title_text=x_title, **_GRID)
    fig.update_yaxes(title_text=y_title, **_GRID)
    return fig


def _numpy(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
