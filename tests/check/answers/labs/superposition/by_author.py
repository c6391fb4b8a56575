"""Answers to the exercises on superposition, by the author of their checks."""

import torch
from einops import einsum


# --- toy_output
def to_right(x, w, b):
    return (x @ w.transpose(1, 2) @ w + b[:, None]).relu()


def to_no_relu(x, w, b):
    return x @ w.transpose(1, 2) @ w + b[:, None]


def to_b_after(x, w, b):
    return (x @ w.transpose(1, 2) @ w).relu() + b[:, None]


def to_hidden_relu(x, w, b):
    return ((x @ w.transpose(1, 2)).relu() @ w + b[:, None]).relu()


def to_unit(x, w, b):
    return to_right(x, w / w.norm(dim=1, keepdim=True), b)


def to_detached(x, w, b):
    return to_right(x, w, b).detach()


def to_loop(x, w, b):
    outs = []
    for i in range(len(x)):
        hidden = x[i] @ w[i].T
        outs.append(torch.relu(hidden @ w[i] + b[i]))
    return torch.stack(outs)


def to_baddbmm(x, w, b):
    gram = torch.bmm(w.mT, w)
    return torch.baddbmm(b.unsqueeze(1), x, gram).clamp(min=0)


def to_einops(x, w, b):
    y = einsum(x, w, w, "m b f, m h f, m h g -> m b g")
    return torch.maximum(y + b.unsqueeze(1), torch.zeros(()))


def to_forgets_b(x, w, b):
    return torch.relu(torch.einsum("mhf,mbh->mbf", w, torch.einsum("mhf,mbf->mbh", w, x)))


def to_minus_b(x, w, b):
    return torch.relu(torch.einsum("mhf,mhg,mbg->mbf", w, w, x) - b[:, None])


def to_first_model(x, w, b):
    return torch.relu(x @ w[0].T @ w[0] + b[:, None])


def to_hidden(x, w, b):
    return torch.einsum("mhf,mbf->mbh", w, x)


def to_relu_in_the_middle(x, w, b):
    return torch.relu(x @ w.transpose(1, 2)) @ w + b[:, None]


# --- feature_dimensions
def fd_right(w):
    products = w.T @ w
    return products.diagonal() ** 2 / products.square().sum(1).clamp_min(1e-12)


def fd_lengths(w):
    return w.square().sum(0)


def fd_upside_down(w):
    return 1 / fd_right(w)


def fd_cosines(w):
    unit = w / w.norm(dim=0).clamp_min(1e-9)
    return 1 / (unit.T @ unit).square().sum(1)


def fd_nan(w):
    unit = w / w.norm(dim=0)
    return w.square().sum(0) / (unit.T @ w).square().sum(1)


def fd_other_way(w):
    unit = w / w.norm(dim=0).clamp_min(1e-9)
    return w.square().sum(0) / (unit.T @ w).square().sum(0).clamp_min(1e-9)


def fd_loop(w):
    out = []
    for i in range(w.shape[1]):
        length = w[:, i].norm()
        if length == 0:
            out.append(torch.tensor(0.0))
            continue
        unit = w[:, i] / length
        out.append(length**2 / sum((unit @ w[:, j]) ** 2 for j in range(w.shape[1])))
    return torch.stack(out)


def fd_nan_to_num(w):
    unit = torch.nan_to_num(w / w.norm(dim=0))
    return torch.nan_to_num(w.pow(2).sum(0) / torch.einsum("hi,hj->ij", unit, w).pow(2).sum(1))


def fd_normalize(w):
    unit = torch.nn.functional.normalize(w, dim=0)
    below = (unit.T @ w).pow(2).sum(-1)
    return torch.where(below > 0, w.pow(2).sum(0) / below.clamp(min=1e-12), 0.0)


def fd_leaves_itself_out(w):
    unit = w / w.norm(dim=0).clamp_min(1e-9)
    squares = (unit.T @ w).square()
    others = squares.sum(1) - squares.diagonal()
    return w.square().sum(0) / others.clamp_min(1e-9)


