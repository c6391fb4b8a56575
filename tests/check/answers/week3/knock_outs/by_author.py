"""Answers of the check's author to the optional exercises on knock-outs."""

import torch


# --- knock_out_heads
def _pairs(heads, value):
    def pair(layer, head):
        def put(z, hook):
            z = z.clone()
            z[:, :, head] = value(layer)[..., head, :]
            return z

        return f"blocks.{layer}.attn.hook_z", put

    return [pair(*head) for head in heads]


def _in_place_of(source, order):
    return source.mean(1, keepdim=True) if order is None else source[:, order]


def kn_plain(run, source, heads, order):
    new = _in_place_of(source, order)
    return run(_pairs(heads, lambda layer: new[layer]))


def kn_in_place(run, source, heads, order):
    """Writes into the activation that the hook was given."""
    new = _in_place_of(source, order)

    def put(layer):
        def hook(z, hook):
            for i, head in heads:
                if i == layer:
                    z[:, :, head] = new[layer, :, :, head]

        return f"blocks.{layer}.attn.hook_z", hook

    return run([put(layer) for layer in range(len(source))])


def kn_zero(run, source, heads, order):
    return run(_pairs(heads, lambda layer: source[layer] * 0))


def kn_always_mean(run, source, heads, order):
    return kn_plain(run, source, heads, None)


def kn_row_by_row(run, source, heads, order):
    return run(_pairs(heads, lambda layer: source[layer]))


def kn_backwards(run, source, heads, order):
    return kn_plain(run, source, heads, None if order is None else order.argsort())


def kn_others(run, source, heads, order):
    every = [(i, j) for i in range(source.shape[0]) for j in range(source.shape[3])]
    return kn_plain(run, source, [head for head in every if head not in heads], order)


def kn_mean_of_heads(run, source, heads, order):
    if order is not None:
        return kn_plain(run, source, heads, order)
    return kn_plain(run, source.mean(3, keepdim=True).expand_as(source), heads, None)


def kn_layer_0(run, source, heads, order):
    return kn_plain(run, source[:1].expand_as(source), heads, order)


# --- faithfulness
def ff_plain(knocked_out, circuit, every):
    gap = knocked_out([head for head in every if head not in circuit]) - knocked_out([])
    return [gap.mean().abs().item(), gap.abs().mean().item()]


def ff_set(knocked_out, circuit, every):
    """A set of heads is as good as a list."""
    model, alone = knocked_out(()), knocked_out(set(every).difference(circuit))
    return (alone.mean() - model.mean()).abs(), torch.nn.functional.l1_loss(alone, model)


def ff_none(knocked_out, circuit, every):
    gap = knocked_out([head for head in every if head not in circuit]) - knocked_out(every)
    return gap.mean().abs(), gap.abs().mean()


def ff_same(knocked_out, circuit, every):
    first, _ = ff_plain(knocked_out, circuit, every)
    return first, first


def ff_shares(knocked_out, circuit, every):
    model = knocked_out([]).mean()
    return tuple(part / model for part in ff_plain(knocked_out, circuit, every))


def ff_squares(knocked_out, circuit, every):
    gap = knocked_out([head for head in every if head not in circuit]) - knocked_out([])
    return gap.mean().square(), gap.square().mean()


def ff_each(knocked_out, circuit, every):
    gap = knocked_out([head for head in every if head not in circuit]) - knocked_out([])
    return gap.mean().abs(), gap.abs()


def ff_sum(knocked_out, circuit, every):
    gap = knocked_out([head for head in every if head not in circuit]) - knocked_out([])
    return gap.sum().abs(), gap.abs().sum()


# --- self_repair
def _parts(before, after, towards, old=None, new=None):
    old, new = before["scale"] if old is None else old, after["scale"] if new is None else new
    names = ("gone", "heads", "mlps", "rest")
    x, y = (torch.stack([run[n] for n in names]) @ towards.T for run in (before, after))
    x, y = (torch.diagonal(all_pairs, dim1=1, dim2=2) for all_pairs in (x, y))
    return {
        "written": x[0] / old,
        "lost": x.sum(0) / old - y.sum(0) / new,
        "replacements": y[0] / old,
        "heads": (y[1] - x[1]) / old,
        "mlps": (y[2] - x[2]) / old,
        "norm": y.sum(0) * (1 / new - 1 / old),
    }


def sf_plain(before, after, towards):
    return _parts(before, after, towards)


def sf_double(before, after, towards):
    """In double precision, and with one entry more than was asked for."""
    before, after = ({k: v.double() for k, v in run.items()} for run in (before, after))
    found = _parts(before, after, towards.double())
    return {**found, "made_up_for": found["written"] - found["lost"]}


def sf_new_scale(before, after, towards):
    found = _parts(before, after, towards)
    ratio = before["scale"] / after["scale"]
    return {**found, "heads": found["heads"] * ratio, "mlps": found["mlps"] * ratio}


def sf_replacements_less(before, after, towards):
    found = _parts(before, after, towards)
    return {**found, "replacements": found["replacements"] - found["written"]}


def sf_norm_of_before(before, after, towards):
    found = _parts(before, after, towards)
    stream = before["gone"] + before["heads"] + before["mlps"] + before["rest"]
    read = (stream * towards).sum(1)
    return {**found, "norm": read / after["scale"] - read / before["scale"]}


def sf_lost_at_old(before, after, towards):
    return {
        **_parts(before, after, towards),
        "lost": _parts(before, after, towards, new=before["scale"])["lost"],
    }


def sf_tuple(before, after, towards):
    return tuple(_parts(before, after, towards).values())


def sf_no_norm(before, after, towards):
    found = _parts(before, after, towards)
    return {name: value for name, value in found.items() if name != "norm"}


def sf_heads_after(before, after, towards):
    found = _parts(before, after, towards)
    return {**found, "heads": (after["heads"] * towards).sum(1) / before["scale"]}


WRONG = {
    "knock_out_heads": [
        (kn_zero, "set to zero"),
        (kn_always_mean, "`order` says which row"),
        (kn_row_by_row, "row by row"),
        (kn_backwards, "read backwards"),
        (kn_others, "the other heads are knocked out"),
        (kn_mean_of_heads, "taken over the heads"),
        (kn_layer_0, "layer 0 of source"),
    ],
    "faithfulness": [
        (ff_none, "no head knocked out"),
        (ff_same, "both are the gap of the means"),
        (ff_shares, "shares of F(M)"),
        (ff_squares, "squared"),
        (ff_each, "one of yours has shape"),
        (ff_sum, "added up"),
    ],
    "self_repair": [
        (sf_new_scale, "at the new scale"),
        (sf_replacements_less, "without what they wrote"),
        (sf_norm_of_before, "reads the stream before"),
        (sf_lost_at_old, "at the old scale"),
        (sf_tuple, "return a dictionary"),
        (sf_no_norm, "no 'norm'"),
        (sf_heads_after, "is what is written after"),
    ],
}
RIGHT = {
    "knock_out_heads": [kn_plain, kn_in_place],
    "faithfulness": [ff_plain, ff_set],
    "self_repair": [sf_plain, sf_double],
}
