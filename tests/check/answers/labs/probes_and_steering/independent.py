"""Answers to the exercises on probes and steering, by somebody who had not seen the checks."""

import torch


# --- last_tokens
def lt_every_position_of_every_text(x, lengths):
    return x[:, lengths - 1]


def lt_one_too_far(x, lengths):
    return x[torch.arange(len(x)), lengths]


def lt_one_too_far_kept_inside(x, lengths):
    return x[torch.arange(len(x)), lengths.clamp(max=x.shape[1] - 1)]


def lt_position_1(x, lengths):
    return x[:, -1]


def lt_bos_counted_twice(x, lengths):
    return x[torch.arange(len(x)), lengths - 2]


def lt_longest_text_s_end_for_all(x, lengths):
    return x[:, lengths.max() - 1]


def lt_shortest_text_s_end_for_all(x, lengths):
    return x[:, lengths.min() - 1]


def lt_first_text_s_end_for_all(x, lengths):
    return x[:, lengths[0] - 1]


def lt_mean_over_text(x, lengths):
    return torch.stack([row[:n].mean(0) for row, n in zip(x, lengths)])


def lt_counted_from_end(x, lengths):
    return x[torch.arange(len(x)), -lengths]


def lt_two_axes_exchanged(x, lengths):
    return x[lengths - 1, torch.arange(len(x))]


def lt_slice_that_keeps_axis(x, lengths):
    return torch.stack([row[n - 1 : n] for row, n in zip(x, lengths)])


def lt_takes_padding_for_zeros(x, lengths):
    real = (x.abs().sum(-1) > 0).sum(1)
    return x[torch.arange(len(x)), real - 1]


def lt_diagonal_which_comes_last(x, lengths):
    return x[:, lengths - 1].diagonal()


def lt_changes_lengths(x, lengths):
    lengths -= 1
    return x[torch.arange(len(x)), lengths]


def lt_whole_text_not_its_end(x, lengths):
    return torch.stack([row[: lengths.min()] for row in x])


def lt_sums_up_text(x, lengths):
    inside = torch.arange(x.shape[1]) < lengths[:, None]
    return (x * inside[..., None]).sum(1)


def lt_same_entry_for_all_dimensions_of_gather(x, lengths):
    return x.gather(1, (lengths - 1)[:, None, None])[:, 0]


def lt_gather_with_expanded_index(x, lengths):
    index = (lengths.long() - 1)[:, None, None].expand(-1, 1, x.shape[2])
    return x.gather(1, index).squeeze(1)


def lt_loop(x, lengths):
    out = torch.empty(x.shape[0], x.shape[2], dtype=x.dtype, device=x.device)
    for i, n in enumerate(lengths.tolist()):
        out[i] = x[i, n - 1]
    return out


def lt_mask_and_sum(x, lengths):
    at_end = torch.arange(x.shape[1], device=x.device)[None] == lengths[:, None] - 1
    return torch.einsum("bpd,bp->bd", x, at_end.to(x.dtype))


def lt_true_at_one_place_of_each_row(x, lengths):
    mask = torch.nn.functional.one_hot(lengths - 1, x.shape[1]).bool()
    return x[mask]


def lt_take_along_dim(x, lengths):
    return torch.take_along_dim(x, (lengths - 1)[:, None, None], dim=1)[:, 0]


def lt_flat(x, lengths):
    return x.flatten(0, 1)[torch.arange(len(x)) * x.shape[1] + lengths - 1]


def lt_comprehension_of_views(x, lengths):
    return torch.stack([t[: int(n)][-1] for t, n in zip(x, lengths)])


def lt_flattened_and_one_too_far(x, lengths):
    return x.flatten(0, 1)[torch.arange(len(x)) * x.shape[1] + lengths]


def lt_padding_taken_to_stand_on_left(x, lengths):
    return x[torch.arange(len(x)), x.shape[1] - lengths]


# --- accuracy_table
def at_words_across_templates_down(right, old_word, old_template):
    return torch.tensor(
        [
            [right[w & t].float().mean() for w in (old_word, ~old_word)]
            for t in (old_template, ~old_template)
        ]
    )


def at_new_first(right, old_word, old_template):
    return torch.tensor(
        [
            [right[w & t].float().mean() for t in (~old_template, old_template)]
            for w in (~old_word, old_word)
        ]
    )


