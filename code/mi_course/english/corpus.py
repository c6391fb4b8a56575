"""The course's own English: a small grammar that writes the text `pocket` is trained on.

Two kinds of document, each opening with `<|endoftext|>`:

- text: English sentences. Some state one fact, some name people and end by giving one of them a
  thing. Two people named, one of them named again, a thing given: the answer is the other one. That
  is indirect object identification (IOI), Wang et al. 2022, arXiv:2211.00593.
- repeats: random tokens, and the same random tokens again, until the document is full. Nothing
  but copying from earlier in the document predicts them (Olsson et al. 2022, arXiv:2209.11895).

The sentences come from the templates of `mi_course.english.grammar`. Its `HELD_OUT` templates, and
pairs of names for which `is_held_out_pair` is true, never occur in training: a model is judged on
those.

No tensor is made here, so that the book can import this module without torch.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterator, Sequence

from mi_course.english.grammar import HELD_OUT, IOI, KINDS, MIXTURE, RULES
from mi_course.english.words import NAMES

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
