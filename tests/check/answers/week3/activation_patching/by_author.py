"""Answers of the check's author to the exercises on activation patching."""

import torch


# --- logit_difference
def ld_index(logits, io, s, end):
    rows = torch.arange(len(logits))
    return logits[rows, end, io] - logits[rows, end, s]


def ld_loop(logits, io, s, end):
    return torch.stack([x[e, i] - x[e, j] for x, i, j, e in zip(logits, io, s, end, strict=True)])


def ld_log_softmax(logits, io, s, end):
    return ld_index(logits.log_softmax(-1), io, s, end)  # the same: the normaliser cancels


def ld_gather(logits, io, s, end):
    at = logits.gather(1, end[:, None, None].expand(-1, 1, logits.shape[-1]))[:, 0]
    return (at.gather(1, io[:, None]) - at.gather(1, s[:, None])).squeeze(1)


def ld_last(logits, io, s, end):
    rows = torch.arange(len(logits))
    return logits[rows, -1, io] - logits[rows, -1, s]


def ld_exchanged(logits, io, s, end):
    return -ld_index(logits, io, s, end)


def ld_probabilities(logits, io, s, end):
    return ld_index(logits.softmax(-1), io, s, end)


def ld_mean(logits, io, s, end):
    return ld_index(logits, io, s, end).mean()


def ld_slices(logits, io, s, end):
    rows = torch.arange(len(logits))
    return logits[rows, end][:, io] - logits[rows, end][:, s]


def ld_early(logits, io, s, end):
    return ld_index(logits, io, s, end - 1)


def ld_io_only(logits, io, s, end):
    return logits[torch.arange(len(logits)), end, io]


# --- name_positions
def pos_argmax(tokens, io, s):
    is_s = (tokens == s[:, None]).int()
    last = tokens.shape[1] - 1 - is_s.flip(1).argmax(1)
    return (tokens == io[:, None]).int().argmax(1), is_s.argmax(1), last


def pos_loop(tokens, io, s):
    rows = [row.tolist() for row in tokens]
    first = [row.index(n) for row, n in zip(rows, io.tolist(), strict=True)]
    s1 = [row.index(n) for row, n in zip(rows, s.tolist(), strict=True)]
    s2 = [len(r) - 1 - r[::-1].index(n) for r, n in zip(rows, s.tolist(), strict=True)]
    return torch.tensor(first), torch.tensor(s1), torch.tensor(s2)


def pos_nonzero(tokens, io, s):
    both = (tokens == s[:, None]).nonzero()[:, 1].view(-1, 2)
    return [(tokens == io[:, None]).nonzero()[:, 1], both[:, 0], both[:, 1]]


def pos_first_twice(tokens, io, s):
    io_pos, s1, _ = pos_argmax(tokens, io, s)
    return io_pos, s1, s1


def pos_not_turned_back(tokens, io, s):
    io_pos, s1, s2 = pos_argmax(tokens, io, s)
    return io_pos, s1, tokens.shape[1] - 1 - s2


def pos_one_late(tokens, io, s):
    io_pos, s1, s2 = pos_argmax(tokens, io, s)
    return io_pos, s1, s2 + 1


def pos_no_bos(tokens, io, s):
    io_pos, s1, s2 = pos_argmax(tokens[:, 1:], io, s)
    return io_pos, s1, s2


def pos_fixed(tokens, io, s):
    io_pos, s1, s2 = pos_argmax(tokens, io, s)
    return io_pos[:1].expand(4), s1[:1].expand(4), s2[:1].expand(4)


def pos_two(tokens, io, s):
    return pos_argmax(tokens, io, s)[:2]


def pos_mask(tokens, io, s):
    return tokens == io[:, None], tokens == s[:, None], tokens == s[:, None]


def pos_exchanged(tokens, io, s):
    io_pos, s1, s2 = pos_argmax(tokens, io, s)
    return s1, io_pos, s2


# --- flip
def flip_index(tokens, io, s2_pos):
    tokens = tokens.clone()
    tokens[torch.arange(len(tokens)), s2_pos] = io
    return tokens


def flip_scatter(tokens, io, s2_pos):
    return tokens.scatter(1, s2_pos[:, None], io[:, None])


