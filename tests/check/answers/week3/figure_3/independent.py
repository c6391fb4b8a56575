"""Answers to the exercises on the paper's figure 3, written without seeing its check."""

import torch
from einops import einsum, reduce


# --- relative_change
def rc_sums(patched, clean):
    return 100 * reduce(patched, "b l h -> l h", "sum") / clean.sum() - 100


def rc_loop(patched, clean):
    before = sum(clean.tolist()) / len(clean)
    heads = [[patched[:, i, j].mean() / before - 1 for j in range(patched.shape[2])]
             for i in range(patched.shape[1])]  # fmt: skip
    return torch.tensor(heads) * 100


def rc_of_changes(patched, clean):
    return (patched - clean[:, None, None]).double().mean(0).mul(100).div(clean.mean())


def rc_mean_of_ratios(patched, clean):
    clean = clean[:, None, None]
    return 100 * ((patched - clean) / clean).mean(0)


def rc_share(patched, clean):
    return (patched.mean(0) - clean.mean()) / clean.mean()


def rc_turned(patched, clean):
    return 100 * (clean.mean() - patched.mean(0)) / clean.mean()


def rc_of_patched(patched, clean):
    return 100 * (patched.mean(0) - clean.mean()) / patched.mean(0)


def rc_left(patched, clean):
    return 100 * patched.mean(0) / clean.mean()


def rc_difference(patched, clean):
    return patched.mean(0) - clean.mean()


def rc_per_prompt(patched, clean):
    clean = clean[:, None, None]
    return 100 * (patched - clean) / clean.mean()


def rc_one_number(patched, clean):
    return 100 * (patched.mean() - clean.mean()) / clean.mean()


def rc_last_axis(patched, clean):
    return 100 * (patched.mean(-1) - clean.mean()) / clean.mean()


def rc_median(patched, clean):
    return 100 * (patched.median(0).values - clean.median()) / clean.median()


def rc_first_clean(patched, clean):
    return 100 * (patched.mean(0) - clean[0]) / clean[0]


# --- name_projection
def pj_diagonal(z, W_O, W_U, names):
    return (z @ W_O @ W_U[:, names]).diagonal()


def pj_into_the_head(z, W_O, W_U, names):
    return einsum(z, W_O @ W_U[:, names], "batch d_head, d_head batch -> batch")


def pj_loop(z, W_O, W_U, names):
    return torch.stack([z[b] @ W_O @ W_U[:, name] for b, name in enumerate(names.tolist())])


def pj_gather(z, W_O, W_U, names):
    logits = torch.nn.functional.linear(z, W_O.T) @ W_U
    return logits.gather(1, names[:, None]).flatten()


def pj_pairs(z, W_O, W_U, names):
    return z @ W_O @ W_U[:, names]


def pj_over_prompts(z, W_O, W_U, names):
    return (z @ W_O * W_U[:, names].T).sum(0)


def pj_first_name(z, W_O, W_U, names):
    return z @ W_O @ W_U[:, names[0]]


def pj_unit_name(z, W_O, W_U, names):
    column = W_U[:, names]
    return pj_loop(z, W_O, W_U / W_U.norm(dim=0), names) if column.numel() else column


def pj_cosine(z, W_O, W_U, names):
    return torch.cosine_similarity(z @ W_O, W_U[:, names].T)


def pj_centred(z, W_O, W_U, names):
    return pj_loop(z, W_O, W_U - W_U.mean(1, keepdim=True), names)


def pj_no_w_o(z, W_O, W_U, names):
    return (z * W_U[:, names].T).sum(-1)


def pj_w_o_turned(z, W_O, W_U, names):
    return (z @ W_O.T * W_U[:, names].T).sum(-1)


def pj_mean(z, W_O, W_U, names):
    return (z @ W_O * W_U[:, names].T).mean(-1)


def pj_softmax(z, W_O, W_U, names):
    return (z @ W_O @ W_U).softmax(-1).gather(1, names[:, None])[:, 0]


def pj_not_summed(z, W_O, W_U, names):
    return z @ W_O * W_U[:, names].T


def pj_keeps_axis(z, W_O, W_U, names):
    return (z @ W_O @ W_U).gather(1, names[:, None])


def pj_rows(z, W_O, W_U, names):
    return (z @ W_O * W_U[names]).sum(-1)


def pj_layer_norm(z, W_O, W_U, names):
    out = torch.nn.functional.layer_norm(z @ W_O, W_O.shape[1:])
    return (out * W_U[:, names].T).sum(-1)


def pj_absolute(z, W_O, W_U, names):
    return pj_gather(z, W_O, W_U, names).abs()


def pj_row_sums(z, W_O, W_U, names):
    return (z @ W_O @ W_U[:, names]).sum(-1)


# --- template_means
def tm_one_hot(z, template):
    same = (template[:, None] == template).to(z.dtype)
    return einsum(same / same.sum(1, keepdim=True), z, "b other, other p d -> b p d")


def tm_per_prompt(z, template):
    kept = template.tolist()
    return torch.stack(
        [sum(z[i] for i, u in enumerate(kept) if u == t) / kept.count(t) for t in kept]
    )


def tm_index_add(z, template):
    _, which, counts = template.unique(return_inverse=True, return_counts=True)
    sums = z.new_zeros(len(counts), *z.shape[1:]).index_add(0, which, z)
    return (sums / counts[:, None, None])[which]


def tm_all(z, template):
    return z.mean(0, keepdim=True).expand_as(z)


def tm_positions_too(z, template):
    means = tm_one_hot(z, template)
    return means.mean(1, keepdim=True).expand_as(z)


def tm_one_each(z, template):
    return torch.stack([z[template == t].mean(0) for t in template.unique()])


