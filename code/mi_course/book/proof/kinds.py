"""Every kind of damage to a stored notebook, and how many of it are drawn.

A damage takes a notebook and a random generator, changes the notebook in place at a place that it
draws, and returns a few words about it, or None where there is nothing of its kind to damage.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from nbformat import NotebookNode

from mi_course.book.proof import data, structure, texts

Damage = Callable[[NotebookNode, Random], str | None]

KINDS: dict[str, tuple[int, Damage]] = {
    "a number in text changed by 5 %": (5, texts.number_by_five_per_cent),
    "a count in text changed by 1": (4, texts.count_by_one),
    "a sign in text flipped": (3, texts.sign_in_text),
    "a word changed": (3, texts.word),
    "a head renamed in text": (3, texts.head_in_text),
    "a head renamed in a figure": (3, texts.head_in_figure),
    "a head renamed in a glued value": (3, texts.head_glued),
    "a head gained a zero: 9.1 → 9.10": (4, texts.head_gains_a_zero),
    "one point of a figure changed by 5 %": (6, data.point_by_five_per_cent),
    "one point of a figure changed its sign": (2, data.point_changes_sign),
    "a whole number in a figure changed by 1": (4, data.whole_in_figure),
    "a number of an attention pattern changed by 5 %": (3, data.attention_value),
    "a figure's title changed": (3, texts.figure_title),
    "a word in a figure changed": (3, texts.figure_text),
    "a glued number changed by 5 %": (3, data.glued_number),
    "a glued number changed its sign": (2, data.glued_sign),
    "a glued count changed by 1": (2, data.glued_count),
    "a glued name changed": (2, data.glued_name),
    "an output deleted": (3, structure.output_deleted),
    "an output doubled": (2, structure.output_doubled),
    "two outputs swapped": (3, structure.outputs_swapped),
    "an execution count cleared": (1, structure.count_cleared),
    "all outputs cleared": (1, structure.all_cleared),
    "all outputs deleted": (1, structure.all_deleted),
    "a stored cell removed": (1, structure.cell_removed),
    "a stored cell's source edited": (2, structure.source_edited),
    "a tolerance loosened": (1, structure.tolerance_loosened),
    "labelled with other weights": (1, structure.other_weights),
    "labelled with random weights": (1, structure.random_weights),
    **{kind: (1, structure.added(output)) for kind, output in structure.NOISE.items()},
}
