"""Answers to the exercises on superposition, by somebody who had not seen the checks."""

import torch


# --- toy_output
def to_no_relu(x, w, b):
    hidden = torch.einsum("mhf,mbf->mbh", w, x)
    return torch.einsum("mhf,mbh->mbf", w, hidden) + b[:, None]


def to_bias_after_relu(x, w, b):
    hidden = torch.einsum("mhf,mbf->mbh", w, x)
    return torch.relu(torch.einsum("mhf,mbh->mbf", w, hidden)) + b[:, None]


def to_relu_half_way_too(x, w, b):
    hidden = torch.einsum("mhf,mbf->mbh", w, x).relu()
    return torch.relu(torch.einsum("mhf,mbh->mbf", w, hidden) + b[:, None])


def to_bias_without_axis_for_batch(x, w, b):
    hidden = torch.einsum("mhf,mbf->mbh", w, x)
    return torch.relu(torch.einsum("mhf,mbh->mbf", w, hidden) + b)


def to_cut_off_from_gradient(x, w, b):
    hidden = torch.einsum("mhf,mbf->mbh", w.detach(), x)
    return torch.relu(torch.einsum("mhf,mbh->mbf", w.detach(), hidden) + b[:, None])


@torch.no_grad()
def to_no_grad(x, w, b):
    hidden = torch.einsum("mhf,mbf->mbh", w, x)
    return torch.relu(torch.einsum("mhf,mbh->mbf", w, hidden) + b[:, None])


def to_second_product_s_weights_cut_off(x, w, b):
    hidden = torch.einsum("mhf,mbf->mbh", w, x)
    return torch.relu(torch.einsum("mhf,mbh->mbf", w.data, hidden) + b[:, None])


def to_numpy_which_knows_no_gradient(x, w, b):
    import numpy as np

    one, two, three = (a.detach().numpy() for a in (x, w, b))
    hidden = np.einsum("mhf,mbf->mbh", two, one)
    out = np.einsum("mhf,mbh->mbf", two, hidden) + three[:, None]
    return torch.from_numpy(np.maximum(out, 0))


def to_first_model_s_weights_for_all(x, w, b):
    hidden = x @ w[0].T
    return torch.relu(hidden @ w[0] + b[0])


def to_models_added_up(x, w, b):
    hidden = torch.einsum("mhf,nbf->nbh", w, x)
    return torch.relu(torch.einsum("mhf,nbh->nbf", w, hidden) + b[:, None])


def to_leaky(x, w, b):
    out = x @ w.transpose(1, 2) @ w + b[:, None]
    return torch.nn.functional.leaky_relu(out)


def to_gelu(x, w, b):
    return torch.nn.functional.gelu(x @ w.transpose(1, 2) @ w + b[:, None])


def to_sigmoid(x, w, b):
    return torch.sigmoid(x @ w.transpose(1, 2) @ w + b[:, None])


def to_cut_off_above_1_too(x, w, b):
    return (x @ w.transpose(1, 2) @ w + b[:, None]).clamp(0, 1)


def to_stops_half_way(x, w, b):
    return torch.einsum("mhf,mbf->mbh", w, x).relu()


def to_no_bias(x, w, b):
    return torch.relu(x @ w.transpose(1, 2) @ w)


def to_reshaped_not_transposed(x, w, b):
    m, h, f = w.shape
    return torch.relu(x @ w.reshape(m, f, h) @ w + b[:, None])


def to_directions_made_to_length_1(x, w, b):
    w = w / w.norm(dim=1, keepdim=True)
    return torch.relu(x @ w.transpose(1, 2) @ w + b[:, None])


def to_bias_taken_off(x, w, b):
    return torch.relu(x @ w.transpose(1, 2) @ w - b[:, None])


def to_bias_at_way_in_as_well(x, w, b):
    hidden = (x - b[:, None]) @ w.transpose(1, 2)
    return torch.relu(hidden @ w + b[:, None])


def to_matrix_not_transposed_on_way_down(x, w, b):
    return torch.relu(x @ w @ w.transpose(1, 2) + b[:, None])


def to_square_s_diagonal_only_no_interference(x, w, b):
    return torch.relu(x * w.square().sum(1)[:, None] + b[:, None])


def to_residual_added(x, w, b):
    return torch.relu(x + x @ w.transpose(1, 2) @ w + b[:, None])


def to_loop_over_models(x, w, b):
    out = []
    for one, weights, bias in zip(x, w, b):
        hidden = torch.nn.functional.linear(one, weights)
        out.append(torch.nn.functional.linear(hidden, weights.T, bias).clamp(min=0))
    return torch.stack(out)


def to_one_einsum_and_maximum(x, w, b):
    y = torch.einsum("mhf,mhg,mbg->mbf", w, w, x) + b.unsqueeze(1)
    return torch.maximum(y, torch.zeros((), dtype=y.dtype))


def to_square_matrix_first(x, w, b):
    gram = w.mT @ w
    return torch.baddbmm(b[:, None, :], x, gram).relu_()


def to_vmap_over_models(x, w, b):
    def one(x, w, b):
        return torch.relu((w.T @ (w @ x.T)).T + b)

    return torch.vmap(one)(x, w, b)


def to_in_place_mask(x, w, b):
    out = torch.baddbmm(b.unsqueeze(1), x @ w.mT, w)
    out = out.clone()
    out[out < 0] = 0
    return out


def to_where(x, w, b):
    y = torch.einsum("mbf,mhf,mhg->mbg", x, w, w) + b.view(b.shape[0], 1, -1)
    return torch.where(y > 0, y, 0.0)


def to_double_inside(x, w, b):
    return torch.relu(x.double() @ w.double().mT @ w.double() + b.double()[:, None]).float()


