"""Answers to week 3's Python practice, on streams and hooks, written without seeing its check."""

import functools
import itertools
import random

import numpy as np
import torch


# --- batches
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


def ba_restarts(stream, size):
    while batch := list(itertools.islice(iter(stream), size)):
        yield batch


def ba_no_none(stream, size):
    for batch in itertools.zip_longest(*[iter(stream)] * size):
        yield [item for item in batch if item is not None]


# --- hooks_for
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


def hf_index(function, heads):
    return [(_name(p[0]), functools.partial(function, head=n)) for n, p in enumerate(heads)]


def hf_lazy(function, heads):
    return ((_name(layer), functools.partial(function, head=head)) for layer, head in heads)


def hf_hook_lost(function, heads):
    def bind(head):
        return lambda z, hook: function(z, None, head)

    return [(_name(layer), bind(head)) for layer, head in heads]


# --- gifts
def gi_pairs(names, things, seed):
    rng = random.Random(f"gifts {seed}")
    pairs = list(itertools.permutations(range(len(names)), 2))
    while True:
        a, b = rng.choice(pairs)
        yield names[a], names[b], rng.choice(things)


def gi_again(names, things, seed):
    rng = random.Random(seed)
    while True:
        giver, receiver = rng.choice(names), rng.choice(names)
        if giver != receiver:
            yield giver, receiver, rng.choice(things)


def gi_numpy(names, things, seed):
    rng = np.random.default_rng(seed)
    for _ in itertools.count():
        a, b = rng.choice(len(names), 2, replace=False)
        yield names[a], names[b], things[rng.integers(len(things))]


class GiftsByTorch:
    """An iterator with a torch generator of its own."""

    __name__ = "GiftsByTorch"

    def __call__(self, names, things, seed):
        draw = torch.Generator().manual_seed(seed)

        def one():
            a, b = torch.randperm(len(names), generator=draw)[:2].tolist()
            return names[a], names[b], things[torch.randint(len(things), (), generator=draw)]

        yield from iter(one, None)


def gi_same_person(names, things, seed):
    rng = random.Random(seed)
    while True:
        yield rng.choice(names), rng.choice(names), rng.choice(things)


def gi_unseeded(names, things, seed):
    rng = random.Random()
    while True:
        yield (*rng.sample(names, 2), rng.choice(things))


def gi_one_seed(names, things, seed):
    yield from gi_pairs(names, things, 0)


def gi_inside(names, things, seed):
    while True:
        rng = random.Random(seed)
        yield (*rng.sample(names, 2), rng.choice(things))


def gi_list(names, things, seed):
    rng = random.Random(seed)
    return [(*rng.sample(names, 2), rng.choice(things)) for _ in range(10_000)]


def gi_one_order(names, things, seed):
    rng = random.Random(seed)
    while True:
        a, b = sorted(rng.sample(range(len(names)), 2))
        yield names[a], names[b], rng.choice(things)


def gi_neighbours(names, things, seed):
    rng = random.Random(seed)
    while True:
        a = rng.randrange(len(names))
        yield names[a], names[a - 1], rng.choice(things)


def gi_one_thing(names, things, seed):
    rng = random.Random(seed)
    thing = rng.choice(things)
    while True:
        yield (*rng.sample(names, 2), thing)


def gi_thing_first(names, things, seed):
    rng = random.Random(seed)
    while True:
        yield (rng.choice(things), *rng.sample(names, 2))


def gi_sentences(names, things, seed):
    for giver, receiver, thing in gi_pairs(names, things, seed):
        yield f"{giver} gave {receiver} a {thing}"


def gi_one_gift(names, things, seed):
    rng = random.Random(seed)
    yield (*rng.sample(names, 2), rng.choice(things))


def gi_returns(names, things, seed):
    rng = random.Random(seed)
    return (*rng.sample(names, 2), rng.choice(things))


