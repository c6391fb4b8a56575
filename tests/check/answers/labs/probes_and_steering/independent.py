"""Answers to the exercises on probes and steering, written from their text, before the checks.

Their author then wrote the checks as well: answers by somebody else are still to come.
"""

import numpy as np
import torch


# --- last_tokens
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
        (lt_minus_one, "reads padding"),
        (lt_one_behind, "one position too far"),
        (lt_all_pairs, "has shape"),
        (lt_mean, "the mean over"),
        (lt_longest, "the longest text"),
    ],
    "accuracy_table": [
        (at_turned, "turned"),
        (at_new_first, "new comes first"),
        (at_of_all, "of all rows"),
        (at_counts, "that are right are counted"),
    ],
    "centred_scores": [
        (cs_whole, "of all rows"),
        (cs_median, "median"),
        (cs_standard, "standard deviation"),
        (cs_means, "the means come back"),
    ],
    "add_vector": [
        (av_everywhere, "BOS"),
        (av_last, "at the last position alone"),
        (av_unit, "unit"),
        (av_in_place, "in place"),
    ],
    "log_ratio": [
        (lr_means, "means of logits"),
        (lr_sums, "sums of logits"),
        (lr_ratio, "the logarithm is missing"),
        (lr_rows, "over the batch"),
    ],
}
RIGHT = {
    "last_tokens": [lt_gather, lt_loop, lt_mask],
    "accuracy_table": [at_loop, at_bincount, at_product],
    "centred_scores": [cs_loop, cs_same, cs_numpy],
    "add_vector": [av_cat, av_mask, av_einsum],
    "log_ratio": [lr_softmax, lr_loop, lr_index_select],
}
