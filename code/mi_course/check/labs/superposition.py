"""Checks on superposition: toys, the k largest latents, scores, two dictionaries, ablation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close, exercise
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


def _toy(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x @ w.transpose(1, 2) @ w + b[:, None]


def _toy_mistakes(x: Tensor, w: Tensor, b: Tensor) -> dict[str, Tensor]:
    inner = _toy(x, w, b)
    hidden = x @ w.transpose(1, 2)
    bare = torch.zeros_like(b)
    first = w[:1].expand_as(w)
    return {
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
            "as they are, without detach(), .data, NumPy or no_grad()"
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
    pre = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(1))
    found = attempt.tensor(pre, 2, shape=(2, 3, 6), axes="(batch, pos, latent)")
    if not close(found, _kept(pre, 2)):
        raise Wrong(
            "with a batch of texts, shape (batch, pos, latent), the k largest of the LAST axis "
            "stay: say dim=-1",
            symptom="with shape (2, 3, 6) the numbers differ from those of each row by itself",
        )
    _explain_ties(attempt)


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
    return {
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
            found = attempt(active, labels)
            if isinstance(found, Tensor) and bool(torch.isnan(found).any()):
                raise Wrong(
                    "a latent that is never active gives NaN, 0 over 0: its F1 is 0, for instance "
                    "with clamp_min(1) below the line"
                )
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
    found = {
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
            found = attempt.tensor(one, other, shape=(n,), axes="(latent,)")
            right = _cosines(one, other).amax(1)
            attempt.expect(right, one, other)
            (at,) = _farthest(found, right)
            hint = (
                f"the nearest direction to latent {at} has the cosine {right[at]:.3f}, and yours "
                f"is {found[at]:.3f}"
            )
            cases.judge(found, right, _cosine_mistakes(one, other), hint)


def _cosines(one: Tensor, other: Tensor) -> Tensor:
    units = (x / x.norm(dim=1, keepdim=True) for x in (one, other))
    first, second = units
    return first @ second.T


def _cosine_mistakes(one: Tensor, other: Tensor) -> dict[str, Tensor]:
    cosines = _cosines(one, other)
    products = one @ other.T
    found = {
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
            "the maximum is taken over the first dictionary: for each of ITS latents, the "
            "nearest of the other"
        ] = cosines.amax(0)
        found[
            "latent i is compared with latent i of the other: the order means nothing, so take "
            "the nearest of all"
        ] = cosines.diagonal()
    return found


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
    return {
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