def to_softplus(x, w, b):
    return torch.nn.functional.softplus(x @ w.mT @ w + b[:, None])


def to_bias_detached(x, w, b):
    return torch.relu(x @ w.mT @ w + b.detach()[:, None])


def to_bias_twice(x, w, b):
    return torch.relu(x @ w.mT @ w + 2 * b[:, None])


# --- feature_dimensions
def fd_all_to_length_1(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    return length**2 / (unit.T @ unit).square().sum(1).clamp_min(1e-9)


def fd_none_to_length_1(w):
    below = (w.T @ w).square().sum(1)
    return w.norm(dim=0) ** 2 / below.clamp_min(1e-9)


def fd_without_itself(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    dots = (unit.T @ w).square()
    dots.fill_diagonal_(0)
    return length**2 / dots.sum(1).clamp_min(1e-9)


def fd_rows_for_columns(w):
    length = w.norm(dim=1)
    unit = w / length[:, None].clamp_min(1e-9)
    return length**2 / (unit @ w.T).square().sum(1).clamp_min(1e-9)


def fd_length_not_squared(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    return length / (unit.T @ w).square().sum(1).clamp_min(1e-9)


def fd_products_not_squared(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    return length**2 / (unit.T @ w).abs().sum(1).clamp_min(1e-9)


def fd_squared_after_sum(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    return length**2 / (unit.T @ w).sum(1).square().clamp_min(1e-9)


def fd_not_number_where_column_is_zero(w):
    length = w.norm(dim=0)
    unit = w / length
    return length**2 / (unit.T @ w).square().sum(1)


def fd_one_where_column_is_zero(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    below = (unit.T @ w).square().sum(1)
    return torch.where(length > 0, length**2 / below, 1.0)


def fd_added_up_over_other_axis(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    return length**2 / (unit.T @ w).square().sum(0).clamp_min(1e-9)


def fd_changes_w(w):
    length = w.norm(dim=0)
    before = w.clone()
    w /= length.clamp_min(1e-9)
    return length**2 / (w.T @ before).square().sum(1).clamp_min(1e-9)


def fd_one_number_for_whole_toy(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    return (length**2 / (unit.T @ w).square().sum(1).clamp_min(1e-9)).sum()


def fd_mean_below_line(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    return length**2 / (unit.T @ w).square().mean(1).clamp_min(1e-9)


def fd_above_line_alone(w):
    return w.square().sum(0)


def fd_length_of_whole_matrix(w):
    length = w.norm(dim=0)
    unit = w / w.norm()
    return length**2 / (unit.T @ w).square().sum(1).clamp_min(1e-9)


def fd_axis_is_kept(w):
    length = w.norm(dim=0, keepdim=True)
    unit = w / length.clamp_min(1e-9)
    return length**2 / (unit.T @ w).square().sum(1).clamp_min(1e-9)


def fd_negative_products_cut_off(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    return length**2 / (unit.T @ w).relu().square().sum(1).clamp_min(1e-9)


def fd_rest_that_is_added_below(w):
    length = w.norm(dim=0)
    unit = w / length.clamp_min(1e-9)
    return length**2 / ((unit.T @ w).square().sum(1) + 0.01)


def fd_by_gram_matrix(w):
    gram = w.T @ w
    square = gram.diagonal()
    return torch.nan_to_num(square**2 / gram.square().sum(1), nan=0.0)


def fd_loop(w):
    out = torch.zeros(w.shape[1], dtype=w.dtype)
    for i in range(w.shape[1]):
        length = torch.linalg.vector_norm(w[:, i])
        if length == 0:
            continue
        total = sum(torch.dot(w[:, i] / length, w[:, j]) ** 2 for j in range(w.shape[1]))
        out[i] = length**2 / total
    return out


def fd_normalize_and_einsum(w):
    w = w.double()
    unit = torch.nn.functional.normalize(w, dim=0)
    below = torch.einsum("hi,hj->ij", unit, w).pow(2).sum(-1)
    above = torch.einsum("hi,hi->i", w, w)
    return torch.where(above == 0, 0.0, above / below)


def fd_numpy_in_between(w):
    import numpy as np

    a = w.detach().cpu().numpy().astype(np.float64)
    square = (a**2).sum(0)
    below = ((a.T @ a) ** 2).sum(1)
    out = np.divide(square**2, below, out=np.zeros_like(square), where=below > 0)
    return torch.from_numpy(out).to(w.dtype)


def fd_where_zero(w):
    n = w.norm(dim=0)
    g = w.T @ w
    d = n**4 / (g**2).sum(0)
    return torch.where(n > 0, d, torch.zeros_like(d))


def fd_small_eps_in_norm(w):
    n = w.norm(dim=0)
    u = w / (n + 1e-8)
    return n**2 / ((u.T @ w) ** 2).sum(1).clamp(min=1e-8)


def fd_largest_not_sum(w):
    n = w.norm(dim=0)
    u = w / n.clamp_min(1e-9)
    return n**2 / (u.T @ w).square().amax(1).clamp_min(1e-9)


# --- top_k_latents
def tk_everything_from_k_th_on(pre, k):
    least = pre.topk(k, dim=-1).values[..., -1:]
    return torch.where(pre >= least, pre, 0.0).relu()


def tk_everything_above_k_th(pre, k):
    least = pre.topk(k, dim=-1).values[..., -1:]
    return torch.where(pre > least, pre, 0.0).relu()


def tk_negative_ones_stay(pre, k):
    values, places = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, places, values)


def tk_largest_by_size_whatever_sign(pre, k):
    places = pre.abs().topk(k, dim=-1).indices
    return torch.zeros_like(pre).scatter(-1, places, pre.gather(-1, places)).relu()


def tk_over_first_axis(pre, k):
    values, places = pre.topk(min(k, len(pre)), dim=0)
    return torch.zeros_like(pre).scatter(0, places, values.relu())


def tk_k_for_whole_batch(pre, k):
    flat = pre.flatten()
    values, places = flat.topk(k)
    return torch.zeros_like(flat).scatter(0, places, values.relu()).view_as(pre)


def tk_k_row_on_average_over_batch(pre, k):
    flat = pre.flatten()
    values, places = flat.topk(k * (flat.numel() // pre.shape[-1]))
    return torch.zeros_like(flat).scatter(0, places, values.relu()).view_as(pre)


def tk_values_alone(pre, k):
    return pre.topk(k, dim=-1).values.relu()


def tk_cut_off_from_gradient(pre, k):
    values, places = pre.detach().topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, places, values.relu())


def tk_changes_pre(pre, k):
    keep = torch.zeros_like(pre).scatter(-1, pre.topk(k, dim=-1).indices, 1.0).bool()
    with torch.no_grad():
        pre[~keep | (pre < 0)] = 0
    return pre


def tk_ones_in_place_of_values(pre, k):
    values, places = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, places, (values > 0).to(pre.dtype))


def tk_two_axes_only(pre, k):
    values, places = pre.topk(k, dim=-1)
    out = torch.zeros_like(pre)
    out[torch.arange(len(pre))[:, None], places] = values.relu()
    return out


def tk_along_axis_1(pre, k):
    values, places = pre.topk(k, dim=1)
    return torch.zeros_like(pre).scatter(1, places, values.relu())


def tk_smallest(pre, k):
    values, places = pre.topk(k, dim=-1, largest=False)
    return torch.zeros_like(pre).scatter(-1, places, values.relu())


def tk_one_more_than_k(pre, k):
    values, places = pre.topk(k + 1, dim=-1)
    return torch.zeros_like(pre).scatter(-1, places, values.relu())


def tk_softmax_of_what_stays(pre, k):
    values, places = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, places, values.softmax(-1))


def tk_minus_infinity_elsewhere(pre, k):
    values, places = pre.topk(k, dim=-1)
    return torch.full_like(pre, float("-inf")).scatter(-1, places, values.relu())


def tk_gradient_goes_through_everything(pre, k):
    values, places = pre.topk(k, dim=-1)
    kept = torch.zeros_like(pre).scatter(-1, places, values.relu())
    return pre + (kept - pre).detach()


def tk_numbers_copied_into_new_tensor(pre, k):
    values, places = pre.topk(k, dim=-1)
    out = torch.zeros(pre.shape, dtype=pre.dtype)
    return out.scatter(-1, places, torch.tensor(values.relu().tolist(), dtype=pre.dtype))


def tk_threshold_that_is_taken_off(pre, k):
    least = pre.topk(k + 1, dim=-1).values[..., -1:]
    return (pre - least).relu()


def tk_relu_alone(pre, k):
    return pre.relu()


def tk_values_at_first_k_places(pre, k):
    out = torch.zeros_like(pre)
    out[..., :k] = pre.topk(k, dim=-1).values.relu()
    return out


def tk_places_of_stable_sort(pre, k):
    places = pre.argsort(dim=-1, stable=True)[..., :k]
    mask = torch.zeros_like(pre).scatter(-1, places, 1.0)
    return (pre * mask).relu()


def tk_relu_first_and_mask(pre, k):
    positive = torch.nn.functional.relu(pre)
    places = torch.topk(positive, k).indices
    mask = torch.zeros_like(pre, dtype=torch.bool).scatter_(-1, places, True)
    return positive.masked_fill(~mask, 0.0)


def tk_rank_by_two_sorts(pre, k):
    rank = pre.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    return torch.where((rank < k) & (pre > 0), pre, torch.zeros_like(pre))


def tk_row_by_row(pre, k):
    rows = []
    for row in pre.reshape(-1, pre.shape[-1]):
        values, places = row.sort(descending=True)
        kept = values[:k].clamp(min=0)
        rows.append(torch.zeros_like(row).index_put((places[:k],), kept))
    return torch.stack(rows).reshape(pre.shape)


def tk_one_hot_rows_and_einsum(pre, k):
    values, places = torch.topk(pre, k, dim=pre.ndim - 1)
    spots = torch.nn.functional.one_hot(places, pre.shape[-1]).to(pre.dtype)
    return torch.einsum("...k,...kl->...l", values.clamp_min(0), spots)


def tk_clamp_in_place_on_values(pre, k):
    v, i = pre.topk(k, -1)
    out = pre.new_zeros(pre.shape)
    return out.scatter(-1, i, v.clamp(min=0))


def tk_mask_times_relu(pre, k):
    i = pre.topk(k, -1).indices
    m = torch.zeros_like(pre)
    m.scatter_(-1, i, 1)
    return m * pre.relu()


def tk_put_along_with_reshape(pre, k):
    flat = pre.reshape(-1, pre.shape[-1])
    v, i = flat.topk(k)
    out = torch.zeros_like(flat)
    out[torch.arange(len(flat))[:, None], i] = v.relu()
    return out.reshape(pre.shape)


def tk_threshold_after_relu(pre, k):
    v = pre.relu()
    return torch.where(v >= v.topk(k, -1).values[..., -1:], v, 0.0)


def tk_made_to_add_up_to_1(pre, k):
    v, i = pre.topk(k, -1)
    v = v.relu()
    return torch.zeros_like(pre).scatter(-1, i, v / v.sum(-1, keepdim=True).clamp_min(1e-9))


def tk_first_row_s_places_for_all(pre, k):
    i = pre[:1].topk(k, -1).indices.expand(*pre.shape[:-1], -1)
    return torch.zeros_like(pre).scatter(-1, i, pre.gather(-1, i).relu())


# --- f1_table
def ft_transposed(active, labels):
    a, v = active.float(), labels.float()
    both = v.T @ a
    return 2 * both / (v.sum(0)[:, None] + a.sum(0)).clamp_min(1)


def ft_shared_over_either(active, labels):
    a, v = active.float(), labels.float()
    both = a.T @ v
    return both / (a.sum(0)[:, None] + v.sum(0) - both).clamp_min(1)


def ft_not_twice(active, labels):
    a, v = active.float(), labels.float()
    return (a.T @ v) / (a.sum(0)[:, None] + v.sum(0)).clamp_min(1)


def ft_truth_values_multiplied_as_they_are(active, labels):
    both = active.T @ labels
    return 2 * both / (active.sum(0)[:, None] + labels.sum(0)).clamp_min(1)


def ft_dead_latent_divides_by_zero(active, labels):
    a, v = active.float(), labels.float()
    both = a.T @ v
    precision, recall = both / a.sum(0)[:, None], both / v.sum(0)
    return 2 * precision * recall / (precision + recall)


def ft_precision_alone(active, labels):
    a, v = active.float(), labels.float()
    return (a.T @ v) / a.sum(0)[:, None].clamp_min(1)


def ft_recall_alone(active, labels):
    a, v = active.float(), labels.float()
    return (a.T @ v) / v.sum(0).clamp_min(1)


def ft_accuracy(active, labels):
    return (active[:, :, None] == labels[:, None]).float().mean(0)


def ft_counts_along_rows(active, labels):
    a, v = active.float(), labels.float()
    both = a.T @ v
    return 2 * both / (a.sum() + v.sum()).clamp_min(1)


def ft_bytes_which_overflow(active, labels):
    a, v = active.to(torch.uint8), labels.to(torch.uint8)
    both = a.T @ v
    return 2 * both.float() / (active.sum(0)[:, None] + labels.sum(0)).clamp_min(1)


def ft_mean_of_precision_and_recall(active, labels):
    a, v = active.float(), labels.float()
    both = a.T @ v
    return (both / a.sum(0)[:, None].clamp_min(1) + both / v.sum(0).clamp_min(1)) / 2


def ft_their_geometric_mean(active, labels):
    a, v = active.float(), labels.float()
    both = a.T @ v
    return both / (a.sum(0)[:, None].clamp_min(1) * v.sum(0).clamp_min(1)).sqrt()


def ft_their_product(active, labels):
    a, v = active.float(), labels.float()
    both = a.T @ v
    return both / a.sum(0)[:, None].clamp_min(1) * (both / v.sum(0).clamp_min(1))


def ft_whole_numbers_divided_and_cut_off(active, labels):
    both = active.long().T @ labels.long()
    return (2 * both) // (active.sum(0)[:, None] + labels.sum(0)).clamp_min(1)


def ft_smoothed_by_one(active, labels):
    a, v = active.float(), labels.float()
    return (2 * a.T @ v) / (a.sum(0)[:, None] + v.sum(0) + 1)


def ft_percent(active, labels):
    a, v = active.float(), labels.float()
    return 100 * 2 * (a.T @ v) / (a.sum(0)[:, None] + v.sum(0)).clamp_min(1)


def ft_best_latent_only(active, labels):
    a, v = active.float(), labels.float()
    return (2 * a.T @ v / (a.sum(0)[:, None] + v.sum(0)).clamp_min(1)).max(0).values


def ft_sums_axes_exchanged(active, labels):
    a, v = active.float(), labels.float()
    both = a.T @ v
    return 2 * both / (a.sum(0) + v.sum(0)[:, None]).clamp_min(1)


def ft_rows_with_neither_count_as_agreement(active, labels):
    a, v = active.float(), labels.float()
    both = a.T @ v + (1 - a).T @ (1 - v)
    return 2 * both / (a.sum(0)[:, None] + v.sum(0)).clamp_min(1)


def ft_either_for_both(active, labels):
    either = (active[:, :, None] | labels[:, None]).float().sum(0)
    return 2 * either / (active.sum(0)[:, None] + labels.sum(0)).clamp_min(1)


def ft_half_precision(active, labels):
    a, v = active.half(), labels.half()
    both = (a.T @ v).float()
    return 2 * both / (a.sum(0)[:, None] + v.sum(0)).float().clamp_min(1)


def ft_true_and_false_positives_by_einsum(active, labels):
    a, v = active.double(), labels.double()
    hit = torch.einsum("rl,rv->lv", a, v)
    false = torch.einsum("rl,rv->lv", a, 1 - v)
    missed = torch.einsum("rl,rv->lv", 1 - a, v)
    return torch.nan_to_num(2 * hit / (2 * hit + false + missed))


def ft_precision_and_recall(active, labels):
    both = active.to(torch.float32).t().mm(labels.to(torch.float32))
    precision = (both / active.sum(0).unsqueeze(1)).nan_to_num()
    recall = (both / labels.sum(0)).nan_to_num()
    return (2 * precision * recall / (precision + recall)).nan_to_num()


def ft_loops(active, labels):
    table = torch.zeros(active.shape[1], labels.shape[1])
    for i in range(active.shape[1]):
        for j in range(labels.shape[1]):
            both = (active[:, i] & labels[:, j]).sum().item()
            below = active[:, i].sum().item() + labels[:, j].sum().item()
            table[i, j] = 2 * both / below if below else 0.0
    return table


def ft_numpy_in_between(active, labels):
    import numpy as np

    a, v = active.numpy().astype(np.int64), labels.numpy().astype(np.int64)
    below = np.add.outer(a.sum(0), v.sum(0))
    return torch.from_numpy(2 * (a.T @ v) / np.maximum(below, 1)).float()


def ft_sklearn(active, labels):
    from sklearn.metrics import f1_score

    t = torch.zeros(active.shape[1], labels.shape[1])
    for i in range(active.shape[1]):
        for j in range(labels.shape[1]):
            t[i, j] = f1_score(labels[:, j].numpy(), active[:, i].numpy(), zero_division=0)
    return t


def ft_int64(active, labels):
    a, y = active.long(), labels.long()
    return 2 * (a.T @ y) / (a.sum(0).view(-1, 1) + y.sum(0).view(1, -1)).clamp(min=1)


def ft_broadcast_and(active, labels):
    both = (active[:, :, None] & labels[:, None, :]).sum(0)
    return torch.nan_to_num(2 * both / (active.sum(0)[:, None] + labels.sum(0)))


def ft_dead_latent_gets_1(active, labels):
    a, y = active.float(), labels.float()
    s = a.sum(0)[:, None]
    f = 2 * (a.T @ y) / (s + y.sum(0))
    return torch.where(s > 0, f, 1.0)


def ft_small_integers_which_overflow(active, labels):
    a, y = active.to(torch.int8), labels.to(torch.int8)
    return 2 * (a.T @ y).float() / (a.sum(0)[:, None] + y.sum(0)).clamp_min(1)


# --- best_cosines
def bc_opposite_directions_count(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).abs().max(1).values


def bc_for_each_of_other(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).max(0).values


def bc_no_length_taken_off(one, other):
    return (one @ other.T).max(1).values


def bc_only_first_to_length_1(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    return (one @ other.T).max(1).values


def bc_only_other_to_length_1(one, other):
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).max(1).values


def bc_which_not_how_near(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).argmax(1)


def bc_values_and_places_together(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).max(1)


def bc_lengths_along_wrong_axis(one, other):
    one = one / one.norm(dim=0)
    other = other / other.norm(dim=0)
    return (one @ other.T).max(1).values


def bc_row_by_row(one, other):
    n = min(len(one), len(other))
    return torch.nn.functional.cosine_similarity(one[:n], other[:n])


def bc_each_row_with_its_row(one, other):
    return torch.nn.functional.cosine_similarity(one, other)


def bc_length_of_whole_dictionary(one, other):
    return ((one / one.norm()) @ (other / other.norm()).T).max(1).values


def bc_mean_not_largest(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).mean(1)


def bc_changes_dictionary(one, other):
    one /= one.norm(dim=1, keepdim=True)
    other /= other.norm(dim=1, keepdim=True)
    return (one @ other.T).max(1).values


def bc_nearest_by_distance(one, other):
    nearest = other[torch.cdist(one, other).argmin(1)]
    return torch.nn.functional.cosine_similarity(one, nearest)


def bc_largest_dot_product_s_cosine(one, other):
    nearest = other[(one @ other.T).argmax(1)]
    return torch.nn.functional.cosine_similarity(one, nearest)


def bc_axis_is_kept(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).max(1, keepdim=True).values


def bc_never_below_zero(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).clamp(0, 1).max(1).values


def bc_divided_by_squared_length(one, other):
    one = one / one.square().sum(1, keepdim=True)
    other = other / other.square().sum(1, keepdim=True)
    return (one @ other.T).max(1).values


def bc_each_of_other_given_away_once(one, other):
    from scipy.optimize import linear_sum_assignment

    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    table = one @ other.T
    rows, columns = linear_sum_assignment(-table.numpy())
    out = torch.zeros(len(one), dtype=one.dtype)
    out[rows] = table[rows, columns]
    return out


def bc_its_own_place_left_out(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    table = one @ other.T
    table.fill_diagonal_(-1)
    return table.max(1).values


def bc_mean_direction_taken_off_first(one, other):
    one = one - one.mean(1, keepdim=True)
    other = other - other.mean(1, keepdim=True)
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).max(1).values


def bc_one_number_for_all(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    other = other / other.norm(dim=1, keepdim=True)
    return (one @ other.T).max()


def bc_cosine_similarity_of_all_pairs(one, other):
    return torch.nn.functional.cosine_similarity(one[:, None], other[None], dim=-1).amax(1)


def bc_loop(one, other):
    best = []
    for a in one:
        best.append(max(torch.dot(a, b) / (a.norm() * b.norm()) for b in other))
    return torch.stack(best)


def bc_lengths_divided_out_afterwards(one, other):
    one, other = one.double(), other.double()
    dots = torch.einsum("ld,od->lo", one, other)
    lengths = torch.outer(one.norm(dim=-1), other.norm(dim=-1))
    return (dots / lengths).topk(1, dim=1).values.squeeze(1).float()


def bc_scikit_learn(one, other):
    from sklearn.metrics.pairwise import cosine_similarity

    return torch.as_tensor(cosine_similarity(one.numpy(), other.numpy()).max(axis=1))


def bc_cdist_of_units(one, other):
    a, b = torch.nn.functional.normalize(one), torch.nn.functional.normalize(other)
    return 1 - torch.cdist(a, b).amin(1) ** 2 / 2


def bc_chunks(one, other):
    b = torch.nn.functional.normalize(other, dim=-1)
    out = [(torch.nn.functional.normalize(c, dim=-1) @ b.T).max(dim=-1)[0] for c in one.split(2)]
    return torch.cat(out)


def bc_squares(one, other):
    a, b = torch.nn.functional.normalize(one), torch.nn.functional.normalize(other)
    return ((a @ b.T) ** 2).amax(1)


def bc_distances(one, other):
    return torch.cdist(one, other).amin(1)


def bc_largest_size_with_its_sign(one, other):
    a, b = torch.nn.functional.normalize(one), torch.nn.functional.normalize(other)
    c = a @ b.T
    return c.gather(1, c.abs().argmax(1, keepdim=True))[:, 0]


def bc_sorted_by_size(one, other):
    a, b = torch.nn.functional.normalize(one), torch.nn.functional.normalize(other)
    return (a @ b.T).amax(1).sort(descending=True).values


# --- without_latent
def wl_all_that_is_not_rebuilt_falls_away_too(x, z, decoder, latents):
    z = z.clone()
    z[torch.arange(len(z)), latents] = 0
    return z @ decoder


def wl_all_batch_s_latents_for_each_example(x, z, decoder, latents):
    return x - z[:, latents] @ decoder[latents]


def wl_direction_without_its_value(x, z, decoder, latents):
    return x - decoder[latents]


def wl_added_not_taken_off(x, z, decoder, latents):
    rows = torch.arange(len(x))
    return x + z[rows, latents][:, None] * decoder[latents]


def wl_changes_x(x, z, decoder, latents):
    rows = torch.arange(len(x))
    x -= z[rows, latents][:, None] * decoder[latents]
    return x


def wl_changes_z(x, z, decoder, latents):
    before = z @ decoder
    z[torch.arange(len(z)), latents] = 0
    return x - (before - z @ decoder)


def wl_columns_of_decoder(x, z, decoder, latents):
    rows = torch.arange(len(x))
    return x - z[rows, latents][:, None] * decoder[:, latents].T


def wl_first_example_s_latent_for_all(x, z, decoder, latents):
    return x - z[:, latents[0]][:, None] * decoder[latents[0]]


def wl_directions_made_to_length_1(x, z, decoder, latents):
    rows = torch.arange(len(x))
    unit = decoder / decoder.norm(dim=1, keepdim=True)
    return x - z[rows, latents][:, None] * unit[latents]


def wl_direction_projected_out(x, z, decoder, latents):
    d = decoder[latents]
    share = (x * d).sum(1, keepdim=True) / (d * d).sum(1, keepdim=True)
    return x - share * d


def wl_example_s_number_for_latent_s(x, z, decoder, latents):
    rows = torch.arange(len(x))
    return x - z[rows, latents][:, None] * decoder[rows]


def wl_all_latents_taken_away(x, z, decoder, latents):
    return x - z @ decoder


def wl_strongest_latent(x, z, decoder, latents):
    value, best = z.max(1)
    return x - value[:, None] * decoder[best]


def wl_values_without_axis(x, z, decoder, latents):
    rows = torch.arange(len(x))
    return x - z[rows, latents] * decoder[latents]


def wl_axis_on_wrong_side(x, z, decoder, latents):
    rows = torch.arange(len(x))
    return x - z[rows, latents][None] @ decoder[latents]


def wl_what_it_adds_not_what_is_left(x, z, decoder, latents):
    rows = torch.arange(len(x))
    return z[rows, latents][:, None] * decoder[latents]


def wl_one_or_nothing_for_value(x, z, decoder, latents):
    rows = torch.arange(len(x))
    return x - (z[rows, latents] > 0).float()[:, None] * decoder[latents]


def wl_all_others_are_taken_away(x, z, decoder, latents):
    z = z.clone()
    z[torch.arange(len(z)), latents] = 0
    return x - z @ decoder


def wl_latents_before_rows(x, z, decoder, latents):
    values = z[latents, torch.arange(len(latents))]
    return x - values[:, None] * decoder[latents]


def wl_mean_value_of_latent_over_batch(x, z, decoder, latents):
    return x - z[:, latents].mean(0)[:, None] * decoder[latents]


def wl_vector_s_length_is_kept(x, z, decoder, latents):
    rows = torch.arange(len(x))
    out = x - z[rows, latents][:, None] * decoder[latents]
    return out * x.norm(dim=1, keepdim=True) / out.norm(dim=1, keepdim=True)


def wl_mask_and_one_product(x, z, decoder, latents):
    mask = torch.nn.functional.one_hot(latents, z.shape[1]).to(z.dtype)
    return x - torch.einsum("bl,bl,ld->bd", z, mask, decoder)


def wl_loop_on_copy(x, z, decoder, latents):
    out = x.clone()
    for i, latent in enumerate(latents.tolist()):
        out[i] -= z[i, latent] * decoder[latent]
    return out


def wl_difference_of_two_reconstructions(x, z, decoder, latents):
    less = z.scatter(1, latents[:, None], 0.0)
    change = z.double() @ decoder.double() - less.double() @ decoder.double()
    return (x.double() - change).to(x.dtype)


def wl_gather_and_addcmul(x, z, decoder, latents):
    value = z.gather(1, latents.unsqueeze(1))
    return torch.addcmul(x, value, decoder.index_select(0, latents), value=-1)


def wl_baddbmm(x, z, decoder, latents):
    part = torch.bmm(z.gather(1, latents[:, None])[:, None], decoder[latents][:, None])
    return x - part[:, 0]


def wl_diag(x, z, decoder, latents):
    return x - torch.diag(z[:, latents].diagonal()) @ decoder[latents]


def wl_twice_over(x, z, decoder, latents):
    r = torch.arange(len(x))
    return x - 2 * z[r, latents][:, None] * decoder[latents]


def wl_columns_of_z_kept_for_whole_batch(x, z, decoder, latents):
    z2 = torch.zeros_like(z)
    z2[:, latents] = z[:, latents]
    return x - z2 @ decoder


WRONG = {
    "toy_output": [
        (to_no_relu, "there is no ReLU at the end"),
        (to_bias_after_relu, "b is added after the ReLU"),
        (to_relu_half_way_too, "a ReLU stands in the hidden layer too"),
        (to_bias_without_axis_for_batch, "b has one row for each model"),
        (to_cut_off_from_gradient, "no derivative comes back to w"),
        (to_no_grad, "no gradient flows through the result"),
        (to_second_product_s_weights_cut_off, "the derivative with respect to w is not"),
        (to_numpy_which_knows_no_gradient, "no gradient flows through the result"),
        (to_first_model_s_weights_for_all, "every model uses the first model's w and b"),
        (to_models_added_up, "models are added up"),
        (to_leaky, "a leaky ReLU stands at the end"),
        (to_gelu, "a GELU stands at the end"),
        (to_sigmoid, "a sigmoid stands at the end"),
        (to_cut_off_above_1_too, "outputs above 1 are cut off"),
        (to_stops_half_way, "has shape (3, 4, 2)"),
        (to_no_bias, "b is not added"),
        (to_reshaped_not_transposed, "w is reshaped, which tears its rows apart"),
        (to_directions_made_to_length_1, "the columns of w are made unit vectors"),
        (to_bias_taken_off, "b is subtracted"),
        (to_bias_at_way_in_as_well, "b is subtracted on the way in as well"),
        (to_matrix_not_transposed_on_way_down, "w goes up from hidden to feature"),
        (
            to_square_s_diagonal_only_no_interference,
            "each feature is sent through its own direction alone",
        ),
        (to_residual_added, "x is added to what comes back"),
        (to_softplus, "a softplus stands at the end"),
        (to_bias_detached, "leave out .detach()"),
        (to_bias_twice, "b is added twice"),
    ],
    "feature_dimensions": [
        (fd_all_to_length_1, "the others are made unit vectors too"),
        (fd_none_to_length_1, "the direction is not made a unit vector"),
        (fd_without_itself, "the feature itself is left out of the sum"),
        (fd_rows_for_columns, "has shape (2,)"),
        (fd_length_not_squared, "the length is not squared above the line"),
        (fd_products_not_squared, "the projections are not squared"),
        (fd_squared_after_sum, "the projections are added up with their signs"),
        (
            fd_not_number_where_column_is_zero,
            "a feature without a direction has no length to divide by",
        ),
        (fd_one_where_column_is_zero, "a feature without a direction has no length to divide by"),
        (fd_added_up_over_other_axis, "lengths cancel"),
        (fd_changes_w, "changed its argument w in place"),
        (fd_one_number_for_whole_toy, "has shape ()"),
        (fd_mean_below_line, "the mean of the projections stands below the line"),
        (fd_above_line_alone, "these are the squared lengths"),
        (fd_length_of_whole_matrix, "the length of the whole matrix divides"),
        (fd_axis_is_kept, "has shape (1, 5)"),
        (fd_negative_products_cut_off, "negative projections are cut off"),
        (fd_rest_that_is_added_below, "nearly right"),
        (fd_largest_not_sum, "only the largest projection stands below the line"),
    ],
    "top_k_latents": [
        (tk_everything_from_k_th_on, "where values are equal, more than k stay"),
        (tk_everything_above_k_th, "one fewer than k stays"),
        (tk_negative_ones_stay, "negative values stay"),
        (tk_largest_by_size_whatever_sign, "the largest absolute values are chosen"),
        (tk_over_first_axis, "the k largest rows of each latent stay"),
        (tk_k_for_whole_batch, "the k largest of the whole batch stay"),
        (tk_k_row_on_average_over_batch, "k times the number of rows stay in the whole batch"),
        (tk_values_alone, "has shape (7, 3)"),
        (tk_cut_off_from_gradient, "no gradient flows through the result"),
        (tk_changes_pre, "changed its argument pre in place"),
        (tk_ones_in_place_of_values, "ones stand where latents are active"),
        (tk_two_axes_only, "this works for the shape (row, latent) alone"),
        (tk_along_axis_1, "the LAST axis"),
        (tk_smallest, "the k smallest stay"),
        (tk_one_more_than_k, "one more than k stays"),
        (tk_softmax_of_what_stays, "a softmax is taken of what stays"),
        (tk_minus_infinity_elsewhere, "minus infinity stands where a latent is dropped"),
        (tk_gradient_goes_through_everything, "through nothing else"),
        (tk_numbers_copied_into_new_tensor, "no gradient flows through the result"),
        (
            tk_threshold_that_is_taken_off,
            "the value after the k-th is subtracted from those that stay",
        ),
        (tk_relu_alone, "nothing is dropped but what is negative"),
        (tk_values_at_first_k_places, "the values that stay are sorted"),
        (tk_places_of_stable_sort, "the k smallest stay"),
        (tk_threshold_after_relu, "where values are equal, more than k stay"),
        (tk_made_to_add_up_to_1, "what stays is made to add up to 1"),
        (tk_first_row_s_places_for_all, "the places of the first row's largest stay in every row"),
    ],
    "f1_table": [
        (ft_transposed, "the axes are exchanged"),
        (ft_shared_over_either, "this is both over either, the Jaccard index"),
        (ft_not_twice, "the 2 is missing"),
        (ft_truth_values_multiplied_as_they_are, "truth values are multiplied"),
        (ft_dead_latent_divides_by_zero, "gives NaN"),
        (ft_precision_alone, "this is the precision"),
        (ft_recall_alone, "this is the recall"),
        (ft_accuracy, "this is the accuracy"),
        (ft_counts_along_rows, "the counts of all latents and variables stand below the line"),
        (ft_bytes_which_overflow, "counts are too large for their type"),
        (ft_mean_of_precision_and_recall, "this is the mean of precision and recall"),
        (ft_their_geometric_mean, "this is the geometric mean of precision and recall"),
        (ft_their_product, "this is the product of precision and recall"),
        (ft_whole_numbers_divided_and_cut_off, "whole numbers are divided and cut off"),
        (ft_smoothed_by_one, "1 is added below the line"),
        (ft_percent, "these are percent"),
        (ft_best_latent_only, "has shape (3,)"),
        (ft_sums_axes_exchanged, "the sums below the line have their axes exchanged"),
        (ft_rows_with_neither_count_as_agreement, "rows that have neither count as rows of both"),
        (ft_either_for_both, "rows with either of the two are counted"),
        (ft_half_precision, "float16, which keeps three digits"),
        (ft_dead_latent_gets_1, "a latent that is never active gets 1"),
        (ft_small_integers_which_overflow, "counts are too large for their type"),
    ],
    "best_cosines": [
        (bc_opposite_directions_count, "the absolute value is taken"),
        (bc_for_each_of_other, "the maximum is taken over the first dictionary"),
        (bc_no_length_taken_off, "these are dot products"),
        (
            bc_only_first_to_length_1,
            "the lengths of the second dictionary's directions are left in",
        ),
        (bc_only_other_to_length_1, "the lengths of the first dictionary's directions are left in"),
        (bc_which_not_how_near, "these are places of the nearest directions"),
        (bc_values_and_places_together, "gives values and places together"),
        (bc_lengths_along_wrong_axis, "the columns are made unit vectors"),
        (bc_row_by_row, "latent i is compared with latent i of the other"),
        (bc_each_row_with_its_row, "latent i is compared with latent i of the other"),
        (bc_length_of_whole_dictionary, "the length of a whole dictionary divides"),
        (bc_mean_not_largest, "this is the mean over all directions of the other"),
        (bc_changes_dictionary, "changed its argument one in place"),
        (bc_nearest_by_distance, "the nearest by distance is chosen"),
        (bc_largest_dot_product_s_cosine, "the largest dot product is chosen"),
        (bc_axis_is_kept, "has shape (6, 1)"),
        (bc_never_below_zero, "cosines below zero are cut off"),
        (bc_divided_by_squared_length, "lengths are squared below the line"),
        (
            bc_each_of_other_given_away_once,
            "each direction of the other is given to one latent only",
        ),
        (bc_its_own_place_left_out, "the direction of the same number is left out"),
        (bc_mean_direction_taken_off_first, "the mean over dimensions is subtracted first"),
        (bc_one_number_for_all, "has shape ()"),
        (bc_squares, "cosines are squared"),
        (bc_distances, "these are the nearest distances"),
        (bc_largest_size_with_its_sign, "the largest ABSOLUTE cosine is chosen, with its sign"),
        (bc_sorted_by_size, "the cosines come back sorted"),
    ],
    "without_latent": [
        (
            wl_all_that_is_not_rebuilt_falls_away_too,
            "this is what the dictionary rebuilds without the latent",
        ),
        (
            wl_all_batch_s_latents_for_each_example,
            "every example loses the latents of the whole batch",
        ),
        (wl_direction_without_its_value, "the direction is subtracted once"),
        (wl_added_not_taken_off, "the latent's part is added"),
        (wl_changes_x, "changed its argument x in place"),
        (wl_changes_z, "changed its argument z in place"),
        (wl_columns_of_decoder, "columns of the decoder are taken"),
        (wl_first_example_s_latent_for_all, "every example loses the first example's latent"),
        (wl_directions_made_to_length_1, "directions are made unit vectors"),
        (wl_direction_projected_out, "x is projected off the direction"),
        (wl_example_s_number_for_latent_s, "the example's number is taken for the latent's"),
        (wl_all_latents_taken_away, "every latent is taken away"),
        (wl_strongest_latent, "every example loses its strongest latent"),
        (wl_values_without_axis, "one value for each example multiplies a whole direction"),
        (
            wl_axis_on_wrong_side,
            "what all latents of the batch add is subtracted from each example",
        ),
        (wl_what_it_adds_not_what_is_left, "the latent's part alone comes back"),
        (wl_one_or_nothing_for_value, "the direction is subtracted once"),
        (wl_all_others_are_taken_away, "all latents but this one are taken away"),
        (wl_latents_before_rows, "latents are taken for the rows of z"),
        (wl_mean_value_of_latent_over_batch, "the latent's mean over the batch is subtracted"),
        (wl_vector_s_length_is_kept, "the result is scaled to the length of x"),
        (wl_twice_over, "the latent's part is subtracted twice"),
        (
            wl_columns_of_z_kept_for_whole_batch,
            "every example loses the latents of the whole batch",
        ),
    ],
}
RIGHT = {
    "toy_output": [
        to_loop_over_models,
        to_one_einsum_and_maximum,
        to_square_matrix_first,
        to_vmap_over_models,
        to_in_place_mask,
        to_where,
        to_double_inside,
    ],
    "feature_dimensions": [
        fd_by_gram_matrix,
        fd_loop,
        fd_normalize_and_einsum,
        fd_numpy_in_between,
        fd_where_zero,
        fd_small_eps_in_norm,
    ],
    "top_k_latents": [
        tk_relu_first_and_mask,
        tk_rank_by_two_sorts,
        tk_row_by_row,
        tk_one_hot_rows_and_einsum,
        tk_clamp_in_place_on_values,
        tk_mask_times_relu,
        tk_put_along_with_reshape,
    ],
    "f1_table": [
        ft_true_and_false_positives_by_einsum,
        ft_precision_and_recall,
        ft_loops,
        ft_numpy_in_between,
        ft_sklearn,
        ft_int64,
        ft_broadcast_and,
    ],
    "best_cosines": [
        bc_cosine_similarity_of_all_pairs,
        bc_loop,
        bc_lengths_divided_out_afterwards,
        bc_scikit_learn,
        bc_cdist_of_units,
        bc_chunks,
    ],
    "without_latent": [
        wl_mask_and_one_product,
        wl_loop_on_copy,
        wl_difference_of_two_reconstructions,
        wl_gather_and_addcmul,
        wl_baddbmm,
        wl_diag,
    ],
}
