# ruff: noqa: B023, B905
"""Answers to the exercises on batches and bound hooks, from the chapter's text alone.

RIGHT and WRONG are as in `cases_induction`. Written before the checks were seen.
"""

import functools
import itertools

import torch


# ---------------------------------------------------------------- batches
def ba_sentinel(stream, size):
    iterator = iter(stream)
    return iter(lambda: list(itertools.islice(iterator, size)), [])


def ba_collect(stream, size):
    batch = []
    for item in stream:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def ba_first_and_rest(stream, size):
    iterator = iter(stream)
    for first in iterator:
        yield [first, *itertools.islice(iterator, size - 1)]


def ba_drops(stream, size):
    for batch in zip(*[iter(stream)] * size):
        yield list(batch)


def ba_empty(stream, size):
    batch = []
    for item in stream:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def ba_tuples(stream, size):
    iterator = iter(stream)
    while batch := tuple(itertools.islice(iterator, size)):
        yield batch


def ba_islices(stream, size):
    iterator = iter(stream)
    for first in iterator:
        yield itertools.chain([first], itertools.islice(iterator, size - 1))


def ba_list_first(stream, size):
    items = list(stream)
    for start in range(0, len(items), size):
        yield items[start : start + size]


def ba_slices(stream, size):
    for start in range(0, len(stream), size):
        yield stream[start : start + size]


def ba_cleared(stream, size):
    batch = []
    for item in stream:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch.clear()
    if batch:
        yield batch


def ba_one_more(stream, size):
    batch = []
    for item in stream:
        batch.append(item)
        if len(batch) > size:
            yield batch
            batch = []
    if batch:
        yield batch


def ba_ahead(stream, size):
    batch = []
    for item in stream:
        if len(batch) == size:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def ba_no_zero(stream, size):
    iterator = iter(stream)
    while batch := [item for item in itertools.islice(iterator, size) if item]:
        yield batch


def ba_stop_iteration(stream, size):
    iterator = iter(stream)
    while True:
        yield [next(iterator) for _ in range(size)]


def ba_never_ends(stream, size):
    iterator = iter(stream)
    while True:
        yield list(itertools.islice(iterator, size))


def ba_filled(stream, size):
    for batch in itertools.zip_longest(*[iter(stream)] * size):
        yield list(batch)


def ba_lost_item(stream, size):
    batch = []
    for item in stream:
        if len(batch) == size:
            yield batch
            batch = []
            continue
        batch.append(item)
    if batch:
        yield batch


def ba_returns_list(stream, size):
    return list(ba_collect(stream, size))


def ba_first(stream, size):
    yield list(itertools.islice(stream, size))


# ---------------------------------------------------------------- hooks_for
def _name(layer):
    return f"blocks.{layer}.attn.hook_z"


def hf_closure(function, heads):
    def bind(head):
        def hooked(z, hook):
            return function(z, hook, head)

        return hooked

    return [(_name(layer), bind(head)) for layer, head in heads]


def hf_default(function, heads):
    pairs = []
    for layer, head in heads:
        pairs.append((_name(layer), lambda z, hook, h=head: function(z, hook, h)))
    return pairs


class _Silencer:
    def __init__(self, function, head):
        self.function, self.head = function, head

    def __call__(self, z, *, hook):
        return self.function(z, hook=hook, head=self.head)


def hf_objects(function, heads):
    return list(zip((_name(p[0]) for p in heads), (_Silencer(function, p[1]) for p in heads)))


def hf_late(function, heads):
    return [(_name(layer), lambda z, hook: function(z, hook, head)) for layer, head in heads]


def hf_late_loop(function, heads):
    pairs = []
    for layer, head in heads:

        def hooked(z, hook):
            return function(z, hook=hook, head=head)

        pairs.append((_name(layer), hooked))
    return pairs


def hf_positional(function, heads):
    return [(_name(layer), functools.partial(function, head)) for layer, head in heads]


def hf_swapped(function, heads):
    return [(_name(head), functools.partial(function, head=layer)) for layer, head in heads]


def hf_pair_as_head(function, heads):
    return [(_name(pair[0]), functools.partial(function, head=pair)) for pair in heads]


def hf_dict(function, heads):
    return {_name(layer): functools.partial(function, head=head) for layer, head in heads}


def hf_dict_items(function, heads):
    return list(hf_dict(function, heads).items())


def hf_result(function, heads):
    return [(f"blocks.{layer}.attn.hook_result", hook) for (layer, _), (_, hook) in
            zip(heads, hf_closure(function, heads))]  # fmt: skip


def hf_called_now(function, heads):
    z = torch.zeros(1, 1, 1 + max(head for _, head in heads), 1)
    return [(_name(layer), function(z, None, head)) for layer, head in heads]


def hf_no_attn(function, heads):
    return [(name.replace("attn.", ""), hook) for name, hook in hf_closure(function, heads)]


def hf_layer_letter(function, heads):
    return [("blocks.LAYER.attn.hook_z", hook) for _, hook in hf_closure(function, heads)]


def hf_one_based(function, heads):
    return [(_name(layer + 1), functools.partial(function, head=head)) for layer, head in heads]


def hf_other_keyword(function, heads):
    def bind(head):
        return lambda z, point: function(z, point, head)

    return [(_name(layer), bind(head)) for layer, head in heads]


def hf_no_return(function, heads):
    def bind(head):
        def hooked(z, hook):
            function(z, hook, head)

        return hooked

    return [(_name(layer), bind(head)) for layer, head in heads]


def hf_hooks_only(function, heads):
    return [functools.partial(function, head=head) for _, head in heads]


def hf_turned_pair(function, heads):
    return [(hook, name) for name, hook in hf_closure(function, heads)]


def hf_unbound(function, heads):
    return [(_name(layer), function) for layer, _ in heads]


RIGHT = {
    "batches": [ba_sentinel, ba_collect, ba_first_and_rest],
    "hooks_for": [hf_closure, hf_default, hf_objects],
}

WRONG = {
    "batches": [
        (ba_drops, "shorter"),
        (ba_empty, "empty"),
        (ba_tuples, "list"),
        (ba_islices, "list"),
        (ba_list_first, "endless"),
        (ba_slices, "len"),
        (ba_cleared, "same list"),
        (ba_one_more, "[0, 1, 2, 3]"),
        (ba_ahead, "ahead"),
        (ba_no_zero, "0"),
        (ba_stop_iteration, "StopIteration"),
        (ba_never_ends, "empty"),
        (ba_filled, "None"),
        (ba_lost_item, "[4, 5, 6]"),
        (ba_returns_list, "generator"),
        (ba_first, "first"),
    ],
    "hooks_for": [
        (hf_late, "lambda"),
        (hf_late_loop, "loop"),
        (hf_positional, "head="),
        (hf_swapped, "'blocks.2"),
        (hf_pair_as_head, "head"),
        (hf_dict, "dict"),
        (hf_dict_items, "three hooks"),
        (hf_result, "hook_z"),
        (hf_called_now, "function"),
        (hf_no_attn, "attn"),
        (hf_layer_letter, "LAYER"),
        (hf_one_based, "0"),
        (hf_other_keyword, "'hook'"),
        (hf_no_return, "return"),
        (hf_hooks_only, "pair"),
        (hf_turned_pair, "is a function"),
        (hf_unbound, "head"),
    ],
}
