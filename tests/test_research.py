"""One notebook of ten cells runs on every model of the course."""

import math
from pathlib import Path

import pytest

from mi_course import models

CELLS = Path(__file__).with_name("research.py").read_text("utf8").split("# %%")[1:]


def run_cells(model, monkeypatch):
    """What the cells leave behind, run one after the other on a model that is loaded already."""
    monkeypatch.setattr(models, "load", lambda: model)
    names = {}
    for cell in CELLS:
        exec(compile(f"#{cell}", "cell", "exec"), names)
    return names


def check(found, model):
    layers, heads = model.cfg.n_layers, model.cfg.n_heads
    assert len(CELLS) == 10
    assert found["accuracy"] > 0.8
    assert found["scores"].max() > 0.7
    assert found["change"].shape == (layers, heads)
    assert found["stream"].max() > 0.9  # the right stream restores the clean answer
    groups = model.cfg.n_key_value_heads or heads
    assert found["values"].shape == (layers, groups)
    assert math.isfinite(found["without"].mean())
    assert found["clean"].mean() > 1


def test_research_notebook_runs_on_pocket(pocket, monkeypatch):
    check(run_cells(pocket, monkeypatch), pocket)


@pytest.mark.slow
def test_research_notebook_runs_on_smollm2(smollm2, monkeypatch):
    check(run_cells(smollm2, monkeypatch), smollm2)
