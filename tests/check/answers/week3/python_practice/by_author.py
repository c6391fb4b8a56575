"""Answers of the check's author to week 3's Python practice, on streams and hooks."""

import functools
import itertools
import random
from functools import partial

import torch

from mi_course import prompt_streams


# --- gifts
def gifts_plain(names, things, seed):
    rng = random.Random(seed)
    while True:
        giver, receiver = rng.sample(names, 2)
        yield giver, receiver, rng.choice(things)


def gifts_rejection(names, things, seed):
    rng = random.Random(seed)
    while True:
        pair = rng.choice(names), rng.choice(names)
        if pair[0] != pair[1]:
            yield (*pair, rng.choice(things))


def gifts_by_cycle(names, things, seed):
    rng = random.Random(seed)
    everything = list(itertools.product(itertools.permutations(names, 2), things))
    rng.shuffle(everything)
    return ((giver, receiver, thing) for (giver, receiver), thing in itertools.cycle(everything))


class GiftIterator:
    def __init__(self, names, things, seed):
        self.rng, self.names, self.things = random.Random(seed), names, things

    def __iter__(self):
        return self

    def __next__(self):
        return prompt_streams.Gift(*self.rng.sample(self.names, 2), self.rng.choice(self.things))


def gifts_list(names, things, seed):
    return list(itertools.islice(gifts_plain(names, things, seed), 500))


def gifts_collects(names, things, seed):
    rng, found = random.Random(seed), []
    while True:
        found.append((*rng.sample(names, 2), rng.choice(things)))
    return found


def gifts_ends(names, things, seed):
    return itertools.islice(gifts_plain(names, things, seed), 100)


def gifts_same_person(names, things, seed):
    rng = random.Random(seed)
    while True:
        yield rng.choice(names), rng.choice(names), rng.choice(things)


def gifts_global(names, things, seed):
    random.seed(seed)
    while True:
        yield (*random.sample(names, 2), random.choice(things))


def gifts_unseeded(names, things, seed):
    rng = random.Random()
    while True:
        yield (*rng.sample(names, 2), rng.choice(things))


def gifts_seed_zero(names, things, seed):
    return gifts_plain(names, things, 0)


def gifts_reseeds(names, things, seed):
    while True:
        rng = random.Random(seed)
        yield (*rng.sample(names, 2), rng.choice(things))


def gifts_one_thing(names, things, seed):
    rng = random.Random(seed)
    thing = rng.choice(things)
    while True:
        yield (*rng.sample(names, 2), thing)


def gifts_sorted(names, things, seed):
    rng = random.Random(seed)
    while True:
        yield (*sorted(rng.sample(names, 2)), rng.choice(things))


def gifts_texts(names, things, seed):
    for giver, receiver, thing in gifts_plain(names, things, seed):
        yield f"{giver} gave {receiver} a {thing}"


def gifts_lists(names, things, seed):
    return (list(gift) for gift in gifts_plain(names, things, seed))


def gifts_first_pair(names, things, seed):
    rng = random.Random(seed)
    giver, receiver = rng.sample(names, 2)
    while True:
        yield giver, receiver, rng.choice(things)


def gifts_thing_first(names, things, seed):
    for giver, receiver, thing in gifts_plain(names, things, seed):
        yield thing, receiver, giver


def gifts_printed(names, things, seed):
    print(next(gifts_plain(names, things, seed)), end="\r")


def gifts_neighbours(names, things, seed):
    rng = random.Random(seed)
    while True:
        i = rng.randrange(len(names) - 1)
        pair = [names[i], names[i + 1]]
        rng.shuffle(pair)
        yield (*pair, rng.choice(things))


# --- one_token
def one_token_list(words, encode):
    return [word for word in words if len(encode(" " + word)) == 1]


def one_token_filter(words, encode):
    return list(filter(lambda word: len(encode(f" {word}")) == 1, words))


def one_token_loop(words, encode):
    kept = []
    for word in words:
        try:
            [_] = encode(" " + word)
        except ValueError:
            continue
        kept.append(word)
    return kept


def one_token_no_space(words, encode):
    return [word for word in words if len(encode(word)) == 1]


def one_token_at_most(words, encode):
    return [word for word in words if len(encode(" " + word)) <= 1]


def one_token_others(words, encode):
    return [word for word in words if len(encode(" " + word)) != 1]


def one_token_spaced(words, encode):
    return [" " + word for word in words if len(encode(" " + word)) == 1]


def one_token_ids(words, encode):
    return [encode(" " + word)[0] for word in words if len(encode(" " + word)) == 1]


