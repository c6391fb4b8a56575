"""Linear probes: what can be read from an activation at all, by all entries or by a few.

Logistic regression is scikit-learn's for many classes, and TransformerLens' where few entries are
chosen for one class. Both punish large weights, so both want entries around 1.
"""

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


def f1_of_few(
    x: Float[Tensor, "row entry"],
    label: Bool[Tensor, "row"],
    k: int,
    text: Int[Tensor, "row"],
) -> float:
    """How well k entries together tell a variable on texts that were held out: the F1 score.

    TransformerLens' `fit_sparse_probe` takes the k entries whose means differ most between rows
    with and without the variable, and fits a logistic regression on them.

    Args:
        x: latents, or directions of the stream.
        label: where the variable is there.
        k: how many entries the probe may read.
        text: in which text a row stands: a text is held out whole.

    Raises:
        SparseProbeConvergenceError: the library's fit did not end.
    """
    from transformer_lens.tools.analysis import fit_sparse_probe

    # Not balanced: a variable of one row in thirty would be cried out everywhere.
    probe = fit_sparse_probe(
        x, label, k=k, groups=text, class_weight=None, preprocess="standardize", l2_strength=1e-4
    )
    return float(probe.metrics.f1)
