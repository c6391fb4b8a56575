"""Answers to week 2's Python practice, einops and decorators, written without seeing its check."""

import functools
import inspect

import torch
from einops import rearrange

# --- einops
nr_einops = lambda activations: rearrange(activations, "b s h -> h (b s)")


nr_permute = lambda activations: activations.permute(2, 0, 1).reshape(activations.shape[2], -1)


nr_reshape = lambda activations: activations.reshape(activations.shape[2], -1)


nr_positions_first = lambda activations: rearrange(activations, "b s h -> h (s b)")


nr_turned = lambda activations: rearrange(activations, "b s h -> (b s) h")


nr_three = lambda activations: rearrange(activations, "b s h -> h b s")


tg_einops = lambda rows, batch: rearrange(rows, "h (b s) -> b s h", b=batch)


tg_view = lambda rows, batch: rows.T.reshape(batch, -1, rows.shape[0])


tg_reshape = lambda rows, batch: rows.reshape(batch, -1, rows.shape[0])


tg_positions_first = lambda rows, batch: rearrange(rows, "h (s b) -> b s h", b=batch)


tg_neurons_second = lambda rows, batch: rearrange(rows, "h (b s) -> b h s", b=batch)


tg_as_positions = lambda rows, batch: rearrange(rows, "h (b s) -> b s h", s=batch)


sh_einops = lambda x, n_heads: rearrange(x, "b p (n d) -> b p n d", n=n_heads)


sh_unflatten = lambda x, n_heads: x.unflatten(-1, (n_heads, -1))


sh_inner = lambda x, n_heads: rearrange(x, "b p (d n) -> b p n d", n=n_heads)


sh_as_d = lambda x, n_heads: rearrange(x, "b p (n d) -> b p n d", d=n_heads)


sh_early = lambda x, n_heads: rearrange(x, "b p (n d) -> b n p d", n=n_heads)


sh_merged = lambda x, n_heads: rearrange(x, "b p (n d) -> b (p n) d", n=n_heads)


sh_view = lambda x, n_heads: x.reshape(x.shape[0], n_heads, x.shape[1], -1).transpose(1, 2)


ps_einops = lambda patterns: rearrange(patterns, "n q k -> q (n k)")


ps_cat = lambda patterns: torch.cat(list(patterns), dim=1)


ps_mixed = lambda patterns: rearrange(patterns, "n q k -> q (k n)")


ps_tall = lambda patterns: rearrange(patterns, "n q k -> (n q) k")


ps_turned = lambda patterns: rearrange(patterns, "n q k -> k (n q)")


ps_reshape = lambda patterns: patterns.reshape(patterns.shape[1], -1)


# --- log_shapes
def _shapes(args, kwargs):
    tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor)]
    return " ".join(str(tuple(x.shape)) for x in tensors)


def _result(value):
    parts = value if isinstance(value, tuple) else [value]
    return " ".join(str(tuple(x.shape)) for x in parts if isinstance(x, torch.Tensor))


def _make(
    *, wraps=True, returns=True, kwargs_too=True, indent=True, off=True, named=True, safe=True,
    after=True, kwargs_shown=True, modules=True, off_as="same", step="  ", late=False,
):  # fmt: skip
    level = [0]

    def log_shapes(function, on=True):
        if not on and off:
            return function if off_as == "same" else (lambda *a, **k: function(*a, **k))
        default = type(function).__name__
        name = getattr(function, "__name__", default) if modules else function.__name__
        name = name if named else "call"

        def wrapper(*args, **kwargs):
            tab = step * level[0] if indent else ""
            opening = f"{tab}{name} {_shapes(args, kwargs if kwargs_shown else {})}"
            if not late:
                print(opening)
            level[0] += 1
            if safe:
                try:
                    result = function(*args, **kwargs)
                finally:
                    level[0] -= 1
            else:
                result = function(*args, **kwargs)
                level[0] -= 1
            if late:
                print(opening)
            if after:
                print(f"{tab}-> {_result(result)}")
            return result if returns else None

        def positional(*args):
            return wrapper(*args)

        made = wrapper if kwargs_too else positional
        return functools.wraps(function)(made) if wraps else made

    return log_shapes


ls_flags = _make()


ls_tabs = _make(step="    ")


class _Logged:
    depth = 0


def ls_signature(function, on=True):
    """With a class attribute for the depth, and the signature copied by hand."""
    if on is False:
        return function
    what = getattr(function, "__name__", None) or function.__class__.__name__

    def inner(*a, **kw):
        pad = "  " * _Logged.depth
        print(pad + what + "(" + ", ".join(_shapes((x,), {}) for x in [*a, *kw.values()]) + ")")
        _Logged.depth += 1
        try:
            out = function(*a, **kw)
            return out
        finally:
            _Logged.depth -= 1
            if "out" in locals():
                print(pad + "returns " + _result(out))

    inner.__name__, inner.__doc__ = what, function.__doc__
    inner.__signature__ = inspect.signature(function)
    return inner