def tm_in_place(z, template):
    for t in template.unique():
        z[template == t] = z[template == t].mean(0)
    return z


def tm_sum(z, template):
    same = (template[:, None] == template).to(z.dtype)
    return torch.einsum("ij,jpd->ipd", same, z)


def tm_by_batch(z, template):
    return tm_sum(z, template) / len(z)


def tm_others(z, template):
    same = (template[:, None] == template).to(z.dtype) - torch.eye(len(z), dtype=z.dtype)
    return torch.einsum("ij,jpd->ipd", same / same.sum(1, keepdim=True).clamp(min=1), z)


def tm_blocks(z, template):
    count = len(template.unique())
    means = [block.mean(0, keepdim=True).expand_as(block) for block in z.chunk(count)]
    return torch.cat(means)


def tm_sorted(z, template):
    parts = [z[template == t].mean(0).expand_as(z[template == t]) for t in template.unique()]
    return torch.cat(parts)


def tm_over_positions(z, template):
    return z.mean(1, keepdim=True).expand_as(z).clone()


def tm_from_zero(z, template):
    means = torch.zeros_like(z)
    for t in range(len(template.unique())):
        means[template == t] = z[template == t].mean(0)
    return means


def tm_last_missing(z, template):
    means = torch.zeros_like(z)
    for t in range(template.max()):
        means[template == t] = z[template == t].mean(0)
    return means


def tm_one_number(z, template):
    means = torch.empty_like(z)
    for t in template.unique():
        means[template == t] = z[template == t].mean()
    return means


def tm_returns_inside(z, template):
    means = torch.zeros_like(z)
    for t in template.unique():
        means[template == t] = z[template == t].mean(0)
        return means


def rc_fraction_left(patched, clean):
    return 100 * patched.mean(0) / clean.mean()


def rc_each_layer(patched, clean):
    change = 100 * (patched.mean(0) - clean.mean()) / clean.mean()
    return change - change.mean(1, keepdim=True)


def pj_without_w_o(z, W_O, W_U, names):
    return (z @ W_O).norm(dim=-1) * W_U[:, names].norm(dim=0)


def pj_token_zero(z, W_O, W_U, names):
    return z @ W_O @ W_U[:, 0]


def tm_leave_one_out(z, template):
    out = torch.empty_like(z)
    for i, t in enumerate(template):
        same = template == t
        same[i] = same.sum() == 1
        out[i] = z[same].mean(0)
    return out


def tm_first_position(z, template):
    out = torch.empty_like(z)
    for t in template.unique():
        out[template == t] = z[template == t][:, :1].mean(0)
    return out


def tm_by_index_add(z, template):
    _, index, counts = template.unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(counts), *z.shape[1:]).index_add(0, index, z)
    return (sums / counts[:, None, None])[index]


def of_ratios(patched, clean):
    return 100 * (patched / clean[:, None, None] - 1).mean(0)


def all_names(z, W_O, W_U, names):
    return (z @ W_O @ W_U[:, names]).sum(1)


def over_all(z, template):
    return z.mean(0, keepdim=True).expand_as(z)


WRONG = {
    "relative_change": [
        (of_ratios, "mean of ratios"),
        (rc_fraction_left, "what is left"),
        (rc_each_layer, "mean over the heads"),
        (rc_mean_of_ratios, "mean of"),
        (rc_share, "percent"),
        (rc_turned, "sign"),
        (rc_of_patched, "clean"),
        (rc_left, "subtract"),
        (rc_difference, "divide"),
        (rc_per_prompt, "prompts"),
        (rc_one_number, "each head"),
        (rc_last_axis, "shape"),
        (rc_median, "median"),
        (rc_first_clean, "first"),
    ],
    "name_projection": [
        (all_names, "added up"),
        (pj_without_w_o, "two lengths"),
        (pj_token_zero, "token 0"),
        (pj_pairs, "pair"),
        (pj_over_prompts, "expected (batch)"),
        (pj_first_name, "first"),
        (pj_unit_name, "length"),
        (pj_cosine, "cosine"),
        (pj_centred, "mean"),
        (pj_no_w_o, "W_O"),
        (pj_w_o_turned, "W_O"),
        (pj_mean, "d_model"),
        (pj_softmax, "softmax"),
        (pj_not_summed, "one number"),
        (pj_keeps_axis, "shape"),
        (pj_rows, "column"),
        (pj_layer_norm, "LayerNorm"),
        (pj_absolute, "sign"),
        (pj_row_sums, "own name"),
    ],
    "template_means": [
        (over_all, "all prompts"),
        (tm_leave_one_out, "left out"),
        (tm_first_position, "position by position"),
        (tm_all, "all prompts"),
        (tm_positions_too, "position"),
        (tm_one_each, "each PROMPT"),
        (tm_in_place, "in place"),
        (tm_sum, "sum"),
        (tm_by_batch, "divide"),
        (tm_others, "left out"),
        (tm_blocks, "row"),
        (tm_sorted, "row"),
        (tm_over_positions, "position"),
        (tm_from_zero, "since the numbers need not run from 0 on"),
        (tm_last_missing, "never filled"),
        (tm_one_number, "one number for a whole template"),
        (tm_returns_inside, "does a return stand inside"),
    ],
}


RIGHT = {
    "relative_change": [
        rc_sums,
        rc_loop,
        rc_of_changes,
    ],
    "name_projection": [
        pj_diagonal,
        pj_into_the_head,
        pj_loop,
        pj_gather,
    ],
    "template_means": [
        tm_by_index_add,
        tm_one_hot,
        tm_per_prompt,
        tm_index_add,
    ],
}
