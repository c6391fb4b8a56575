"""Draw an explanation: where its variables live, over the input that they were read on."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from mi_course.mystery.explanation import Explanation, parameters
from mi_course.mystery_nets.places import Place
from mi_course.plots.style import COLORS, figure
from mi_course.processes.programs import INPUT

HEIGHT_PX = 110
"""Of a layer, and of the rows for input and answer."""
_SHORT = {"resid": "stream", "mlp": "MLP", "attn": "heads"}

Point = tuple[float, float]


def draw(explanation: Explanation, tokens: tuple[Any, ...], answer: Any) -> go.Figure:
    """The circuit that an explanation tells of, on one input.

    Args:
        explanation: with a place for each variable.
        tokens: an input, for rules of position and for the bottom row.
        answer: the model's, for the top row.

    Returns:
        A figure: positions from left to right, layers from bottom to top, a line from what a
        variable is computed from to the variable.
    """
    points = {n: [_point(p, tokens) for p in of] for n, of in explanation.places().items()}
    layers = [place.layer for of in explanation.places().values() for place in of]
    end = (float(len(tokens) - 1), max(layers) + 1.5)
    fig = figure("Where the variables live", "position", "layer", HEIGHT_PX * (max(layers) + 4))
    for name, function in explanation.functions().items():
        _lines(fig, [s for p in parameters(function) for s in points.get(p, [])], points[name])
    sources = [s for p in parameters(explanation.answer) if p != INPUT for s in points[p]]
    _lines(fig, sources, [end])
    for i, (name, of) in enumerate(points.items()):
        kinds = [_told(place) for place in explanation.places()[name]]
        _texts(
            fig,
            of,
            [f"{name}<br>({kind})" for kind in kinds],
            COLORS[i % len(COLORS)],
            name,
            end[0],
        )
    bottom = [(float(i), -1.0) for i in range(len(tokens))]
    _texts(
        fig,
        [*bottom, end],
        [*map(str, tokens), f"answer {answer}"],
        "#666666",
        "input, answer",
        end[0],
    )
    rows = range(max(layers) + 1)
    fig.update_yaxes(tickvals=[-1, *rows], ticktext=["input", *map(str, rows)])
    fig.update_xaxes(dtick=1, range=[-0.6, len(tokens) - 0.4])
    return fig.update_layout(showlegend=False)


def _point(place: Place, tokens: tuple[Any, ...]) -> Point:
    """Position and layer; heads and MLPs stand a little below the stream that they write to."""
    at = place.at(tokens) if callable(place.at) else place.at
    lower = {"head": 0.3, "attn": 0.3, "mlp": 0.15, "resid": 0.0}[place.kind]
    return float(at % len(tokens)), place.layer - lower


def _told(place: Place) -> str:
    return f"head {place.layer}.{place.head}" if place.kind == "head" else _SHORT[place.kind]


def _lines(fig: go.Figure, sources: list[Point], targets: list[Point]) -> None:
    for x, y in sources:
        for to_x, to_y in targets:
            line = {"color": "rgba(128,128,128,0.7)", "width": 1.5}
            fig.add_scatter(x=[x, to_x], y=[y, to_y], mode="lines", line=line, hoverinfo="skip")


def _texts(
    fig: go.Figure, at: list[Point], texts: list[str], color: str, name: str, right: float
) -> None:
    fig.add_scatter(
        x=[x for x, _ in at],
        y=[y for _, y in at],
        mode="markers+text",
        marker={"size": 9, "color": color},
        text=texts,
        textposition=[
            "top left" if x == right and len(text) > 2 else "top center"  # a phone would cut it
            for (x, _), text in zip(at, texts, strict=True)
        ],
        name=name,
        hovertemplate="%{text}",
    )
