"""Answers to the exercises on patching by gradient, written from their text alone."""

from collections import defaultdict
from functools import partial
from statistics import fmean

import torch
from einops import einsum


# --- pair_metrics
def pm_late(io, s):
    """Every function looks `i` up when it is called: all are the last pair's."""
    metrics = []
    for i in range(len(io)):
        metrics.append(lambda logits: logits[0, -1, io[i]] - logits[0, -1, s[i]])
    return metrics


def pm_numbers(io, s):
    return [
        lambda logits, a=a, b=b: (logits[0, -1, a] - logits[0, -1, b]).item()
        for a, b in zip(io, s, strict=True)
    ]


def pm_rows(io, s):
    """As if the logits of all prompts came at once."""
    return [lambda logits, i=i: logits[i, -1, io[i]] - logits[i, -1, s[i]] for i in range(len(io))]


def pm_keep_axis(io, s):
    return [
        lambda logits, a=a, b=b: logits[:, -1, a] - logits[:, -1, b]
        for a, b in zip(io, s, strict=True)
    ]


def pm_one(io, s):
    return lambda logits: logits[0, -1, io[0]] - logits[0, -1, s[0]]


def pm_softmax(io, s):
    def metric(logits, a, b):
        p = logits[0, -1].softmax(-1)
        return p[a] - p[b]

    return [partial(metric, a=a, b=b) for a, b in zip(io, s, strict=True)]


def pm_partial(io, s):
    def metric(a, b, logits):
        return logits[0, -1, a] - logits[0, -1, b]

    return [partial(metric, a, b) for a, b in zip(io.tolist(), s.tolist(), strict=True)]


class _Metric:
    def __init__(self, a, b):
        self.a, self.b = int(a), int(b)

    def __call__(self, logits):
        last = logits.squeeze(0)[-1]
        return last[self.a].sub(last[self.b])


def pm_class(io, s):
    return list(map(_Metric, io, s))


def pm_tuple(io, s):
    def made(i):
        return lambda logits: torch.diff(logits[0, -1, [s[i], io[i]]]).squeeze()

    return tuple(made(i) for i in range(len(io)))


# --- linear_estimate
def le_backwards(clean, corrupted, gradient):
    return ((corrupted - clean) * gradient).sum((1, 3))


def le_gradient(clean, corrupted, gradient):
    return gradient.sum((1, 3))


def le_clean(clean, corrupted, gradient):
    return (clean * gradient).sum((1, 3))


def le_mean(clean, corrupted, gradient):
    return ((clean - corrupted) * gradient).mean((1, 3))


def le_last(clean, corrupted, gradient):
    return ((clean - corrupted) * gradient)[:, -1].sum(-1)


def le_norms(clean, corrupted, gradient):
    return ((clean - corrupted).norm(dim=-1) * gradient.norm(dim=-1)).sum(1)


def le_absolute(clean, corrupted, gradient):
    return ((clean - corrupted) * gradient).sum(3).abs().sum(1)


def le_einsum(clean, corrupted, gradient):
    return einsum(clean - corrupted, gradient, "b p h d, b p h d -> b h")


def le_matmul(clean, corrupted, gradient):
    change = (clean - corrupted).transpose(1, 2).flatten(2)
    slope = gradient.transpose(1, 2).flatten(2)
    return (change.unsqueeze(-2) @ slope.unsqueeze(-1)).squeeze(-1).squeeze(-1)


def le_loop(clean, corrupted, gradient):
    found = torch.zeros(clean.shape[0], clean.shape[2])
    for pos in range(clean.shape[1]):
        after, before = (x[:, pos] * gradient[:, pos] for x in (clean, corrupted))
        found += after.sum(-1) - before.sum(-1)
    return found


# --- part_way
def pw_other_way(run, name, corrupted, clean, shares):
    def put(x, hook, t):
        return clean + t * (corrupted - clean)

    return torch.stack([run([(name, partial(put, t=t))]) for t in shares])


