"""Checks on endless streams of prompts: lazy, seeded, balanced; and hooks made with partial."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from mi_course import streams
from mi_course.check.core import Attempt, Wrong, exercise

T = TypeVar("T")
_NAMES = ["Mary", "John", "Tom", "Amy", "Dan"]
_THINGS = ["book", "apple", "ring"]


class _NeverAsks(Exception):
    """A function draws and draws and hands nothing over."""


class _Watched(list[str]):
    """A list that ends a loop which would never end: it counts how often its length is asked."""

    looks = 0

    def __len__(self) -> int:
        self.looks += 1
        if self.looks > 20_000:
            raise _NeverAsks
        return super().__len__()


class _Source(Iterable[T]):
    """An iterator that knows how much was read of it, and ends long after anybody should stop."""

    def __init__(self, items: Iterable[T], limit: int = 1000) -> None:
        self.read = 0
        self._items = itertools.islice(items, limit)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        item = next(self._items)
        self.read += 1
        return item


def _guarded(attempt: Attempt, make: Callable[[], Any]) -> Any:
    """What `make` returns, with any accident on the way turned into a sentence."""
    return Attempt(_named(make, attempt.name))()


def _named(make: Callable[[], Any], name: str) -> Callable[[], Any]:
    def call() -> Any:
        return make()

    call.__name__ = name
    return call


def _take(attempt: Attempt, make: Callable[[], Any], count: int) -> list[Any]:
    """The first items of the stream that `make` gives."""

    def items() -> list[Any]:
        stream = make()
        if isinstance(stream, Iterator):
            return list(itertools.islice(stream, count))
        raise _NoStream(stream)

    try:
        return list(_guarded(attempt, items))
    except Wrong as mistake:
        text = str(mistake)
        if "_NeverAsks" in text:
            raise Wrong(
                "your function draws without end and hands nothing over: `yield` each item inside "
                "the loop, instead of collecting them"
            ) from None
        if "_NoStream" in text:
            raise Wrong(_no_stream(text.rpartition(": ")[2])) from None
        raise


class _NoStream(TypeError):
    def __init__(self, found: Any) -> None:
        super().__init__(type(found).__name__)


def _no_stream(kind: str) -> str:
    if kind == "NoneType":
        return "your function returns None: `yield` the items, do not print or collect them"
    return (
        f"your function returns a {kind}, which is made as a whole before anybody asks: make it a "
        "generator, with `yield` in place of `return`"
    )


@exercise
def gifts(attempt: Attempt) -> None:
    """`(names, things, seed) -> generator of (giver, receiver, thing)`, without end."""

    def draw(seed: int, count: int = 400) -> list[Any]:
        names, things = _Watched(_NAMES), _Watched(_THINGS)
        return _take(attempt, lambda: attempt.function(names, things, seed), count)

    with _shared_generators() as touched:
        found = draw(0)
        if name := touched():
            raise Wrong(
                f"your function uses the generator that all of {name} shares: make your own, "
                "rng = random.Random(seed), and draw from it"
            )
    _explain_gifts(found)
    names, things = list(_NAMES), list(_THINGS)
    _take(attempt, lambda: attempt.function(names, things, 0), 20)
    if (names, things) != (_NAMES, _THINGS):
        raise Wrong(
            "your function changes the list of names that it was handed: draw with rng.sample, or "
            "shuffle a copy"
        )
    if draw(0) != found:
        raise Wrong("the same seed gives other gifts on the second call: use the seed")
    if draw(1) == found:
        raise Wrong("seeds 0 and 1 give the same gifts: use the seed that is handed over")
    _explain_variety(found)
    if _in_turns(attempt) != found[:10]:
        raise Wrong(
            "two streams that are read in turns disturb each other, since they share a generator: "
            "make rng inside the function"
        )
    long = len(_take(attempt, lambda: attempt.function([*_NAMES], [*_THINGS], 0), 20_000))
    if long < 20_000:
        raise Wrong(f"the stream comes to its end after {long} gifts: loop with `while True`")


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


def _in_turns(attempt: Attempt) -> list[Any]:
    """Ten gifts of seed 0, drawn in turns with those of another stream."""

    def items() -> list[Any]:
        one, other = (attempt.function(list(_NAMES), list(_THINGS), seed) for seed in (0, 1))
        return [gift for gift, _ in itertools.islice(zip(one, other, strict=False), 10)]

    return list(_guarded(attempt, items))


def _explain_gifts(found: list[Any]) -> None:
    if len(found) < 400:
        raise Wrong(
            f"the stream ends after {len(found)} gifts: it should go on for as long as somebody "
            "asks, so loop with `while True`"
        )
    for item in found:
        if isinstance(item, str):
            raise Wrong("hand over (giver, receiver, thing), not one text: the text comes later")
        if not isinstance(item, tuple) or len(item) != 3:
            raise Wrong(f"each gift is a tuple (giver, receiver, thing); found {item!r}")
        giver, receiver, thing = item
        if thing in _NAMES and giver in _THINGS:
            raise Wrong(f"the order is (giver, receiver, thing); found {item!r}")
        if giver not in _NAMES or receiver not in _NAMES:
            raise Wrong(f"giver and receiver should be names of the list; found {item!r}")
        if thing not in _THINGS:
            raise Wrong(f"the thing should be one of the list of things; found {item!r}")
        if giver == receiver:
            raise Wrong(f"{giver} gives {giver} something: draw two DIFFERENT names")


def _explain_variety(found: list[Any]) -> None:
    if len(set(found)) == 1:
        raise Wrong(
            "every gift is the same: make the random generator once, before the loop, or it starts "
            "again from the seed each time"
        )
    pairs = {(giver, receiver) for giver, receiver, _ in found}
    missing = set(itertools.permutations(_NAMES, 2)) - pairs
    if len({giver for giver, _ in pairs}) == 1:
        raise Wrong("every gift has the same giver: draw the names anew for each gift")
    if missing and all((receiver, giver) in pairs for giver, receiver in missing):
        giver, receiver = sorted(missing)[0]
        raise Wrong(
            f"{giver} never gives {receiver} anything, though {receiver} gives {giver}: draw from "
            "all ordered pairs, for instance with rng.sample(names, 2)"
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
    }

    def encode(text: str) -> list[int]:
        if text not in table:
            raise Wrong(f"encode was asked for {text!r}: hand it a space and the word")
        return table[text]

    asked_for: list[str] = []

    def counted(text: str) -> list[int]:
        asked_for.append(text)
        return encode(text)

    words = ["Mary", "Xavi", "John", "Zo", "Bo"]
    asked = _ask_words(attempt, words, counted)
    if not asked_for:
        raise Wrong("encode is never called: the letters of a word are no tokens, ask encode")
    right = ["Mary", "John", "Zo"]
    if asked == right:
        return
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


def _ask_words(attempt: Attempt, words: list[str], encode: Callable[[str], list[int]]) -> list[str]:
    given = list(words)

    def call() -> Any:
        return attempt.function(given, encode)

    try:
        result = _guarded(attempt, call)
    except Wrong as mistake:
        if "Wrong" in str(mistake):  # raised by `encode`
            raise Wrong(str(mistake).partition("code: ")[2] or str(mistake)) from None
        raise
    if given != words:
        raise Wrong(
            "your function has changed the list of words that it was handed: build a new list, and "
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
    expected = list(streams.both_orders(streams.Gift(*gift) for gift in given))
    source = _Source(itertools.cycle(given))
    first = _take(attempt, lambda: attempt.function(source), 3)
    # whoever leaves one order out needs three gifts: that is told below
    _check_read_ahead(source.read, 3)
    found = first[:1] + _take(attempt, lambda: attempt.function(iter(given)), 100)[1:]
    found = [tuple(item) if isinstance(item, list | tuple) else item for item in found]
    if found != [tuple(prompt) for prompt in expected]:
        raise Wrong(_wrong_order(found, [tuple(prompt) for prompt in expected]))
    _check_read_ahead(source.read, 2)


def _check_read_ahead(read: int, most: int) -> None:
    if read > most:
        raise Wrong(
            f"your function reads {read} gifts before it hands over three prompts, and two are "
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
        return f"three gifts make six prompts; found {len(found)}"
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
    thing = right.split()[-2]
    article = right.split()[-3]
    if got == right.replace(
        f" {article} {thing} to", f" {'a' if article == 'an' else 'an'} {thing} to"
    ):
        return f"it is “{article} {thing}”: “an” stands before a, e, i, o and u; yours is {got!r}"
    names, _, gives = got.partition(". ")
    right_names, _, right_gives = right.partition(". ")
    if names != right_names and gives == right_gives:
        return (
            "the order of the two names is wrong, or the same in both prompts of a gift: IO comes "
            f"first, then S first; expected {right!r}; found {got!r}"
        )
    if names == right_names and gives.partition(" ")[2] == right_gives.partition(" ")[2]:
        giver = right_gives.partition(" ")[0]
        return f"the giver is {giver}, S, whose name comes twice; yours is {got!r}"
    return None


@exercise
def batches(attempt: Attempt) -> None:
    """`(stream, size) -> generator of lists of `size` items, the last one shorter."""
    source = _Source(itertools.count())
    two = _take(attempt, lambda: attempt.function(source, 3), 2)
    if source.read >= 1000:
        raise Wrong(
            "your function reads the whole stream before it hands over the first batch: an endless "
            "stream would never get there; take items with itertools.islice"
        )
    if two != [[0, 1, 2], [3, 4, 5]]:
        raise Wrong(_wrong_batches(two))
    if source.read > 6:
        raise Wrong(
            f"two batches of 3 need 6 items, and your function read {source.read}: what it reads "
            "ahead is lost for whoever reads on"
        )
    for count in (7, 6, 0):
        _check_end(attempt, count)
    listed = _take(attempt, lambda: attempt.function(list(range(7)), 3), 20)
    if listed != [[0, 1, 2], [3, 4, 5], [6]]:
        raise Wrong(
            "a list in place of a stream begins anew with every batch: call iter(stream) once, "
            "before the loop"
        )
    odd = [None, 0, "", None]
    if _take(attempt, lambda: attempt.function(iter(odd), 3), 20) != [odd[:3], odd[3:]]:
        raise Wrong(
            f"of the items {odd} some are lost: None, 0 and an empty text are items like any other"
        )


def _check_end(attempt: Attempt, count: int) -> None:
    found = _take(attempt, lambda: attempt.function(iter(range(count)), 3), 20)
    right = [list(range(i, min(i + 3, count))) for i in range(0, count, 3)]
    if found == right:
        return
    if [] in found:
        raise Wrong(f"{count} items in batches of 3: an empty batch comes at the end; stop before")
    if found == right[:-1]:
        raise Wrong(f"{count} items in batches of 3: the last, shorter batch is lost")
    raise Wrong(f"{count} items in batches of 3 should be {right}; found {found}")


def _wrong_batches(found: list[Any]) -> str:
    if found and not isinstance(found[0], list):
        return f"each batch is a list, not {type(found[0]).__name__}"
    if found and 0 not in found[0] and 1 in found[0]:
        return "the item 0 is lost: is an item asked whether it is true? Ask whether there is one"
    if found == [[0, 1, 2], [0, 1, 2]]:
        return "every batch starts from the beginning: call iter(stream) once, before the loop"
    if len(found) == 2 and found[0] is found[1]:
        return "the same list is handed over each time, and emptied: make a new one for each batch"
    return f"the first two batches of 0, 1, 2, … should be [0, 1, 2] and [3, 4, 5]; found {found}"


@exercise
def hooks_for(attempt: Attempt) -> None:
    """`(function, heads) -> [(hook name, hook)]`: one hook for each (layer, head), by partial."""
    heads = [(2, 1), (0, 2), (2, 3)]
    z = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    found = _hook_pairs(attempt, heads)
    for (layer, head), (name, hook) in zip(heads, found, strict=True):
        right = f"blocks.{layer}.attn.hook_z"
        if name == f"blocks.{layer + 1}.attn.hook_z":
            raise Wrong(f"layers are counted from 0: head {layer}.{head} writes at {right!r}")
        if name != right:
            raise Wrong(f"head {layer}.{head} writes at the hook point {right!r}; found {name!r}")
        changed = _silent(attempt, hook, z)
        if _seen and _seen[-1] is not _POINT:
            raise Wrong(
                "the hook point does not reach the function: the model calls hook(z, hook=point), "
                "and the function should be called with that point"
            )
        if changed != [head]:
            raise Wrong(_wrong_hook(changed, layer, head, heads))
    if len({id(hook) for _, hook in found}) == 1:
        raise Wrong("all hooks are the same object: make one for each head")


def _hook_pairs(attempt: Attempt, heads: Sequence[tuple[int, int]]) -> list[tuple[str, Any]]:
    def call() -> Any:
        return attempt.function(_silence, list(heads))

    try:
        result = _guarded(attempt, call)
    except Wrong as mistake:
        if "TypeError" in str(mistake) and "silence" in str(mistake):
            raise Wrong(
                "the function is called while the hooks are made: partial(function, head=head) "
                "only keeps it, for the model to call"
            ) from None
        raise
    if isinstance(result, dict):
        raise Wrong("return a list of pairs: in a dictionary, heads of one layer lose each other")
    if isinstance(result, Iterator):
        raise Wrong("return a list, not a generator: a second look at that finds nothing")
    if not isinstance(result, list) or any(
        not isinstance(pair, tuple) or len(pair) != 2 for pair in result
    ):
        raise Wrong("return a list of pairs, each a tuple (name of the hook point, hook)")
    if len(result) != len(heads):
        raise Wrong(f"three heads need three hooks; found {len(result)}")
    for _, hook in result:
        if not callable(hook):
            raise Wrong(f"the second of a pair is a function, not {type(hook).__name__}")
    return result


_POINT = object()
"""What stands for the hook point when a hook is called."""
_seen: list[Any] = []


def _silence(z: Tensor, hook: Any, head: int) -> Tensor:
    """The hook function that the check hands over; it notes the hook point that reached it."""
    _seen.append(hook)
    z = z.clone()
    z[:, :, head] = 0
    return z


def _silent(attempt: Attempt, hook: Callable[..., Any], z: Tensor) -> list[int]:
    """Which heads a hook sets to zero."""
    try:
        result = Attempt(_two_arguments(hook, attempt.name))(z)
    except Wrong as mistake:
        if "multiple values" in str(mistake) or "missing" in str(mistake):
            raise Wrong(
                "the model calls hook(z, hook): bind the head BY NAME, partial(function, "
                "head=head); without the name it takes the place of z"
            ) from None
        raise
    if not isinstance(result, Tensor) or result.shape != z.shape:
        raise Wrong("a hook of yours does not return what the function returns")
    return [h for h in range(4) if bool((result[:, :, h] == 0).all())]


def _two_arguments(hook: Callable[..., Any], name: str) -> Callable[[Tensor], Any]:
    @functools.wraps(_silence)
    def call(z: Tensor) -> Any:
        return hook(z, hook=_POINT)

    call.__name__ = name
    return call


def _wrong_hook(changed: list[int], layer: int, head: int, heads: list[tuple[int, int]]) -> str:
    last = heads[-1][1]
    if changed == [last]:
        return (
            f"the hook for {layer}.{head} silences head {last}, the last of the list: a lambda "
            "looks its variable up when it is called, when the loop is over; partial binds it now"
        )
    if changed == [layer]:
        return f"the hook for {layer}.{head} silences head {layer}: that is the layer"
    return f"the hook for {layer}.{head} should silence head {head}; it silences {changed}"
