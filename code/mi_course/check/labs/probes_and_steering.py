"""Checks on probes and steering: reading, counting, moving, and what the answer is."""

from __future__ import annotations

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.explain import NO_ROW, explained
from mi_course.check.mistakes import Cases


@exercise
def last_tokens(attempt: Attempt) -> None:
    """`(x [batch, pos, d_model], lengths [batch]) -> [batch, d_model]`: padded on the right."""
    cases = Cases("text", "dimension")
    for lengths, d in (([4, 6, 2], 5), ([2, 2, 7, 5], 3), ([4], 6)):
        with cases.case():
            generator = torch.Generator().manual_seed(d)
            longest = max(lengths) + 1
            x = torch.randn(len(lengths), longest, d, generator=generator)
            n = torch.tensor(lengths)
            with explained(_last_errors(len(n), d)):
                found = attempt.tensor(x, n, shape=(len(n), d), axes="(batch, d_model)")
            right = x[torch.arange(len(n)), n - 1]
            attempt.expect(right, x, n)
            text, dim = _farthest(found, right)
            hint = (
                f"text {text} has {lengths[text]} tokens, and dimension {dim} of its last one is "
                f"{right[text, dim]:.3f}; yours is {found[text, dim]:.3f}"
            )
            cases.judge(found, right, _last_mistakes(x, n), hint)


def _last_errors(batch: int, d: int) -> dict[str, str]:
    return {
        f"has shape ({batch}, {batch}, {d})": "each text is read at the ends of all texts, as by "
        "x[:, positions]: take one position of each, x[rows, positions]",
        f"has shape ({d}, {batch})": "the axes are exchanged: texts come first",
        f"has shape ({batch}, 1);": "one dimension is read of each text: all of them, as with an "
        "index that is expanded to d_model, or x[rows, positions]",
        NO_ROW: "a position is taken for a text: the first axis counts texts, the second positions",
    }


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
            with explained(_TABLE_ERRORS):
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


