"""Where things are in a stored notebook: places of texts, numbers and figures to damage.

Only what a reader sees is a place: no colour, no size, no style sheet, no tag of HTML.
"""

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

SEEN = frozenset(
    ("attentionHeadNames", "customdata", "hovertemplate", "name", "text", "ticktext", "tokens")
)
"""Fields of a figure whose texts are drawn, or shown under the pointer."""

DRAWN = frozenset(("customdata", "text", "x", "y", "z"))
"""Fields of a figure's traces whose numbers are drawn, or shown under the pointer."""

_MARKUP = re.compile(r"<style\b.*?</style>|<[^<>]*>|%\{[^}]*\}|&#?\w+;", re.DOTALL)


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


def leaves(
    value: Any, kind: type, fields: frozenset[str] | None = None, field: str = ""
) -> Iterator[Slot]:
    """Places of all values of one kind within JSON, binary arrays left out.

    Args:
        value: the JSON.
        kind: `str`, `int` or `float`.
        fields: names of which the nearest one above a value must be; None for any.
        field: the nearest name above `value`.
    """
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        name = str(key) if isinstance(value, dict) else field
        if isinstance(item, dict) and "bdata" in item:
            continue
        if isinstance(item, dict | list):
            yield from leaves(item, kind, fields, name)
        elif type(item) is kind and (fields is None or name in fields):
            yield value, key


def labels(notebook: NotebookNode, *mimes: str) -> list[Slot]:
    """Places of the texts that a reader sees in figures, categories on an axis among them."""
    found = figures(notebook, *mimes)
    traces = [trace for figure in found for trace in figure.get("data", [])]
    return [slot for figure in found for slot in leaves(figure, str, SEEN)] + [
        slot for trace in traces for slot in leaves(trace, str, frozenset(("x", "y")))
    ]


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
    """Change one match of a pattern, drawn among all those that are seen and that it alters."""
    found = []
    for container, key in texts(notebook) if slots is None else slots:
        seen = _MARKUP.sub(lambda markup: "\0" * len(markup[0]), container[key])
        for match in pattern.finditer(seen):
            new = change(match[0])
            if new != match[0]:
                found.append((container, key, match.span(), match[0], new))
    if not found:
        return None
    container, key, (start, end), old, new = rng.choice(found)
    container[key] = container[key][:start] + new + container[key][end:]
    return f"{old} → {new}"