def pw_only_change(run, name, corrupted, clean, shares):
    return torch.stack(
        [run([(name, lambda x, hook, t=t: t * (clean - corrupted))]) for t in shares]
    )


def pw_late(run, name, corrupted, clean, shares):
    """The hooks are made first, and look `t` up when they run."""
    pairs = [(name, lambda x, hook: corrupted + t * (clean - corrupted)) for t in shares]
    return torch.stack([run([pair]) for pair in pairs])


def pw_means(run, name, corrupted, clean, shares):
    return torch.stack(
        [
            run([(name, lambda x, hook, t=t: corrupted + t * (clean - corrupted))]).mean()
            for t in shares
        ]
    )


def pw_all_at_once(run, name, corrupted, clean, shares):
    pairs = [(name, lambda x, hook, t=t: x + t * (clean - corrupted)) for t in shares]
    return torch.stack([run(pairs) for _ in shares])


def pw_scaled(run, name, corrupted, clean, shares):
    return torch.stack([run([(name, lambda x, hook, t=t: t * clean)]) for t in shares])


def pw_no_return(run, name, corrupted, clean, shares):
    def put(x, hook, t):
        x = corrupted + t * (clean - corrupted)  # noqa: F841

    return torch.stack([run([(name, partial(put, t=t))]) for t in shares])


def pw_lerp(run, name, corrupted, clean, shares):
    rows = []
    for t in shares:
        mixed = torch.lerp(corrupted, clean, float(t))
        rows.append(run([(name, lambda x, hook, mixed=mixed: mixed)]))
    return torch.stack(rows)


def pw_weights(run, name, corrupted, clean, shares):
    def hook_for(t):
        def put(x, hook):
            return (1 - t) * corrupted + t * clean

        return put

    return torch.cat([run([(name, hook_for(t))])[None] for t in shares])


def pw_added(run, name, corrupted, clean, shares):
    """What stands there in the run is `corrupted` already."""
    change = clean - corrupted
    out = [run([(name, partial(lambda x, hook, t: x + t * change, t=t))]) for t in shares]
    return torch.vstack(out)


# --- strongest_edges
def se_of_absolutes(scores, k):
    mean = {e: fmean(abs(one[e]) for one in scores) for e in scores[0]}
    return sorted(mean, key=mean.get, reverse=True)[:k]


def se_largest(scores, k):
    mean = {e: fmean(one[e] for one in scores) for e in scores[0]}
    return sorted(mean, key=mean.get, reverse=True)[:k]


def se_weakest_first(scores, k):
    mean = {e: fmean(one[e] for one in scores) for e in scores[0]}
    return sorted(mean, key=lambda e: abs(mean[e]))[-k:]


def se_first_pair(scores, k):
    return sorted(scores[0], key=lambda e: -abs(scores[0][e]))[:k]


def se_with_scores(scores, k):
    mean = {e: fmean(one[e] for one in scores) for e in scores[0]}
    return sorted(mean.items(), key=lambda item: -abs(item[1]))[:k]


def se_dictionary(scores, k):
    """Pairs overwrite one another: the last one decides."""
    mean = {}
    for one in scores:
        mean.update(one)
    return sorted(mean, key=lambda e: -abs(mean[e]))[:k]


def se_each_pair(scores, k):
    found = set()
    for one in scores:
        found |= set(sorted(one, key=lambda e: -abs(one[e]))[:k])
    return list(found)


def se_tensor(scores, k):
    edges = list(scores[0])
    table = torch.tensor([[one[e] for e in edges] for one in scores], dtype=torch.float64)
    return [edges[i] for i in table.mean(0).abs().topk(k).indices.tolist()]


def se_sums(scores, k):
    """A sum ranks as a mean does."""
    total = defaultdict(float)
    for one in scores:
        for edge, score in one.items():
            total[edge] += score
    return [e for _, e in sorted(((abs(v), e) for e, v in total.items()), key=_first)[::-1][:k]]


def _first(pair):
    return pair[0]


