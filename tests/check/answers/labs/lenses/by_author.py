"""Answers to the exercises on lenses, by the author of their checks."""

import torch


# --- answer_ranks
def ar_right(logits, answers):
    return (logits > logits.gather(1, answers[:, None])).sum(1)


def ar_from_one(logits, answers):
    return ar_right(logits, answers) + 1


def ar_ties(logits, answers):
    return (logits >= logits.gather(1, answers[:, None])).sum(1) - 1


def ar_counts_itself(logits, answers):
    return (logits >= logits.gather(1, answers[:, None])).sum(1)


def ar_token_at(logits, answers):
    order = logits.argsort(1, descending=True)
    return order[torch.arange(len(order)), answers]


def ar_ascending(logits, answers):
    return (logits < logits.gather(1, answers[:, None])).sum(1)


# --- average_jacobian
def aj_right(function, stream, skip):
    every = torch.autograd.functional.jacobian(function, stream)
    return every[skip:-1, :, skip:-1].sum(0).mean(1)


def aj_transposed(function, stream, skip):
    return aj_right(function, stream, skip).T


def aj_mean_of_both(function, stream, skip):
    every = torch.autograd.functional.jacobian(function, stream)
    return every[skip:-1, :, skip:-1].mean((0, 2))


def aj_no_skip(function, stream, skip):
    every = torch.autograd.functional.jacobian(function, stream)
    return every[:-1, :, :-1].sum(0).mean(1)


def aj_same_position(function, stream, skip):
    every = torch.autograd.functional.jacobian(function, stream)
    return torch.stack([every[t, :, t] for t in range(skip, len(stream) - 1)]).mean(0)


# --- transported_logits
def tl_right(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    return y * (y.square().mean(-1, keepdim=True) + eps).rsqrt() * gain @ W_U


def tl_transposed(x, jacobian, gain, W_U, eps):
    return tl_right(x, jacobian.T, gain, W_U, eps)


def tl_norm_first(x, jacobian, gain, W_U, eps):
    x = x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * gain
    return x @ jacobian.T @ W_U


def tl_layer_norm(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    return tl_right(y - y.mean(-1, keepdim=True), torch.eye(len(gain)), gain, W_U, eps)


def tl_no_gain(x, jacobian, gain, W_U, eps):
    return tl_right(x, jacobian, torch.ones_like(gain), W_U, eps)


# --- random_inputs
def ri_right(jacobian, seed):
    generator = torch.Generator().manual_seed(seed)
    return jacobian @ torch.linalg.qr(torch.randn(jacobian.shape, generator=generator)).Q


def ri_left(jacobian, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(jacobian.shape, generator=generator)).Q @ jacobian


def ri_gaussian(jacobian, seed):
    generator = torch.Generator().manual_seed(seed)
    return jacobian @ torch.randn(jacobian.shape, generator=generator) / len(jacobian) ** 0.5


def ri_no_seed(jacobian, seed):
    return jacobian @ torch.linalg.qr(torch.randn(jacobian.shape)).Q


def ri_exchanged(jacobian, seed):
    generator = torch.Generator().manual_seed(seed)
    return jacobian[:, torch.randperm(len(jacobian), generator=generator)]


# --- swap_coordinates
def sc_right(x, one, two):
    plane = torch.stack([one, two], -1)
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x + (plane @ (c.flip(1) - c))[..., 0]


def sc_apart(x, one, two):
    u, v = (d / d.norm(dim=-1, keepdim=True) for d in (one, two))
    a, b = ((x * d).sum(-1, keepdim=True) for d in (u, v))
    return x + (b - a) * u + (a - b) * v


def sc_each_alone(x, one, two):
    a = (x * one).sum(-1, keepdim=True) / (one * one).sum(-1, keepdim=True)
    b = (x * two).sum(-1, keepdim=True) / (two * two).sum(-1, keepdim=True)
    return x + (b - a) * one + (a - b) * two


def sc_units(x, one, two):
    return sc_right(x, *(d / d.norm(dim=-1, keepdim=True) for d in (one, two)))


def sc_plane_only(x, one, two):
    plane = torch.stack([one, two], -1)
    return (plane @ (torch.linalg.pinv(plane) @ x[..., None]).flip(1))[..., 0]


def sc_difference(x, one, two):
    return x + two - one


WRONG = {
    "answer_ranks": [
        (ar_from_one, "begin at 1"),
        (ar_ties, "equal logits"),
        (ar_counts_itself, "the answer counts itself"),
        (ar_token_at, "token that stands at place"),
        (ar_ascending, "from small to large"),
    ],
    "average_jacobian": [
        (aj_transposed, "rows and columns"),
        (aj_mean_of_both, "outputs too"),
        (aj_no_skip, "first positions are not skipped"),
        (aj_same_position, "against itself alone"),
    ],
    "transported_logits": [
        (tl_transposed, "transposed"),
        (tl_norm_first, "before the matrix"),
        (tl_layer_norm, "LayerNorm"),
        (tl_no_gain, "gain is missing"),
    ],
    "random_inputs": [
        (ri_left, "outputs are rotated"),
        (ri_gaussian, "no rotation"),
        (ri_no_seed, "same seed differ"),
        (ri_exchanged, "only exchanged"),
    ],
    "swap_coordinates": [
        (sc_apart, "projected on by itself"),
        (sc_each_alone, "found by itself"),
        (sc_units, "unit vectors"),
        (sc_plane_only, "in the plane of the two alone"),
        (sc_difference, "whatever x has"),
    ],
}
RIGHT = {
    "answer_ranks": [ar_right],
    "average_jacobian": [aj_right],
    "transported_logits": [tl_right],
    "random_inputs": [ri_right],
    "swap_coordinates": [sc_right],
}
