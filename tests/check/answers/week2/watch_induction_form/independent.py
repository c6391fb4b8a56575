"""Answers to the exercises on watching induction form, written from their text before the check."""

import einops
import numpy as np
import torch


# --- repeat_blocks
def rb_right_loop(tokens, periods, bos):
    rows = []
    for row, period in zip(tokens.tolist(), periods.tolist(), strict=True):
        many = row[:period] * len(row)
        rows.append([bos, *many[: len(row)]])
    return torch.tensor(rows)


def rb_right_numpy(tokens, periods, bos):
    made = [np.resize(row[:p], len(row)) for row, p in zip(tokens.numpy(), periods, strict=True)]
    column = np.full((len(made), 1), bos)
    return torch.from_numpy(np.hstack([column, np.stack(made)]))


def rb_right_doubling(tokens, periods, bos):
    out = tokens.clone()
    for q in range(1, tokens.shape[1]):  # copy what stands one period back
        back = (q - periods).clamp(min=0)
        copied = out[torch.arange(len(out)), back]
        out[:, q] = torch.where(periods <= q, copied, out[:, q])
    return torch.nn.functional.pad(out, (1, 0), value=bos)


def rb_wrong_one_period(tokens, periods, bos):  # every row has the first row's period
    places = torch.arange(tokens.shape[1]) % periods[0]
    return torch.cat([torch.full((len(tokens), 1), bos), tokens[:, places]], 1)


def rb_wrong_each_token(tokens, periods, bos):  # A A A B B B
    places = torch.arange(tokens.shape[1]) // periods[:, None]
    return torch.cat([torch.full((len(tokens), 1), bos), tokens.gather(1, places)], 1)


def rb_wrong_bos_in_block(tokens, periods, bos):  # BOS is repeated with the block
    with_bos = torch.cat([torch.full((len(tokens), 1), bos), tokens], 1)
    places = torch.arange(with_bos.shape[1]) % (periods[:, None] + 1)
    return with_bos.gather(1, places)


def rb_wrong_no_bos(tokens, periods, bos):
    return tokens.gather(1, torch.arange(tokens.shape[1]) % periods[:, None])


def rb_wrong_once(tokens, periods, bos):  # two copies, then new tokens
    places = torch.arange(tokens.shape[1]).expand_as(tokens)
    second = (places >= periods[:, None]) & (places < 2 * periods[:, None])
    places = torch.where(second, places - periods[:, None], places)
    return torch.cat([torch.full((len(tokens), 1), bos), tokens.gather(1, places)], 1)


def rb_wrong_too_long(tokens, periods, bos):  # one more than the period
    places = torch.arange(tokens.shape[1]) % (periods[:, None] + 1)
    return torch.cat([torch.full((len(tokens), 1), bos), tokens.gather(1, places)], 1)


def rb_wrong_mixed_rows(tokens, periods, bos):  # the first row's tokens everywhere
    places = torch.arange(tokens.shape[1]) % periods[:, None]
    return torch.cat([torch.full((len(tokens), 1), bos), tokens[0][places]], 1)


# --- loss_by_repeat
def lr_right_loop(losses, period):
    means, start = [], 0
    while start < losses.shape[1]:
        means.append(losses[:, start : start + period].double().mean())
        start += period
    return torch.stack(means)


def lr_right_scatter(losses, period):
    repeat = torch.arange(losses.shape[1]) // period
    sums = torch.zeros(int(repeat[-1]) + 1).index_add(0, repeat, losses.mean(0))
    return sums / repeat.bincount()


def lr_right_numpy(losses, period):
    parts = np.split(losses.numpy(), range(period, losses.shape[1], period), axis=1)
    return torch.tensor([part.mean() for part in parts])


def lr_wrong_drops_rest(losses, period):  # leaves out a repeat that is cut short
    n = losses.shape[1] // period
    return einops.reduce(losses[:, : n * period], "b (r p) -> r", "mean", p=period)


def lr_wrong_by_place(losses, period):  # by the place within the block
    return torch.stack([losses[:, i::period].mean() for i in range(period)])


def lr_wrong_sum(losses, period):
    return torch.stack([part.sum(1).mean() for part in losses.split(period, 1)])


def lr_wrong_divides_by_period(losses, period):  # the last one is shorter
    return torch.stack([part.mean(0).sum() / period for part in losses.split(period, 1)])


def lr_wrong_per_prompt(losses, period):
    return torch.stack([part.mean(1) for part in losses.split(period, 1)])


def lr_wrong_shifted(losses, period):  # as if column 0 were BOS
    return torch.stack([part.mean() for part in losses[:, 1:].split(period, 1)])


