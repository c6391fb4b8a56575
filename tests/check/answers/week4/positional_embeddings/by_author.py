"""Answers of the check's author to week 4's exercises on positional embeddings."""

import einops
import torch


# --- leading_directions
def by_svd(rows, share):
    _, sizes, directions = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    part = (sizes**2).cumsum(0) / (sizes**2).sum()
    return directions[: int((part < share).sum()) + 1]


def by_eigenvectors(rows, share):
    values, vectors = torch.linalg.eigh(torch.cov(rows.T))
    values, vectors = values.flip(0), vectors.flip(1)
    part = values.cumsum(0) / values.sum()
    return vectors[:, : int((part < share).sum()) + 1].T


def by_loop_with_other_signs(rows, share):
    _, sizes, directions = torch.linalg.svd(rows - rows.mean(0))
    held, kept = 0.0, []
    for size, direction in zip(sizes.double() ** 2, directions, strict=False):
        if held >= share:
            break
        held += float(size) / float((sizes.double() ** 2).sum())
        kept.append(-direction)
    return torch.stack(kept)


def ld_not_centred(rows, share):
    return by_svd(torch.cat([rows, -rows]), share)


def ld_not_squared(rows, share):
    _, sizes, directions = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    return directions[: int((sizes.cumsum(0) / sizes.sum() < share).sum()) + 1]


def ld_one_less(rows, share):
    return by_svd(rows, share)[:-1]


def ld_columns(rows, share):
    return by_svd(rows, share).T


def ld_from_u(rows, share):
    left = torch.linalg.svd(rows - rows.mean(0), full_matrices=False).U
    return left[:, : len(by_svd(rows, share))].T


def ld_weakest(rows, share):
    vectors = torch.linalg.eigh(torch.cov(rows.T)).eigenvectors  # ascending
    return vectors[:, -6:][:, : len(by_svd(rows, share))].T


def ld_all(rows, share):
    return torch.linalg.svd(rows - rows.mean(0), full_matrices=False).Vh


def ld_scaled(rows, share):
    _, sizes, directions = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    return (sizes[:, None] * directions)[: len(by_svd(rows, share))]


def ld_weakest_first(rows, share):
    return by_svd(rows, share).flip(0)


def ld_tuple(rows, share):
    return torch.linalg.svd(rows - rows.mean(0), full_matrices=False)


def ld_fixed(rows, share):
    return torch.linalg.svd(rows - rows.mean(0), full_matrices=False).Vh[:3]


def ld_rows_centred_on_the_wrong_axis(rows, share):
    return by_svd_without_centring(rows - rows.mean(1, keepdim=True), share)


def by_svd_without_centring(rows, share):
    _, sizes, directions = torch.linalg.svd(rows, full_matrices=False)
    part = (sizes**2).cumsum(0) / (sizes**2).sum()
    return directions[: int((part < share).sum()) + 1]


# --- remove_component
def by_projector(x, basis, mean):
    projector = basis.T @ basis
    return x @ (torch.eye(len(projector)) - projector) + mean @ projector


def by_einsum_loop(x, basis, mean):
    out = x.clone()
    for direction in basis:
        size = einops.einsum(x - mean, direction, "b p d, d -> b p")
        out -= size[..., None] * direction
    return out


def by_flat_double(x, basis, mean):
    flat = (x - mean).double().flatten(0, 1)
    kept = flat - flat @ basis.T.double() @ basis.double()
    return kept.view_as(x) + mean


def rc_to_zero(x, basis, mean):
    return x - x @ basis.T @ basis


def rc_keeps(x, basis, mean):
    return x @ basis.T @ basis


def rc_keeps_difference(x, basis, mean):
    return (x - mean) @ basis.T @ basis


def rc_coordinates(x, basis, mean):
    return x - (x - mean) @ basis.T if x.shape[-1] == len(basis) else (x - mean) @ basis.T


def rc_adds(x, basis, mean):
    return x + (x - mean) @ basis.T @ basis


def rc_mean_stays_out(x, basis, mean):
    v = x - mean
    return v - v @ basis.T @ basis


def rc_whole_mean(x, basis, mean):
    return x - x @ basis.T @ basis + mean


def rc_all_mean(x, basis, mean):
    return mean.expand_as(x).clone()


def rc_first_direction(x, basis, mean):
    return x - ((x - mean) @ basis[0])[..., None] * basis[0]


def rc_own_mean(x, basis, mean):
    mean = x.mean((0, 1))
    return x - (x - mean) @ basis.T @ basis


def rc_prompt_mean(x, basis, mean):
    return x - (x - x.mean(1, keepdim=True)) @ basis.T @ basis


def rc_transposed(x, basis, mean):
    return x - (x - mean) @ basis @ basis.T


def rc_in_place(x, basis, mean):
    x -= (x - mean) @ basis.T @ basis
    return x


def rc_sign(x, basis, mean):
    return x - (x + mean) @ basis.T @ basis


def rc_nothing(x, basis, mean):
    (x - mean) @ basis.T @ basis
    return x


def rc_no_return(x, basis, mean):
    x = x - (x - mean) @ basis.T @ basis


