"""Interventions written for clarity: one hook and one whole forward pass for each patch."""

import itertools

import torch

from mi_course import ioi
from mi_course.hooks import run_with_cache, run_with_hooks


def heads_of(model, what="z"):
    """Every head, or for shared keys and values every group of heads, as the hook points have."""
    shared = model.cfg.n_key_value_heads if what in ("k", "v") else None
    return itertools.product(range(model.cfg.n_layers), range(shared or model.cfg.n_heads))


def put(value, *where):
    """A hook that writes `value` into one part of an activation."""

    def hook_function(activation, hook):
        activation = activation.clone()
        activation[where] = value[where]
        return activation

    return hook_function


def patched(model, base, value, answers, name, *where):
    """Logit difference of the base run with one part of one activation replaced."""
    return ioi.logit_diff(run_with_hooks(model, base, [(name, put(value, *where))]), answers)


def by_position(model, base, source, answers, point):
    """One position of `blocks.i.POINT` at a time: batch layer pos."""
    names = [f"blocks.{layer}.{point}" for layer in range(model.cfg.n_layers)]
    _, cache = run_with_cache(model, source, names)
    out = torch.empty(len(base), len(names), base.shape[1])
    for (layer, name), pos in itertools.product(enumerate(names), range(base.shape[1])):
        out[:, layer, pos] = patched(model, base, cache[name], answers, name, slice(None), pos)
    return out


def heads(model, base, source, answers, what, pos=slice(None)):
    """One head at a time, at one position or at all: batch layer head."""
    every = slice(None)
    names = [f"blocks.{layer}.attn.hook_{what}" for layer in range(model.cfg.n_layers)]
    _, cache = run_with_cache(model, source, names)
    out = torch.empty(len(base), len(names), max(head for _, head in heads_of(model, what)) + 1)
    for layer, head in heads_of(model, what):
        where = (every, head) if what == "pattern" else (every, pos, head)
        value = cache[names[layer]]
        out[:, layer, head] = patched(model, base, value, answers, names[layer], *where)
    return out


def frozen(model, orig, new):
    """Hooks of the paper's method for each sender: it is at x_new, all other heads at x_orig."""
    names = [f"blocks.{layer}.attn.hook_z" for layer in range(model.cfg.n_layers)]
    _, at_orig = run_with_cache(model, orig, names)
    _, at_new = run_with_cache(model, new, names)
    every = slice(None)
    freeze = [(name, put(at_orig[name], every)) for name in names]
    return {
        (i, head): [*freeze, (names[i], put(at_new[names[i]], every, every, head))]
        for i, head in heads_of(model)
    }


def path_to_logits(model, orig, new, answers):
    """One frozen forward pass for each head: batch layer head."""
    out = torch.empty(len(orig), model.cfg.n_layers, model.cfg.n_heads)
    for (layer, head), hooks in frozen(model, orig, new).items():
        logits = run_with_hooks(model, orig, hooks)
        out[:, layer, head] = ioi.logit_diff(logits, answers)
    return out


def path_to_heads(model, orig, new, answers, receivers, into, positions=None):
    """One frozen forward pass for each sender, then one with the receivers' input from it."""
    rows, every = torch.arange(len(orig)), slice(None)
    where = (every, every) if positions is None else (rows, positions)
    points = [(f"blocks.{layer}.attn.hook_{into}", head) for layer, head in receivers]
    out = torch.empty(len(orig), model.cfg.n_layers, model.cfg.n_heads)
    for (layer, head), hooks in frozen(model, orig, new).items():
        _, inputs = run_with_cache(model, orig, {name for name, _ in points}, hooks)
        receive = [(name, put(inputs[name], *where, receiver)) for name, receiver in points]
        out[:, layer, head] = ioi.logit_diff(run_with_hooks(model, orig, receive), answers)
    return out


def knocked_out(model, tokens, answers, heads, mlps, z, mlp):
    """Heads and MLPs replaced by `z` (by layer: batch pos head d_head) and `mlp`, all at once."""
    every = slice(None)
    hooks = [(f"blocks.{i}.attn.hook_z", put(z[i], every, every, head)) for i, head in heads]
    hooks += [(f"blocks.{i}.hook_mlp_out", put(mlp[i], every)) for i in mlps]
    return ioi.logit_diff(run_with_hooks(model, tokens, hooks), answers)


def activations(model, tokens):
    """Outputs of heads before W_O, and of MLPs, by layer."""
    layers = range(model.cfg.n_layers)
    z, mlp = (
        [name.format(i) for i in layers]
        for name in ("blocks.{}.attn.hook_z", "blocks.{}.hook_mlp_out")
    )
    _, cache = run_with_cache(model, tokens, [*z, *mlp])
    return [cache[name] for name in z], [cache[name] for name in mlp]
