"""Checks on two heads that work together, in their weights: a match, and composition.

Vectors are rows, as in the chapter: a query `q` scores a key `k` by `q @ QK @ k`, and a head that
looks at `x` writes `x @ OV`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.numerals import apart
from mi_course.check.week2.weight_circuits import low_rank, random


@exercise
def match_table(attempt: Attempt) -> None:
    """`(vectors [token, d_model], QK, OV [d_model, d_model]) -> scores [query, key]`."""
    cases = Cases("query token", "key token")
    for seed, (n, d_model, d_head) in enumerate(((5, 6, 2), (3, 7, 3), (8, 4, 1), (4, 4, 4))):
        vectors = random(n, d_model, seed=seed)
        QK, OV = (low_rank(d_model, d_head, seed + more, 0.5) for more in (10, 20))
        with cases.case():
            right = vectors @ QK @ (vectors @ OV).T
            attempt.expect(right, vectors, QK, OV)
            _explain_table(attempt(vectors, QK, OV), n, d_model)
            axes = "(query token, key token)"
            found = attempt.tensor(vectors, QK, OV, shape=(n, n), axes=axes)
            wrong = _wrong_tables(vectors, QK, OV)
            cases.judge(found.detach(), right, wrong, _table_hint(found, right))


def _table_hint(found: Tensor, right: Tensor) -> Callable[[], str]:
    def hint() -> str:
        should, yours = apart(right[0, 1].item(), found[0, 1].item(), 4)
        return (
            f"the score of query token 0 for key token 1 should be {should}, and yours is {yours}: "
            "it is q @ QK @ k with q = vectors[0] and k = vectors[1] @ OV"
        )

    return hint


def _explain_table(result: Any, n: int, d_model: int) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (n,):
        raise Wrong(
            "one score for each token comes back: return those of every query with every key"
        )
    if shape == (d_model, d_model) != (n, n):
        raise Wrong("the vectors are left out: the table has a row and a column for each of them")
    if shape == (n, d_model) != (n, n):
        raise Wrong("these are queries or keys: multiply queries @ QK by the keys, transposed")


def _wrong_tables(vectors: Tensor, QK: Tensor, OV: Tensor) -> dict[str, Tensor]:
    keys = vectors @ OV
    right = vectors @ QK @ keys.T
    later = torch.ones_like(right).triu(1).bool()
    return {
        "the query reads through the earlier head as well: it should read vectors as they are": (
            keys @ QK @ keys.T
        ),
        "this is Q-composition: the KEY reads what the earlier head wrote, and the query reads "
        "vectors as they are": keys @ QK @ vectors.T,
        "the earlier head is left out: the key reads vectors @ OV": vectors @ QK @ vectors.T,
        "the table is transposed, or QK and OV are swapped: a row is a query, a column is a key": (
            right.T
        ),
        "QK is transposed: the query stands on its left, q @ QK @ k": vectors @ QK.T @ keys.T,
        "OV is multiplied from the wrong side: keys are vectors @ OV, so that their transpose "
        "brings in OV.T": vectors @ QK @ OV @ vectors.T,
        "QK is left out: the score of a pair is q @ QK @ k": vectors @ keys.T,
        "OV is used twice: the earlier head writes once": vectors @ QK @ (keys @ OV).T,
        "what the head writes is added to the vectors: the key reads vectors @ OV alone": (
            vectors @ QK @ (vectors + keys).T
        ),
        "this is a pattern: return the scores, without a softmax": right.softmax(-1),
        "this is a pattern over the queries: return the scores, without a softmax": (
            right.softmax(0)
        ),
        "later tokens are hidden: these tokens have no order, so return every pair": right.tril(),
        "later tokens are hidden: these tokens have no order, so every pair counts": (
            right.masked_fill(later, -1e9)
        ),
        "the scores are divided by the root of d_model: return them without a factor": (
            right / vectors.shape[1] ** 0.5
        ),
        "the mean of each row is subtracted: return the scores as they are": (
            right - right.mean(1, keepdim=True)
        ),
        "the keys are scaled to length 1: use vectors @ OV as it is": (
            vectors @ QK @ torch.nn.functional.normalize(keys, dim=-1).T
        ),
        "these are cosines: return the scores as they are": (
            torch.nn.functional.normalize(vectors @ QK, dim=-1)
            @ torch.nn.functional.normalize(keys, dim=-1).T
        ),
        "these are absolute values: return the scores with their signs": right.abs(),
        "this is yes and no: return the scores": (right == right.amax(1, keepdim=True)).float(),
    }


@exercise
def composition_scores(attempt: Attempt) -> None:
    """`(OV, QK, later_OV [d_model, d_model]) -> (Q, K, V)`: three norms of products, as shares."""
    cases = Cases("score")
    sizes = ((6, 2, 1.0), (5, 3, 0.1), (4, 1, 7.0), (9, 4, 2.0))
    for seed, (d_model, d_head, scale) in enumerate(sizes):
        OV = low_rank(d_model, d_head, seed, scale)
        QK = low_rank(d_model, d_head, seed + 10, 0.3 * scale)
        later_OV = low_rank(d_model, d_head, seed + 20, 2.0)
        with cases.case():
            _compare_compositions(attempt, (OV, QK, later_OV), cases)


def _compare_compositions(
    attempt: Attempt, given: tuple[Tensor, Tensor, Tensor], cases: Cases
) -> None:
    OV, QK, later_OV = given
    pairs = (OV, QK), (QK, OV.T), (OV, later_OV)
    right = torch.stack([_ratio(a, b) for a, b in pairs]).double()
    attempt.expect(tuple(right.tolist()), *given)
    found = _three_numbers(attempt(*given))
    mistakes = _wrong_compositions(*given)
    if not any(close(found, wrong) for wrong in mistakes.values()):
        mistakes |= _first_wrong(found, right, given)
    cases.judge(found, right, mistakes, lambda: _composition_hint(found, right))


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b).norm() / (a.norm() * b.norm())


def _three_numbers(result: Any) -> Tensor:
    if result is None:
        raise Wrong("your function returns None: is the return statement missing?")
    if isinstance(result, dict):
        raise Wrong("return three numbers in the order Q, K, V, not a dict")
    if isinstance(result, (int, float)) or (isinstance(result, Tensor) and result.ndim == 0):
        raise Wrong("one number comes back: return three, of Q-, K- and V-composition")
    try:
        numbers = [float(number) for number in result]
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(
            "each of the three scores should be one number: .norm() of a matrix makes one"
        ) from None
    if len(numbers) != 3:
        raise Wrong(f"{len(numbers)} numbers come back: return three, of Q-, K- and V-composition")
    if not all(abs(number) < float("inf") for number in numbers):
        raise Wrong("a score is NaN or infinity: is something divided by zero?")
    return torch.tensor(numbers, dtype=torch.float64)


def _composition_hint(found: Tensor, right: Tensor) -> str:
    """The first score that is wrong, in numbers."""
    i = int((found - right).abs().gt(1e-4).int().argmax())
    should, yours = apart(right[i].item(), found[i].item(), 4)
    return (
        f"the score of {'QKV'[i]}-composition should be {should}, and yours is {yours}: which "
        "product stands in the later head's circuit when x @ OV is put in?"
    )


def _first_wrong(
    found: Tensor, right: Tensor, given: tuple[Tensor, Tensor, Tensor]
) -> dict[str, Tensor]:
    """The mistakes of the first score that is wrong, whatever the others are; else of all."""
    wrong = [i for i in range(3) if not close(found[i], right[i])]
    known = {}
    for i in wrong[:1] or range(3):
        for sentence, score in (_wrong_alone(*given)["QKV"[i]] | _undivided(i, *given)).items():
            known[sentence] = found.clone()
            known[sentence][i] = score
    return known


def _undivided(i: int, OV: Tensor, QK: Tensor, later_OV: Tensor) -> dict[str, Tensor]:
    """What one score is where a norm is missing below the line."""
    a, b = ((OV, QK), (QK, OV.T), (OV, later_OV))[i]
    product, what = (a @ b).norm(), f"the score of {'QKV'[i]}-composition"
    return {
        f"{what} is not divided: divide by the norms of both circuits": product,
        f"{what} is divided by the norm of one circuit alone: divide by both": product / a.norm(),
        f"{what} is divided by one norm: divide by those of both circuits": product / b.norm(),
    }


def _wrong_alone(OV: Tensor, QK: Tensor, later_OV: Tensor) -> dict[str, dict[str, Tensor]]:
    """Wrong products of one of the three scores."""
    q, k, v = _ratio(OV, QK), _ratio(QK, OV.T), _ratio(OV, later_OV)
    return {
        "Q": {
            "Q-composition reads K's product: put q = x @ OV into q @ QK @ k, which gives OV @ QK":
                k,
            "in Q-composition OV is on the wrong side: q = x @ OV stands on the left, OV @ QK":
                _ratio(QK, OV),
            "in Q-composition OV is transposed: q = x @ OV is a row, so the product is OV @ QK":
                _ratio(OV.T, QK),
            "Q-composition reads the later head's OV: the query is decided by QK": v,
        },
        "K": {
            "in K-composition OV is not transposed: k = x @ OV stands on the right of QK as a "
            "column, so the product is QK @ OV.T": _ratio(QK, OV),
            "K-composition has Q's product: the key stands on the other side of QK, QK @ OV.T": q,
            "K-composition reads the later head's OV: the key is decided by QK": v,
        },
        "V": {
            "in V-composition the later head comes first: x passes the earlier one first, "
            "OV @ later_OV": _ratio(later_OV, OV),
            "in V-composition OV is transposed: x @ OV @ later_OV": _ratio(OV.T, later_OV),
            "in V-composition the later OV is transposed: x @ OV @ later_OV":
                _ratio(OV, later_OV.T),
            "V-composition reads QK: values go through the later head's OV": q,
            "V-composition is of the earlier head with itself": _ratio(OV, OV),
        },
    }  # fmt: skip


def _wrong_compositions(OV: Tensor, QK: Tensor, later_OV: Tensor) -> dict[str, Tensor]:
    """All three scores, where one mistake explains them."""
    pairs = ((OV, QK), (QK, OV.T), (OV, later_OV))

    def three(score: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        return torch.stack([score(a, b) for a, b in pairs]).double()

    right = three(_ratio)
    q, k, v = right
    chance = len(OV) ** -0.5
    orders = {"K, Q, V": (k, q, v), "V, K, Q": (v, k, q), "Q, V, K": (q, v, k)}
    orders |= {"K, V, Q": (k, v, q), "V, Q, K": (v, q, k)}
    return {
        f"the scores stand in the order {name}: return Q, K, V": torch.stack(scores)
        for name, scores in orders.items()
    } | {
        "the norm is the largest singular value: take Frobenius norms, m.norm()": three(
            lambda a, b: _two(a @ b) / (_two(a) * _two(b))
        ),
        "the norm of the product is the largest singular value: take its Frobenius norm": three(
            lambda a, b: _two(a @ b) / (a.norm() * b.norm())
        ),
        "nothing is divided: divide by the norms of the two circuits": three(
            lambda a, b: (a @ b).norm()
        ),
        "this divides by the SUM of the norms: divide by their product": three(
            lambda a, b: (a @ b).norm() / (a.norm() + b.norm())
        ),
        "this divides by one norm and multiplies by the other: put brackets around their product":
            three(lambda a, b: (a @ b).norm() / a.norm() * b.norm()),
        "this divides by the norm of one circuit alone: divide by both": three(
            lambda a, b: (a @ b).norm() / a.norm()
        ),
        "this divides by the norm of the other circuit alone: divide by both": three(
            lambda a, b: (a @ b).norm() / b.norm()
        ),
        "this multiplies entry by entry: a product of matrices is a @ b": three(
            lambda a, b: (a * b).norm() / (a.norm() * b.norm())
        ),
        "these are the squares of the scores: the root is missing": right**2,
        "these are sums of squares of the product, over norms: the root is missing": three(
            lambda a, b: (a @ b).square().sum() / (a.norm() * b.norm())
        ),
        "these are traces: take the norm of the product": three(
            lambda a, b: (a @ b).trace() / (a.norm() * b.norm())
        ),
        "this adds absolute values: the Frobenius norm is the root of the sum of squares": three(
            lambda a, b: (a @ b).abs().sum() / (a.abs().sum() * b.abs().sum())
        ),
        "the score of random matrices is subtracted: return the score itself": right - chance,
    }  # fmt: skip


def _two(m: Tensor) -> Tensor:
    return torch.linalg.matrix_norm(m, 2)
