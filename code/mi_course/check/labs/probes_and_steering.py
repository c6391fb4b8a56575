"""Checks on probes and steering: reading, counting, moving, and what the answer is."""

from __future__ import annotations

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import Cases


@exercise
def last_tokens(attempt: Attempt) -> None:
    """`(x [batch, pos, d_model], lengths [batch]) -> [batch, d_model]`: padded on the right."""
    cases = Cases("text", "dimension")
    for lengths, d in (([3, 6, 4], 5), ([2, 2, 7, 5], 3), ([4], 6)):
        with cases.case():
            generator = torch.Generator().manual_seed(d)
            longest = max(lengths) + 1
            x = torch.randn(len(lengths), longest, d, generator=generator)
            n = torch.tensor(lengths)
            found = attempt.tensor(x, n, shape=(len(n), d), axes="(batch, d_model)")
            right = x[torch.arange(len(n)), n - 1]
            attempt.expect(right, x, n)
            text, dim = _farthest(found, right)
            hint = (
                f"text {text} has {lengths[text]} tokens, and dimension {dim} of its last one is "
                f"{right[text, dim]:.3f}; yours is {found[text, dim]:.3f}"
            )
            cases.judge(found, right, _last_mistakes(x, n), hint)


def _last_mistakes(x: Tensor, n: Tensor) -> dict[str, Tensor]:
    rows = torch.arange(len(n))
    real = torch.arange(x.shape[1]) < n[:, None]
    masked = torch.where(real[..., None], x, -torch.inf)
    return {
        "this reads padding: position -1 is the end of the batch, and the last token of a text "
        "stands at its own length - 1": x[:, -1],
        "this is one position too far, which may be padding: positions count from 0, so the last "
        "token stands at length - 1": x[rows, n],
        "this is one token too early: the last one stands at length - 1": x[rows, n - 2],
        "every text is read at the end of the longest text: each at its own": x[:, n.max() - 1],
        "every text is read at the end of the first text: each at its own": x[:, n[0] - 1],
        "every text is read at the end of the shortest text: each at its own": x[:, n.min() - 1],
        "this is the mean over each text's tokens: take the last one": (
            (x * real[..., None]).sum(1) / n[:, None]
        ),
        "this is the mean over all positions, padding too: take the last token": x.mean(1),
        "this is the sum over each text's tokens: take the last one": (x * real[..., None]).sum(1),
        "this is the largest value over each text's tokens: take the last one": masked.amax(1),
        "this is BOS, the first position, the same in every text: take the last": x[:, 0],
        "the position is counted from the end of the batch: it counts from the beginning": (
            x[rows, -n]
        ),
    }


def _farthest(found: Tensor, right: Tensor) -> tuple[int, ...]:
    """Where two tensors differ most."""
    place = (found.double() - right.double()).abs().argmax()
    return tuple(int(i) for i in torch.unravel_index(place, right.shape))


@exercise
def accuracy_table(attempt: Attempt) -> None:
    """`(right [row], old_word [row], old_template [row]) -> [2, 2]`, all of bools."""
    cases = Cases("word", "template")
    for rows, seed in ((60, 0), (45, 1), (80, 2)):
        with cases.case():
            generator = torch.Generator().manual_seed(seed)
            old_word = torch.rand(rows, generator=generator) < 0.6
            old_template = torch.rand(rows, generator=generator) < 0.4
            chance = 0.35 + 0.4 * old_word + 0.2 * old_template
            right_at = torch.rand(rows, generator=generator) < chance
            given = right_at, old_word, old_template
            found = attempt.tensor(*given, shape=(2, 2), axes="(word, template)")
            right = _table(*given)
            attempt.expect(right, *given)
            i, j = _farthest(found, right)
            kind = ("old", "new")
            hint = (
                f"of the rows with {kind[i]} words in {kind[j]} templates {right[i, j]:.3f} are "
                f"right, and yours says {found[i, j]:.3f}"
            )
            cases.judge(found, right, _table_mistakes(*given), hint)