def one_token_trailing(words, encode):
    return [word for word in words if len(encode(word + " ")) == 1]


# --- both_orders
def orders_plain(gifts):
    for giver, receiver, thing in gifts:
        article = "an" if thing[0] in "aeiou" else "a"
        end = f"{giver} gave {article} {thing} to"
        yield f"Then, {receiver} and {giver} went to the shops. {end}", receiver, giver
        yield f"Then, {giver} and {receiver} went to the shops. {end}", receiver, giver


def orders_chained(gifts):
    return itertools.chain.from_iterable(list(orders_plain([gift])) for gift in gifts)


def orders_namedtuple(gifts):
    return prompt_streams.both_orders(gifts)


def orders_one(gifts):
    return (prompt for i, prompt in enumerate(orders_plain(gifts)) if i % 2 == 0)


def orders_other(gifts):
    return (prompt for i, prompt in enumerate(orders_plain(gifts)) if i % 2)


def orders_in_blocks(gifts):
    everything = [list(orders_plain([gift])) for gift in gifts]
    yield from (pair[0] for pair in everything)
    yield from (pair[1] for pair in everything)


def orders_greedy(gifts):
    yield from orders_plain(list(gifts))


def orders_baba_first(gifts):
    for gift in gifts:
        yield from reversed(list(orders_plain([gift])))


def orders_roles(gifts):
    return ((text, s, io) for text, io, s in orders_plain(gifts))


def orders_space(gifts):
    return ((text + " ", io, s) for text, io, s in orders_plain(gifts))


def orders_answer(gifts):
    return ((f"{text} {io}", io, s) for text, io, s in orders_plain(gifts))


def orders_articles(gifts):
    return ((text.replace(" an ", " a "), io, s) for text, io, s in orders_plain(gifts))


def orders_texts(gifts):
    return (text for text, _, _ in orders_plain(gifts))


def orders_list(gifts):
    return list(orders_plain(itertools.islice(gifts, 10)))


# --- batches
def batches_islice(stream, size):
    stream = iter(stream)
    while batch := list(itertools.islice(stream, size)):
        yield batch


def batches_collect(stream, size):
    batch = []
    for item in stream:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def batches_sentinel(stream, size):
    iterator = iter(stream)
    return iter(lambda: list(itertools.islice(iterator, size)), [])


def batches_slices(stream, size):
    items = list(stream)
    for i in range(0, len(items), size):
        yield items[i : i + size]


def batches_drops_last(stream, size):
    return (batch for batch in batches_islice(stream, size) if len(batch) == size)


def batches_empty_last(stream, size):
    iterator = iter(stream)
    while True:
        batch = list(itertools.islice(iterator, size))
        yield batch
        if len(batch) < size:
            return


def batches_zip(stream, size):
    return zip(*[iter(stream)] * size, strict=False)


def batches_reused(stream, size):
    batch = []
    for item in stream:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch.clear()
    if batch:
        yield batch


def batches_looks_ahead(stream, size):
    iterator = iter(stream)
    item = next(iterator, None)
    while item is not None:
        batch = [item, *itertools.islice(iterator, size - 1)]
        item = next(iterator, None)
        yield batch


def batches_flat(stream, size):
    yield from stream


# --- hooks_for
def name_of(layer):
    return f"blocks.{layer}.attn.hook_z"


def hooks_partial(function, heads):
    return [(name_of(layer), partial(function, head=head)) for layer, head in heads]


def hooks_default(function, heads):
    return [
        (name_of(layer), lambda z, hook, head=head: function(z, hook, head))
        for layer, head in heads
    ]


def hooks_unpacked(function, heads):
    return [*((name_of(layer), partial(function, head=head)) for layer, head in heads)]


def hooks_factory(function, heads):
    def bind(head):
        def hook_function(z, hook):
            return function(z, hook, head)

        return hook_function

    return [(name_of(layer), bind(head)) for layer, head in heads]


def hooks_late(function, heads):
    # the mistake that the exercise is about
    return [(name_of(a), lambda z, hook: function(z, hook, b)) for a, b in heads]


def hooks_positional(function, heads):
    return [(name_of(layer), partial(function, head)) for layer, head in heads]


def hooks_layer(function, heads):
    return [(name_of(layer), partial(function, head=layer)) for layer, _ in heads]


def hooks_called(function, heads):
    return [(name_of(layer), function(head=head)) for layer, head in heads]


def hooks_wrong_name(function, heads):
    return [(f"blocks.{head}.attn.hook_z", partial(function, head=head)) for _, head in heads]


def hooks_short_name(function, heads):
    return [(f"blocks.{layer}.hook_z", partial(function, head=head)) for layer, head in heads]


