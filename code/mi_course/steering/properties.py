"""Texts with a property whose value is known: templates and words of our own.

A text is a template with a word in it, and ends where the model is to go on. Words come in pairs,
one of each value, so that the two values are equally frequent in each template. What a text's label
hangs on is in the word alone, or, for capitals, in a word together with another: there two pairs
have their words in common, and belong together.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from mi_course.capitals import CAPITALS

# ruff: noqa: SIM905  (lists of words are read and edited more easily as text)

TEMPLATES = 6
"""In one draw, half of them old; a property has more to draw from."""


@dataclass(frozen=True)
class Property:
    """A property with two values.

    Attributes:
        name: in one word.
        pairs: what stands in a template's slots, for yes and for no.
        templates: with one `{}` for each word of a value.
        yes: next tokens that speak for yes, each with a space before it.
        no: next tokens that speak for no.
        ask: around a text, `{}`, whose own end does not ask for the value.
        together: how many consecutive pairs share their words, and are drawn and held out as one.
    """

    name: str
    pairs: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    templates: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    ask: str = "{}"
    together: int = 1


@dataclass(frozen=True)
class Rows:
    """Texts, one a row.

    Attributes:
        texts: each ends where the model is to go on.
        upto: each text as far as the end of its first word that was put in.
        label: whether the property is there.
        pair: which pair of words a text has one of.
        template: which template it was written with.
        old: the pairs that a probe may learn from.
        old_templates: the templates that a probe may learn from.
        together: how many consecutive pairs share their words, as in `Property`.
    """

    texts: tuple[str, ...]
    upto: tuple[str, ...]
    label: Bool[Tensor, "row"]
    pair: Int[Tensor, "row"]
    template: Int[Tensor, "row"]
    old: Bool[Tensor, "pair"]
    old_templates: Bool[Tensor, "template"]
    together: int = 1

    @property
    def old_word(self) -> Bool[Tensor, "row"]:
        """Whether a probe may have seen the row's word."""
        return self.old[self.pair]

    @property
    def old_template(self) -> Bool[Tensor, "row"]:
        """Whether a probe may have seen the row's template."""
        return self.old_templates[self.template]

    @property
    def unit(self) -> Int[Tensor, "row"]:
        """Which pairs a row shares words with: texts of different units have no word in common."""
        return self.pair // self.together

    @property
    def first(self) -> Bool[Tensor, "row"]:
        """The rows to fit on: old words in old templates."""
        return self.old_word & self.old_template

    @property
    def new(self) -> Bool[Tensor, "row"]:
        """The rows to judge on: new words in new templates."""
        return ~self.old_word & ~self.old_template


