"""Checks on streams of prompts: endless gifts, names of one token, both orders of the names."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from mi_course import prompt_streams
from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.generators import Source, Watched, guarded, take
from mi_course.check.symptoms import shown

# not all capitalised, nor in lower case: an answer leaves them as they are
_NAMES = ["Mary", "John", "deShawn", "amy", "DJ"]
_THINGS = ["book", "apple", "CD"]


@exercise
def gifts(attempt: Attempt) -> None:
    """`(names, things, seed) -> generator of (giver, receiver, thing)`, without end."""

    def draw(seed: int, count: int = 400) -> list[Any]:
        names, things = Watched(_NAMES), Watched(_THINGS)
        return take(attempt, lambda: attempt.function(names, things, seed), count)

    with _shared_generators() as touched:
        found = draw(0)
        if name := touched():
            raise Wrong(
                f"your function uses the generator that all of {name} shares: make your own, "
                "rng = random.Random(seed), and draw from it"
            )
    _explain_gifts(found)
    names, things = list(_NAMES), list(_THINGS)
    take(attempt, lambda: attempt.function(names, things, 0), 20)
    if (names, things) != (_NAMES, _THINGS):
        raise Wrong(
            "your function changes the list of names that it was given: draw with rng.sample, or "
            "shuffle a copy"
        )
    if (again := draw(0)) != found:
        i = next(i for i, pair in enumerate(zip(found, again, strict=False)) if pair[0] != pair[1])
        raise Wrong(
            "the same seed gives other gifts on the second call: use the seed",
            symptom=f"with seed 0, item {i} is {found[i]!r} at the first call, and {again[i]!r} at "
            "the second",
        )
    if draw(1) == found:
        raise Wrong(
            "seeds 0 and 1 give the same gifts: use the seed that is passed in",
            symptom=f"with seed 0 the first gifts are {shown(found[:3])}, and with seed 1 as well",
        )
    _explain_variety(found)
    _explain_other_lists(attempt)
    if _in_turns(attempt) != found[:10]:
        raise Wrong(
            "two streams that are read in turns disturb each other, since they share a generator: "
            "make rng inside the function",
            symptom="with seed 0, a stream gives other gifts when another stream is read beside it",
        )
    long = len(take(attempt, lambda: attempt.function([*_NAMES], [*_THINGS], 0), 20_000))
    if long < 20_000:
        raise Wrong(f"the stream ends after {long} gifts: loop with `while True`")


@contextmanager
def _shared_generators() -> Iterator[Callable[[], str]]:
    """Tells which of the generators that a program shares were used within; they are put back."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    marks = 90_210, 90_211, 90_212  # whatever state they are in, an answer's own seed is another
    random.seed(marks[0])
    np.random.seed(marks[1])
    torch.manual_seed(marks[2])
    own, numpy_own, torch_own = random.getstate(), np.random.get_state(), torch.get_rng_state()

    def touched() -> str:
        if random.getstate() != own:
            return "Python"
        if str(np.random.get_state()) != str(numpy_own):
            return "numpy"
        return "" if torch.equal(torch.get_rng_state(), torch_own) else "torch"

    try:
        yield touched
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def _explain_other_lists(attempt: Attempt) -> None:
    """Two names and one thing are enough for a stream."""
    found = take(attempt, lambda: attempt.function(["Zoe", "Ian"], ["kite"], 3), 60)
    if {tuple(item) for item in found} != {("Zoe", "Ian", "kite"), ("Ian", "Zoe", "kite")}:
        raise Wrong(
            "with the names Zoe and Ian and one thing, a kite, two gifts are possible, and other "
            "ones come up, or not both: draw from the lists that are passed in"
        )


def _in_turns(attempt: Attempt) -> list[Any]:
    """Ten gifts of seed 0, drawn in turns with those of another stream."""

    def items() -> list[Any]:
        one, other = (attempt.function(list(_NAMES), list(_THINGS), seed) for seed in (0, 1))
        return [gift for gift, _ in itertools.islice(zip(one, other, strict=False), 10)]

    return list(guarded(attempt, items))


