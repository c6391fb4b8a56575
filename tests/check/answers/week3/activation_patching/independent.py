"""Answers to the exercises on activation patching, written without seeing its check."""

import functools
import itertools
from functools import partial

import torch
from einops import einsum


# --- logit_difference
def ld_gather(logits, io, s, end):
    at_end = logits.gather(1, end[:, None, None].expand(-1, 1, logits.shape[-1]))[:, 0]
    return (at_end.gather(1, io[:, None]) - at_end.gather(1, s[:, None])).squeeze(1)


def ld_log_probs(logits, io, s, end):
    lp = logits.log_softmax(-1)
    return torch.stack([lp[b, e, i] - lp[b, e, j] for b, (i, j, e) in enumerate(zip(io, s, end))])


def ld_signed(logits, io, s, end):
    n, _, vocab = logits.shape
    one_hot = torch.nn.functional.one_hot
    sign = (one_hot(io, vocab) - one_hot(s, vocab)).to(logits.dtype)
    return einsum(logits[range(n), end.tolist()], sign, "b v, b v -> b")


def ld_turned(logits, io, s, end):
    rows = torch.arange(len(logits))
    return logits[rows, end, s] - logits[rows, end, io]


def ld_last(logits, io, s, end):
    rows = torch.arange(len(logits))
    return logits[rows, -1, io] - logits[rows, -1, s]


def ld_slice(logits, io, s, end):
    return logits[:, end, io] - logits[:, end, s]


def ld_mean(logits, io, s, end):
    rows = torch.arange(len(logits))
    return (logits[rows, end, io] - logits[rows, end, s]).mean()


def ld_probabilities(logits, io, s, end):
    return -ld_turned(logits.softmax(-1), io, s, end)


def ld_first_end(logits, io, s, end):
    return -ld_turned(logits, io, s, end[:1].expand_as(end))


def ld_before_end(logits, io, s, end):
    return -ld_turned(logits, io, s, end - 1)


def ld_first_names(logits, io, s, end):
    return -ld_turned(logits, io[0], s[0], end)


def ld_io_only(logits, io, s, end):
    return logits[torch.arange(len(logits)), end, io]


def ld_pairs(logits, io, s, end):
    at_end = logits[torch.arange(len(logits)), end]
    return at_end[:, io] - at_end[:, s]


def ld_ratio(logits, io, s, end):
    rows = torch.arange(len(logits))
    return logits[rows, end, io] / logits[rows, end, s]


# --- name_positions
def np_nonzero(tokens, io, s):
    s1, s2 = (tokens == s[:, None]).nonzero()[:, 1].view(-1, 2).unbind(1)
    return (tokens == io[:, None]).nonzero()[:, 1], s1, s2


def np_lists(tokens, io, s):
    rows = [row.tolist() for row in tokens]
    found = [
        (row.index(i), row.index(j), len(row) - 1 - row[::-1].index(j))
        for row, i, j in zip(rows, io.tolist(), s.tolist())
    ]
    return [torch.tensor(column) for column in zip(*found)]


def np_sums(tokens, io, s):
    at = torch.arange(tokens.shape[1])
    is_s = tokens == s[:, None]
    s2 = (at * is_s).max(1).values
    return (at * (tokens == io[:, None])).sum(1), (at * is_s).sum(1) - s2, s2


def np_swapped(tokens, io, s):
    at_io, s1, s2 = np_sums(tokens, io, s)
    return at_io, s2, s1


def np_order(tokens, io, s):
    at_io, s1, s2 = np_sums(tokens, io, s)
    return s1, at_io, s2


def np_not_counted_back(tokens, io, s):
    at_io, s1, _ = np_sums(tokens, io, s)
    return at_io, s1, (tokens == s[:, None]).flip(1).int().argmax(1)


def np_off_by_one(tokens, io, s):
    at_io, s1, s2 = np_sums(tokens, io, s)
    return at_io, s1, s2 + 1


