"""Answers to the exercises on superposition, by the author of their checks."""

import torch


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


WRONG = {
    "toy_output": [
        (to_no_relu, "no ReLU at the end"),
        (to_b_after, "added after the ReLU"),
        (to_hidden_relu, "in the hidden layer"),
        (to_unit, "unit vectors"),
        (to_detached, "no gradient flows"),
    ],
    "feature_dimensions": [
        (fd_lengths, "squared lengths"),
        (fd_upside_down, "upside down"),
        (fd_cosines, "lengths cancel"),
        (fd_nan, "without a direction"),
        (fd_other_way, "keep their lengths"),
    ],
    "top_k_latents": [
        (tk_negative, "negative values stay"),
        (tk_absolute, "ABSOLUTE"),
        (tk_batch, "whole batch"),
        (tk_ones, "keep their values"),
        (tk_detached, "no gradient flows"),
    ],
    "f1_table": [
        (ft_precision, "this is the precision"),
        (ft_recall, "this is the recall"),
        (ft_half, "the 2 is missing"),
        (ft_counts, "counted: divide"),
        (ft_percent, "percent"),
    ],
    "best_cosines": [
        (bc_products, "dot products"),
        (bc_absolute, "absolute value"),
        (bc_mean, "the mean over all"),
        (bc_first_lengths, "of the first dictionary's directions"),
    ],
    "without_latent": [
        (wl_rebuilt, "what it misses is lost too"),
        (wl_added, "is added: subtract"),
        (wl_all, "every latent is taken away"),
        (wl_projected, "projected off"),
    ],
}
RIGHT = {
    "toy_output": [to_right],
    "feature_dimensions": [fd_right],
    "top_k_latents": [tk_right],
    "f1_table": [ft_right],
    "best_cosines": [bc_right],
    "without_latent": [wl_right],
}