def hooks_dictionary(function, heads):
    return {name_of(layer): partial(function, head=head) for layer, head in heads}


def hooks_only(function, heads):
    return [partial(function, head=head) for _, head in heads]


def hooks_unbound(function, heads):
    return [(name_of(layer), function) for layer, _ in heads]


def ba_threes(stream, size):
    iterator = iter(stream)
    while batch := list(itertools.islice(iterator, 3)):
        yield batch


def ba_same_list(stream, size):
    batch = []
    for item in stream:
        batch.append(item)
        if len(batch) == size:
            yield batch
            del batch[:]
    if batch:
        yield batch


def ba_pads(stream, size):
    for batch in itertools.zip_longest(*[iter(stream)] * size):
        yield list(batch)


def ba_by_next(stream, size):
    source, missing = iter(stream), object()
    while (first := next(source, missing)) is not missing:
        batch = [first]
        while len(batch) < size and (item := next(source, missing)) is not missing:
            batch += [item]
        yield batch


def hf_silences_itself(function, heads):
    def hook_of(head):
        def hook(z, hook):
            z = z.clone()
            z[:, :, head] = 0
            return z

        return hook

    for _, head in heads:
        function(torch.zeros(1, 1, head + 1, 1), None, head)
    return [(f"blocks.{layer}.attn.hook_z", hook_of(head)) for layer, head in heads]


def hf_result_hook(function, heads):
    return [
        (f"blocks.{layer}.attn.hook_result", functools.partial(function, head=head))
        for layer, head in heads
    ]


def hf_sorted(function, heads):
    return [
        (f"blocks.{layer}.attn.hook_z", functools.partial(function, head=head))
        for layer, head in sorted(heads)
    ]


def hf_by_closure(function, heads):
    def make(head):
        return lambda z, hook: function(z, hook, head)

    return [(".".join(["blocks", str(layer), "attn.hook_z"]), make(head)) for layer, head in heads]


def gi_titled(names, things, seed):
    rng = random.Random(seed)
    while True:
        giver, receiver = rng.sample(names, 2)
        yield giver.title(), receiver.title(), rng.choice(things)


def gi_all_at_once(names, things, seed):
    rng = random.Random(seed)
    yield from [(*rng.sample(names, 2), rng.choice(things)) for _ in range(1000)]


def gi_neighbours(names, things, seed):
    rng = random.Random(seed)
    while True:
        i = rng.randrange(len(names))
        yield names[i], names[i - 1], rng.choice(things)


def gi_from_pairs(names, things, seed):
    rng = random.Random(f"{seed}-gifts")
    every = list(itertools.permutations(names, 2))
    while True:
        giver, receiver = every[int(rng.random() * len(every))]
        yield giver, receiver, things[rng.randrange(len(things))]


def ot_set(words, encode):
    return list({word for word in words if len(encode(" " + word)) == 1})


def ot_lowered(words, encode):
    return [word for word in words if len(encode(" " + word.capitalize())) == 1]


def ot_trailing_space(words, encode):
    return [word for word in words if len(encode(word + " ")) == 1]


def ot_by_filter(words, encode):
    lengths = map(len, map(encode, map(" {}".format, words)))
    return list(itertools.compress(words, (n == 1 for n in lengths)))


def bo_some_vowels(gifts):
    for giver, receiver, thing in gifts:
        article = "an" if thing[0] in ("a", "o", "u") else "a"
        for first, second in ((receiver, giver), (giver, receiver)):
            opening = f"Then, {first} and {second} went to the shops. "
            yield opening + f"{giver} gave {article} {thing} to", receiver, giver


def bo_capitalised(gifts):
    for giver, receiver, thing in gifts:
        article = "an" if thing[0] in "aeiou" else "a"
        for first, second in ((receiver, giver), (giver, receiver)):
            opening = f"Then, {first.title()} and {second.title()} went to the shops. "
            yield opening + f"{giver.title()} gave {article} {thing} to", receiver, giver


def bo_sounds(gifts):
    for giver, receiver, thing in gifts:
        article = "an" if thing[0] in "aeio" or thing in ("umbrella", "hour") else "a"
        for first, second in ((receiver, giver), (giver, receiver)):
            opening = f"Then, {first} and {second} went to the shops. "
            yield opening + f"{giver} gave {article} {thing} to", receiver, giver


def bo_chained(gifts):
    text = "Then, {} and {} went to the shops. {} gave a{} {} to"

    def two(gift):
        s, io, thing = gift
        n = "n" if thing.startswith(tuple("aeiou")) else ""
        return [(text.format(io, s, s, n, thing), io, s), (text.format(s, io, s, n, thing), io, s)]

    yield from itertools.chain.from_iterable(map(two, gifts))


