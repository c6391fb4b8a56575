"""Answers to the optional exercises on knock-outs, written from their text alone."""

from collections import defaultdict
from functools import partial

import torch


# --- knock_out_heads
def ko_by_layer(run, source, heads, order):
    put_in = source.mean(1, keepdim=True).expand_as(source) if order is None else source[:, order]
    by_layer = {}
    for layer, head in heads:
        by_layer.setdefault(layer, []).append(head)

    def hook_for(layer):
        def hook(z, hook):
            z = z.clone()
            z[:, :, by_layer[layer]] = put_in[layer][:, :, by_layer[layer]]
            return z

        return f"blocks.{layer}.attn.hook_z", hook

    return run([hook_for(layer) for layer in by_layer])


def ko_masks(run, source, heads, order):
    n_layers, _, _, n_heads, _ = source.shape
    gone = torch.zeros(n_layers, n_heads, dtype=torch.bool)
    for head in heads:
        gone[head] = True
    new = source.index_select(1, order) if order is not None else source.mean(1)[:, None]

    def swap(i):
        return lambda z, hook: torch.where(gone[i][None, None, :, None], new[i], z)

    return run([(f"blocks.{i}.attn.hook_z", swap(i)) for i in range(n_layers)])


def ko_dictionary(run, source, heads, order):
    """One hook for each layer survives: the last head of it."""
    pairs = {}
    for layer, head in heads:

        def put(z, hook, layer=layer, head=head):
            z = z.clone()
            one = source[layer].mean(0) if order is None else source[layer][order]
            z[:, :, head] = one[..., head, :]
            return z

        pairs[f"blocks.{layer}.attn.hook_z"] = put
    return run(list(pairs.items()))


def ko_row_by_row(run, source, heads, order):
    if order is None:
        return ko_by_layer(run, source, heads, order)
    return ko_by_layer(run, source, heads, torch.arange(len(order)))


def ko_mean_of_positions(run, source, heads, order):
    if order is None:
        flat = source.mean((1, 2), keepdim=True).expand_as(source)
        return ko_by_layer(run, flat, heads, torch.arange(source.shape[1]))
    return ko_by_layer(run, source, heads, order)


def ko_number(run, source, heads, order):
    return ko_by_layer(run, source, heads, order).mean()


def ko_one_at_a_time(run, source, heads, order):
    return torch.stack([ko_by_layer(run, source, [head], order) for head in heads]).mean(0)


# --- faithfulness
def fa_plain(knocked_out, circuit, every):
    others = [head for head in every if head not in circuit]
    gap = knocked_out(others) - knocked_out([])
    return gap.mean().abs(), gap.abs().mean()


def fa_floats(knocked_out, circuit, every):
    model, alone = knocked_out([]), knocked_out(sorted(set(every) - set(circuit)))
    each = [abs(a - b) for a, b in zip(model.tolist(), alone.tolist(), strict=True)]
    return abs(float(model.mean() - alone.mean())), sum(each) / len(each)


def fa_circuit_out(knocked_out, circuit, every):
    gap = knocked_out(circuit) - knocked_out([])
    return gap.mean().abs(), gap.abs().mean()


def fa_signed(knocked_out, circuit, every):
    gap = knocked_out([h for h in every if h not in circuit]) - knocked_out([])
    return gap.mean(), gap.abs().mean()


def fa_swapped(knocked_out, circuit, every):
    return fa_plain(knocked_out, circuit, every)[::-1]


def fa_one(knocked_out, circuit, every):
    return fa_plain(knocked_out, circuit, every)[0]


# --- self_repair
def sr_plain(before, after, towards):
    def logits(vector, run):
        return (vector * towards).sum(-1) / run["scale"]

    def stream(run):
        return run["gone"] + run["heads"] + run["mlps"] + run["rest"]

    return {
        "written": logits(before["gone"], before),
        "lost": logits(stream(before), before) - logits(stream(after), after),
        "replacements": logits(after["gone"], before),
        "heads": logits(after["heads"] - before["heads"], before),
        "mlps": logits(after["mlps"] - before["mlps"], before),
        "norm": logits(stream(after), after) - logits(stream(after), before),
    }


def sr_by_difference(before, after, towards):
    """The norm's part is what is left of the sum."""
    parts = sr_plain(before, after, towards)
    others = parts["replacements"] + parts["heads"] + parts["mlps"]
    return {**parts, "norm": parts["written"] - parts["lost"] - others}