def _explain_gifts(found: list[Any]) -> None:
    if len(found) < 400:
        raise Wrong(
            f"the stream ends after {len(found)} gifts: it should go on for as long as anyone "
            "asks, so loop with `while True`"
        )
    for item in found:
        if isinstance(item, str):
            raise Wrong("yield (giver, receiver, thing), not one text: the text comes later")
        if not isinstance(item, tuple) or len(item) != 3:
            raise Wrong(f"each gift is a tuple (giver, receiver, thing); found {item!r}")
        giver, receiver, thing = item
        kinds = [part in _THINGS for part in (giver, receiver, thing)]
        if sum(kinds) == 1 and not kinds[2] and {giver, receiver, thing} <= {*_NAMES, *_THINGS}:
            raise Wrong(f"the order is (giver, receiver, thing); found {item!r}")
        if giver not in _NAMES or receiver not in _NAMES:
            raise Wrong(
                f"giver and receiver should be names of the list, as they stand in it; found "
                f"{item!r}"
            )
        if thing not in _THINGS:
            raise Wrong(
                f"the thing should be one of the list of things, as it stands there; found {item!r}"
            )
        if giver == receiver:
            raise Wrong(
                f"{giver} gives {giver} something: draw two DIFFERENT names",
                symptom=f"among the gifts is {item!r}",
            )


def _explain_variety(found: list[Any]) -> None:
    if len(set(found)) == 1:
        raise Wrong(
            "every gift is the same, as where nothing is drawn, or where the random generator "
            "starts again from the seed each time: make the random generator once, before the loop",
            symptom=f"each of 400 gifts is {found[0]!r}",
        )
    pairs = {(giver, receiver) for giver, receiver, _ in found}
    missing = set(itertools.permutations(_NAMES, 2)) - pairs
    if len({giver for giver, _ in pairs}) == 1:
        raise Wrong(
            "every gift has the same giver: draw the names anew for each gift",
            symptom=f"in 400 gifts the giver is always {found[0][0]}",
        )
    if missing and all((receiver, giver) in pairs for giver, receiver in missing):
        giver, receiver = sorted(missing)[0]
        raise Wrong(
            f"{giver} never gives {receiver} anything, though {receiver} gives {giver}: draw from "
            "all ordered pairs, for instance with rng.sample(names, 2)",
            symptom=f"in 400 gifts {giver} never gives {receiver} anything",
        )
    if missing:
        giver, receiver = sorted(missing)[0]
        raise Wrong(
            f"in 400 gifts {giver} never gives {receiver} anything: draw from all pairs of names"
        )
    if {thing for _, _, thing in found} != set(_THINGS):
        raise Wrong("in 400 gifts not every thing comes up: draw the thing anew for each gift")


@exercise
def one_token(attempt: Attempt) -> None:
    """`(words, encode) -> list of the words that are one token after a space`."""
    table = {
        **{" Mary": [1], "Mary": [2, 3], " John": [4], "John": [4], " Zo": [5], "Zo": [5]},
        **{" Xavi": [6, 7], "Xavi": [8], " Bo": [], "Bo": []},
        # in lower case, longer or shorter than the others, and in no order
        **{f" {word}": [10 + i] for i, word in enumerate(_ONE_TOKEN)},
        **{word: [40 + i] for i, word in enumerate(_ONE_TOKEN)},
        **{" i": [70, 71], "i": [70], " ago": [72, 73, 74], "ago": [75]},
    }

    def encode(text: str) -> list[int]:
        if text not in table:
            raise Wrong(f"encode was asked for {text!r}: pass it a space and the word")
        return table[text]

    asked_for: list[str] = []

    def counted(text: str) -> list[int]:
        asked_for.append(text)
        return encode(text)

    words = ["Mary", "Xavi", "John", "Zo", "Bo"]
    attempt.expect(["Mary", "John", "Zo"])
    asked = _ask_words(attempt, words, counted)
    if not asked_for:
        raise Wrong("encode is never called: the letters of a word are not tokens, ask encode")
    right = ["Mary", "John", "Zo"]
    if asked == right:
        return _ask_many(attempt, encode)
    sentences = {
        ("Xavi", "John", "Zo"): "the words are encoded without the space before them, as if each "
        'opened a text: encode(" " + word)',
        ("Xavi",): "these are the words that are NOT one token: keep the others",
        ("Xavi", "Bo"): "these are the words that are NOT one token: keep the others",
        ("Mary", "Xavi", "John", "Zo"): "a word counts only as it stands after a space, within a "
        "text: its form without the space does not make it one token",
        ("John", "Zo"): "a word counts as it stands after a space, within a text: it may be more "
        "tokens without the space",
        ("Mary", "John", "Zo", "Bo"): "a word of no token at all is kept: compare with == 1",
    }
    raise Wrong(sentences.get(tuple(asked), f"expected {right}, in this order; found {asked}"))


