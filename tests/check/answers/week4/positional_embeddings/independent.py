"""Answers to week 4's exercises on positional embeddings, written without seeing its check."""

import functools

import numpy as np
import torch
from einops import einsum, rearrange


# --- leading_directions
def le_eigen(rows, share):
    values, vectors = torch.linalg.eigh(rows.T.cov())
    shares = values.flip(0).clamp(min=0) / values.clamp(min=0).sum()
    count = next((n for n in range(1, len(shares) + 1) if shares[:n].sum() >= share), len(shares))
    return vectors.flip(1).T[:count]


def le_numpy(rows, share):
    x = rows.numpy().astype(np.float64)
    _, s, vh = np.linalg.svd(x - x.mean(0), full_matrices=False)
    count = int(np.searchsorted(np.cumsum(s**2) / np.sum(s**2), share)) + 1
    return -torch.from_numpy(vh[:count].astype(np.float32))


def le_pca(rows, share):
    centred = rows - rows.mean(0)
    found, left, total = [], centred.clone(), centred.square().sum()
    while left.square().sum() > (1 - share) * total + 1e-6 * total:
        best = torch.linalg.svd(left, full_matrices=False).Vh[0]
        found.append(best)
        left = left - torch.outer(left @ best, best)
    return torch.stack(found)


def _directions(
    rows, share, *, centre=0, power=2, more=1, scale=False, of=None, flip=False, whole=False
):
    """The usual answer, with one thing done in another way."""
    x = rows if centre is None else rows - rows.mean(centre, keepdim=True)
    _, s, vh = torch.linalg.svd(x, full_matrices=False)
    shares = s**power / (s**power).sum()
    count = len(s) if whole else int((shares.cumsum(0) < share).sum()) + more
    if of == "largest":
        count = int((shares >= share * shares[0]).sum())
    if of == "each":
        count = max(1, int((shares > 1 - share).sum()))
    vh = vh.flip(0) if flip else vh
    return (vh * s[:, None] if scale else vh)[:count]


le_not_centred = functools.partial(_directions, centre=None)


le_centred_rows = functools.partial(_directions, centre=1)


le_no_square = functools.partial(_directions, power=1)


le_one_too_few = functools.partial(_directions, more=0)


le_scaled = functools.partial(_directions, scale=True)


le_weakest = functools.partial(_directions, flip=True)


le_each = functools.partial(_directions, of="each")


le_all = functools.partial(_directions, whole=True)


def le_one_number(rows, share):
    _, s, vh = torch.linalg.svd(rows - rows.mean(), full_matrices=False)
    count = int(((s**2).cumsum(0) / (s**2).sum() < share).sum()) + 1
    return vh[:count]


def le_columns(rows, share):
    return _directions(rows, share).T


def le_columns_of_v(rows, share):
    vh = torch.linalg.svd(rows - rows.mean(0)).Vh
    return vh.T[: len(_directions(rows, share))]


def le_of_u(rows, share):
    u = torch.linalg.svd(rows - rows.mean(0), full_matrices=False).U
    return u.T[: len(_directions(rows, share))]


def le_weakest_first(rows, share):
    return _directions(rows, share).flip(0)


def le_coordinates(rows, share):
    return rows @ _directions(rows, share).T


def le_rows(rows, share):
    basis = _directions(rows, share)
    return (rows / rows.norm(dim=1, keepdim=True))[: len(basis)]


def le_fixed(rows, share):
    return torch.linalg.svd(rows - rows.mean(0), full_matrices=False).Vh[:5]


def le_in_place(rows, share):
    rows -= rows.mean(0)
    return _directions(rows, share)


le_one_too_many = functools.partial(_directions, more=2)


le_of_largest = functools.partial(_directions, of="largest")


def le_eigen_ascending(rows, share):
    vectors = torch.linalg.eigh(rows.T.cov()).eigenvectors
    return vectors.T[: len(_directions(rows, share))]


def le_standardised(rows, share):
    return _directions((rows - rows.mean(0)) / rows.std(0), share)


# --- remove_component
def re_matrix(x, basis, mean):
    P = basis.T @ basis
    return x @ (torch.eye(len(P), dtype=x.dtype) - P) + P @ mean