def sr_each_its_scale(before, after, towards):
    parts = sr_plain(before, after, towards)
    for name in ("heads", "mlps"):
        old = (before[name] * towards).sum(1) / before["scale"]
        parts[name] = (after[name] * towards).sum(1) / after["scale"] - old
    return parts


def sr_lost_backwards(before, after, towards):
    parts = sr_plain(before, after, towards)
    return {**parts, "lost": -parts["lost"]}


def sr_written_after(before, after, towards):
    return {
        **sr_plain(before, after, towards),
        "written": (after["gone"] * towards).sum(1) / before["scale"],
    }


def sr_no_scale(before, after, towards):
    ones = torch.ones(len(towards))
    return sr_plain({**before, "scale": ones}, {**after, "scale": ones}, towards)


def sr_means(before, after, towards):
    return {name: value.mean() for name, value in sr_plain(before, after, towards).items()}


# --- tries of one who walked the chapter from its first cell to its last
def _put_in(values, heads):
    def put(z, hook, layer, head):
        z = z.clone()
        z[:, :, head] = values[layer, :, :, head]
        return z

    return [(f"blocks.{i}.attn.hook_z", partial(put, layer=i, head=j)) for i, j in heads]


def ko_truthy(run, source, heads, order):
    def values_of(layer):
        return source[layer].mean(0) if order is None else source[layer][order].mean(0)

    def put(z, hook, layer, head):
        z = z.clone()
        z[:, :, head] = values_of(layer)[:, head]
        return z

    return run([(f"blocks.{i}.attn.hook_z", partial(put, layer=i, head=j)) for i, j in heads])


def ko_own_mean(run, source, heads, order):
    """The mean of the run's own z."""

    def put(z, hook, layer, head):
        z = z.clone()
        own = z[:, :, head].mean(0)
        z[:, :, head] = own if order is None else source[layer][order][:, :, head]
        return z

    return run([(f"blocks.{i}.attn.hook_z", partial(put, layer=i, head=j)) for i, j in heads])


def ko_order_of_clean(run, source, heads, order):
    """The rows are scattered to `order`, and not gathered from it."""
    values = (
        source.mean(1, keepdim=True).expand_as(source).clone()
        if order is None
        else torch.empty_like(source)
    )
    if order is not None:
        values[:, order] = source
    return run(_put_in(values, heads))


def ko_right(run, source, heads, order):
    by_layer = defaultdict(list)
    for i, j in heads:
        by_layer[i].append(j)

    def put(z, hook, i):
        new = source[i].mean(0, keepdim=True) if order is None else source[i].index_select(0, order)
        z = z.clone()
        z[:, :, by_layer[i]] = new.expand_as(z)[:, :, by_layer[i]]
        return z

    return run([(f"blocks.{i}.attn.hook_z", partial(put, i=i)) for i in by_layer])


def fa_root(knocked_out, circuit, every):
    rest = [h for h in every if h not in circuit]
    f, m = knocked_out(rest), knocked_out([])
    return (m.mean() - f.mean()).abs(), ((m - f) ** 2).mean().sqrt()


def fa_same(knocked_out, circuit, every):
    rest = [h for h in every if h not in circuit]
    gap = (knocked_out([]) - knocked_out(rest)).abs().mean()
    return gap, gap


def fa_every(knocked_out, circuit, every):
    f, m = knocked_out(circuit), knocked_out(every)
    return (f.mean() - m.mean()).abs(), (f - m).abs().mean()


def fa_ratio(knocked_out, circuit, every):
    rest = [h for h in every if h not in circuit]
    f, m = knocked_out(rest), knocked_out([])
    return (m.mean() - f.mean()).abs() / m.mean(), ((m - f).abs() / m).mean()


def fa_set(knocked_out, circuit, every):
    rest = set(every) - set(circuit)
    f, m = knocked_out(sorted(rest)), knocked_out([])
    return float(abs(f.mean() - m.mean())), float(torch.nn.functional.l1_loss(f, m))


_STREAM = ("gone", "heads", "mlps", "rest")


