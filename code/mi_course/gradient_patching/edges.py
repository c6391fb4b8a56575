"""Edges of a small model: circuits of any size, alone, by the library's `faithfulness`.

An edge leads from what one part writes at a position to what a later part reads there. In the last
layer nothing but END is read by the logits, so most edges of other positions lead nowhere: those
are left out of all counts, and are never ablated.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import ioi, path_patching
from mi_course.gradient_patching import Metrics
from mi_course.heads import Head

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Edge: TypeAlias = tuple[Any, Any]
"""Two of the library's nodes: who writes, who reads."""
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


def reach_end(edges: Iterable[Edge], n_layers: int, length: int) -> list[Edge]:
    """The edges whose reader has a way to END's logits.

    In the last layer queries, MLP and logits of earlier positions are read by nobody.
    """
    return [e for e in edges if e[1].position == length - 1 or _is_read_later(e[1], n_layers)]


def _is_read_later(reader: Any, n_layers: int) -> bool:
    return reader.kind in ("k_input", "v_input") or reader.layer < n_layers - 1


def told(edge: Edge) -> str:
    """An edge in words: `1.2 → logits, at 14`."""
    writer, reader = edge
    return f"{_told(writer)} → {_told(reader)}, at {reader.position}"


def _told(node: Any) -> str:
    if node.kind in ("embed", "logits"):
        return "embedding" if node.kind == "embed" else "logits"
    if node.kind in ("mlp_in", "mlp_out"):
        return f"MLP {node.layer}"
    side = "" if node.kind == "attn_head_out" else f"{node.kind[0]} of "
    return f"{side}{node.layer}.{node.head}"


def random_circuits(edges: Sequence[Edge], size: int, count: int, seed: int) -> list[list[Edge]]:
    """Circuits of one size, drawn at random from these edges."""
    rng = random.Random(f"{seed} {size}")
    return [rng.sample(list(edges), size) for _ in range(count)]


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
    idle = lead_nowhere(model.cfg.n_layers, model.cfg.n_heads, clean.shape[1])
    kept, rows = [*circuit, *idle], []
    for i, metric in enumerate(metrics):
        pair = clean[i : i + 1], corrupted[i : i + 1]
        if by == "own" or others is None:
            found = faithfulness(model, *pair, metric, kept)
        else:
            calibration = others if by == "mean" else others[i : i + 1]
            config = FaithfulnessConfig("mean")
            found = faithfulness(model, *pair, metric, kept, config, mean_tokens=calibration)
        gap = found.full_metric - found.corrupt_metric
        circuit_metric = found.corrupt_metric + found.recovered * gap
        rows.append((circuit_metric, found.corrupt_metric, found.full_metric))
    return Alone(*torch.tensor(rows).T)


def lead_nowhere(n_layers: int, n_heads: int, length: int) -> list[Edge]:
    """The edges that reach nothing: keeping them changes nothing, and saves the library's hooks."""
    from transformer_lens.tools.analysis.attribution_patching import Node

    last, found = n_layers - 1, []
    for pos in range(length - 1):

        def heads(layer: int, kind: str, pos: int = pos) -> list[Any]:
            return [Node(kind, pos, layer, head) for head in range(n_heads)]  # type: ignore[arg-type]

        before = [Node("embed", pos)]
        for layer in range(last):
            before += [*heads(layer, "attn_head_out"), Node("mlp_out", pos, layer)]
        after = [*before, *heads(last, "attn_head_out")]
        found += [(writer, q) for q in heads(last, "q_input") for writer in before]
        found += [(writer, Node("mlp_in", pos, last)) for writer in after]
        ends = [*after, Node("mlp_out", pos, last)]
        found += [(writer, Node("logits", pos, last)) for writer in ends]
    return found


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
