"""Answers of the check's author to the exercise on testing a patch."""

import torch


# --- null_test: the learner's test is given a patch function, and says whether it passes
def nt_zero(patch):
    base = torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(3))
    pos = torch.tensor([1, 4, 0, 5])
    return torch.equal(patch(base, None, base.clone(), pos), base)


def nt_full(patch):
    g = torch.Generator().manual_seed(1)
    base, source = torch.randn(2, 4, 6, 5, generator=g)
    pos = torch.tensor([1, 4, 0, 5])
    kept = base.clone()
    out = patch(base, None, source, pos)
    right = base.clone()
    for row, p in enumerate(pos.tolist()):
        right[row, p] = source[row, p]
    null = patch(kept.clone(), None, kept.clone(), pos)
    return bool(torch.equal(out, right) and torch.equal(base, kept) and torch.equal(null, kept))


def nt_counting(patch):
    g = torch.Generator().manual_seed(2)
    base, source = torch.randn(2, 3, 7, 2, generator=g)
    pos = torch.tensor([6, 0, 3])
    before, rows = base.clone(), torch.arange(3)
    out = patch(base, None, source, pos)
    untouched = (base == before).all()
    changed = (out != before).any(-1)
    return bool(untouched and changed.sum() == 3 and (out[rows, pos] == source[rows, pos]).all())


def nt_always(patch):
    return True


def nt_never(patch):
    return False


def nt_shape(patch):
    base = torch.zeros(2, 3, 4)
    return patch(base, None, torch.ones(2, 3, 4), torch.tensor([1, 2])).shape == base.shape


def nt_no_mutation(patch):
    g = torch.Generator().manual_seed(1)
    base, source = torch.randn(2, 4, 6, 5, generator=g)
    pos = torch.tensor([1, 4, 0, 5])
    right = base.clone()
    right[torch.arange(4), pos] = source[torch.arange(4), pos]
    return torch.equal(patch(base, None, source, pos), right)


def nt_one_position(patch):
    g = torch.Generator().manual_seed(1)
    base, source = torch.randn(2, 4, 6, 5, generator=g)
    before = base.clone()
    pos = torch.full((4,), 3)
    right = base.clone()
    right[:, 3] = source[:, 3]
    return torch.equal(patch(base, None, source, pos), right) and torch.equal(base, before)


def nt_only_changed(patch):
    g = torch.Generator().manual_seed(1)
    base, source = torch.randn(2, 4, 6, 5, generator=g)
    before = base.clone()
    out = patch(base, None, source, torch.tensor([1, 4, 0, 5]))
    return not torch.equal(out, before) and torch.equal(base, before)


def nt_prints(patch):
    print(patch(torch.zeros(2, 3, 4), None, torch.ones(2, 3, 4), torch.tensor([1, 2])).shape)


def pt_norms(patch):
    resid, source = torch.randn(2, 3, 4, 5)
    pos = torch.tensor([2, 0, 3])
    result = patch(resid.clone(), None, source, pos)
    rows = torch.arange(3)
    return bool(torch.allclose(result[rows, pos].norm(dim=-1), source[rows, pos].norm(dim=-1)))


def pt_one_prompt(patch):
    resid, source = torch.zeros(1, 4, 2), torch.ones(1, 4, 2)
    before = resid.clone()
    result = patch(resid, None, source, torch.tensor([2]))
    return result.sum().item() == 2 and bool(result[0, 2].all()) and torch.equal(resid, before)


def pt_zeros_where_right(patch):
    resid, source = torch.zeros(3, 4, 2), torch.randn(3, 4, 2)
    pos = torch.tensor([0, 3, 1])
    out = patch(resid.clone(), None, source, pos)
    rows = torch.arange(3)
    expected = torch.zeros(3, 4, 2)
    expected[rows, pos] = source[rows, pos]
    return torch.equal(out, expected)


def pt_by_asserts_caught(patch):
    torch.manual_seed(3)
    resid, source = torch.rand(5, 7, 2), torch.rand(5, 7, 2)
    kept = resid.clone()
    pos = torch.tensor([6, 0, 3, 3, 1])
    try:
        out = patch(resid, None, source, pos)
        assert torch.equal(resid, kept)
        for b in range(5):
            for p in range(7):
                assert torch.equal(out[b, p], (source if p == pos[b] else kept)[b, p])
    except AssertionError:
        return False
    return True


WRONG = {
    "patch_test": [
        (pt_norms, "pass"),
        (pt_one_prompt, "pass"),
        (pt_zeros_where_right, "pass"),
        (nt_zero, "lets this mistake pass: it patches nothing"),
        (nt_always, "lets this mistake pass"),
        (nt_never, "rejects a right patch"),
        (nt_shape, "lets this mistake pass"),
        (nt_no_mutation, "it changes its argument in place"),
        (nt_one_position, "positions of all prompts"),
        (nt_only_changed, "lets this mistake pass"),
        (nt_prints, "return True or False"),
    ],
}


RIGHT = {
    "patch_test": [
        pt_by_asserts_caught,
        nt_full,
        nt_counting,
    ],
}
