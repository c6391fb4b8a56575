import torch

from mi_course import plots

BAR = {"side": "right", "font": {"size": 12}}


def test_every_colour_bar_has_one_look_and_its_own_words():
    table, square = torch.ones(2, 3), torch.eye(2)
    named = {"title": "t", "y_title": "y", "unit": "words"}
    bars = {
        "cells": plots.cells(
            table, rows=["a", "b"], columns=["a", "b", "c"], x_title="x", **named
        ).data[0].colorbar,
        "heads": plots.head_heatmap(table, title="t", unit="words").data[0].colorbar,
        "positions": plots.position_map(table, ["a", "b", "c"], **named).data[0].colorbar,
        "patterns": plots.pattern_maps({"a": square}, title="t").layout.coloraxis.colorbar,
        "similarity": plots.similarity_map(
            square, first=0, title="t", axis_title="x"
        ).data[0].colorbar,
        "confusion": plots.confusion(square.int(), title="t").data[0].colorbar,
    }  # fmt: skip
    own = {"patterns": "attention", "similarity": "cosine", "confusion": "mistakes (images)"}
    for name, bar in bars.items():
        text = own.get(name, "words")
        assert bar.to_plotly_json() == {"title": {"text": text, **BAR}, "thickness": 12}, name
