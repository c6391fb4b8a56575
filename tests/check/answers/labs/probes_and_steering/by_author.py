"""Answers to the exercises on probes and steering, by the author of their checks."""

import numpy as np
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


def lt_gather(x, lengths):
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, x.shape[-1])
    return x.gather(1, index).squeeze(1)


def lt_loop(x, lengths):
    return torch.stack([row[:n][-1] for row, n in zip(x, lengths.tolist(), strict=True)])


def lt_mask(x, lengths):
    at = torch.arange(x.shape[1]) == (lengths - 1)[:, None]
    return (x * at[..., None]).sum(1)


def lt_minus_one(x, lengths):
    return x[:, -1]


def lt_one_behind(x, lengths):
    lengths = lengths.clamp(max=x.shape[1] - 1)
    return x[torch.arange(len(x)), lengths]


def lt_all_pairs(x, lengths):
    return x[:, lengths - 1]


def lt_mean(x, lengths):
    return torch.stack([row[:n].mean(0) for row, n in zip(x, lengths, strict=True)])


def lt_longest(x, lengths):
    return x[:, lengths.max() - 1]


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


def at_loop(right, old_word, old_template):
    table = torch.zeros(2, 2)
    for i, w in enumerate((True, False)):
        for j, t in enumerate((True, False)):
            cell = [
                bool(r)
                for r, a, b in zip(right, old_word, old_template, strict=True)
                if bool(a) == w and bool(b) == t
            ]
            table[i, j] = sum(cell) / len(cell)
    return table


def at_bincount(right, old_word, old_template):
    cell = 2 * (~old_word).long() + (~old_template).long()
    n = torch.bincount(cell, minlength=4)
    return (torch.bincount(cell, weights=right.double(), minlength=4) / n).view(2, 2)


def at_product(right, old_word, old_template):
    w = torch.stack([old_word, ~old_word]).double()
    t = torch.stack([old_template, ~old_template]).double()
    return (w * right) @ t.T / (w @ t.T)


def at_turned(right, old_word, old_template):
    return at_product(right, old_template, old_word)


def at_new_first(right, old_word, old_template):
    return at_product(right, ~old_word, ~old_template)


def at_of_all(right, old_word, old_template):
    w = torch.stack([old_word, ~old_word]).double()
    t = torch.stack([old_template, ~old_template]).double()
    return (w * right) @ t.T / len(right)


def at_counts(right, old_word, old_template):
    w = torch.stack([old_word, ~old_word]).double()
    t = torch.stack([old_template, ~old_template]).double()
    return (w * right) @ t.T


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


def cs_loop(scores, template):
    out = scores.clone()
    for t in template.unique():
        out[template == t] -= scores[template == t].mean()
    return out


def cs_same(scores, template):
    same = (template[:, None] == template).to(scores)
    return scores - same @ scores / same.sum(1)


def cs_numpy(scores, template):
    s, t = scores.double().numpy(), template.numpy()
    means = {k: s[t == k].mean() for k in np.unique(t)}
    return torch.tensor([a - means[b] for a, b in zip(s, t, strict=True)])


def cs_whole(scores, template):
    return scores - scores.mean()


def cs_median(scores, template):
    out = scores.clone()
    for t in template.unique():
        out[template == t] -= scores[template == t].median()
    return out


def cs_standard(scores, template):
    out = cs_loop(scores, template)
    for t in template.unique():
        out[template == t] /= scores[template == t].std()
    return out


def cs_means(scores, template):
    return scores - cs_loop(scores, template)


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


def av_cat(x, hook, vector, dose):
    return torch.cat([x[:, :1], x[:, 1:] + dose * vector], 1)


def av_mask(x, hook, vector, dose):
    moved = (torch.arange(x.shape[1]) > 0).to(x)
    return x + dose * moved[:, None] * vector


def av_einsum(x, hook, vector, dose):
    where = torch.ones(x.shape[:2], dtype=x.dtype)
    where[:, 0] = 0
    return x + torch.einsum("bp,d->bpd", where, dose * vector)


def av_everywhere(x, hook, vector, dose):
    return x + dose * vector