def ls_calls_at_once(function, on=True):
    print(getattr(function, "__name__", ""))
    return function


def ls_prints_tensors(function, on=True):
    if not on:
        return function

    @functools.wraps(function)
    def inner(*args, **kwargs):
        print(function, args)
        result = function(*args, **kwargs)
        print(result)
        return result

    return inner


def ls_returns_nothing(function, on=True):
    if not on:
        return function

    def inner(*args, **kwargs):
        return function(*args, **kwargs)


def nr_prompts_reversed(activations):
    return rearrange(activations.flip(0), "b s h -> h (b s)")


def tg_transposed_within(rows, batch):
    return rearrange(rows, "h (b s) -> s b h", b=batch)


def sh_heads_reversed(x, n_heads):
    return rearrange(x, "b p (n d) -> b p n d", n=n_heads).flip(2)


def ps_summed(patterns):
    return patterns.sum(0)


def ls_no_result(function, on=True):
    if not on:
        return function
    name = getattr(function, "__name__", type(function).__name__)

    @functools.wraps(function)
    def logged(*args, **kwargs):
        print(name, *[tuple(a.shape) for a in args if isinstance(a, torch.Tensor)])
        result = function(*args, **kwargs)
        print("->", tuple(result.shape))

    return logged


def sh_by_view(x, n_heads):
    return x.contiguous().view(*x.shape[:-1], n_heads, -1)


def ps_by_permute(patterns):
    return patterns.permute(1, 0, 2).flatten(1)


def tokens_first(activations):
    return rearrange(activations, "b s h -> (b s) h")


def slow_batch(rows, batch):
    return rearrange(rows, "h (s b) -> b s h", b=batch)


def neighbours(x, n_heads):
    return rearrange(x, "b p (d n) -> b p n d", n=n_heads)


def below(patterns):
    return rearrange(patterns, "n q k -> (n q) k")


def one_line(function, on=True):
    if not on:
        return function

    @functools.wraps(function)
    def logged(*args, **kwargs):
        result = function(*args, **kwargs)
        shapes = [tuple(a.shape) for a in args if isinstance(a, torch.Tensor)]
        print(function.__name__, *shapes, "->", tuple(result.shape))
        return result

    return logged


WRONG = {
    "neuron_rows": [
        (tokens_first, "row for each token"),
        (nr_prompts_reversed, "other places"),
        (nr_reshape, "reshape"),
        (nr_positions_first, "(s b)"),
        (nr_turned, "row for each token"),
        (nr_three, "two axes"),
    ],
    "token_grid": [
        (slow_batch, "(s b)"),
        (tg_transposed_within, "first axis"),
        (tg_reshape, "reshape"),
        (tg_positions_first, "(s b)"),
        (tg_neurons_second, "last"),
        (tg_as_positions, "batch"),
    ],
    "split_heads": [
        (neighbours, "(d n)"),
        (sh_heads_reversed, "other places"),
        (sh_inner, "(d n)"),
        (sh_as_d, "n_heads"),
        (sh_early, "position"),
        (sh_merged, "four axes"),
        (sh_view, "reshape"),
    ],
    "pattern_strip": [
        (below, "one below the other"),
        (ps_summed, "expected"),
        (ps_mixed, "(k n)"),
        (ps_tall, "below"),
        (ps_turned, "queries"),
        (ps_reshape, "reshape"),
    ],
    "log_shapes": [
        (one_line, "one line for a call"),
        (ls_no_result, "returns None"),
        (_make(wraps=False), "functools.wraps"),
        (_make(returns=False), "return"),
        (_make(kwargs_too=False), "keyword"),
        (_make(indent=False), "indent"),
        (_make(off=False), "off"),
        (_make(off_as="wrapped"), "function itself"),
        (_make(named=False), "name"),
        (_make(safe=False), "error"),
        (_make(after=False), "result"),
        (_make(kwargs_shown=False), "keyword"),
        (_make(modules=False), "module"),
        (_make(late=True), "before"),
        (ls_calls_at_once, "nothing"),
        (ls_prints_tensors, "name"),
        (ls_returns_nothing, "None"),
    ],
}


RIGHT = {
    "neuron_rows": [
        nr_einops,
        nr_permute,
    ],
    "token_grid": [
        tg_einops,
        tg_view,
    ],
    "split_heads": [
        sh_by_view,
        sh_einops,
        sh_unflatten,
    ],
    "pattern_strip": [
        ps_by_permute,
        ps_einops,
        ps_cat,
    ],
    "log_shapes": [
        ls_flags,
        ls_tabs,
        ls_signature,
    ],
}
