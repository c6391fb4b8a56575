"""Answers to the exercises on the paper's figure 3, written without seeing its check."""

import functools
from functools import partial

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


# --- path_patch
def pth_two_dictionaries(run, orig, new, n_layers, sender):
    def kept(tokens):
        cache = {}

        def keep(name):
            def save(z, hook):
                cache[name] = z.clone()

            return name, save

        run(tokens, [keep(f"blocks.{layer}.attn.hook_z") for layer in range(n_layers)])
        return cache

    here, there = kept(orig), kept(new)
    layer, head = sender
    here[f"blocks.{layer}.attn.hook_z"][:, :, head] = there[f"blocks.{layer}.attn.hook_z"][
        :, :, head
    ]
    pairs = [(name, lambda z, hook, value=value: value) for name, value in here.items()]
    return run(orig, pairs)


def pth_one_hook(run, orig, new, n_layers, sender):
    """One function for all layers: it finds the layer by the hook point."""
    names = [f"blocks.{i}.attn.hook_z" for i in range(n_layers)]
    runs = {"orig": {}, "new": {}}

    def save(z, hook, where):
        where[hook.layer()] = z.detach().clone()

    for key, tokens in (("orig", orig), ("new", new)):
        run(tokens, [(name, functools.partial(save, where=runs[key])) for name in names])

    def put(z, hook):
        layer = hook.layer()
        heads = torch.arange(z.shape[2])[:, None]
        sent = (heads == sender[1]) & (layer == sender[0])
        return torch.where(sent, runs["new"][layer], runs["orig"][layer])

    return run(orig, [(name, put) for name in names])


def pth_later_only(run, orig, new, n_layers, sender):
    """Heads before the sender, and beside it, hear nothing: freezing the later ones is enough."""
    layer, head = sender
    of_new, frozen = [], {}
    run(new, [(f"blocks.{layer}.attn.hook_z", lambda z, hook: of_new.append(z.clone()))])

    def keep(i):
        return lambda z, hook: frozen.update({i: z.clone()})

    later = range(layer + 1, n_layers)
    run(orig, [(f"blocks.{i}.attn.hook_z", keep(i)) for i in later])

    def send(z, hook):
        z[:, :, head] = of_new[0][:, :, head]
        return z

    def freeze(i):
        return lambda z, hook: frozen[i]

    pairs = [(f"blocks.{layer}.attn.hook_z", send)]
    return run(orig, pairs + [(f"blocks.{i}.attn.hook_z", freeze(i)) for i in later])


def _kept_z(run, tokens, n_layers):
    kept = {}

    def keep(i):
        return lambda z, hook: kept.__setitem__(i, z.clone())

    run(tokens, [(f"blocks.{i}.attn.hook_z", keep(i)) for i in range(n_layers)])
    return kept


def pth_unfrozen(run, orig, new, n_layers, sender):
    layer, head = sender
    there = _kept_z(run, new, n_layers)[layer]

    def send(z, hook):
        z = z.clone()
        z[:, :, head] = there[:, :, head]
        return z

    return run(orig, [(f"blocks.{layer}.attn.hook_z", send)])


def pth_turned_round(run, orig, new, n_layers, sender):
    return pth_two_dictionaries(run, new, orig, n_layers, sender)


def pth_late(run, orig, new, n_layers, sender):
    here, there = _kept_z(run, orig, n_layers), _kept_z(run, new, n_layers)
    here[sender[0]][:, :, sender[1]] = there[sender[0]][:, :, sender[1]]
    pairs = []
    for i in range(n_layers):
        pairs.append((f"blocks.{i}.attn.hook_z", lambda z, hook: here[i]))
    return run(orig, pairs)


def pth_whole_layer(run, orig, new, n_layers, sender):
    here, there = _kept_z(run, orig, n_layers), _kept_z(run, new, n_layers)
    here[sender[0]] = there[sender[0]]
    pairs = [(f"blocks.{i}.attn.hook_z", lambda z, hook, i=i: here[i]) for i in here]
    return run(orig, pairs)


def pth_run_on_new(run, orig, new, n_layers, sender):
    here, there = _kept_z(run, orig, n_layers), _kept_z(run, new, n_layers)
    here[sender[0]][:, :, sender[1]] = there[sender[0]][:, :, sender[1]]
    pairs = [(f"blocks.{i}.attn.hook_z", lambda z, hook, i=i: here[i]) for i in here]
    return run(new, pairs)


def pth_mlps_frozen(run, orig, new, n_layers, sender):
    here, there = _kept_z(run, orig, n_layers), _kept_z(run, new, n_layers)
    here[sender[0]][:, :, sender[1]] = there[sender[0]][:, :, sender[1]]
    mlps = {}

    def keep(i):
        return lambda x, hook: mlps.__setitem__(i, x.clone())

    run(orig, [(f"blocks.{i}.hook_mlp_out", keep(i)) for i in range(n_layers)])
    pairs = [(f"blocks.{i}.attn.hook_z", lambda z, hook, i=i: here[i]) for i in here]
    pairs += [(f"blocks.{i}.hook_mlp_out", lambda x, hook, i=i: mlps[i]) for i in mlps]
    return run(orig, pairs)