def _halves(of: Tensor) -> Tensor:
    return torch.stack([of, ~of]).double()


def _table(right: Tensor, old_word: Tensor, old_template: Tensor) -> Tensor:
    words, templates = _halves(old_word), _halves(old_template)
    return (((words * right) @ templates.T) / (words @ templates.T)).float()


def _table_mistakes(right: Tensor, old_word: Tensor, old_template: Tensor) -> dict[str, Tensor]:
    words, templates = _halves(old_word), _halves(old_template)
    both, n = (words * right) @ templates.T, words @ templates.T
    table = both / n
    in_words = (words * right).sum(1) / words.sum(1)
    in_templates = (templates * right).sum(1) / templates.sum(1)
    overall = right.double().mean()
    found = {
        "the table is turned: a row for words, a column for templates": table.T,
        "new comes first: old comes first in rows and columns": table.flip(0, 1),
        "new words stand in the first row: old comes first": table.flip(0),
        "new templates stand in the first column: old comes first": table.flip(1),
        "this is the share of all rows: divide by the rows of the cell": both / len(right),
        "the rows that are right are counted: divide by the rows of the cell": both,
        "the rows of each cell are counted: how many of them are right?": n,
        "this is the share that is wrong": 1 - table,
        "templates make no difference here: a cell has rows of one kind of word AND one kind of "
        "template": in_words[:, None].expand(2, 2),
        "words make no difference here: a cell has rows of one kind of word AND one kind of "
        "template": in_templates.expand(2, 2),
        "this divides by all rows with such words: divide by the rows of the cell": (
            both / words.sum(1)[:, None]
        ),
        "this divides by all rows with such templates: divide by the rows of the cell": (
            both / templates.sum(1)
        ),
        "this divides by the rows that are right: divide by the rows of the cell": (
            both / right.sum()
        ),
        "these are percent: return shares": 100 * table,
        "every cell holds the share of all rows: one for each cell": overall.expand(2, 2),
    }
    return {told: wrong.float() for told, wrong in found.items()}


@exercise
def centred_scores(attempt: Attempt) -> None:
    """`(scores [row], template [row]) -> [row]`: each minus the mean of its template's."""
    cases = Cases("row")
    for names, rows in (([0, 1, 2], 24), ([4, 1, 7, 9], 20), ([3, 5], 15)):
        with cases.case():
            generator = torch.Generator().manual_seed(rows)
            template = torch.tensor(names)[torch.arange(rows) % len(names)]
            template = template[torch.randperm(rows, generator=generator)]
            scores = torch.randn(rows, generator=generator) + template
            found = attempt.tensor(scores, template, shape=(rows,), axes="(row,)")
            right = _by_template(scores, template, lambda s: s - s.mean())
            attempt.expect(right, scores, template)
            (at,) = _farthest(found, right)
            hint = (
                f"row {at} has template {template[at]} and the score {scores[at]:.3f}: "
                f"{right[at]:.3f} is left, and yours is {found[at]:.3f}"
            )
            cases.judge(found, right, _centre_mistakes(scores, template), hint)


def _by_template(scores: Tensor, template: Tensor, change: object) -> Tensor:
    out = torch.empty_like(scores)
    for one in template.unique():
        at = template == one
        out[at] = change(scores[at])  # type: ignore[operator]
    return out