def gi_not_last(names, things, seed):
    rng = random.Random(seed)
    while True:
        a, b = rng.sample(range(len(names) - 1), 2)
        yield names[a], names[b], rng.choice(things)


def gi_no_draw(names, things, seed):
    pairs = itertools.cycle(itertools.permutations(names, 2))
    for (giver, receiver), thing in zip(pairs, itertools.cycle(things)):
        yield giver, receiver, thing


_shared: dict[int, random.Random] = {}


def gi_shared(names, things, seed):
    rng = _shared.setdefault(seed, random.Random(seed))
    while True:
        yield (*rng.sample(names, 2), rng.choice(things))


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


# --- one_token
def ot_loop(words, encode):
    kept = []
    for word in words:
        (*ids,) = encode(f" {word}")
        if len(ids) == 1:
            kept.append(word)
    return kept


def ot_compress(words, encode):
    words = list(words)
    return list(itertools.compress(words, [len(encode(" " + w)) == 1 for w in words]))


def ot_no_space(words, encode):
    return [word for word in words if len(encode(word)) == 1]


def ot_space_after(words, encode):
    return [word for word in words if len(encode(word + " ")) == 1]


def ot_with_space(words, encode):
    return [" " + word for word in words if len(encode(" " + word)) == 1]


def ot_ids(words, encode):
    return [encode(" " + word)[0] for word in words if len(encode(" " + word)) == 1]


def ot_set(words, encode):
    return {word for word in words if len(encode(" " + word)) == 1}


def ot_others(words, encode):
    return [word for word in words if len(encode(" " + word)) > 1]


def ot_flags(words, encode):
    return [len(encode(" " + word)) == 1 for word in words]


def ot_two(words, encode):
    return [word for word in words if len(encode(" " + word)) == 2]


def ot_first_only(words, encode):
    for word in words:
        if len(encode(" " + word)) == 1:
            return [word]
    return []


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


# --- both_orders
def _text(first, second, giver, thing, vowels="aeiou"):
    article = "an" if thing[0] in vowels else "a"
    return f"Then, {first} and {second} went to the shops. {giver} gave {article} {thing} to"


def bo_loop(gifts):
    for giver, receiver, thing in gifts:
        for pair in ((receiver, giver), (giver, receiver)):
            yield _text(*pair, giver, thing), receiver, giver


def bo_chain(gifts):
    def two(gift):
        s, io, thing = gift
        return (_text(io, s, s, thing), io, s), (_text(s, io, s, thing), io, s)

    return itertools.chain.from_iterable(map(two, gifts))


def bo_iterator(gifts):
    stream = iter(gifts)
    while (gift := next(stream, None)) is not None:
        s, io, thing = gift
        yield (_text(io, s, s, thing), io, s)
        yield (_text(s, io, s, thing), io, s)


def bo_names_swapped(gifts):
    for text, io, s in bo_loop(gifts):
        yield text, s, io


def bo_giver_first(gifts):
    for s, io, thing in gifts:
        yield _text(s, io, s, thing), io, s
        yield _text(io, s, s, thing), io, s


def bo_no_article(gifts):
    for s, io, thing in gifts:
        yield _text(io, s, s, thing, vowels=""), io, s
        yield _text(s, io, s, thing, vowels=""), io, s


def bo_one(gifts):
    for s, io, thing in gifts:
        yield _text(io, s, s, thing), io, s


def bo_all_first(gifts):
    gifts = list(gifts)
    for s, io, thing in gifts:
        yield _text(io, s, s, thing), io, s
        yield _text(s, io, s, thing), io, s


def bo_other_giver(gifts):
    for s, io, thing in gifts:
        yield _text(io, s, s, thing), io, s
        yield _text(s, io, io, thing), s, io


def bo_receiver_gives(gifts):
    for s, io, thing in gifts:
        yield _text(io, s, io, thing), io, s
        yield _text(s, io, io, thing), io, s


def bo_trailing_space(gifts):
    for text, io, s in bo_loop(gifts):
        yield text + " ", io, s