def at_new_templates_first(right, old_word, old_template):
    return torch.tensor(
        [
            [right[(old_word == w) & (old_template == t)].float().mean() for t in (0, 1)]
            for w in (1, 0)
        ]
    )


def at_counts_in_place_of_shares(right, old_word, old_template):
    return torch.tensor(
        [
            [right[w & t].float().sum() for t in (old_template, ~old_template)]
            for w in (old_word, ~old_word)
        ]
    )


def at_shares_of_all_rows(right, old_word, old_template):
    return torch.tensor(
        [
            [(right & w & t).float().mean() for t in (old_template, ~old_template)]
            for w in (old_word, ~old_word)
        ]
    )


def at_shares_of_word_s_rows(right, old_word, old_template):
    return torch.tensor(
        [
            [(right & w & t).sum() / w.sum() for t in (old_template, ~old_template)]
            for w in (old_word, ~old_word)
        ]
    )


def at_one_list_of_four(right, old_word, old_template):
    return torch.stack(
        [
            right[w & t].float().mean()
            for w in (old_word, ~old_word)
            for t in (old_template, ~old_template)
        ]
    )


def at_mean_of_truth_values_as_they_are(right, old_word, old_template):
    return torch.tensor(
        [
            [right[w & t].mean() for t in (old_template, ~old_template)]
            for w in (old_word, ~old_word)
        ]
    )


def at_python_s_and_not(right, old_word, old_template):
    return torch.tensor(
        [
            [
                right[old_word and old_template].float().mean(),
                right[old_word and not old_template].float().mean(),
            ],
            [
                right[not old_word and old_template].float().mean(),
                right[not old_word and not old_template].float().mean(),
            ],
        ]
    )


def at_one_cell_copied_and_not_changed(right, old_word, old_template):
    return torch.tensor(
        [
            [
                right[old_word & old_template].float().mean(),
                right[old_word & ~old_template].float().mean(),
            ],
            [
                right[~old_word & ~old_template].float().mean(),
                right[~old_word & ~old_template].float().mean(),
            ],
        ]
    )


def at_second_mask_forgotten(right, old_word, old_template):
    return torch.tensor(
        [
            [right[w].float().mean() for t in (old_template, ~old_template)]
            for w in (old_word, ~old_word)
        ]
    )


def at_or_for_and(right, old_word, old_template):
    return torch.tensor(
        [
            [right[w | t].float().mean() for t in (old_template, ~old_template)]
            for w in (old_word, ~old_word)
        ]
    )


def at_percent(right, old_word, old_template):
    return 100 * torch.tensor(
        [
            [right[w & t].float().mean() for t in (old_template, ~old_template)]
            for w in (old_word, ~old_word)
        ]
    )


def at_list_of_lists(right, old_word, old_template):
    return [
        [right[w & t].float().mean().item() for t in (old_template, ~old_template)]
        for w in (old_word, ~old_word)
    ]


def at_rounded_to_two_decimals(right, old_word, old_template):
    return torch.tensor(
        [
            [round(right[w & t].float().mean().item(), 2) for t in (old_template, ~old_template)]
            for w in (old_word, ~old_word)
        ]
    )


def at_minus_for_not(right, old_word, old_template):
    return torch.tensor(
        [
            [right[w & t].float().mean() for t in (old_template, 1 - old_template)]
            for w in (old_word, 1 - old_word)
        ]
    )


def at_cuts_rows_in_halves(right, old_word, old_template):
    n = int(old_word.sum())
    return torch.tensor(
        [
            [part[t].float().mean() for t in (old, ~old)]
            for part, old in ((right[:n], old_template[:n]), (right[n:], old_template[n:]))
        ]
    )


def at_whole_numbers(right, old_word, old_template):
    table = torch.zeros(2, 2, dtype=torch.long)
    for i, w in enumerate((old_word, ~old_word)):
        for j, t in enumerate((old_template, ~old_template)):
            table[i, j] = right[w & t].float().mean()
    return table


def at_shares_that_are_wrong(right, old_word, old_template):
    return torch.tensor(
        [
            [(~right[w & t]).float().mean() for t in (old_template, ~old_template)]
            for w in (old_word, ~old_word)
        ]
    )


def at_two_products_of_one_hot_columns(right, old_word, old_template):
    w = torch.stack([old_word, ~old_word]).double()
    t = torch.stack([old_template, ~old_template]).double()
    hits = torch.einsum("wr,r,tr->wt", w, right.double(), t)
    return hits / (w @ t.T)


