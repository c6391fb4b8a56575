"""Answers to weeks 3 and 4, from the chapters' texts alone, that the checks were mended for.

WRONG is as in `cases_induction`. At first each was accepted, or rejected with words that did not
name its mistake.
"""

import functools
import itertools
import random

import numpy as np
import torch


# ---------------------------------------------------------------- normalised
def nm_own_range(patched, corrupted, clean):
    return (patched - patched.min()) / (patched.max() - patched.min())


# ---------------------------------------------------------------- logit_difference
def ld_ratio(logits, io, s, end):
    rows = torch.arange(len(logits))
    return logits[rows, end, io] / logits[rows, end, s]


# ---------------------------------------------------------------- name_positions
def np_sums(tokens, io, s):
    at = torch.arange(tokens.shape[1])
    is_s = tokens == s[:, None]
    s2 = (at * is_s).max(1).values
    return (at * (tokens == io[:, None])).sum(1), (at * is_s).sum(1) - s2, s2


def np_all_first(tokens, io, s):
    at_io, s1, s2 = np_sums(tokens, io[:1].expand_as(io), s[:1].expand_as(s))
    return at_io, s1, s2


# ---------------------------------------------------------------- flip
def fl_scatter(tokens, io, s2_pos):
    return tokens.scatter(1, s2_pos.unsqueeze(1), io.unsqueeze(1))


def fl_slice(tokens, io, s2_pos):
    flipped = tokens.clone()
    flipped[:, s2_pos] = io[:, None]
    return flipped


def fl_both_s(tokens, io, s2_pos):
    s = tokens[torch.arange(len(tokens)), s2_pos]
    return torch.where(tokens == s[:, None], io[:, None], tokens)


def fl_trade(tokens, io, s2_pos):
    rows = torch.arange(len(tokens))
    s, is_io = tokens[rows, s2_pos], tokens == io[:, None]
    flipped = torch.where(is_io, s[:, None], tokens)
    flipped[rows, s2_pos] = io
    return flipped


def fl_off_by_one(tokens, io, s2_pos):
    return fl_scatter(tokens, io, s2_pos + 1)