def np_first_row(tokens, io, s):
    return tuple(at[:1].expand(len(tokens)) for at in np_sums(tokens, io, s))


def np_gap(tokens, io, s):
    at_io, s1, s2 = np_sums(tokens, io, s)
    return at_io, s1, s1 + (s2 - s1)[0]


def np_s1_twice(tokens, io, s):
    at_s = (tokens == s[:, None]).int().argmax(1)
    return (tokens == io[:, None]).int().argmax(1), at_s, at_s


def np_from_the_end(tokens, io, s):
    at_io, s1, _ = np_sums(tokens, io, s)
    return at_io, s1, torch.full_like(s1, tokens.shape[1] - 5)


def np_abba(tokens, io, s):
    names = (tokens == io[:, None]) | (tokens == s[:, None])
    return names.nonzero()[:, 1].view(-1, 3).unbind(1)


def np_wrong_reshape(tokens, io, s):
    s1, s2 = (tokens == s[:, None]).nonzero()[:, 1].view(2, -1)
    return (tokens == io[:, None]).nonzero()[:, 1], s1, s2


def np_python_lists(tokens, io, s):
    return tuple(at.tolist() for at in np_sums(tokens, io, s))


def np_stays_two(tokens, io, s):
    at_io, s1, s2 = np_sums(tokens, io, s)
    return at_io, torch.stack([s1, s2], 1)


def np_all_first(tokens, io, s):
    at_io, s1, s2 = np_sums(tokens, io[:1].expand_as(io), s[:1].expand_as(s))
    return at_io, s1, s2


# --- flip
def fl_scatter(tokens, io, s2_pos):
    return tokens.scatter(1, s2_pos.unsqueeze(1), io.unsqueeze(1))


def fl_where(tokens, io, s2_pos):
    there = torch.arange(tokens.shape[1])[None] == s2_pos[:, None]
    return torch.where(there, io[:, None], tokens)


def fl_loop(tokens, io, s2_pos):
    rows = tokens.tolist()
    for row, name, at in zip(rows, io.tolist(), s2_pos.tolist()):
        row[at] = name
    return torch.tensor(rows)


def fl_in_place(tokens, io, s2_pos):
    tokens[torch.arange(len(tokens)), s2_pos] = io
    return tokens


def fl_alias(tokens, io, s2_pos):
    flipped = tokens
    for b in range(len(flipped)):
        flipped[b, s2_pos[b]] = io[b]
    return flipped.clone()


def fl_transposed(tokens, io, s2_pos):
    flipped = tokens.clone()
    flipped[:, s2_pos] = io
    return flipped


def fl_one_name(tokens, io, s2_pos):
    flipped = tokens.clone()
    flipped[torch.arange(len(tokens)), s2_pos] = io[0]
    return flipped


def fl_first_place(tokens, io, s2_pos):
    return fl_scatter(tokens, io, s2_pos[:1].expand_as(s2_pos))


def fl_nothing(tokens, io, s2_pos):
    flipped = tokens.clone()
    flipped[torch.arange(len(tokens)), s2_pos] = io


def fl_unchanged(tokens, io, s2_pos):
    flipped = tokens.clone()
    flipped[torch.arange(len(tokens))][:, s2_pos] = io
    return flipped


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


# --- patch_position
clean_resid = torch.zeros(64, 64, 64)  # a notebook's own name, left over from another cell


def pp_where(resid, hook, source, pos):
    there = torch.arange(resid.shape[1])[None, :, None] == pos[:, None, None]
    return torch.where(there, source, resid)


def pp_loop(resid, hook, source, pos):
    rows = []
    for of_resid, of_source, at in zip(resid, source, pos.tolist()):
        rows.append(torch.cat([of_resid[:at], of_source[at : at + 1], of_resid[at + 1 :]]))
    return torch.stack(rows)


