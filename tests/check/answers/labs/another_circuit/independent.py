"""Answers to the exercises of the lab on another circuit, written before their checks."""

import torch


# --- attention_from_end
def af_gather(pattern, end, places):
    found = []
    for prompt, at, where in zip(pattern, end.tolist(), places, strict=True):
        row = prompt[:, at]
        there = row.gather(1, where.expand(len(row), -1))
        found.append(torch.cat([there, row.sum(1, keepdim=True) - there.sum(1, keepdim=True)], 1))
    return torch.stack(found).mean(0)


def af_one_hot(pattern, end, places):
    n = pattern.shape[-1]
    query = torch.nn.functional.one_hot(end, n).to(pattern.dtype)
    keys = torch.nn.functional.one_hot(places, n).to(pattern.dtype)
    keys = torch.cat([keys, 1 - keys.sum(1, keepdim=True)], 1)
    return torch.einsum("bhqk,bq,bpk->hp", pattern, query, keys) / len(pattern)


def af_last_position(pattern, end, places):
    return af_gather(pattern, torch.full_like(end, pattern.shape[2] - 1), places)


def af_no_rest(pattern, end, places):
    return af_gather(pattern, end, places)[:, :-1]


def af_first_places(pattern, end, places):
    return af_gather(pattern, end, places[:1].expand_as(places))


def af_per_prompt(pattern, end, places):
    rows = torch.arange(len(pattern))
    there = pattern[rows, :, end]
    found = torch.stack([there[rows, :, p] for p in places.T], -1)
    return torch.cat([found, 1 - found.sum(-1, keepdim=True)], -1)


def af_into_end(pattern, end, places):
    return af_gather(pattern.transpose(2, 3), end, places)


def af_sum(pattern, end, places):
    return af_gather(pattern, end, places) * len(pattern)


# --- swap_input
def si_mask(x, hook, other, head, n_heads, pos):
    unit = head * x.shape[2] // n_heads
    at = torch.arange(x.shape[1])[None] == pos[:, None]
    at = at[:, :, None] & (torch.arange(x.shape[2]) == unit)
    return torch.where(at[..., None], other, x)