def re_einsum(x, basis, mean):
    part = einsum(x - mean, basis, "b p d, n d -> b p n")
    return x - einsum(part, basis, "b p n, n d -> b p d")


def re_one_by_one(x, basis, mean):
    for direction in basis:
        along = ((mean - x) * direction).sum(-1, keepdim=True)
        x = x + along * direction
    return x


def re_least_squares(x, basis, mean):
    flat = rearrange(x.double() - mean.double(), "b p d -> d (b p)")
    part = torch.linalg.lstsq(basis.T.double(), flat).solution
    inside = rearrange(basis.T.double() @ part, "d (b p) -> b p d", b=len(x))
    return (x.double() - inside).to(x.dtype)


def re_zero(x, basis, mean):
    return x - x @ basis.T @ basis


def re_whole_mean(x, basis, mean):
    return x - x @ basis.T @ basis + mean


def re_kept(x, basis, mean):
    return (x - mean) @ basis.T @ basis


def re_other_part(x, basis, mean):
    return mean + (x - mean) @ basis.T @ basis


def re_sign(x, basis, mean):
    return x + (x - mean) @ basis.T @ basis


def re_in_place(x, basis, mean):
    x -= (x - mean) @ basis.T @ basis
    return x


def re_loop_in_place(x, basis, mean):
    for b in range(len(x)):
        x[b] = x[b] - (x[b] - mean) @ basis.T @ basis
    return x.clone()


def re_all_mean(x, basis, mean):
    return mean.expand_as(x)


def re_own_mean(x, basis, mean):
    return x - (x - x.mean((0, 1))) @ basis.T @ basis


def re_mean_over_positions(x, basis, mean):
    return x - (x - x.mean(1, keepdim=True)) @ basis.T @ basis


def re_first(x, basis, mean):
    return x - ((x - mean) @ basis[0])[..., None] * basis[0]


def re_subtracts_mean(x, basis, mean):
    x = x - mean
    return x - x @ basis.T @ basis


def re_twice(x, basis, mean):
    return x - 2 * (x - mean) @ basis.T @ basis


def re_double_mean(x, basis, mean):
    return x - (x - mean) @ basis.T @ basis + mean @ basis.T @ basis


def re_coordinates(x, basis, mean):
    return x @ basis.T - (x - mean) @ basis.T


def re_bare_sum(x, basis, mean):
    return x - ((x - mean) @ basis.T).sum(-1, keepdim=True) * basis.sum(0)


def re_numpy(x, basis, mean):
    return re_einsum(x, basis, mean).numpy()


def re_summed(x, basis, mean):
    direction = basis.sum(0) / basis.sum(0).norm()
    return x - ((x - mean) @ direction)[..., None] * direction


def re_dimensions(x, basis, mean):
    x = x.clone()
    x[..., : len(basis)] = mean[: len(basis)]
    return x


# --- interval_of_mean
def in_both(values, picks):
    return values[picks].mean(1).quantile(torch.tensor([0.025, 0.975], dtype=values.dtype))


def in_numpy(values, picks):
    means = [values[row].double().mean().item() for row in picks]
    return [float(bound) for bound in np.percentile(means, [2.5, 97.5])]


def in_sorted(values, picks):
    means = values.gather(0, picks.flatten()).view(picks.shape).mean(-1).sort().values

    def at(q):
        where = q * (len(means) - 1)
        low = int(where)
        high = min(low + 1, len(means) - 1)
        return (means[low] + (where - low) * (means[high] - means[low])).item()

    return at(0.025), at(0.975)


def _bounds(numbers, low=0.025, high=0.975):
    return numbers.quantile(low), numbers.quantile(high)


def in_values(values, picks):
    return _bounds(values)


def in_ninety(values, picks):
    return _bounds(values[picks].mean(1), 0.05, 0.95)


def in_axis(values, picks):
    return _bounds(values[picks].mean(0))


def in_turned(values, picks):
    return _bounds(values[picks].mean(1))[::-1]


def in_extremes(values, picks):
    means = values[picks].mean(1)
    return means.min(), means.max()


def in_quartiles(values, picks):
    return _bounds(values[picks].mean(1), 0.25, 0.75)


