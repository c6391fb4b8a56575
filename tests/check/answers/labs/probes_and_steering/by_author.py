"""Answers to the exercises on probes and steering, by the author of their checks."""

import torch


# --- last_tokens
def lt_right(x, lengths):
    return x[torch.arange(len(x)), lengths - 1]


def lt_early(x, lengths):
    return x[torch.arange(len(x)), lengths - 2]


def lt_first(x, lengths):
    return x[:, 0]


def lt_largest(x, lengths):
    real = torch.arange(x.shape[1]) < lengths[:, None]
    return x.masked_fill(~real[..., None], -torch.inf).amax(1)


def lt_from_the_end(x, lengths):
    return x[torch.arange(len(x)), -lengths]


def lt_of_first_text(x, lengths):
    return x[:, lengths[0] - 1]


# --- accuracy_table
def _shares(right, words, templates):
    return torch.stack(
        [torch.stack([right[w & t].float().mean() for t in templates]) for w in words]
    )


def at_right(right, old_word, old_template):
    return _shares(right, (old_word, ~old_word), (old_template, ~old_template))


def at_wrong_share(right, old_word, old_template):
    return 1 - at_right(right, old_word, old_template)


def at_words_alone(right, old_word, old_template):
    everything = torch.ones_like(old_word)
    return _shares(right, (old_word, ~old_word), (everything, everything))


def at_percent(right, old_word, old_template):
    return 100 * at_right(right, old_word, old_template)


def at_cells(right, old_word, old_template):
    cells = [w & t for w in (old_word, ~old_word) for t in (old_template, ~old_template)]
    return torch.stack([cell.sum() for cell in cells]).view(2, 2).float()


def at_per_word(right, old_word, old_template):
    cells = [w & t for w in (old_word, ~old_word) for t in (old_template, ~old_template)]
    n = [old_word.sum(), old_word.sum(), (~old_word).sum(), (~old_word).sum()]
    return torch.stack([right[c].sum() / k for c, k in zip(cells, n, strict=True)]).view(2, 2)


# --- centred_scores
def cs_right(scores, template):
    kinds, at = template.unique(return_inverse=True)
    sums = torch.zeros(len(kinds)).index_add(0, at, scores)
    return scores - (sums / torch.bincount(at))[at]


def _template_means(scores, template):
    return scores - cs_right(scores, template)


def cs_added(scores, template):
    return scores + _template_means(scores, template)


def cs_backwards(scores, template):
    return _template_means(scores, template) - scores


def cs_number(scores, template):
    return scores - template


def cs_divided(scores, template):
    return scores / _template_means(scores, template)


def cs_first_row(scores, template):
    return scores - scores[template == template[0]].mean()


def cs_sorted(scores, template):
    return torch.cat(
        [scores[template == t] - scores[template == t].mean() for t in template.unique()]
    )


# --- add_vector
def av_right(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] += dose * vector
    return moved


def av_no_dose(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] += vector
    return moved


def av_subtracted(x, hook, vector, dose):
    return av_right(x, hook, -vector, dose)


def av_alone(x, hook, vector, dose):
    return av_right(torch.zeros_like(x), hook, vector, dose)


def av_replaced(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] = dose * vector
    return moved


def av_none(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] += dose * vector


# --- log_ratio
def lr_right(logits, yes, no):
    return logits[:, yes].logsumexp(1) - logits[:, no].logsumexp(1)


def lr_exchanged(logits, yes, no):
    return lr_right(logits, no, yes)


def lr_largest(logits, yes, no):
    return logits[:, yes].amax(1) - logits[:, no].amax(1)


def lr_difference(logits, yes, no):
    p = logits.softmax(1)
    return p[:, yes].sum(1) - p[:, no].sum(1)


def lr_averaged(logits, yes, no):
    p = logits.softmax(1)
    return p[:, yes].mean(1).log() - p[:, no].mean(1).log()


def lr_yes_alone(logits, yes, no):
    return logits.log_softmax(1)[:, yes].logsumexp(1)


WRONG = {
    "last_tokens": [
        (lt_early, "one token too early"),
        (lt_first, "BOS"),
        (lt_largest, "the largest value"),
        (lt_from_the_end, "from the end of the batch"),
        (lt_of_first_text, "of the first text"),
    ],
    "accuracy_table": [
        (at_wrong_share, "share that is wrong"),
        (at_words_alone, "templates make no difference"),
        (at_percent, "percent"),
        (at_cells, "rows of each cell are counted"),
        (at_per_word, "all rows with such words"),
    ],
    "centred_scores": [
        (cs_added, "the mean is added"),
        (cs_backwards, "subtracted from the mean"),
        (cs_number, "number of the template"),
        (cs_divided, "divided by the mean"),
        (cs_first_row, "first row's mean"),
        (cs_sorted, "sorted by template"),
    ],
    "add_vector": [
        (av_no_dose, "whatever the dose"),
        (av_subtracted, "is subtracted"),
        (av_alone, "alone comes back"),
        (av_replaced, "in the place of the stream"),
        (av_none, "returns None"),
    ],
    "log_ratio": [
        (lr_exchanged, "the sets are exchanged"),
        (lr_largest, "the largest logits alone"),
        (lr_difference, "difference of two probabilities"),
        (lr_averaged, "are averaged"),
        (lr_yes_alone, "probability of yes"),
    ],
}
RIGHT = {
    "last_tokens": [lt_right],
    "accuracy_table": [at_right],
    "centred_scores": [cs_right],
    "add_vector": [av_right],
    "log_ratio": [lr_right],
}
