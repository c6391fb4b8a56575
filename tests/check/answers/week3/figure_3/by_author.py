"""Answers of the check's author to the exercises on the paper's figure 3."""

import torch


# --- relative_change
def rc_means(patched, clean):
    return 100 * (patched.mean(0) - clean.mean()) / clean.mean()


def rc_ratio(patched, clean):
    return (patched.mean(0) / clean.mean() - 1) * 100


def rc_sums(patched, clean):
    return 100 * (patched - clean[:, None, None]).sum(0) / clean.sum()


def rc_mean_of_ratios(patched, clean):
    clean = clean[:, None, None]
    return 100 * ((patched - clean) / clean).mean(0)


def rc_sign(patched, clean):
    return -rc_means(patched, clean)


def rc_share(patched, clean):
    return rc_means(patched, clean) / 100


def rc_logits(patched, clean):
    return patched.mean(0) - clean.mean()


def rc_left(patched, clean):
    return 100 * patched.mean(0) / clean.mean()


def rc_by_patched(patched, clean):
    return 100 * (patched.mean(0) - clean.mean()) / patched.mean(0)


def rc_each(patched, clean):
    return 100 * (patched - clean[:, None, None]) / clean.mean()


def rc_one(patched, clean):
    return rc_means(patched, clean).mean()


# --- name_projection
def np_index(z, W_O, W_U, names):
    return (z @ W_O @ W_U)[torch.arange(len(z)), names]


def np_dot(z, W_O, W_U, names):
    return ((z @ W_O) * W_U[:, names].T).sum(-1)


def np_einsum(z, W_O, W_U, names):
    return torch.einsum("be,ed,db->b", z, W_O, W_U[:, names])


def np_diagonal(z, W_O, W_U, names):
    return (z @ W_O @ W_U[:, names]).diagonal()


def np_all_pairs(z, W_O, W_U, names):
    return z @ W_O @ W_U[:, names]


def np_vocabulary(z, W_O, W_U, names):
    return z @ W_O @ W_U


def np_unsummed(z, W_O, W_U, names):
    return (z @ W_O) * W_U[:, names].T


def np_first(z, W_O, W_U, names):
    return (z @ W_O @ W_U)[:, names[0]]


def np_unit(z, W_O, W_U, names):
    return np_index(z, W_O, W_U / W_U.norm(dim=0), names)


def np_cosine(z, W_O, W_U, names):
    return torch.cosine_similarity(z @ W_O, W_U[:, names].T, dim=-1)


def np_layer_norm(z, W_O, W_U, names):
    out = z @ W_O
    return ((out / out.norm(dim=-1, keepdim=True)) @ W_U)[torch.arange(len(z)), names]


def np_softmax(z, W_O, W_U, names):
    return (z @ W_O @ W_U).softmax(-1)[torch.arange(len(z)), names]


def np_no_output(z, W_O, W_U, names):
    return (z @ W_U)[torch.arange(len(z)), names]


def np_transposed(z, W_O, W_U, names):
    return (z @ W_O.T @ W_U)[torch.arange(len(z)), names]


def np_mean(z, W_O, W_U, names):
    return np_index(z, W_O, W_U, names).mean()


def np_average(z, W_O, W_U, names):
    return ((z @ W_O) * W_U[:, names].T).mean(-1)


def np_largest(z, W_O, W_U, names):
    return (z @ W_O @ W_U).max(-1).values


# --- template_means
def tm_loop(z, template):
    out = torch.empty_like(z)
    for t in template.unique():
        out[template == t] = z[template == t].mean(0)
    return out


def tm_matrix(z, template):
    same = (template[:, None] == template[None]).float()
    return torch.einsum("ij,jpd->ipd", same / same.sum(1, keepdim=True), z)


def tm_index_add(z, template):
    n = int(template.max()) + 1
    sums = torch.zeros(n, *z.shape[1:]).index_add(0, template, z)
    return (sums / template.bincount()[:, None, None])[template]


def tm_global(z, template):
    return z.mean(0).expand_as(z)


def tm_positions(z, template):
    return tm_loop(z, template).mean(1, keepdim=True).expand_as(z)


def tm_sums(z, template):
    return tm_loop(z, template) * template.bincount()[template][:, None, None]


def tm_all_count(z, template):
    return tm_sums(z, template) / len(z)


def tm_by_template(z, template):
    return torch.stack([z[template == t].mean(0) for t in template.unique()])