WRONG = {
    "gifts": [
        (gi_titled, "as they stand"),
        (gi_all_at_once, "ends after"),
        (gi_neighbours, "never gives"),
        (gifts_list, "with `yield` in place of `return`"),
        (gifts_collects, "draws endlessly and yields nothing"),
        (gifts_ends, "the stream ends after 100 gifts"),
        (gifts_same_person, "draw two DIFFERENT names"),
        (gifts_global, "the generator that all of Python shares"),
        (gifts_unseeded, "the same seed gives other gifts"),
        (gifts_seed_zero, "seeds 0 and 1 give the same gifts"),
        (gifts_reseeds, "make the random generator once, before the loop"),
        (gifts_one_thing, "draw the thing anew for each gift"),
        (gifts_sorted, "draw from all ordered pairs"),
        (gifts_texts, "not one text: the text comes later"),
        (gifts_lists, "each gift is a tuple"),
        (gifts_first_pair, "every gift has the same giver"),
        (gifts_thing_first, "the order is (giver, receiver, thing)"),
        (gifts_printed, "`yield` the items, do not print"),
        (gifts_neighbours, "draw from all pairs of names"),
    ],
    "one_token": [
        (ot_set, "order"),
        (ot_lowered, "space and the word"),
        (ot_trailing_space, "space and the word"),
        (one_token_no_space, "without the space before them"),
        (one_token_at_most, "a word of no token at all is kept"),
        (one_token_others, "these are the words that are NOT one token"),
        (one_token_spaced, "without the space that you put before them"),
        (one_token_ids, "return the words themselves"),
        (one_token_trailing, "pass it a space and the word"),
    ],
    "both_orders": [
        (bo_some_vowels, "stands before"),
        (bo_capitalised, "as they are written"),
        (bo_sounds, "stands before"),
        (orders_one, "the other order is missing"),
        (orders_other, "each gift gives one prompt only, with S first"),
        (orders_in_blocks, "take them one at a time"),
        (orders_greedy, "take them one at a time"),
        (orders_baba_first, "the order is IO first (ABBA)"),
        (orders_roles, "io and s are swapped"),
        (orders_space, "ends with 'to' and no space"),
        (orders_answer, "the text holds the answer"),
        (orders_articles, "“an” stands before a, e, i, o and u"),
        (orders_texts, "each prompt is a tuple (text, io, s)"),
        (orders_list, "with `yield` in place of `return`"),
    ],
    "batches": [
        (ba_threes, "batches of 2"),
        (ba_same_list, "same list"),
        (ba_pads, "items in batches"),
        (batches_slices, "reads the whole stream"),
        (batches_drops_last, "the last, shorter batch is lost"),
        (batches_empty_last, "an empty batch comes at the end"),
        (batches_zip, "each batch is a list, not tuple"),
        (batches_reused, "the same list is yielded each time"),
        (batches_looks_ahead, "is lost to whoever reads on"),
        (batches_flat, "each batch is a list, not int"),
    ],
    "hooks_for": [
        (hf_silences_itself, "`function` that is passed in"),
        (hf_result_hook, "hook_z"),
        (hf_sorted, "sorted"),
        (hooks_late, "partial binds it now"),
        (hooks_positional, "bind the head BY NAME"),
        (hooks_layer, "that is the layer"),
        (hooks_called, "is called while the hooks are made"),
        (hooks_wrong_name, "writes at the hook point 'blocks.2.attn.hook_z'"),
        (hooks_short_name, "writes at the hook point"),
        (hooks_dictionary, "heads of one layer overwrite each other"),
        (hooks_only, "return a list of pairs"),
        (hooks_unbound, "bind the head BY NAME"),
    ],
}


RIGHT = {
    "gifts": [
        gi_from_pairs,
        gifts_plain,
        gifts_rejection,
        gifts_by_cycle,
        GiftIterator,
        prompt_streams.gifts,
    ],
    "one_token": [
        ot_by_filter,
        one_token_list,
        one_token_filter,
        one_token_loop,
    ],
    "both_orders": [
        bo_chained,
        orders_plain,
        orders_chained,
        orders_namedtuple,
    ],
    "batches": [
        ba_by_next,
        batches_islice,
        batches_collect,
        batches_sentinel,
    ],
    "hooks_for": [
        hf_by_closure,
        hooks_partial,
        hooks_default,
        hooks_unpacked,
        hooks_factory,
    ],
}
