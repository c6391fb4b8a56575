"""Prompts that `smollm2` can mostly go on with, each with the one token that is right.

Three kinds: the capital of a country, its language, the opposite of a word. Facts and templates are
combined at random; the templates of `HELD_OUT` are used by no page.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from mi_course.capitals import CAPITALS

_LANGUAGES = """
France French, Italy Italian, Spain Spanish, Germany German, Japan Japanese, China Chinese,
Russia Russian, England English, Greece Greek, Egypt Arabic, Portugal Portuguese, Poland Polish,
Norway Norwegian, Sweden Swedish, Denmark Danish, Finland Finnish, Cuba Spanish, Turkey Turkish,
Iran Persian, Thailand Thai, Vietnam Vietnamese, Hungary Hungarian, Israel Hebrew, Korea Korean,
Brazil Portuguese, Mexico Spanish, Romania Romanian, Austria German
"""
_OPPOSITES = """
hot cold, big small, up down, left right, day night, black white, good bad, old new, happy sad,
fast slow, rich poor, high low, early late, open closed, hard soft, wet dry, full empty,
strong weak, light dark, long short, inside outside, true false, war peace, love hate,
north south, east west, buy sell, win lose, push pull, first last, young old, clean dirty,
heavy light, thick thin, wide narrow, deep shallow, start end, above below, before after,
more less, positive negative, male female, alive dead, friend enemy, summer winter, top bottom,
front back, increase decrease, loud quiet, cheap expensive, major minor, birth death
"""


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    found = (pair.split() for pair in text.replace("\n", " ").split(","))
    return tuple((asked, answer) for asked, answer in found)


FACTS = {
    "capital": CAPITALS,
    "language": _pairs(_LANGUAGES),
    "opposite": _pairs(_OPPOSITES),
}
"""What is asked for, and the answer; a draw leaves out answers that are several tokens there."""
TEMPLATES = {
    "capital": ("The capital of {} is", "The capital of {} is the city of"),
    "language": ("The official language of {} is", "The national language of {} is"),
    "opposite": ('The antonym of "{}" is "', 'The opposite of "{}" is "'),
}
HELD_OUT = {
    "capital": ("Q: What is the capital of {0}? A: The capital of {0} is",),
    "language": ("Q: What is the official language of {0}? A: The official language of {0} is",),
    "opposite": ('"Good" and "bad" are opposites, and so are "{0}" and "',),
}


@dataclass(frozen=True)
class Prompts:
    """Prompts with their right answers.

    Attributes:
        texts: what the model goes on with.
        tokens: of each text, BOS first; not padded, since a padded batch is read at the padding.
        answers: the token of each right answer.
        subjects: where the last token of what is asked for stands: of *France*.
        kinds: of each, a key of `FACTS`.
    """

    texts: tuple[str, ...]
    tokens: tuple[Int[Tensor, "pos"], ...]
    answers: Int[Tensor, "prompt"]
    subjects: Int[Tensor, "prompt"]
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def ends(self) -> Int[Tensor, "prompt"]:
        """The position of each prompt's last token."""
        return torch.tensor([len(row) - 1 for row in self.tokens])

    def by_length(self) -> list[tuple[Int[Tensor, "row"], Int[Tensor, "row pos"]]]:
        """Which prompts have the same number of tokens, and those tokens: batches without padding.

        The places of all batches, one after the other, are a permutation of all prompts.
        """
        lengths = [len(row) for row in self.tokens]
        groups = [[i for i, n in enumerate(lengths) if n == one] for one in sorted({*lengths})]
        return [
            (torch.tensor(rows), torch.stack([self.tokens[i] for i in rows])) for rows in groups
        ]

    def others(self) -> Int[Tensor, "prompt"]:
        """For each prompt another one: the next of the same kind with another answer."""
        found = []
        for i, kind in enumerate(self.kinds):
            rest = (*range(i + 1, len(self)), *range(i))
            same = (j for j in rest if self.kinds[j] == kind)
            found.append(next(j for j in same if self.answers[j] != self.answers[i]))
        return torch.tensor(found)


def first_named(prompts: Prompts) -> Int[Tensor, "prompt"]:
    """Where the subject's last token stands for the first time: at the subject, if named once."""
    rows = zip(prompts.tokens, prompts.subjects.tolist(), strict=True)
    return torch.tensor([int((row == row[at]).nonzero()[0]) for row, at in rows])


def draw(
    tokenizer: Any,
    n: int,
    seed: int,
    held_out: bool = False,
    kinds: Sequence[str] = tuple(FACTS),
) -> Prompts:
    """Draw different prompts, as many of each kind, the same for the same seed.

    Args:
        tokenizer: of `smollm2`.
        n: how many.
        seed: of the draw.
        held_out: from the templates that no page uses.
        kinds: keys of `FACTS`.

    Raises:
        ValueError: there are not as many different ones.
    """
    rng = random.Random(f"lenses {seed}")
    templates = HELD_OUT if held_out else TEMPLATES
    drawn: list[_Asked] = []
    for i, kind in enumerate(kinds):
        wanted = len(range(i, n, len(kinds)))
        every = _every(tokenizer, kind, templates)
        if wanted > len(every):
            raise ValueError(
                f"{wanted} prompts on {kind} were asked for, and there are {len(every)}"
            )
        drawn += rng.sample(every, wanted)
    rng.shuffle(drawn)
    return Prompts(
        tuple(one.text for one in drawn),
        tuple(torch.tensor([tokenizer.bos_token_id, *_ids(tokenizer, one.text)]) for one in drawn),
        torch.tensor([one.answer for one in drawn]),
        torch.tensor([_subject(tokenizer, one) for one in drawn]),
        tuple(one.kind for one in drawn),
    )


class _Asked(NamedTuple):
    text: str
    asked: str
    answer: int
    kind: str


def _every(tokenizer: Any, kind: str, templates: Mapping[str, Sequence[str]]) -> list[_Asked]:
    """All facts of a kind in all templates, but for answers that are several tokens there."""
    found = []
    for template in templates[kind]:
        space = "" if template.endswith('"') else " "
        for asked, answer in FACTS[kind]:
            ids = _ids(tokenizer, f"{space}{answer}")
            if len(ids) == 1:
                found.append(_Asked(template.format(asked), asked, ids[0], kind))
    return found


def _subject(tokenizer: Any, one: _Asked) -> int:
    """The position of its last token, where it is named last; BOS has position 0."""
    before = one.text[: one.text.rindex(one.asked) + len(one.asked)]
    return len(_ids(tokenizer, before))


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))
