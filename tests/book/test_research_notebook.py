"""The research notebook, empty and filled in as it asks, runs from its first cell to its last."""

from __future__ import annotations

import re

import plotly.graph_objects as go
import pytest

from mi_course import models
from mi_course.book import chapters
from support.outside import ROOT

CELLS = [cell.source for cell in chapters.Chapter(ROOT, "week4/research_notebook").cells]
FILLED = {
    'question = ""': 'question = "Is the first MLP missed more than single heads?"',
    "prediction = None": "prediction = 1.0",
    "too_small = None": "too_small = 5.0",
    'unit = ""': 'unit = "logits"',
    'control = ""': 'control = "single heads, since any loss may harm"',
    'killed_by = ""': 'killed_by = "an interval below five logits"',
    "[(name_of_a_hook_point, your_hook)]": '[("blocks.0.hook_mlp_out", lambda x, hook: 0 * x)]',
    "torch.stack([...])": "torch.stack([harm_without(head) for head in range(3)])",
    "drawn=[...]": "drawn=[0, 1, 2]",
    "held_out=None": "held_out=1",
    "tries=None": "tries=1",
}
HARM = """    def harm_without(head):
        def silence(z, hook):
            return torch.cat([z[:, :, :head], 0 * z[:, :, head:head + 1], z[:, :, head + 1:]], 2)
        return s.harm(before, s.value(model, [("blocks.0.attn.hook_z", silence)]))
    return"""


def run(cells, model, monkeypatch):
    """What the cells leave behind, and the figures that they show."""
    shown = []
    monkeypatch.setattr(models, "load", lambda: model)
    monkeypatch.setattr(go.Figure, "show", lambda figure: shown.append(figure))
    names = {}
    for source in cells:
        exec(compile(source, "cell", "exec"), names)
    return names, shown


def test_the_empty_form_runs_and_names_every_gap(pocket, monkeypatch, capsys):
    names, shown = run(CELLS, pocket, monkeypatch)
    assert len(names["review"].missing) == 9
    assert shown == []
    assert capsys.readouterr().out.count("missing: ") == 9


def test_the_form_filled_in_by_its_own_hints_has_nothing_missing(pocket, monkeypatch):
    text = "\n#cell\n".join(CELLS)
    for empty, full in FILLED.items():
        assert text.count(empty) == 1, empty
        text = text.replace(empty, full)
    text = re.sub(r"^    # ", "    ", text, flags=re.MULTILINE)  # the lines that it offers
    text = text.replace("    return", HARM, 1).replace("(model, 10, seed)", "(model, 60, seed)")
    names, shown = run(text.split("\n#cell\n"), pocket, monkeypatch)
    review = names["review"]
    assert review.missing == ()
    assert review.numbers()["n"] == 60
    (figure,) = shown
    means = {trace.name: trace.y[0] for trace in figure.data}
    assert means["effect"] - means["control"] == pytest.approx(review.found.effect, abs=1e-4)
