"""Answers to the exercises of the lab on another circuit, by those who wrote the checks."""

import torch


# --- attention_from_end
def _looks(pattern, end, places):
    rows = torch.arange(len(pattern))
    there = pattern[rows, :, end]
    found = torch.stack([there[rows, :, p] for p in places.T], -1)
    return torch.cat([found, 1 - found.sum(-1, keepdim=True)], -1)


def from_end_masked(pattern, end, places):
    rows = torch.arange(len(pattern))
    there, taken = pattern[rows, :, end], torch.zeros_like(pattern[:, 0, 0], dtype=torch.bool)
    taken[rows[:, None], places] = True
    rest = there.masked_fill(taken[:, None], 0).sum(-1, keepdim=True)
    return torch.cat([there[rows[:, None], :, places].transpose(1, 2), rest], -1).mean(0)


def from_end_no_rest_per_prompt(pattern, end, places):
    return _looks(pattern, end, places)[..., :-1]


def from_end_first_end(pattern, end, places):
    return _looks(pattern, end[:1].expand_as(end), places).mean(0)


def from_end_one(pattern, end, places):
    found = _looks(pattern, end, places).mean(0)
    found[:, -1] = 1
    return found


def from_end_sum_last(pattern, end, places):
    found = _looks(pattern, end, places).mean(0)
    found[:, -1] = found[:, :-1].sum(1)
    return found


def from_end_itself(pattern, end, places):
    found, rows = _looks(pattern, end, places), torch.arange(len(pattern))
    found[..., -1] = pattern[rows, :, end, end]
    return found.mean(0)


def from_end_of_heads(pattern, end, places):
    return _looks(pattern, end, places).mean((0, 1))


def from_end_turned(pattern, end, places):
    return _looks(pattern, end, places).mean(0).T


def from_end_normed(pattern, end, places):
    found = _looks(pattern, end, places)
    named = found[..., :-1]
    return torch.cat([named / named.sum(-1, keepdim=True), found[..., -1:]], -1).mean(0)


def from_end_percent(pattern, end, places):
    return 100 * _looks(pattern, end, places).mean(0)


# --- swap_input
def _swap(x, other, unit, pos):
    out, rows = x.clone(), torch.arange(len(x))
    out[rows, pos, unit] = other[rows, pos, unit]
    return out


