"""Where things are in a stored notebook: places of texts, numbers and figures to damage."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from nbformat import NotebookNode

from mi_course.book.outputs import GLUE

Slot = tuple[Any, Any]
"""A container and a key: where a value is, so that it can be replaced."""


def shown(notebook: NotebookNode) -> list[NotebookNode]:
    """Every output, in order."""
    return [output for cell in notebook.cells for output in cell.outputs]


def texts(notebook: NotebookNode) -> list[Slot]:
    """Places of printed and displayed text, figures and glued values left out."""
    slots: list[Slot] = []
    for output in shown(notebook):
        if output.output_type == "stream":
            slots.append((output, "text"))
        else:
            slots += [(output.data, m) for m in output.get("data", {}) if m.startswith("text/")]
    return slots


def glued(notebook: NotebookNode, *kinds: type) -> list[tuple[Slot, Any]]:
    """Places of glued values of these kinds, with the values."""
    found = []
    for output in shown(notebook):
        if GLUE in output.get("data", {}):
            value = ast.literal_eval(output.data[GLUE])
            if type(value) in kinds:
                found.append(((output.data, GLUE), value))
    return found


def figures(notebook: NotebookNode, *mimes: str) -> list[Any]:
    return [o.data[m] for o in shown(notebook) for m in mimes if m in o.get("data", {})]


def leaves(value: Any, kind: type) -> Iterator[Slot]:
    """Places of all values of one kind within JSON, binary arrays left out."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, dict) and "bdata" in item:
            continue
        if isinstance(item, dict | list):
            yield from leaves(item, kind)
        elif type(item) is kind:
            yield value, key


def arrays(value: Any) -> Iterator[dict[str, Any]]:
    """Plotly's binary arrays within JSON."""
    if isinstance(value, dict) and "bdata" in value:
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from arrays(item)


def replace_token(
    notebook: NotebookNode,
    rng: Random,
    pattern: re.Pattern[str],
    change: Callable[[str], str],
    slots: list[Slot] | None = None,
) -> str | None:
    """Change one match of a pattern, drawn among all those that the change alters."""
    found = []
    for container, key in texts(notebook) if slots is None else slots:
        for match in pattern.finditer(container[key]):
            new = change(match[0])
            if new != match[0]:
                found.append((container, key, match.span(), match[0], new))
    if not found:
        return None
    container, key, (start, end), old, new = rng.choice(found)
    container[key] = container[key][:start] + new + container[key][end:]
    return f"{old} → {new}"
