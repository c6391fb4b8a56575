"""Checks on superposition: toys, the k largest latents, scores, two dictionaries, ablation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import torch
from torch import Tensor

from mi_course.check import derivatives
from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.explain import NO_AXIS, NO_ROW, explained
from mi_course.check.mistakes import Cases


@exercise
def toy_output(attempt: Attempt) -> None:
    """`(x [model, batch, feature], w [model, hidden, feature], b [model, feature])`, as x."""
    cases = Cases("model", "example", "feature")
    for models, batch, hidden, n in ((3, 4, 2, 5), (1, 6, 3, 4), (2, 3, 4, 7)):
        with cases.case():
            generator = torch.Generator().manual_seed(n)
            x = torch.rand(models, batch, n, generator=generator)
            w = torch.randn(models, hidden, n, generator=generator)
            b = 0.5 * torch.randn(models, n, generator=generator)
            with explained(_TOY_ERRORS):
                found = attempt.tensor(
                    x, w, b, shape=(models, batch, n), axes="(model, batch, feature)"
                )
            right = _toy(x, w, b).relu()
            attempt.expect(right, x, w, b)
            _flows(attempt, (x, w, b), right)
            at = _farthest(found, right)
            hint = (
                f"feature {at[2]} of example {at[1]} in model {at[0]} should come back as "
                f"{right[at]:.3f}, and yours gives {found[at]:.3f}"
            )
            cases.judge(found, right, _toy_mistakes(x, w, b), hint)
            derivatives.require(
                attempt.function, lambda x, w, b: _toy(x, w, b).relu(), {"x": x, "w": w, "b": b}
            )


_TOY_ERRORS = {
    NO_AXIS: "b has one row for each model, and no axis for the batch: b[:, None]",
    "Expected size for first two dimensions": "w goes up from hidden to feature: on the way down "
    "it is transposed, x @ w.transpose(1, 2)",
}


def _toy(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x @ w.transpose(1, 2) @ w + b[:, None]


def _toy_mistakes(x: Tensor, w: Tensor, b: Tensor) -> dict[str, Tensor]:
    inner = _toy(x, w, b)
    hidden = x @ w.transpose(1, 2)
    bare = torch.zeros_like(b)
    first = w[:1].expand_as(w)
    reshaped = x @ w.reshape(w.shape[0], w.shape[2], w.shape[1]) @ w + b[:, None]
    return {
        "every model uses the first model's w and b: each has its own": (
            _toy(x, first, b[:1].expand_as(b)).relu()
        ),
        "models are added up: each has its own w, so keep the letter of its axis in all three": (
            torch.einsum("mhf,kbf,jhg->kbg", w, x, w) + b[:, None]
        ).relu(),
        "a leaky ReLU stands at the end: negative outputs become 0": (
            torch.nn.functional.leaky_relu(inner)
        ),
        "a softplus stands at the end: take a ReLU": torch.nn.functional.softplus(inner),
        "b is added twice: once": _toy(x, w, 2 * b).relu(),
        "outputs above 1 are cut off: a ReLU cuts off below 0 alone": inner.clamp(0, 1),
        "w is reshaped, which tears its rows apart: transpose it, w.transpose(1, 2)": (
            reshaped.relu()
        ),
        "b is subtracted on the way in as well: it is added once, at the end": (
            _toy(x - b[:, None], w, b).relu()
        ),
        "each feature is sent through its own direction alone: the others' interfere, so add up "
        "over all": (x * w.square().sum(1)[:, None] + b[:, None]).relu(),
        "x is added to what comes back: leave it out": (x + inner).relu(),
        "there is no ReLU at the end: negative outputs become 0": inner,
        "b is not added: add it before the ReLU": _toy(x, w, bare).relu(),
        "b is added after the ReLU: add it before": _toy(x, w, bare).relu() + b[:, None],
        "b is subtracted: add it": _toy(x, w, -b).relu(),
        "a ReLU stands in the hidden layer too: it stands at the end alone": (
            hidden.relu() @ w + b[:, None]
        ).relu(),
        "a ReLU stands in the hidden layer, and none at the end: the hidden layer is linear": (
            hidden.relu() @ w + b[:, None]
        ),
        "every model uses the first model's w: each has its own": _toy(x, first, b).relu(),
        "every model uses the first model's b: each has its own": (
            _toy(x, w, b[:1].expand_as(b)).relu()
        ),
        "the columns of w are made unit vectors: take w as it is": (
            _toy(x, w / w.norm(dim=1, keepdim=True), b).relu()
        ),
        "a sigmoid stands at the end: take a ReLU": inner.sigmoid(),
        "a GELU stands at the end: take a ReLU": torch.nn.functional.gelu(inner),
        "the absolute value is taken at the end: a ReLU makes negative outputs 0": inner.abs(),
        "x comes back as it is: send it through W and back": x,
    }


def _flows(attempt: Attempt, given: tuple[Tensor, ...], right: Tensor) -> None:
    """Refuse a right answer through which no gradient flows to any argument."""

    def with_gradient(*args: Tensor) -> Tensor:
        with torch.enable_grad():
            tracked = [arg.clone().requires_grad_() for arg in args]
            return attempt.function(*tracked)

    found = Attempt(with_gradient)(*given)
    if isinstance(found, Tensor) and close(found.detach(), right) and not found.requires_grad:
        raise Wrong(
            "no gradient flows through the result, and it is used in training: work on the tensors "
            "as they are, without detach(), .data, NumPy or no_grad()",
            symptom="the numbers are right, and requires_grad of the result is False",
        )


def _farthest(found: Tensor, right: Tensor) -> tuple[int, ...]:
    """Where two tensors differ most."""
    place = (found.double() - right.double()).abs().argmax()
    return tuple(int(i) for i in torch.unravel_index(place, right.shape))


@exercise
def feature_dimensions(attempt: Attempt) -> None:
    """`(w [hidden, feature]) -> [feature]`: the share of a dimension that each one has."""
    cases = Cases("feature")
    for hidden, n in ((2, 5), (4, 3), (3, 7)):
        with cases.case():
            generator = torch.Generator().manual_seed(10 * hidden + n)
            w = torch.randn(hidden, n, generator=generator)
            found = attempt.tensor(w, shape=(n,), axes="(feature,)")
            squares = (w.T @ w).square()
            right = w.norm(dim=0) ** 4 / squares.sum(1)
            attempt.expect(right, w)
            (at,) = _farthest(found, right)
            hint = f"feature {at} has {right[at]:.3f} dimensions, and yours is {found[at]:.3f}"
            cases.judge(found, right, _dimension_mistakes(w), hint)
    w = torch.tensor([[1.0, 0.0, 0.0], [0.0, -2.0, 0.0]])
    found = attempt(w)
    if isinstance(found, Tensor) and not close(found, torch.tensor([1.0, 1.0, 0.0])):
        raise Wrong(
            "a feature without a direction has no length to divide by: it has 0 dimensions, for "
            "instance with clamp_min(1e-9) below the line",
            symptom=f"with a column of zeros the dimensions should be [1, 1, 0]; yours: "
            f"{[round(v, 3) for v in found.tolist()]}",
        )


def _dimension_mistakes(w: Tensor) -> dict[str, Tensor]:
    length = w.norm(dim=0)
    products = w.T @ w
    unit = w / length
    cosines = unit.T @ unit
    others = products.square() / length[:, None] ** 2
    shared = others.sum(1)
    own = length.square()
    apart = shared - own
    return {
        "the others are made unit vectors too: they keep their lengths": (
            own / cosines.square().sum(1)
        ),
        "only the largest projection stands below the line: add them up": own / others.amax(1),
        "the mean of the projections stands below the line: their sum": own / others.mean(1),
        "the length of the whole matrix divides: each column has its own": (
            own / (products / w.norm()).square().sum(1)
        ),
        "negative projections are cut off: a square counts them as well": (
            own / (products.relu().square() / length[:, None] ** 2).sum(1)
        ),
        "the length is not squared above the line: squared length over squared projections": (
            length / shared
        ),
        "the projections are not squared: square each before you add them up": (
            own / (products / length[:, None]).abs().sum(1)
        ),
        "the projections are added up with their signs, and then squared: square each first": (
            own / (products / length[:, None]).sum(1).square()
        ),
        "the feature itself is left out of the sum: its own projection counts, so that one that "
        "shares with no other has 1": own / apart,
        "lengths cancel: it is the feature's own direction that has length 1, and the others keep "
        "their lengths": 1 / cosines.square().sum(1),
        "the direction is not made a unit vector: divide it by its length": (
            own / products.square().sum(1)
        ),
        "the fraction is upside down: squared length above the line": shared / own,
        "these are the squared lengths: divide by what all features share": own,
        "these are the shared projections: squared length over them": shared,
        "the root is taken: dimensions are shares of squares": (own / shared).sqrt(),
        "the shares are made to add up to 1: take them as they are": (
            (own / shared) / (own / shared).sum()
        ),
    }


@exercise
def top_k_latents(attempt: Attempt) -> None:
    """`(pre [*rest, latent], k) -> [*rest, latent]`: the k largest, where they are positive."""
    cases = Cases("row", "latent")
    for rows, width, k in ((7, 9, 3), (6, 5, 1), (3, 12, 7), (2, 4, 4)):
        with cases.case():
            pre = torch.randn(rows, width, generator=torch.Generator().manual_seed(width))
            pre[0] = pre[0].abs() + 0.1
            pre[-1, 1:] = -pre[-1, 1:].abs() - 0.1  # fewer than k are positive
            _explain_infinity(attempt(pre, k))
            found = attempt.tensor(pre, k, shape=(rows, width), axes="(row, latent)")
            right = _kept(pre, k)
            attempt.expect(right, pre, k)
            _flows(attempt_with(attempt, k), (pre,), right)
            at = _farthest(found, right)
            hint = (
                f"latent {at[1]} of row {at[0]} should be {right[at]:.3f} with k = {k}, and yours "
                f"is {found[at]:.3f}"
            )
            cases.judge(found, right, _top_mistakes(pre, k), hint)
            _require_gradient(attempt_with(attempt, k), pre, k)
    pre = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(1))
    with explained({"stopped with": _MORE_AXES, "has shape": _MORE_AXES}):
        found = attempt.tensor(pre, 2, shape=(2, 3, 6), axes="(batch, pos, latent)")
    if not close(found, _kept(pre, 2)):
        raise Wrong(
            "with a batch of texts, shape (batch, pos, latent), the k largest of the LAST axis "
            "stay: say dim=-1",
            symptom="with shape (2, 3, 6) the numbers differ from those of each row by itself",
        )
    _explain_ties(attempt)


_MORE_AXES = (
    "this works for the shape (row, latent) alone: any number of axes may come before the last, "
    "and scatter with dim=-1 takes them all"
)


def _explain_infinity(found: object) -> None:
    """Infinity where a latent was dropped, as before a softmax."""
    if isinstance(found, Tensor) and bool(torch.isneginf(found).any()):
        raise Wrong(
            "minus infinity stands where a latent is dropped: zero",
            symptom="the result holds minus infinity",
        )


def _require_gradient(attempt: Attempt, pre: Tensor, k: int) -> None:
    try:
        derivatives.require(attempt.function, lambda pre: _kept(pre, k), {"pre": pre})
    except Wrong as mistake:
        if "with respect to pre" not in str(mistake):
            raise
        raise Wrong(
            "the numbers are right, and the gradient is not: it has to flow through what stays, "
            "and through nothing else"
        ) from None


def attempt_with(attempt: Attempt, k: int) -> Attempt:
    """The same function with k given."""
    return Attempt(lambda pre: attempt.function(pre, k))


def _explain_ties(attempt: Attempt) -> None:
    """Equal values at the threshold: k are kept, not all of them."""
    found = attempt(torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.5]]), 2)
    if int((found != 0).sum()) != 2:
        raise Wrong(
            "where values are equal, more than k stay: keep the places that topk gives, and do not "
            "compare with the k-th value",
            symptom=f"of [2, 1, 1, 1, 0.5] should stay k = 2; yours: {found[0].tolist()}",
        )


def _kept(pre: Tensor, k: int) -> Tensor:
    order = pre.argsort(-1, descending=True).argsort(-1)
    return torch.where(order < k, pre, 0).relu()


def _top_mistakes(pre: Tensor, k: int) -> dict[str, Tensor]:
    def by(values: Tensor, n: int) -> Tensor:
        return values.argsort(-1, descending=True).argsort(-1) < n

    none = torch.zeros_like(pre)
    largest = by(pre, k)
    flat = by(pre.flatten(), k).view_as(pre)
    many = by(pre.flatten(), k * len(pre)).view_as(pre)
    down = by(pre.T, k).T
    far = by(pre.abs(), k)
    ordered = pre.sort(-1, descending=True).values
    after = ordered[..., k : k + 1] if k < pre.shape[-1] else none[..., :1]
    of_first = largest[:1].expand_as(pre)
    kept = torch.where(largest, pre, none).relu()
    return {
        "the places of the first row's largest stay in every row: each row has its own": (
            torch.where(of_first, pre, none).relu()
        ),
        "what stays is made to add up to 1: keep the values as they are": (
            kept / kept.sum(-1, keepdim=True).clamp_min(1e-9)
        ),
        "a softmax is taken of what stays: keep the values as they are": torch.where(
            largest, pre, -torch.inf
        ).softmax(-1),
        "the value after the k-th is subtracted from those that stay: keep them as they are": (
            pre - after
        ).relu(),
        "the k-th value is subtracted from those that stay: keep them as they are": (
            pre - ordered[..., k - 1 : k]
        ).relu(),
        "negative values stay: where fewer than k are positive, fewer are active": torch.where(
            largest, pre, none
        ),
        "the largest ABSOLUTE values stay: a latent is active where it is positive": torch.where(
            far, pre, none
        ),
        "the largest absolute values are chosen, and negative ones dropped then: choose the k "
        "largest": torch.where(far, pre, none).relu(),
        "the k largest of the whole batch stay: k for each row": torch.where(
            flat, pre, none
        ).relu(),
        "k times the number of rows stay in the whole batch, and a row may have more than k: k for "
        "each row": torch.where(many, pre, none).relu(),
        "the k largest rows of each latent stay: the k largest latents of each row": torch.where(
            down, pre, none
        ).relu(),
        "the k smallest stay: the k largest": torch.where(by(-pre, k), pre, none).relu(),
        "the k smallest are set to zero: all but the k largest": torch.where(
            by(-pre, k), none, pre
        ).relu(),
        "nothing is dropped but what is negative: keep k": pre.relu(),
        "one more than k stays: is the threshold the value after the k-th?": torch.where(
            by(pre, k + 1), pre, none
        ).relu(),
        "one fewer than k stays: does the comparison leave the k-th out?": torch.where(
            by(pre, k - 1), pre, none
        ).relu(),
        "ones stand where latents are active: keep their values": largest.float() * (pre > 0),
        "the values that stay are sorted: leave each in its place": (
            _kept(pre, k).sort(-1, descending=True).values
        ),
        "absolute values are kept: negative ones become 0": torch.where(far, pre, none).abs(),
    }


@exercise
def f1_table(attempt: Attempt) -> None:
    """`(active [row, latent], labels [row, variable]) -> [latent, variable]`, both of bools."""
    cases = Cases("latent", "variable")
    for rows, latents, variables in ((40, 4, 3), (25, 2, 5), (60, 5, 2)):
        with cases.case():
            generator = torch.Generator().manual_seed(rows)
            shares = torch.linspace(0.15, 0.7, variables)
            labels = torch.rand(rows, variables, generator=generator) < shares
            active = torch.rand(rows, latents, generator=generator) < 0.35
            active[:, 0] = labels[:, 0] ^ (torch.rand(rows, generator=generator) < 0.1)
            active[:, -1] = False  # one that is dead
            with explained(_F1_ERRORS):
                found = attempt(active, labels)
            if isinstance(found, Tensor) and bool(torch.isnan(found).any()):
                raise Wrong(
                    "a latent that is never active gives NaN, 0 over 0: its F1 is 0, for instance "
                    "with clamp_min(1) below the line"
                )
            turned = f"has shape ({variables}, {latents})"
            with explained({turned: "the axes are exchanged: latents come first"}):
                found = attempt.tensor(
                    active, labels, shape=(latents, variables), axes="(latent, variable)"
                )
            right = _f1(active, labels)
            attempt.expect(right, active, labels)
            at = _farthest(found, right)
            hint = (
                f"latent {at[0]} tells variable {at[1]} with {right[at]:.3f}, and yours is "
                f"{found[at]:.3f}"
            )
            cases.judge(found, right, _f1_mistakes(active, labels), hint)
    _explain_large_counts(attempt)


_F1_ERRORS = {
    "'Bool'": "truth values are multiplied: make numbers of them first, active.float()",
    "'UInt64'": "these numbers cannot be multiplied: take active.float()",
    NO_AXIS: "the sums below the line have their axes exchanged: latents stand in rows, "
    "active.sum(0)[:, None], and variables in columns",
}


def _explain_large_counts(attempt: Attempt) -> None:
    """As many rows as the lab has: counts are larger than a byte, or half precision, can hold."""
    rows = torch.arange(5001)
    active = torch.stack([rows % 5 != 0, rows % 3 == 0], 1)
    labels = torch.stack([rows % 4 != 0, rows % 7 == 0, rows >= 0], 1)
    found = attempt.tensor(active, labels, shape=(2, 3), axes="(latent, variable)")
    right = _f1(active, labels)
    if not close(found, right):
        i, j = _farthest(found, right)
        raise Wrong(
            "counts are too large for their type, as for bytes, which end at 255: count in "
            "float32, with .float()",
            symptom=f"with {len(rows):,} rows latent {i} tells variable {j} with "
            f"{right[i, j]:.4f}, and yours is {found[i, j]:.4f}",
        )


def _f1(active: Tensor, labels: Tensor) -> Tensor:
    a, y = active.double(), labels.double()
    return (2 * (a.T @ y) / (a.sum(0)[:, None] + y.sum(0)).clamp_min(1)).float()


def _f1_mistakes(active: Tensor, labels: Tensor) -> dict[str, Tensor]:
    a, y = active.double(), labels.double()
    both = a.T @ y
    fired, wanted = a.sum(0)[:, None], y.sum(0)
    precision, recall = both / fired.clamp_min(1), both / wanted.clamp_min(1)
    either = fired + wanted - both
    agree = both + (1 - a).T @ (1 - y)
    right = 2 * both / (fired + wanted).clamp_min(1)
    found = {
        "a latent that is never active gets 1: it tells nothing, so 0": torch.where(
            fired > 0, right, 1.0
        ),
        "whole numbers are divided and cut off: / and not //": right.trunc(),
        "1 is added below the line: a dead latent needs clamp_min(1), the others nothing": (
            2 * both / (fired + wanted + 1)
        ),
        "the counts of all latents and variables stand below the line: those of the pair": (
            2 * both / (a.sum() + y.sum()).clamp_min(1)
        ),
        "rows that have neither count as rows of both: above the line stand those of both": (
            2 * agree / (fired + wanted).clamp_min(1)
        ),
        "rows with either of the two are counted: above the line stand those with both": (
            2 * either / (fired + wanted).clamp_min(1)
        ),
        "this is the precision: rows of the variable that the latent misses count too": precision,
        "this is the recall: rows at which the latent is active without the variable count too": (
            recall
        ),
        "this is the accuracy, in which rows count that have neither: a latent that is never "
        "active would be nearly right": agree / len(a),
        "this is both over either, the Jaccard index: F1 is twice both over the sum of the two": (
            both / either.clamp_min(1)
        ),
        "the 2 is missing: a latent that tells all has F1 = 1": (
            both / (fired + wanted).clamp_min(1)
        ),
        "this is the mean of precision and recall: take the harmonic mean": (
            (precision + recall) / 2
        ),
        "this is the geometric mean of precision and recall: take the harmonic mean": (
            (precision * recall).sqrt()
        ),
        "this is the product of precision and recall: take the harmonic mean": precision * recall,
        "the rows at which both are there are counted: divide": both,
        "this is the share of rows at which both are there: F1 leaves out the rows of neither": (
            both / len(a)
        ),
        "these are percent: return shares, 1 for a latent that tells all": 100
        * _f1(active, labels),
    }
    return {told: wrong.float() for told, wrong in found.items()}


@exercise
def best_cosines(attempt: Attempt) -> None:
    """`(one [latent, d_model], other [other, d_model]) -> [latent]`: nearest in the other."""
    cases = Cases("latent")
    for n, m, d in ((6, 6, 5), (4, 7, 3), (8, 5, 6)):
        with cases.case():
            generator = torch.Generator().manual_seed(n)
            one = torch.randn(n, d, generator=generator)
            other = torch.randn(m, d, generator=generator)
            other *= torch.linspace(0.5, 3, m)[:, None]
            other[0] = -one[1]  # the opposite direction, which is another one
            with explained({"not max": _MAX}):
                found = attempt.tensor(one, other, shape=(n,), axes="(latent,)")
            right = _cosines(one, other).amax(1)
            attempt.expect(right, one, other)
            (at,) = _farthest(found, right)
            hint = (
                f"the nearest direction to latent {at} has the cosine {right[at]:.3f}, and yours "
                f"is {found[at]:.3f}"
            )
            cases.judge(found, right, _cosine_mistakes(one, other), hint)
    _explain_negative(attempt)


_MAX = "max along an axis gives values and places together: take its .values"


def _explain_negative(attempt: Attempt) -> None:
    """Where all of the other point away, the largest cosine is negative."""
    one = torch.tensor([[2.0, 1.0], [0.5, 2.0], [1.0, 1.0]])
    other = torch.tensor([[-1.0, -2.0], [-3.0, -0.5]])
    found = attempt.tensor(one, other, shape=(3,), axes="(latent,)")
    right = _cosines(one, other).amax(1)
    if not close(found, right):
        raise Wrong(
            "cosines below zero are cut off: leave them, they say that no direction is near",
            symptom=f"where all directions of the other point away, the largest cosine of latent 0 "
            f"is {right[0]:.3f}; yours: {found[0].item():.3f}",
        )


def _cosines(one: Tensor, other: Tensor) -> Tensor:
    units = (x / x.norm(dim=1, keepdim=True) for x in (one, other))
    first, second = units
    return first @ second.T


def _cosine_mistakes(one: Tensor, other: Tensor) -> dict[str, Tensor]:
    cosines = _cosines(one, other)
    products = one @ other.T
    rows = torch.arange(len(one))
    near = torch.cdist(one, other).argmin(1)
    strong = products.argmax(1)
    alone = cosines.clone()
    alone.fill_diagonal_(-1)
    centred = _cosines(*(a - a.mean(1, keepdim=True) for a in (one, other)))
    squared = products / one.square().sum(1, keepdim=True) / other.square().sum(1)
    either_way = cosines.abs().argmax(1)
    found = {
        "the largest ABSOLUTE cosine is chosen, with its sign: opposite directions are not near": (
            cosines[rows, either_way]
        ),
        "cosines are squared: take them as they are": cosines.square().amax(1),
        "the cosines come back sorted: leave each with its latent": (
            cosines.amax(1).sort(descending=True).values
        ),
        "the nearest by distance is chosen, which depends on lengths: the largest cosine": (
            cosines[rows, near]
        ),
        "the largest dot product is chosen, which depends on lengths: the largest cosine": (
            cosines[rows, strong]
        ),
        "the length of a whole dictionary divides: each direction has its own": (
            products / one.norm() / other.norm()
        ).amax(1),
        "lengths are squared below the line: divide by each length once": squared.amax(1),
        "the direction of the same number is left out: it counts as any other": alone.amax(1),
        "the mean over dimensions is subtracted first, as a correlation does: take directions as "
        "they are": centred.amax(1),
        "these are dot products: divide both by their lengths": products.amax(1),
        "the lengths of the first dictionary's directions are left in: divide by both lengths": (
            (products / other.norm(dim=1)).amax(1)
        ),
        "the lengths of the second dictionary's directions are left in: divide by both lengths": (
            (products / one.norm(dim=1, keepdim=True)).amax(1)
        ),
        "the absolute value is taken: the opposite direction means another thing": (
            cosines.abs().amax(1)
        ),
        "this is the mean over all directions of the other: take the nearest, the maximum": (
            cosines.mean(1)
        ),
        "this is the farthest direction: take the maximum": cosines.amin(1),
        "these are places of the nearest directions: return their cosines": (
            cosines.argmax(1).float()
        ),
        "the columns are made unit vectors: a direction is a row, so divide along the last axis": (
            ((one / one.norm(dim=0)) @ (other / other.norm(dim=0)).T).amax(1)
        ),
        "these are the nearest distances: return cosines": torch.cdist(one, other).amin(1),
        "these are angles: return their cosines": cosines.amax(1).clamp(-1, 1).acos(),
    }
    if len(one) == len(other):
        found[
            "each direction of the other is given to one latent only: several may have the same "
            "nearest"
        ] = _matched(cosines)
        found[
            "the maximum is taken over the first dictionary: for each of ITS latents, the "
            "nearest of the other"
        ] = cosines.amax(0)
        found[
            "latent i is compared with latent i of the other: the order means nothing, so take "
            "the nearest of all"
        ] = cosines.diagonal()
    return found


def _matched(cosines: Tensor) -> Tensor:
    """The cosines of the best pairs in which no direction of a square table stands twice."""
    orders = torch.tensor(list(permutations(range(len(cosines)))))
    pairs = cosines[torch.arange(len(cosines)), orders]
    return pairs[pairs.sum(1).argmax()]


@exercise
def without_latent(attempt: Attempt) -> None:
    """`(x [batch, d_model], z [batch, latent], decoder [latent, d_model], latents [batch])`."""
    cases = Cases("example", "dimension")
    for batch, width, d in ((4, 7, 5), (1, 3, 4), (6, 6, 3)):
        with cases.case():
            generator = torch.Generator().manual_seed(width)
            x = torch.randn(batch, d, generator=generator)
            decoder = torch.randn(width, d, generator=generator)
            z = _kept(torch.rand(batch, width, generator=generator), 3)
            latents = z.topk(2, dim=1).indices[:, 1]
            given = x, z, decoder, latents
            with explained(_ablation_errors(width)):
                found = attempt.tensor(*given, shape=(batch, d), axes="(batch, d_model)")
            rows = torch.arange(batch)
            right = x - z[rows, latents][:, None] * decoder[latents]
            attempt.expect(right, *given)
            at = _farthest(found, right)
            hint = (
                f"dimension {at[1]} of example {at[0]} should be {right[at]:.3f}, and yours is "
                f"{found[at]:.3f}"
            )
            cases.judge(found, right, _ablation_mistakes(*given), hint)


def _ablation_errors(width: int) -> dict[str, str]:
    return {
        f"({width}) at non-singleton": "columns of the decoder are taken: a latent's direction is "
        "a row, decoder[latents]",
        f"({width}) must match": "columns of the decoder are taken: a latent's direction is a row, "
        "decoder[latents]",
        NO_AXIS: "one value for each example multiplies a whole direction: give it an axis, "
        "z[rows, latents][:, None]",
        NO_ROW: "a latent is taken for an example: examples come first, z[rows, latents]",
    }


def _ablation_mistakes(x: Tensor, z: Tensor, decoder: Tensor, latents: Tensor) -> dict[str, Tensor]:
    rows = torch.arange(len(x))
    value, direction = z[rows, latents][:, None], decoder[latents]
    right = x - value * direction
    left = z.clone()
    left[rows, latents] = 0
    unit = direction / direction.norm(dim=1, keepdim=True)
    first = latents[:1].expand_as(latents)

    def of(these: Tensor) -> Tensor:
        return x - z[rows, these][:, None] * decoder[these]

    all_of_them: Callable[[Tensor], Tensor] = lambda table: x - table @ decoder  # noqa: E731
    none = z.clone()
    none[:, latents] = 0
    strongest = x - z.amax(1, keepdim=True) * decoder[z.argmax(1)]
    return {
        "directions are made unit vectors: take the decoder's rows as they are": x - value * unit,
        "the example's number is taken for the latent's: decoder[latents]": (
            x - value * decoder[rows % len(decoder)]
        ),
        "latents are taken for the rows of z: examples come first, z[rows, latents]": (
            x - z[latents % len(x), rows % z.shape[1]][:, None] * direction
        ),
        "every example loses its strongest latent: the one that `latents` names": strongest,
        "what all latents of the batch add is subtracted from each example: its own alone": (
            x - (value * direction).sum(0)
        ),
        "the latent's mean over the batch is subtracted: each example has its own value": (
            x - z[:, latents].mean(0)[:, None] * direction
        ),
        "the result is scaled to the length of x: subtract, and no more": (
            right * x.norm(dim=1, keepdim=True) / right.norm(dim=1, keepdim=True)
        ),
        "this is what the dictionary rebuilds without the latent: what it misses is lost too, so "
        "subtract the latent's part from x": left @ decoder,
        "this is what the dictionary rebuilds: subtract the latent's part from x": z @ decoder,
        "the latent's part is added: subtract it": x + value * direction,
        "the direction is subtracted once, whatever the latent's value: times z": x - direction,
        "the latent's part alone comes back: subtract it from x": value * direction,
        "x is projected off the direction: subtract z times the direction, which is what the "
        "dictionary says": x - (x * unit).sum(1, keepdim=True) * unit,
        "every example loses the first example's latent: each has its own": of(first),
        "every latent is taken away: one for each example": all_of_them(z),
        "all latents but this one are taken away: this one alone": all_of_them(left),
        "every example loses the latents of the whole batch: its own alone, at [rows, latents]": (
            x - (z - none) @ decoder
        ),
        "x comes back unchanged: subtract the latent's part": x,
        "the latent's part is subtracted twice": right - value * direction,
    }
