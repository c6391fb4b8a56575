"""What the cells of week 2's chapter on circuits in weights use until your function has passed.

Vectors are rows: a query `q` scores a key `k` by `q @ QK @ k`, a head that looks at `x` writes
`x @ OV`.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["composition_scores", "copy_ranks", "head_circuits", "match_table"]

Circuit = Float[Tensor, "d_model d_model"]


def head_circuits(
    W_Q: Float[Tensor, "d_model d_head"],
    W_K: Float[Tensor, "d_model d_head"],
    W_V: Float[Tensor, "d_model d_head"],
    W_O: Float[Tensor, "d_head d_model"],
) -> tuple[Circuit, Circuit]:
    """Where a head looks, QK, and what it writes, OV."""
    return W_Q @ W_K.mT, W_V @ W_O


def copy_ranks(
    vectors: Float[Tensor, "token d_model"],
    OV: Circuit,
    W_U: Float[Tensor, "d_model vocab"],
    ids: Int[Tensor, "token"],
) -> Int[Tensor, "token"]:
    """How many tokens of the vocabulary get a larger logit through a head than the token itself."""
    logits = vectors @ OV @ W_U
    return (logits > logits[torch.arange(len(ids)), ids][:, None]).sum(1)


def match_table(
    vectors: Float[Tensor, "token d_model"], QK: Circuit, OV: Circuit
) -> Float[Tensor, "query key"]:
    """Scores of tokens as queries for keys that read what an earlier head wrote of a token."""
    return vectors @ QK @ (vectors @ OV).mT


def composition_scores(
    OV: Circuit, QK: Circuit, later_OV: Circuit
) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Float[Tensor, ""]]:
    """Q-, K- and V-composition of a later head with an earlier one, in that order."""
    q, k, v = ((a @ b).norm() / (a.norm() * b.norm()) for a, b in _products(OV, QK, later_OV))
    return q, k, v


def _products(OV: Circuit, QK: Circuit, later_OV: Circuit) -> list[tuple[Circuit, Circuit]]:
    return [(OV, QK), (QK, OV.mT), (OV, later_OV)]
