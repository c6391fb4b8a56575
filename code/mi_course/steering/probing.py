"""Linear probes that are fitted on rows of our choice, and what they are held against.

The classifier is scikit-learn's. TransformerLens' `fit_sparse_probe` draws its own split, of rows
or of whole groups: it can hold out words or templates, not both at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, from_numpy

from mi_course.steering.properties import Rows

PENALTY = 0.01  # scikit-learn's C: the inverse of how much large weights cost
STEPS = 500


@dataclass(frozen=True)
class Probe:
    """A linear rule: yes where `x @ weights + bias` is above zero.

    Attributes:
        weights: in units of the activations, the scaling undone.
        bias: as fitted.
    """

    weights: Float[Tensor, "d_model"]
    bias: float

    def scores(self, x: Float[Tensor, "row d_model"]) -> Float[Tensor, "row"]:
        """How far each row lies on the side of yes."""
        return x @ self.weights + self.bias

    def right(
        self, x: Float[Tensor, "row d_model"], label: Bool[Tensor, "row"]
    ) -> Bool[Tensor, "row"]:
        """Where the rule and the label agree."""
        return (self.scores(x) > 0) == label


def fit(x: Float[Tensor, "row d_model"], label: Bool[Tensor, "row"]) -> Probe:
    """Logistic regression on entries that are scaled to a standard deviation of 1.

    It punishes large weights in the units of the entries, so without the scaling the few large
    entries of the stream would count most.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(x.numpy())
    fitted = LogisticRegression(C=PENALTY, max_iter=STEPS)
    fitted.fit(scaler.transform(x.numpy()), label.numpy())
    weights = fitted.coef_[0] / scaler.scale_
    bias = float(fitted.intercept_[0] - weights @ scaler.mean_)
    return Probe(from_numpy(weights).float(), bias)


def fitted_on(x: Float[Tensor, "row d_model"], rows: Rows) -> Probe:
    """A probe of old words in old templates."""
    return fit(x[rows.first], rows.label[rows.first])


def shuffled(x: Float[Tensor, "row d_model"], rows: Rows, seed: int) -> Probe:
    """A probe of the same rows whose labels were shuffled among each other."""
    label = rows.label[rows.first]
    order = torch.randperm(len(label), generator=torch.Generator().manual_seed(seed))
    return fit(x[rows.first], label[order])


def auc(score: Float[Tensor, "row"], label: Bool[Tensor, "row"]) -> float:
    """How often a row with the property scores above one without: scikit-learn's roc_auc_score."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(label.numpy(), score.numpy()))


def auc_within(
    score: Float[Tensor, "row"], label: Bool[Tensor, "row"], template: Int[Tensor, "row"]
) -> float:
    """The mean of `auc` over templates: no threshold has to fit two of them."""
    values = [auc(score[template == t], label[template == t]) for t in template.unique()]
    return sum(values) / len(values)


def of_words(rows: Rows, letters: bool) -> Bool[Tensor, "new"]:
    """Where a rule that sees no model is right on new words in new templates.

    Args:
        rows: the texts.
        letters: count runs of two to four letters; else whole words.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    kind = {"analyzer": "char_wb", "ngram_range": (2, 4)} if letters else {}
    counts = CountVectorizer(**kind).fit_transform(rows.texts)
    rule = LogisticRegression(max_iter=STEPS)
    rule.fit(counts[rows.first.numpy()], rows.label[rows.first].numpy())
    return from_numpy(rule.predict(counts[rows.new.numpy()])) == rows.label[rows.new]


def by_layer(
    x: Float[Tensor, "row layer d_model"], rows: Rows, where: Sequence[Bool[Tensor, "row"]]
) -> Float[Tensor, "part layer"]:
    """For each layer a probe of old words in old templates, and its share right in some parts."""
    found = []
    for layer in range(x.shape[1]):
        right = fitted_on(x[:, layer], rows).right(x[:, layer], rows.label).float()
        found.append(torch.stack([right[part].mean() for part in where]))
    return torch.stack(found, 1)