def lr_wrong_rows(losses, period):  # splits the prompts
    return torch.stack([part.mean() for part in losses.split(period)])


# --- matching_attention
def ma_right_loops(pattern, tokens):
    found = []
    for one, row in zip(pattern, tokens.tolist(), strict=True):
        for q, token in enumerate(row):
            keys = [k for k in range(1, q + 1) if row[k - 1] == token]
            if keys:
                found.append(sum(one[q, k].item() for k in keys))
    return torch.tensor(sum(found) / len(found))


def ma_right_duplicates_moved(pattern, tokens):
    same = tokens[:, :, None] == tokens[:, None, :]
    matches = torch.zeros_like(same)
    matches[:, :, 1:] = same[:, :, :-1]
    matches &= torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).tril()
    some = matches.any(-1)
    return pattern.masked_fill(~matches, 0).sum(-1)[some].mean()


def ma_right_einsum(pattern, tokens):
    one_hot = torch.nn.functional.one_hot(tokens).to(pattern.dtype)
    same = einops.einsum(one_hot[:, 1:], one_hot[:, :-1], "b q v, b k v -> b q k").tril()
    total = einops.einsum(pattern[:, 1:, 1:], same, "b q k, b q k ->")
    return total / (same.amax(-1) > 0).sum()


def ma_wrong_duplicate(pattern, tokens):  # the token itself, not what came after
    same = (tokens[:, :, None] == tokens[:, None, :]).tril(-1)
    some = same.any(-1)
    return (pattern * same).sum(-1)[some].mean()


def ma_wrong_all_queries(pattern, tokens):  # queries without a match count as 0
    before = torch.cat([torch.full((len(tokens), 1), -1), tokens[:, :-1]], 1)
    matches = (tokens[:, :, None] == before[:, None, :]).tril()
    return (pattern * matches).sum(-1).mean()


def ma_wrong_mean_over_keys(pattern, tokens):  # not the sum
    before = torch.cat([torch.full((len(tokens), 1), -1), tokens[:, :-1]], 1)
    matches = (tokens[:, :, None] == before[:, None, :]).tril()
    return pattern[matches].mean()


def ma_wrong_later_keys(pattern, tokens):  # later keys make queries count
    before = torch.cat([torch.full((len(tokens), 1), -1), tokens[:, :-1]], 1)
    matches = tokens[:, :, None] == before[:, None, :]
    return (pattern * matches).sum(-1)[matches.any(-1)].mean()


def ma_wrong_rolled(pattern, tokens):  # roll brings the last token to the front
    matches = (tokens[:, :, None] == tokens.roll(1, 1)[:, None, :]).tril()
    return (pattern * matches).sum(-1)[matches.any(-1)].mean()


def ma_wrong_swapped(pattern, tokens):  # query and key
    before = torch.cat([torch.full((len(tokens), 1), -1), tokens[:, :-1]], 1)
    matches = (before[:, :, None] == tokens[:, None, :]).tril()
    return (pattern * matches).sum(-1)[matches.any(-1)].mean()


def ma_wrong_per_prompt(pattern, tokens):  # mean of the prompts' means
    before = torch.cat([torch.full((len(tokens), 1), -1), tokens[:, :-1]], 1)
    matches = (tokens[:, :, None] == before[:, None, :]).tril()
    hit = (pattern * matches).sum((1, 2))
    return (hit / matches.any(-1).sum(1)).mean()


def ma_wrong_latest(pattern, tokens):  # the latest match alone
    found = []
    for one, row in zip(pattern, tokens.tolist(), strict=True):
        for q, token in enumerate(row):
            keys = [k for k in range(1, q + 1) if row[k - 1] == token]
            if keys:
                found.append(one[q, keys[-1]])
    return torch.stack(found).mean()


# --- losses_by_period
def lp_right_stack(losses_of, draw, periods):
    return torch.stack([losses_of(draw(p))[:, p + 1 :].mean() for p in periods])


def lp_right_masks(losses_of, draw, periods):
    out = torch.zeros(len(periods), dtype=torch.float64)
    for i, period in enumerate(periods):
        losses = losses_of(draw(period)).double()
        known = torch.arange(losses.shape[1]) > period
        out[i] = (losses * known).sum() / (known.sum() * len(losses))
    return out


def lp_right_map(losses_of, draw, periods):
    prompts = map(draw, periods)
    return torch.tensor(
        [np.mean(losses_of(t).numpy()[:, p + 1 :]) for t, p in zip(prompts, periods, strict=True)]
    )


def lp_wrong_all(losses_of, draw, periods):  # the first block counts too
    return torch.stack([losses_of(draw(p)).mean() for p in periods])