def rc_last_only(x, basis, mean):
    for direction in basis:
        out = x - ((x - mean) @ direction)[..., None] * direction
    return out


def rc_normalised(x, basis, mean):
    out = x - (x - mean) @ basis.T @ basis
    return out / out.norm(dim=-1, keepdim=True)


def rc_last_position(x, basis, mean):
    out = x.clone()
    out[:, -1] = out[:, -1] - (out[:, -1] - mean) @ basis.T @ basis
    return out


def rc_sum_of_coordinates(x, basis, mean):
    return x - ((x - mean) @ basis.T).sum(-1, keepdim=True) * basis.sum(0)


# --- shuffle_component
def sc_by_indexing(x, basis, order):
    moved = torch.stack([prompt[o] for prompt, o in zip(x, order, strict=True)])
    return x + (moved - x) @ basis.T @ basis


def sc_by_outside(x, basis, order):
    projector = basis.T @ basis
    batch = torch.arange(len(x))[:, None]
    return x @ (torch.eye(x.shape[-1]) - projector) + x[batch, order] @ projector


def sc_whole(x, basis, order):
    return torch.stack([prompt[o] for prompt, o in zip(x, order, strict=True)])


def sc_inverse(x, basis, order):
    return sc_by_indexing(x, basis, order.argsort(1))


def sc_first_order(x, basis, order):
    part = x @ basis.T
    return x + (part[:, order[0]] - part) @ basis


def sc_keeps_old(x, basis, order):
    part = x @ basis.T
    moved = part.gather(1, order[..., None].expand_as(part))
    return x + moved @ basis


def sc_removes(x, basis, order):
    return x - x @ basis.T @ basis


def sc_part_only(x, basis, order):
    part = x @ basis.T
    return part.gather(1, order[..., None].expand_as(part)) @ basis


def sc_gather_without_expand(x, basis, order):
    part = x @ basis.T
    moved = part.gather(1, order[..., None])
    return x + (moved - part) @ basis


def sc_across_prompts(x, basis, order):
    part = x @ basis.T
    return x + (part.flip(0) - part) @ basis


# --- interval_of_mean
def im_quantile(values, picks):
    means = values[picks].mean(1)
    return means.quantile(0.025), means.quantile(0.975)


def im_sorted(values, picks):
    means = values[picks].mean(-1).sort().values
    n = len(means)
    return [means[round(0.025 * n)].item(), means[round(0.975 * n) - 1].item()]


def im_tensor(values, picks):
    means = torch.tensor([values[pick].mean() for pick in picks])
    return means.quantile(torch.tensor([0.025, 0.975]))


def im_of_values(values, picks):
    return values.quantile(0.025), values.quantile(0.975)


def im_swapped(values, picks):
    return im_quantile(values, picks)[::-1]


def im_ends(values, picks):
    means = values[picks].mean(1)
    return means.min(), means.max()


def im_ninety(values, picks):
    means = values[picks].mean(1)
    return means.quantile(0.05), means.quantile(0.95)


def im_deviation(values, picks):
    means = values[picks].mean(1)
    return means.mean() - means.std(), means.mean() + means.std()


def im_columns(values, picks):
    means = values[picks].mean(0)
    return means.quantile(0.025), means.quantile(0.975)


def im_means(values, picks):
    return values[picks].mean(1)


def im_percent(values, picks):
    means = values[picks].mean(1)
    return means.quantile(2.5), means.quantile(97.5)


def ld_seven(rows, share):
    _, S, Vh = torch.linalg.svd(rows - rows.mean(0), full_matrices=True)
    part = S**2 / (S**2).sum()
    return Vh[: int((part.cumsum(0) < share).sum()) + 1][:, :7].reshape(-1, 7)


def ld_at_least_two(rows, share):
    _, S, Vh = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    n = int(((S**2 / (S**2).sum()).cumsum(0) < share).sum()) + 1
    return Vh[: max(n, 2)]


def ld_each_above(rows, share):
    _, S, Vh = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    part = S**2 / (S**2).sum()
    return Vh[part >= 1 - share]


def ld_by_eigh(rows, share):
    centred = (rows - rows.mean(0)).double()
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    n = int(torch.searchsorted(values.cumsum(0) / values.sum(), torch.tensor(share).double())) + 1
    return vectors[:, :n].T.float()


def rm_clamped(x, basis, mean):
    return x - ((x - mean) @ basis.T).clamp(min=0) @ basis


def rm_gram(x, basis, mean):
    return x - (x - mean) @ (basis.T @ basis) / len(basis)


def rm_pair_of_prompts(x, basis, mean):
    return x - (x - mean).reshape(2, 5, 7) @ basis.T @ basis


def rm_by_lstsq(x, basis, mean):
    solved = torch.linalg.lstsq(basis.T, (x - mean).flatten(0, 1).T).solution
    return x - (basis.T @ solved).T.view_as(x)


def im_wrong_tails(values, picks):
    means = values[picks].mean(1)
    return means.quantile(0.05), means.max()


