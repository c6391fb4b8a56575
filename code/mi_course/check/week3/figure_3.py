"""Checks on the paper's figure 3: relative change, projection on a name, means by template."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases
from mi_course.check.numerals import first_apart


@exercise
def relative_change(attempt: Attempt) -> None:
    """`(patched [batch, layer, head], clean [batch]) -> percent [layer, head]`, of the means."""
    generator = torch.Generator().manual_seed(0)
    # a mean may be negative, and a single prompt is its own mean
    cases = Cases("layer", "head")
    for clean, layers, heads in (
        (torch.tensor([2.0, 5.0, 0.5, 8.5]), 2, 3),
        (torch.tensor([-2.0, 1.0, -4.0]), 3, 1),
        (torch.tensor([1.5]), 1, 2),
    ):
        noise = torch.randn(len(clean), layers, heads, generator=generator)
        with cases.case():
            _compare_changes(attempt, clean[:, None, None] + noise, clean, cases)


def _compare_changes(attempt: Attempt, patched: Tensor, clean: Tensor, cases: Cases) -> None:
    shape = tuple(patched.shape[1:])
    right = 100 * (patched.mean(0) - clean.mean()) / clean.mean()
    attempt.expect(right, patched, clean)
    if len(clean) == 4:
        _explain_change_shape(attempt(patched, clean))
    found = attempt.tensor(patched, clean, shape=shape, axes="(layer, head)")
    each = (patched - clean[:, None, None]) / clean[:, None, None]
    mistakes = {
        "this is a mean of ratios: a prompt whose difference is near zero would dominate; take the "
        "means first, then their ratio": 100 * each.mean(0),
        "the sign is wrong: a drop of the logit difference is negative": -right,
        "this is a share: give percent, 100 times as much": right / 100,
        "this is the change in logits: divide by the clean mean": patched.mean(0) - clean.mean(),
        "this is the change in hundredths of a logit: divide by the clean mean": (
            100 * (patched.mean(0) - clean.mean())
        ),
        "this is what is left, in percent: subtract the clean mean first": (
            100 * patched.mean(0) / clean.mean()
        ),
        "this divides by the patched mean: divide by the clean one": (
            100 * (patched.mean(0) - clean.mean()) / patched.mean(0)
        ),
        "these are medians: take the means over the prompts": (
            100 * (patched.median(0).values - clean.median()) / clean.median()
        ),
        "the clean mean is taken without its sign: divide by the mean itself": (
            100 * (patched.mean(0) - clean.mean()) / clean.mean().abs()
        ),
        "the mean over the heads is subtracted: return each head's change": (
            right - right.mean(1, keepdim=True)
        ),
        "the sign is lost: a drop is negative, so take no absolute value": right.abs(),
        "the largest clean value stands for the mean: take the clean MEAN": (
            100 * (patched.mean(0) - clean.max()) / clean.max()
        ),
        "the first prompt's clean value stands for all of them: take the clean MEAN": (
            100 * (patched.mean(0) - clean[0]) / clean[0]
        ),
    }
    differs = first_apart(found, right)
    layer, head = differs.at
    hint = f"head {layer}.{head} should change by {differs.right} %, and yours by {differs.found} %"
    cases.judge(found, right, mistakes, hint)


def _explain_change_shape(result: Any) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (4, 2, 3):
        raise Wrong("one value for each prompt is too many: take the mean over the prompts")
    if shape == ():
        raise Wrong("return one number for each head, not their mean")


@exercise
def name_projection(attempt: Attempt) -> None:
    """`(z [batch, d_head], W_O [d_head, d_model], W_U [d_model, vocab], names) -> [batch]`."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(5, 3, generator=generator)
    w_o = torch.randn(3, 4, generator=generator)
    w_u = torch.randn(4, 6, generator=generator)
    names = torch.tensor([5, 0, 2, 2, 4])
    attempt.expect((z @ w_o @ w_u)[torch.arange(5), names], z, w_o, w_u, names)
    _explain_projection_shape(_projection(attempt, z, w_o, w_u, names))
    cases = Cases("prompt")
    for rows in (slice(None), slice(0, 2), slice(3, 4)):
        with cases.case():
            _compare_projections(attempt, z[rows], w_o, w_u, names[rows], cases)


