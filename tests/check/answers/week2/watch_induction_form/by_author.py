"""Answers of the checks' author to the exercises on watching induction form."""

import itertools
import statistics

import torch


# --- repeat_blocks
def rb_cycle(tokens, periods, bos):
    rows = []
    for row, period in zip(tokens, periods, strict=True):
        endless = itertools.cycle(row[:period].tolist())
        rows.append([bos, *itertools.islice(endless, len(row))])
    return torch.tensor(rows)


def rb_tile_and_cut(tokens, periods, bos):
    n = tokens.shape[1]
    rows = [row[:p].repeat(n)[:n] for row, p in zip(tokens, periods.tolist(), strict=True)]
    return torch.cat([tokens.new_full((len(rows), 1), bos), torch.stack(rows)], dim=1)


def rb_flat_index(tokens, periods, bos):
    batch, n = tokens.shape
    rows, columns = torch.meshgrid(torch.arange(batch), torch.arange(n), indexing="ij")
    out = torch.full((batch, n + 1), bos)
    out[:, 1:] = tokens.flatten()[rows * n + torch.remainder(columns, periods[rows])]
    return out


def rb_padded(tokens, periods, bos):
    n = tokens.shape[1]
    out = torch.full((len(tokens), n + 1), bos)
    for i, p in enumerate(periods.tolist()):
        whole = n // p
        out[i, 1 : 1 + whole * p] = tokens[i, :p].repeat(whole)
    return out


def rb_late(tokens, periods, bos):
    places = torch.arange(1, 1 + tokens.shape[1]) % periods[:, None]
    return torch.cat([tokens.new_full((len(tokens), 1), bos), tokens.gather(1, places)], 1)


def rb_from_the_end(tokens, periods, bos):
    n = tokens.shape[1]
    rows = [row[n - p :].repeat(n)[:n] for row, p in zip(tokens, periods.tolist(), strict=True)]
    return torch.cat([tokens.new_full((len(rows), 1), bos), torch.stack(rows)], dim=1)


def rb_floats(tokens, periods, bos):
    return rb_tile_and_cut(tokens, periods, bos).float()


def rb_bos_instead(tokens, periods, bos):
    made = rb_tile_and_cut(tokens, periods, bos)
    return made[:, :-1]


def rb_largest(tokens, periods, bos):
    return rb_tile_and_cut(tokens, periods.max().expand(len(periods)), bos)


# --- loss_by_repeat
def lr_chunks_of_the_mean(losses, period):
    return torch.tensor([part.mean() for part in losses.mean(0).split(period)])


def lr_padded_nan(losses, period):
    missing = -losses.shape[1] % period
    padded = torch.nn.functional.pad(losses, (0, missing), value=torch.nan)
    return padded.unflatten(1, (-1, period)).nanmean((0, 2))


def lr_one_hot(losses, period):
    repeat = torch.arange(losses.shape[1]) // period
    member = torch.nn.functional.one_hot(repeat).to(losses.dtype)
    return losses.mean(0) @ member / member.sum(0)


def lr_first_token(losses, period):
    return losses[:, ::period].mean(0)


def lr_without_first_token(losses, period):
    return torch.stack(
        [part[:, min(1, part.shape[1] - 1) :].mean() for part in losses.split(period, 1)]
    )


def lr_so_far(losses, period):
    ends = range(period, losses.shape[1] + period, period)
    return torch.stack([losses[:, :end].mean() for end in ends])


def lr_overall(losses, period):
    return losses.mean()


def lr_list(losses, period):
    return [part.mean().item() for part in losses.split(period, 1)]


def lr_one_prompt(losses, period):
    return torch.stack([part.mean() for part in losses[0].split(period)])


# --- matching_attention
def _matches(tokens, filler=-1):
    before = torch.nn.functional.pad(tokens[:, :-1], (1, 0), value=filler)
    return (tokens.unsqueeze(2) == before.unsqueeze(1)).tril()


def ma_statistics(pattern, tokens):
    matches = _matches(tokens)
    sums = (pattern * matches).sum(2)[matches.any(2)]
    return statistics.fmean(sums.tolist())


def ma_ratio(pattern, tokens):
    matches = _matches(tokens)
    return pattern[matches].sum() / matches.amax(-1).sum()


def ma_by_dictionary(pattern, tokens):
    found = []
    for one, row in zip(pattern, tokens.tolist(), strict=True):
        after = {}
        for q, token in enumerate(row):
            if q:
                after.setdefault(row[q - 1], []).append(q)
            if token in after:
                found.append(one[q, after[token]].sum())
    return torch.stack(found).mean()


def ma_zero_filler(pattern, tokens):
    matches = _matches(tokens, filler=0)
    return (pattern * matches).sum(-1)[matches.any(-1)].mean()


