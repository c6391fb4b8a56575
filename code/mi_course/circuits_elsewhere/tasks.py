"""Tasks with the need of IOI: of two that were named, the one that is not named again.

`OTHER_WAY` has sentences in which the person named again gives nothing: he or she loses
something, or comes late. `THINGS` has things in the place of people. Of a model whose heads were
found on IOI, both ask whether these do the same there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

from mi_course import ioi, ioi_data
from mi_course.english import corpus
from mi_course.english.words import OBJECTS

OTHER_WAY = (
    "Then, {A} and {B} met at the {place}. When {S} lost a {object}, it was found by {IO}",
    "The {object} was wanted by {A} and {B}. But {S} was late, so it was taken by {IO}",
    "At the {place}, {A} met {B}. The {object} was given by {S} to {IO}",
)
"""For `people`: named twice in other sentences than those of `ioi_data`."""

THINGS = (
    "There was a {A} and a {B} in the box. Anna took the {S} and left the {IO}",
    "Anna had a {A} and a {B}. She kept the {S} and sold the {IO}",
    "In the shop, there was a {A} and a {B}. She bought the {S}, but not the {IO}",
)
"""For `things`: `a` stands before both, so no thing begins with a vowel."""


def one_token_things(tokenizer: Any) -> list[str]:
    """Things that are one token after a space, and that `a` may stand before."""
    return [
        word
        for word in OBJECTS
        if word[0] not in "aeiou"
        and len(tokenizer.encode(f" {word}", add_special_tokens=False)) == 1
    ]


def things(
    tokenizer: Any, count: int, seed: int, templates: Sequence[str] = THINGS
) -> ioi_data.Dataset:
    """Prompts about things with their counterparts: templates in turn, ABBA and BABA in turn.

    `io` is the thing that is not named again, `s` the other one. In `abc` three other things stand.

    Args:
        tokenizer: of the model that will read them. Words of a template may be several tokens.
        count: how many prompts.
        seed: the same seed gives the same prompts.
        templates: with the slots {A}, {B}, {S} and, at the end, {IO}.

    Raises:
        ValueError: fewer than five things are one token for this tokenizer.
    """
    return _drawn(tokenizer, count, seed, templates, one_token_things(tokenizer))


def people(
    tokenizer: Any, count: int, seed: int, templates: Sequence[str] = OTHER_WAY
) -> ioi_data.Dataset:
    """Prompts about people, as `things` has them about things.

    `ioi_data.dataset` leaves out templates with a word of several tokens; this does not.
    """
    return _drawn(tokenizer, count, seed, templates, ioi.one_token_names(tokenizer))


def _drawn(
    tokenizer: Any, count: int, seed: int, templates: Sequence[str], words: Sequence[str]
) -> ioi_data.Dataset:
    own = set(re.findall(r"\w+", " ".join(templates)))  # "in the box": no box is named
    words = [word for word in words if word not in own]
    if len(words) < 5:
        raise ValueError(
            f"{len(words)} of the words to be named are one token for this tokenizer, too few to "
            "draw from: use another tokenizer"
        )
    rng = random.Random(seed)
    prompts = []
    for i in range(count):
        template = templates[(i // 2) % len(templates)]
        first, second = rng.sample(words, 2)
        io, s = (first, second) if i % 2 == 0 else (second, first)
        text = corpus.expand(rng, template, {"A": first, "B": second, "S": s, "IO": io})
        prompts.append(ioi.Prompt(text.removesuffix(f" {io}"), io, s, template))
    return ioi_data.counterparts(tokenizer, prompts, rng, words, templates)