def in_sums(values, picks):
    return _bounds(values[picks].sum(1))


def in_means(values, picks):
    means = values[picks].mean(1)
    return means[means.quantile(0.025) <= means]


def in_all_drawn(values, picks):
    return _bounds(values[picks].flatten())


def in_one_sided(values, picks):
    return _bounds(values[picks].mean(1), 0, 0.95)


def in_ninety_eight(values, picks):
    return _bounds(values[picks].mean(1), 0.01, 0.99)


def in_normal(values, picks):
    half = 1.96 * values.std() / len(values) ** 0.5
    return values.mean() - half, values.mean() + half


def in_normal_of_means(values, picks):
    means = values[picks].mean(1)
    return means.mean() - 1.96 * means.std(), means.mean() + 1.96 * means.std()


def in_own_draw(values, picks):
    draw = torch.Generator().manual_seed(0)
    picks = torch.randint(len(values), picks.shape, generator=draw)
    return _bounds(values[picks].mean(1))


def in_permuted(values, picks):
    order = torch.stack([torch.randperm(len(values)) for _ in picks])
    return _bounds(values[order].mean(1))


def in_median(values, picks):
    return _bounds(values[picks].median(1).values)


def in_from_centre(values, picks):
    low, high = _bounds(values[picks].mean(1))
    return low - values.mean(), high - values.mean()


def in_width(values, picks):
    low, high = _bounds(values[picks].mean(1))
    return values.mean(), (high - low) / 2


def in_picks(values, picks):
    return _bounds(picks.float().mean(1))


def in_unique(values, picks):
    return _bounds(torch.stack([values[row.unique()].mean() for row in picks]))


# --- shuffle_component
def sh_matrix(x, basis, order):
    P = basis.T @ basis
    rows = torch.arange(len(x))[:, None]
    return x @ (torch.eye(len(P), dtype=x.dtype) - P) + (x @ P)[rows, order]


def sh_loop(x, basis, order):
    shuffled = x.double().clone()
    part = x.double() @ basis.double().T
    for b, row in enumerate(order.tolist()):
        for p, other in enumerate(row):
            shuffled[b, p] += (part[b, other] - part[b, p]) @ basis.double()
    return shuffled.to(x.dtype)


def sh_one_hot(x, basis, order):
    move = torch.nn.functional.one_hot(order, x.shape[1]).to(x.dtype)
    return x + torch.einsum("bpq,bqi,ni,nj->bpj", move - torch.eye(x.shape[1]), x, basis, basis)


def _put(x, part, moved, basis):
    return x + (moved - part) @ basis


def _gathered(part, order):
    return part.gather(1, order[..., None].expand_as(part))


def sh_inverse(x, basis, order):
    part = x @ basis.T
    return _put(x, part, _gathered(part, order.argsort(1)), basis)


def sh_scatters(x, basis, order):
    part = x @ basis.T
    moved = part.scatter(1, order[..., None].expand_as(part), part)
    return _put(x, part, moved, basis)


def sh_whole(x, basis, order):
    return _gathered(x, order)


def sh_complement(x, basis, order):
    part = x @ basis.T @ basis
    return part + _gathered(x - part, order)


def sh_first_order(x, basis, order):
    part = x @ basis.T
    return _put(x, part, part[:, order[0]], basis)


def sh_adds(x, basis, order):
    return x + _gathered(x @ basis.T, order) @ basis


def sh_removes(x, basis, order):
    return x - x @ basis.T @ basis


def sh_only_part(x, basis, order):
    return _gathered(x @ basis.T, order) @ basis


def sh_in_place(x, basis, order):
    part = x @ basis.T
    x += (_gathered(part, order) - part) @ basis
    return x


def sh_own_draw(x, basis, order):
    part = x @ basis.T
    return _put(x, part, part[:, torch.randperm(x.shape[1])], basis)


def sh_rolled(x, basis, order):
    part = x @ basis.T
    return _put(x, part, _gathered(part, order.roll(1, dims=1)), basis)


def sh_roll(x, basis, order):
    part = x @ basis.T
    return _put(x, part, part.roll(1, dims=1), basis)


