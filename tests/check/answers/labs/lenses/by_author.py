"""Answers to the exercises on lenses, by the author of their checks."""

import numpy as np
import torch
import torch.nn.functional as F


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


def ar_argsort_twice(logits, answers):
    ranks = logits.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    own = logits.gather(-1, answers.unsqueeze(-1))
    return torch.where(logits == own, ranks, logits.shape[-1]).min(-1).values


def ar_loop(logits, answers):
    return torch.tensor(
        [int((row > row[a]).sum()) for row, a in zip(logits, answers)], dtype=torch.int32
    )


def ar_softmax(logits, answers):
    p = logits.double().softmax(-1)
    return torch.count_nonzero(p > p[torch.arange(len(p)), answers][:, None], dim=1)


def ar_numpy_searchsorted(logits, answers):
    out = []
    for row, a in zip(logits.numpy(), answers.numpy()):
        out.append(len(row) - np.searchsorted(np.sort(row), row[a], side="right"))
    return torch.tensor(out)


def ar_argmax(logits, answers):
    return logits.argmax(-1)


def ar_first_answer(logits, answers):
    return (logits > logits[:, answers[0]][0]).sum(1)


def ar_whole_batch(logits, answers):
    own = logits[range(len(logits)), answers]
    return torch.stack([(logits > value).sum() for value in own])


def ar_is_first(logits, answers):
    return (logits.argmax(-1) == answers).long()


def ar_logit(logits, answers):
    return logits[torch.arange(len(logits)), answers]


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


def aj_rows(function, stream, skip):
    x = stream.clone().requires_grad_(True)
    y = function(x)
    jac = torch.zeros(x.shape[1], x.shape[1])
    for i in range(x.shape[1]):
        (g,) = torch.autograd.grad(y[skip:-1, i].sum(), x, retain_graph=True)
        jac[i] = g[skip:-1].mean(0)
    return jac


def aj_func(function, stream, skip):
    totals = torch.func.jacrev(lambda s: function(s)[skip:-1].sum(0))(stream)
    return totals[:, skip:-1].mean(1)


def aj_forward_mode(function, stream, skip):
    every = torch.func.jacfwd(function)(stream)
    return torch.einsum("toui->oi", every[skip:-1, :, skip:-1]) / (len(stream) - 1 - skip)


def aj_last_too(function, stream, skip):
    every = torch.func.jacrev(function)(stream)
    return every[skip:, :, skip:].sum(0).mean(1)


def aj_sum_all(function, stream, skip):
    every = torch.func.jacrev(function)(stream)
    return every[skip:-1, :, skip:-1].sum(dim=(0, 2))


def aj_only_outputs(function, stream, skip):
    every = torch.func.jacrev(function)(stream)
    return every[skip:-1].sum(0).mean(1)


def aj_mean_outputs(function, stream, skip):  # the same: as many targets as sources
    every = torch.func.jacrev(function)(stream)
    return every[skip:-1, :, skip:-1].mean(0).sum(1)


def aj_first_target(function, stream, skip):
    every = torch.func.jacrev(function)(stream)
    return every[:, :, skip:-1].sum(0).mean(1)


def aj_backward(function, stream, skip):
    x = stream.clone().requires_grad_(True)
    function(x)[skip:-1].sum().backward()
    return x.grad[skip:-1]


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


def tl_functional(x, jacobian, gain, W_U, eps):
    return F.rms_norm(F.linear(x, jacobian), (len(gain),), gain, eps) @ W_U


def tl_einsum(x, jacobian, gain, W_U, eps):
    y = torch.einsum("oi,bi->bo", jacobian, x)
    rms = torch.sqrt((y**2).mean(dim=1) + eps)
    return torch.einsum("bo,o,ov->bv", y / rms[:, None], gain, W_U)


def tl_loop(x, jacobian, gain, W_U, eps):
    out = []
    for row in x:
        y = jacobian @ row
        out.append(W_U.T @ (y * gain / torch.sqrt(torch.mean(y * y) + eps)))
    return torch.stack(out)


def tl_plain(x, jacobian, gain, W_U, eps):
    return x @ jacobian.T @ W_U


def tl_not_carried(x, jacobian, gain, W_U, eps):
    return F.rms_norm(x, (len(gain),), gain, eps) @ W_U