def av_last(x, hook, vector, dose):
    out = x.clone()
    out[:, -1] += dose * vector
    return out


def av_unit(x, hook, vector, dose):
    out = x.clone()
    out[:, 1:] += dose * vector / vector.norm()
    return out


def av_in_place(x, hook, vector, dose):
    x[:, 1:] += dose * vector
    return x


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


def lr_softmax(logits, yes, no):
    p = logits.double().softmax(-1)
    return (p[:, yes].sum(1) / p[:, no].sum(1)).log()


def lr_loop(logits, yes, no):
    return torch.stack(
        [torch.logsumexp(row[yes], 0) - torch.logsumexp(row[no], 0) for row in logits]
    )


def lr_index_select(logits, yes, no):
    shifted = logits - logits.max(1, keepdim=True).values
    e = shifted.exp()
    return e.index_select(1, yes).sum(1).log() - e.index_select(1, no).sum(1).log()


def lr_means(logits, yes, no):
    return logits[:, yes].mean(1) - logits[:, no].mean(1)


def lr_sums(logits, yes, no):
    return logits[:, yes].sum(1) - logits[:, no].sum(1)


def lr_ratio(logits, yes, no):
    p = logits.softmax(-1)
    return p[:, yes].sum(1) / p[:, no].sum(1)


def lr_rows(logits, yes, no):
    p = logits.softmax(0)
    return (p[:, yes].sum(1) / p[:, no].sum(1)).log()


WRONG = {
    "last_tokens": [
        (lt_early, "one token too early"),
        (lt_first, "BOS"),
        (lt_largest, "the largest value"),
        (lt_from_the_end, "from the end of the batch"),
        (lt_of_first_text, "of the first text"),
        (lt_minus_one, "reads padding"),
        (lt_one_behind, "one position too far"),
        (lt_all_pairs, "has shape"),
        (lt_mean, "the mean over"),
        (lt_longest, "the longest text"),
    ],
    "accuracy_table": [
        (at_wrong_share, "share that is wrong"),
        (at_words_alone, "templates make no difference"),
        (at_percent, "percent"),
        (at_cells, "rows of each cell are counted"),
        (at_per_word, "all rows with such words"),
        (at_turned, "turned"),
        (at_new_first, "new comes first"),
        (at_of_all, "of all rows"),
        (at_counts, "that are right are counted"),
    ],
    "centred_scores": [
        (cs_added, "the mean is added"),
        (cs_backwards, "subtracted from the mean"),
        (cs_number, "number of the template"),
        (cs_divided, "divided by the mean"),
        (cs_first_row, "first row's mean"),
        (cs_sorted, "sorted by template"),
        (cs_whole, "of all rows"),
        (cs_median, "median"),
        (cs_standard, "standard deviation"),
        (cs_means, "the means come back"),
    ],
    "add_vector": [
        (av_no_dose, "whatever the dose"),
        (av_subtracted, "is subtracted"),
        (av_alone, "alone comes back"),
        (av_replaced, "in the place of the stream"),
        (av_none, "returns None"),
        (av_everywhere, "BOS"),
        (av_last, "at the last position alone"),
        (av_unit, "unit"),
        (av_in_place, "in place"),
    ],
    "log_ratio": [
        (lr_exchanged, "the sets are exchanged"),
        (lr_largest, "the largest logits alone"),
        (lr_difference, "difference of two probabilities"),
        (lr_averaged, "are averaged"),
        (lr_yes_alone, "probability of yes"),
        (lr_means, "means of logits"),
        (lr_sums, "sums of logits"),
        (lr_ratio, "the logarithm is missing"),
        (lr_rows, "over the batch"),
    ],
}
RIGHT = {
    "last_tokens": [lt_right, lt_gather, lt_loop, lt_mask],
    "accuracy_table": [at_right, at_loop, at_bincount, at_product],
    "centred_scores": [cs_right, cs_loop, cs_same, cs_numpy],
    "add_vector": [av_right, av_cat, av_mask, av_einsum],
    "log_ratio": [lr_right, lr_softmax, lr_loop, lr_index_select],
}