def bo_answer_in_text(gifts):
    for text, io, s in bo_loop(gifts):
        yield f"{text} {io}", io, s


def bo_texts(gifts):
    for text, _, _ in bo_loop(gifts):
        yield text


def bo_pairs(gifts):
    for s, io, thing in gifts:
        yield (_text(io, s, s, thing), io, s), (_text(s, io, s, thing), io, s)


def bo_alternates(gifts):
    for n, (s, io, thing) in enumerate(gifts):
        pair = (s, io) if n % 2 else (io, s)
        yield _text(*pair, s, thing), io, s


def bo_returns_in_loop(gifts):
    for s, io, thing in gifts:
        return [(_text(io, s, s, thing), io, s), (_text(s, io, s, thing), io, s)]


def bo_two_loops(gifts):
    for s, io, thing in gifts:
        yield _text(io, s, s, thing), io, s
    for s, io, thing in gifts:
        yield _text(s, io, s, thing), io, s


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


def ba_one_too_many(stream, size):
    iterator = iter(stream)
    while batch := list(itertools.islice(iterator, size + 1)):
        yield batch


def ba_overlap(stream, size):
    window = []
    for item in stream:
        window.append(item)
        if len(window) == size:
            yield list(window)
            window = window[1:]


def hf_by_place(function, heads):
    return [(f"blocks.{a}.attn.hook_z", functools.partial(function, b)) for a, b in heads]


def hf_once_per_layer(function, heads):
    return [
        (f"blocks.{layer}.attn.hook_z", functools.partial(function, head=head))
        for layer, head in {layer: (layer, head) for layer, head in heads}.values()
    ]


def gi_names_as_things(names, things, seed):
    rng = random.Random(seed)
    while True:
        giver, receiver = rng.sample(names, 2)
        yield giver, rng.choice(things), receiver


def gi_reseeds(names, things, seed):
    while True:
        rng = random.Random(seed)
        giver, receiver = rng.sample(names, 2)
        yield giver, receiver, rng.choice(things)


def ot_short(words, encode):
    return [word for word in words if len(encode(" " + word)) <= 1]


def ot_double_space(words, encode):
    return [word for word in words if len(encode("  " + word)) == 1]


def bo_gender(gifts):
    for giver, receiver, thing in gifts:
        article = "an" if thing[0] in "aeiou" else "a"
        for one, two in ((giver, receiver), (receiver, giver)):
            yield (
                f"Then, {one} and {two} went to the shops. {giver} gave {article} {thing} to",
                receiver,
                giver,
            )


def bo_shop(gifts):
    for giver, receiver, thing in gifts:
        article = "an" if thing[0] in "aeiou" else "a"
        for one, two in ((receiver, giver), (giver, receiver)):
            yield (
                f"Then, {one} and {two} went to the shop. {giver} gave {article} {thing} to",
                receiver,
                giver,
            )


def gi_by_index(names, things, seed):
    rng = random.Random(seed)
    while True:
        i = rng.randrange(len(names))
        j = (i + 1 + rng.randrange(len(names) - 1)) % len(names)
        yield (names[i], names[j], rng.choices(things)[0])


def no_last(stream, size):
    batch = []
    for item in stream:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []


def late_lambda(function, heads):
    hooks = []
    for layer, head in heads:
        hooks.append((f"blocks.{layer}.attn.hook_z", lambda z, hook: function(z, hook, head)))
    return hooks


def with_itself(names, things, seed):
    rng = random.Random(seed)
    while True:
        yield rng.choice(names), rng.choice(names), rng.choice(things)


def no_space(words, encode):
    return [word for word in words if len(encode(word)) == 1]


def always_a(gifts):
    for giver, receiver, thing in gifts:
        for one, two in ((receiver, giver), (giver, receiver)):
            yield (
                f"Then, {one} and {two} went to the shops. {giver} gave a {thing} to",
                receiver,
                giver,
            )


