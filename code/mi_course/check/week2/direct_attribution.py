"""Check on direct logit attribution: what each component writes for the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases


@dataclass(frozen=True)
class _Run:
    """What a model hands over of a few prompts.

    Attributes:
        parts: what was written, shape (*front, batch, d_model).
        scale: shape (batch, 1).
        W_U: shape (d_model, vocab).
        io, s: shape (batch).
    """

    parts: Tensor
    scale: Tensor
    W_U: Tensor
    io: Tensor
    s: Tensor

    @property
    def direction(self) -> Tensor:
        """W_U of IO minus that of S, a row for each prompt: [batch, d_model]."""
        return (self.W_U[:, self.io] - self.W_U[:, self.s]).T

    def terms(self, parts: Tensor | None = None, scale: Tensor | None = None) -> Tensor:
        """The terms, or those of other parts or of another scale, shape (batch, 1)."""
        parts = self.parts if parts is None else parts
        return (parts * self.direction / (self.scale if scale is None else scale)).sum(-1)


def _run(*front: int, batch: int, width: int, vocab: int, seed: int, centred: bool = True) -> _Run:
    generator = torch.Generator().manual_seed(seed)
    parts = torch.randn(*front, batch, width, generator=generator)
    # folding centres what writes to a stream whose mean LayerNorm would subtract
    parts = parts - parts.mean(-1, keepdim=True) if centred else parts + 0.5
    names = torch.stack([torch.randperm(vocab, generator=generator)[:2] for _ in range(batch)])
    names[0, 0], names[0, 1] = vocab - 1, 0  # an id that is no row of W_U
    return _Run(
        parts=parts,
        scale=1.5 + torch.rand(batch, 1, generator=generator),
        W_U=torch.randn(width, vocab, generator=generator),
        io=names[:, 0].clone(),
        s=names[:, 1].clone(),
    )


@exercise
def direct_logit_attribution(attempt: Attempt) -> None:
    """`(parts [..., batch, d_model], scale [batch, 1], W_U, io, s) -> [..., batch]`, in logits."""
    layers = Cases("component", "prompt")
    with layers.case():
        _compare(attempt, _run(5, batch=3, width=6, vocab=11, seed=0), layers)
    heads = Cases("layer", "head", "prompt", passed=1)
    _compare(attempt, _run(2, 4, batch=3, width=6, vocab=9, seed=1), heads)
    for run in (
        _run(3, batch=3, width=5, vocab=7, seed=2),  # as many parts as prompts
        _run(4, batch=2, width=8, vocab=9, seed=3, centred=False),
        _run(1, batch=1, width=4, vocab=5, seed=4),
    ):
        with layers.case():
            _compare(attempt, run, layers)


def _compare(attempt: Attempt, run: _Run, cases: Cases) -> None:
    given = (run.parts, run.scale, run.W_U, run.io, run.s)
    attempt.expect(run.terms(), *given)
    _explain_shape(_called(attempt, run), run)
    shape = tuple(run.parts.shape[:-1])
    axes = "(layer, head, batch)" if len(shape) == 3 else "(component, batch)"
    found = attempt.tensor(*given, shape=shape, axes=axes)
    hint = "these are not the terms: print one part of one prompt, and compute its term by hand"
    cases.judge(found.detach(), run.terms(), _wrong_terms(run), hint)


def _called(attempt: Attempt, run: _Run) -> Any:
    try:
        return attempt(run.parts, run.scale, run.W_U, run.io, run.s)
    except Wrong as mistake:
        raise Wrong(f"{mistake}{_why_it_stopped(str(mistake), run)}") from None


def _why_it_stopped(error: str, run: _Run) -> str:
    if "stopped with" not in error:
        return ""
    *front, batch, width = run.parts.shape
    sizes = {int(n) for n in re.findall(r"tensor [ab] \((\d+)\)", error)}
    if len(front) == 2 and sizes != {front[-1], batch}:
        return (
            ": parts has two axes in front here, layer and head; with one it went well. Name none "
            "of them: `...` in a pattern, or -1 for the last axis"
        )
    if sizes == {front[-1], batch}:
        return (
            ": scale has shape (batch, 1), and divides what has d_model as its last axis: divide "
            "before you sum over d_model"
        )
    if sizes == {width, batch}:
        return (
            ": W_U[:, io] has shape (d_model, batch), a column for each prompt: turn the "
            "difference with .T, so that each prompt has a row"
        )
    if "IndexError" in error and f"with size {width}" in error:
        return ": W_U has the words as its columns: W_U[:, io], not W_U[io]"
    return ""


def _explain_shape(result: Any, run: _Run) -> None:
    """Say what a result of another shape is, before its shape is all that is said."""
    *front, batch, width = run.parts.shape
    found = tuple(result.shape) if isinstance(result, Tensor) else None
    sentences = {
        (batch,): "this is the sum over the components: keep a term for each component",
        tuple(front): "this is one number for each component: keep a term for each prompt too",
        (): "this is one number: keep a term for each component and each prompt",
        (*front, batch, width): "the sum over d_model is missing",
        (*front, batch, run.W_U.shape[1]): (
            "these are terms for every token: take those of each prompt's io and s, and subtract"
        ),
        (*front, batch, batch): (
            "this reads every prompt with every prompt's names: each prompt has its own, so "
            "multiply row by row and sum over d_model"
        ),
        (*front, batch, 1): "an axis of length 1 is left: sum over d_model without keepdim",
        (batch, *front): "the batch is the last axis of parts but one: keep it the last",
    }
    right = tuple(run.parts.shape[:-1])
    if found != right and (sentence := sentences.get(found or right)) and found is not None:
        raise Wrong(sentence)


def _wrong_terms(run: _Run) -> dict[str, Tensor]:
    parts, scale, right = run.parts, run.scale, run.terms()
    rows = torch.arange(len(run.io))
    unscaled = (parts * run.direction).sum(-1)
    for_io, for_s = ((parts / scale * run.W_U[:, names].T).sum(-1) for names in (run.io, run.s))
    centred = parts - parts.mean(-1, keepdim=True)
    own = centred.square().mean(-1, keepdim=True).sqrt()
    shares = (parts / scale @ run.W_U).softmax(-1)
    return {
        "this is the logit of S minus IO: W_U[:, io] − W_U[:, s] is the direction": -right,
        "this is the logit of IO alone: subtract W_U[:, s] from W_U[:, io]": for_io,
        "this is the logit of S alone: subtract W_U[:, s] from W_U[:, io]": for_s,
        "the two logits are added: subtract that of S": for_io + for_s,
        "the scale is missing: divide by it, as the final LayerNorm does": unscaled,
        "this multiplies by the scale: LayerNorm divides by it, so divide": run.terms(
            scale=1 / scale
        ),
        "this divides by the square of the scale: divide once": run.terms(scale=scale.square()),
        "this divides by the root of the scale: it is a standard deviation already": run.terms(
            scale=scale.sqrt()
        ),
        "each component is divided by a prompt's scale: scale is a column, (batch, 1), so divide "
        "before you sum over d_model": _over_columns(unscaled, scale, right),
        "each part is divided by a standard deviation of its own: all parts of a prompt share the "
        "scale that is given": (centred / own * run.direction).sum(-1),
        "each part is divided by a standard deviation of its own: all parts of a prompt share the "
        "scale that is given ": (parts / parts.std(-1, keepdim=True) * run.direction).sum(-1),
        "every prompt is read with the names of the first prompt: each has its own": (
            parts / scale @ run.direction[0]
        ),
        "every prompt is divided by the scale of the first prompt: each has its own": run.terms(
            scale=scale[:1]
        ),
        "every prompt is divided by the mean scale: each has its own": run.terms(
            scale=scale.mean()
        ),
        "these are shares of the whole: return the terms themselves, in logits": (
            right / right.sum(0)
        ),
        "these are probabilities, which do not add up over the components: take logits": (
            shares[..., rows, run.io] - shares[..., rows, run.s]
        ),
        "this is the mean over d_model: take the sum": right / parts.shape[-1],
        "the mean over the components is subtracted: return the terms themselves": (
            right - right.mean(0)
        ),
        "the sign is lost: a component can write against the answer": right.abs(),
        "a mean over d_model is subtracted from each part: compatibility mode has done that where "
        "the norm does it, and an RMSNorm does not": run.terms(parts=centred),
    }


def _over_columns(unscaled: Tensor, scale: Tensor, right: Tensor) -> Tensor:
    """The terms divided by (batch, 1) where that runs; else the right ones, to be silent."""
    try:
        wrong = unscaled / scale
    except RuntimeError:
        return right
    return wrong if wrong.shape == right.shape else right