def im_sorted_index(values, picks):
    means = values[picks].mean(1).sort().values
    return means[25], means[-25]


def im_standard_error(values, picks):
    means = values[picks].mean(1)
    return means.mean() - means.std() / 20, means.mean() + means.std() / 20


def im_by_numpy(values, picks):
    import numpy as np

    return tuple(np.percentile(values.numpy()[picks.numpy()].mean(axis=1), [2.5, 97.5]))


def sc_two_prompts(x, basis, order):
    part = x @ basis.T
    moved = torch.stack([part[0][order[0]], part[1][order[1]]])
    return x + (moved - part) @ basis


def sc_three_directions(x, basis, order):
    part = x @ basis.T
    moved = part.gather(1, order[..., None].expand(-1, -1, 3))
    return x + (moved - part) @ basis


def sc_averaged(x, basis, order):
    part = x @ basis.T
    moved = part.gather(1, order[..., None].expand_as(part))
    return x + (moved - part) / 2 @ basis


def sc_by_projector(x, basis, order):
    projector = basis.T @ basis
    other = torch.take_along_dim(x, order.unsqueeze(-1), dim=1)
    return x - x @ projector + other @ projector


WRONG = {
    "leading_directions": [
        (ld_seven, "size written"),
        (ld_at_least_two, "(n, d_model)"),
        (ld_each_above, "directions"),
        (ld_not_centred, "subtract the mean of the rows first"),
        (by_svd_without_centring, "subtract the mean"),
        (ld_not_squared, "the SQUARE of a singular value"),
        (ld_one_less, "take one more"),
        (ld_columns, "the directions are columns here"),
        (ld_from_u, "the directions are in Vh"),
        (ld_weakest, "the strongest"),
        (ld_all, "keep the fewest that reach the share"),
        (ld_scaled, "not orthonormal"),
        (ld_weakest_first, "the strongest direction is first"),
        (ld_tuple, "not a tuple"),
        (ld_fixed, "do not reach a share of 0.95 yet"),
        (ld_rows_centred_on_the_wrong_axis, "subtract the mean"),
    ],
    "remove_component": [
        (rm_clamped, "coordinates"),
        (rm_gram, "number of directions"),
        (rm_pair_of_prompts, "stopped"),
        (rc_to_zero, "set to zero, not to that of the mean"),
        (rc_keeps, "keeps the subspace and removes all the rest"),
        (rc_keeps_difference, "keeps the subspace and removes all the rest"),
        (rc_coordinates, "these are coordinates along the directions"),
        (rc_adds, "added where it should be subtracted"),
        (rc_mean_stays_out, "the mean stays subtracted"),
        (rc_whole_mean, "the whole mean is added"),
        (rc_all_mean, "everything becomes the mean"),
        (rc_first_direction, "one direction is removed, the first"),
        (rc_own_mean, "do not take the mean of x itself"),
        (rc_prompt_mean, "use the one that is passed in"),
        (rc_transposed, "coordinates are v @ basis.T"),
        (rc_in_place, "changed its argument x in place"),
        (rc_sign, "the sign of the mean is wrong"),
        (rc_nothing, "nothing is changed"),
        (rc_no_return, "returns None"),
        (rc_last_only, "one direction is removed, the last"),
        (rc_normalised, "what lies outside the subspace has changed"),
        (rc_last_position, "at every position"),
        (rc_sum_of_coordinates, "the sum of the coordinates is taken off"),
    ],
    "shuffle_component": [
        (sc_two_prompts, "stopped"),
        (sc_three_directions, "stopped"),
        (sc_averaged, "half"),
        (sc_whole, "whole activations are moved"),
        (sc_inverse, "FROM p to order[b, p]"),
        (sc_first_order, "each has its own row of `order`"),
        (sc_keeps_old, "the old one is still there"),
        (sc_removes, "nothing is put in its place"),
        (sc_part_only, "only the part is returned"),
        (sc_gather_without_expand, "expand the index"),
        (sc_across_prompts, "the parts of prompts are exchanged"),
    ],
    "interval_of_mean": [
        (im_wrong_tails, "lower end"),
        (im_sorted_index, "bounds should be"),
        (im_standard_error, "quantiles"),
        (im_of_values, "take those of the resamples' MEANS"),
        (im_swapped, "the bounds are swapped"),
        (im_ends, "the smallest and the largest mean"),
        (im_ninety, "the middle 90 %"),
        (im_deviation, "one standard deviation"),
        (im_columns, "each ROW of picks is one resample"),
        (im_means, "return two numbers"),
        (im_percent, "stopped with"),
    ],
}


RIGHT = {
    "leading_directions": [
        ld_by_eigh,
        by_svd,
        by_eigenvectors,
        by_loop_with_other_signs,
    ],
    "remove_component": [
        rm_by_lstsq,
        by_projector,
        by_einsum_loop,
        by_flat_double,
    ],
    "shuffle_component": [
        sc_by_projector,
        sc_by_indexing,
        sc_by_outside,
    ],
    "interval_of_mean": [
        im_by_numpy,
        im_quantile,
        im_sorted,
        im_tensor,
    ],
}