def ma_not_itself(pattern, tokens):
    matches = _matches(tokens).tril(-1)
    return (pattern * matches).sum(-1)[matches.any(-1)].mean()


def ma_strongest(pattern, tokens):
    matches = _matches(tokens)
    return (pattern * matches).amax(-1)[matches.any(-1)].mean()


def ma_averaged_keys(pattern, tokens):
    matches = _matches(tokens)
    some = matches.any(-1)
    return ((pattern * matches).sum(-1)[some] / matches.sum(-1)[some]).mean()


def ma_each_query(pattern, tokens):
    return (pattern * _matches(tokens)).sum(-1)


def ma_hits(pattern, tokens):
    matches = _matches(tokens)
    best = pattern.argmax(-1, keepdim=True)
    return matches.gather(-1, best)[..., 0][matches.any(-1)].float().mean()


def ma_two_after(pattern, tokens):
    before = torch.nn.functional.pad(tokens[:, :-2], (2, 0), value=-1)
    matches = (tokens[:, :, None] == before[:, None, :]).tril()
    return (pattern * matches).sum(-1)[matches.any(-1)].mean()


# --- losses_by_period
def lp_from_the_back(losses_of, draw, periods):
    found = []
    for period in periods:
        losses = losses_of(draw(period))
        found.append(losses[:, period - losses.shape[1] + 1 :].mean(0).mean())
    return torch.stack(found)


def lp_sum_over_count(losses_of, draw, periods):
    known = [losses_of(draw(p)).narrow(1, p + 1, draw(p).shape[1] - p - 2) for p in periods]
    return torch.tensor([k.sum() / k.numel() for k in known])


def lp_backwards_and_back(losses_of, draw, periods):
    found = [losses_of(draw(p))[..., p + 1 :].mean().item() for p in reversed(periods)]
    return torch.tensor(found[::-1])


def lp_change(losses_of, draw, periods):
    found = []
    for p in periods:
        losses = losses_of(draw(p))
        found.append(losses[:, p + 1 :].mean() - losses[:, :p].mean())
    return torch.stack(found)


def lp_one_cut(losses_of, draw, periods):
    return torch.stack([losses_of(draw(p))[:, periods[0] + 1 :].mean() for p in periods])


def lp_per_prompt(losses_of, draw, periods):
    return torch.stack([losses_of(draw(p))[:, p + 1 :].mean(1) for p in periods])


def lp_no_draw(losses_of, draw, periods):
    return torch.stack([losses_of(p)[:, p + 1 :].mean() for p in periods])


def lp_sorted(losses_of, draw, periods):
    return torch.stack([losses_of(draw(p))[:, p + 1 :].mean() for p in sorted(periods)])


def lp_last_token(losses_of, draw, periods):
    return torch.stack([losses_of(draw(p))[:, -1].mean() for p in periods])


def lp_summed(losses_of, draw, periods):
    return torch.stack([losses_of(draw(p))[:, p + 1 :].sum(1).mean() for p in periods])


WRONG = {
    "repeat_blocks": [
        (rb_padded, "BOS stands there"),
        (rb_late, "one token late"),
        (rb_from_the_end, "from the end of the row"),
        (rb_floats, "holds floats"),
        (rb_bos_instead, "BOS takes the place of a token"),
        (rb_largest, "the largest period"),
    ],
    "loss_by_repeat": [
        (lr_first_token, "each repeat's first token"),
        (lr_without_first_token, "the first token of each repeat is left out"),
        (lr_so_far, "everything up to a repeat"),
        (lr_overall, "one number comes back"),
        (lr_list, "return a tensor, not list"),
        (lr_one_prompt, "only the first prompt counts"),
    ],
    "matching_attention": [
        (ma_zero_filler, "is a token's id"),
        (ma_not_itself, "the query's own position is left out"),
        (ma_strongest, "only the strongest"),
        (ma_averaged_keys, "divided by its number of matching keys"),
        (ma_each_query, "one number for each query"),
        (ma_hits, "gets the most attention"),
        (ma_two_after, "two after"),
    ],
    "losses_by_period": [
        (lp_change, "the change against the first block"),
        (lp_one_cut, "cut where the first period is"),
        (lp_per_prompt, "one number for each period and prompt"),
        (lp_no_draw, "losses_of takes prompts"),
        (lp_sorted, "the periods are sorted"),
        (lp_last_token, "the last token's loss"),
        (lp_summed, "adds up the losses of a prompt"),
    ],
}
RIGHT = {
    "repeat_blocks": [rb_cycle, rb_tile_and_cut, rb_flat_index],
    "loss_by_repeat": [lr_chunks_of_the_mean, lr_padded_nan, lr_one_hot],
    "matching_attention": [ma_statistics, ma_ratio, ma_by_dictionary],
    "losses_by_period": [lp_from_the_back, lp_sum_over_count, lp_backwards_and_back],
}
