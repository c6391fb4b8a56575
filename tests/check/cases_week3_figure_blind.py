"""Answers to the exercises on figure 3 and on debugging, from the chapters' texts alone.

RIGHT and WRONG are as in `cases_induction`. Written before the checks were seen.
"""

import torch
from einops import einsum, reduce


# ---------------------------------------------------------------- relative_change
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


# ---------------------------------------------------------------- name_projection
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


# ---------------------------------------------------------------- template_means
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


# ---------------------------------------------------------------- patch_test
def _test(*, batch=4, pos=(1, 4, 0, 2), make=torch.randn, before=True, rest=True, there=True):
    """A learner's test, with a part left out or an example that is too simple."""

    def patch_test(patch):
        torch.manual_seed(0)
        resid, source = make(batch, 5, 3), make(batch, 5, 3)
        at, kept = torch.tensor(pos[:batch]), resid.clone()
        patched = patch(resid, None, source, at)
        expected = kept.clone()
        for b in range(batch):
            expected[b, at[b]] = source[b, at[b]]
        rows = torch.arange(batch)
        if not rest:
            return torch.equal(patched[rows, at], source[rows, at]) and torch.equal(resid, kept)
        if not there:
            patched, expected = patched.clone(), expected.clone()
            patched[rows, at] = expected[rows, at] = 0
        return torch.equal(patched, expected) and (not before or torch.equal(resid, kept))

    return patch_test


def pt_counting(patch):
    """No random numbers: all entries differ. Keyword arguments; a patch may raise."""
    resid = torch.arange(60.0).view(3, 5, 4)
    source, pos = -1 - resid, torch.tensor([3, 0, 1])
    ours, theirs = resid.clone(), source.clone()
    try:
        out = patch(resid, hook=None, source=source, pos=pos)
        right = all(
            out[b, p].tolist() == (theirs if p == pos[b] else ours)[b, p].tolist()
            for b in range(3)
            for p in range(5)
        )
    except Exception:
        return False
    return right and out.shape == ours.shape and bool((resid == ours).all())


class PatchTest:
    """Several rounds of random tensors, in double precision."""

    __name__ = "PatchTest"

    def __call__(self, patch):
        draw = torch.Generator().manual_seed(1)
        return all(self.one_round(patch, draw) for _ in range(5))

    def one_round(self, patch, draw):
        resid, source = torch.randn(2, 6, 7, 3, generator=draw, dtype=torch.double)
        kept = resid.clone()
        pos = torch.randperm(7, generator=draw)[:6]
        patched, again = patch(resid, None, source, pos), patch(resid, None, source, pos)
        if patched.shape != kept.shape:
            return False
        changed = (patched != kept).any(-1)
        rows = torch.arange(6)
        where = torch.nn.functional.one_hot(pos, 7).bool()
        good = torch.equal(again[rows, pos], source[rows, pos]) and torch.equal(changed, where)
        return good and torch.equal(resid, kept)


def pt_always(patch):
    return True


def pt_never(patch):
    return False


def pt_shape(patch):
    resid, source = torch.randn(4, 5, 3), torch.randn(4, 5, 3)
    return patch(resid, None, source, torch.tensor([1, 4, 0, 2])).shape == resid.shape


def pt_own_formula(patch):
    resid, source = torch.randn(4, 5, 3), torch.randn(4, 5, 3)
    pos = torch.tensor([1, 4, 0, 2])
    expected = resid.clone()
    expected[:, pos] = source[:, pos]
    return torch.equal(patch(resid, None, source, pos), expected)


def pt_asserts(patch):
    assert _test()(patch)


def pt_turned(patch):
    return not _test()(patch)


def pt_alias(patch):
    resid, source = torch.randn(4, 5, 3), torch.randn(4, 5, 3)
    kept, pos = resid, torch.tensor([1, 4, 0, 2])
    expected = resid.clone()
    for b in range(4):
        expected[b, pos[b]] = source[b, pos[b]]
    return torch.equal(patch(resid, None, source, pos), expected) and torch.equal(resid, kept)


def pt_something_moved(patch):
    resid, source = torch.randn(4, 5, 3), torch.randn(4, 5, 3)
    return not torch.equal(patch(resid.clone(), None, source, torch.tensor([1, 4, 0, 2])), resid)


def pt_close_sums(patch):
    resid, source = torch.ones(4, 5, 3), torch.zeros(4, 5, 3)
    patched = patch(resid.clone(), None, source, torch.tensor([1, 4, 0, 2]))
    return patched.sum().item() == 4 * 5 * 3 - 4 * 3


RIGHT = {
    "relative_change": [rc_sums, rc_loop, rc_of_changes],
    "name_projection": [pj_diagonal, pj_into_the_head, pj_loop, pj_gather],
    "template_means": [tm_one_hot, tm_per_prompt, tm_index_add],
    "patch_test": [_test(), pt_counting, PatchTest()],
}

WRONG = {
    "relative_change": [
        (rc_mean_of_ratios, "mean of"),
        (rc_share, "percent"),
        (rc_turned, "sign"),
        (rc_of_patched, "clean"),
        (rc_left, "subtract"),
        (rc_difference, "divide"),
        (rc_per_prompt, "prompts"),
        (rc_one_number, "each head"),
        (rc_last_axis, "shape"),
    ],
    "name_projection": [
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
    ],
    "template_means": [
        (tm_all, "all prompts"),
        (tm_positions_too, "position"),
        (tm_one_each, "each PROMPT"),
        (tm_in_place, "in place"),
        (tm_sum, "sum"),
        (tm_by_batch, "divide"),
        (tm_others, "left out"),
        (tm_blocks, "row"),
        (tm_sorted, "row"),
    ],
    "patch_test": [
        (pt_always, "lets this mistake pass"),
        (pt_never, "right"),
        (pt_shape, "lets this mistake pass"),
        (pt_own_formula, "right"),
        (pt_asserts, "return"),
        (pt_turned, "right"),
        (pt_alias, "in place"),
        (pt_something_moved, "lets this mistake pass"),
        (pt_close_sums, "lets this mistake pass"),
        (_test(before=False), "in place"),
        (_test(rest=False), "whole"),
        (_test(there=False), "lets this mistake pass"),
        (_test(pos=(2, 2, 2, 2)), "position"),
        (_test(batch=1), "prompt"),
        (_test(make=torch.ones), "lets this mistake pass"),
        (_test(pos=(4, 4, 4, 4)), "position"),
    ],
}