def se_tuple(scores, k):
    ranked = sorted(scores[0], key=lambda e: abs(fmean(one[e] for one in scores)))
    return tuple(reversed(ranked[len(ranked) - k :]))


# --- recovered_share
def rs_mean_of_shares(alone, corrupted, clean):
    each = (alone - corrupted) / (clean - corrupted)
    return each.mean(), each


def rs_of_clean(alone, corrupted, clean):
    return alone.mean() / clean.mean(), alone / clean


def rs_lost(alone, corrupted, clean):
    each = (clean - alone) / (clean - corrupted)
    return (clean - alone).mean() / (clean - corrupted).mean(), each


def rs_clamped(alone, corrupted, clean):
    each = ((alone - corrupted) / (clean - corrupted)).clamp(0, 1)
    return (alone - corrupted).mean() / (clean - corrupted).mean(), each


def rs_swapped(alone, corrupted, clean):
    each = (alone - corrupted) / (clean - corrupted)
    return each, (alone - corrupted).mean() / (clean - corrupted).mean()


def rs_one(alone, corrupted, clean):
    return (alone - corrupted).mean() / (clean - corrupted).mean()


def rs_mean_gap_for_each(alone, corrupted, clean):
    each = (alone - corrupted) / (clean - corrupted).mean()
    return each.mean(), each


def rs_means_first(alone, corrupted, clean):
    a, b, c = alone.mean(), corrupted.mean(), clean.mean()
    return (a - b) / (c - b), 1 - (clean - alone) / (clean - corrupted)


def rs_weighted(alone, corrupted, clean):
    """The whole is the mean of the shares, each weighted by its gap."""
    gap = clean - corrupted
    each = (alone - corrupted) / gap
    return (each * gap).sum() / gap.sum(), each


def rs_list(alone, corrupted, clean):
    total = float((alone - corrupted).sum() / (clean - corrupted).sum())
    return [total, (alone - corrupted).div(clean - corrupted)]


WRONG = {
    "pair_metrics": [
        (pm_late, "when it is called"),
        (pm_numbers, "a plain number"),
        (pm_rows, "another row than 0"),
        (pm_keep_axis, "shape (1,)"),
        (pm_one, "a list"),
        (pm_softmax, "probabilities"),
    ],
    "linear_estimate": [
        (le_backwards, "the wrong way"),
        (le_gradient, "the gradient alone"),
        (le_clean, "corrupted is not subtracted"),
        (le_mean, "mean"),
        (le_last, "the last position alone"),
        (le_norms, "lengths"),
        (le_absolute, "absolute values"),
    ],
    "part_way": [
        (pw_other_way, "from clean to corrupted"),
        (pw_only_change, "the difference alone"),
        (pw_late, "the last share"),
        (pw_means, "one for each prompt"),
        (pw_all_at_once, "put in together"),
        (pw_scaled, "times clean"),
        (pw_no_return, "nothing is replaced"),
    ],
    "strongest_edges": [
        (se_of_absolutes, "mean of absolute scores"),
        (se_largest, "negative"),
        (se_weakest_first, "turned round"),
        (se_first_pair, "first pair"),
        (se_with_scores, "their scores"),
        (se_dictionary, "last pair"),
        (se_each_pair, "edges"),
    ],
    "recovered_share": [
        (rs_mean_of_shares, "mean of the shares"),
        (rs_of_clean, "corrupted"),
        (rs_lost, "lost"),
        (rs_clamped, "between 0 and 1"),
        (rs_swapped, "exchanged"),
        (rs_one, "two"),
        (rs_mean_gap_for_each, "divided by the mean gap"),
    ],
}
RIGHT = {
    "pair_metrics": [pm_partial, pm_class, pm_tuple],
    "linear_estimate": [le_einsum, le_matmul, le_loop],
    "part_way": [pw_lerp, pw_weights, pw_added],
    "strongest_edges": [se_tensor, se_sums, se_tuple],
    "recovered_share": [rs_means_first, rs_weighted, rs_list],
}