_TABLE_ERRORS = {
    "Boolean value of Tensor": "`and`, `or` and `not` want one truth value: for each row there are "
    "&, | and ~",
    "could not infer output dtype": "truth values have no mean: make numbers of them first, with "
    ".float()",
}


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
    in_order = _halves(torch.arange(len(right)) < old_word.sum())
    first_rows = (in_order * right) @ templates.T / (in_order @ templates.T).clamp_min(1)
    any_of = torch.stack(
        [
            torch.stack([right[w.bool() | t.bool()].double().mean() for t in templates])
            for w in words
        ]
    )
    found = _copied_cells(table) | {
        "rows of one kind OR the other count: a cell has rows of both, with &": any_of,
        "the first rows are taken for those with old words: which they are says old_word": (
            first_rows
        ),
        "the shares are cut off to whole numbers: keep them in a tensor of floats": table.trunc(),
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


def _copied_cells(table: Tensor) -> dict[str, Tensor]:
    """Tables in which one cell holds what belongs to another."""
    kinds = {
        (i, j): f"{word} words in {template} templates"
        for i, word in enumerate(("old", "new"))
        for j, template in enumerate(("old", "new"))
    }
    found = {}
    for at, kind in kinds.items():
        for of, other in kinds.items():
            wrong = table.clone()
            wrong[at] = table[of]
            if at != of:
                told = f"the cell of {kind} holds the share of {other}: is a ~ missing, or too many"
                found[told] = wrong
    return found


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
    names = template.unique()
    runs = template.unique_consecutive(return_inverse=True)[1]
    found = _as_if_in_order(scores, len(names)) | {
        "only templates 0, 1, 2 and so on are looked for: take the numbers that occur, "
        "template.unique()": torch.where(template < len(names), right, scores),
        "only the last template's mean is taken off: is the copy made anew in each round?": (
            torch.where(template == names[-1], right, scores)
        ),
        "each run of a template loses a mean of its own: rows of a template may stand apart": (
            _by_template(scores, runs, lambda s: s - s.mean())
        ),
        "the mean of the OTHER rows of the template is taken off: a row counts in its own mean": (
            each(lambda s: s - (s.sum() - s) / max(len(s) - 1, 1))
        ),
        "the sum is divided by the number of all rows: by that of the template's rows": (
            each(lambda s: s - s.sum() / len(scores))
        ),
        "the mean of all rows is taken off too: the template's alone": right - scores.mean(),
        "the sum is divided by one row too many, as by scatter_reduce, which counts what was there "
        "before: give it include_self=False": each(lambda s: s - s.sum() / (len(s) + 1)),
        "the mean is that of the rows so far: of all rows of the template": each(
            lambda s: s - s.cumsum(0) / torch.arange(1, len(s) + 1)
        ),
    }
    return found | {
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


def _as_if_in_order(scores: Tensor, n: int) -> dict[str, Tensor]:
    """What comes out where the rows are taken to stand in turn, or in blocks."""
    if len(scores) % n:
        return {}
    turns, blocks = scores.reshape(-1, n), scores.reshape(n, -1)
    return {
        "templates are taken to come in turn: they stand in any order, so ask `template`": (
            turns - turns.mean(0)
        ).flatten(),
        "templates are taken to come one after the other: they stand in any order, so ask "
        "`template`": (blocks - blocks.mean(1, keepdim=True)).flatten(),
    }


@exercise
def add_vector(attempt: Attempt) -> None:
    """`(x [batch, pos, d_model], hook, vector [d_model], dose) -> x` with a vector added."""
    cases = Cases("batch", "position", "dimension")
    for batch, pos, d, dose in ((2, 4, 3, 2.0), (3, 3, 5, -1.5), (1, 6, 4, 0.5), (2, 3, 5, 0.0)):
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
    position = torch.arange(x.shape[1])[:, None]
    no_first_dim = x.clone()
    no_first_dim[..., 1:] += dose * vector[1:]
    return {
        "BOS alone is moved: every position but the first": torch.where(
            position == 0, x + dose * vector, x
        ),
        "position 1 alone is moved: every position from 1 on": torch.where(
            position == 1, x + dose * vector, x
        ),
        "the first TEXT is left out: leave out the first position, [:, 1:]": torch.cat(
            [x[:1], (x + dose * vector)[1:]]
        ),
        "the first DIMENSION is left out: leave out the first position, [:, 1:]": no_first_dim,
        "the stream is multiplied by the dose too: the vector alone": torch.where(
            position > 0, dose * (x + vector), x
        ),
        "the dose is squared: times dose, once": _added(x, dose**2 * vector),
        "the dose loses its sign: a negative one pushes the other way": (
            _added(x, abs(dose) * vector)
        ),
        "the dose is cut off to a whole number: it may be a half": _added(x, int(dose) * vector),
        "the dose is divided among the positions: each gets all of it": _added(
            x, dose * vector / last
        ),
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
            with explained(_RATIO_ERRORS):
                found = attempt.tensor(logits, yes, no, shape=(batch,), axes="(batch,)")
            right = logits[:, yes].logsumexp(1) - logits[:, no].logsumexp(1)
            attempt.expect(right, logits, yes, no)
            (at,) = _farthest(found, right)
            hint = f"for text {at} it should be {right[at]:.3f}, and yours is {found[at]:.3f}"
            cases.judge(found, right, _ratio_mistakes(logits, yes, no), hint)
    _explain_unlikely_words(attempt)


_RATIO_ERRORS = {
    NO_ROW: "token ids are taken for rows: they are columns, logits[:, yes]",
}


def _explain_unlikely_words(attempt: Attempt) -> None:
    """Logits that are large, and words of which none is likely: neither changes a ratio."""
    logits = 300 + torch.randn(3, 8, generator=torch.Generator().manual_seed(8))
    logits[:, 7] += 14
    yes, no = torch.tensor([0, 1, 2]), torch.tensor([4, 5])
    right = logits[:, yes].logsumexp(1) - logits[:, no].logsumexp(1)
    found = attempt(logits, yes, no)
    if not isinstance(found, Tensor) or found.shape != right.shape or close(found, right, 1e-3):
        return
    told = f"should be {right[0]:.3f} for text 0, and yours is {found[0].item():.3f}"
    if not bool(torch.isfinite(found).all()):
        raise Wrong(
            "exponentials of such logits overflow: take logsumexp, which takes the largest off "
            "first",
            symptom=f"with logits of about 300 it {told}",
        )
    raise Wrong(
        "small probabilities come out wrong, as where a small number is added to them: nothing "
        "has to be added to a logsumexp",
        symptom=f"where all words of both sets are unlikely, about one in a million, it {told}",
    )


def _ratio_mistakes(logits: Tensor, yes: Tensor, no: Tensor) -> dict[str, Tensor]:
    for_yes, against = logits[:, yes], logits[:, no]
    right = for_yes.logsumexp(1) - against.logsumexp(1)
    p = logits.softmax(1)
    p_yes, p_no = p[:, yes].sum(1), p[:, no].sum(1)
    over_batch = logits.softmax(0)
    log_p = logits.log_softmax(1)
    n = min(len(yes), len(no))
    pairs = (logits[:, yes[:n]] - logits[:, no[:n]]).logsumexp(1)
    between = [logits[:, ids.min() : ids.max() + 1].logsumexp(1) for ids in (yes, no)]
    share = for_yes.logsumexp(1) - torch.cat([for_yes, against], 1).logsumexp(1)
    return {
        "this is yes over all other words: over the words of no alone": (p_yes / (1 - p_yes)).log(),
        "words are compared in pairs: all words of yes together with all of no": pairs,
        "all ids between the smallest and the largest are taken: the ids themselves": (
            between[0] - between[1]
        ),
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
