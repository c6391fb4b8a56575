"""Whether derivatives pass through what a learner wrote, where something is to be trained with it.

A result may have the right numbers and be cut off from what it was computed from, by `.detach()`,
`.data`, `.item()` or `torch.no_grad()`. Nothing before the cut could then be trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close

_CUTS = "leave out .detach(), .data, .item(), torch.tensor(...) of a result, and no_grad"


def require(
    run: Callable[..., Tensor],
    reference: Callable[..., Tensor],
    given: Mapping[str, Tensor],
    weights: Mapping[str, tuple[Tensor, Tensor]] | None = None,
) -> None:
    """Compare the derivatives of a learner's result with those of the reference's.

    Args:
        run: the learner's function of the values of `given`; its result has been found right.
        reference: the course's.
        given: floating-point arguments by name.
        weights: a module's parameters by name, the learner's and the reference's.

    Raises:
        Wrong: the derivative is lost on the way, cannot be computed, or is another.
    """
    leaves, others = (
        {name: value.detach().clone().requires_grad_() for name, value in given.items()}
        for _ in range(2)
    )
    pairs = weights or {}
    for name, (own, _) in pairs.items():
        if not own.requires_grad:
            raise Wrong(f"the weight {name} is never trained: its requires_grad is off")
    result = _run(run, leaves.values())
    targets = leaves | {name: own for name, (own, _) in pairs.items()}
    found = _derivatives(result, targets)
    right = _derivatives(
        reference(*others.values()), others | {name: ref for name, (_, ref) in pairs.items()}
    )
    lost = [name for name, value in right.items() if _matters(value) and found[name] is None]
    if lost:
        shown = ", ".join(lost[:4]) + (" and others" if len(lost) > 4 else "")
        raise Wrong(
            f"the numbers are right, and no derivative comes back to {shown}, so training would "
            f"not work: {_CUTS}"
        )
    for name, expected in right.items():
        value = found[name]
        if expected is not None and value is not None and not close(value, expected, 1e-3):
            raise Wrong(
                f"the numbers are right, and the derivative with respect to {name} is not, so "
                f"training would go astray: is a part of the result cut off? If so, {_CUTS}"
            )


def _run(run: Callable[..., Tensor], leaves: Iterable[Tensor]) -> Tensor:
    # In a closure: a copy of an argument has derivatives of its own.
    try:
        return Attempt(lambda: run(*leaves))()
    except Wrong as mistake:
        if "requires grad" in str(mistake):
            raise Wrong(
                f"the numbers are right, and training would not work: {mistake}. numpy and plain "
                "Python numbers carry no derivatives: compute with tensors all the way"
            ) from None
        if "in-place" in str(mistake):
            raise Wrong(f"{mistake}: work on a copy, for instance x = x.clone()") from None
        raise


def _matters(value: Tensor | None) -> bool:
    return value is not None and bool(value.any())


def _derivatives(result: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor | None]:
    """Of a fixed mixture of the result's entries, with respect to each of the targets."""
    if not result.requires_grad:
        return dict.fromkeys(targets)
    mixture = torch.randn(
        result.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64
    )
    total = (result.double() * mixture).sum()
    try:
        found = torch.autograd.grad(total, list(targets.values()), allow_unused=True)
    except RuntimeError as error:
        if "inplace" in str(error) or "in-place" in str(error):
            raise Wrong(
                "the numbers are right, and their derivative cannot be computed: a tensor that it "
                "needs was changed in place; make a new one instead, for instance with masked_fill "
                "or torch.where"
            ) from None
        raise Wrong(
            f"the numbers are right, and their derivative cannot be computed ({error})"
        ) from None
    return dict(zip(targets, found, strict=True))
