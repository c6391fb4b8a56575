"""What the cells of the lab on probes and steering use until your own function has passed."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mi_course.steering.moving import add_vector, log_ratio

__all__ = ["accuracy_table", "add_vector", "centred_scores", "last_tokens", "log_ratio"]


def last_tokens(
    x: Float[Tensor, "batch pos d_model"], lengths: Int[Tensor, "batch"]
) -> Float[Tensor, "batch d_model"]:
    """The stream at each text's own last token; behind it stands padding."""
    return x[torch.arange(len(x)), lengths - 1]


def accuracy_table(
    right: Bool[Tensor, "row"], old_word: Bool[Tensor, "row"], old_template: Bool[Tensor, "row"]
) -> Float[Tensor, "word template"]:
    """The share of rows that are right: rows old and new words, columns old and new templates."""
    cells = [right[w & t] for w in (old_word, ~old_word) for t in (old_template, ~old_template)]
    return torch.stack([cell.float().mean() for cell in cells]).view(2, 2)


def centred_scores(
    scores: Float[Tensor, "row"], template: Int[Tensor, "row"]
) -> Float[Tensor, "row"]:
    """Each score minus the mean of the scores of its template."""
    same = (template[:, None] == template).to(scores)
    return scores - same @ scores / same.sum(1)