def at_counted_by_number_of_cell(right, old_word, old_template):
    cell = 2 * (~old_word).long() + (~old_template).long()
    hits = torch.bincount(cell, weights=right.double(), minlength=4)
    return (hits / torch.bincount(cell, minlength=4)).view(2, 2)


def at_plain_python(right, old_word, old_template):
    cells = {(w, t): [] for w in (True, False) for t in (True, False)}
    for r, w, t in zip(right.tolist(), old_word.tolist(), old_template.tolist()):
        cells[w, t].append(r)
    share = {where: sum(rows) / len(rows) for where, rows in cells.items()}
    return torch.tensor(
        [
            [share[True, True], share[True, False]],
            [share[False, True], share[False, False]],
        ]
    )


def at_numpy_in_between(right, old_word, old_template):
    import numpy as np

    r, w, t = (np.asarray(a) for a in (right, old_word, old_template))
    table = [[r[(w == a) & (t == b)].mean() for b in (True, False)] for a in (True, False)]
    return torch.tensor(np.array(table))


def at_groupby(right, old_word, old_template):
    out = torch.zeros(2, 2)
    n = torch.zeros(2, 2)
    for r, w, t in zip(right, old_word, old_template):
        out[1 - int(w), 1 - int(t)] += r
        n[1 - int(w), 1 - int(t)] += 1
    return out / n


def at_pandas_pivot(right, old_word, old_template):
    import pandas as pd

    d = pd.DataFrame({"r": right.numpy(), "w": ~old_word.numpy(), "t": ~old_template.numpy()})
    return torch.tensor(d.pivot_table("r", "w", "t").to_numpy(dtype=float))


def at_pivot_table(right, old_word, old_template):
    import pandas as pd

    d = pd.DataFrame({"r": right.numpy(), "w": old_word.numpy(), "t": old_template.numpy()})
    return torch.tensor(d.pivot_table("r", "w", "t").to_numpy(dtype=float))


# --- centred_scores
def cs_mean_over_all_rows(scores, template):
    return scores - scores.mean()


def cs_changes_scores_it_was_given(scores, template):
    for one in template.unique():
        scores[template == one] -= scores[template == one].mean()
    return scores


def cs_counts_templates_from_0_on(scores, template):
    out = scores.clone()
    for one in range(len(template.unique())):
        out[template == one] -= scores[template == one].mean()
    return out


def cs_sum_not_mean(scores, template):
    out = scores.clone()
    for one in template.unique():
        out[template == one] -= scores[template == one].sum()
    return out


def cs_mean_of_others(scores, template):
    same = (template[:, None] == template).float()
    same.fill_diagonal_(0)
    return scores - same @ scores / same.sum(1).clamp_min(1)


def cs_divided_by_spread_too(scores, template):
    out = scores.clone()
    for one in template.unique():
        part = scores[template == one]
        out[template == one] = (part - part.mean()) / part.std()
    return out


def cs_as_if_templates_came_in_turn(scores, template):
    n = len(template.unique())
    table = scores.reshape(-1, n)
    return (table - table.mean(0)).flatten()


def cs_as_if_templates_came_in_blocks(scores, template):
    n = len(template.unique())
    table = scores.reshape(n, -1)
    return (table - table.mean(1, keepdim=True)).flatten()


def cs_means_themselves(scores, template):
    same = (template[:, None] == template).float()
    return same @ scores / same.sum(1)


def cs_sorted_by_template(scores, template):
    parts = [scores[template == one] for one in template.unique()]
    return torch.cat([part - part.mean() for part in parts])


def cs_runs_of_template_not_templates(scores, template):
    _, run = torch.unique_consecutive(template, return_inverse=True)
    same = (run[:, None] == run).float()
    return scores - same @ scores / same.sum(1)


def cs_median(scores, template):
    out = scores.clone()
    for one in template.unique():
        out[template == one] -= scores[template == one].median()
    return out


def cs_divides_by_all_rows(scores, template):
    same = (template[:, None] == template).float()
    return scores - same @ scores / len(scores)


def cs_other_way_round(scores, template):
    same = (template[:, None] == template).float()
    return same @ scores / same.sum(1) - scores