def _centre_mistakes(scores: Tensor, template: Tensor) -> dict[str, Tensor]:
    def each(change: object) -> Tensor:
        return _by_template(scores, template, change)

    means = each(lambda s: s.mean().expand_as(s))
    first, order = template == template[0], template.argsort(stable=True)
    right = scores - means
    return {
        "the mean of all rows is taken off: each template's own mean": scores - scores.mean(),
        "the median is taken off: the mean": each(lambda s: s - s.median()),
        "the middle between largest and smallest is taken off: the mean": each(
            lambda s: s - (s.max() + s.min()) / 2
        ),
        "the smallest score is taken off: the mean": each(lambda s: s - s.min()),
        "the largest score is taken off: the mean": each(lambda s: s - s.max()),
        "the scores are divided by their standard deviation too: take the mean off alone": each(
            lambda s: (s - s.mean()) / s.std()
        ),
        "the scores are divided by their standard deviation (of all, not of a sample) too: take "
        "the mean off alone": each(lambda s: (s - s.mean()) / s.std(correction=0)),
        "the means come back: subtract them from the scores": means,
        "the mean is added: subtract it": scores + means,
        "the scores are subtracted from the mean: the other way round": means - scores,
        "the scores are divided by the mean: subtract it": scores / means,
        "every row loses the first row's mean: each template's own": scores - scores[first].mean(),
        "the number of the template is taken off: the mean of its scores": scores - template,
        "the sum is taken off: the mean": each(lambda s: s - s.sum()),
        "the scores come back unchanged: take each template's mean off": scores,
        "the scores come back sorted by template: leave each in its row": right[order],
        "these are signs: return the scores": (scores - means).sign(),
        "these are ranks or zeros and ones: return the scores": (scores > means).float(),
    }


@exercise
def add_vector(attempt: Attempt) -> None:
    """`(x [batch, pos, d_model], hook, vector [d_model], dose) -> x` with a vector added."""
    cases = Cases("batch", "position", "dimension")
    for batch, pos, d, dose in ((2, 4, 3, 2.0), (3, 3, 5, -1.5), (1, 6, 4, 0.5)):
        with cases.case():
            generator = torch.Generator().manual_seed(pos)
            x = torch.randn(batch, pos, d, generator=generator)
            vector = 3 * torch.randn(d, generator=generator)
            given = x, None, vector, dose
            found = attempt(*given)
            if found is None:
                raise Wrong(
                    "your hook returns None: a hook returns the stream that the model goes on "
                    "with, so return the copy"
                )
            found = attempt.tensor(*given, shape=(batch, pos, d), axes="(batch, pos, d_model)")
            right = _added(x, dose * vector)
            attempt.expect(right, *given)
            at = _farthest(found, right)
            hint = (
                f"dimension {at[2]} at position {at[1]} of text {at[0]} should be "
                f"{right[at]:.3f}, and yours is {found[at]:.3f}"
            )
            cases.judge(found, right, _add_mistakes(x, vector, dose), hint)


def _added(x: Tensor, move: Tensor, first: int = 1) -> Tensor:
    moved = (torch.arange(x.shape[1]) >= first).float()
    return x + moved[:, None] * move


def _add_mistakes(x: Tensor, vector: Tensor, dose: float) -> dict[str, Tensor]:
    unit, last = vector / vector.norm(), x.shape[1] - 1
    right = _added(x, dose * vector)
    replaced = torch.cat([x[:, :1], (dose * vector).expand_as(x[:, 1:])], 1)
    all_but_last = torch.cat([(x + dose * vector)[:, :-1], x[:, -1:]], 1)
    along = (x @ unit)[..., None] * unit
    lengths = x.norm(dim=-1, keepdim=True)
    return {
        "BOS is moved too: begin at position 1": x + dose * vector,
        "the vector is added at the last position alone: at every position from 1 on": (
            _added(x, dose * vector, last)
        ),
        "the last position is left out, and the first is moved: leave out BOS, position 0": (
            all_but_last
        ),
        "position 1 is left out too: begin at position 1": _added(x, dose * vector, 2),
        "the vector is made a unit vector: its length is what a dose of 1 means": (
            _added(x, dose * unit)
        ),
        "the vector is added once, whatever the dose: times dose": _added(x, vector),
        "the vector is subtracted: add it": _added(x, -dose * vector),
        "the vector is divided by the dose: multiply": _added(x, vector / dose),
        "the vector stands in the place of the stream: add it": replaced,
        "the vector alone comes back: add it to x": right - x,
        "the stream is scaled along the vector: add the same vector everywhere": (
            torch.cat([x[:, :1], (x + dose * along)[:, 1:]], 1)
        ),
        "the vector is scaled to each position's length: its own is what a dose of 1 means": (
            torch.cat([x[:, :1], (x + dose * lengths * unit)[:, 1:]], 1)
        ),
        "x is multiplied by the vector: add it": (
            torch.cat([x[:, :1], (x * dose * vector)[:, 1:]], 1)
        ),
        "x comes back unchanged: add dose times the vector from position 1 on": x,
        "the first text alone is moved: every text": torch.cat([right[:1], x[1:]]),
    }