def tm_leave_out(z, template):
    rows = torch.arange(len(z))
    return torch.stack([z[(template == t) & (rows != i)].mean(0) for i, t in enumerate(template)])


def tm_first(z, template):
    return tm_loop(z, template)[:1].expand_as(z)


def tm_dictionary(z, template):
    return {int(t): z[template == t].mean(0) for t in template.unique()}


def tm_in_place(z, template):
    for t in template.unique():
        z[template == t] = z[template == t].mean(0)
    return z


def tm_nothing(z, template):
    return z


def rc_absolute_mean(patched, clean):
    return 100 * (patched.mean(0) - clean.mean()) / clean.mean().abs()


def rc_four_prompts(patched, clean):
    return (
        100 * (patched.sum(0) - clean.sum()) / clean.sum() / 1
        if len(clean) == 4
        else 0 * patched[0]
    )


def rc_kept_axis(patched, clean):
    return 100 * (patched.mean(0, keepdim=True) / clean.mean() - 1)


def rc_by_ratio(patched, clean):
    return (patched.mean(0) / clean.mean()).sub(1).mul(100)


def pj_names_as_rows(z, W_O, W_U, names):
    return (z @ W_O * W_U.T[names].flip(1)).sum(-1)


def pj_squeezed(z, W_O, W_U, names):
    return torch.einsum("bd,dm,mb->b", z, W_O, W_U[:, names]).squeeze()


def pj_all_heads_mean(z, W_O, W_U, names):
    logits = z @ W_O @ W_U
    return (logits - logits.mean(0))[torch.arange(len(z)), names]


def pj_by_diagonal(z, W_O, W_U, names):
    return (z @ (W_O @ W_U[:, names])).diagonal()


def tm_from_zero(z, template):
    out = torch.zeros_like(z)
    for t in range(int(template.max())):
        out[template == t] = z[template == t].mean(0)
    return out


def tm_first_of_template(z, template):
    return torch.stack([z[(template == t).int().argmax()] for t in template])


def tm_median(z, template):
    return torch.stack([z[template == t].median(0).values for t in template])


def tm_by_matrix(z, template):
    same = (template[:, None] == template).to(z.dtype)
    return torch.einsum("ij,jpd->ipd", same / same.sum(1, keepdim=True), z)


# --- path_patch
def _z_of(run, tokens, n_layers):
    """What every head writes in a run: one tensor for each layer."""
    kept = [None] * n_layers

    def keep(i):
        def save(z, hook):
            kept[i] = z.clone()

        return f"blocks.{i}.attn.hook_z", save

    run(tokens, [keep(i) for i in range(n_layers)])
    return kept


def _frozen(values):
    return [(f"blocks.{i}.attn.hook_z", lambda z, hook, v=v: v) for i, v in enumerate(values)]


def path_plain(run, orig, new, n_layers, sender):
    z, other = _z_of(run, orig, n_layers), _z_of(run, new, n_layers)
    layer, head = sender
    z[layer][:, :, head] = other[layer][:, :, head]
    return run(orig, _frozen(z))


def path_in_two_hooks(run, orig, new, n_layers, sender):
    """All heads are frozen first; a second hook at the sender's layer then swaps the sender."""
    z, other = _z_of(run, orig, n_layers), _z_of(run, new, n_layers)
    layer, head = sender

    def swap(x, hook):
        x = x.clone()
        x[:, :, head] = other[layer][:, :, head]
        return x

    return run(orig, [*_frozen(z), (f"blocks.{layer}.attn.hook_z", swap)])


def path_all_at_new(run, orig, new, n_layers, sender):
    return run(orig, _frozen(_z_of(run, new, n_layers)))


def path_same_number(run, orig, new, n_layers, sender):
    z, other = _z_of(run, orig, n_layers), _z_of(run, new, n_layers)
    for mine, theirs in zip(z, other, strict=True):
        mine[:, :, sender[1]] = theirs[:, :, sender[1]]
    return run(orig, _frozen(z))


def path_last_position(run, orig, new, n_layers, sender):
    z, other = _z_of(run, orig, n_layers), _z_of(run, new, n_layers)
    z[sender[0]][:, -1, sender[1]] = other[sender[0]][:, -1, sender[1]]
    return run(orig, _frozen(z))


def path_zero(run, orig, new, n_layers, sender):
    z = _z_of(run, orig, n_layers)
    z[sender[0]][:, :, sender[1]] = 0
    return run(orig, _frozen(z))


