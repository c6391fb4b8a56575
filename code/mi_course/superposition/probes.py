"""Linear probes, by scikit-learn: what can be read from an activation at all."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor, from_numpy

PENALTY = 10.0  # scikit-learn's C: the inverse of how much large weights cost
STEPS = 500


def hits(
    x: Float[Tensor, "row d_model"],
    labels: Int[Tensor, "row"],
    first: Bool[Tensor, "row"],
) -> Bool[Tensor, "other"]:
    """Where logistic regression that was fitted on the first rows is right on the others.

    Args:
        x: what is read, with entries around 1: the penalty counts in their units.
        labels: what should be read, one class for each row.
        first: the rows to fit on; give whole texts to one side.
    """
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(C=PENALTY, max_iter=STEPS)
    probe.fit(x[first].numpy(), labels[first].numpy())
    return from_numpy(probe.predict(x[~first].numpy())) == labels[~first]