def fd_no_squares(w):
    unit = w / w.norm(dim=0).clamp_min(1e-9)
    return w.norm(dim=0) ** 2 / (unit.T @ w).abs().sum(1).clamp_min(1e-9)


def fd_no_unit(w):
    return w.square().sum(0) / (w.T @ w).square().sum(1).clamp_min(1e-9)


def fd_length_not_squared(w):
    unit = w / w.norm(dim=0).clamp_min(1e-9)
    return w.norm(dim=0) / (unit.T @ w).square().sum(1).clamp_min(1e-9)


# --- top_k_latents
def tk_right(pre, k):
    values, places = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, places, values.relu())


def tk_negative(pre, k):
    values, places = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, places, values)


def tk_absolute(pre, k):
    places = pre.abs().topk(k, dim=-1).indices
    return torch.zeros_like(pre).scatter(-1, places, pre.gather(-1, places))


def tk_batch(pre, k):
    bound = pre.flatten().topk(k).values[-1]
    return torch.where(pre >= bound, pre, 0).relu()


def tk_ones(pre, k):
    return (tk_right(pre, k) > 0).float()


def tk_detached(pre, k):
    return tk_right(pre.detach(), k)


def tk_sort(pre, k):
    ranks = pre.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    return pre.clamp(min=0) * (ranks < k)


def tk_mask(pre, k):
    mask = torch.zeros_like(pre)
    mask.scatter_(-1, pre.topk(k).indices, 1.0)
    return torch.relu(pre) * mask


def tk_loop(pre, k):
    flat = pre.reshape(-1, pre.shape[-1])
    rows = []
    for row in flat:
        keep = row.topk(k).indices
        rows.append(torch.zeros_like(row).index_add(0, keep, row[keep].relu()))
    return torch.stack(rows).reshape(pre.shape)


def tk_threshold(pre, k):
    """Compares with the k-th value: ties let more through."""
    bound = pre.topk(k, dim=-1).values[..., -1:]
    return torch.where(pre >= bound, pre, torch.zeros_like(pre)).relu()


def tk_above(pre, k):
    bound = pre.topk(k, dim=-1).values[..., -1:]
    return torch.where(pre > bound, pre, torch.zeros_like(pre)).relu()


def tk_first_axis(pre, k):
    values, places = pre.topk(k, dim=1)
    return torch.zeros_like(pre).scatter(1, places, values.relu())


def tk_smallest(pre, k):
    values, places = pre.topk(k, dim=-1, largest=False)
    return torch.zeros_like(pre).scatter(-1, places, values.relu())


def tk_relu_only(pre, k):
    return pre.relu()


# --- f1_table
def ft_right(active, labels):
    a, y = active.float(), labels.float()
    return 2 * (a.T @ y) / (a.sum(0)[:, None] + y.sum(0)).clamp_min(1)


def ft_precision(active, labels):
    a, y = active.float(), labels.float()
    return a.T @ y / a.sum(0)[:, None].clamp_min(1)


def ft_recall(active, labels):
    a, y = active.float(), labels.float()
    return a.T @ y / y.sum(0).clamp_min(1)


def ft_half(active, labels):
    return ft_right(active, labels) / 2


def ft_counts(active, labels):
    return active.float().T @ labels.float()


def ft_percent(active, labels):
    return 100 * ft_right(active, labels)


def ft_from_parts(active, labels):
    a, y = active.double(), labels.double()
    both = torch.einsum("rl,rv->lv", a, y)
    precision = both / a.sum(0).clamp(min=1).unsqueeze(1)
    recall = both / y.sum(0).clamp(min=1)
    return (2 * precision * recall / (precision + recall).clamp(min=1e-12)).float()


def ft_loop(active, labels):
    table = torch.zeros(active.shape[1], labels.shape[1])
    for i in range(active.shape[1]):
        for j in range(labels.shape[1]):
            tp = (active[:, i] & labels[:, j]).sum()
            off = (active[:, i] ^ labels[:, j]).sum()
            if tp > 0:
                table[i, j] = 2 * tp / (2 * tp + off)
    return table