def sh_nothing(x, basis, order):
    part = x @ basis.T
    part.gather(1, order[..., None].expand_as(part))
    return _put(x, part, part, basis)


def sh_coordinates(x, basis, order):
    return _gathered(x @ basis.T, order)


def sh_sign(x, basis, order):
    part = x @ basis.T
    return x + (part - _gathered(part, order)) @ basis


def sh_in_place_step_by_step(x, basis, order):
    x = x.clone()
    for b in range(x.shape[0]):
        for p in range(x.shape[1]):
            part, other = x[b, p] @ basis.T, x[b, order[b, p]] @ basis.T
            x[b, p] += (other - part) @ basis
    return x


def sh_across_prompts(x, basis, order):
    part = x @ basis.T
    moved = part.flatten(0, 1)[order.flatten()].view(part.shape)
    return _put(x, part, moved, basis)


def sh_other_prompt(x, basis, order):
    part = x @ basis.T
    return _put(x, part, _gathered(part.flip(0), order), basis)


def sh_no_expand(x, basis, order):
    part = x @ basis.T
    moved = part.gather(1, order[..., None])
    return _put(x, part, moved, basis)


def ld_no_mean(rows, share):
    _, S, Vh = torch.linalg.svd(rows, full_matrices=False)
    part = S**2 / (S**2).sum()
    return Vh[: int((part.cumsum(0) < share).sum()) + 1]


def ld_left(rows, share):
    U, S, _ = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    part = S**2 / (S**2).sum()
    return U[:, : int((part.cumsum(0) < share).sum()) + 1].T


def rm_scaled_basis(x, basis, mean):
    unit = basis / len(basis) ** 0.5
    return x - (x - mean) @ unit.T @ unit


def rm_mean_at_start(x, basis, mean):
    out = x - (x - mean) @ basis.T @ basis
    out[:, 0] = x[:, 0]
    return out


def im_median_pm(values, picks):
    means = values[picks].mean(1)
    middle = means.median()
    return middle - 1.96 * means.std(), middle + 1.96 * means.std()


def im_percent(values, picks):
    means = values[picks].mean(1)
    return means.quantile(0.25), means.quantile(0.975)


def sc_identity_plus(x, basis, order):
    part = x @ basis.T
    moved = part.gather(1, order[..., None].expand_as(part))
    return x + moved @ basis


def sc_outside_moves(x, basis, order):
    part = x @ basis.T @ basis
    outside = x - part
    return part + outside.gather(1, order[..., None].expand_as(outside))


def sc_by_matrix(x, basis, order):
    turn = torch.nn.functional.one_hot(order, x.shape[1]).to(x.dtype)
    return x + (turn @ x - x) @ basis.T @ basis


def without_square(rows, share):
    _, S, Vh = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    part = S / S.sum()
    return Vh[: int((part.cumsum(0) < share).sum()) + 1]


def one_less(rows, share):
    _, S, Vh = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    part = S**2 / (S**2).sum()
    return Vh[: int((part.cumsum(0) < share).sum())]


def to_zero(x, basis, mean):
    return x - x @ basis.T @ basis


def of_the_values(values, picks):
    return values.quantile(0.025), values.quantile(0.975)


def all_moves(x, basis, order):
    return x[torch.arange(len(x))[:, None], order]


# --- tries of one who walked the chapter from its first cell to its last
def ld_right(rows, share):
    x = rows - rows.mean(0)
    vals, vecs = torch.linalg.eigh(x.T @ x)
    vals, vecs = vals.flip(0).clamp(min=0), vecs.flip(1)
    n = (
        int(torch.searchsorted(vals.cumsum(0) / vals.sum(), torch.tensor(share, dtype=vals.dtype)))
        + 1
    )
    return vecs[:, :n].T


def rc_order(x, basis, mean):
    return x - (x - mean) @ (basis @ basis.T)


def sc_right(x, basis, order):
    inside = x @ basis.T @ basis
    return torch.stack([a - b + b[o] for a, b, o in zip(x, inside, order)])