def rows(of: Property, pairs: int, seed: int) -> Rows:
    """Every drawn pair in every drawn template; half of the pairs and of the templates are old.

    Args:
        of: the property.
        pairs: how many pairs of words, a multiple of those that belong together.
        seed: of what is drawn, and of what is old.

    Raises:
        ValueError: pairs that belong together would be torn apart.
    """
    if pairs % of.together:
        raise ValueError(f"{pairs} pairs of {of.name}: they are drawn {of.together} together")
    rng = random.Random(seed)
    units = [of.pairs[i : i + of.together] for i in range(0, len(of.pairs), of.together)]
    words = [pair for unit in rng.sample(units, pairs // of.together) for pair in unit]
    templates = rng.sample(of.templates, TEMPLATES)
    written = [
        (template.format(*value), template.partition("{}")[0] + value[0], label, i, j)
        for i, pair in enumerate(words)
        for value, label in zip(pair, (True, False), strict=True)
        for j, template in enumerate(templates)
    ]
    texts, upto, label, pair, template = zip(*written, strict=True)
    return Rows(
        tuple(texts),
        tuple(upto),
        torch.tensor(label),
        torch.tensor(pair),
        torch.tensor(template),
        _old(torch.arange(len(words) // of.together), of.together),
        _old(torch.arange(TEMPLATES)),
        of.together,
    )


def _old(order: Int[Tensor, "unit"], together: int = 1) -> Bool[Tensor, "one"]:
    """The first half of some units in a given order, for each of what belongs together in them."""
    return (order < len(order) // 2).repeat_interleave(together)


def split(of: Rows, seed: int) -> Rows:
    """The same texts with other halves of words and templates as the old ones."""
    generator = torch.Generator().manual_seed(seed)
    units = torch.randperm(len(of.old) // of.together, generator=generator)
    templates = torch.randperm(TEMPLATES, generator=generator)
    return replace(of, old=_old(units, of.together), old_templates=_old(templates))


def _words(text: str) -> list[tuple[str]]:
    return [(word,) for word in text.split()]


_WOMEN = """
    Mary Anna Lisa Emma Kate Lucy Jane Alice Sarah Laura Julia Helen Clara Ruth Nina Linda Susan
    Karen Nancy Emily Donna Carol Amanda Rachel Maria Diana Sophia Hannah Martha Claire Ellen Judith
    Rebecca Olivia Jessica Barbara Margaret Elizabeth Catherine Charlotte
"""
_MEN = """
    John Tom James Paul Mark Jack Ben Adam Luke Peter Simon David Henry Frank Oscar Leo Hugo Michael
    William Robert Richard Thomas Charles Daniel Matthew Andrew George Edward Brian Jacob Eric
    Stephen Kevin Steven Ronald Gary Patrick Anthony Arthur Walter
"""
GENDER = Property(
    name="gender",
    pairs=tuple(zip(_words(_WOMEN), _words(_MEN), strict=True)),
    templates=(
        "{} opened the door because",
        "Yesterday {} told us that",
        "When the rain came, {} said that",
        "I asked {} in the morning whether",
        "At the end of the day {} slept, as",
        "We waited for {} at the station until",
        "The teacher thanked {} after class since",
        "The letter from {} says that",
    ),
    yes=(" she",),
    no=(" he",),
)

_MANY = """
    dogs boys trees houses cars birds books girls teachers horses doctors letters roads bridges
    farmers friends painters songs windows tables bottles rivers students lamps gardens cats flowers
    boats chairs lawyers pictures trains hotels schools apples singers tigers hammers rooms planes
"""
_ONE = " ".join(word.removesuffix("s") for word in _MANY.split())
NUMBER = Property(
    name="number",
    pairs=tuple(zip(_words(_MANY), _words(_ONE), strict=True)),
    templates=(
        "The {} near the old wall",
        "We know that the {} by the lake",
        "After the storm, the {} in the valley",
        "If I remember well, the {} at the back",
        "Nobody knows why the {} with the blue mark",
        "In spite of everything, the {} on this side",
        "Last year the {} of my uncle",
        "My sister said that the {} from the village",
    ),
    yes=(" are", " were", " have"),
    no=(" is", " was", " has"),
)

_GOOD = """
    wonderful great excellent lovely brilliant delightful superb fantastic amazing perfect beautiful
    charming marvelous splendid enjoyable pleasant impressive outstanding terrific fabulous nice
    magnificent remarkable exciting good fine fun gorgeous stunning inspiring elegant refreshing
    exceptional satisfying glorious heavenly
"""
_BAD = """
    awful terrible horrible dreadful boring disgusting poor dull ugly nasty bad tedious miserable
    disappointing unpleasant horrid lousy pathetic annoying painful mediocre useless weak foolish
    depressing ridiculous stupid sad gloomy messy frustrating disastrous worthless unbearable cruel
    hideous
"""
SENTIMENT = Property(
    name="sentiment",
    pairs=tuple(zip(_words(_GOOD), _words(_BAD), strict=True)),
    templates=(
        "The film was {}. I",
        "We thought that the meal was {}, and it",
        "Such a {} book! My friends",
        "Such a {} concert! The musicians",
        "Everybody calls this song {}; the words",
        "That holiday was {}, because the weather",
        "My new job is {}, and my boss",
        "The hotel is {}. Its rooms",
    ),
    yes=tuple(
        f" {word}"
        for word in "good great wonderful beautiful excellent perfect loved amazing".split()
    ),
    no=tuple(f" {word}" for word in "bad terrible awful horrible poor boring hated ugly".split()),
)


def _exchanged() -> tuple[tuple[tuple[str, str], tuple[str, str]], ...]:
    """Two countries at a time: each with its own capital, and with that of the other one.

    So each country and each city stands in as many true texts as false ones.
    """
    found = []
    for one, other in zip(CAPITALS[::2], CAPITALS[1::2], strict=True):
        found += [(one, (one[0], other[1])), (other, (other[0], one[1]))]
    return tuple(found)


TRUTH = Property(
    name="truth",
    pairs=_exchanged(),
    templates=(
        "The capital of {} is {}.",
        "If you go to {}, its capital is {}.",
        "In {}, the capital city is {}.",
        "My teacher told me that {} has the capital {}.",
        "We flew to the capital of {}, which is {}.",
        "The government of {} sits in its capital, {}.",
        "Question: what is the capital of {}? Answer: {}.",
        "Everybody knows that the capital of {} is the city of {}.",
    ),
    yes=(" true", " correct", " right"),
    no=(" false", " wrong", " incorrect"),
    ask="Snow is white. This statement is true. Fish live in trees. This statement is false. "
    "{} This statement is",
    together=2,
)

ALL = (GENDER, NUMBER, SENTIMENT, TRUTH)

NEUTRAL = (
    "The library opens at nine and closes at six. On Sundays it is open until noon.",
    "To make bread you need flour, water, salt and yeast. Mix them and let the dough rest.",
    "Water freezes at zero degrees and boils at one hundred degrees at sea level.",
    "The river begins in the mountains, runs through three towns and ends in the sea.",
    "A week has seven days, and a year has twelve months of different length.",
    "The train leaves from platform two. Passengers should have their tickets ready.",
    "In computer science, a list is a sequence of items that are kept in order.",
    "The museum was built in 1890 and holds a collection of old maps and clocks.",
)
"""Texts that have none of the properties as their subject, for the loss that steering costs."""
