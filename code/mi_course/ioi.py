"""Indirect object identification: prompts, their tokens, and how well a model does.

"When John and Mary went to the shops, John gave the bag to" is to be continued by " Mary": of the
two people named, the one not named again. John is S, the subject, named twice (S1, S2); Mary is IO,
the indirect object; END is the last token, where the answer is predicted.

Source: Wang et al. 2022, *Interpretability in the Wild*, arXiv:2211.00593, section 2.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import corpus, grammar

# The form of P8 with each of its words free: one length, so that positions can be averaged.
P8_FORM = "When {A} and {B} went to the {place}, {S} gave the {object} to {IO}"
# P8: the eight prompts with numbers published for GPT-2, each with both of its names as S.
_P8 = (
    ("When John and Mary went to the shops, {S} gave the bag to", "Mary", "John"),
    ("When Tom and James went to the park, {S} gave the ball to", "James", "Tom"),
    ("When Dan and Sid went to the shops, {S} gave an apple to", "Sid", "Dan"),
    ("After Martin and Amy went to the park, {S} gave a drink to", "Amy", "Martin"),
)


@dataclass(frozen=True)
class Prompt:
    """One IOI prompt.

    Attributes:
        text: up to and including "to"; no space after it.
        io, s: the two names, without a space.
        template: what the prompt was made from.
    """

    text: str
    io: str
    s: str
    template: str

    @property
    def order(self) -> str:
        """`ABBA` where IO is named first, `BABA` where S is, as the paper writes it."""
        return "ABBA" if self.text.index(f" {self.io}") < self.text.index(f" {self.s}") else "BABA"


@dataclass(frozen=True)
class Batch:
    """Tokens of several prompts, BOS first, padded on the right.

    Padding on the right changes nothing at END or before: a position sees only earlier ones.

    Attributes:
        tokens: one row for each prompt.
        io, s: the names' token ids.
        io_pos, s1_pos, s2_pos, end: positions of IO, of both mentions of S, and of the last token.
    """

    tokens: Int[Tensor, "batch pos"]
    io: Int[Tensor, "batch"]
    s: Int[Tensor, "batch"]
    io_pos: Int[Tensor, "batch"]
    s1_pos: Int[Tensor, "batch"]
    s2_pos: Int[Tensor, "batch"]
    end: Int[Tensor, "batch"]

    def __len__(self) -> int:
        return len(self.tokens)


def p8() -> list[Prompt]:
    """The eight prompts of TransformerLens' demos, in their order."""
    pairs = [(t, io, s) for t, one, other in _P8 for io, s in ((one, other), (other, one))]
    return [Prompt(t.replace("{S}", s), io, s, t) for t, io, s in pairs]


def prompts(
    count: int, seed: int, held_out: bool = True, templates: Sequence[str] | None = None
) -> list[Prompt]:
    """Random prompts, half of them ABBA and half BABA.

    Args:
        count: how many.
        seed: the same seed gives the same prompts.
        held_out: from templates and pairs of names that `pocket` never saw in training; if false,
            from the training templates and pairs.
        templates: take these instead, with pairs as `held_out` says. `[P8_FORM]` gives prompts that
            are all 15 tokens long.
    """
    rng = random.Random(seed)
    if templates is None:
        templates = grammar.HELD_OUT if held_out else corpus.two_name_templates()
    return [
        _prompt(rng, rng.choice(templates), io_first=i % 2 == 0, held_out=held_out)
        for i in range(count)
    ]


def _prompt(rng: random.Random, template: str, io_first: bool, held_out: bool) -> Prompt:
    first, second = corpus.people(rng, 2, held_out)
    io, s = (first, second) if io_first else (second, first)
    bound = {"A": first, "B": second, "IO": io, "S": s}
    text = corpus.expand(rng, template, bound)
    return Prompt(text.removesuffix(f" {io}"), io, s, template)


def tokenize(tokenizer: Any, batch: Sequence[Prompt]) -> Batch:
    """Tokens and positions of prompts.

    Args:
        tokenizer: of the model that will read them, GPT-2's or pocket's: `model.tokenizer`.
        batch: the prompts.

    Raises:
        ValueError: a name is not one token here, so it has no single position.
    """
    bos = tokenizer.bos_token_id
    rows = [[bos, *tokenizer.encode(p.text, add_special_tokens=False)] for p in batch]
    end = torch.tensor([len(row) - 1 for row in rows])
    padded = [row + [bos] * (int(end.max()) + 1 - len(row)) for row in rows]
    tokens = torch.tensor(padded)
    io = torch.tensor([_name_id(tokenizer, p.io) for p in batch])
    s = torch.tensor([_name_id(tokenizer, p.s) for p in batch])
    is_s = (tokens == s[:, None]).int()
    last = tokens.shape[1] - 1
    return Batch(
        tokens=tokens,
        io=io,
        s=s,
        io_pos=(tokens == io[:, None]).int().argmax(1),
        s1_pos=is_s.argmax(1),
        s2_pos=last - is_s.flip(1).argmax(1),
        end=end,
    )


def _name_id(tokenizer: Any, name: str) -> int:
    ids = tokenizer.encode(f" {name}", add_special_tokens=False)
    if len(ids) != 1:
        raise ValueError(
            f'"{name}" is {len(ids)} tokens for this tokenizer: choose names from '
            "mi_course.words.NAMES"
        )
    return ids[0]


def logit_difference(
    logits: Float[Tensor, "batch pos vocab"], batch: Batch
) -> Float[Tensor, "batch"]:
    """Logit of IO minus logit of S, at END: above 0 where the model prefers the right name."""
    rows = torch.arange(len(batch))
    at_end = logits[rows, batch.end]
    return at_end[rows, batch.io] - at_end[rows, batch.s]