class PatchByScatter:
    """The position's index is spread over d_model."""

    __name__ = "PatchByScatter"

    def __call__(self, resid, hook, source, pos):
        index = pos[:, None, None].expand(-1, 1, resid.shape[-1])
        return resid.scatter(1, index, source.gather(1, index))


def _mixed(resid, hook, source, pos, *, one_hot):
    there = one_hot(pos, resid.shape[1])[..., None].to(resid.dtype)
    return resid * (1 - there) + source * there


pp_partial = functools.partial(_mixed, one_hot=torch.nn.functional.one_hot)


pp_partial.__name__ = "pp_partial"


def pp_slice(resid, hook, source, pos):
    resid = resid.clone()
    resid[:, pos] = source[:, pos]
    return resid


def pp_in_place(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid[rows, pos] = source[rows, pos]
    return resid


def pp_copy_too_late(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid[rows, pos] = source[rows, pos]
    return resid.clone()


def pp_everything(resid, hook, source, pos):
    return source.clone()


def pp_other_way(resid, hook, source, pos):
    return pp_where(source, hook, resid, pos)


def pp_from_here_on(resid, hook, source, pos):
    later = torch.arange(resid.shape[1])[None, :, None] >= pos[:, None, None]
    return torch.where(later, source, resid)


def pp_next(resid, hook, source, pos):
    return pp_where(resid, hook, source, pos + 1)


def pp_adds(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid = resid.clone()
    resid[rows, pos] += source[rows, pos]
    return resid


def pp_first_position(resid, hook, source, pos):
    return pp_where(resid, hook, source, pos[:1].expand_as(pos))


def pp_first_prompt(resid, hook, source, pos):
    resid = resid.clone()
    resid[0, pos[0]] = source[0, pos[0]]
    return resid


def pp_source_of_first(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid = resid.clone()
    resid[rows, pos] = source[0, pos]
    return resid


def pp_source_last(resid, hook, source, pos):
    resid = resid.clone()
    resid[torch.arange(len(resid)), pos] = source[:, -1]
    return resid


def pp_vectors(resid, hook, source, pos):
    return source[torch.arange(len(resid)), pos]


def pp_nothing(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid = resid.clone()
    resid[rows, pos] = source[rows, pos]


def pp_copy_of_copy(resid, hook, source, pos):
    rows, patched = torch.arange(len(resid)), resid.clone()
    patched[rows][:, pos] = source[rows][:, pos]
    return patched


def pp_spoils_source(resid, hook, source, pos):
    for b, at in enumerate(pos):
        vector = source[b, at].clone()
        source[b] = resid[b]
        source[b, at] = vector
    return source


def pp_global(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid = resid.clone()
    resid[rows, pos] = clean_resid[rows, pos, : resid.shape[-1]]
    return resid


def pp_mean(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid = resid.clone()
    resid[rows, pos] = source[rows, pos].mean(0)
    return resid


def ld_log_softmax_vocab_mean(logits, io, s, end):
    rows = torch.arange(len(logits))
    at = logits[rows, end]
    return at[rows, io] - at.mean(-1)


def ld_end_plus_one(logits, io, s, end):
    rows = torch.arange(len(logits))
    where = (end + 1).clamp(max=logits.shape[1] - 1)
    return logits[rows, where, io] - logits[rows, where, s]


def np_from_end(tokens, io, s):
    is_io, is_s = tokens == io[:, None], tokens == s[:, None]
    return is_io.int().argmax(1), is_s.int().argmax(1), is_s.flip(1).int().argmax(1)


def np_io_for_s1(tokens, io, s):
    is_io, is_s = (tokens == io[:, None]).int(), (tokens == s[:, None]).int()
    return is_s.argmax(1), is_io.argmax(1), tokens.shape[1] - 1 - is_s.flip(1).argmax(1)


def fl_shifted_names(tokens, io, s2_pos):
    tokens = tokens.clone()
    tokens[torch.arange(len(tokens)), s2_pos] = io.roll(1)
    return tokens


def fl_inserted(tokens, io, s2_pos):
    rows = []
    for row, name, p in zip(tokens, io, s2_pos, strict=True):
        rows.append(torch.cat([row[:p], name[None], row[p:-1]]))
    return torch.stack(rows)


def fl_by_where(tokens, io, s2_pos):
    here = torch.arange(tokens.shape[1]) == s2_pos[:, None]
    return torch.where(here, io[:, None], tokens)


def pp_mean_over_prompts(resid, hook, source, pos):
    out, rows = resid.clone(), torch.arange(len(resid))
    out[rows, pos] = source[rows, pos].mean(0)
    return out


def pp_source_elsewhere(resid, hook, source, pos):
    out, rows = resid.clone(), torch.arange(len(resid))
    out[rows, pos] = source[rows, pos.flip(0)]
    return out


def pp_by_lerp(resid, hook, source, pos):
    weight = torch.zeros(resid.shape[:2]).scatter(1, pos[:, None], 1.0)[..., None]
    return torch.lerp(resid, source, weight.expand_as(resid))


def at_the_end(logits, io, s, end):
    rows = torch.arange(len(logits))
    return logits[rows, -1, io] - logits[rows, -1, s]


def mean_difference(logits, io, s, end):
    rows = torch.arange(len(logits))
    return (logits[rows, end, io] - logits[rows, end, s]).mean()


def s2_is_s1(tokens, io, s):
    is_io, is_s = (tokens == io[:, None]).int(), (tokens == s[:, None]).int()
    return is_io.argmax(1), is_s.argmax(1), is_s.argmax(1)


def both_mentions(tokens, io, s2_pos):
    name = tokens[torch.arange(len(tokens)), s2_pos]
    return torch.where(tokens == name[:, None], io[:, None], tokens)


def all_positions(resid, hook, source, pos):
    resid = resid.clone()
    resid[:, pos] = source[:, pos]
    return resid


# --- position_sweep
def ps_partial(run, source, point):
    """With a hook function for all cells, bound by partial."""

    def put(x, hook, *, clean, pos):
        x = x.clone()
        x[:, pos] = clean[:, pos]
        return x

    rows = []
    for layer in range(source.shape[0]):
        cells = [functools.partial(put, clean=source[layer], pos=p) for p in range(source.shape[2])]
        rows.append([float(run([(f"blocks.{layer}.{point}", cell)])) for cell in cells])
    return torch.tensor(rows)


class PutBack:
    """A hook as an object; the activation is replaced by a mask, and none is changed in place."""

    def __init__(self, clean, pos):
        self.clean, self.here = clean, torch.arange(clean.shape[1]) == pos

    def __call__(self, x, hook):
        return torch.where(self.here[None, :, None], self.clean, x)


def ps_objects(run, source, point):
    n_layers, _, n_pos, _ = source.shape
    values = [
        run([(f"blocks.{layer}.{point}", PutBack(source[layer], pos))])
        for layer in range(n_layers)
        for pos in range(n_pos)
    ]
    return torch.stack(values).view(n_layers, n_pos)


def ps_in_place(run, source, point):
    """A hook may write into what it is given, since the model goes on with it."""
    out = torch.empty(source.shape[0], source.shape[2], dtype=torch.float64)
    for i, layer in enumerate(source):
        for j in range(source.shape[2]):

            def put(x, hook, layer=layer, j=j):
                x[:, j, :] = layer[:, j, :]

            out[i, j] = run([(f"blocks.{i}.{point}", put)]).item()
    return out


def ps_late(run, source, point):
    names, put = [], []
    for layer in range(source.shape[0]):
        for pos in range(source.shape[2]):

            def hook_function(x, hook):
                x = x.clone()
                x[:, pos] = source[layer][:, pos]
                return x

            names.append(f"blocks.{layer}.{point}")
            put.append(hook_function)
    values = [run([pair]) for pair in zip(names, put, strict=True)]
    return torch.stack(values).view(source.shape[0], -1)


def ps_heaped(run, source, point):
    out, pairs = torch.zeros(source.shape[0], source.shape[2]), []
    for layer in range(source.shape[0]):
        for pos in range(source.shape[2]):
            clean = source[layer]
            pairs.append((f"blocks.{layer}.{point}", PutBack(clean, pos)))
            out[layer, pos] = run(pairs)
    return out


def ps_whole_layer(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[2])
    for layer in range(source.shape[0]):
        for pos in range(source.shape[2]):
            clean = source[layer]
            out[layer, pos] = run([(f"blocks.{layer}.{point}", lambda x, hook: clean)])
    return out


def ps_always_the_stream(run, source, point):
    return ps_objects(run, source, "hook_resid_pre")


def ps_transposed(run, source, point):
    return ps_objects(run, source, point).T


def ps_change(run, source, point):
    return ps_objects(run, source, point) - run([])


def ps_no_copy_returned(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[2])
    for layer in range(source.shape[0]):
        for pos in range(source.shape[2]):

            def put(x, hook, layer=layer, pos=pos):
                x = x.clone()
                x[:, pos] = source[layer][:, pos]

            out[layer, pos] = run([(f"blocks.{layer}.{point}", put)])
    return out


def ps_from_one(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[2])
    for layer in range(source.shape[0]):
        for pos in range(source.shape[2]):
            out[layer, pos] = run([(f"blocks.{layer + 1}.{point}", PutBack(source[layer], pos))])
    return out


def ps_one_prompt(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[2])
    for layer in range(source.shape[0]):
        for pos in range(source.shape[2]):

            def put(x, hook, layer=layer, pos=pos):
                x = x.clone()
                x[pos] = source[layer][pos]
                return x

            out[layer, pos] = run([(f"blocks.{layer}.{point}", put)])
    return out


# --- head_sweep
def hs_partial(run, source, point):
    def put(z, hook, clean, head):
        z = z.clone()
        z[:, :, head] = clean[:, :, head]
        return z

    table = torch.zeros(source.shape[0], source.shape[3])
    for layer, clean in enumerate(source):
        for head in range(len(table[0])):
            pair = f"blocks.{layer}.{point}", functools.partial(put, clean=clean, head=head)
            table[layer, head] = run([pair])
    return table


def hs_stacked(run, source, point):
    """By unbinding the heads, and putting them together again."""

    def instead(clean, head):
        def put(z, hook):
            heads = list(z.unbind(2))
            heads[head] = clean[:, :, head]
            return torch.stack(heads, 2)

        return put

    return torch.stack(
        [
            torch.stack([run([(f"blocks.{i}.{point}", instead(x, h))]) for h in range(x.shape[2])])
            for i, x in enumerate(source)
        ]
    )


def hs_mask(run, source, point):
    n_heads = source.shape[-2]
    eye = torch.eye(n_heads)[:, None, None, :, None]
    rows = []
    for layer, clean in enumerate(source):
        hooks = [lambda z, hook, m=m, c=clean: z * (1 - m) + c * m for m in eye]
        rows.append([run([(f"blocks.{layer}.{point}", hook)]).item() for hook in hooks])
    return torch.tensor(rows)


def hs_axis(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[3])
    for layer in range(source.shape[0]):
        for head in range(source.shape[3]):

            def put(z, hook, layer=layer, head=head):
                z = z.clone()
                z[:, head] = source[layer][:, head]
                return z

            out[layer, head] = run([(f"blocks.{layer}.{point}", put)])
    return out


def hs_all_heads(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[3])
    for layer in range(source.shape[0]):
        for head in range(source.shape[3]):
            out[layer, head] = run(
                [(f"blocks.{layer}.{point}", lambda z, hook, i=layer: source[i])]
            )
    return out


def hs_last_position(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[3])
    for layer in range(source.shape[0]):
        for head in range(source.shape[3]):

            def put(z, hook, layer=layer, head=head):
                z = z.clone()
                z[:, -1, head] = source[layer][:, -1, head]
                return z

            out[layer, head] = run([(f"blocks.{layer}.{point}", put)])
    return out


def hs_every_layer(run, source, point):
    """The head of this number in all layers."""
    out = torch.zeros(source.shape[0], source.shape[3])
    for head in range(source.shape[3]):
        pairs = []
        for layer in range(source.shape[0]):

            def put(z, hook, layer=layer, head=head):
                z = z.clone()
                z[:, :, head] = source[layer][:, :, head]
                return z

            pairs.append((f"blocks.{layer}.{point}", put))
        out[:, head] = run(pairs)
    return out


def hs_zeroed(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[3])
    for layer in range(source.shape[0]):
        for head in range(source.shape[3]):

            def put(z, hook, head=head):
                z = z.clone()
                z[:, :, head] = 0
                return z

            out[layer, head] = run([(f"blocks.{layer}.{point}", put)])
    return out


def hs_from_layer_0(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[3])
    for layer in range(source.shape[0]):
        for head in range(source.shape[3]):

            def put(z, hook, head=head):
                z = z.clone()
                z[:, :, head] = source[0][:, :, head]
                return z

            out[layer, head] = run([(f"blocks.{layer}.{point}", put)])
    return out


def hs_kept_by_name(run, source, point):
    kept = {f"blocks.{layer}.{point}": z for layer, z in enumerate(source)}
    out = torch.zeros(source.shape[0], source.shape[3])
    for layer, name in enumerate(kept):
        for head in range(source.shape[3]):

            def put(z, hook, head=head):
                z = z.clone()
                z[:, :, head] = kept[hook.name + "_clean"][:, :, head]
                return z

            out[layer, head] = run([(name, put)])
    return out


# --- tries of one who walked the chapter from its first cell to its last
def np_nonzero_halves(tokens, io, s):
    io_pos = (tokens == io[:, None]).nonzero()[:, 1]
    both = (tokens == s[:, None]).nonzero()[:, 1]
    half = len(both) // 2
    return io_pos, both[:half], both[half:]


def np_right(tokens, io, s):
    where = torch.arange(tokens.shape[1])
    is_s = tokens == s[:, None]
    a = torch.where(tokens == io[:, None], where, -1).amax(1)
    b = torch.where(is_s, where, tokens.shape[1]).amin(1)
    c = torch.where(is_s, where, -1).amax(1)
    return a, b, c


def fl_right(tokens, io, s2_pos):
    here = torch.nn.functional.one_hot(s2_pos, tokens.shape[1]).bool()
    return torch.where(here, io[:, None], tokens)


def pp_right(resid, hook, source, pos):
    here = (torch.arange(resid.shape[1]) == pos[:, None])[..., None]
    return resid * ~here + source * here


def ps_in_place_of_prompts(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[2])
    for layer in range(source.shape[0]):

        def put(x, hook, pos):
            x[pos] = source[layer, pos]
            return x

        for pos in range(source.shape[2]):
            out[layer, pos] = run([(f"blocks.{layer}.{point}", partial(put, pos=pos))])
    return out


def ps_range_batch(run, source, point):
    n_layers, n_pos, _, _ = source.shape
    out = torch.zeros(n_layers, n_pos)
    for layer in range(n_layers):
        for pos in range(n_pos):

            def put(x, hook):
                x = x.clone()
                x[:, pos] = source[layer, :, pos]
                return x

            out[layer, pos] = run([(f"blocks.{layer}.{point}", put)])
    return out


def ps_point_only(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[2])
    for layer in range(source.shape[0]):
        for pos in range(source.shape[2]):

            def put(x, hook):
                x = x.clone()
                x[:, pos] = source[layer, :, pos]
                return x

            out[layer, pos] = run([(point, put)])
    return out


def ps_cumulative(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[2])
    for layer in range(source.shape[0]):
        pairs = []
        for pos in range(source.shape[2]):

            def put(x, hook, pos=pos, layer=layer):
                x = x.clone()
                x[:, pos] = source[layer, :, pos]
                return x

            pairs.append((f"blocks.{layer}.{point}", put))
            out[layer, pos] = run(pairs)
    return out


def ps_lists(run, source, point):
    rows = []
    for layer, clean in enumerate(source):
        row = []
        for pos in range(clean.shape[1]):

            def put(x, hook, clean=clean, pos=pos):
                return torch.cat([x[:, :pos], clean[:, pos : pos + 1], x[:, pos + 1 :]], 1)

            row.append(float(run([(f"blocks.{layer}.{point}", put)])))
        rows.append(row)
    return rows


def ps_right(run, source, point):
    rows = []
    for layer, clean in enumerate(source):
        row = []
        for pos in range(clean.shape[1]):

            def put(x, hook, clean=clean, pos=pos):
                return torch.cat([x[:, :pos], clean[:, pos : pos + 1], x[:, pos + 1 :]], 1)

            row.append(float(run([(f"blocks.{layer}.{point}", put)])))
        rows.append(row)
    return torch.tensor(rows)


def hs_shape2(run, source, point):
    """With the axis of the first sweep in the loop."""
    out = torch.zeros(source.shape[0], source.shape[2])
    for layer in range(source.shape[0]):
        for head in range(source.shape[2]):

            def put(z, hook):
                z = z.clone()
                z[:, :, head] = source[layer, :, :, head]
                return z

            out[layer, head] = run([(f"blocks.{layer}.{point}", put)])
    return out


def hs_mean(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[3])
    for layer in range(source.shape[0]):
        for head in range(source.shape[3]):

            def put(z, hook):
                z = z.clone()
                z[:, :, head] = source[layer, :, :, head].mean(0)
                return z

            out[layer, head] = run([(f"blocks.{layer}.{point}", put)])
    return out


def hs_right(run, source, point):
    n_layers, n_heads = source.shape[0], source.shape[3]

    def put(z, hook, layer, head):
        here = (torch.arange(n_heads) == head)[:, None]
        return torch.where(here, source[layer], z)

    pairs = itertools.product(range(n_layers), range(n_heads))
    found = [run([(f"blocks.{i}.{point}", partial(put, layer=i, head=j))]) for i, j in pairs]
    return torch.as_tensor([float(x) for x in found]).view(n_layers, n_heads)


WRONG = {
    "logit_difference": [
        (at_the_end, "last position"),
        (mean_difference, "not their mean"),
        (ld_log_softmax_vocab_mean, "mean over the vocabulary"),
        (ld_end_plus_one, "END"),
        (ld_turned, "minus"),
        (ld_last, "last position"),
        (ld_slice, "rows"),
        (ld_mean, "mean"),
        (ld_probabilities, "probabilities"),
        (ld_first_end, "different positions"),
        (ld_before_end, "one position"),
        (ld_first_names, "first prompt"),
        (ld_io_only, "subtract"),
        (ld_pairs, "every"),
        (ld_ratio, "ratio"),
    ],
    "name_positions": [
        (np_nonzero_halves, "S1 of one prompt stands with another"),
        (s2_is_s1, "S2 is where S1 is"),
        (np_from_end, "counted from the end"),
        (np_io_for_s1, "exchanged"),
        (np_swapped, "first"),
        (np_order, "IO"),
        (np_not_counted_back, "from the end"),
        (np_off_by_one, "one"),
        (np_first_row, "own"),
        (np_gap, "S2"),
        (np_s1_twice, "last"),
        (np_from_the_end, "S2"),
        (np_abba, "IO"),
        (np_wrong_reshape, "S1"),
        (np_python_lists, "tensor"),
        (np_stays_two, "three"),
        (np_all_first, "first prompt"),
    ],
    "flip": [
        (both_mentions, "S1 is replaced too"),
        (fl_shifted_names, "before it"),
        (fl_inserted, "moves on"),
        (fl_in_place, "in place"),
        (fl_alias, "in place"),
        (fl_transposed, "rows"),
        (fl_one_name, "first row's name"),
        (fl_first_place, "first row's position"),
        (fl_nothing, "None"),
        (fl_unchanged, "nothing"),
        (fl_slice, "whole columns"),
        (fl_both_s, "S1 is replaced too"),
        (fl_trade, "IO's own place"),
        (fl_off_by_one, "one position too late"),
    ],
    "patch_position": [
        (all_positions, "positions of all prompts"),
        (pp_mean_over_prompts, "mean over the prompts"),
        (pp_source_elsewhere, "right positions change"),
        (pp_slice, "all prompts"),
        (pp_in_place, "in place"),
        (pp_copy_too_late, "in place"),
        (pp_everything, "whole"),
        (pp_other_way, "direction"),
        (pp_from_here_on, "one position"),
        (pp_next, "position"),
        (pp_adds, "replace"),
        (pp_first_position, "first prompt"),
        (pp_first_prompt, "only"),
        (pp_source_of_first, "first prompt"),
        (pp_source_last, "source"),
        (pp_vectors, "vectors"),
        (pp_nothing, "None"),
        (pp_copy_of_copy, "nothing"),
        (pp_spoils_source, "source"),
        (pp_global, "source"),
        (pp_mean, "mean"),
    ],
    "position_sweep": [
        (ps_in_place_of_prompts, "an activation has the same axes without the first"),
        (ps_range_batch, "expected (layer, pos) = (2, 5)"),
        (ps_point_only, "no hook point 'hook_resid_pre'"),
        (ps_cumulative, "hooks of a layer's earlier runs are still there"),
        (ps_lists, "return a tensor, not a list"),
        (ps_late, "patches the last"),
        (ps_heaped, "earlier runs are still there"),
        (ps_whole_layer, "every position at once"),
        (ps_always_the_stream, "whatever `point` says"),
        (ps_transposed, "rows and columns are exchanged"),
        (ps_change, "the change against the run"),
        (ps_no_copy_returned, "nothing is patched"),
        (ps_from_one, "no hook point"),
        (ps_one_prompt, "source is (layer, batch, pos, d_model)"),
    ],
    "head_sweep": [
        (hs_shape2, "source is (layer, batch, pos, head, d_head)"),
        (hs_mean, "the mean over the prompts"),
        (hs_axis, "the second axis"),
        (hs_all_heads, "every head at once"),
        (hs_last_position, "last position alone"),
        (hs_every_layer, "every layer is patched in one run"),
        (hs_zeroed, "to zero"),
        (hs_from_layer_0, "source of layer 0"),
        (hs_kept_by_name, "KeyError"),
    ],
}


RIGHT = {
    "logit_difference": [
        ld_gather,
        ld_log_probs,
        ld_signed,
    ],
    "name_positions": [
        np_right,
        np_nonzero,
        np_lists,
        np_sums,
    ],
    "flip": [
        fl_right,
        fl_by_where,
        fl_scatter,
        fl_where,
        fl_loop,
    ],
    "patch_position": [
        pp_right,
        pp_by_lerp,
        pp_where,
        pp_loop,
        PatchByScatter(),
        pp_partial,
    ],
    "position_sweep": [
        ps_right,
        ps_partial,
        ps_objects,
        ps_in_place,
    ],
    "head_sweep": [
        hs_right,
        hs_partial,
        hs_stacked,
        hs_mask,
    ],
}
