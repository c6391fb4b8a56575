"""Automatic discovery: a circuit by leaving out one edge after the other, in short.

TransformerLens has no such function. This is the search of Conmy et al. 2023 (arXiv:2304.14997) on
the library's `faithfulness`, with a logit difference where they take a divergence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Int
from torch import Tensor

from mi_course.gradient_patching import Metrics
from mi_course.gradient_patching.edges import alone
from mi_course.gradient_patching.graph import Edge, on_paths

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_ORDER = ("logits", "mlp_in", "v_input", "k_input", "q_input")


@dataclass(frozen=True)
class Discovered:
    """What was found, and what it took.

    Attributes:
        edges: the circuit, those nearest to the logits first.
        tries: circuits that were run alone, each on every pair.
    """

    edges: list[Edge]
    tries: int


def discover(
    model: TransformerBridge,
    clean: Int[Tensor, "batch pos"],
    corrupted: Int[Tensor, "batch pos"],
    metrics: Metrics,
    edges: Sequence[Edge],
    threshold: float,
) -> Discovered:
    """Visit edges from the logits backwards; leave each out without which the metric stays.

    An edge goes if the mean of the metric then differs by less than the threshold from that of the
    circuit so far. An edge that is on no path any more changes nothing, and goes without a run.

    Args:
        model: without shared keys and values.
        clean: prompts of one template whose corrupted runs differ at the same words.
        corrupted: as many, row by row. What is left out carries what they write.
        metrics: one for each pair.
        edges: to begin with, such as all that score.
        threshold: in the metric's units. Decisions hang on the order of visits.
    """
    run = model, clean, corrupted, metrics
    words = (clean != corrupted).any(0).nonzero().flatten().tolist()
    kept, tries = on_paths(edges, words), 1
    now = alone(*run, kept).circuit.mean()
    for edge in sorted(kept, key=_from_the_logits):
        if edge not in kept:
            continue
        fewer = [one for one in kept if one != edge]
        without, tries = alone(*run, fewer).circuit.mean(), tries + 1
        if abs(without - now) < threshold:
            kept, now = on_paths(fewer, words), without
    return Discovered(sorted(kept, key=_from_the_logits), tries)


def _from_the_logits(edge: Edge) -> tuple[Any, ...]:
    """Readers from the last to the first, and for each its writers in the same order."""
    writer, reader = edge
    kind = 1 if writer.kind == "mlp_out" else 0
    of_writer = (-1 if writer.layer is None else writer.layer, kind, writer.head or 0)
    last = reader.kind == "logits"
    depth = (last, reader.layer, reader.kind == "mlp_in", reader.position)
    return tuple(-x for x in (*depth, -_ORDER.index(reader.kind), reader.head or 0, *of_writer))