_ONE_TOKEN = ["the", "a", "McKay", "zebra", "Ann", "of", "DJ", "and", "extraordinary"]


def _ask_many(attempt: Attempt, encode: Callable[[str], list[int]]) -> None:
    """Other words: all kinds of letters, in an order that no sorting has, and none at all."""
    attempt.expect(_ONE_TOKEN)
    found = _ask_words(attempt, [*_ONE_TOKEN[:4], "i", *_ONE_TOKEN[4:], "ago"], encode)
    if found != _ONE_TOKEN:
        if sorted(found) == sorted(_ONE_TOKEN):
            raise Wrong(f"keep the words in their order: expected {_ONE_TOKEN}, found {found}")
        raise Wrong(f"expected {_ONE_TOKEN}, found {found}: pass each word on as it is")
    attempt.expect([])
    if _ask_words(attempt, [], encode):
        raise Wrong("where there are no words, the list is empty")


def _ask_words(attempt: Attempt, words: list[str], encode: Callable[[str], list[int]]) -> list[str]:
    given = list(words)

    def call() -> Any:
        return attempt.function(given, encode)

    try:
        result = guarded(attempt, call)
    except Wrong as mistake:
        if "Wrong" in str(mistake):  # raised by `encode`
            raise Wrong(str(mistake).partition("code: ")[2] or str(mistake)) from None
        raise
    if given != words:
        raise Wrong(
            "your function has changed the list of words that it was given: build a new list, and "
            "never remove from a list that you loop over"
        )
    if not isinstance(result, list):
        raise Wrong(f"return a list of words, not {type(result).__name__}")
    if any(isinstance(word, bool) for word in result):
        raise Wrong("return the words themselves, not True or False for each")
    if result and not all(isinstance(word, str) for word in result):
        raise Wrong("return the words themselves, not their tokens")
    if any(word.startswith(" ") for word in result):
        raise Wrong("return the words as they came, without the space that you put before them")
    return result


@exercise
def both_orders(attempt: Attempt) -> None:
    """`(gifts) -> generator of (text, io, s)`: each gift with IO named first, then with S first."""
    given = [("Mary", "John", "book"), ("Tom", "Amy", "apple"), ("Dan", "Mary", "umbrella")]
    _compare_orders(attempt, given)
    # every vowel; names that are no more capitalised than they come
    more = [
        ("deShawn", "amy", "egg"),
        ("DJ", "Mary", "ice cube"),
        ("Ann", "McKay", "orange"),
        ("John", "Zoë", "yacht"),
        ("Amy", "Tom", "hour"),
        ("Tom", "Amy", "unicorn"),
    ]
    _compare_orders(attempt, more)