# --- tries of one who walked the chapter from its first cell to its last
def hf_right(function, heads):
    def make(head):
        def hooked(*args, **kwargs):
            return function(*args, **kwargs, head=head)

        return hooked

    return [(f"blocks.{layer}.attn.hook_z", make(head)) for layer, head in heads]


WRONG = {
    "batches": [
        (no_last, "lost"),
        (ba_one_too_many, "yours has 4"),
        (ba_overlap, "share items"),
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
        (ba_restarts, "iter(stream) once"),
        (ba_no_none, "None, 0 and an empty text"),
    ],
    "hooks_for": [
        (late_lambda, "lambda"),
        (hf_by_place, "BY NAME"),
        (hf_once_per_layer, "three hooks"),
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
        (hf_index, "should silence head 1"),
        (hf_lazy, "not a generator"),
        (hf_hook_lost, "does not reach the function"),
    ],
    "gifts": [
        (with_itself, "DIFFERENT"),
        (gi_names_as_things, "the order is"),
        (gi_reseeds, "same"),
        (gi_same_person, "DIFFERENT"),
        (gi_unseeded, "seed"),
        (gi_one_seed, "seed"),
        (gi_inside, "before"),
        (gi_list, "generator"),
        (gi_one_order, "pair"),
        (gi_neighbours, "pair"),
        (gi_one_thing, "thing"),
        (gi_thing_first, "giver, receiver, thing"),
        (gi_sentences, "not one text"),
        (gi_one_gift, "end"),
        (gi_returns, "generator"),
        (gi_not_last, "never"),
        (gi_no_draw, "seed"),
        (gi_shared, "seed"),
        (gi_global, "all of Python shares"),
        (gi_numpy_global, "numpy"),
        (gi_torch_global, "torch"),
        (gi_module_rng, "in turns"),
        (gi_finite, "after 1000 gifts"),
        (gi_shuffles, "changes the list of names"),
    ],
    "one_token": [
        (no_space, "without the space"),
        (ot_short, "no token"),
        (ot_double_space, "space and the word"),
        (ot_no_space, "space"),
        (ot_space_after, "space"),
        (ot_with_space, "space"),
        (ot_ids, "words"),
        (ot_set, "list"),
        (ot_others, "one token"),
        (ot_flags, "words"),
        (ot_two, "one token"),
        (ot_first_only, "found ['Mary']"),
        (ot_lazy, "not generator"),
        (ot_removes, "changed"),
        (ot_letters, "encode is never called"),
        (ot_either, "after a space"),
        (ot_both, "after a space"),
    ],
    "both_orders": [
        (always_a, "stands before"),
        (bo_gender, "IO"),
        (bo_shop, "expected"),
        (bo_names_swapped, "swapped"),
        (bo_giver_first, "order"),
        (bo_no_article, "an"),
        (bo_one, "the other order is missing"),
        (bo_all_first, "one at a time"),
        (bo_other_giver, "gave"),
        (bo_receiver_gives, "gave"),
        (bo_trailing_space, "space"),
        (bo_answer_in_text, "answer"),
        (bo_texts, "(text, io, s)"),
        (bo_pairs, "(text, io, s)"),
        (bo_alternates, "six prompts"),
        (bo_returns_in_loop, "generator"),
        (bo_two_loops, "each gift"),
        (bo_no_u, "a, e, i, o and u"),
        (bo_same_twice, "the same in both prompts"),
        (bo_ahead, "one at a time"),
    ],
}


RIGHT = {
    "batches": [
        ba_sentinel,
        ba_collect,
        ba_first_and_rest,
    ],
    "hooks_for": [
        hf_right,
        hf_closure,
        hf_default,
        hf_objects,
    ],
    "gifts": [
        gi_by_index,
        gi_pairs,
        gi_again,
        gi_numpy,
        GiftsByTorch(),
    ],
    "one_token": [
        ot_loop,
        ot_compress,
    ],
    "both_orders": [
        bo_loop,
        bo_chain,
        bo_iterator,
    ],
}
