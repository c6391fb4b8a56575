"""Checks on what a network of digits gets wrong: its accuracy, the confusions, the worst."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import Cases, named
from mi_course.check.numerals import apart
from mi_course.digits import mlp

CLASSES = 4


@exercise
def accuracy(attempt: Attempt) -> None:
    """`(model, batches) -> share of right answers, from 0 to 1`."""
    # Sizes and hits for which every known mistake gives another number than the others.
    cases = Cases()
    for sizes, hits in (((7, 5, 3), (3, 4, 1)), ((1,), (1,)), ((2, 5), (1, 4))):
        _compare_accuracy(attempt, sizes, hits, cases)


def _compare_accuracy(
    attempt: Attempt, sizes: tuple[int, ...], hits: tuple[int, ...], cases: Cases
) -> None:
    batches = _answered(sizes, hits)
    model = nn.Linear(CLASSES, CLASSES)
    with torch.no_grad():
        model.weight.copy_(torch.eye(CLASSES))
        model.bias.zero_()
    watched: list[bool] = []
    model.register_forward_hook(lambda *_: watched.append(torch.is_grad_enabled()))
    given = iter(batches) if len(sizes) == 2 else batches  # a loader may be read only once
    try:
        result = Attempt(lambda: attempt.function(model, given))()
    except Wrong as mistake:
        if "must match the size" in str(mistake):
            raise Wrong(
                f"{mistake} (an answer for each image is wanted: is the argmax taken along the "
                "last axis?)"
            ) from None
        if "object of type" in str(mistake) or "subscriptable" in str(mistake):
            raise Wrong(
                f"{mistake}. Batches may come from a generator, which has no length and can be "
                "read only once: loop over them, and count as you go"
            ) from None
        raise
    if not torch.equal(model.weight, torch.eye(CLASSES)):
        raise Wrong("your function changes the weights: measuring must not train")
    _check_share(result, batches, list(hits), model, cases)
    if any(watched):
        raise Wrong("a graph for derivatives is built: put the loop into `with torch.no_grad():`")


def _answered(sizes: tuple[int, ...], hits: tuple[int, ...]) -> list[tuple[Tensor, Tensor]]:
    """Batches of logits and labels, with so many right answers in each."""
    generator = torch.Generator().manual_seed(0)
    batches = []
    for n, right in zip(sizes, hits, strict=True):
        labels = torch.randint(0, CLASSES, (n,), generator=generator)
        answers = labels.clone()
        answers[right:] = (answers[right:] + 1) % CLASSES
        noise = 0.1 * torch.rand(n, CLASSES, generator=generator)
        batches.append((nn.functional.one_hot(answers, CLASSES) + noise, labels))
    return batches


def _check_share(
    result: Any,
    batches: list[tuple[Tensor, Tensor]],
    hits: list[int],
    model: nn.Module,
    cases: Cases,
) -> None:
    if result is None:
        raise Wrong("your function returns None: is the return statement missing?")
    if isinstance(result, Tensor) and result.numel() != 1:
        raise Wrong(f"return one number, not a tensor of shape {tuple(result.shape)}")
    if not isinstance(result, int | float | Tensor):
        raise Wrong(f"return a number from 0 to 1, not {type(result).__name__}")
    sizes = [len(labels) for _, labels in batches]
    right = sum(hits) / sum(sizes)
    with torch.no_grad():
        lowest = sum(int((model(x).argmin(-1) == y).sum()) for x, y in batches)
        two = sum(int((model(x).topk(2).indices == y[:, None]).sum()) for x, y in batches)
        sure = sum(float(model(x).softmax(-1)[torch.arange(len(y)), y].sum()) for x, y in batches)
    mistakes = {
        "this is the mean of the batches' shares; batches differ in size, so count images": (
            sum(hit / n for hit, n in zip(hits, sizes, strict=True)) / len(sizes)
        ),
        "this is in percent: return a share from 0 to 1": 100 * right,
        "this is the number of hits: divide by the number of images": sum(hits),
        "this is the share of wrong answers": 1 - right,
        "this is the share of the last batch alone": hits[-1] / sizes[-1],
        "this is the share of the first batch alone": hits[0] / sizes[0],
        "divide by the number of images, not of batches": sum(hits) / len(sizes),
        "the smallest logit is taken for the answer: use argmax": lowest / sum(sizes),
        "the label may be the second largest logit here: only the largest is the answer": (
            two / sum(sizes)
        ),
        "this is the mean probability of the label: count how often its logit is the largest": (
            sure / sum(sizes)
        ),
        "the result is rounded: return the share as it is": round(right, 1),
        "the result is rounded, to two places: return the share as it is": round(right, 2),
        "// divides whole numbers and cuts off the rest: divide with /": float(
            sum(hits) // sum(sizes)
        ),
        "the share of the best batch is taken: count the images of all": max(
            hit / n for hit, n in zip(hits, sizes, strict=True)
        ),
        "every batch is counted as if it were as long as the first": sum(hits)
        / (len(sizes) * sizes[0]),
    }
    right_text, found_text = apart(right, float(result), 4)
    hint = (
        f"{sum(hits)} of {sum(sizes)} answers are right, so the accuracy is {right_text}; yours is "
        f"{found_text}. Is the argmax taken along the last axis?"
    )
    cases.judge(float(result), right, mistakes, hint)


@exercise
def confusion_matrix(attempt: Attempt) -> None:
    """`(labels [n], answers [n]) -> counts [10, 10]`, row true digit, column answer."""
    labels = torch.tensor([0, 0, 1, 2, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9])
    answers = torch.tensor([0, 6, 1, 2, 5, 5, 3, 5, 4, 3, 6, 7, 8, 4])
    right = mlp.confusion_matrix(labels, answers)
    found = attempt.tensor(labels, answers, shape=(10, 10), axes="(10, 10)")
    shares = right.double() / right.sum(1, keepdim=True)
    mistakes = {
        "rows and columns are exchanged: rows are true digits, columns are answers": right.T,
        "each pair counts only once: counts[labels, answers] += 1 does not add up what repeats": (
            right.clamp(max=1)
        ),
        "these are percent of a row: return how often, as whole numbers": (100 * shares).round(),
        "every count stands one row and one column too late: digits begin at 0": (
            nn.functional.pad(right[:-1, :-1], (1, 0, 1, 0))
        ),
        "the diagonal is empty: count the right answers too": right - right.diag().diag(),
        "these are shares: return how often, as whole numbers": shares,
        "row and column are sorted, the smaller digit first: the row is the true digit, the column "
        "the answer": mlp.confusion_matrix(
            torch.minimum(labels, answers), torch.maximum(labels, answers)
        ),
        "these are shares of all images: return how often, as whole numbers": (
            right.double() / len(labels)
        ),
    }
    if not close(found, right):
        raise Wrong(
            named(found, mistakes, right)
            or "the entry at (row, column) should say how often a true digit `row` got the answer "
            f"`column`: a 3 was taken for a 5 three times, and your table says {found[3, 5]:g}"
        )
    if found.is_floating_point():
        raise Wrong("return whole numbers: torch.zeros(10, 10, dtype=torch.long)")
    many = 9 - torch.arange(300) // 290, torch.full((300,), 7)
    for labels, answers in ((torch.tensor([0, 2, 2]), torch.tensor([1, 2, 0])), _ONE, many):
        found = attempt.tensor(labels, answers, shape=(10, 10), axes="(10, 10)")
        right = mlp.confusion_matrix(labels, answers)
        if not torch.equal(found.long(), right):
            i, j = (found.long() != right).nonzero()[0].tolist()
            raise Wrong(
                f"with {len(labels)} answers the entry at ({i}, {j}) should be {right[i, j]}, and "
                f"yours is {found[i, j]}: do the counts fit into their type, torch.long?"
                if len(labels) > 100
                else f"with {len(labels)} answers the entry at ({i}, {j}) should be "
                f"{right[i, j]}, and yours is {found[i, j]}: not every digit needs to occur"
            )


_ONE = torch.tensor([4]), torch.tensor([9])
"""One image, a 4 that was taken for a 9."""


@exercise
def hardest_errors(attempt: Attempt) -> None:
    """`(logits [n, classes], labels [n], k) -> indices`, wrong answers only, highest loss first."""
    logits, labels = _some_errors()
    right = mlp.hardest_errors(logits, labels, 12)
    attempt.expect(right[:3], logits, labels, 3)
    result = attempt(logits, labels, 3)
    found = _indices(result)
    if isinstance(found, Tensor) and found.is_floating_point():
        raise Wrong("these are not indices: return the places of the images, as whole numbers")
    if isinstance(found, Tensor) and found.shape == right.shape:
        raise Wrong(f"k is 3, and {len(right)} indices came back: return at most k")
    if not isinstance(found, Tensor):
        raise Wrong(f"return a tensor of indices, not {type(result).__name__}")
    if found.shape != (3,):
        among = bool(torch.isin(found, right).all()) and found.ndim == 1 and len(found) < 3
        raise Wrong(
            f"k is 3 and {len(right)} answers are wrong, and yours are {len(found)} indices: keep "
            "the wrong answers first, then take k of them"
            if among
            else f"k is 3, so return a tensor of shape (3,); yours is {tuple(found.shape)}"
        )
    _explain_order(found, logits, labels, right)
    for k in (1, 2):
        found = _indices(attempt(logits, labels, k))
        if not isinstance(found, Tensor) or not torch.equal(found, right[:k]):
            raise Wrong(f"right for k = 3, and not for k = {k}: expected {right[:k].tolist()}")
    everything = _all_errors(attempt, logits, labels, len(right))
    if len(everything) != len(right):
        raise Wrong(
            f"{len(right)} answers are wrong and k is 12: return {len(right)} indices, not "
            f"{len(everything)}: right answers are not errors"
        )
    none = _indices(attempt(logits, logits.argmax(-1), 3))
    if not isinstance(none, Tensor) or none.numel():
        raise Wrong("where every answer is right, there is no error to return")


def _some_errors() -> tuple[Tensor, Tensor]:
    """Logits [12, 5] and labels [12]; some right answers have a higher loss than some errors."""
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(12, 5, generator=generator)
    labels = logits.argmax(-1)
    # Right by a hair among five: a loss of about 1.6.
    for i, label in ((0, 0), (3, 2), (5, 4)):
        logits[i] = torch.tensor([4.97, 4.98, 4.96, 4.99, 4.95])
        logits[i, label], labels[i] = 5.0, label
    # Wrong, with losses of 4.0, 1.9, 1.2 and 0.7; neither the largest logit nor its distance from
    # the label's has that order.
    for i, label, taken, top, gap in (
        (8, 3, 0, 9.0, 4.0),
        (11, 2, 4, 2.0, 0.4),
        (2, 4, 1, 3.0, 0.8),
        (7, 1, 3, 1.0, 0.1),
    ):
        logits[i] = top - 0.1 if i == 11 else -9.0
        logits[i, label], logits[i, taken], labels[i] = top - gap, top, label
    return logits, labels


def _indices(result: Any) -> Any:
    if isinstance(result, list | tuple):
        return torch.as_tensor(result) if len(result) else torch.zeros(0, dtype=torch.long)
    return result


def _all_errors(attempt: Attempt, logits: Tensor, labels: Tensor, n: int) -> Tensor:
    """What comes back when more errors are wanted than there are."""
    try:
        found = attempt(logits, labels, 12)
    except Wrong as mistake:
        raise Wrong(
            f"{n} answers are wrong and k is 12: {mistake}. Return at most k: topk wants that many "
            "to be there, a slice [:k] does not"
        ) from None
    return _indices(found)


def _explain_order(found: Tensor, logits: Tensor, labels: Tensor, right: Tensor) -> None:
    if torch.equal(found, right[:3]):
        return
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    wrong = right.sort().values
    own = logits.max(-1).values[wrong]
    gap = own - logits[wrong, labels[wrong]]
    mistakes = {
        "the lowest losses come first: highest loss first": right.flip(0)[:3],
        "these are places among the wrong answers: return places among all images, wrong[order]": (
            losses[wrong].argsort(descending=True)[:3]
        ),
        "these are the first errors in the images' order: sort them by their loss": wrong[:3],
        "this sorts by the largest logit: sort by the loss": (
            wrong[own.argsort(descending=True)][:3]
        ),
        "this sorts by how far the label's logit lies below the largest: sort by the loss": (
            wrong[gap.argsort(descending=True)][:3]
        ),
        "this sorts by the label's own logit: sort by the loss": (
            wrong[logits[wrong, labels[wrong]].argsort()][:3]
        ),
    }
    if sentence := named(found, mistakes, right[:3]):
        raise Wrong(sentence)
    if not bool(torch.isin(found, wrong).all()):
        raise Wrong("among yours are right answers: keep only those that are wrong")
    raise Wrong(
        f"expected the indices {right[:3].tolist()}, highest loss first: yours are {found.tolist()}"
    )