def flip_where(tokens, io, s2_pos):
    return torch.where(torch.arange(tokens.shape[1]) == s2_pos[:, None], io[:, None], tokens)


def flip_in_place(tokens, io, s2_pos):
    tokens[torch.arange(len(tokens)), s2_pos] = io
    return tokens


def flip_columns(tokens, io, s2_pos):
    tokens = tokens.clone()
    tokens[:, s2_pos] = io
    return tokens


def flip_first_name(tokens, io, s2_pos):
    return flip_index(tokens, io[:1].expand(len(io)), s2_pos)


def flip_nothing(tokens, io, s2_pos):
    tokens.clone()[torch.arange(len(tokens)), s2_pos] = io
    return tokens


def flip_early(tokens, io, s2_pos):
    return flip_index(tokens, io, s2_pos - 1)


def flip_first_position(tokens, io, s2_pos):
    return flip_index(tokens, io, s2_pos[:1].expand(len(io)))


# --- patch_position
def patch_index(resid, hook, source, pos):
    resid = resid.clone()
    rows = torch.arange(len(resid))
    resid[rows, pos] = source[rows, pos]
    return resid


def patch_where(resid, hook, source, pos):
    here = torch.arange(resid.shape[1]) == pos[:, None]
    return torch.where(here[..., None], source, resid)


def patch_loop(resid, hook, source, pos):
    out = [r.clone() for r in resid]
    for row, p in enumerate(pos.tolist()):
        out[row][p] = source[row, p]
    return torch.stack(out)


def patch_mask(resid, hook, source, pos):
    mask = torch.nn.functional.one_hot(pos, resid.shape[1])[..., None]
    return resid * (1 - mask) + source * mask


