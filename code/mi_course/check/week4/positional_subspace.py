"""Checks on week 4's experiment: a subspace found, removed and shuffled."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mi_course import positional
from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.differences import related
from mi_course.check.mistakes import Cases, named

_OTHERS = "the shape is right, and the directions are not those along which the rows differ most"


@exercise
def leading_directions(attempt: Attempt) -> None:
    """`(rows [row, d_model], share) -> [n, d_model]`: the fewest that hold the share."""
    rows = _rows_of_known_spectrum()
    for share, n in ((0.85, 3), (0.95, 4), (0.6, 2)):
        result = attempt(rows, share)
        if isinstance(result, tuple):
            raise Wrong("return the directions alone, not a tuple")
        _explain_directions(attempt, result, rows, n, share)
        found = attempt.tensor(rows, share, shape=(n, 7), axes="(n, d_model)")
        right = positional.leading_directions(rows, share)
        if not close(found @ found.T, torch.eye(n)):
            raise Wrong(
                "the directions are not orthonormal: their dot products with each other should be "
                "0, and with themselves 1",
                symptom=_of_products(found),
            )
        if not close(found.T @ found, right.T @ right, 1e-3):
            raise Wrong(_wrong_span(found, rows, n), symptom=_OTHERS)
        if not close((found * right).sum(1).abs(), torch.ones(n), 1e-3):
            held = ((rows - rows.mean(0)) @ found.T).square().sum(0)
            raise Wrong(
                "the span is right, and the order is not: the strongest direction is first",
                symptom=f"your first direction holds {float(held[0] / held.max()):.2f} of the "
                "variance that another one holds; expected the one that holds most",
            )
    _fewer_rows(attempt)


def _of_products(found: Tensor) -> str:
    """The dot product of two directions that is furthest from what it should be."""
    products = (found @ found.T).double()
    i, j = divmod(int((products - torch.eye(len(found))).abs().argmax()), len(found))
    return (
        f"the dot product of your directions {i} and {j} is {products[i, j].item():.3f}; expected "
        f"{int(i == j)}"
    )


def _fewer_rows(attempt: Attempt) -> None:
    """Other sizes: fewer rows than entries, and one direction that is enough."""
    rows = _rows_of_known_spectrum()
    for given, share in ((rows, 0.3), (rows[:5], 0.9), (rows[:3, :4], 0.2), (rows[:9, 2:], 0.99)):
        right = positional.leading_directions(given, share)
        with Cases(passed=1).case():
            found = attempt.tensor(given, share, shape=tuple(right.shape), axes="(n, d_model)")
        if not close((found * right).sum(1).abs(), torch.ones(len(right)), 1e-3):
            raise Wrong(
                f"with {len(given)} rows of {given.shape[1]} entries and a share of {share} the "
                "directions are others: is a size or a share written into your function?"
            )


def _rows_of_known_spectrum() -> Tensor:
    """Rows whose variance lies 50, 25, 15, 6, 3 and 1 % along six directions; far from zero."""
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(40, 6, generator=generator, dtype=torch.float64)
    left = torch.linalg.qr(left - left.mean(0)).Q
    directions = torch.linalg.qr(torch.randn(7, 6, generator=generator, dtype=torch.float64)).Q.T
    shares = torch.tensor([0.5, 0.25, 0.15, 0.06, 0.03, 0.01], dtype=torch.float64)
    offset = 9 * torch.randn(7, generator=generator, dtype=torch.float64)
    rows = 10 * left @ (shares.sqrt()[:, None] * directions) + offset
    return rows.float()


def _explain_directions(attempt: Attempt, result: Any, rows: Tensor, n: int, share: float) -> None:
    if not isinstance(result, Tensor) or result.ndim != 2:
        return
    shown = tuple(result.shape)
    expected = f"the result has shape {shown}; expected (n, d_model) = ({n}, 7)"
    if shown == (7, n):
        told = "the directions are columns here: return them as rows, (n, d_model)"
        raise Wrong(told, symptom=expected)
    if shown[1:] == (40,) or shown[:1] == (40,):
        told = "these belong to the rows (U), not to the space: the directions are in Vh"
        raise Wrong(told, symptom=expected)
    if shown[1:] != (7,) or shown[0] == n:
        return
    count = f"{shown[0]} directions for a share of {share}"
    if shown[0] in (6, 7):
        told = "every direction is returned: keep the fewest that reach the share"
        raise Wrong(told, symptom=expected)
    mean = f"{count}, and {n} hold it: subtract the mean of the rows first, "
    for sentence, other in {
        f"{mean}or the first direction is that of the mean": rows,
        f"{mean}rows.mean(0), and not one mean for all entries": rows - rows.mean(),
        f"{mean}rows.mean(0), and not each row's own mean": rows - rows.mean(1, keepdim=True),
        f"{mean}and do not divide by the standard deviation of each entry": (
            (rows - rows.mean(0)) / rows.std(0)
        ),
    }.items():
        if _same_span(result, torch.linalg.svd(other, full_matrices=False).Vh):
            raise Wrong(sentence)
    if shown[0] == n - 1:
        raise Wrong(
            f"{shown[0]} directions do not reach a share of {share} yet: count those below it, and "
            "take one more"
        )
    # Whoever forgets the square is right about 0.3, where one direction is enough; whoever counts
    # one too many is not.
    few = attempt(rows, 0.3)
    if shown[0] == n + 1 and isinstance(few, Tensor) and len(few) == 1:
        raise Wrong(
            f"{count}, and {n} are enough: the variance goes with the SQUARE of a singular value"
        )
    raise Wrong(
        f"{count}, and {n} are the fewest that hold it: add up the shares of the directions, the "
        "strongest first, until they reach it"
    )


def _same_span(found: Tensor, directions: Tensor) -> bool:
    wanted = directions[: len(found)]
    return close(found.T @ found, wanted.T @ wanted, 1e-3)


def _wrong_span(found: Tensor, rows: Tensor, n: int) -> str:
    centred = rows - rows.mean(0)
    upwards = torch.linalg.eigh(centred.T @ centred).eigenvectors.T
    weakest = positional.principal_directions(rows)[0][:6].flip(0)
    if _same_span(found, weakest) or _same_span(found, upwards):
        return (
            "these are the weakest directions: the strongest are the first rows of Vh (eigh sorts "
            "upwards)"
        )
    if _same_span(found, torch.linalg.svd(rows, full_matrices=False).Vh):
        return "these are the directions around zero: subtract the mean of the rows first"
    if _same_span(found, torch.linalg.svd(centred / rows.std(0), full_matrices=False).Vh):
        return "do not divide by the standard deviation of each entry: subtract the mean only"
    return (
        "the directions are not those along which the rows differ most: subtract the mean of the "
        "rows, and take the first rows of Vh"
    )


def _case() -> tuple[Tensor, Tensor, Tensor]:
    """Activations [2, 5, 7], three orthonormal directions, and a mean."""
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.randn(2, 5, 7, generator=generator) + 1
    basis = positional.random_directions(3, 7, seed=1)
    mean = torch.randn(7, generator=generator)
    return x, basis, mean


@exercise
def remove_component(attempt: Attempt) -> None:
    """`(x [batch, pos, d_model], basis [n, d_model], mean [d_model]) -> x` without the subspace."""
    x, basis, mean = _case()
    attempt.expect(positional.remove_component(x, basis, mean), x, basis, mean)
    _explain_removed_shape(_removed(attempt, x, basis, mean), basis)
    found = attempt.tensor(x, basis, mean, shape=(2, 5, 7), axes="(batch, pos, d_model)")
    right = positional.remove_component(x, basis, mean)
    if not close(found, right):
        sentence = named(found, _wrong_removals(x, basis, mean), right)
        raise Wrong(sentence or _removal_hint(found, x, basis, mean))
    other = positional.random_directions(1, 7, seed=2)
    with Cases(passed=1).case():
        found = attempt.tensor(x[:1], other, mean, shape=(1, 5, 7), axes="(batch, pos, d_model)")
    if not close(found, positional.remove_component(x[:1], other, mean)):
        raise Wrong("right for three directions and wrong for one: is a size written into it?")


def _removed(attempt: Attempt, x: Tensor, basis: Tensor, mean: Tensor) -> Any:
    try:
        return attempt(x, basis, mean)
    except Wrong as mistake:
        text = str(mistake)
        if "shapes cannot be multiplied" in text or "size mismatch" in text:
            raise Wrong(
                f"{mistake} (basis has shape (n, d_model) = (3, 7): coordinates are v @ basis.T, "
                "and coordinates @ basis is a vector again)"
            ) from None
        raise


def _explain_removed_shape(result: Any, basis: Tensor) -> None:
    if isinstance(result, Tensor) and tuple(result.shape) == (2, 5, 3):
        raise Wrong(
            "these are coordinates along the directions: turn them back into vectors by "
            "coordinates @ basis, and subtract those from x"
        )
    if isinstance(result, Tensor) and result.shape[-1:] == (4,):
        raise Wrong("the subspace is cut out: x keeps its shape, with another part in the subspace")


def _wrong_removals(x: Tensor, basis: Tensor, mean: Tensor) -> dict[str, Tensor]:
    """Wrong answers by the sentence that names their mistake."""

    def part(v: Tensor) -> Tensor:
        return v @ basis.T @ basis

    own = x.mean((0, 1))
    one = basis.sum(0) / basis.sum(0).norm()
    n = len(basis)
    keep = "this keeps the subspace and removes all the rest: subtract the part, do not return it"
    return {
        "nothing is changed: is the changed tensor the one that you return?": x,
        "the part in the subspace is set to zero, not to that of the mean: remove how x DIFFERS "
        "from the mean, the part of x - mean": x - part(x),
        keep: part(x),
        keep + " ": part(x - mean),
        keep + "  ": mean + part(x - mean),
        "the part is added where it should be subtracted": x + part(x - mean),
        "the sign of the mean is wrong: the part that goes is that of x - mean": x - part(x + mean),
        "the mean stays subtracted: only its part in the subspace comes in, so x is not moved "
        "outside the subspace": x - mean - part(x - mean),
        "the whole mean is added: only its part in the subspace belongs there": x - part(x) + mean,
        "everything becomes the mean: only the part in the subspace does": mean.expand_as(
            x
        ).clone(),
        "one direction is removed, the first: remove them all": (
            x - ((x - mean) @ basis[:1].T) @ basis[:1]
        ),
        "one direction is removed, the last: remove them all": (
            x - ((x - mean) @ basis[-1:].T) @ basis[-1:]
        ),
        "the mean that is passed in is not used: do not take the mean of x itself": (
            x - part(x - own)
        ),
        "the mean is taken prompt by prompt from x: use the one that is passed in": (
            x - part(x - x.mean(1, keepdim=True))
        ),
        "the part is subtracted twice": x - 2 * part(x - mean),
        "the directions are added into one, and that is removed: remove each direction by itself": (
            x - ((x - mean) @ one)[..., None] * one
        ),
        f"the first {n} entries of the vectors are replaced: the subspace is that of the rows of "
        "basis, no set of entries": torch.cat([mean[:n].expand(2, 5, n), x[..., n:]], -1),
        "the part is divided by the number of directions: subtract it whole": (
            x - part(x - mean) / n
        ),
        "half of the part is subtracted: subtract it whole": x - part(x - mean) / 2,
        "negative coordinates stay: remove them too": x - ((x - mean) @ basis.T).relu() @ basis,
        "the sum of the coordinates is taken off: each direction goes by its own coordinate": (
            x - ((x - mean) @ basis.T).sum(-1, keepdim=True) * basis.sum(0)
        ),
    }


def _removal_hint(found: Tensor, x: Tensor, basis: Tensor, mean: Tensor) -> str:
    outside = torch.eye(7) - basis.T @ basis
    if not close(found @ outside, x @ outside):
        return "what lies outside the subspace has changed: only the part in the subspace may"
    return (
        "outside the subspace all is right; inside, the coordinates should be those of the mean: "
        f"{[round(c, 3) for c in (mean @ basis.T).tolist()]} at every position"
        + related(
            found, positional.remove_component(x, basis, mean), ("prompt", "position", "entry")
        )
    )


@exercise
def shuffle_component(attempt: Attempt) -> None:
    """`(x [batch, pos, d_model], basis, order [batch, pos]) -> x`, the subspace's part moved."""
    x, basis, _ = _case()
    order = torch.tensor([[1, 3, 0, 4, 2], [4, 0, 1, 2, 3]])  # neither is its own inverse
    attempt.expect(positional.shuffle_component(x, basis, order), x, basis, order)
    _explain_removed_shape(attempt(x, basis, order), basis)
    found = attempt.tensor(x, basis, order, shape=(2, 5, 7), axes="(batch, pos, d_model)")
    right = positional.shuffle_component(x, basis, order)
    if not close(found, right):
        raise Wrong(
            named(found, _wrong_shuffles(x, basis, order), right) or _shuffle_hint(found, x, basis)
        )
    one = positional.random_directions(1, 7, seed=2)
    for few, directions, other in (
        (x[:1, :3], one, torch.tensor([[2, 0, 1]])),
        (torch.cat([x, x[:1] + 1])[:, :2], basis[:2], torch.tensor([[1, 0], [0, 1], [0, 0]])),
    ):
        shape = tuple(few.shape)
        with Cases(passed=1).case():
            axes = "(batch, pos, d_model)"
            found = attempt.tensor(few, directions, other, shape=shape, axes=axes)
        if not close(found, positional.shuffle_component(few, directions, other)):
            raise Wrong(
                f"right for 2 prompts and 3 directions, and wrong for {len(few)} and "
                f"{len(directions)}: is a size written into it?"
            )