def lp_wrong_from_the_first(losses_of, draw, periods):  # the second repeat's first token too
    return torch.stack([losses_of(draw(p))[:, p:].mean() for p in periods])


def lp_wrong_second_only(losses_of, draw, periods):  # later repeats are left out
    return torch.stack([losses_of(draw(p))[:, p + 1 : 2 * p].mean() for p in periods])


def lp_wrong_one_draw(losses_of, draw, periods):  # the same prompts for all
    losses = losses_of(draw(periods[0]))
    return torch.stack([losses[:, p + 1 :].mean() for p in periods])


def lp_wrong_list(losses_of, draw, periods):
    return [losses_of(draw(p))[:, p + 1 :].mean().item() for p in periods]


def lp_wrong_overall(losses_of, draw, periods):  # one number
    return torch.stack([losses_of(draw(p))[:, p + 1 :].mean() for p in periods]).mean()


def lp_wrong_one_late(losses_of, draw, periods):  # as if column 0 were BOS
    return torch.stack([losses_of(draw(p))[:, p + 2 :].mean() for p in periods])


def lp_wrong_half(losses_of, draw, periods):  # halves, as in week 2
    out = []
    for p in periods:
        losses = losses_of(draw(p))
        out.append(losses[:, losses.shape[1] // 2 + 1 :].mean())
    return torch.stack(out)


# --- tries of one who walked the chapter from its first cell to its last
def rb_whole_copies(tokens, periods, bos):
    """Copies as long as whole ones fit, then what stands there."""
    rows = []
    for row, period in zip(tokens, periods.tolist()):
        n = len(row) // period
        rows.append(torch.cat([torch.tensor([bos]), row[:period].repeat(n), row[n * period :]]))
    return torch.stack(rows)


def lr_chunk(losses, period):
    return torch.stack([part.mean() for part in losses.chunk(period, 1)])


def lr_bins(losses, period):
    """Added up by the number of the repeat."""
    which = torch.arange(losses.shape[1]) // period
    sums = torch.zeros(int(which[-1]) + 1, dtype=losses.dtype)
    return sums.index_add(0, which, losses.mean(0)) / which.bincount()


WRONG = {
    "repeat_blocks": [
        (rb_whole_copies, "the last copy is not cut short"),
        (rb_wrong_one_period, "period of the first row"),
        (rb_wrong_each_token, "A A"),
        (rb_wrong_bos_in_block, "BOS is repeated with the block"),
        (rb_wrong_no_bos, "BOS is missing"),
        (rb_wrong_once, "after the second copy come new tokens"),
        (rb_wrong_too_long, "one token too long"),
        (rb_wrong_mixed_rows, "the first row's tokens"),
    ],
    "loss_by_repeat": [
        (lr_chunk, "cut into 4 pieces"),
        (lr_wrong_drops_rest, "cut short"),
        (lr_wrong_by_place, "one number for each place"),
        (lr_wrong_sum, "adds up the losses of a repeat"),
        (lr_wrong_divides_by_period, "divided by the whole period"),
        (lr_wrong_per_prompt, "one number for each prompt and repeat"),
        (lr_wrong_shifted, "one column late"),
        (lr_wrong_rows, "the prompts are split"),
    ],
    "matching_attention": [
        (ma_wrong_duplicate, "duplicate"),
        (ma_wrong_all_queries, "the mean runs over all queries"),
        (ma_wrong_mean_over_keys, "all matching pairs"),
        (ma_wrong_later_keys, "only match comes later"),
        (ma_wrong_rolled, "roll brings the last token"),
        (ma_wrong_swapped, "swapped"),
        (ma_wrong_per_prompt, "prompts' own means"),
        (ma_wrong_latest, "only the latest"),
    ],
    "losses_by_period": [
        (lp_wrong_all, "first block"),
        (lp_wrong_from_the_first, "first token of the second repeat"),
        (lp_wrong_second_only, "later repeats"),
        (lp_wrong_one_draw, "prompts of the first one"),
        (lp_wrong_list, "return a tensor, not list"),
        (lp_wrong_overall, "one number comes back"),
        (lp_wrong_one_late, "one too late"),
        (lp_wrong_half, "second half of each prompt"),
    ],
}
RIGHT = {
    "repeat_blocks": [rb_right_loop, rb_right_numpy, rb_right_doubling],
    "loss_by_repeat": [lr_bins, lr_right_loop, lr_right_scatter, lr_right_numpy],
    "matching_attention": [ma_right_loops, ma_right_duplicates_moved, ma_right_einsum],
    "losses_by_period": [lp_right_stack, lp_right_masks, lp_right_map],
}
