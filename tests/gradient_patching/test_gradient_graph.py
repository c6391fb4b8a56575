"""The graph of edges is the library's; paths are found in it."""

from __future__ import annotations

import pytest
from transformer_lens.tools.analysis import EdgeAttributionConfig, attribution_patch
from transformer_lens.tools.analysis.attribution_patching import Node

from mi_course import ioi, ioi_data, models
from mi_course.gradient_patching import graph, pair_metrics

WORD, END = 2, 4
EMBEDDING, LOGITS = Node("embed", WORD), Node("logits", END, 1)
HEAD_AT_WORD, HEAD_AT_END = (Node("attn_head_out", pos, 0, 1) for pos in (WORD, END))
MLP_AT_END = Node("mlp_out", END, 0)


def reads(kind, pos, layer=0, head=1):
    return Node(kind, pos, layer, None if kind == "mlp_in" else head)


def test_all_edges_are_the_library_s_and_those_that_lead_nowhere_score_zero():
    model = models.load("pocket", quiet=True)
    data = ioi_data.dataset(model.tokenizer, 1, seed=1, templates=[ioi.P8_FORM])
    pair = data.clean.tokens, data.flipped.tokens
    (metric,) = pair_metrics(data.clean.io, data.clean.s)
    theirs = attribution_patch(model, *pair, metric, EdgeAttributionConfig("edge")).edge_scores
    length = data.clean.tokens.shape[1]
    every = graph.every_edge(model.cfg.n_layers, model.cfg.n_heads, length)
    assert every == list(theirs)
    live = graph.reach_end(every, model.cfg.n_layers, length)
    assert {theirs[edge] for edge in set(every) - set(live)} == {0.0}
    assert 0 < len(live) < len(every)


@pytest.mark.parametrize(
    ("reader", "writer", "leads"),
    [
        (reads("v_input", WORD), HEAD_AT_END, True),  # attention carries on to later positions
        (reads("k_input", WORD), HEAD_AT_WORD, True),
        (reads("q_input", WORD), HEAD_AT_END, False),  # a query matters where it asks
        (reads("v_input", END), HEAD_AT_WORD, False),  # nothing goes back
        (reads("v_input", WORD, head=0), HEAD_AT_END, False),
        (reads("v_input", WORD, layer=1), HEAD_AT_END, False),
        (reads("mlp_in", END), MLP_AT_END, True),
        (reads("mlp_in", WORD), MLP_AT_END, False),
        (LOGITS, MLP_AT_END, False),
    ],
)
def test_what_a_part_reads_leads_to_what_it_writes(reader, writer, leads):
    assert graph.leads_to(reader, writer) is leads


def test_a_path_needs_every_step_and_what_hangs_on_nothing_is_left_out():
    path = [
        (EMBEDDING, reads("v_input", WORD)),
        (HEAD_AT_END, reads("mlp_in", END)),
        (MLP_AT_END, LOGITS),
    ]
    dead_end = (EMBEDDING, reads("k_input", WORD, layer=1))
    unfed = (Node("attn_head_out", END, 0, 0), LOGITS)
    assert graph.on_paths([dead_end, *path, unfed], [WORD]) == path
    assert graph.fed([dead_end, *path, unfed], [WORD]) == [dead_end, *path]
    for step in path:
        assert graph.on_paths([edge for edge in path if edge != step], [WORD]) == []
    assert graph.on_paths(path, [END]) == []  # a path begins at a word that differs


def test_edges_are_told_in_words():
    assert graph.told((Node("attn_head_out", 14, 1, 2), Node("logits", 14, 1))) == (
        "1.2 → logits, at 14"
    )
    assert graph.told((EMBEDDING, reads("v_input", WORD))) == "embedding → v of 0.1, at 2"
    assert graph.told((MLP_AT_END, reads("k_input", END, 1, 0))) == "MLP 0 → k of 1.0, at 4"
    assert graph.told((HEAD_AT_END, reads("mlp_in", END))) == "0.1 → MLP 0, at 4"
