"""Answers to week 3's exercises on streams of prompts, from the chapter's text alone.

RIGHT and WRONG are as in `cases_induction`. Written before the checks were seen.
"""

import itertools
import random

import numpy as np
import torch


# ---------------------------------------------------------------- gifts
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


# ---------------------------------------------------------------- one_token
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


# ---------------------------------------------------------------- both_orders
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


RIGHT = {
    "gifts": [gi_pairs, gi_again, gi_numpy, GiftsByTorch()],
    "one_token": [ot_loop, ot_compress],
    "both_orders": [bo_loop, bo_chain, bo_iterator],
}

WRONG = {
    "gifts": [
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
    ],
    "one_token": [
        (ot_no_space, "space"),
        (ot_space_after, "space"),
        (ot_with_space, "space"),
        (ot_ids, "words"),
        (ot_set, "list"),
        (ot_others, "one token"),
        (ot_flags, "words"),
        (ot_two, "one token"),
        (ot_first_only, "found ['Mary']"),
    ],
    "both_orders": [
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
    ],
}
