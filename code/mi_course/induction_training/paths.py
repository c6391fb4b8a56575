"""What later heads read of an earlier one, one side at a time: queries, keys or values.

A later head reads the sum of the embedding and of what earlier heads wrote. Here its queries, its
keys or its values read that sum with one earlier head's part taken from other prompts, while the
other two sides and everything else read it as it is: path patching (Wang et al. 2022,
arXiv:2211.00593) from a head to one side of the heads behind it. In a model without LayerNorm the
part is exact.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course.induction_training.model import SIDES, AttentionOnly

Patterns = Float[Tensor, "batch head query key"]


@torch.no_grad()
def swapped(
    model: AttentionOnly,
    tokens: Int[Tensor, "batch pos"],
    others: Int[Tensor, "batch pos"],
    head: int,
    sides: tuple[str, ...],
) -> tuple[Float[Tensor, "batch pos vocab"], Patterns]:
    """A run in which some sides of layer 1 read what a head of layer 0 wrote on other prompts.

    Args:
        model: of two layers.
        tokens: what it is run on.
        others: as many prompts of the same length.
        head: of layer 0.
        sides: some of `SIDES`; none gives the run as it is.

    Returns:
        Logits, and where the heads of layer 1 looked.

    Raises:
        ValueError: a model that has not two layers, or a side that there is not.
    """
    if model.sizes.n_layers != 2 or not set(sides) <= set(SIDES):
        raise ValueError(
            f"{model.sizes.n_layers} layers and sides {sides}: two layers are needed, and sides "
            f"are {', '.join(SIDES)}"
        )
    start = model.embed(tokens)
    _, written = model.heads(0, dict.fromkeys(SIDES, start))
    _, elsewhere = model.heads(0, dict.fromkeys(SIDES, model.embed(others)))
    x = start + written.sum(1)
    changed = x - written[:, head] + elsewhere[:, head]
    reads = {side: changed if side in sides else x for side in SIDES}
    pattern, last = model.heads(1, reads)
    return (x + last.sum(1)) @ model.W_U, pattern