def _compare_projections(
    attempt: Attempt, z: Tensor, w_o: Tensor, w_u: Tensor, names: Tensor, cases: Cases
) -> None:
    rows = torch.arange(len(z))
    found = attempt.tensor(z, w_o, w_u, names, shape=(len(z),), axes="(batch)")
    out = z @ w_o
    right = (out @ w_u)[rows, names]
    unit = w_u / w_u.norm(dim=0)
    mistakes = {
        "every prompt is projected on the first prompt's name: `names` has one for each": (
            (out @ w_u)[:, names[0]]
        ),
        "the name's vector is scaled to length 1: use W_U's column as it is": (out @ unit)[
            rows, names
        ],
        "this is a cosine: neither vector is scaled": (
            (out / out.norm(dim=-1, keepdim=True)) @ unit
        )[rows, names],
        "the sign is wrong": -right,
        "this is a probability: no softmax, the projection is a logit": (out @ w_u).softmax(-1)[
            rows, names
        ],
        "the mean over the vocabulary is subtracted: use W_U's column as it is": (
            (out @ w_u) - (out @ w_u).mean(-1, keepdim=True)
        )[rows, names],
        "the mean over the prompts is subtracted: use each prompt's own projection": (
            (out @ w_u) - (out @ w_u).mean(0)
        )[rows, names],
        "the head's output is scaled to length 1 first, as by a LayerNorm: the paper leaves the "
        "final LayerNorm out": ((out / out.norm(dim=-1, keepdim=True)) @ w_u)[rows, names],
        "this is the length of the product, not its sum: multiply entry by entry and add up": (
            (out * w_u[:, names].T).norm(dim=-1)
        ),
        "this is a mean over d_model: add up": right / 4,
        "this is the product of two lengths: multiply entry by entry and add up": (
            out.norm(dim=-1) * w_u[:, names].norm(dim=0)
        ),
        "every prompt is projected on token 0: `names` has each prompt's own": (out @ w_u)[:, 0],
        "the head's output goes through a LayerNorm: the paper leaves the final LayerNorm out": (
            (layer_norm(out, (4,)) @ w_u)[rows, names]
        ),
        "the sign is lost: a head can write against a name, so take no absolute value": right.abs(),
        "the projections on the names of ALL prompts are added up: each prompt has its own name": (
            (out @ w_u[:, names]).sum(-1)
        ),
        "this is the largest logit: take that of the name": (out @ w_u).max(-1).values,
    }
    differs = first_apart(found, right, 4)
    hint = (
        f"for prompt {differs.at[0]} the projection should be {differs.right}, and yours is "
        f"{differs.found}"
    )
    cases.judge(found, right, mistakes, hint)


def _projection(attempt: Attempt, *args: Tensor) -> Any:
    try:
        return attempt(*args)
    except Wrong as mistake:
        text = str(mistake)
        if "out of bounds" in text or "out of range" in text:
            raise Wrong(f"{text}: a name is a column of W_U, W_U[:, names]") from None
        if "cannot be multiplied" in text or "must match the size" in text:
            raise Wrong(
                f"{text} (z is (batch, d_head), W_O (d_head, d_model), W_U (d_model, vocab): the "
                "inner axes of each product are equal)"
            ) from None
        raise


def _explain_projection_shape(result: Any) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (5, 5):
        raise Wrong(
            "this projects every prompt on every prompt's name: take the pairs, for instance "
            "(out @ W_U)[rows, names]"
        )
    if shape == (5, 6):
        raise Wrong("this is a logit for every token: pick each prompt's name")
    if shape == (5, 4):
        raise Wrong("the entries are not added up: a projection is one number for each prompt")
    if isinstance(result, float) or shape == ():
        raise Wrong("return one number for each prompt, not their mean")