def si_loop(x, hook, other, head, n_heads, pos):
    out = x.clone()
    for i, p in enumerate(pos.tolist()):
        out[i, p, head // (n_heads // x.shape[2])] = other[i, p, head // (n_heads // x.shape[2])]
    return out


def _swap(x, other, unit, pos):
    out, rows = x.clone(), torch.arange(len(x))
    out[rows, pos, unit] = other[rows, pos, unit]
    return out


def si_remainder(x, hook, other, head, n_heads, pos):
    return _swap(x, other, head % x.shape[2], pos)


def si_own_number(x, hook, other, head, n_heads, pos):
    return _swap(x, other, min(head, x.shape[2] - 1), pos)


def si_everywhere(x, hook, other, head, n_heads, pos):
    out, unit = x.clone(), head * x.shape[2] // n_heads
    out[:, :, unit] = other[:, :, unit]
    return out


def si_every_position_of_any(x, hook, other, head, n_heads, pos):
    out, unit = x.clone(), head * x.shape[2] // n_heads
    out[:, pos, unit] = other[:, pos, unit]
    return out


def si_every_unit(x, hook, other, head, n_heads, pos):
    out, rows = x.clone(), torch.arange(len(x))
    out[rows, pos] = other[rows, pos]
    return out


def si_in_place(x, hook, other, head, n_heads, pos):
    rows, unit = torch.arange(len(x)), head * x.shape[2] // n_heads
    x[rows, pos, unit] = other[rows, pos, unit]
    return x


# --- swap_attention
def sa_flip(pattern, hook, head, end, one, two):
    out = pattern.clone()
    for i in range(len(pattern)):
        both = [int(one[i]), int(two[i])]
        out[i, head, int(end[i]), both] = pattern[i, head, int(end[i]), both[::-1]]
    return out


def sa_scatter(pattern, hook, head, end, one, two):
    rows = torch.arange(len(pattern))
    row = pattern[rows, head, end]
    keys = torch.arange(row.shape[1]).repeat(len(row), 1)
    keys[rows, one], keys[rows, two] = two, one
    out = pattern.clone()
    out[rows, head, end] = row.gather(1, keys)
    return out


def sa_overwritten(pattern, hook, head, end, one, two):
    out, rows = pattern.clone(), torch.arange(len(pattern))
    out[rows, head, end, one] = out[rows, head, end, two]
    out[rows, head, end, two] = out[rows, head, end, one]
    return out


def sa_moved(pattern, hook, head, end, one, two):
    out, rows = pattern.clone(), torch.arange(len(pattern))
    out[rows, head, end, two] += out[rows, head, end, one]
    out[rows, head, end, one] = 0
    return out


def sa_every_head(pattern, hook, head, end, one, two):
    out = pattern
    for h in range(pattern.shape[1]):
        out = sa_flip(out, hook, h, end, one, two)
    return out


def sa_every_query(pattern, hook, head, end, one, two):
    out, rows = pattern.clone(), torch.arange(len(pattern))
    out[rows, head, :, one] = pattern[rows, head, :, two]
    out[rows, head, :, two] = pattern[rows, head, :, one]
    return out


def sa_last_query(pattern, hook, head, end, one, two):
    return sa_flip(pattern, hook, head, torch.full_like(end, pattern.shape[2] - 1), one, two)


def sa_in_place(pattern, hook, head, end, one, two):
    rows = torch.arange(len(pattern))
    kept = pattern[rows, head, end, one]  # advanced indexing copies
    pattern[rows, head, end, one] = pattern[rows, head, end, two]
    pattern[rows, head, end, two] = kept
    return pattern


# --- writes_against
def wa_rank(written, W_U, tokens, k):
    logits = written @ W_U
    return (logits < logits.gather(1, tokens[:, None])).sum(1) < k


def wa_probabilities(written, W_U, tokens, k):
    lowest = (written @ W_U).softmax(1).argsort(1)[:, :k]
    return (lowest == tokens[:, None]).any(1)


def wa_highest(written, W_U, tokens, k):
    return ((written @ W_U).topk(k).indices == tokens[:, None]).any(1)


def wa_share(written, W_U, tokens, k):
    return wa_rank(written, W_U, tokens, k).float().mean()


def wa_one_more(written, W_U, tokens, k):
    logits = written @ W_U
    return (logits < logits.gather(1, tokens[:, None])).sum(1) <= k


def wa_below_zero(written, W_U, tokens, k):
    return (written @ W_U).gather(1, tokens[:, None])[:, 0] < 0


def wa_nearest_zero(written, W_U, tokens, k):
    lowest = (written @ W_U).abs().topk(k, largest=False).indices
    return (lowest == tokens[:, None]).any(1)


def wa_first_token(written, W_U, tokens, k):
    return wa_rank(written, W_U, tokens[:1].expand_as(tokens), k)


# --- order_gap
def og_moments(values, first):
    gap, squares = 0.0, 0.0
    for sign, rows in ((1, first), (-1, ~first)):
        group = values[rows].double()
        gap += sign * group.sum().item() / len(group)
        squares += (group - group.mean()).square().sum().item() / (len(group) - 1) / len(group)
    return gap, 1.96 * squares**0.5


def og_tensor(values, first):
    a, b = values[first], values[first.logical_not()]
    se = torch.hypot(a.std() / len(a) ** 0.5, b.std() / len(b) ** 0.5)
    return torch.stack([a.mean() - b.mean(), 1.96 * se])


def og_turned(values, first):
    gap, half = og_moments(values, first)
    return -gap, half


def og_of_all(values, first):
    gap, _ = og_moments(values, first)
    return gap, 1.96 * (values.std() / len(values) ** 0.5).item()


def og_halves_added(values, first):
    a, b = values[first], values[~first]
    half = 1.96 * (a.std() / len(a) ** 0.5 + b.std() / len(b) ** 0.5)
    return (a.mean() - b.mean()).item(), half.item()


def og_standard_error(values, first):
    gap, half = og_moments(values, first)
    return gap, half / 1.96


def og_spread(values, first):
    a, b = values[first], values[~first]
    return (a.mean() - b.mean()).item(), 1.96 * (a.var() + b.var()).sqrt().item()


def og_whole_width(values, first):
    gap, half = og_moments(values, first)
    return gap, 2 * half


WRONG = {
    "attention_from_end": [
        (af_last_position, "last position of the tensor"),
        (af_no_rest, "a column is missing"),
        (af_first_places, "first prompt's places"),
        (af_per_prompt, "one row for each prompt"),
        (af_into_end, "query"),
        (af_sum, "sums"),
    ],
    "swap_input": [
        (si_remainder, "next to each other"),
        (si_own_number, "next to each other"),
        (si_everywhere, "every position"),
        (si_every_position_of_any, "other prompts' positions"),
        (si_every_unit, "every unit"),
        (si_in_place, "in place"),
    ],
    "swap_attention": [
        (sa_overwritten, "overwritten"),
        (sa_moved, "moved"),
        (sa_every_head, "every head"),
        (sa_every_query, "every query"),
        (sa_last_query, "the last position"),
        (sa_in_place, "in place"),
    ],
    "writes_against": [
        (wa_highest, "highest"),
        (wa_share, "one number comes back"),
        (wa_one_more, "k + 1"),
        (wa_below_zero, "below zero"),
        (wa_nearest_zero, "nearest zero"),
        (wa_first_token, "first token"),
    ],
    "order_gap": [
        (og_turned, "the sign is wrong"),
        (og_of_all, "all prompts together"),
        (og_halves_added, "errors are added"),
        (og_standard_error, "one standard error"),
        (og_spread, "number of prompts"),
        (og_whole_width, "whole width"),
    ],
}
RIGHT = {
    "attention_from_end": [af_gather, af_one_hot],
    "swap_input": [si_mask, si_loop],
    "swap_attention": [sa_flip, sa_scatter],
    "writes_against": [wa_rank, wa_probabilities],
    "order_gap": [og_moments, og_tensor],
}