# ---------------------------------------------------------------- patch_position
def pp_mean(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid = resid.clone()
    resid[rows, pos] = source[rows, pos].mean(0)
    return resid


# ---------------------------------------------------------------- relative_change
def rc_median(patched, clean):
    return 100 * (patched.median(0).values - clean.median()) / clean.median()


def rc_first_clean(patched, clean):
    return 100 * (patched.mean(0) - clean[0]) / clean[0]


# ---------------------------------------------------------------- name_projection
def pj_gather(z, W_O, W_U, names):
    logits = torch.nn.functional.linear(z, W_O.T) @ W_U
    return logits.gather(1, names[:, None]).flatten()


def pj_rows(z, W_O, W_U, names):
    return (z @ W_O * W_U[names]).sum(-1)


def pj_layer_norm(z, W_O, W_U, names):
    out = torch.nn.functional.layer_norm(z @ W_O, W_O.shape[1:])
    return (out * W_U[:, names].T).sum(-1)


def pj_absolute(z, W_O, W_U, names):
    return pj_gather(z, W_O, W_U, names).abs()


def pj_row_sums(z, W_O, W_U, names):
    return (z @ W_O @ W_U[:, names]).sum(-1)


# ---------------------------------------------------------------- template_means
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


# ---------------------------------------------------------------- batches
def ba_restarts(stream, size):
    while batch := list(itertools.islice(iter(stream), size)):
        yield batch


def ba_no_none(stream, size):
    for batch in itertools.zip_longest(*[iter(stream)] * size):
        yield [item for item in batch if item is not None]


# ---------------------------------------------------------------- hooks_for
def _name(layer):
    return f"blocks.{layer}.attn.hook_z"


def hf_index(function, heads):
    return [(_name(p[0]), functools.partial(function, head=n)) for n, p in enumerate(heads)]


def hf_lazy(function, heads):
    return ((_name(layer), functools.partial(function, head=head)) for layer, head in heads)


def hf_hook_lost(function, heads):
    def bind(head):
        return lambda z, hook: function(z, None, head)

    return [(_name(layer), bind(head)) for layer, head in heads]


# ---------------------------------------------------------------- gifts
def gi_global(names, things, seed):
    random.seed(seed)
    while True:
        giver, receiver = random.sample(names, 2)
        yield giver, receiver, random.choice(things)


def gi_numpy_global(names, things, seed):
    np.random.seed(seed)
    while True:
        a, b = np.random.choice(len(names), 2, replace=False)
        yield names[a], names[b], things[np.random.randint(len(things))]


def gi_torch_global(names, things, seed):
    torch.manual_seed(seed)
    while True:
        a, b = torch.randperm(len(names))[:2].tolist()
        yield names[a], names[b], things[torch.randint(len(things), ())]


_one_rng = random.Random()


def gi_module_rng(names, things, seed):
    _one_rng.seed(seed)
    while True:
        yield (*_one_rng.sample(names, 2), _one_rng.choice(things))


def gi_finite(names, things, seed):
    rng = random.Random(seed)
    for _ in range(1000):
        yield (*rng.sample(names, 2), rng.choice(things))


def gi_shuffles(names, things, seed):
    rng = random.Random(seed)
    while True:
        rng.shuffle(names)
        yield names[0], names[1], rng.choice(things)


# ---------------------------------------------------------------- one_token
def ot_lazy(words, encode):
    return (word for word in words if len(encode(" " + word)) == 1)


def ot_removes(words, encode):
    for word in words:
        if len(encode(" " + word)) != 1:
            words.remove(word)
    return words


def ot_letters(words, encode):
    return [word for word in words if len(" " + word) == 1]


def ot_either(words, encode):
    return [word for word in words if 1 in (len(encode(word)), len(encode(" " + word)))]


def ot_both(words, encode):
    return [word for word in words if len(encode(word)) == 1 == len(encode(" " + word))]


# ---------------------------------------------------------------- both_orders
def _text(first, second, giver, thing, vowels="aeiou"):
    article = "an" if thing[0] in vowels else "a"
    return f"Then, {first} and {second} went to the shops. {giver} gave {article} {thing} to"


def bo_loop(gifts):
    for giver, receiver, thing in gifts:
        for pair in ((receiver, giver), (giver, receiver)):
            yield _text(*pair, giver, thing), receiver, giver


def bo_no_u(gifts):
    for s, io, thing in gifts:
        yield _text(io, s, s, thing, vowels="aeio"), io, s
        yield _text(s, io, s, thing, vowels="aeio"), io, s


def bo_same_twice(gifts):
    for s, io, thing in gifts:
        yield _text(io, s, s, thing), io, s
        yield _text(io, s, s, thing), io, s


def bo_ahead(gifts):
    gifts = iter(gifts)
    waiting = next(gifts)
    for following in gifts:
        yield from bo_loop([waiting])
        waiting = following
    yield from bo_loop([waiting])


# ---------------------------------------------------------------- leading_directions
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


le_one_too_many = functools.partial(_directions, more=2)


le_of_largest = functools.partial(_directions, of="largest")


def le_eigen_ascending(rows, share):
    vectors = torch.linalg.eigh(rows.T.cov()).eigenvectors
    return vectors.T[: len(_directions(rows, share))]


def le_standardised(rows, share):
    return _directions((rows - rows.mean(0)) / rows.std(0), share)


# ---------------------------------------------------------------- remove_component
def re_summed(x, basis, mean):
    direction = basis.sum(0) / basis.sum(0).norm()
    return x - ((x - mean) @ direction)[..., None] * direction


def re_dimensions(x, basis, mean):
    x = x.clone()
    x[..., : len(basis)] = mean[: len(basis)]
    return x


# ---------------------------------------------------------------- interval_of_mean
def _bounds(numbers, low=0.025, high=0.975):
    return numbers.quantile(low), numbers.quantile(high)


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


# ---------------------------------------------------------------- shuffle_component
def _put(x, part, moved, basis):
    return x + (moved - part) @ basis


def _gathered(part, order):
    return part.gather(1, order[..., None].expand_as(part))


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


WRONG = {
    "normalised": [
        (nm_own_range, "smallest to the largest"),
    ],
    "logit_difference": [
        (ld_ratio, "ratio"),
    ],
    "name_positions": [
        (np_all_first, "first prompt"),
    ],
    "flip": [
        (fl_slice, "whole columns"),
        (fl_both_s, "S1 is replaced too"),
        (fl_trade, "IO's own place"),
        (fl_off_by_one, "one position too late"),
    ],
    "patch_position": [
        (pp_mean, "mean"),
    ],
    "relative_change": [
        (rc_median, "median"),
        (rc_first_clean, "first"),
    ],
    "name_projection": [
        (pj_rows, "column"),
        (pj_layer_norm, "LayerNorm"),
        (pj_absolute, "sign"),
        (pj_row_sums, "own name"),
    ],
    "template_means": [
        (tm_over_positions, "position"),
        (tm_from_zero, "since the numbers need not run from 0 on"),
        (tm_last_missing, "never filled"),
        (tm_one_number, "one number for a whole template"),
        (tm_returns_inside, "does a return stand inside"),
    ],
    "patch_test": [
        (pt_asserts_true, "return False"),
        (pt_empty_resid, "ADDS source's"),
    ],
    "batches": [
        (ba_restarts, "iter(stream) once"),
        (ba_no_none, "None, 0 and an empty text"),
    ],
    "hooks_for": [
        (hf_index, "should silence head 1"),
        (hf_lazy, "not a generator"),
        (hf_hook_lost, "does not reach the function"),
    ],
    "gifts": [
        (gi_global, "all of Python shares"),
        (gi_numpy_global, "numpy"),
        (gi_torch_global, "torch"),
        (gi_module_rng, "in turns"),
        (gi_finite, "after 1000 gifts"),
        (gi_shuffles, "changes the list of names"),
    ],
    "one_token": [
        (ot_lazy, "not generator"),
        (ot_removes, "changed"),
        (ot_letters, "encode is never called"),
        (ot_either, "after a space"),
        (ot_both, "after a space"),
    ],
    "both_orders": [
        (bo_no_u, "a, e, i, o and u"),
        (bo_same_twice, "the same in both prompts"),
        (bo_ahead, "one at a time"),
    ],
    "leading_directions": [
        (le_one_too_many, "are the fewest"),
        (le_of_largest, "add up the shares"),
        (le_eigen_ascending, "eigh sorts upwards"),
        (le_standardised, "standard deviation"),
    ],
    "remove_component": [
        (re_summed, "added into one"),
        (re_dimensions, "first 3 entries"),
    ],
    "interval_of_mean": [
        (in_all_drawn, "of the MEANS"),
        (in_one_sided, "at each side"),
        (in_ninety_eight, "95"),
        (in_normal, "normal distribution"),
        (in_normal_of_means, "quantile"),
        (in_own_draw, "as it was handed over"),
        (in_permuted, "picks"),
        (in_median, "median"),
        (in_from_centre, "mean"),
        (in_width, "half the width"),
        (in_picks, "values"),
        (in_unique, "with replacement"),
    ],
    "shuffle_component": [
        (sh_sign, "sign"),
        (sh_in_place_step_by_step, "already"),
        (sh_across_prompts, "first prompt"),
        (sh_other_prompt, "another prompt"),
        (sh_no_expand, "expand"),
    ],
}
RIGHT: dict = {}
