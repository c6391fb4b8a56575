"""Week 1 without MNIST and without a network: every cell runs, and the outputs say on what."""

from __future__ import annotations

import asyncio

import pytest

from mi_course.book import chapters, outputs, run
from mi_course.digits import mnist
from support.small_course import CODE

ROOT = CODE.parent
DOCS = [
    chapter.doc
    for chapter in chapters.find(ROOT)
    if chapter.notebook.metadata.get("needs") == "mnist"
]
# figures of logs that ship with the course and were made on MNIST, whatever is at hand
MNIST_LOGS = {
    "MNIST: a right loop, and one mistake at a time",
    "MNIST: the time of one pass over the training images",
}


def test_the_chapters_that_need_mnist_are_known():
    assert DOCS == ["week1/01_mlp_mnist", "week1/03_python_practice"]


@pytest.mark.parametrize("doc", [pytest.param(DOCS[0], marks=pytest.mark.slow), *DOCS[1:]])
def test_every_cell_runs_on_the_small_digits_and_says_so(doc, monkeypatch):
    monkeypatch.setenv(mnist.SOURCE_VARIABLE, "digits")
    result, _ = asyncio.run(run.execute(chapters.named(ROOT, doc), "pocket", 1))
    shown = [output for cell in result.outputs for output in cell]
    printed = "".join(output.get("text", "") for output in shown)
    figures = [o.data[outputs.PLOTLY] for o in shown if outputs.PLOTLY in o.get("data", {})]
    titles = {figure["layout"]["title"]["text"] for figure in figures} - MNIST_LOGS
    assert printed.startswith(mnist.DIGITS_NAME)
    assert "False" not in printed.replace("in one order: False", "")  # every bound holds here too
    assert "✗" not in printed
    assert not any(line.startswith("MNIST") for line in printed.splitlines())
    unnamed = {title for title in titles if mnist.DIGITS_NAME not in title}
    assert unnamed <= {"Before training: noise everywhere"}
