"""Answers to the exercise on testing a patch, written without seeing its check."""

import torch


# --- patch_test
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


def pt_asserts_true(patch):
    assert _test()(patch)
    return True


def pt_empty_resid(patch):
    resid, source = torch.zeros(4, 5, 3), torch.randn(4, 5, 3)
    pos = torch.tensor([1, 4, 0, 2])
    expected = torch.zeros(4, 5, 3)
    for b in range(4):
        expected[b, pos[b]] = source[b, pos[b]]
    return torch.equal(patch(resid, None, source, pos), expected) and not resid.any()


def pt_equal_positions(patch):
    resid, source = torch.randn(2, 3, 4, 5)
    before = resid.clone()
    pos = torch.tensor([2, 2, 2])
    expected = resid.clone()
    expected[:, 2] = source[:, 2]
    return torch.equal(patch(resid, None, source, pos), expected) and torch.equal(resid, before)


def pt_always_true(patch):
    return True


def pt_array(patch):
    resid, source = torch.randn(2, 3, 4, 5)
    return patch(resid, None, source, torch.tensor([0, 1, 2])) == resid


def only_shapes(patch):
    resid, source = torch.randn(2, 3, 4, 5)
    return patch(resid, None, source, torch.tensor([0, 1, 2])).shape == resid.shape


WRONG = {
    "patch_test": [
        (only_shapes, "patches nothing"),
        (pt_equal_positions, "lets this mistake pass"),
        (pt_always_true, "lets this mistake pass"),
        (pt_array, "True or False"),
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
        (pt_asserts_true, "return False"),
        (pt_empty_resid, "ADDS source's"),
    ],
}


RIGHT = {
    "patch_test": [
        _test(),
        pt_counting,
        PatchTest(),
    ],
}