def pth_forgets_the_swap(run, orig, new, n_layers, sender):
    here, there = _kept_z(run, orig, n_layers), _kept_z(run, new, n_layers)
    here[sender[0]].clone()[:, :, sender[1]] = there[sender[0]][:, :, sender[1]]
    pairs = [(f"blocks.{i}.attn.hook_z", lambda z, hook, i=i: here[i]) for i in here]
    return run(orig, pairs)


def pth_axis(run, orig, new, n_layers, sender):
    here, there = _kept_z(run, orig, n_layers), _kept_z(run, new, n_layers)
    here[sender[0]][:, sender[1]] = there[sender[0]][:, sender[1]]
    pairs = [(f"blocks.{i}.attn.hook_z", lambda z, hook, i=i: here[i]) for i in here]
    return run(orig, pairs)


def pth_nothing_returned(run, orig, new, n_layers, sender):
    pth_two_dictionaries(run, orig, new, n_layers, sender)


# --- tries of one who walked the chapter from its first cell to its last
def _fixed(z, hook, value):
    return value


def _keep(run, tokens, n_layers):
    kept = {}

    def keep(z, hook, name):
        kept[name] = z.clone()

    names = [f"blocks.{i}.attn.hook_z" for i in range(n_layers)]
    run(tokens, [(n, partial(keep, name=n)) for n in names])
    return kept


def pt_other_frozen(run, orig, new, n_layers, sender):
    """The new values are frozen, and the sender is put back."""
    layer, head = sender
    name = f"blocks.{layer}.attn.hook_z"
    a, b = _keep(run, orig, n_layers), _keep(run, new, n_layers)
    b[name][:, :, head] = a[name][:, :, head]
    return run(orig, [(n, partial(_fixed, value=v)) for n, v in b.items()])


def pt_only_later(run, orig, new, n_layers, sender):
    """The last layer is left out of the loop."""
    layer, head = sender
    a, b = _keep(run, orig, n_layers), _keep(run, new, n_layers)
    a[f"blocks.{layer}.attn.hook_z"][:, :, head] = b[f"blocks.{layer}.attn.hook_z"][:, :, head]
    return run(
        orig,
        [
            (f"blocks.{i}.attn.hook_z", partial(_fixed, value=a[f"blocks.{i}.attn.hook_z"]))
            for i in range(n_layers - 1)
        ],
    )


def pt_end_only(run, orig, new, n_layers, sender):
    layer, head = sender
    a, b = _keep(run, orig, n_layers), _keep(run, new, n_layers)
    n = f"blocks.{layer}.attn.hook_z"
    a[n][:, -1, head] = b[n][:, -1, head]
    return run(orig, [(n, partial(_fixed, value=v)) for n, v in a.items()])


def pt_diff(run, orig, new, n_layers, sender):
    layer, head = sender
    a, b = _keep(run, orig, n_layers), _keep(run, new, n_layers)
    a[f"blocks.{layer}.attn.hook_z"][:, :, head] = b[f"blocks.{layer}.attn.hook_z"][:, :, head]
    return run(orig, [(n, partial(_fixed, value=v)) for n, v in a.items()]) - run(orig, [])


def pt_last_logits(run, orig, new, n_layers, sender):
    layer, head = sender
    a, b = _keep(run, orig, n_layers), _keep(run, new, n_layers)
    a[f"blocks.{layer}.attn.hook_z"][:, :, head] = b[f"blocks.{layer}.attn.hook_z"][:, :, head]
    return run(orig, [(n, partial(_fixed, value=v)) for n, v in a.items()])[:, -1]


def pt_right(run, orig, new, n_layers, sender):
    """The sender's layer and the later ones: earlier heads read nothing of it."""
    layer, head = sender
    a, b = _keep(run, orig, n_layers), _keep(run, new, n_layers)

    def put(z, hook, name, swap):
        out = a[name].clone()
        if swap:
            out[..., head, :] = b[name][..., head, :]
        return out

    names = {i: f"blocks.{i}.attn.hook_z" for i in range(layer, n_layers)}
    return run(orig, [(n, partial(put, name=n, swap=i == layer)) for i, n in names.items()])


def npj_wu(z, W_O, W_U, names):
    out = z @ W_O
    return (out / out.norm(dim=-1, keepdim=True) * W_U[:, names].T).sum(-1)


def tm_right(z, template):
    same = (template[:, None] == template).to(z.dtype)
    return torch.einsum("ij,jpd->ipd", same / same.sum(1, keepdim=True), z)


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
        (npj_wu, "scaled to length 1 first"),
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
    "path_patch": [
        (pt_other_frozen, "exchanged in what is frozen"),
        (pt_only_later, "the last layer is not frozen"),
        (pt_end_only, "swapped at the last position alone"),
        (pt_diff, "this is the change of the logits"),
        (pt_last_logits, "the logits of one position"),
        (pth_unfrozen, "not frozen"),
        (pth_turned_round, "orig and new are exchanged"),
        (pth_late, "the last layer's z"),
        (pth_whole_layer, "all heads of the sender's layer"),
        (pth_run_on_new, "the last run is on new"),
        (pth_mlps_frozen, "MLPs are frozen too"),
        (pth_forgets_the_swap, "nothing is swapped"),
        (pth_axis, "the second axis of z"),
        (pth_nothing_returned, "returns None"),
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
        tm_right,
        tm_by_index_add,
        tm_one_hot,
        tm_per_prompt,
        tm_index_add,
    ],
    "path_patch": [
        pt_right,
        pth_two_dictionaries,
        pth_one_hook,
        pth_later_only,
    ],
}