def input_repeated(x, hook, other, head, n_heads, pos):
    """Every head is given its unit by name, then one is looked up."""
    units = torch.arange(x.shape[2]).repeat_interleave(n_heads // x.shape[2])
    return _swap(x, other, int(units[head]), pos)


def input_head_index(x, hook, other, head, n_heads, pos):
    return _swap(x, other, head, pos)


def input_first_position(x, hook, other, head, n_heads, pos):
    return _swap(x, other, head * x.shape[2] // n_heads, pos[0])


def input_last_position(x, hook, other, head, n_heads, pos):
    unit = head * x.shape[2] // n_heads
    out = x.clone()
    out[:, -1, unit] = other[:, -1, unit]
    return out


def input_exchanged(x, hook, other, head, n_heads, pos):
    return _swap(other, x, head * x.shape[2] // n_heads, pos)


def input_added(x, hook, other, head, n_heads, pos):
    out, rows, unit = x.clone(), torch.arange(len(x)), head * x.shape[2] // n_heads
    out[rows, pos, unit] += other[rows, pos, unit]
    return out


def input_only_the_vector(x, hook, other, head, n_heads, pos):
    return other[torch.arange(len(x)), pos, head * x.shape[2] // n_heads]


def input_unit_zero(x, hook, other, head, n_heads, pos):
    return _swap(x, other, 0, pos)


def input_nothing(x, hook, other, head, n_heads, pos):
    _swap(x, other, head * x.shape[2] // n_heads, pos)
    return x


def input_none(x, hook, other, head, n_heads, pos):
    _swap(x, other, head * x.shape[2] // n_heads, pos)


# --- swap_attention
def attention_by_tuple(pattern, hook, head, end, one, two):
    out, rows = pattern.clone(), torch.arange(len(pattern))
    a, b = (rows, head, end, one), (rows, head, end, two)
    out[a], out[b] = pattern[b], pattern[a]
    return out


def _row(pattern, head, end, one, two, new_one, new_two):
    out, rows = pattern.clone(), torch.arange(len(pattern))
    out[rows, head, end, one] = new_one
    out[rows, head, end, two] = new_two
    return out


def attention_zeroed(pattern, hook, head, end, one, two):
    return _row(pattern, head, end, one, two, 0.0, 0.0)


def attention_mean(pattern, hook, head, end, one, two):
    rows = torch.arange(len(pattern))
    mean = (pattern[rows, head, end, one] + pattern[rows, head, end, two]) / 2
    return _row(pattern, head, end, one, two, mean, mean)


def attention_of_queries(pattern, hook, head, end, one, two):
    out, rows = pattern.clone(), torch.arange(len(pattern))
    out[rows, head, one] = pattern[rows, head, two]
    out[rows, head, two] = pattern[rows, head, one]
    return out


def attention_in_column(pattern, hook, head, end, one, two):
    out, rows = pattern.clone(), torch.arange(len(pattern))
    out[rows, head, one, end] = pattern[rows, head, two, end]
    out[rows, head, two, end] = pattern[rows, head, one, end]
    return out


def attention_head_zero(pattern, hook, head, end, one, two):
    return attention_by_tuple(pattern, hook, 0, end, one, two)


def attention_first_keys(pattern, hook, head, end, one, two):
    return attention_by_tuple(pattern, hook, head, end, one[0], two[0])


def attention_one_head(pattern, hook, head, end, one, two):
    return attention_by_tuple(pattern, hook, head, end, one, two)[:, head]


def attention_unchanged(pattern, hook, head, end, one, two):
    attention_by_tuple(pattern, hook, head, end, one, two)
    return pattern


def attention_none(pattern, hook, head, end, one, two):
    attention_by_tuple(pattern, hook, head, end, one, two)


# --- writes_against
def against_sorted(written, W_U, tokens, k):
    logits = written @ W_U
    bar = logits.sort(1).values[:, k - 1]
    return logits[torch.arange(len(tokens)), tokens] <= bar


def against_numbers(written, W_U, tokens, k):
    """Ones and zeros instead of True and False."""
    logits = written @ W_U
    return torch.tensor(
        [float(t in row.topk(k, largest=False).indices) for t, row in zip(tokens, logits)]
    )


def against_argsort_read_as_rank(written, W_U, tokens, k):
    return (written @ W_U).argsort(1).gather(1, tokens[:, None])[:, 0] < k


def against_lowest_alone(written, W_U, tokens, k):
    return (written @ W_U).argmin(1) == tokens


def against_turned(written, W_U, tokens, k):
    return ~against_sorted(written, W_U, tokens, k)


def against_listed(written, W_U, tokens, k):
    return (written @ W_U).topk(k, largest=False).indices


def against_whole_vocabulary(written, W_U, tokens, k):
    logits = written @ W_U
    return logits <= logits.sort(1).values[:, k - 1 : k]


def against_below_mean(written, W_U, tokens, k):
    logits = written @ W_U
    return logits[torch.arange(len(tokens)), tokens] < logits.mean(1)


def against_rank(written, W_U, tokens, k):
    logits = written @ W_U
    return (logits < logits.gather(1, tokens[:, None])).sum(1)


def against_unit_columns(written, W_U, tokens, k):
    return against_sorted(written, W_U / W_U.norm(dim=0), tokens, k)


# --- order_gap
def gap_numpy(values, first):
    one, two = values[first].numpy(), values[~first].numpy()
    error = (one.var(ddof=1) / one.size + two.var(ddof=1) / two.size) ** 0.5
    return [float(one.mean() - two.mean()), float(1.96 * error)]


def _gap(values, first):
    a, b = values[first], values[~first]
    return a, b, a.mean() - b.mean(), (a.var() / len(a) + b.var() / len(b)).sqrt()


def gap_no_sign(values, first):
    *_, gap, error = _gap(values, first)
    return gap.abs(), 1.96 * error


def gap_bounds(values, first):
    *_, gap, error = _gap(values, first)
    return gap - 1.96 * error, gap + 1.96 * error


def gap_alone(values, first):
    return _gap(values, first)[2]


def gap_no_root(values, first):
    *_, gap, error = _gap(values, first)
    return gap, 1.96 * error.square()


def gap_of_n(values, first):
    a, b, gap, _ = _gap(values, first)
    return gap, 1.96 * ((a.var() + b.var()) / len(values)).sqrt()


def gap_population(values, first):
    a, b, gap, _ = _gap(values, first)
    error = a.var(correction=0) / len(a) + b.var(correction=0) / len(b)
    return gap, 1.96 * error.sqrt()


def gap_one_spread(values, first):
    a, _, gap, _ = _gap(values, first)
    return gap, 1.96 * a.std() / len(a) ** 0.5


def gap_swapped(values, first):
    *_, gap, error = _gap(values, first)
    return 1.96 * error, gap


def gap_median(values, first):
    a, b, _, error = _gap(values, first)
    return a.median() - b.median(), 1.96 * error


WRONG = {
    "attention_from_end": [
        (from_end_no_rest_per_prompt, "one row for each prompt"),
        (from_end_first_end, "first prompt's END"),
        (from_end_one, "the last column is 1"),
        (from_end_sum_last, "the sum of the others"),
        (from_end_itself, "END's attention to itself"),
        (from_end_of_heads, "over the heads too"),
        (from_end_turned, "the axes are exchanged"),
        (from_end_normed, "divided by the attention to the places"),
        (from_end_percent, "percent"),
    ],
    "swap_input": [
        (input_head_index, "stand next to each other"),
        (input_first_position, "first prompt's position"),
        (input_last_position, "the last position is replaced"),
        (input_exchanged, "exchanged"),
        (input_added, "added"),
        (input_only_the_vector, "only what was put in"),
        (input_unit_zero, "unit 0"),
        (input_nothing, "nothing is replaced"),
        (input_none, "returns None"),
    ],
    "swap_attention": [
        (attention_zeroed, "lost their attention"),
        (attention_mean, "mean of the two"),
        (attention_of_queries, "the queries at the two positions"),
        (attention_in_column, "query and key are exchanged"),
        (attention_head_zero, "head 0"),
        (attention_first_keys, "first prompt's keys"),
        (attention_one_head, "one head's attention comes back"),
        (attention_unchanged, "nothing is exchanged"),
        (attention_none, "returns None"),
    ],
    "writes_against": [
        (against_argsort_read_as_rank, "read as a rank"),
        (against_lowest_alone, "only the lowest counts"),
        (against_turned, "turned round"),
        (against_listed, "the k lowest tokens of each row come back"),
        (against_whole_vocabulary, "one value for each token"),
        (against_below_mean, "below the mean of its row"),
        (against_rank, "True or False"),
        (against_unit_columns, "scaled to length 1"),
    ],
    "order_gap": [
        (gap_no_sign, "sign is lost"),
        (gap_bounds, "bounds of the interval"),
        (gap_alone, "one number comes back"),
        (gap_no_root, "root is missing"),
        (gap_of_n, "number of all prompts"),
        (gap_population, "divide by n"),
        (gap_one_spread, "only ABBA's spread"),
        (gap_swapped, "the two are exchanged"),
        (gap_median, "medians"),
    ],
}
RIGHT = {
    "attention_from_end": [from_end_masked],
    "swap_input": [input_repeated],
    "swap_attention": [attention_by_tuple],
    "writes_against": [against_sorted, against_numbers],
    "order_gap": [gap_numpy],
}