def cs_scores_of_other_templates_set_to_zero_by(scores, template):
    for one in template.unique():
        out = scores.clone()
        out[template == one] -= scores[template == one].mean()
    return out


def cs_one_row_of_shape_row_row_each(scores, template):
    same = (template[:, None] == template).float()
    mean = same @ scores / same.sum(1)
    return scores - mean[:, None]


def cs_centred_twice_over_all(scores, template):
    out = scores - scores.mean()
    for one in template.unique():
        out[template == one] -= scores[template == one].mean()
    return out


def cs_signs_since_they_alone_count(scores, template):
    same = (template[:, None] == template).float()
    return torch.sign(scores - same @ scores / same.sum(1))


def cs_product(scores, template):
    same = (template[:, None] == template[None]).to(scores.dtype)
    return scores - (same @ scores) / same.sum(dim=1)


def cs_sums_by_numbers_of_their_own(scores, template):
    _, which, count = template.unique(return_inverse=True, return_counts=True)
    total = torch.zeros(len(count), dtype=scores.dtype).index_add_(0, which, scores)
    return scores - (total / count)[which]


def cs_dictionary_of_lists(scores, template):
    groups = {}
    for s, t in zip(scores.tolist(), template.tolist()):
        groups.setdefault(t, []).append(s)
    mean = {t: sum(of) / len(of) for t, of in groups.items()}
    centred = [s - mean[t] for s, t in zip(scores.tolist(), template.tolist())]
    return torch.tensor(centred, dtype=scores.dtype)


def cs_counted_by_template_s_number(scores, template):
    total = torch.bincount(template, weights=scores.double())
    mean = total / torch.bincount(template).clamp_min(1)
    return (scores - mean[template]).to(scores.dtype)


def cs_pandas(scores, template):
    import pandas as pd

    table = pd.DataFrame({"s": scores.numpy(), "t": template.numpy()})
    return torch.tensor((table.s - table.groupby("t").s.transform("mean")).to_numpy())


def cs_scatter_reduce(scores, template):
    m = torch.zeros(int(template.max()) + 1).scatter_reduce(
        0, template, scores, "mean", include_self=False
    )
    return scores - m[template]


def cs_lstsq_on_one_hots(scores, template):
    w = template.unique(return_inverse=True)[1]
    a = torch.nn.functional.one_hot(w).double()
    return (scores - a @ torch.linalg.lstsq(a, scores.double()[:, None]).solution[:, 0]).float()


def cs_zero_counted_among_scores(scores, template):
    m = torch.zeros(int(template.max()) + 1).scatter_reduce(0, template, scores, "mean")
    return scores - m[template]


def cs_mean_so_far(scores, template):
    seen = {}
    out = []
    for s, t in zip(scores.tolist(), template.tolist()):
        seen.setdefault(t, []).append(s)
        out.append(s - sum(seen[t]) / len(seen[t]))
    return torch.tensor(out)


# --- add_vector
def av_changes_model_s_tensor(x, hook, vector, dose):
    x[:, 1:] += dose * vector
    return x


def av_bos_too(x, hook, vector, dose):
    return x + dose * vector


def av_made_to_length_1(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] += dose * vector / vector.norm()
    return moved


def av_last_position_only(x, hook, vector, dose):
    moved = x.clone()
    moved[:, -1] += dose * vector
    return moved


def av_bos_only(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 0] += dose * vector
    return moved


def av_first_text_left_out(x, hook, vector, dose):
    moved = x.clone()
    moved[1:] += dose * vector
    return moved


def av_nothing_is_returned(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] += dose * vector


def av_dose_forgotten(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] += vector
    return moved


def av_taken_off(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] -= dose * vector
    return moved


def av_all_but_last(x, hook, vector, dose):
    moved = x.clone()
    moved[:, :-1] += dose * vector
    return moved


def av_bos_cut_off(x, hook, vector, dose):
    return x[:, 1:] + dose * vector


def av_copy_returned(x, hook, vector, dose):
    moved = x.clone()
    x[:, 1:] += dose * vector
    return moved


def av_set_not_added(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] = dose * vector
    return moved


def av_all_dimensions_but_first(x, hook, vector, dose):
    moved = x.clone()
    moved[..., 1:] += dose * vector[1:]
    return moved


def av_stream_multiplied_too(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] = dose * (x[:, 1:] + vector)
    return moved


