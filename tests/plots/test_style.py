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


def test_rows_of_a_tall_map_are_low_and_those_of_a_small_one_as_before():
    def heights(n_rows):
        table, names = torch.ones(n_rows, 2), [str(row) for row in range(n_rows)]
        named = {"title": "t", "y_title": "y", "unit": "u"}
        figures = (
            plots.head_heatmap(table, title="t", unit="u"),
            plots.cells(table, rows=names, columns=["a", "b"], x_title="x", **named),
            plots.position_map(table, ["a", "b"], **named),
        )
        return [figure.layout.height for figure in figures]

    assert heights(2) == [254, 206, 290]
    assert heights(12) == [674, 486, 522]  # GPT-2's layers
    assert heights(30) == [770, 750, 810]  # within 1.3 screens of a phone of 640 pixels