def _compare_orders(attempt: Attempt, given: list[tuple[str, str, str]]) -> None:
    expected = list(prompt_streams.both_orders(prompt_streams.Gift(*gift) for gift in given))
    source = Source(itertools.cycle(given))
    first = take(attempt, lambda: attempt.function(source), 3)
    # whoever leaves one order out needs three gifts: that is reported below
    _check_read_ahead(source.read, 3)
    found = first[:1] + take(attempt, lambda: attempt.function(iter(given)), 100)[1:]
    found = [tuple(item) if isinstance(item, list | tuple) else item for item in found]
    if found != [tuple(prompt) for prompt in expected]:
        right = [tuple(prompt) for prompt in expected]
        raise Wrong(_wrong_order(found, right), symptom=_first_other(found, right))
    _check_read_ahead(source.read, 2)


def _first_other(found: list[Any], right: list[Any]) -> str:
    """The first prompt that is not what it should be."""
    for i, (one, other) in enumerate(itertools.zip_longest(found, right, fillvalue="none")):
        if one != other:
            return (
                f"the first prompt that differs is number {i}, from 0: expected {other}, got {one}"
            )
    return ""


def _check_read_ahead(read: int, most: int) -> None:
    if read > most:
        raise Wrong(
            f"your function reads {read} gifts before it yields three prompts, and two are "
            "enough: take them one at a time, in a for loop"
        )


def _wrong_order(found: list[Any], expected: list[tuple[str, ...]]) -> str:
    for item in found:
        if not isinstance(item, tuple) or len(item) != 3:
            return f"each prompt is a tuple (text, io, s); found {item!r}"
    swapped = [(text, s, io) for text, io, s in expected]
    if sorted(found) == sorted(swapped):
        return "io and s are swapped: IO is the one who receives, and the right answer"
    if found == expected[::2]:
        return "each gift gives one prompt only, with IO first: the other order is missing"
    if found == expected[1::2]:
        return "each gift gives one prompt only, with S first: the other order is missing"
    if found == expected[::2] + expected[1::2]:
        return (
            "first all of one order, then all of the other: alternate, so that any start of the "
            "stream is balanced"
        )
    if sorted(found) == sorted(expected):
        return "the order is IO first (ABBA), then S first (BABA), for each gift in turn"
    if len(found) != len(expected):
        number = {6: "three gifts make six", 12: "six gifts make twelve"}[len(expected)]
        return f"{number} prompts; found {len(found)}"
    for got, right in zip(found, expected, strict=True):
        if got[0].strip() == right[0] and got[0] != right[0]:
            return f"the text ends with 'to' and no space: the name's token brings its own; {got!r}"
        if got[0] == f"{right[0]} {right[1]}":
            return "the text holds the answer: it ends with 'to'"
        if got[0] != right[0] and (sentence := _wrong_words(got[0], right[0])):
            return sentence
        if got != right:
            return f"expected {right!r}; found {got!r}"
    return "expected other prompts"


def _wrong_words(got: str, right: str) -> str | None:
    """What is wrong with a text that is nearly the right one."""
    article, thing = right.partition(" gave ")[2].removesuffix(" to").split(" ", 1)
    if got.lower() == right.lower():
        return f"leave the names and things as they are written; yours is {got!r}"
    if got == right.replace(
        f" {article} {thing} to", f" {'a' if article == 'an' else 'an'} {thing} to"
    ):
        return f"it is “{article} {thing}”: “an” stands before a, e, i, o and u; yours is {got!r}"
    names, _, gives = got.partition(". ")
    right_names, _, right_gives = right.partition(". ")
    people = right_names.removeprefix("Then, ").partition(" went")[0]
    if names != right_names and gives == right_gives and people not in names:
        return (
            "the order of the two names is wrong, or the same in both prompts of a gift: IO comes "
            f"first, then S first; expected {right!r}; found {got!r}"
        )
    if gives == right_gives:
        return f"the first sentence is worded otherwise: expected {right!r}; found {got!r}"
    if names == right_names and gives.partition(" ")[2] == right_gives.partition(" ")[2]:
        giver = right_gives.partition(" ")[0]
        return f"the giver is {giver}, S, whose name comes twice; yours is {got!r}"
    return None