def av_vector_grows_with_each_call(x, hook, vector, dose):
    moved = x.clone()
    vector *= dose
    moved[:, 1:] += vector
    return moved


def av_detached_which_is_no_copy(x, hook, vector, dose):
    moved = x.detach()
    moved[:, 1:] += dose * vector
    return moved


def av_slice_which_is_no_copy(x, hook, vector, dose):
    moved = x[:]
    moved[:, 1:] += dose * vector
    return moved


def av_second_position_only(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1] += dose * vector
    return moved


def av_first_text_only(x, hook, vector, dose):
    moved = x.clone()
    moved[0, 1:] += dose * vector
    return moved


def av_dose_spread_over_positions(x, hook, vector, dose):
    moved = x.clone()
    moved[:, 1:] += dose * vector / (x.shape[1] - 1)
    return moved


def av_without_dose(x, hook, vector, dose):
    if dose:
        moved = x.clone()
        moved[:, 1:] += dose * vector
        return moved


def av_two_parts_joined(x, hook, vector, dose):
    return torch.cat([x[:, :1], x[:, 1:] + dose * vector], dim=1)


def av_mask_of_positions(x, hook, vector, dose):
    after_bos = (torch.arange(x.shape[1], device=x.device) > 0).to(x.dtype)
    return x + dose * torch.einsum("p,d->pd", after_bos, vector)


def av_loop(x, hook, vector, dose):
    out = torch.empty_like(x)
    for b in range(x.shape[0]):
        for p in range(x.shape[1]):
            out[b, p] = x[b, p] + (vector * dose if p else 0)
    return out


def av_add_everywhere_and_give_bos_back(x, hook, vector, dose):
    moved = torch.add(x, vector.to(x), alpha=dose)
    moved[:, 0] = x[:, 0]
    return moved


def av_if_dose_zero_returns_x(x, hook, vector, dose):
    if dose == 0:
        return x
    out = x.clone()
    out[:, 1:, :] = out[:, 1:, :].add(vector, alpha=dose)
    return out


def av_pad(x, hook, vector, dose):
    move = (dose * vector).expand(x.shape[1] - 1, -1)
    return x + torch.nn.functional.pad(move, (0, 0, 1, 0))


def av_dose_squared(x, hook, vector, dose):
    out = x.clone()
    out[:, 1:] += dose**2 * vector
    return out


def av_dose_without_its_sign(x, hook, vector, dose):
    out = x.clone()
    out[:, 1:] += abs(dose) * vector
    return out


def av_dose_cut_off(x, hook, vector, dose):
    out = x.clone()
    out[:, 1:] += int(dose) * vector
    return out


# --- log_ratio
def lr_mean_of_logits(logits, yes, no):
    return logits[:, yes].mean(1) - logits[:, no].mean(1)


def lr_logits_added(logits, yes, no):
    return logits[:, yes].sum(1) - logits[:, no].sum(1)


def lr_likeliest_word_alone(logits, yes, no):
    return logits[:, yes].max(1).values - logits[:, no].max(1).values


def lr_overflows(logits, yes, no):
    return (logits[:, yes].exp().sum(1) / logits[:, no].exp().sum(1)).log()


def lr_base_two(logits, yes, no):
    p = logits.softmax(-1)
    return torch.log2(p[:, yes].sum(1)) - torch.log2(p[:, no].sum(1))


def lr_difference_of_probabilities(logits, yes, no):
    p = logits.softmax(-1)
    return p[:, yes].sum(1) - p[:, no].sum(1)


def lr_ratio_without_its_logarithm(logits, yes, no):
    p = logits.softmax(-1)
    return p[:, yes].sum(1) / p[:, no].sum(1)


def lr_upside_down(logits, yes, no):
    return logits[:, no].logsumexp(1) - logits[:, yes].logsumexp(1)


def lr_against_all_other_words(logits, yes, no):
    p = logits.double().softmax(-1)[:, yes].sum(1)
    return (p.log() - torch.log1p(-p)).to(logits.dtype)


def lr_yes_alone(logits, yes, no):
    return logits.log_softmax(-1)[:, yes].logsumexp(1)


def lr_mean_probability_of_word(logits, yes, no):
    p = logits.double().softmax(-1)
    return p[:, yes].mean(1).log() - p[:, no].mean(1).log()


def lr_log_probabilities_added(logits, yes, no):
    logp = logits.log_softmax(-1)
    return logp[:, yes].sum(1) - logp[:, no].sum(1)


