"""Answers to the exercises on patching by gradient, by the author of their checks."""

from functools import partial
from statistics import fmean

import torch


# --- pair_metrics
def _each(io, s, metric):
    return [partial(metric, a=a, b=b) for a, b in zip(io.tolist(), s.tolist(), strict=True)]


def pm_right(io, s):
    return _each(io, s, lambda logits, a, b: logits[0, -1, a] - logits[0, -1, b])


def pm_log_softmax(io, s):
    """The same difference: what the softmax subtracts is the same for both."""

    def metric(logits, a, b):
        log_p = logits[0, -1].log_softmax(-1)
        return log_p[a] - log_p[b]

    return _each(io, s, metric)


def pm_sign(io, s):
    return _each(io, s, lambda logits, a, b: logits[0, -1, b] - logits[0, -1, a])


def pm_first_position(io, s):
    return _each(io, s, lambda logits, a, b: logits[0, 0, a] - logits[0, 0, b])


def pm_no_s(io, s):
    return _each(io, s, lambda logits, a, b: logits[0, -1, a])


def pm_detached(io, s):
    return _each(io, s, lambda logits, a, b: (logits[0, -1, a] - logits[0, -1, b]).detach())


# --- linear_estimate
def le_right(clean, corrupted, gradient):
    return ((clean - corrupted) * gradient).sum(dim=(1, 3))


def le_change(clean, corrupted, gradient):
    return (clean - corrupted).sum((1, 3))


def le_sums(clean, corrupted, gradient):
    return (clean - corrupted).sum((1, 3)) * gradient.sum((1, 3))


def le_size(clean, corrupted, gradient):
    return le_right(clean, corrupted, gradient).abs()


# --- part_way
def pw_right(run, name, corrupted, clean, shares):
    def put(x, hook, t):
        return corrupted + t * (clean - corrupted)

    return torch.stack([run([(name, partial(put, t=t))]) for t in shares])


def pw_mixes_results(run, name, corrupted, clean, shares):
    before, after = run([]), run([(name, lambda x, hook: clean)])
    return torch.stack([before + t * (after - before) for t in shares])


def pw_whole(run, name, corrupted, clean, shares):
    return torch.stack([run([(name, lambda x, hook: clean)]) for _ in shares])


def pw_change(run, name, corrupted, clean, shares):
    return pw_right(run, name, corrupted, clean, shares) - run([])


def pw_clean_on_top(run, name, corrupted, clean, shares):
    return torch.stack([run([(name, lambda x, hook, t=t: x + t * clean)]) for t in shares])


# --- strongest_edges
def se_right(scores, k):
    mean = {edge: fmean(one[edge] for one in scores) for edge in scores[0]}
    return sorted(mean, key=lambda edge: abs(mean[edge]), reverse=True)[:k]


def se_most_negative(scores, k):
    mean = {edge: fmean(one[edge] for one in scores) for edge in scores[0]}
    return sorted(mean, key=mean.get)[:k]


def se_unranked(scores, k):
    return list(scores[0])[:k]


def se_weakest(scores, k):
    mean = {edge: fmean(one[edge] for one in scores) for edge in scores[0]}
    return sorted(mean, key=lambda edge: abs(mean[edge]))[:k]


def se_any_pair(scores, k):
    most = {edge: max(abs(one[edge]) for one in scores) for edge in scores[0]}
    return sorted(most, key=most.get, reverse=True)[:k]


# --- recovered_share
def rs_right(alone, corrupted, clean):
    reached, gap = alone - corrupted, clean - corrupted
    return reached.mean() / gap.mean(), reached / gap


def rs_percent(alone, corrupted, clean):
    return tuple(100 * part for part in rs_right(alone, corrupted, clean))


def rs_clean_below(alone, corrupted, clean):
    reached = alone - corrupted
    return reached.mean() / clean.mean(), reached / clean


def rs_alone_as_it_is(alone, corrupted, clean):
    gap = clean - corrupted
    return alone.mean() / gap.mean(), alone / gap


def rs_median(alone, corrupted, clean):
    each = (alone - corrupted) / (clean - corrupted)
    return each.median(), each


WRONG = {
    "pair_metrics": [
        (pm_sign, "sign"),
        (pm_first_position, "first position"),
        (pm_no_s, "S is not subtracted"),
        (pm_detached, "no gradient flows"),
    ],
    "linear_estimate": [
        (le_change, "the change alone"),
        (le_sums, "sums of change and gradient"),
        (le_size, "absolute value is returned"),
    ],
    "part_way": [
        (pw_mixes_results, "results are mixed"),
        (pw_whole, "at every share"),
        (pw_change, "change of the result"),
        (pw_clean_on_top, "clean is added to corrupted"),
    ],
    "strongest_edges": [
        (se_most_negative, "most negative"),
        (se_unranked, "order of the dictionary"),
        (se_weakest, "weakest"),
        (se_any_pair, "in any pair"),
    ],
    "recovered_share": [
        (rs_percent, "percent"),
        (rs_clean_below, "from clean"),
        (rs_alone_as_it_is, "from alone"),
        (rs_median, "median"),
    ],
}
RIGHT = {
    "pair_metrics": [pm_right, pm_log_softmax],
    "linear_estimate": [le_right],
    "part_way": [pw_right],
    "strongest_edges": [se_right],
    "recovered_share": [rs_right],
}