def patch_in_place(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid[rows, pos] = source[rows, pos]
    return resid


def patch_columns(resid, hook, source, pos):
    resid = resid.clone()
    resid[:, pos] = source[:, pos]
    return resid


def patch_backwards(resid, hook, source, pos):
    return patch_index(source, hook, resid, pos)


def patch_all(resid, hook, source, pos):
    return source


def patch_add(resid, hook, source, pos):
    resid = resid.clone()
    rows = torch.arange(len(resid))
    resid[rows, pos] += source[rows, pos]
    return resid


def patch_late(resid, hook, source, pos):
    return patch_index(resid, hook, source, (pos + 1) % resid.shape[1])


def patch_early(resid, hook, source, pos):
    return patch_index(resid, hook, source, pos - 1)


def patch_nothing(resid, hook, source, pos):
    rows = torch.arange(len(resid))
    resid.clone()[rows, pos] = source[rows, pos]
    return resid


def patch_first_position(resid, hook, source, pos):
    return patch_index(resid, hook, source, pos[:1].expand(len(pos)))


def patch_zero(resid, hook, source, pos):
    return patch_index(resid, hook, torch.zeros_like(source), pos)


def patch_vectors_only(resid, hook, source, pos):
    return source[torch.arange(len(resid)), pos]


def patch_from_here(resid, hook, source, pos):
    resid = resid.clone()
    for row, p in enumerate(pos.tolist()):
        resid[row, p:] = source[row, p:]
    return resid


def patch_no_return(resid, hook, source, pos):
    patch_index(resid, hook, source, pos)


def patch_first_prompt(resid, hook, source, pos):
    resid = resid.clone()
    resid[torch.arange(len(resid)), pos] = source[0, pos]
    return resid


def patch_fixed(resid, hook, source, pos):
    return patch_index(resid, hook, source, torch.tensor([4, 2, 5, 2]))


def ld_first_end(logits, io, s, end):
    rows = torch.arange(len(logits))
    return logits[rows, end[0], io] - logits[rows, end[0], s]


def ld_log_probs_of_one(logits, io, s, end):
    rows = torch.arange(4)
    return logits[rows, end, io] - logits[rows, end, s]


def ld_absolute(logits, io, s, end):
    rows = torch.arange(len(logits))
    return (logits[rows, end, io] - logits[rows, end, s]).abs()


def ld_by_gather(logits, io, s, end):
    at_end = torch.take_along_dim(logits, end[:, None, None], 1).squeeze(1)
    both = at_end.gather(1, torch.stack([io, s], 1))
    return both[:, 0] - both[:, 1]


def np_floats(tokens, io, s):
    is_io, is_s = (tokens == io[:, None]).float(), (tokens == s[:, None]).float()
    places = torch.arange(tokens.shape[1]).float()
    return (
        (is_io * places).sum(1),
        is_s.argmax(1).float(),
        (is_s * places).amax(1),
    )


def np_squeezed(tokens, io, s):
    s_places = (tokens == s[:, None]).nonzero()[:, 1].view(-1, 2)
    io_places = (tokens == io[:, None]).nonzero()[:, 1:]
    return io_places, s_places[:, :1], s_places[:, 1:]


def np_nine_long(tokens, io, s):
    is_s = (tokens == s[:, None]).int()
    return (tokens == io[:, None]).int().argmax(1), is_s.argmax(1), 8 - is_s.flip(1).argmax(1)


def np_by_loop(tokens, io, s):
    found = [
        (row.index(i), row.index(n), len(row) - 1 - row[::-1].index(n))
        for row, i, n in zip(tokens.tolist(), io.tolist(), s.tolist(), strict=True)
    ]
    return tuple(torch.tensor(column) for column in zip(*found, strict=True))


def fl_first_mention(tokens, io, s2_pos):
    tokens = tokens.clone()
    rows = torch.arange(len(tokens))
    name = tokens[rows, s2_pos]
    first = (tokens == name[:, None]).int().argmax(1)
    tokens[rows, first] = io
    return tokens


def fl_as_floats(tokens, io, s2_pos):
    tokens = tokens.float()
    tokens[torch.arange(len(tokens)), s2_pos] = io.float()
    return tokens


def fl_four_rows(tokens, io, s2_pos):
    tokens = tokens.clone()
    for i in range(4):
        tokens[i, s2_pos[i]] = io[i]
    return tokens


def fl_by_scatter(tokens, io, s2_pos):
    return tokens.scatter(1, s2_pos.unsqueeze(1), io.unsqueeze(1))


def pp_average(resid, hook, source, pos):
    resid = resid.clone()
    rows = torch.arange(len(resid))
    resid[rows, pos] = (resid[rows, pos] + source[rows, pos]) / 2
    return resid


def pp_last_position(resid, hook, source, pos):
    resid = resid.clone()
    resid[:, -1] = source[:, -1]
    return resid


def pp_neighbours_too(resid, hook, source, pos):
    resid = resid.clone()
    for row, p in enumerate(pos):
        resid[row, max(p - 1, 0) : p + 2] = source[row, max(p - 1, 0) : p + 2]
    return resid


def pp_checks_the_hook(resid, hook, source, pos):
    if not hook.name.startswith("blocks."):
        return resid
    mask = torch.nn.functional.one_hot(pos, resid.shape[1]).bool()[..., None]
    return source.where(mask, resid)


# --- position_sweep and head_sweep
def _swept(run, source, point, change, axis, of=lambda layer: layer):
    """A table of runs, each with one hook; `change(x, clean, i)` writes into a copy of `x`."""
    out = torch.zeros(source.shape[0], source.shape[axis])
    for layer in range(out.shape[0]):
        clean = source[of(layer)]
        for i in range(out.shape[1]):

            def put(x, hook, clean=clean, i=i):
                x = x.clone()
                change(x, clean, i)
                return x

            out[layer, i] = run([(f"blocks.{layer}.{point}", put)])
    return out


def _swap_position(x, clean, i):
    x[:, i] = clean[:, i]


def _swap_head(x, clean, i):
    x[:, :, i] = clean[:, :, i]


def ps_plain(run, source, point):
    return _swept(run, source, point, _swap_position, 2)


def ps_with_patch_position(run, source, point):
    """With the hook of the exercise before, one position for all prompts."""

    def cell(layer, pos):
        everywhere = torch.full((source.shape[1],), pos)
        return run(
            [
                (
                    f"blocks.{layer}.{point}",
                    lambda x, hook: patch_index(x, hook, source[layer], everywhere),
                )
            ]
        )

    n_layers, _, n_pos, _ = source.shape
    return torch.tensor([[cell(layer, pos) for pos in range(n_pos)] for layer in range(n_layers)])


def ps_added(run, source, point):
    def add(x, clean, i):
        x[:, i] += clean[:, i]

    return _swept(run, source, point, add, 2)


def ps_from_here(run, source, point):
    def rest(x, clean, i):
        x[:, i:] = clean[:, i:]

    return _swept(run, source, point, rest, 2)


def ps_up_to_here(run, source, point):
    def start(x, clean, i):
        x[:, : i + 1] = clean[:, : i + 1]

    return _swept(run, source, point, start, 2)


def ps_zero(run, source, point):
    def silence(x, clean, i):
        x[:, i] = 0

    return _swept(run, source, point, silence, 2)


def ps_first_layer(run, source, point):
    return _swept(run, source, point, _swap_position, 2, of=lambda layer: 0)


def ps_first_prompt(run, source, point):
    def swap(x, clean, i):
        x[0, i] = clean[0, i]

    return _swept(run, source, point, swap, 2)


def ps_mean(run, source, point):
    def swap(x, clean, i):
        x[:, i] = clean[:, i].mean(0)

    return _swept(run, source, point, swap, 2)


def ps_one_late(run, source, point):
    def swap(x, clean, i):
        i = (i + 1) % clean.shape[1]
        x[:, i] = clean[:, i]

    return _swept(run, source, point, swap, 2)


def ps_a_dictionary(run, source, point):
    return _swept(run, {point: source}[point], point, _swap_position, 2).tolist()


def ps_hooks_as_dictionary(run, source, point):
    return run({f"blocks.0.{point}": lambda x, hook: x})


def ps_whole_name(run, source, point):
    out = torch.zeros(source.shape[0], source.shape[2])
    for layer in range(len(out)):
        out[layer, 0] = run([(point, lambda x, hook: x)])
    return out


def ps_vector_only(run, source, point):
    return torch.stack([run([(f"blocks.0.{point}", lambda x, hook: source[0][:, 0])])])


def ps_two_layers(run, source, point):
    out = torch.zeros(2, source.shape[2])
    out[:] = ps_plain(run, source, point)[:2]
    return out


def hs_plain(run, source, point):
    return _swept(run, source, point, _swap_head, 3)


def hs_in_place(run, source, point):
    n_layers, _, _, n_heads, _ = source.shape

    def cell(layer, head):
        def put(z, hook):
            z[..., head, :] = source[layer, ..., head, :]

        return float(run([(f"blocks.{layer}.{point}", put)]))

    return torch.tensor([[cell(i, j) for j in range(n_heads)] for i in range(n_layers)])


def hs_added(run, source, point):
    def add(x, clean, i):
        x[:, :, i] += clean[:, :, i]

    return _swept(run, source, point, add, 3)


def hs_d_head(run, source, point):
    def swap(x, clean, i):
        x[..., i] = clean[..., i]

    return _swept(run, source, point, swap, 3)


def hs_others(run, source, point):
    def swap(x, clean, i):
        kept = x[:, :, i].clone()
        x[:] = clean
        x[:, :, i] = kept

    return _swept(run, source, point, swap, 3)


def hs_late(run, source, point):
    pairs = []
    for layer in range(source.shape[0]):
        for head in range(source.shape[3]):

            def put(z, hook):
                z = z.clone()
                z[:, :, head] = source[layer][:, :, head]
                return z

            pairs.append((f"blocks.{layer}.{point}", put))
    return torch.stack([run([pair]) for pair in pairs]).view(source.shape[0], -1)


def hs_first_prompt_for_all(run, source, point):
    def swap(x, clean, i):
        x[:, :, i] = clean[:1, :, i]

    return _swept(run, source, point, swap, 3)


def hs_flat(run, source, point):
    return hs_plain(run, source, point).flatten()


def hs_nothing(run, source, point):
    return _swept(run, source, point, lambda x, clean, i: None, 3)


def hs_always_z(run, source, point):
    return hs_plain(run, source, "attn.hook_z")


WRONG = {
    "logit_difference": [
        (ld_first_end, "first prompt's END"),
        (ld_log_probs_of_one, "stopped"),
        (ld_absolute, "sign"),
        (ld_last, "prompts end at different positions"),
        (ld_exchanged, "io and s are exchanged"),
        (ld_probabilities, "these are probabilities"),
        (ld_mean, "one difference for each prompt"),
        (ld_slices, "slices give every prompt with every name"),
        (ld_early, "one position too early"),
        (ld_io_only, "the logit of IO alone"),
    ],
    "name_positions": [
        (np_floats, "float32"),
        (np_squeezed, "one for each prompt"),
        (np_nine_long, "S2"),
        (pos_first_twice, "argmax gives the FIRST match"),
        (pos_not_turned_back, "S2 is counted from the end"),
        (pos_one_late, "S2 is one too late"),
        (pos_no_bos, "BOS is at position 0"),
        (pos_fixed, "the same position in every prompt"),
        (pos_two, "return three tensors"),
        (pos_mask, "expected one for each prompt"),
        (pos_exchanged, "IO and S1 are exchanged"),
    ],
    "flip": [
        (fl_first_mention, "S1"),
        (fl_as_floats, "integers"),
        (fl_four_rows, "IndexError"),
        (flip_in_place, "changed its argument tokens in place"),
        (flip_columns, "this writes into whole columns"),
        (flip_first_name, "every row gets the first row's name"),
        (flip_nothing, "nothing is changed"),
        (flip_early, "one position too early"),
        (flip_first_position, "every row has its S2 at the first row"),
    ],
    "patch_position": [
        (pp_average, "half of each"),
        (pp_last_position, "last position"),
        (pp_neighbours_too, "positions"),
        (patch_in_place, "changed its argument resid in place"),
        (patch_columns, "index rows and positions together"),
        (patch_backwards, "this is the other direction"),
        (patch_all, "the whole of source comes back"),
        (patch_add, "source is ADDED"),
        (patch_late, "one too late"),
        (patch_early, "one too early"),
        (patch_nothing, "nothing is changed"),
        (patch_first_position, "patched at the first prompt's position"),
        (patch_zero, "this sets the position to zero"),
        (patch_vectors_only, "only the patched vectors come back"),
        (patch_from_here, "from the position to the end"),
        (patch_no_return, "returns None"),
        (patch_first_prompt, "gets the first prompt's vector"),
        (patch_fixed, "is a number written into it?"),
    ],
    "position_sweep": [
        (ps_added, "source is ADDED"),
        (ps_from_here, "from the position to the end"),
        (ps_up_to_here, "up to the position"),
        (ps_zero, "to zero"),
        (ps_first_layer, "source of layer 0"),
        (ps_first_prompt, "only the first prompt"),
        (ps_mean, "mean over the prompts"),
        (ps_one_late, "one too late"),
        (ps_a_dictionary, "not a list"),
        (ps_hooks_as_dictionary, "list of pairs"),
        (ps_whole_name, "no hook point"),
        (ps_vector_only, "returns shape"),
        (ps_two_layers, "is a size written into it?"),
    ],
    "head_sweep": [
        (hs_added, "source is ADDED"),
        (hs_d_head, "the last axis"),
        (hs_others, "every head but this one"),
        (hs_late, "patches the last"),
        (hs_first_prompt_for_all, "first prompt's source"),
        (hs_flat, "one row for each layer"),
        (hs_nothing, "nothing is patched"),
        (hs_always_z, "whatever `point` says"),
    ],
}


RIGHT = {
    "logit_difference": [
        ld_by_gather,
        ld_index,
        ld_loop,
        ld_log_softmax,
        ld_gather,
    ],
    "name_positions": [
        np_by_loop,
        pos_argmax,
        pos_loop,
        pos_nonzero,
    ],
    "flip": [
        fl_by_scatter,
        flip_index,
        flip_scatter,
        flip_where,
    ],
    "patch_position": [
        pp_checks_the_hook,
        patch_index,
        patch_where,
        patch_loop,
        patch_mask,
    ],
    "position_sweep": [
        ps_plain,
        ps_with_patch_position,
    ],
    "head_sweep": [
        hs_plain,
        hs_in_place,
    ],
}