def ft_broadcast(active, labels):
    a, y = active[:, :, None], labels[:, None]
    both, off = (a & y).sum(0), (a ^ y).sum(0)
    return torch.nan_to_num(2 * both / (2 * both + off))


def ft_nan(active, labels):
    a, y = active.float(), labels.float()
    both = a.T @ y
    precision, recall = both / a.sum(0)[:, None], both / y.sum(0)
    return 2 * precision * recall / (precision + recall)


def ft_accuracy(active, labels):
    return (active[:, :, None] == labels[:, None]).float().mean(0)


def ft_jaccard(active, labels):
    a, y = active[:, :, None], labels[:, None]
    return (a & y).sum(0) / (a | y).sum(0).clamp(min=1)


def ft_turned(active, labels):
    return ft_from_parts(active, labels).T


def ft_arithmetic(active, labels):
    a, y = active.float(), labels.float()
    both = a.T @ y
    return (both / a.sum(0)[:, None].clamp(min=1) + both / y.sum(0).clamp(min=1)) / 2


# --- best_cosines
def bc_right(one, other):
    one, other = (x / x.norm(dim=1, keepdim=True) for x in (one, other))
    return (one @ other.T).max(1).values


def bc_products(one, other):
    return (one @ other.T).max(1).values


def bc_absolute(one, other):
    one, other = (x / x.norm(dim=1, keepdim=True) for x in (one, other))
    return (one @ other.T).abs().max(1).values


def bc_mean(one, other):
    one, other = (x / x.norm(dim=1, keepdim=True) for x in (one, other))
    return (one @ other.T).mean(1)


def bc_first_lengths(one, other):
    return (one @ (other / other.norm(dim=1, keepdim=True)).T).amax(1)


def bc_functional(one, other):
    return torch.nn.functional.cosine_similarity(one[:, None], other[None], dim=-1).amax(1)


def bc_loop(one, other):
    best = [max(float(a @ b / (a.norm() * b.norm())) for b in other.double()) for a in one.double()]
    return torch.tensor(best)


def bc_distance(one, other):
    """Between vectors of length 1 the squared distance is 2 - 2 cos."""
    a, b = (torch.nn.functional.normalize(x, dim=1) for x in (one, other))
    return 1 - torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").amin(1) ** 2 / 2


def bc_by_order(one, other):
    n = min(len(one), len(other))
    return torch.nn.functional.cosine_similarity(one[:n], other[:n])


def bc_wrong_axis(one, other):
    a, b = (torch.nn.functional.normalize(x, dim=1) for x in (one, other))
    return (a @ b.T).amax(0)


def bc_argmax(one, other):
    a, b = (torch.nn.functional.normalize(x, dim=1) for x in (one, other))
    return (a @ b.T).argmax(1).float()


def bc_columns(one, other):
    a, b = (x / x.norm(dim=0) for x in (one, other))
    return (a @ b.T).amax(1)


# --- without_latent
def wl_right(x, z, decoder, latents):
    rows = torch.arange(len(x))
    return x - z[rows, latents][:, None] * decoder[latents]


def wl_rebuilt(x, z, decoder, latents):
    z = z.clone()
    z[torch.arange(len(z)), latents] = 0
    return z @ decoder


def wl_added(x, z, decoder, latents):
    return x + z[torch.arange(len(x)), latents][:, None] * decoder[latents]


def wl_all(x, z, decoder, latents):
    return x - z @ decoder


def wl_projected(x, z, decoder, latents):
    unit = decoder[latents] / decoder[latents].norm(dim=1, keepdim=True)
    return x - (x * unit).sum(1, keepdim=True) * unit


def wl_difference(x, z, decoder, latents):
    """What is rebuilt without the latent, plus what the dictionary misses."""
    less = z.scatter(1, latents[:, None], 0)
    return less @ decoder + (x - z @ decoder)


def wl_gather(x, z, decoder, latents):
    value = z.gather(1, latents.unsqueeze(1))
    return torch.addcmul(x, value, decoder.index_select(0, latents), value=-1)


