"""The library's graph of edges: which there are, which reach END, which lie on a path.

An edge leads from what one part writes at a position to what a later part reads there. Attention
alone carries anything from one position to another: from what a head reads as key or value to what
it writes there or later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeAlias

Edge: TypeAlias = tuple[Any, Any]
"""Two of the library's nodes: who writes, who reads."""


def every_edge(n_layers: int, n_heads: int, length: int) -> list[Edge]:
    """All edges of the library's graph for a model whose MLPs read after attention, as GPT-2's."""
    from transformer_lens.tools.analysis.attribution_patching import Node

    found: list[Edge] = []
    for pos in range(length):

        def heads(kind: str, layer: int, pos: int = pos) -> list[Any]:
            return [Node(kind, pos, layer, head) for head in range(n_heads)]  # type: ignore[arg-type]

        writers = [Node("embed", pos)]
        for layer in range(n_layers):
            for kind in ("q_input", "k_input", "v_input"):
                found += [(writer, reader) for reader in heads(kind, layer) for writer in writers]
            writers += heads("attn_head_out", layer)
            found += [(writer, Node("mlp_in", pos, layer)) for writer in writers]
            writers.append(Node("mlp_out", pos, layer))
        found += [(writer, Node("logits", pos, n_layers - 1)) for writer in writers]
    return found


def reach_end(edges: Iterable[Edge], n_layers: int, length: int) -> list[Edge]:
    """The edges whose reader has a way to END's logits.

    In the last layer queries, MLP and logits of earlier positions are read by nobody.
    """
    return [e for e in edges if e[1].position == length - 1 or _is_read_later(e[1], n_layers)]


def _is_read_later(reader: Any, n_layers: int) -> bool:
    return reader.kind in ("k_input", "v_input") or reader.layer < n_layers - 1


def leads_to(reader: Any, writer: Any) -> bool:
    """Whether what a part reads here changes what it writes there."""
    if reader.kind == "mlp_in":
        at = "mlp_out", reader.layer, reader.position
        return (writer.kind, writer.layer, writer.position) == at
    if (writer.kind, writer.layer, writer.head) != ("attn_head_out", reader.layer, reader.head):
        return False
    later = reader.kind in ("k_input", "v_input") and reader.position < writer.position
    return later or reader.position == writer.position


def fed(edges: Iterable[Edge], words: Collection[int]) -> list[Edge]:
    """The edges that a change of the embeddings at these positions reaches along the others."""
    kept = list(edges)
    while True:
        changed = changed_writers({w for w, _ in kept}, {r for _, r in kept}, words)
        fewer = [edge for edge in kept if edge[0] in changed]
        if len(fewer) == len(kept):
            return kept
        kept = fewer


def changed_writers(
    writers: Iterable[Any], readers: Collection[Any], words: Collection[int]
) -> set[Any]:
    """The writers whose output may change, if what these readers read does.

    Args:
        writers: to choose from.
        readers: whose input changes.
        words: the positions at which the embedding itself changes.
    """
    return {
        writer
        for writer in writers
        if (writer.kind == "embed" and writer.position in words)
        or any(leads_to(reader, writer) for reader in readers)
    }


def on_paths(edges: Iterable[Edge], words: Collection[int]) -> list[Edge]:
    """The edges that lie on a path from one of these words' embeddings to the logits.

    Without the others a circuit computes the same, where they carry the corrupted run.
    """
    kept = fed(edges, words)
    while True:
        writers = {writer for writer, _ in kept}
        read = {reader for reader in {r for _, r in kept} if _is_read(reader, writers)}
        fewer = [edge for edge in kept if edge[1] in read]
        if len(fewer) == len(kept):
            return kept
        kept = fewer


def _is_read(reader: Any, writers: Collection[Any]) -> bool:
    return reader.kind == "logits" or any(leads_to(reader, writer) for writer in writers)


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
