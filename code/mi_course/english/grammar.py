"""The grammar of the course's own English: rules, templates, and how often each kind is written.

A sentence is a template in which `{slot}` is replaced until none is left. A slot is a rule of
`RULES`, or one of the people of the sentence. `mi_course.english.corpus` does the writing.
"""

from __future__ import annotations

from mi_course.english.words import ADJECTIVES, ANIMALS, NAMES, OBJECTS, PEOPLE, PLACES

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
        *("{gave} a {object} to", "{gave} the {object} to") * 4,
        *("{gave} a {adj} {object} to", "took a {object} and {gave} it to"),
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
    "noticed": (
        *("saw", "looked at", "talked about", "talked to", "sat near", "stood behind"),
        *("waited for", "walked with", "played with", "told a story about"),
    ),
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
    "{when} the {person} {noticed} {A} and {B}, {S} {hands} {IO}",
    "{when} the {person} {noticed} {A} and {B}, {S} {hands} {IO}",
    "The {adj} {object} was for {A} and {B}, but {S} {hands} {IO}",
    "The {place} was {adj}, so {A} and {B} {scene}. {S} {hands} {IO}",
    "It was a {adj} {time}, and {A} and {B} {scene}. {later}, {S} {hands} {IO}",
    "There was {thing} in the {place}. {A} and {B} {scene}, and {S} {hands} {IO}",
    "The {person} {did}, so {A} and {B} {scene}, but {S} {hands} {IO}",
    "The story was about {A} and {B}. {later}, {S} {hands} {IO}",
    "After a {adj} {time} with {A} and {B}, {S} {hands} {IO}",
    "Because there was {thing} near {A} and {B}, {S} {hands} {IO}",
    "Every {time}, {A} and {B} {scene}. {S} {hands} {IO}",
    "There was {thing} for {A} and {B}. {S} {hands} {IO}",
    "The {person} had {thing} for {A} and {B}, so {S} {hands} {IO}",
    "{when} {A} {alone} with {B}, {S} {hands} {IO}",
    "The {place} was {adj}, but {A} and {B} were {adj}, and {S} {hands} {IO}",
    "In the {time}, {A} and {B} {scene}, but {S} {hands} {IO}",
    "{day}, {S} {alone}. {S} saw {IO} at the {place} and {hands} {IO}",
)
HELD_OUT = (
    "Two days later, {A} and {B} {scene}. {S} {hands} {IO}",
    "While {A} was working with {B} at the {place}, {S} {hands} {IO}",
    "In the {place}, {A} and {B} were {adj}, so {S} {hands} {IO}",
    "There was a {animal} near the {place}, so {A} and {B} {scene}, and {S} {hands} {IO}",
    "Once upon a time, {A} and {B} were {adj}. {S} {hands} {IO}",
)
ONE = (
    "{when} {A} {alone}, the {person} {hands} {A}",
    "{day}, {A} {alone}. The {person} {hands} {A}",
    "{later}, {A} {alone}. The {adj} {person} {noticed} {A}",
    "The {person} {noticed} {A} and {hands} {A}",
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
    "ioi": 0.53,
    "passive": 0.18,
    "many": 0.14,
    "seen": 0.01,
    "one": 0.03,
    "open": 0.02,
    "fact": 0.09,
}
