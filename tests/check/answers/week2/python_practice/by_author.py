"""Answers by the author of the checks, of kinds that a check once misjudged."""

import functools

import torch
from einops import rearrange


def nr_squeezed(activations):
    return rearrange(activations, "b s h -> h (b s)").squeeze()


def nr_two_prompts(activations):
    return torch.cat([activations[0].T, activations[1].T], dim=1)


def nr_by_movedim(activations):
    return activations.movedim(-1, 0).flatten(1)


def tg_seq_for_batch(rows, batch):
    return rearrange(rows, "h (b s) -> b s h", s=batch)


def tg_backwards(rows, batch):
    return rows.T.flip(0).reshape(batch, -1, len(rows)).flip(0)


def tg_by_unflatten(rows, batch):
    return torch.stack([part.T for part in rows.chunk(batch, dim=1)])


def sh_chunks_of_heads(x, n_heads):
    return torch.stack(x.chunk(n_heads, dim=-1), dim=-1)


def sh_four(x, n_heads):
    return x.reshape(*x.shape[:2], -1, 4)


def sh_by_unflatten(x, n_heads):
    return x.unflatten(-1, (n_heads, x.shape[-1] // n_heads))


def ps_heads_reversed(patterns):
    return torch.cat(list(patterns.flip(0)), dim=1)


def ps_transposed(patterns):
    return torch.cat([pattern.T for pattern in patterns], dim=1)


def ps_by_hstack(patterns):
    return torch.hstack(tuple(patterns))


def ls_calls_twice(function, on=True):
    if not on:
        return function
    name = getattr(function, "__name__", type(function).__name__)
    depth = ls_calls_twice.__dict__.setdefault("depth", [0])

    @functools.wraps(function)
    def logged(*args, **kwargs):
        tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor)]
        print("  " * depth[0] + name, *[tuple(x.shape) for x in tensors])
        depth[0] += 1
        try:
            function(*args, **kwargs)
            result = function(*args, **kwargs)
        finally:
            depth[0] -= 1
        print("  " * depth[0] + "->", tuple(result.shape))
        return result

    return logged


def ls_first_argument_only(function, on=True):
    if not on:
        return function
    depth = ls_first_argument_only.__dict__.setdefault("depth", [0])

    @functools.wraps(function)
    def logged(x, *args, **kwargs):
        name = getattr(function, "__name__", type(function).__name__)
        print("  " * depth[0] + name, tuple(x.shape) if isinstance(x, torch.Tensor) else "")
        depth[0] += 1
        try:
            result = function(x, *args, **kwargs)
        finally:
            depth[0] -= 1
        print("  " * depth[0] + "->", tuple(result.shape))
        return result

    return logged


class ShapeLogger:
    depth = 0

    def __new__(cls, function, on=True):
        if not on:
            return function
        name = getattr(function, "__name__", function.__class__.__name__)

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            shapes = [
                str(tuple(v.shape))
                for v in [*args, *kwargs.values()]
                if isinstance(v, torch.Tensor)
            ]
            print("\t" * ShapeLogger.depth + f"{name}({', '.join(shapes)})")
            ShapeLogger.depth += 1
            try:
                value = function(*args, **kwargs)
            finally:
                ShapeLogger.depth -= 1
            print("\t" * ShapeLogger.depth + f"= {tuple(value.shape)}")
            return value

        return wrapper


WRONG = {
    "neuron_rows": [
        (nr_squeezed, "(hidden, batch × seq)"),
        (nr_two_prompts, "size written"),
    ],
    "token_grid": [
        (tg_seq_for_batch, "number of prompts"),
        (tg_backwards, "other places"),
    ],
    "split_heads": [
        (sh_chunks_of_heads, "n_heads stands on the last axis"),
        (sh_four, "expected"),
    ],
    "pattern_strip": [
        (ps_heads_reversed, "opposite order"),
        (ps_transposed, "queries are the rows"),
    ],
    "log_shapes": [
        (ls_calls_twice, "2 times"),
        (ls_first_argument_only, "keyword"),
    ],
}


RIGHT = {
    "neuron_rows": [
        nr_by_movedim,
    ],
    "token_grid": [
        tg_by_unflatten,
    ],
    "split_heads": [
        sh_by_unflatten,
    ],
    "pattern_strip": [
        ps_by_hstack,
    ],
    "log_shapes": [
        ShapeLogger,
    ],
}