def tl_sum(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    return y / torch.sqrt((y**2).sum(-1, keepdim=True) + eps) * gain @ W_U


def tl_eps_outside(x, jacobian, gain, W_U, eps):
    y = x @ jacobian.T
    return y / ((y**2).mean(-1, keepdim=True).sqrt() + eps) * gain @ W_U


def tl_softmax(x, jacobian, gain, W_U, eps):
    return tl_functional(x, jacobian, gain, W_U, eps).softmax(-1)


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


def ri_svd(jacobian, seed):
    u, s, _ = torch.linalg.svd(jacobian)
    g = torch.Generator().manual_seed(seed)
    q, _ = torch.linalg.qr(torch.randn(len(s), len(s), generator=g))
    return u @ torch.diag(s) @ q.T


def ri_seeded_globally(jacobian, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        q = torch.nn.init.orthogonal_(torch.empty(jacobian.shape))
    return jacobian @ q


def ri_numpy(jacobian, seed):
    a = np.random.default_rng(seed).normal(size=tuple(jacobian.shape))
    return jacobian @ torch.tensor(np.linalg.qr(a)[0], dtype=jacobian.dtype)


def ri_random_matrix(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    new = torch.randn(jacobian.shape, generator=g)
    return new * jacobian.norm() / new.norm()


def ri_both_sides(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    q = torch.linalg.qr(torch.randn(jacobian.shape, generator=g)).Q
    return q @ jacobian @ q.T


def ri_rotation_only(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(jacobian.shape, generator=g)).Q


def ri_unit_columns(jacobian, seed):
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(jacobian.shape, generator=g)
    return jacobian @ (a / a.norm(dim=0))


def ri_one_seed(jacobian, seed):
    g = torch.Generator().manual_seed(0)
    return jacobian @ torch.linalg.qr(torch.randn(jacobian.shape, generator=g)).Q


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


def sc_lstsq(x, one, two):
    plane = torch.stack((one, two), dim=2)
    c = torch.linalg.lstsq(plane, x.unsqueeze(2)).solution.squeeze(2)
    return x - c[:, :1] * one - c[:, 1:] * two + c[:, 1:] * one + c[:, :1] * two


def sc_two_by_two(x, one, two):
    def dot(a, b):
        return (a * b).sum(1, keepdim=True)

    det = dot(one, one) * dot(two, two) - dot(one, two) ** 2
    c = (dot(two, two) * dot(x, one) - dot(one, two) * dot(x, two)) / det
    e = (dot(one, one) * dot(x, two) - dot(one, two) * dot(x, one)) / det
    return x + (e - c) * (one - two)


def sc_loop(x, one, two):
    out = []
    for h, a, b in zip(x, one, two):
        V = torch.stack([a, b], dim=1)
        p, q = torch.linalg.inv(V.T @ V) @ V.T @ h
        out.append(h + V @ torch.stack([q - p, p - q]))
    return torch.stack(out)


def sc_dots(x, one, two):
    p, q = (x * one).sum(1, keepdim=True), (x * two).sum(1, keepdim=True)
    return x + (q - p) * one + (p - q) * two


def sc_removed(x, one, two):
    V = torch.stack([one, two], -1)
    return x - (V @ torch.linalg.pinv(V) @ x[..., None])[..., 0]


def sc_change(x, one, two):
    return sc_two_by_two(x, one, two) - x


def sc_reflection(x, one, two):
    d = one - two
    return x - 2 * (x * d).sum(1, keepdim=True) / (d * d).sum(1, keepdim=True) * d


def sc_one_to_two(x, one, two):
    V = torch.stack([one, two], -1)
    c = (torch.linalg.pinv(V) @ x[..., None])[..., 0]
    return x - c[:, :1] * one + c[:, :1] * two - c[:, 1:] * two


WRONG = {
    "answer_ranks": [
        (ar_from_one, "begin at 1"),
        (ar_ties, "equal logits"),
        (ar_counts_itself, "the answer counts itself"),
        (ar_token_at, "token that stands at place"),
        (ar_ascending, "from small to large"),
        (ar_argmax, "this is the model's first choice"),
        (ar_first_answer, "first row's answer"),
        (ar_whole_batch, "whole batch"),
        (ar_is_first, "whether the answer comes first"),
        (ar_logit, "answers' logits"),
    ],
    "average_jacobian": [
        (aj_transposed, "rows and columns"),
        (aj_mean_of_both, "outputs too"),
        (aj_no_skip, "first positions are not skipped"),
        (aj_same_position, "against itself alone"),
        (aj_last_too, "the last position is not left out"),
        (aj_sum_all, "sources are added up"),
        (aj_only_outputs, "those of the input are not"),
        (aj_first_target, "those of the output are not"),
        (aj_backward, "has shape"),
    ],
    "transported_logits": [
        (tl_transposed, "transposed"),
        (tl_norm_first, "before the matrix"),
        (tl_layer_norm, "LayerNorm"),
        (tl_no_gain, "gain is missing"),
        (tl_plain, "neither norm nor gain"),
        (tl_not_carried, "is not carried"),
        (tl_sum, "squares are added up"),
        (tl_eps_outside, "added to the root"),
        (tl_softmax, "probabilities"),
    ],
    "random_inputs": [
        (ri_left, "outputs are rotated"),
        (ri_gaussian, "no rotation"),
        (ri_no_seed, "same seed differ"),
        (ri_exchanged, "only exchanged"),
        (ri_random_matrix, "right size as a whole"),
        (ri_both_sides, "and the outputs are not"),
        (ri_rotation_only, "rotation alone"),
        (ri_unit_columns, "not at right angles"),
        (ri_one_seed, "two seeds give the same"),
    ],
    "swap_coordinates": [
        (sc_apart, "projected on by itself"),
        (sc_each_alone, "found by itself"),
        (sc_units, "unit vectors"),
        (sc_plane_only, "in the plane of the two alone"),
        (sc_difference, "whatever x has"),
        (sc_dots, "dot products are taken"),
        (sc_removed, "part of both is taken away"),
        (sc_change, "change alone"),
        (sc_reflection, "mirrored"),
        (sc_one_to_two, "the second's is lost"),
    ],
}
RIGHT = {
    "answer_ranks": [ar_right, ar_argsort_twice, ar_loop, ar_softmax, ar_numpy_searchsorted],
    "average_jacobian": [aj_right, aj_rows, aj_func, aj_forward_mode, aj_mean_outputs],
    "transported_logits": [tl_right, tl_functional, tl_einsum, tl_loop],
    "random_inputs": [ri_right, ri_svd, ri_seeded_globally, ri_numpy],
    "swap_coordinates": [sc_right, sc_lstsq, sc_two_by_two, sc_loop],
}
