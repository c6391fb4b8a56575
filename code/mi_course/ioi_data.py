"""IOI prompts beside their corrupted counterparts, for patching and ablation.

Each prompt comes three times, with as many tokens each time:

- clean: "When John and Mary went to the shops, John gave the bag to" (Mary)
- flipped: S2 is replaced by the other name, so the answer is the other one too (John)
- abc: three other random names instead of IO, S1 and S2; nobody is named twice, and no name is the
  answer. This is the paper's pABC, the source of x_new in its path patching and of its means.

Source: Wang et al. 2022, arXiv:2211.00593, section 2.1 for pIOI, section 3 for pABC.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from mi_course import ioi
from mi_course.english import corpus

# Every slot is one word, so that all prompts of a template have one length and their positions
# mean the same thing. `pocket` was trained on such sentences, but on none of the pairs of names.
TEMPLATES = (
    ioi.P8_FORM,
    "After {A} and {B} went to the {place}, {S} gave a {object} to {IO}",
    "Two days later, {A} and {B} met at the {place}. {S} passed the {object} to {IO}",
    "While {A} was working with {B} at the {place}, {S} gave the {object} to {IO}",
    "In the {place}, {A} and {B} were {adj}, so {S} sent a {object} to {IO}",
    "Friends {A} and {B} had lunch at the {place}. {S} offered a {object} to {IO}",
)
# No page uses these: claims are run again on them.
OTHER_TEMPLATES = (
    "Yesterday, {A} and {B} had lunch at the {place}, and {S} handed the {object} to {IO}",
    "Then, {A} and {B} were at the {place}. {S} passed the {object} to {IO}",
    "At the {place}, {A} met {B}. Later, {S} gave a {object} to {IO}",
    "After a {adj} {time} with {A} and {B}, {S} sent the {object} to {IO}",
    "Once upon a time, {A} and {B} were {adj}. {S} gave the {object} to {IO}",
    "The story was about {A} and {B}. Suddenly, {S} offered the {object} to {IO}",
)


@dataclass(frozen=True)
class Dataset:
    """Prompts and their counterparts, row by row.

    Attributes:
        prompts: the clean prompts as text.
        flipped_texts, abc_texts: their counterparts as text.
        clean: tokens of the prompts.
        flipped: the same with IO named again instead of S. `io` and `s` are those of the flipped
            prompt, so they have changed places: `flipped.io` is `clean.s`.
        abc: the same with three other names; `io` and `s` are the names that stand at IO and S1.
            It has no right answer: read `clean.answers` instead.
        template: which of `templates` each prompt was made from.
        templates: all of them.
    """

    prompts: list[ioi.Prompt]
    flipped_texts: list[str]
    abc_texts: list[str]
    clean: ioi.Batch
    flipped: ioi.Batch
    abc: ioi.Batch
    template: Int[Tensor, "batch"]
    templates: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.prompts)

    def __getitem__(self, rows: slice | Int[Tensor, "some"]) -> Dataset:
        chosen = torch.arange(len(self))[rows].tolist()
        return Dataset(
            prompts=[self.prompts[i] for i in chosen],
            flipped_texts=[self.flipped_texts[i] for i in chosen],
            abc_texts=[self.abc_texts[i] for i in chosen],
            clean=self.clean[rows],
            flipped=self.flipped[rows],
            abc=self.abc[rows],
            template=self.template[rows],
            templates=self.templates,
        )


def dataset(
    tokenizer: Any,
    count: int,
    seed: int,
    templates: Sequence[str] = TEMPLATES,
    held_out: bool = True,
) -> Dataset:
    """Random prompts with their counterparts: templates in turn, ABBA and BABA in turn.

    Args:
        tokenizer: of the model that will read them. Names and other words that are several tokens
            for it are left out: such a name has no single position, and all prompts of a template
            have one length.
        count: how many prompts.
        seed: the same seed gives the same dataset.
        templates: with the slots {A}, {B}, {S}, {IO} and any rule of `mi_course.english.grammar`.
            Those that this tokenizer cannot read word by word are left out, see `readable`.
        held_out: with pairs of names that never share a sentence in `pocket`'s training.

    Raises:
        ValueError: too few names are one token for this tokenizer, or no template is readable.
    """
    rng = random.Random(seed)
    names = _names(tokenizer, held_out)
    templates = readable(tokenizer, templates)
    kinds = [(i // 2) % len(templates) for i in range(count)]
    prompts = [
        _draw(tokenizer, rng, templates[kind], i % 2 == 0, held_out, names)
        for i, kind in enumerate(kinds)
    ]
    return counterparts(tokenizer, prompts, rng, names, templates)


def readable(tokenizer: Any, templates: Sequence[str]) -> tuple[str, ...]:
    """The templates whose own words are one token each for this tokenizer.

    "Yesterday" at the beginning of a text is two for some: of such a template there is no prompt in
    which every word has one position.

    Raises:
        ValueError: none is left.
    """
    found = tuple(t for t in templates if _is_readable(tokenizer, t))
    if not found:
        raise ValueError(
            "in every template a word is several tokens for this tokenizer: use other templates, "
            f"or another tokenizer. The first one is {templates[0]!r}"
            if templates
            else "no templates: give at least one"
        )
    return found


def _is_readable(tokenizer: Any, template: str, tries: int = 60) -> bool:
    rng = random.Random(0)
    drawn = (ioi.draw(rng, template, i % 2 == 0, True).text for i in range(tries))
    return any(ioi.is_word_by_word(tokenizer, text) for text in drawn)


def from_prompts(tokenizer: Any, prompts: Sequence[ioi.Prompt], seed: int) -> Dataset:
    """The dataset of given prompts, for instance of `ioi.p8()`; `seed` draws the names of abc."""
    templates = tuple(dict.fromkeys(prompt.template for prompt in prompts))
    names = _names(tokenizer, held_out=True)
    return counterparts(tokenizer, list(prompts), random.Random(seed), names, templates)


def counterparts(
    tokenizer: Any,
    prompts: list[ioi.Prompt],
    rng: random.Random,
    names: Sequence[str],
    templates: Sequence[str],
) -> Dataset:
    """Adds the flipped and the pABC counterpart to each prompt."""
    clean = ioi.tokenize(tokenizer, prompts)
    flipped_texts = [rename(p, p.io, p.s, p.io) for p in prompts]
    others = [rng.sample([n for n in names if n not in (p.io, p.s)], 3) for p in prompts]
    abc_texts = [rename(p, *three) for p, three in zip(prompts, others, strict=True)]
    flipped = _counterpart(tokenizer, flipped_texts, clean)
    abc = _counterpart(tokenizer, abc_texts, clean)
    return Dataset(
        prompts=prompts,
        flipped_texts=flipped_texts,
        abc_texts=abc_texts,
        clean=clean,
        flipped=replace(flipped, io=clean.s, s=clean.io, io_pos=clean.s1_pos, s1_pos=clean.io_pos),
        abc=abc,
        template=torch.tensor([templates.index(p.template) for p in prompts]),
        templates=tuple(templates),
    )


def rename(prompt: ioi.Prompt, io: str, s1: str, s2: str) -> str:
    """The text of a prompt with other names in the three places where it names somebody.

    Example:
        >>> rename(ioi.Prompt("Ann saw Bob. Ann met", "Bob", "Ann", ""), "Bob", "Ann", "Bob")
        'Ann saw Bob. Bob met'
    """
    left = {prompt.io: [io], prompt.s: [s1, s2]}

    def other(match: re.Match[str]) -> str:
        if not left[match[0]]:
            raise ValueError(f"{match[0]} is named too often in: {prompt.text}")
        return left[match[0]].pop(0)

    text = re.sub(rf"\b(?:{re.escape(prompt.io)}|{re.escape(prompt.s)})\b", other, prompt.text)
    if any(left.values()):
        raise ValueError(f"expected {prompt.io} once and {prompt.s} twice in: {prompt.text}")
    return text


def _counterpart(tokenizer: Any, texts: Iterable[str], clean: ioi.Batch) -> ioi.Batch:
    """Tokens of texts that differ from the clean ones in names only; all positions are the same."""
    bos = tokenizer.bos_token_id
    tokens = clean.tokens.clone()
    for row, (text, end) in enumerate(zip(texts, clean.end.tolist(), strict=True)):
        ids = [bos, *tokenizer.encode(text, add_special_tokens=False)]
        if len(ids) != end + 1:
            raise ValueError(f"{len(ids)} tokens instead of {end + 1}, so nothing lines up: {text}")
        tokens[row, : end + 1] = torch.tensor(ids)
    rows = torch.arange(len(tokens))
    return replace(
        clean, tokens=tokens, io=tokens[rows, clean.io_pos], s=tokens[rows, clean.s1_pos]
    )


def _names(tokenizer: Any, held_out: bool) -> list[str]:
    """The names that are one token here; refuses fewer than five, or none that may be paired."""
    names = ioi.one_token_names(tokenizer)
    pairs = (corpus.is_held_out_pair(a, b) == held_out for a, b in combinations(names, 2))
    if len(names) < 5 or not any(pairs):
        raise ValueError(
            f"{len(names)} names of mi_course.english.words.NAMES are one token for this "
            "tokenizer, too few to draw from: use another tokenizer, or add names that it knows"
        )
    return names


def _draw(
    tokenizer: Any,
    rng: random.Random,
    template: str,
    io_first: bool,
    held_out: bool,
    names: Sequence[str],
) -> ioi.Prompt:
    allowed = set(names)
    while True:
        prompt = ioi.draw(rng, template, io_first, held_out)
        if {prompt.io, prompt.s} <= allowed and ioi.is_word_by_word(tokenizer, prompt.text):
            return prompt