WRONG = {
    "leading_directions": [
        (without_square, "SQUARE"),
        (one_less, "one more"),
        (ld_no_mean, "subtract the mean"),
        (ld_left, "Vh"),
        (le_not_centred, "mean"),
        (le_centred_rows, "mean"),
        (le_one_number, "mean"),
        (le_no_square, "SQUARE"),
        (le_one_too_few, "one more"),
        (le_scaled, "orthonormal"),
        (le_weakest, "first rows of Vh"),
        (le_each, "share"),
        (le_all, "fewest"),
        (le_columns, "columns"),
        (le_columns_of_v, "rows of"),
        (le_of_u, "U"),
        (le_weakest_first, "order"),
        (le_coordinates, "directions"),
        (le_rows, "orthonormal"),
        (le_fixed, "fewest"),
        (le_in_place, "in place"),
        (le_one_too_many, "are the fewest"),
        (le_of_largest, "add up the shares"),
        (le_eigen_ascending, "eigh sorts upwards"),
        (le_standardised, "standard deviation"),
    ],
    "remove_component": [
        (rc_order, "coordinates are v @ basis.T"),
        (to_zero, "set to zero"),
        (rm_scaled_basis, "number of directions"),
        (rm_mean_at_start, "position"),
        (re_zero, "zero"),
        (re_whole_mean, "whole mean"),
        (re_kept, "rest"),
        (re_other_part, "rest"),
        (re_sign, "subtract"),
        (re_in_place, "in place"),
        (re_loop_in_place, "in place"),
        (re_all_mean, "everything"),
        (re_own_mean, "mean of"),
        (re_mean_over_positions, "passed in"),
        (re_first, "first"),
        (re_subtracts_mean, "mean"),
        (re_twice, "twice"),
        (re_double_mean, "mean"),
        (re_coordinates, "coordinates"),
        (re_bare_sum, "sum"),
        (re_numpy, "tensor"),
        (re_summed, "added into one"),
        (re_dimensions, "first 3 entries"),
    ],
    "interval_of_mean": [
        (of_the_values, "MEANS"),
        (im_median_pm, "quantiles"),
        (im_percent, "quantile 0.25"),
        (in_values, "resample"),
        (in_ninety, "90"),
        (in_axis, "resample"),
        (in_turned, "lower"),
        (in_extremes, "smallest"),
        (in_quartiles, "2.5"),
        (in_sums, "sum"),
        (in_means, "two numbers"),
        (in_all_drawn, "of the MEANS"),
        (in_one_sided, "at each side"),
        (in_ninety_eight, "95"),
        (in_normal, "normal distribution"),
        (in_normal_of_means, "quantile"),
        (in_own_draw, "as it was passed in"),
        (in_permuted, "picks"),
        (in_median, "median"),
        (in_from_centre, "mean"),
        (in_width, "half the width"),
        (in_picks, "values"),
        (in_unique, "with replacement"),
    ],
    "shuffle_component": [
        (all_moves, "whole activations"),
        (sc_identity_plus, "subtract it"),
        (sc_outside_moves, "outside the subspace"),
        (sh_inverse, "FROM"),
        (sh_scatters, "FROM"),
        (sh_whole, "whole"),
        (sh_complement, "outside"),
        (sh_first_order, "own"),
        (sh_adds, "old"),
        (sh_removes, "put"),
        (sh_only_part, "outside"),
        (sh_in_place, "in place"),
        (sh_own_draw, "order"),
        (sh_rolled, "order"),
        (sh_roll, "order"),
        (sh_nothing, "nothing"),
        (sh_coordinates, "coordinates"),
        (sh_sign, "sign"),
        (sh_in_place_step_by_step, "already"),
        (sh_across_prompts, "first prompt"),
        (sh_other_prompt, "another prompt"),
        (sh_no_expand, "expand"),
    ],
}


RIGHT = {
    "leading_directions": [
        ld_right,
        le_eigen,
        le_numpy,
        le_pca,
    ],
    "remove_component": [
        re_matrix,
        re_einsum,
        re_one_by_one,
        re_least_squares,
    ],
    "interval_of_mean": [
        in_both,
        in_numpy,
        in_sorted,
    ],
    "shuffle_component": [
        sc_right,
        sc_by_matrix,
        sh_matrix,
        sh_loop,
        sh_one_hot,
    ],
}
