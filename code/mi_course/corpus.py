"""The course's own English: a small grammar that writes the text `pocket` is trained on.

Two kinds of document, each opening with `<|endoftext|>`:

- text: English sentences. Some state one fact, some name people and end by giving one of them a
  thing. Two people named, one of them named again, a thing given: the answer is the other one. That
  is indirect object identification (IOI), Wang et al. 2022, arXiv:2211.00593.
- repeats: random tokens, and the same random tokens again, until the document is full. Nothing
  but copying from earlier in the document predicts them (Olsson et al. 2022, arXiv:2209.11895).

A sentence is drawn from a template by replacing `{slot}` until none is left: a slot is a rule of
`RULES`, or one of the people of the sentence. `HELD_OUT` templates and pairs of names for which
`is_held_out_pair` is true never occur in training: a model is judged on those.

No tensor is made here, so that the book can import this module without torch.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterator, Sequence

from mi_course.words import ADJECTIVES, ANIMALS, NAMES, OBJECTS, PEOPLE, PLACES

RULES: dict[str, tuple[str, ...]] = {
    "name": NAMES,
    "place": PLACES,
    "object": OBJECTS,
    "person": PEOPLE,
    "animal": ANIMALS,
    "adj": ADJECTIVES,
    "when": ("When", "When", "After", "While", "Once", "Because"),
    "day": ("Yesterday", "Last week", "One day", "Last night", "In the morning", "Today"),
    "later": ("Later", "Then", "After that", "Suddenly", "In the evening", "Finally", "Soon"),
    "time": ("day", "night", "morning", "evening", "week", "summer", "winter", "spring"),
    "gave": (
        *("gave", "gave", "gave", "handed", "passed", "offered", "sent", "sold", "showed"),
        *("lent", "brought", "threw"),
    ),
    "given": ("given", "handed", "passed", "offered", "sent", "sold"),
    "give": ("give", "hand", "offer", "send", "show", "bring"),
    "thing": ("a {object}", "the {object}", "a {adj} {object}", "the {adj} {object}"),
    "scene": (
        "went to the {place}",
        "went to the {place}",
        "were at the {place}",
        "got to the {place}",
        "arrived at the {place}",
        "came back from the {place}",
        "met at the {place}",
        "were working at the {place}",
        "had lunch at the {place}",
        "found {thing} at the {place}",
    ),
    "alone": (
        "went to the {place}",
        "was at the {place}",
        "was {adj}",
        "found {thing}",
        "lost {thing}",
        "walked home",
        "had {thing}",
    ),
    "hands": (
        *("{gave} a {object} to", "{gave} the {object} to") * 8,
        "{gave} {thing} to",
        "{gave} {thing} to",
        "took {thing} and {gave} it to",
        "found {thing} and {gave} it to",
        "wanted to {give} {thing} to",
        "decided to {give} {thing} to",
    ),
    "end": (".", ".", ".", " at the {place}.", " and was {adj}.", " again!", " in the {time}."),
    "fact": (
        "The {person} {did}.",
        "The {adj} {person} {did}.",
        "A {adj} {animal} {moved} the {place}.",
        "The {animal} ate {thing}.",
        "There was {thing} {where} the {place}.",
        "The {object} was {adj} and {adj}.",
        "My {object} is {adj}, but your {object} is {adj}.",
        "In the {time}, the {place} is very {adj}.",
        "Every {time} the {person} {did}.",
        "The {person} saw {thing} and a {animal}.",
        "What did the {person} say? Nothing.",
        "Where is the {adj} {object}? It is {where} the {place}.",
        "If you see a {animal}, do not run.",
        "I like my {adj} {object} very much.",
        "We played a game with {thing} in the {place}.",
        "They told us a story about a {animal} and a {person}.",
        "Two days later, it was {adj} again.",
        "One, two, three, four, five.",
        "The sun was {adj} and the sky was {adj}.",
        "She had a cup of {food} and some {food} for {meal}.",
        "He ate {food} with {food} for {meal}.",
        "Hello, world!",
        "Hello, {name}! How are you?",
        "I think {name} is a {adj} {person}.",
        "Who is {name}? The {person}.",
        "The {person} and the {person} talked about {food}.",
        "Once upon a time there was a {adj} {person} who lived in a {place}.",
        "It was a {adj} {time}, and the {person} {did}.",
    ),
    "did": (
        "went to the {place}",
        "worked at the {place}",
        "sat {where} the {place}",
        "found {thing}",
        "bought {thing}",
        "made {food} for {meal}",
        "wanted {thing}",
        "played with the {animal}",
        "was {adj}",
        "looked at the {object}",
        "read a story to the {person}",
    ),
    "moved": ("ran to", "walked into", "slept near", "stood behind", "waited under", "sat in"),
    "where": ("near", "in", "behind", "under", "at", "over"),
    "food": ("bread", "milk", "tea", "coffee", "sugar", "salt", "fruit", "soup", "rice", "water"),
    "meal": ("breakfast", "lunch", "dinner"),
}

# {A}, {B}, {C}, {D}: the people in the order of the list that names them. {IO} is the one that is
# given a thing and named nowhere else; {S}, {T}, {U} are the others, in random order.
IOI = (
    "{when} {A} and {B} {scene}, {S} {hands} {IO}",
    "{when} {A} and {B} {scene}, {S} {hands} {IO}",
    "{when} {A} and {B} {scene}, {S} {hands} {IO}",
    "Then, {A} and {B} {scene}. {S} {hands} {IO}",
    "{day}, {A} and {B} {scene}, and {S} {hands} {IO}",
    "{day}, {A} and {B} had a long talk at the {place}. {later}, {S} {hands} {IO}",
    "The {place} {A} and {B} went to had {thing}. {S} {hands} {IO}",
    "Friends {A} and {B} {scene}. {S} {hands} {IO}",
    "At the {place}, {A} met {B}. {later}, {S} {hands} {IO}",
    "In the {time}, {A} talked to {B}, and {S} {hands} {IO}",
    "The {person} saw {A} and {B} at the {place}. {S} {hands} {IO}",
    "{when} the {person} saw {A} and {B}, {S} {hands} {IO}",
    "There was {thing} for {A} and {B}. {S} {hands} {IO}",
    "The {person} had {thing} for {A} and {B}, so {S} {hands} {IO}",
    "{when} {A} {alone} with {B}, {S} {hands} {IO}",
    "The {place} was {adj}, but {A} and {B} were {adj}, and {S} {hands} {IO}",
    "In the {time}, {A} and {B} {scene}, but {S} {hands} {IO}",
    "{day}, {S} {alone}. {S} saw {IO} at the {place} and {hands} {IO}",
)
HELD_OUT = (
    "Two days later, {A} and {B} {scene}. {S} {hands} {IO}",
    "The {adj} {object} was for {A} and {B}, but {S} {hands} {IO}",
    "While {A} was working with {B} at the {place}, {S} {hands} {IO}",
    "In the {place}, {A} and {B} were {adj}, so {S} {hands} {IO}",
    "When the {person} talked about {A} and {B}, {S} {hands} {IO}",
)
ONE = (
    "{when} {A} {alone}, the {person} {hands} {A}",
    "{day}, {A} {alone}. The {person} {hands} {A}",
    "{later}, {A} {alone}. The {adj} {person} saw {A}",
    "In the {time}, {A} {alone}, and a {person} {hands} {A}",
)
OPEN = (
    "{when} {A} and {B} {scene}, the {person} {hands} {IO}",
    "{day}, {A} and {B} {scene}. Then a {person} {hands} {IO}",
    "{when} {A}, {B} and {C} {scene}, the {person} {hands} {IO}",
    "{when} {A}, {B} and {C} {scene}, {S} {hands} {IO}",
)
PASSIVE = (
    "{when} {A} and {B} {scene}, the {object} was {given} by {S} to {IO}",
    "{day}, {A} and {B} {scene}, and a {object} was {given} by {S} to {IO}",
    "At the {place}, {A} met {B}. A {adj} {object} was {given} by {S} to {IO}",
    "{when} {A}, {B} and {C} {scene}, the {object} was {given} by {S} and {T} to {IO}",
)
SEEN = (
    "{when} {A} and {B} {scene}, the {person} saw {S} and {hands} {S}",
    "{day}, {A} and {B} {scene}. A {person} talked to {S} and {hands} {S}",
    "Then, {A} and {B} {scene}. {S} {alone}, so the {person} {hands} {S}",
)
MANY = (
    "{when} {A}, {B} and {C} {scene}, {S} and {T} {hands} {IO}",
    "{day}, {A}, {B} and {C} {scene}. {S} {alone}, and {T} {hands} {IO}",
    "{when} {A}, {B} and {C} {scene}, {S} talked to {T}. {later}, they {hands} {IO}",
    "{day}, {A}, {B} and {C} {scene}. {S} {alone} and {T} {alone}. The {person} {hands} {IO}",
    "{when} {A}, {B}, {C} and {D} {scene}, {S}, {T} and {U} {hands} {IO}",
    "{day}, {A}, {B}, {C} and {D} {scene}. {S} and {T} {alone}. {U} {hands} {IO}",
)
KINDS: dict[str, tuple[str, ...]] = {
    "ioi": IOI,
    "one": ONE,
    "open": OPEN,
    "passive": PASSIVE,
    "seen": SEEN,
    "many": MANY,
    "fact": ("{fact}",),
}
MIXTURE: dict[str, float] = {
    "ioi": 0.55,
    "passive": 0.15,
    "many": 0.05,
    "seen": 0.05,
    "one": 0.05,
    "open": 0.05,
    "fact": 0.1,
}

# The pairs of P8, the eight prompts with published GPT-2 numbers.
_ALWAYS_HELD_OUT = ({"John", "Mary"}, {"Tom", "James"}, {"Dan", "Sid"}, {"Martin", "Amy"})
_HELD_OUT_EVERY = 10
PUNCTUATION = (".", ",", "!", "?")
_SLOT = re.compile(r"\{(\w+)\}")
_PRETOKEN = re.compile(r" ?\w+| ?[^\s\w]+")


def is_held_out_pair(first: str, second: str) -> bool:
    """Whether two names never share a sentence in training: one pair in ten, and the four of P8."""
    pair = {first, second}
    if pair in _ALWAYS_HELD_OUT:
        return True
    return zlib.crc32(" ".join(sorted(pair)).encode()) % _HELD_OUT_EVERY == 0


def people(rng: random.Random, count: int, held_out: bool = False) -> list[str]:
    """Draws different names, every pair of them held out, or none.

    Raises:
        ValueError: more than two held-out names were asked for: such triples are too rare to draw.
    """
    if held_out and count > 2:
        raise ValueError(f"held-out names come in pairs, {count} were asked for")
    while True:
        names = rng.sample(NAMES, count)
        pairs = [(a, b) for i, a in enumerate(names) for b in names[:i]]
        if all(is_held_out_pair(a, b) == held_out for a, b in pairs):
            return names


def cast(rng: random.Random, template: str, held_out: bool = False) -> dict[str, str]:
    """Gives each person slot of a template a name: `{A}`… in order of mention, `{IO}`, `{S}`…"""
    count = 2 + ("{C}" in template) + ("{D}" in template)
    names = people(rng, count, held_out)
    roles = rng.sample(names, count)
    return dict(zip("ABCD", names, strict=False)) | dict(
        zip(("IO", "S", "T", "U"), roles, strict=False)
    )


def two_name_templates() -> tuple[str, ...]:
    """The training templates that name A and B first and S again afterwards, without doubles."""
    return tuple(dict.fromkeys(t for t in IOI if "{A}" in t))


def expand(rng: random.Random, template: str, bound: dict[str, str]) -> str:
    """Replaces every slot of a template by a bound word or by a choice from `RULES`.

    Example:
        >>> expand(random.Random(0), "{S} saw a {what} in {meal}", {"S": "Amy", "what": "apple"})
        'Amy saw an apple in lunch'
    """

    def fill(match: re.Match[str]) -> str:
        slot = match[1]
        return bound[slot] if slot in bound else expand(rng, rng.choice(RULES[slot]), bound)

    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", _SLOT.sub(fill, template))


def sentence(rng: random.Random, mixture: dict[str, float] = MIXTURE) -> str:
    """One training sentence, of a kind drawn with the weights of `mixture`."""
    kind = rng.choices(list(mixture), list(mixture.values()))[0]
    template = rng.choice(KINDS[kind])
    if kind == "fact":
        return expand(rng, template, {})
    return expand(rng, template + "{end}", cast(rng, template))


def pretokens(text: str) -> list[str]:
    """Splits text as GPT-2's tokenizer does before merging, for the corpus' own sentences.

    Example:
        >>> pretokens("Hello, world!")
        ['Hello', ',', ' world', '!']
    """
    return _PRETOKEN.findall(text)


def repeat_document(rng: random.Random, length: int, vocabulary: Sequence[int]) -> list[int]:
    """Random tokens of `vocabulary`, repeated from the start until `length` tokens are there."""
    period = [rng.choice(vocabulary) for _ in range(rng.randint(4, length // 2))]
    return (period * (length // len(period) + 1))[:length]


def text_document(
    rng: random.Random,
    length: int,
    encode: Callable[[str], list[int]],
    mixture: dict[str, float] = MIXTURE,
) -> list[int]:
    """Sentences one after the other, cut at `length` tokens."""
    tokens = encode(sentence(rng, mixture))
    while len(tokens) < length:
        tokens += encode(" " + sentence(rng, mixture))
    return tokens[:length]


def sentences(seed: int, count: int) -> Iterator[str]:
    """Training sentences, the same for the same seed: what the tokenizer is trained on."""
    rng = random.Random(seed)
    return (sentence(rng) for _ in range(count))


def vocabulary() -> list[str]:
    """Every pretoken the grammar can write, sorted: each must be one token.

    A word has a leading space but where it opens a document, which only literal text does.
    """
    templates = [t for kind in KINDS.values() for t in kind] + list(HELD_OUT)
    openers = {pretokens(text)[0] for text in _openings(templates)}
    inner = [" " + t for t in templates] + [alt for rule in RULES.values() for alt in rule]
    words = {w.strip() for text in inner for w in pretokens(_SLOT.sub(" ", text))}
    words |= {"an", "An"}
    openers |= {"An", *PUNCTUATION}
    return sorted(openers | {" " + word for word in words - set(PUNCTUATION)})


def _openings(templates: Sequence[str]) -> list[str]:
    """The literal texts a document can open with; a template's first slot is expanded."""
    found = []
    for template in templates:
        slot = _SLOT.match(template)
        found += _openings(RULES[slot[1]]) if slot and slot[1] in RULES else [template]
    return found