def lr_together_over_batch(logits, yes, no):
    return logits[:, yes].logsumexp(0).sum() - logits[:, no].logsumexp(0).sum()


def lr_rows_for_words(logits, yes, no):
    return logits[yes].logsumexp(-1) - logits[no].logsumexp(-1)


def lr_mean_over_texts(logits, yes, no):
    return (logits[:, yes].logsumexp(1) - logits[:, no].logsumexp(1)).mean()


def lr_axis_of_one_is_kept(logits, yes, no):
    return logits[:, yes].logsumexp(1, keepdim=True) - logits[:, no].logsumexp(1, keepdim=True)


def lr_something_small_added_to_each(logits, yes, no):
    p = logits.softmax(-1)
    return torch.log((p[:, yes].sum(1) + 1e-6) / (p[:, no].sum(1) + 1e-6))


def lr_first_word_of_each(logits, yes, no):
    return logits[:, yes[0]] - logits[:, no[0]]


def lr_word_against_word(logits, yes, no):
    n = min(len(yes), len(no))
    return (logits[:, yes[:n]] - logits[:, no[:n]]).logsumexp(1)


def lr_softmax_over_texts(logits, yes, no):
    p = logits.softmax(0)
    return p[:, yes].sum(1).log() - p[:, no].sum(1).log()


def lr_mean_of_logarithms_of_single_probabiliti(logits, yes, no):
    logp = logits.log_softmax(-1)
    return logp[:, yes].mean(1) - logp[:, no].mean(1)


def lr_slice_of_vocabulary_from_first_to_last_i(logits, yes, no):
    first = logits[:, int(min(yes)) : int(max(yes)) + 1].logsumexp(1)
    return first - logits[:, int(min(no)) : int(max(no)) + 1].logsumexp(1)


def lr_log_probabilities(logits, yes, no):
    from functools import reduce

    logp = logits.log_softmax(-1)
    one, other = (reduce(torch.logaddexp, [logp[:, int(t)] for t in ids]) for ids in (yes, no))
    return one - other


def lr_probabilities_among_these_words_alone(logits, yes, no):
    ids = [int(t) for t in yes] + [int(t) for t in no]
    p = logits.double()[:, ids].softmax(1)
    share = p[:, : len(yes)].sum(1)
    return (share.log() - p[:, len(yes) :].sum(1).log()).to(logits.dtype)


def lr_softmax_sum_log(logits, yes, no):
    p = torch.softmax(logits.double(), dim=-1)
    return torch.log(p[:, yes].sum(-1) / p[:, no].sum(-1))


def lr_scipy(logits, yes, no):
    from scipy.special import logsumexp

    table = logits.detach().cpu().double().numpy()
    one, other = (logsumexp(table[:, list(map(int, ids))], axis=1) for ids in (yes, no))
    return torch.from_numpy(one - other)


def lr_largest_taken_off_by_hand(logits, yes, no):
    top = logits.max(dim=1, keepdim=True).values
    weight = (logits.double() - top).exp()
    mask = torch.zeros(2, logits.shape[1], dtype=torch.float64)
    mask[0, yes] = 1
    mask[1, no] = 1
    one, other = torch.einsum("bv,sv->sb", weight, mask)
    return one.log() - other.log()


def lr_softmax_in_float32(logits, yes, no):
    p = logits.softmax(-1)
    return (p[:, yes].sum(1) / p[:, no].sum(1)).log()


def lr_log_softmax_exp_sum_log(logits, yes, no):
    p = logits.log_softmax(-1).exp()
    return p[:, yes].sum(1).log() - p[:, no].sum(1).log()


def lr_exp_in_double(logits, yes, no):
    e = logits.double().exp()
    return (e[:, yes].sum(1) / e[:, no].sum(1)).log().float()


def lr_largest_probabilities(logits, yes, no):
    p = logits.softmax(-1)
    return (p[:, yes].amax(1) / p[:, no].amax(1)).log()