def wl_one_hot(x, z, decoder, latents):
    mask = torch.nn.functional.one_hot(latents, z.shape[1])
    return x - (z * mask) @ decoder


def wl_direction_once(x, z, decoder, latents):
    return x - decoder[latents]


def wl_first(x, z, decoder, latents):
    j = int(latents[0])
    return x - z[:, j : j + 1] * decoder[j]


def wl_whole_batch(x, z, decoder, latents):
    return x - z[:, latents] @ decoder[latents]


def wl_part(x, z, decoder, latents):
    return z[torch.arange(len(x)), latents][:, None] * decoder[latents]


def wl_keeps_one(x, z, decoder, latents):
    rest = z.scatter(1, latents[:, None], 0)
    return x - rest @ decoder


WRONG = {
    "toy_output": [
        (to_no_relu, "no ReLU at the end"),
        (to_b_after, "added after the ReLU"),
        (to_hidden_relu, "in the hidden layer"),
        (to_unit, "unit vectors"),
        (to_detached, "no gradient flows"),
        (to_forgets_b, "b is not added"),
        (to_minus_b, "b is subtracted"),
        (to_first_model, "first model's w"),
        (to_hidden, "has shape"),
        (to_relu_in_the_middle, "the hidden layer is linear"),
    ],
    "feature_dimensions": [
        (fd_lengths, "squared lengths"),
        (fd_upside_down, "upside down"),
        (fd_cosines, "lengths cancel"),
        (fd_nan, "without a direction"),
        (fd_other_way, "keep their lengths"),
        (fd_leaves_itself_out, "left out of the sum"),
        (fd_no_squares, "not squared"),
        (fd_no_unit, "not made a unit vector"),
        (fd_length_not_squared, "length is not squared"),
    ],
    "top_k_latents": [
        (tk_negative, "negative values stay"),
        (tk_absolute, "ABSOLUTE"),
        (tk_batch, "whole batch"),
        (tk_ones, "keep their values"),
        (tk_detached, "no gradient flows"),
        (tk_threshold, "values are equal"),
        (tk_above, "one fewer than k"),
        (tk_first_axis, "LAST axis"),
        (tk_smallest, "the k smallest stay"),
        (tk_relu_only, "nothing is dropped"),
    ],
    "f1_table": [
        (ft_precision, "this is the precision"),
        (ft_recall, "this is the recall"),
        (ft_half, "the 2 is missing"),
        (ft_counts, "counted: divide"),
        (ft_percent, "percent"),
        (ft_nan, "gives NaN"),
        (ft_accuracy, "accuracy"),
        (ft_jaccard, "Jaccard"),
        (ft_turned, "has shape"),
        (ft_arithmetic, "mean of precision and recall"),
    ],
    "best_cosines": [
        (bc_products, "dot products"),
        (bc_absolute, "absolute value"),
        (bc_mean, "the mean over all"),
        (bc_first_lengths, "of the first dictionary's directions"),
        (bc_by_order, "latent i of the other"),
        (bc_wrong_axis, "over the first dictionary"),
        (bc_argmax, "places of the nearest"),
        (bc_columns, "a direction is a row"),
    ],
    "without_latent": [
        (wl_rebuilt, "what it misses is lost too"),
        (wl_added, "is added: subtract"),
        (wl_all, "every latent is taken away"),
        (wl_projected, "projected off"),
        (wl_direction_once, "subtracted once"),
        (wl_first, "first example's latent"),
        (wl_whole_batch, "of the whole batch"),
        (wl_part, "part alone comes back"),
        (wl_keeps_one, "all latents but this one"),
    ],
}
RIGHT = {
    "toy_output": [to_right, to_loop, to_baddbmm, to_einops],
    "feature_dimensions": [fd_right, fd_loop, fd_nan_to_num, fd_normalize],
    "top_k_latents": [tk_right, tk_sort, tk_mask, tk_loop],
    "f1_table": [ft_right, ft_from_parts, ft_loop, ft_broadcast],
    "best_cosines": [bc_right, bc_functional, bc_loop, bc_distance],
    "without_latent": [wl_right, wl_difference, wl_gather, wl_one_hot],
}
