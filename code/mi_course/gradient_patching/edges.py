"""Edges of a small model: circuits of any size, alone, by the library's `faithfulness`.

In the last layer nothing but END is read by the logits, so most edges of other positions lead
nowhere: those are left out of all counts, and are never ablated.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import ioi, path_patching
from mi_course.gradient_patching import Metrics
from mi_course.gradient_patching.graph import (
    Edge,
    changed_writers,
    every_edge,
    fed,
    reach_end,
    told,
)
from mi_course.heads import Head

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Scores: TypeAlias = dict[Edge, float]
By: TypeAlias = Literal["own", "mean", "other"]
"""What stands in the place of the edges outside of a circuit: what the pair's own corrupted prompt
writes, the mean over other prompts, or what one other prompt writes."""


def scores(
    model: TransformerBridge,
    clean: Int[Tensor, "batch pos"],
    corrupted: Int[Tensor, "batch pos"],
    metrics: Metrics,
) -> list[Scores]:
    """The library's estimate for each edge that can reach END, one dictionary for each pair.

    Raises:
        ValueError: what the library refuses, such as heads that share keys and values.
    """
    from transformer_lens.tools.analysis import EdgeAttributionConfig, attribution_patch

    found = []
    for i, metric in enumerate(metrics):
        pair = clean[i : i + 1], corrupted[i : i + 1]
        with torch.enable_grad():
            result = attribution_patch(model, *pair, metric, EdgeAttributionConfig("edge"))
        live = reach_end(result.edge_scores, model.cfg.n_layers, clean.shape[1])
        found.append({edge: result.edge_scores[edge] for edge in live})
    return found


def scored(by_pair: Sequence[Scores]) -> list[Edge]:
    """The edges that score at all, in some pair: others carry the same in both runs."""
    return [edge for edge in by_pair[0] if any(abs(one[edge]) > 1e-6 for one in by_pair)]


@dataclass(frozen=True)
class Alone:
    """The metric of each pair, in three runs.

    Attributes:
        circuit: of the clean run in which everything outside of the circuit is replaced.
        corrupted, clean: of the two runs as they are.
    """

    circuit: Float[Tensor, "batch"]
    corrupted: Float[Tensor, "batch"]
    clean: Float[Tensor, "batch"]


def alone(
    model: TransformerBridge,
    clean: Int[Tensor, "batch pos"],
    corrupted: Int[Tensor, "batch pos"],
    metrics: Metrics,
    circuit: Sequence[Edge],
    by: By = "own",
    others: Int[Tensor, "other pos"] | None = None,
) -> Alone:
    """Run a circuit alone: every other edge that can reach END carries something else.

    Args:
        model: without shared keys and values.
        clean: prompts of one template.
        corrupted: as many, row by row.
        metrics: one for each pair.
        circuit: the edges that stay as they are.
        by: what stands in the place of the others, see `By`.
        others: other prompts of the template, for `mean` and `other`; pair `i` takes row `i`.

    Raises:
        ValueError: an unknown `by`, or too few other prompts.
    """
    from transformer_lens.tools.analysis import FaithfulnessConfig, faithfulness

    if by not in get_args(By):
        raise ValueError(f"unknown replacement {by!r}: own, mean or other")
    if by != "own" and (others is None or len(others) < len(clean)):
        raise ValueError(f"{by!r} needs other prompts: at least one for each pair")
    graph = every_edge(model.cfg.n_layers, model.cfg.n_heads, clean.shape[1])
    live = set(reach_end(graph, model.cfg.n_layers, clean.shape[1]))
    kept = [*circuit, *(edge for edge in graph if edge not in live)]
    rows = []
    for i, metric in enumerate(metrics):
        pair = clean[i : i + 1], corrupted[i : i + 1]
        if by == "own" or others is None:
            words = (clean[i] != corrupted[i]).nonzero().flatten().tolist()
            found = faithfulness(model, *pair, metric, kept + _unchanged(live, circuit, words))
        else:
            calibration = others if by == "mean" else others[i : i + 1]
            config = FaithfulnessConfig("mean")
            found = faithfulness(model, *pair, metric, kept, config, mean_tokens=calibration)
        gap = found.full_metric - found.corrupt_metric
        circuit_metric = found.corrupt_metric + found.recovered * gap
        rows.append((circuit_metric, found.corrupt_metric, found.full_metric))
    return Alone(*torch.tensor(rows).T)


def _unchanged(
    live: Collection[Edge], circuit: Sequence[Edge], words: Collection[int]
) -> list[Edge]:
    """The edges that carry the corrupted run anyway: to keep them saves the library's hooks.

    Outside of the circuit the corrupted prompt's own writing stands, so that a part writes what it
    does in the corrupted run unless the circuit leads a changed word to it.
    """
    readers = {reader for _, reader in fed(circuit, words)}
    changed = changed_writers({writer for writer, _ in live}, readers, words)
    return [edge for edge in live if edge[0] not in changed]


@dataclass(frozen=True)
class Judged:
    """Edges from heads at END, by the gradient and by path patching.

    Attributes:
        edges: writer and reader in words, such as `0.2 → q of 1.3`.
        estimated, patched: by how much each would change the logit difference, and does.
    """

    edges: list[str]
    estimated: Float[Tensor, "batch edge"]
    patched: Float[Tensor, "batch edge"]


def judge(
    model: TransformerBridge,
    clean: ioi.Batch,
    corrupted: Int[Tensor, "batch pos"],
    by_pair: Sequence[Scores],
) -> Judged:
    """Path patching of the edges from heads at END: to the logits, and to later heads' queries.

    Our path patching is the paper's: MLPs on the way answer, which an edge leaves out.
    """
    end, n_heads, last = clean.tokens.shape[1] - 1, model.cfg.n_heads, model.cfg.n_layers - 1
    run = model, corrupted, clean.tokens, clean.answers
    before = ioi.model_logit_diff(model, corrupted, clean.answers)[:, None, None]
    changes: dict[tuple[str, int, int | None], Tensor] = {}
    changes["logits", last, None] = path_patching.to_logits(*run) - before
    for layer in range(1, last + 1):
        for head in range(n_heads):
            into: Head = (layer, head)
            found = path_patching.to_heads(*run, [into], "q", clean.end)
            changes["q_input", layer, head] = found - before
    edges, estimated, patched = [], [], []
    for edge in by_pair[0]:
        writer, reader = edge
        change = changes.get((reader.kind, reader.layer, reader.head))
        if change is not None and writer.kind == "attn_head_out" and writer.position == end:
            edges.append(told(edge).partition(",")[0])
            estimated.append(torch.tensor([scores[edge] for scores in by_pair]))
            patched.append(change[:, writer.layer, writer.head])
    return Judged(edges, torch.stack(estimated, 1), torch.stack(patched, 1))
