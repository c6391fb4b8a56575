"""What a patch of each head, MLP and name would do, by the gradient and by patching.

The parts are patched at all positions, from a pair's corrupted run towards its clean run: heads at
their output `z`, MLPs at what they add, and the embedding of each name that differs by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import hooks, ioi, patching
from mi_course.gradient_patching import Metrics
from mi_course.heads import head_name

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

WORDS = ("IO", "S1", "S2")
"""Of an IOI prompt, whose embeddings are patched one by one."""


def names(model: TransformerBridge) -> list[str]:
    """What the last axis of `estimates` and `exact` counts: heads, MLPs, words."""
    layers, heads = range(model.cfg.n_layers), range(model.cfg.n_heads)
    of_heads = [head_name((i, j)) for i in layers for j in heads]
    return [*of_heads, *(f"MLP {i}" for i in layers), *WORDS]


def kinds(model: TransformerBridge) -> list[str]:
    """The kind of each node, in the order of `names`."""
    n_layers, n_heads = model.cfg.n_layers, model.cfg.n_heads
    return ["head"] * (n_layers * n_heads) + ["MLP"] * n_layers + ["embedding"] * len(WORDS)


def estimates(
    model: TransformerBridge,
    clean: ioi.Batch,
    corrupted: Int[Tensor, "batch pos"],
    metrics: Metrics,
) -> Float[Tensor, "batch node"]:
    """The library's estimate for each node, one pair after the other.

    Args:
        model: in eval mode, with gradients on.
        clean: prompts of equal length.
        corrupted: as many, row by row with the names at the same positions.
        metrics: one for each pair.

    Raises:
        ValueError: what the library refuses: other lengths, dropout that is on.
    """
    from transformer_lens.tools.analysis import attribution_patch

    rows = []
    for i, metric in enumerate(metrics):
        pair = clean.tokens[i : i + 1], corrupted[i : i + 1]
        with torch.enable_grad():
            found = attribution_patch(model, *pair, metric).node_scores
        rows.append(_by_name(model, found, clean[i : i + 1]))
    return torch.stack(rows)


def _by_name(
    model: TransformerBridge, scores: dict[Any, float], pair: ioi.Batch
) -> Float[Tensor, "node"]:
    """The scores of nodes, those of one part added up over its positions."""
    n_layers, n_heads = model.cfg.n_layers, model.cfg.n_heads
    heads, mlps, words = torch.zeros(n_layers, n_heads), torch.zeros(n_layers), torch.zeros(3)
    at = {int(pos): i for i, pos in enumerate((pair.io_pos, pair.s1_pos, pair.s2_pos))}
    for node, score in scores.items():
        if node.kind == "attn_head_out":
            heads[node.layer, node.head] += score
        elif node.kind == "mlp_out":
            mlps[node.layer] += score
        elif node.position in at:
            words[at[node.position]] = score
    return torch.cat([heads.flatten(), mlps, words])


@torch.no_grad()
def exact(
    model: TransformerBridge, clean: ioi.Batch, corrupted: Int[Tensor, "batch pos"]
) -> Float[Tensor, "batch node"]:
    """By how much the logit difference changes when one node is patched; otherwise as `estimates`.

    The embedding of a word is patched by writing the word: the run differs in nothing else.
    """
    before = ioi.model_logit_diff(model, corrupted, clean.answers)
    heads = patching.heads(model, corrupted, clean.tokens, clean.answers).flatten(1)
    columns = [*heads.T, *_of_mlps(model, clean, corrupted)]
    rows = torch.arange(len(clean))
    for pos in (clean.io_pos, clean.s1_pos, clean.s2_pos):
        tokens = corrupted.clone()
        tokens[rows, pos] = clean.tokens[rows, pos]
        columns.append(ioi.model_logit_diff(model, tokens, clean.answers))
    return torch.stack(columns, 1) - before[:, None]


def _of_mlps(
    model: TransformerBridge, clean: ioi.Batch, corrupted: Int[Tensor, "batch pos"]
) -> list[Float[Tensor, "batch"]]:
    points = [f"blocks.{layer}.hook_mlp_out" for layer in range(model.cfg.n_layers)]
    _, kept = hooks.run_with_cache(model, clean.tokens, points)
    runs = [hooks.run_with_hooks(model, corrupted, [held(name, kept[name])]) for name in points]
    return [ioi.logit_diff(logits, clean) for logits in runs]


def held(name: str, value: Tensor) -> tuple[str, hooks.Hook]:
    """A hook that puts `value` in the place of what stands at a hook point."""

    def put(activation: Tensor, hook: Any) -> Tensor:
        return value

    return name, put


def pattern_points(model: TransformerBridge) -> list[str]:
    """The hook points of all attention patterns."""
    return [f"blocks.{layer}.attn.hook_pattern" for layer in range(model.cfg.n_layers)]


def scale_points(model: TransformerBridge) -> list[str]:
    """The hook points of all norms' scales: what they divide by."""
    of_blocks = [
        f"blocks.{i}.{norm}.hook_scale"
        for i in range(model.cfg.n_layers)
        for norm in ("ln1", "ln2")
    ]
    return [*of_blocks, "ln_final.hook_scale"]


def correlation(
    one: Float[Tensor, "*batch node"], other: Float[Tensor, "*batch node"]
) -> Float[Tensor, "*batch"]:
    """Pearson's correlation over the last axis."""
    one, other = (x - x.mean(-1, keepdim=True) for x in (one, other))
    return (one * other).sum(-1) / (one.norm(dim=-1) * other.norm(dim=-1))