@exercise
def template_means(attempt: Attempt) -> None:
    """`(z [batch, pos, d], template [batch]) -> [batch, pos, d]`: each row's template's mean."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(7, 3, 4, generator=generator)
    template = torch.tensor([7, 3, 7, 4, 3, 7, 4])  # no numbers from 0 on
    attempt.expect(torch.stack([z[template == t].mean(0) for t in template]), z, template)
    _explain_means_shape(attempt(z, template))
    cases = Cases("prompt", "position", "entry")
    for given in (
        (z, template),
        (z[:5, :1, :2], torch.tensor([0, 1, 1, 0, 30])),
        (z[:1, :2], template[:1]),
    ):
        with cases.case():
            _compare_means(attempt, *given, cases)


def _compare_means(attempt: Attempt, z: Tensor, template: Tensor, cases: Cases) -> None:
    shape = tuple(z.shape)
    batch, pos, _ = shape
    found = attempt.tensor(z, template, shape=shape, axes="(batch, pos, d)")
    right = torch.stack([z[template == t].mean(0) for t in template])
    sums = torch.stack([z[template == t].sum(0) for t in template])
    others = torch.stack(
        [z[(template == t) & (torch.arange(batch) != i)].mean(0) for i, t in enumerate(template)]
    )
    mistakes = {
        "this is the mean over all prompts: positions mean different words in different "
        "templates, so average within each": z.mean(0).expand(batch, -1, -1),
        "this averages over the positions as well: keep them": right.mean(1, keepdim=True).expand(
            -1, pos, -1
        ),
        "this is each prompt's mean over its own positions: average over the prompts of a "
        "template, position by position": z.mean(1, keepdim=True).expand(-1, pos, -1),
        "this is one number for a whole template: average over its prompts only, mean(0)": (
            torch.stack([z[template == t].mean().expand(shape[1:]) for t in template])
        ),
        "these are sums: divide by the number of prompts of the template": sums,
        "the sums are divided by the number of all prompts: divide by that of the template": (
            sums / batch
        ),
        "each prompt is left out of its own mean: count it in": others,
        "nothing is averaged": z,
        "every position gets the mean of the first: average position by position": (
            right[:, :1].expand(shape)
        ),
        "every position gets the mean of the last: average position by position": (
            right[:, -1:].expand(shape)
        ),
        "each prompt gets the first prompt's template: `template` has one for each": right[
            :1
        ].expand(batch, -1, -1),
        "these are medians: take the mean over the prompts of a template": torch.stack(
            [z[template == t].median(0).values for t in template]
        ),
        "this is the first prompt of each template: take the mean over all of its prompts": (
            torch.stack([z[template == t][0] for t in template])
        ),
        "the mean is subtracted: return the mean itself": z - right,
        "each prompt gets another template's mean: row i of the result belongs to template[i]": (
            torch.stack([z[template == t].mean(0) for t in sorted(template.tolist())])
        ),
    }
    hint = "the means are others: row i should be the mean of all rows with template[i]"
    cases.judge(found, right, mistakes, lambda: _never_filled(found, template) or hint)


def _never_filled(found: Tensor, template: Tensor) -> str | None:
    """A sentence, if the rows of some templates are zero."""
    empty = sorted({int(t) for t, row in zip(template, found, strict=True) if not row.any()})
    if 0 < len(empty) == len(template.unique()) - 1:
        return "only one template's rows are filled: does a return stand inside the loop?"
    if empty:
        return (
            f"the rows of template {empty[-1]} were never filled: loop over template.unique(), "
            "since the numbers need not run from 0 on"
        )
    return None


def _explain_means_shape(result: Any) -> None:
    shape = tuple(result.shape) if isinstance(result, Tensor) else None
    if shape == (3, 3, 4):
        raise Wrong(
            "one row for each template: give each PROMPT its template's mean, means[template]"
        )
    if shape == (3, 4):
        raise Wrong("this is one mean for all: give each prompt its own template's")
    if isinstance(result, dict):
        raise Wrong("return a tensor with one row for each prompt, not a dictionary of means")
