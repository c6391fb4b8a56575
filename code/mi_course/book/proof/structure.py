"""Damages to outputs, cells and labels as wholes, and things added that no output may hold."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import nbformat
from nbformat import NotebookNode


def output_deleted(notebook: NotebookNode, rng: Random) -> str | None:
    """One output is missing."""
    cells = [cell for cell in notebook.cells if cell.outputs]
    if not cells:
        return None
    cell = rng.choice(cells)
    del cell.outputs[rng.randrange(len(cell.outputs))]
    return f"in cell {cell.id}"


def output_doubled(notebook: NotebookNode, rng: Random) -> str | None:
    """One output is there twice."""
    cells = [cell for cell in notebook.cells if cell.outputs]
    if not cells:
        return None
    cell = rng.choice(cells)
    cell.outputs.append(nbformat.from_dict(cell.outputs[-1]))
    return f"in cell {cell.id}"


def outputs_swapped(notebook: NotebookNode, rng: Random) -> str | None:
    """Two different outputs of one notebook change places."""
    places = [(cell.outputs, i) for cell in notebook.cells for i in range(len(cell.outputs))]
    pairs = [(a, b) for n, a in enumerate(places) for b in places[:n] if a[0][a[1]] != b[0][b[1]]]
    if not pairs:
        return None
    (one, i), (two, j) = rng.choice(pairs)
    one[i], two[j] = two[j], one[i]
    return f"output {i + 1} of one cell, {j + 1} of another"


def count_cleared(notebook: NotebookNode, rng: Random) -> str | None:
    """A cell without its execution count, which nbval alone would not compare."""
    cell = rng.choice(notebook.cells)
    cell.execution_count = None
    return f"in cell {cell.id}"


def all_cleared(notebook: NotebookNode, rng: Random) -> str | None:
    """All outputs cleared, as Jupyter does."""
    for cell in notebook.cells:
        cell.update(outputs=[], execution_count=None)
    return "every cell"


def all_deleted(notebook: NotebookNode, rng: Random) -> str | None:
    """All outputs removed, the execution counts kept."""
    for cell in notebook.cells:
        cell.outputs = []
    return "every cell"


def cell_removed(notebook: NotebookNode, rng: Random) -> str | None:
    """A stored cell is missing."""
    at = rng.randrange(len(notebook.cells))
    return f"cell {notebook.cells.pop(at).id}"


def source_edited(notebook: NotebookNode, rng: Random) -> str | None:
    """The source of a stored cell is not the chapter's."""
    cell = rng.choice(notebook.cells)
    cell.source += "\npass"
    return f"cell {cell.id}"


def tolerance_loosened(notebook: NotebookNode, rng: Random) -> str | None:
    """A tolerance that the chapter does not give."""
    rng.choice(notebook.cells).metadata["tags"] = ["tol-0.5"]
    return "tol-0.5"


def other_weights(notebook: NotebookNode, rng: Random) -> str | None:
    """The label names other weights than those that the chapter loads."""
    notebook.metadata.mi_course.model.sha256 = f"{rng.getrandbits(256):064x}"
    return "another checksum"


def random_weights(notebook: NotebookNode, rng: Random) -> str | None:
    """The label names random weights."""
    notebook.metadata.mi_course.model.name = "gpt2-random"
    return "gpt2-random"


def added(output: dict[str, Any]) -> Callable[[NotebookNode, Random], str | None]:
    """A damage that adds, to a cell, something that no output may hold."""

    def damage(notebook: NotebookNode, rng: Random) -> str | None:
        rng.choice(notebook.cells).outputs.append(nbformat.v4.new_output(**output))
        return str(output.get("text") or output.get("ename") or next(iter(output["data"]))).strip()

    return damage


NOISE: dict[str, dict[str, Any]] = {
    "an error added": {"output_type": "error", "ename": "KeyError", "evalue": "'x'"},
    "a warning added": {"output_type": "stream", "text": "UserWarning: beware\n"},
    "a path of a machine added": {"output_type": "stream", "text": "/home/ada/x.py\n"},
    "an address in memory added": {"output_type": "stream", "text": "<at 0x7f8a1c2b3d40>\n"},
    "a random id added": {"output_type": "display_data", "data": {"text/html": "<p id='x-3f9a1'>"}},
    "`unknown mime type` added": {"output_type": "stream", "text": "unknown mime type x\n"},
    "a picture added": {"output_type": "display_data", "data": {"image/png": "AAAA"}},
}