@exercise
def log_ratio(attempt: Attempt) -> None:
    """`(logits [batch, vocab], yes [yes], no [no]) -> [batch]`: log of a ratio of probabilities."""
    cases = Cases("text")
    for batch, vocab, n_yes, n_no in ((4, 12, 3, 2), (1, 20, 4, 5), (6, 9, 2, 3)):
        with cases.case():
            generator = torch.Generator().manual_seed(vocab)
            logits = 2 * torch.randn(batch, vocab, generator=generator)
            order = torch.randperm(vocab, generator=generator)
            yes, no = order[:n_yes], order[n_yes : n_yes + n_no]
            found = attempt.tensor(logits, yes, no, shape=(batch,), axes="(batch,)")
            right = logits[:, yes].logsumexp(1) - logits[:, no].logsumexp(1)
            attempt.expect(right, logits, yes, no)
            (at,) = _farthest(found, right)
            hint = f"for text {at} it should be {right[at]:.3f}, and yours is {found[at]:.3f}"
            cases.judge(found, right, _ratio_mistakes(logits, yes, no), hint)


def _ratio_mistakes(logits: Tensor, yes: Tensor, no: Tensor) -> dict[str, Tensor]:
    for_yes, against = logits[:, yes], logits[:, no]
    right = for_yes.logsumexp(1) - against.logsumexp(1)
    p = logits.softmax(1)
    p_yes, p_no = p[:, yes].sum(1), p[:, no].sum(1)
    over_batch = logits.softmax(0)
    log_p = logits.log_softmax(1)
    share = for_yes.logsumexp(1) - torch.cat([for_yes, against], 1).logsumexp(1)
    return {
        "these are differences of means of logits: add probabilities, then take the logarithm": (
            for_yes.mean(1) - against.mean(1)
        ),
        "these are differences of sums of logits: add probabilities, then take the logarithm": (
            for_yes.sum(1) - against.sum(1)
        ),
        "these are differences of sums of log-probabilities: add probabilities, then take the "
        "logarithm": log_p[:, yes].sum(1) - log_p[:, no].sum(1),
        "the largest logits alone are compared: every word of a set counts": (
            for_yes.amax(1) - against.amax(1)
        ),
        "the first words alone are compared: every word of a set counts": (
            for_yes[:, 0] - against[:, 0]
        ),
        "the logarithm is missing: this is the ratio": p_yes / p_no,
        "this is the difference of two probabilities: the logarithm of their ratio": p_yes - p_no,
        "this is the difference of two MEAN probabilities: the logarithm of the ratio of sums": (
            p[:, yes].mean(1) - p[:, no].mean(1)
        ),
        "the sets are exchanged: yes over no": -right,
        "the probabilities are averaged: add them, since a set may have more words": (
            (p[:, yes].mean(1) / p[:, no].mean(1)).log()
        ),
        "the logarithm is that of base 2: take the natural one": right / torch.tensor(2.0).log(),
        "the logarithm is that of base 10: take the natural one": right / torch.tensor(10.0).log(),
        "this is the logarithm of the share of yes among both: of yes over no": share,
        "this is the logarithm of the probability of yes: of yes over no": p_yes.log(),
        "the softmax runs over the batch: over the vocabulary": (
            (over_batch[:, yes].sum(1) / over_batch[:, no].sum(1)).log()
        ),
        "this is the share of yes among both: the logarithm of yes over no": p_yes / (p_yes + p_no),
    }
