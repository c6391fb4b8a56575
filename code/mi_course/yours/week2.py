"""What the cells of week 2 use until your own function has passed its check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import induction
from mi_course.heads import head_name, strongest_first
from mi_course.induction import token_losses
from mi_course.shapes import log_shapes

__all__ = [
    "continue_pattern",
    "direct_logit_attribution",
    "lens_logits",
    "log_shapes",
    "most_probable",
    "neuron_rows",
    "pattern_strip",
    "prefix_matching_score",
    "repeated_tokens",
    "split_heads",
    "strongest_neurons",
    "token_grid",
    "token_losses",
    "top_heads",
    "zero_head",
]


def most_probable(
    logits: Float[Tensor, "batch pos vocab"], k: int
) -> tuple[Int[Tensor, "batch k"], Float[Tensor, "batch k"]]:
    """Ids and probabilities of the k most probable next tokens, most probable first."""
    best = logits[:, -1].softmax(-1).topk(k)
    return best.indices, best.values


def strongest_neurons(post: Float[Tensor, "pos neuron"], k: int) -> list[tuple[int, int]]:
    """The k pairs (pos, neuron) whose activation is furthest from zero, strongest first."""
    places = post.abs().flatten().topk(k).indices.tolist()
    return [divmod(place, post.shape[1]) for place in places]


def lens_logits(
    stream: Float[Tensor, "batch pos d_model"],
    W_U: Float[Tensor, "d_model vocab"],
    b_U: Float[Tensor, "vocab"],
) -> Float[Tensor, "batch pos vocab"]:
    """The final LayerNorm, its weights folded away, and the unembedding."""
    centred = stream - stream.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return centred / (variance + 1e-5).sqrt() @ W_U + b_U


def direct_logit_attribution(
    parts: Float[Tensor, "*component batch d_model"],
    scale: Float[Tensor, "batch 1"],
    W_U: Float[Tensor, "d_model vocab"],
    io: Int[Tensor, "batch"],
    s: Int[Tensor, "batch"],
) -> Float[Tensor, "*component batch"]:
    """What each part adds to the logit of IO minus that of S, in logits; `b_U` is no part's."""
    direction = (W_U[:, io] - W_U[:, s]).T
    return (parts * (direction / scale)).sum(-1)


def continue_pattern(tokens: Sequence[Any]) -> Any:
    """What followed the latest earlier occurrence of the last token, or None."""
    earlier = range(len(tokens) - 2, -1, -1)
    return next((tokens[i + 1] for i in earlier if tokens[i] == tokens[-1]), None)


def repeated_tokens(half: Int[Tensor, "batch seq"], bos: int) -> Int[Tensor, "batch 1+2*seq"]:
    """BOS, the half, and the half again."""
    return torch.cat([half.new_full((len(half), 1), bos), half, half], dim=1)


def prefix_matching_score(
    pattern: Float[Tensor, "batch query key"], seq_len: int
) -> Float[Tensor, ""]:
    """Mean attention from each repeated token to the token after its first occurrence."""
    return induction.prefix_matching_score(pattern, seq_len).mean()


def top_heads(scores: Float[Tensor, "layer head"], threshold: float) -> list[str]:
    """Names of the heads that reach the threshold, strongest first."""
    return [head_name(head) for head in strongest_first(scores, threshold)]


def zero_head(
    z: Float[Tensor, "batch pos head d_head"], hook: Any, head: int
) -> Float[Tensor, "batch pos head d_head"]:
    """A copy of `z` in which the output of one head is zero."""
    z = z.clone()
    z[:, :, head] = 0
    return z


def neuron_rows(activations: Float[Tensor, "batch seq hidden"]) -> Float[Tensor, "hidden tokens"]:
    """One row for each neuron, prompt after prompt."""
    return rearrange(activations, "b s h -> h (b s)")


def token_grid(
    rows: Float[Tensor, "hidden tokens"], batch: int
) -> Float[Tensor, "batch seq hidden"]:
    """What `neuron_rows` was made from."""
    return rearrange(rows, "h (b s) -> b s h", b=batch)


def split_heads(
    x: Float[Tensor, "batch pos merged"], n_heads: int
) -> Float[Tensor, "batch pos head d_head"]:
    """Heads and their dimensions as two axes; all entries of head 0 come first."""
    return rearrange(x, "b p (n d) -> b p n d", n=n_heads)


def pattern_strip(
    patterns: Float[Tensor, "head query key"],
) -> Float[Tensor, "query heads_and_keys"]:
    """Whole patterns side by side."""
    return rearrange(patterns, "n q k -> q (n k)")