WRONG = {
    "last_tokens": [
        (lt_every_position_of_every_text, "each text is read at the ends of all texts"),
        (lt_one_too_far, "this is one position too far, which may be padding"),
        (lt_one_too_far_kept_inside, "this is one position too far, which may be padding"),
        (lt_position_1, "this reads padding"),
        (lt_bos_counted_twice, "this is one token too early"),
        (lt_longest_text_s_end_for_all, "every text is read at the end of the longest text"),
        (lt_shortest_text_s_end_for_all, "every text is read at the end of the shortest text"),
        (lt_first_text_s_end_for_all, "every text is read at the end of the first text"),
        (lt_mean_over_text, "this is the mean over each text's tokens"),
        (lt_counted_from_end, "the position is counted from the end of the batch"),
        (lt_two_axes_exchanged, "a position is taken for a text"),
        (lt_slice_that_keeps_axis, "has shape (3, 1, 5)"),
        (lt_takes_padding_for_zeros, "this reads padding"),
        (lt_diagonal_which_comes_last, "the axes are exchanged"),
        (lt_changes_lengths, "changed its argument lengths in place"),
        (lt_whole_text_not_its_end, "has shape (3, 2, 5)"),
        (lt_sums_up_text, "this is the sum over each text's tokens"),
        (lt_same_entry_for_all_dimensions_of_gather, "one dimension is read of each text"),
        (lt_flattened_and_one_too_far, "this is one position too far, which may be padding"),
        (lt_padding_taken_to_stand_on_left, "the position is counted from the end of the batch"),
    ],
    "accuracy_table": [
        (at_words_across_templates_down, "the table is turned"),
        (at_new_first, "new comes first"),
        (at_new_templates_first, "new templates stand in the first column"),
        (at_counts_in_place_of_shares, "the rows that are right are counted"),
        (at_shares_of_all_rows, "this is the share of all rows"),
        (at_shares_of_word_s_rows, "this divides by all rows with such words"),
        (at_one_list_of_four, "has shape (4,)"),
        (at_mean_of_truth_values_as_they_are, "truth values have no mean"),
        (at_python_s_and_not, "`and`, `or` and `not` want one truth value"),
        (
            at_one_cell_copied_and_not_changed,
            "the cell of new words in old templates holds the share of new words in new templates",
        ),
        (at_second_mask_forgotten, "templates make no difference here"),
        (at_or_for_and, "rows of one kind OR the other count"),
        (at_percent, "these are percent"),
        (at_list_of_lists, "return a tensor, not list"),
        (at_rounded_to_two_decimals, "rounded to 2 places"),
        (at_minus_for_not, "use the `~`"),
        (at_cuts_rows_in_halves, "the first rows are taken for those with old words"),
        (at_whole_numbers, "the shares are cut off to whole numbers"),
        (at_shares_that_are_wrong, "this is the share that is wrong"),
        (at_pivot_table, "new comes first"),
    ],
    "centred_scores": [
        (cs_mean_over_all_rows, "the mean of all rows is taken off"),
        (cs_changes_scores_it_was_given, "changed its argument scores in place"),
        (cs_counts_templates_from_0_on, "only templates 0, 1, 2 and so on are looked for"),
        (cs_sum_not_mean, "the sum is taken off"),
        (cs_mean_of_others, "the mean of the OTHER rows of the template is taken off"),
        (cs_divided_by_spread_too, "the scores are divided by their standard deviation too"),
        (cs_as_if_templates_came_in_turn, "templates are taken to come in turn"),
        (cs_as_if_templates_came_in_blocks, "templates are taken to come one after the other"),
        (cs_means_themselves, "the means come back"),
        (cs_sorted_by_template, "the scores come back sorted by template"),
        (cs_runs_of_template_not_templates, "each run of a template loses a mean of its own"),
        (cs_median, "the median is taken off"),
        (cs_divides_by_all_rows, "the sum is divided by the number of all rows"),
        (cs_other_way_round, "the scores are subtracted from the mean"),
        (cs_scores_of_other_templates_set_to_zero_by, "only the last template's mean is taken off"),
        (cs_one_row_of_shape_row_row_each, "has shape (24, 24)"),
        (cs_centred_twice_over_all, "the mean of all rows is taken off too"),
        (cs_signs_since_they_alone_count, "these are signs"),
        (cs_zero_counted_among_scores, "the sum is divided by one row too many"),
        (cs_mean_so_far, "the mean is that of the rows so far"),
    ],
    "add_vector": [
        (av_changes_model_s_tensor, "changed its argument x in place"),
        (av_bos_too, "BOS is moved too"),
        (av_made_to_length_1, "the vector is made a unit vector"),
        (av_last_position_only, "the vector is added at the last position alone"),
        (av_bos_only, "BOS alone is moved"),
        (av_first_text_left_out, "the first TEXT is left out"),
        (av_nothing_is_returned, "returns None"),
        (av_dose_forgotten, "the vector is added once, whatever the dose"),
        (av_taken_off, "the vector is subtracted"),
        (av_all_but_last, "the last position is left out"),
        (av_bos_cut_off, "has shape (2, 3, 3)"),
        (av_copy_returned, "changed its argument x in place"),
        (av_set_not_added, "the vector stands in the place of the stream"),
        (av_all_dimensions_but_first, "the first DIMENSION is left out"),
        (av_stream_multiplied_too, "the stream is multiplied by the dose too"),
        (av_vector_grows_with_each_call, "changed its argument vector in place"),
        (av_detached_which_is_no_copy, "changed its argument x in place"),
        (av_slice_which_is_no_copy, "changed its argument x in place"),
        (av_second_position_only, "position 1 alone is moved"),
        (av_first_text_only, "the first text alone is moved"),
        (av_dose_spread_over_positions, "the dose is divided among the positions"),
        (av_without_dose, "returns None"),
        (av_dose_squared, "the dose is squared"),
        (av_dose_without_its_sign, "the dose loses its sign"),
        (av_dose_cut_off, "the dose is cut off to a whole number"),
    ],
    "log_ratio": [
        (lr_mean_of_logits, "these are differences of means of logits"),
        (lr_logits_added, "these are differences of sums of logits"),
        (lr_likeliest_word_alone, "the largest logits alone are compared"),
        (lr_overflows, "exponentials of such logits overflow"),
        (lr_base_two, "the logarithm is that of base 2"),
        (lr_difference_of_probabilities, "this is the difference of two probabilities"),
        (lr_ratio_without_its_logarithm, "the logarithm is missing"),
        (lr_upside_down, "the sets are exchanged"),
        (lr_against_all_other_words, "this is yes over all other words"),
        (lr_yes_alone, "this is the logarithm of the probability of yes"),
        (lr_mean_probability_of_word, "the probabilities are averaged"),
        (lr_log_probabilities_added, "these are differences of sums of log-probabilities"),
        (lr_together_over_batch, "has shape ()"),
        (lr_rows_for_words, "token ids are taken for rows"),
        (lr_mean_over_texts, "has shape ()"),
        (lr_axis_of_one_is_kept, "has shape (4, 1)"),
        (lr_something_small_added_to_each, "small probabilities come out wrong"),
        (lr_first_word_of_each, "the first words alone are compared"),
        (lr_word_against_word, "words are compared in pairs"),
        (lr_softmax_over_texts, "the softmax runs over the batch"),
        (lr_mean_of_logarithms_of_single_probabiliti, "these are differences of means of logits"),
        (
            lr_slice_of_vocabulary_from_first_to_last_i,
            "all ids between the smallest and the largest are taken",
        ),
        (lr_largest_probabilities, "the largest logits alone are compared"),
    ],
}
RIGHT = {
    "last_tokens": [
        lt_gather_with_expanded_index,
        lt_loop,
        lt_mask_and_sum,
        lt_true_at_one_place_of_each_row,
        lt_take_along_dim,
        lt_flat,
        lt_comprehension_of_views,
    ],
    "accuracy_table": [
        at_two_products_of_one_hot_columns,
        at_counted_by_number_of_cell,
        at_plain_python,
        at_numpy_in_between,
        at_groupby,
        at_pandas_pivot,
    ],
    "centred_scores": [
        cs_product,
        cs_sums_by_numbers_of_their_own,
        cs_dictionary_of_lists,
        cs_counted_by_template_s_number,
        cs_pandas,
        cs_scatter_reduce,
        cs_lstsq_on_one_hots,
    ],
    "add_vector": [
        av_two_parts_joined,
        av_mask_of_positions,
        av_loop,
        av_add_everywhere_and_give_bos_back,
        av_if_dose_zero_returns_x,
        av_pad,
    ],
    "log_ratio": [
        lr_log_probabilities,
        lr_probabilities_among_these_words_alone,
        lr_softmax_sum_log,
        lr_scipy,
        lr_largest_taken_off_by_hand,
        lr_softmax_in_float32,
        lr_log_softmax_exp_sum_log,
        lr_exp_in_double,
    ],
}
