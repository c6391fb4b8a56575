"""Answers to the exercises of the tour of TransformerLens, written without seeing its check."""

import torch
import torch.nn.functional as F
from einops import einsum, reduce


# --- most_probable
def mp_topk(logits, k):
    best = logits[:, -1].softmax(-1).topk(k)
    return best.indices, best.values


def mp_sort(logits, k):
    p, ids = torch.sort(torch.softmax(logits, dim=2)[:, -1, :], descending=True)
    return [ids[:, :k], p[:, :k]]


def mp_first_position(logits, k):
    best = logits[:, 0].softmax(-1).topk(k)
    return best.indices, best.values


def mp_all_positions(logits, k):
    best = logits.softmax(-1).topk(k)
    return best.indices, best.values


def mp_logits(logits, k):
    best = logits[:, -1].topk(k)
    return best.indices, best.values


def mp_swapped(logits, k):
    return logits[:, -1].softmax(-1).topk(k)


def mp_weakest(logits, k):
    best = logits[:, -1].softmax(-1).topk(k, largest=False)
    return best.indices, best.values


def mp_log(logits, k):
    best = logits[:, -1].log_softmax(-1).topk(k)
    return best.indices, best.values


def mp_softmax_of_k(logits, k):
    best = logits[:, -1].topk(k)
    return best.indices, best.values.softmax(-1)


# --- strongest_neurons
def sn_flat(post, k):
    order = post.abs().flatten().argsort(descending=True)[:k].tolist()
    return [divmod(i, post.shape[1]) for i in order]


def sn_sorted(post, k):
    cells = [(p, n) for p in range(post.shape[0]) for n in range(post.shape[1])]
    return sorted(cells, key=lambda c: -abs(post[c].item()))[:k]


def sn_signed(post, k):
    order = post.flatten().topk(k).indices.tolist()
    return [divmod(i, post.shape[1]) for i in order]


def sn_swapped(post, k):
    return [(n, p) for p, n in sn_flat(post, k)]


def sn_flat_index(post, k):
    return post.abs().flatten().topk(k).indices.tolist()


def sn_wrong_divisor(post, k):
    order = post.abs().flatten().topk(k).indices.tolist()
    return [divmod(i, post.shape[0]) for i in order]


def sn_weakest_first(post, k):
    return sn_flat(post, k)[::-1]


def sn_one_each(post, k):
    return [(p, row.abs().argmax().item()) for p, row in enumerate(post)][:k]


