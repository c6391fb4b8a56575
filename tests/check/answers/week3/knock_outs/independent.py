"""Answers to the optional exercises on knock-outs, written from their text alone."""

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


WRONG = {
    "knock_out_heads": [
        (ko_dictionary, "one head of each layer"),
        (ko_row_by_row, "as they stand"),
        (ko_mean_of_positions, "over the positions too"),
        (ko_number, "one for each prompt"),
        (ko_one_at_a_time, "one at a time"),
    ],
    "faithfulness": [
        (fa_circuit_out, "the circuit itself"),
        (fa_signed, "keeps its sign"),
        (fa_swapped, "exchanged"),
        (fa_one, "two numbers"),
    ],
    "self_repair": [
        (sr_each_its_scale, "mixes the norm into"),
        (sr_lost_backwards, "before minus after"),
        (sr_written_after, "BEFORE"),
        (sr_no_scale, "scale"),
        (sr_means, "written is ()"),
    ],
}
RIGHT = {
    "knock_out_heads": [ko_by_layer, ko_masks],
    "faithfulness": [fa_plain, fa_floats],
    "self_repair": [sr_plain, sr_by_difference],
}