def path_added(run, orig, new, n_layers, sender):
    z, other = _z_of(run, orig, n_layers), _z_of(run, new, n_layers)
    z[sender[0]][:, :, sender[1]] += other[sender[0]][:, :, sender[1]]
    return run(orig, _frozen(z))


def path_change(run, orig, new, n_layers, sender):
    return path_plain(run, orig, new, n_layers, sender) - run(orig, [])


def path_head_first(run, orig, new, n_layers, sender):
    return path_plain(run, orig, new, n_layers, sender[::-1])


def path_at_end(run, orig, new, n_layers, sender):
    return path_plain(run, orig, new, n_layers, sender)[:, -1]


def path_kept(run, orig, new, n_layers, sender):
    return dict(enumerate(_z_of(run, orig, n_layers)))


def path_new_only(run, orig, new, n_layers, sender):
    return run(new, [])


def path_no_pairs(run, orig, new, n_layers, sender):
    return run(orig, [lambda z, hook: z])


def path_two_layers(run, orig, new, n_layers, sender):
    z, other = _z_of(run, orig, 2), _z_of(run, new, 2)
    z[sender[0]][:, :, sender[1]] = other[sender[0]][:, :, sender[1]]
    return run(orig, _frozen(z))


WRONG = {
    "relative_change": [
        (rc_absolute_mean, "without its sign"),
        (rc_four_prompts, "change by"),
        (rc_kept_axis, "(layer, head)"),
        (rc_mean_of_ratios, "this is a mean of ratios"),
        (rc_sign, "the sign is wrong"),
        (rc_share, "this is a share"),
        (rc_logits, "this is the change in logits"),
        (rc_left, "this is what is left"),
        (rc_by_patched, "divides by the patched mean"),
        (rc_each, "one value for each prompt is too many"),
        (rc_one, "return one number for each head"),
    ],
    "name_projection": [
        (pj_names_as_rows, "projection should"),
        (pj_squeezed, "(batch)"),
        (pj_all_heads_mean, "mean"),
        (np_all_pairs, "every prompt on every prompt's name"),
        (np_vocabulary, "pick each prompt's name"),
        (np_unsummed, "the entries are not added up"),
        (np_first, "on the first prompt's name"),
        (np_unit, "scaled to length 1"),
        (np_cosine, "this is a cosine"),
        (np_layer_norm, "leaves the final LayerNorm out"),
        (np_softmax, "no softmax"),
        (np_no_output, "the inner axes of each product are equal"),
        (np_transposed, "the inner axes of each product are equal"),
        (np_mean, "one number for each prompt, not their mean"),
        (np_average, "this is a mean over d_model"),
        (np_largest, "take that of the name"),
    ],
    "template_means": [
        (tm_from_zero, "never filled"),
        (tm_first_of_template, "first prompt of each template"),
        (tm_median, "median"),
        (tm_global, "average within each"),
        (tm_positions, "averages over the positions as well"),
        (tm_sums, "these are sums"),
        (tm_all_count, "divide by that of the template"),
        (tm_by_template, "give each PROMPT"),
        (tm_leave_out, "left out of its own mean"),
        (tm_first, "the first prompt's template"),
        (tm_dictionary, "not a dictionary"),
        (tm_in_place, "changed its argument z in place"),
        (tm_nothing, "nothing is averaged"),
    ],
    "path_patch": [
        (path_all_at_new, "every head takes its z of new"),
        (path_same_number, "in every layer"),
        (path_last_position, "last position alone"),
        (path_zero, "set to zero"),
        (path_added, "ADDED"),
        (path_change, "the change of the logits"),
        (path_head_first, "are exchanged"),
        (path_at_end, "the logits of one position"),
        (path_kept, "what was kept of a run"),
        (path_new_only, "the run on new"),
        (path_no_pairs, "list of pairs"),
        (path_two_layers, "the last layer is not frozen"),
    ],
}


RIGHT = {
    "relative_change": [
        rc_by_ratio,
        rc_means,
        rc_ratio,
        rc_sums,
    ],
    "name_projection": [
        pj_by_diagonal,
        np_index,
        np_dot,
        np_einsum,
        np_diagonal,
    ],
    "template_means": [
        tm_by_matrix,
        tm_loop,
        tm_matrix,
        tm_index_add,
    ],
    "path_patch": [
        path_plain,
        path_in_two_hooks,
    ],
}