def sn_tensors(post, k):
    order = post.abs().flatten().topk(k).indices
    return torch.stack([order // post.shape[1], order % post.shape[1]], 1)


# --- lens_logits
EPS = 1e-5


def ll_steps(stream, W_U, b_U):
    x = stream - stream.mean(-1, keepdim=True)
    x = x / ((x**2).mean(-1, keepdim=True) + EPS).sqrt()
    return x @ W_U + b_U


def ll_layer_norm(stream, W_U, b_U):
    x = torch.nn.functional.layer_norm(stream, stream.shape[-1:], eps=EPS)
    return torch.einsum("...d,dv->...v", x, W_U) + b_U


def ll_einops(stream, W_U, b_U):
    mean = reduce(stream, "b p d -> b p 1", "mean")
    var = reduce((stream - mean) ** 2, "b p d -> b p 1", "mean")
    return ((stream - mean) * torch.rsqrt(var + EPS)) @ W_U + b_U[None, None]


def ll_no_norm(stream, W_U, b_U):
    return stream @ W_U + b_U


def ll_no_bias(stream, W_U, b_U):
    return ll_steps(stream, W_U, 0)


def ll_no_centre(stream, W_U, b_U):
    return stream / ((stream**2).mean(-1, keepdim=True) + EPS).sqrt() @ W_U + b_U


def ll_no_scale(stream, W_U, b_U):
    return (stream - stream.mean(-1, keepdim=True)) @ W_U + b_U


def ll_n_minus_1(stream, W_U, b_U):
    x = stream - stream.mean(-1, keepdim=True)
    return x / (x.var(-1, keepdim=True) + EPS).sqrt() @ W_U + b_U


def ll_variance(stream, W_U, b_U):
    x = stream - stream.mean(-1, keepdim=True)
    return x / ((x**2).mean(-1, keepdim=True) + EPS) @ W_U + b_U


def ll_positions(stream, W_U, b_U):
    x = stream - stream.mean(1, keepdim=True)
    return x / ((x**2).mean(1, keepdim=True) + EPS).sqrt() @ W_U + b_U


def ll_probabilities(stream, W_U, b_U):
    return ll_steps(stream, W_U, b_U).softmax(-1)


def ll_last(stream, W_U, b_U):
    return ll_steps(stream, W_U, b_U)[:, -1]


def ll_length(stream, W_U, b_U):
    x = stream - stream.mean(-1, keepdim=True)
    return x / x.norm(dim=-1, keepdim=True) @ W_U + b_U


def ll_stream(stream, W_U, b_U):
    x = stream - stream.mean(-1, keepdim=True)
    return x / ((x**2).mean(-1, keepdim=True) + EPS).sqrt()


# --- direct_logit_attribution
def dla_by_sum(parts, scale, W_U, io, s):
    return (parts / scale * (W_U[:, io] - W_U[:, s]).mT).sum(-1)


def dla_two_readings(parts, scale, W_U, io, s):
    by_row = W_U.t().contiguous()
    right, wrong = by_row.index_select(0, io), by_row.index_select(0, s)
    return ((parts * right).sum(-1) - (parts * wrong).sum(-1)) / scale.flatten()


def dla_loops(parts, scale, W_U, io, s):
    out = torch.zeros(parts.shape[:-1])
    for row in range(len(io)):
        direction = (W_U[:, io[row]] - W_U[:, s[row]]) / scale[row]
        out[..., row] = parts[..., row, :] @ direction
    return out


def dla_all_logits(parts, scale, W_U, io, s):
    logits = parts / scale @ W_U
    rows = torch.arange(len(io))
    return logits[..., rows, io] - logits[..., rows, s]


def dla_swapped_names(parts, scale, W_U, io, s):
    return dla_by_sum(parts, scale, W_U, s, io)


def dla_only_io(parts, scale, W_U, io, s):
    return (parts / scale * W_U[:, io].T).sum(-1)


def dla_no_scale(parts, scale, W_U, io, s):
    return (parts * (W_U[:, io] - W_U[:, s]).T).sum(-1)


def dla_times_scale(parts, scale, W_U, io, s):
    return (parts * scale * (W_U[:, io] - W_U[:, s]).T).sum(-1)


def dla_scale_after_the_sum(parts, scale, W_U, io, s):
    return (parts * (W_U[:, io] - W_U[:, s]).T).sum(-1) / scale


def dla_own_norm_of_each_part(parts, scale, W_U, io, s):
    own = parts.std(-1, keepdim=True, correction=0)
    return (parts / own * (W_U[:, io] - W_U[:, s]).T).sum(-1)


def dla_first_prompts_names(parts, scale, W_U, io, s):
    return parts / scale @ (W_U[:, io[0]] - W_U[:, s[0]])


def dla_mean_of_prompts(parts, scale, W_U, io, s):
    return dla_by_sum(parts, scale, W_U, io, s).mean(-1)


def dla_summed_over_parts(parts, scale, W_U, io, s):
    return dla_by_sum(parts, scale, W_U, io, s).sum(0)


def dla_every_prompt_with_every_name(parts, scale, W_U, io, s):
    return parts / scale @ (W_U[:, io] - W_U[:, s])


def dla_one_axis_in_front(parts, scale, W_U, io, s):
    direction = (W_U[:, io] - W_U[:, s]).T / scale
    return einsum(parts, direction, "part batch d, batch d -> part batch")


def dla_rows_of_the_unembedding(parts, scale, W_U, io, s):
    return (parts / scale * (W_U[io] - W_U[s])).sum(-1)


def dla_shares(parts, scale, W_U, io, s):
    terms = dla_by_sum(parts, scale, W_U, io, s)
    return terms / terms.sum(0)


def dla_probabilities(parts, scale, W_U, io, s):
    shares = (parts / scale @ W_U).softmax(-1)
    rows = torch.arange(len(io))
    return shares[..., rows, io] - shares[..., rows, s]


def over_first_prompt(logits, k):
    best = logits[:1, -1].softmax(-1).topk(k)
    return best.indices.expand(len(logits), -1), best.values.expand(len(logits), -1)


def ids_counted_from_one(logits, k):
    best = logits[:, -1].softmax(-1).topk(k)
    return best.indices + 1, best.values


def by_kthvalue(logits, k):
    shares = torch.exp(logits[:, -1] - logits[:, -1].logsumexp(-1, keepdim=True))
    ids = torch.argsort(-shares, dim=1)[:, :k]
    return [ids, shares.gather(1, ids)]


def positive_ones(post, k):
    places = post.clamp(min=0).flatten().topk(k).indices.tolist()
    return [divmod(place, post.shape[1]) for place in places]


def as_tensors(post, k):
    places = post.abs().flatten().topk(k).indices
    return [(place // post.shape[1], place % post.shape[1]) for place in places]


def lens_rms(stream, W_U, b_U):
    return stream / (stream.square().mean(-1, keepdim=True) + 1e-5).sqrt() @ W_U + b_U


def lens_last_only(stream, W_U, b_U):
    x = torch.nn.functional.layer_norm(stream, stream.shape[-1:])[:, -1:]
    return (x @ W_U + b_U).expand(-1, stream.shape[1], -1)


def log_shares(logits, k):
    best = logits[:, -1].log_softmax(-1).topk(k)
    return best.indices, best.values


def values_first(logits, k):
    best = logits[:, -1].softmax(-1).topk(k)
    return best.values, best.indices


def one_per_position(post, k):
    return [(i, int(row.abs().argmax())) for i, row in enumerate(post)][:k]


def no_bias_lens(stream, W_U, b_U):
    return F.layer_norm(stream, stream.shape[-1:]) @ W_U


# --- tries of one who walked the chapter from its first cell to its last
def sn_per_pos(post, k):
    top = post.abs().topk(k, dim=1)
    return [(p, int(n)) for p in range(len(post)) for n in top.indices[p]][:k]


def ll_mean_all(stream, W_U, b_U):
    x = stream - stream.mean()
    return x / (x.pow(2).mean() + 1e-5).sqrt() @ W_U + b_U


def dla_scale_after(parts, scale, W_U, io, s):
    d = (W_U[:, io] - W_U[:, s]).T
    return (parts * d).sum(-1) / scale


def dla_rows(parts, scale, W_U, io, s):
    d = W_U[io] - W_U[s]
    return (parts / scale * d).sum(-1)


def dla_right(parts, scale, W_U, io, s):
    logits = parts / scale @ W_U
    i = io.expand(logits.shape[:-1])[..., None]
    j = s.expand(logits.shape[:-1])[..., None]
    return (logits.gather(-1, i) - logits.gather(-1, j))[..., 0]


WRONG = {
    "most_probable": [
        (log_shares, "log-probabilities"),
        (values_first, "ids first"),
        (over_first_prompt, "first prompt"),
        (ids_counted_from_one, "ids"),
        (mp_first_position, "last position"),
        (mp_all_positions, "every position"),
        (mp_logits, "logits"),
        (mp_swapped, "ids first"),
        (mp_weakest, "LEAST"),
        (mp_log, "log"),
        (mp_softmax_of_k, "all tokens"),
    ],
    "strongest_neurons": [
        (sn_per_pos, "these are of the first positions"),
        (one_per_position, "one neuron of each position"),
        (positive_ones, "negative"),
        (as_tensors, "plain integers"),
        (sn_signed, "negative"),
        (sn_swapped, "swapped"),
        (sn_flat_index, "pairs"),
        (sn_wrong_divisor, "divide"),
        (sn_weakest_first, "strongest first"),
        (sn_one_each, "each position"),
        (sn_tensors, "list"),
    ],
    "lens_logits": [
        (ll_mean_all, "those of all numbers together"),
        (no_bias_lens, "b_U is missing"),
        (lens_rms, "mean is not subtracted"),
        (lens_last_only, "position"),
        (ll_no_norm, "LayerNorm"),
        (ll_no_bias, "b_U"),
        (ll_no_centre, "mean"),
        (ll_no_scale, "divided"),
        (ll_n_minus_1, "n − 1"),
        (ll_variance, "square root"),
        (ll_positions, "positions"),
        (ll_probabilities, "probabilities"),
        (ll_last, "every position"),
        (ll_length, "length"),
        (ll_stream, "W_U"),
    ],
    "direct_logit_attribution": [
        (dla_scale_after, "scale has shape (batch, 1)"),
        (dla_rows, "W_U has the words as its columns"),
        (dla_swapped_names, "S minus IO"),
        (dla_only_io, "W_U[:, s]"),
        (dla_no_scale, "scale"),
        (dla_times_scale, "divide"),
        (dla_scale_after_the_sum, "(batch, 1)"),
        (dla_own_norm_of_each_part, "its own"),
        (dla_first_prompts_names, "first prompt"),
        (dla_mean_of_prompts, "each prompt"),
        (dla_summed_over_parts, "each component"),
        (dla_every_prompt_with_every_name, "own"),
        (dla_one_axis_in_front, "in front"),
        (dla_rows_of_the_unembedding, "W_U[:, io]"),
        (dla_shares, "share"),
        (dla_probabilities, "probabilities"),
    ],
}


RIGHT = {
    "most_probable": [
        by_kthvalue,
        mp_topk,
        mp_sort,
    ],
    "strongest_neurons": [
        sn_flat,
        sn_sorted,
    ],
    "lens_logits": [
        ll_steps,
        ll_layer_norm,
        ll_einops,
    ],
    "direct_logit_attribution": [
        dla_right,
        dla_by_sum,
        dla_two_readings,
        dla_loops,
        dla_all_logits,
    ],
}
