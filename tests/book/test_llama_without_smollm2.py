"""The chapter from GPT-2 to Llama where SmolLM2 is not installed: it runs, and says on what."""

from __future__ import annotations

import asyncio

import nbformat
import pytest

from mi_course.book import chapters, outputs, run
from mi_course.models import smollm2
from support.small_course import CODE, FRONT, cell

CHAPTER = chapters.named(CODE.parent, "week1/gpt2_to_llama")
HIDE = "from mi_course.models import smollm2\nsmollm2.installed = lambda: None"


def test_its_outputs_are_made_where_smollm2_is_installed_alone(monkeypatch):
    monkeypatch.setattr(smollm2, "installed", lambda: None)
    assert CHAPTER.missing().startswith("SmolLM2-135M-Instruct is not installed: ")


def test_a_chapter_that_needs_smollm2_misses_nothing_where_it_is(project, monkeypatch):
    path = project.write("week1/01_a", cell("1"))
    path.write_text(FRONT.replace("---\njup", "---\nneeds: smollm2\njup") + cell("1"))
    monkeypatch.setattr(smollm2, "find", lambda: path)
    assert project.chapter("week1/01_a").missing() is None


@pytest.fixture(scope="module")
def executed():
    """Every cell of the chapter, run after one that hides SmolLM2."""
    sources = [HIDE, *(code.source for code in CHAPTER.cells)]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)

    async def execute() -> None:
        async with run.running_kernel(notebook, "pocket", 1) as client:
            for i, node in enumerate(notebook.cells):
                await client.async_execute_cell(node, i)  # raises where a cell fails

    asyncio.run(execute())
    return [output for node in notebook.cells for output in node.outputs]


@pytest.mark.slow
def test_every_cell_runs_on_random_weights_and_agrees(executed):
    printed = "".join(output.get("text", "") for output in executed)
    assert "SmolLM2 is not installed: a tiny Llama with RANDOM weights instead" in printed
    assert printed.count("RANDOM weights: ") == 2
    assert printed.count("all agree to 1e-4: True") == 2
    assert "False" not in printed
    assert "Random weights write nothing worth reading" in printed


@pytest.mark.slow
def test_no_figure_of_random_weights_bears_the_model_s_name(executed):
    figures = [o.data[outputs.PLOTLY] for o in executed if outputs.PLOTLY in o.get("data", {})]
    assert len(figures) == 5
    assert "SmolLM2" not in str([(f["layout"]["title"], f["data"]) for f in figures])
    titles = [figure["layout"]["title"]["text"] for figure in figures]
    assert sum(title.startswith("RANDOM weights: ") for title in titles) == 3
