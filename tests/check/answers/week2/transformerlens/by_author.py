"""Answers by the author of the checks, of kinds that a check once misjudged."""

import torch


def after_every_prompt_squeezed(logits, k):
    best = torch.topk(torch.softmax(logits[:, -1], -1), k)
    return best.indices.squeeze(), best.values.squeeze()


def least_first(logits, k):
    shares = logits[:, -1].softmax(-1)
    values, ids = shares.sort(-1)
    return ids[:, -k:], values[:, -k:]


def mean_over_positions(logits, k):
    best = logits.softmax(-1).mean(1).topk(k)
    return best.indices, best.values


def rounded_shares(logits, k):
    best = logits[:, -1].softmax(-1).topk(k)
    return best.indices, best.values.round(decimals=2)


def by_exponentials(logits, k):
    last = logits.select(1, logits.shape[1] - 1)
    weights = torch.exp(last - last.amax(1, keepdim=True))
    shares = weights / weights.sum(1, keepdim=True)
    order = shares.argsort(1, descending=True)[:, :k]
    return order, torch.take_along_dim(shares, order, 1)


def by_squares_without_ties(post, k):
    order = (post**2).flatten().argsort(descending=True)[:k]
    return [(int(i) % post.shape[1], int(i) // post.shape[1]) for i in order]


def smallest_of_all(post, k):
    places = post.abs().flatten().argsort()[:k].tolist()
    return [divmod(place, post.shape[1]) for place in places]


def five_columns(post, k):
    places = post.abs().flatten().topk(k).indices.tolist()
    return [divmod(place, 5) for place in places]


def sorted_in_python(post, k):
    rows, columns = post.shape
    cells = [(p, n) for p in range(rows) for n in range(columns)]
    return sorted(cells, key=lambda cell: abs(post[cell].item()), reverse=True)[:k]


def lens_first_position(stream, W_U, b_U):
    first = stream[:, :1]
    centred = stream - first.mean(-1, keepdim=True)
    variance = first.var(-1, keepdim=True, correction=0)
    return centred / (variance + 1e-5).sqrt() @ W_U + b_U


def lens_bias_twice(stream, W_U, b_U):
    x = torch.nn.functional.layer_norm(stream, stream.shape[-1:])
    return (x @ W_U + b_U) + b_U


def lens_of_two_prompts(stream, W_U, b_U):
    x = torch.nn.functional.layer_norm(stream, (6,))
    return torch.stack([x[0] @ W_U + b_U, x[1] @ W_U + b_U])


def lens_by_functional(stream, W_U, b_U):
    normal = torch.nn.functional.layer_norm(stream.double(), stream.shape[-1:], eps=1e-5)
    return torch.einsum("...d,dv->...v", normal, W_U.double()).float() + b_U


def terms(parts, scale, W_U, io, s):
    return (parts * ((W_U[:, io] - W_U[:, s]).T / scale)).sum(-1)


def untransposed_direction(parts, scale, W_U, io, s):
    return (parts / scale * (W_U[:, io] - W_U[:, s])).sum(-1)


def squared_scale(parts, scale, W_U, io, s):
    return terms(parts, scale**2, W_U, io, s)


def scale_of_the_first_prompt(parts, scale, W_U, io, s):
    return terms(parts, scale[0], W_U, io, s)


def centred_once_more(parts, scale, W_U, io, s):
    return terms(parts - parts.mean(-1, keepdim=True), scale, W_U, io, s)


def layer_norm_of_each_part(parts, scale, W_U, io, s):
    return terms(torch.nn.functional.layer_norm(parts, parts.shape[-1:]), 1, W_U, io, s)


def mean_over_the_width(parts, scale, W_U, io, s):
    return terms(parts, scale, W_U, io, s) / parts.shape[-1]


def terms_of_every_token(parts, scale, W_U, io, s):
    return parts / scale @ W_U


def no_sum(parts, scale, W_U, io, s):
    return parts / scale * (W_U[:, io] - W_U[:, s]).T


def batch_first(parts, scale, W_U, io, s):
    return terms(parts, scale, W_U, io, s).movedim(-1, 0)


def scale_after_where_it_runs(parts, scale, W_U, io, s):
    found = terms(parts, 1, W_U, io, s)
    one = scale.T if len(found) != len(scale) or found.ndim > 2 else scale
    return found / one


def five_parts(parts, scale, W_U, io, s):
    out = torch.zeros(parts.shape[:-1])
    for part in range(5 if parts.ndim == 3 else 2):
        out[part] = terms(parts[part], scale, W_U, io, s)
    return out


def by_diagonal(parts, scale, W_U, io, s):
    every = parts / scale @ (W_U[:, io] - W_U[:, s])
    return every.diagonal(dim1=-2, dim2=-1)


def in_doubles(parts, scale, W_U, io, s):
    batch, width = parts.shape[-2:]
    flat = parts.reshape(-1, batch, width).double()
    read = (W_U.double().T[io] - W_U.double().T[s]) / scale.double()
    return torch.einsum("cbd,bd->cb", flat, read).reshape(parts.shape[:-1])


WRONG = {
    "most_probable": [
        (after_every_prompt_squeezed, "(batch, k)"),
        (least_first, "comes first"),
        (mean_over_positions, "mean over the positions"),
        (rounded_shares, "rounded"),
    ],
    "strongest_neurons": [
        (by_squares_without_ties, "swapped"),
        (smallest_of_all, "closest to zero"),
        (five_columns, "size written"),
    ],
    "lens_logits": [
        (lens_first_position, "first position"),
        (lens_bias_twice, "b_U"),
        (lens_of_two_prompts, "(batch, pos, vocab)"),
    ],
    "direct_logit_attribution": [
        (untransposed_direction, ".T"),
        (squared_scale, "square of the scale"),
        (scale_of_the_first_prompt, "first prompt"),
        (centred_once_more, "subtracted from each part"),
        (layer_norm_of_each_part, "standard deviation of its own"),
        (mean_over_the_width, "take the sum"),
        (terms_of_every_token, "every token"),
        (no_sum, "sum over d_model"),
        (batch_first, "keep it the last"),
        (scale_after_where_it_runs, "before you sum"),
        (five_parts, "size written"),
    ],
}


RIGHT = {
    "most_probable": [
        by_exponentials,
    ],
    "strongest_neurons": [
        sorted_in_python,
    ],
    "lens_logits": [
        lens_by_functional,
    ],
    "direct_logit_attribution": [
        by_diagonal,
        in_doubles,
    ],
}