def _six(before, after, towards, parts=_STREAM, parts_after=None):
    """The six parts, of streams that may lack some."""

    def lg(v, run):
        return (v * towards).sum(1) / run["scale"]

    sb = sum(before[k] for k in parts)
    sa = sum(after[k] for k in parts_after or parts)
    return {
        "written": lg(before["gone"], before),
        "lost": lg(sb, before) - lg(sa, after),
        "replacements": lg(after["gone"], before),
        "heads": lg(after["heads"] - before["heads"], before),
        "mlps": lg(after["mlps"] - before["mlps"], before),
        "norm": lg(sa, after) - lg(sa, before),
    }


def _lg(v, run, towards):
    return (v * towards).sum(1) / run["scale"]


def sr_new_scale(before, after, towards):
    parts = {
        k: _lg(after[k], after, towards) - _lg(before[k], before, towards)
        for k in ("heads", "mlps")
    }
    return (
        _six(before, after, towards) | parts | {"replacements": _lg(after["gone"], after, towards)}
    )


def sr_norm_before(before, after, towards):
    stream = sum(before[k] for k in _STREAM)
    norm = _lg(stream, after, towards) - _lg(stream, before, towards)
    return _six(before, after, towards) | {"norm": norm}


def sr_lost_old(before, after, towards):
    gap = sum(before[k] - after[k] for k in _STREAM)
    return _six(before, after, towards) | {"lost": _lg(gap, before, towards)}


def sr_no_rest(before, after, towards):
    return _six(before, after, towards, ("gone", "heads", "mlps"))


def sr_repl_minus(before, after, towards):
    more = _lg(after["gone"] - before["gone"], before, towards)
    return _six(before, after, towards) | {"replacements": more}


def sr_less(before, after, towards):
    six = _six(before, after, towards)
    return six | {"heads": -six["heads"], "mlps": -six["mlps"]}


def sr_sum_values(before, after, towards):
    """The heads are gone, so their part of the stream after is left out."""
    return _six(before, after, towards, parts_after=("heads", "mlps", "rest"))


def sr_right(before, after, towards):
    """All dot products first, the scales last."""

    def dots(run):
        return {k: torch.einsum("bd,bd->b", run[k], towards) for k in _STREAM}

    old, new, b, a = before["scale"], after["scale"], dots(before), dots(after)
    before_all, after_all = (torch.stack(list(x.values())).sum(0) for x in (b, a))
    return {
        "norm": after_all / new - after_all / old,
        "written": b["gone"] / old,
        "lost": before_all / old - after_all / new,
        "replacements": a["gone"] / old,
        "heads": (a["heads"] - b["heads"]) / old,
        "mlps": (a["mlps"] - b["mlps"]) / old,
    }


WRONG = {
    "knock_out_heads": [
        (ko_truthy, "the mean is put in, though `order`"),
        (ko_own_mean, "their mean in the run itself"),
        (ko_order_of_clean, "order is read backwards"),
        (ko_dictionary, "one head of each layer"),
        (ko_row_by_row, "as they stand"),
        (ko_mean_of_positions, "over the positions too"),
        (ko_number, "one for each prompt"),
        (ko_one_at_a_time, "one at a time"),
    ],
    "faithfulness": [
        (fa_same, "both are the mean of the gaps"),
        (fa_root, "the root of the mean square"),
        (fa_every, "beside it every head"),
        (fa_ratio, "these are shares of F(M)"),
        (fa_circuit_out, "the circuit itself"),
        (fa_signed, "keeps its sign"),
        (fa_swapped, "exchanged"),
        (fa_one, "two numbers"),
    ],
    "self_repair": [
        (sr_new_scale, "replacements is read at the new scale"),
        (sr_norm_before, "norm reads the stream before"),
        (sr_lost_old, "both streams at the old scale"),
        (sr_no_rest, "lost leaves 'rest' out"),
        (sr_repl_minus, "without what they wrote"),
        (sr_less, "the sign of heads is wrong"),
        (sr_sum_values, "lost leaves 'gone' out of the stream after"),
        (sr_each_its_scale, "mixes the norm into"),
        (sr_lost_backwards, "before minus after"),
        (sr_written_after, "BEFORE"),
        (sr_no_scale, "scale"),
        (sr_means, "written is ()"),
    ],
}
RIGHT = {
    "knock_out_heads": [ko_right, ko_by_layer, ko_masks],
    "faithfulness": [fa_set, fa_plain, fa_floats],
    "self_repair": [sr_right, sr_plain, sr_by_difference],
}