def _wrong_shuffles(x: Tensor, basis: Tensor, order: Tensor) -> dict[str, Tensor]:
    part = x @ basis.T
    batch = torch.arange(len(x))[:, None]
    moved = part[batch, order]
    in_steps = x.clone()
    for b, row in enumerate(order.tolist()):
        for p, other in enumerate(row):
            in_steps[b, p] += (in_steps[b, other] - in_steps[b, p]) @ basis.T @ basis
    return {
        "nothing is changed: is the changed tensor the one that you return?": x,
        "whole activations are moved: only the part in the subspace may": x[batch, order],
        "the part goes FROM p to order[b, p]: position p should get the one of order[b, p]": (
            positional.shuffle_component(x, basis, order.argsort(1))
        ),
        "every prompt is shuffled in the order of the first: each has its own row of `order`": (
            positional.shuffle_component(x, basis, order[:1].expand_as(order))
        ),
        "the new part is added and the old one is still there: subtract it": x + moved @ basis,
        "the old part is gone and nothing is put in its place": x - part @ basis,
        "only the part is returned: what lies outside the subspace stays": moved @ basis,
        "the sign is flipped: take away the part of position p, and add that of order[b, p]": (
            x + (part - moved) @ basis
        ),
        "you read what you had already changed: compute all parts from the x that came in, "
        "before you write": in_steps,
        "the parts are taken from the first prompt: order[b] counts the positions of prompt b": (
            x + (part.flatten(0, 1)[order] - part) @ basis
        ),
        "the parts come from another prompt: each prompt's own": (
            x + (part.flip(0)[batch, order] - part) @ basis
        ),
        "gather takes the first coordinate alone, for every direction: expand the index over all "
        "directions, or use part[batch, order]": x + (moved[..., :1] - part) @ basis,
        "the part is moved half way: take out the old part whole, and put in the new one whole": (
            x + (moved - part) / 2 @ basis
        ),
        "the parts of prompts are exchanged, not those of positions": (
            x + (part.flip(0) - part) @ basis
        ),
    }


def _shuffle_hint(found: Tensor, x: Tensor, basis: Tensor) -> str:
    outside = torch.eye(7) - basis.T @ basis
    if not close(found @ outside, x @ outside):
        return "what lies outside the subspace has changed: only the part in the subspace may"
    return (
        "outside the subspace all is right; inside, the coordinates of position p should be those "
        "that x has at order[b, p]: compare found @ basis.T with x @ basis.T"
    )
