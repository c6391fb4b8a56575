"""Indirect object identification: prompts, their tokens, and how well a model does.

"When John and Mary went to the shops, John gave the bag to" is to be continued by " Mary": of the
two people named, the one not named again. John is S, the subject, named twice (S1, S2); Mary is IO,
the indirect object; END is the last token, where the answer is predicted.

`mi_course.ioi_data` makes whole datasets: these prompts beside their corrupted counterparts.

Source: Wang et al. 2022, *Interpretability in the Wild*, arXiv:2211.00593, section 2.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import renamed
from mi_course.english import corpus, grammar
from mi_course.english.words import NAMES

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

# The form of P8 with each of its words free: one length, so that positions can be averaged.
P8_FORM = "When {A} and {B} went to the {place}, {S} gave the {object} to {IO}"
# P8: the eight prompts with numbers published for GPT-2, each with both of its names as S.
_P8 = (
    ("When John and Mary went to the shops, {S} gave the bag to", "Mary", "John"),
    ("When Tom and James went to the park, {S} gave the ball to", "James", "Tom"),
    ("When Dan and Sid went to the shops, {S} gave an apple to", "Sid", "Dan"),
    ("After Martin and Amy went to the park, {S} gave a drink to", "Amy", "Martin"),
)

__getattr__ = renamed.attributes(
    __name__,
    {
        "difference": "model_logit_diff",
        "logit_difference": "logit_diff",
        "read": "logit_diff",
    },
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
        words = re.findall(r"\w+", self.text)  # as words: " Ann" is in " Anna" too
        return "ABBA" if words.index(self.io) < words.index(self.s) else "BABA"


@dataclass(frozen=True)
class Answers:
    """What is read off a run: the logit of one token minus that of another, at one position.

    Attributes:
        end: the position, of each prompt.
        right, wrong: ids of the two tokens.
    """

    end: Int[Tensor, "batch"]
    right: Int[Tensor, "batch"]
    wrong: Int[Tensor, "batch"]

    def __len__(self) -> int:
        return len(self.end)

    def __getitem__(self, rows: slice | Int[Tensor, "some"]) -> Answers:
        return Answers(self.end[rows], self.right[rows], self.wrong[rows])


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

    def __getitem__(self, rows: slice | Int[Tensor, "some"]) -> Batch:
        return Batch(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def answers(self) -> Answers:
        """The logit difference of these prompts: IO minus S, at END."""
        return Answers(end=self.end, right=self.io, wrong=self.s)


def p8() -> list[Prompt]:
    """The eight prompts of TransformerLens' demos, in their order."""
    pairs = [(t, io, s) for t, one, other in _P8 for io, s in ((one, other), (other, one))]
    return [Prompt(t.replace("{S}", s), io, s, t) for t, io, s in pairs]


def prompts(
    count: int,
    seed: int,
    held_out: bool = True,
    templates: Sequence[str] | None = None,
    tokenizer: Any = None,
) -> list[Prompt]:
    """Random prompts, half of them ABBA and half BABA.

    Args:
        count: how many.
        seed: the same seed gives the same prompts.
        held_out: from templates and pairs of names that `pocket` never saw in training; if false,
            from the training templates and pairs.
        templates: take these instead, with pairs as `held_out` says. `[P8_FORM]` gives prompts that
            are all 15 tokens long.
        tokenizer: of the model that will read them; prompts with a word that is several tokens
            for it are left out. None: none are, as for GPT-2 and `pocket`.
    """
    rng = random.Random(seed)
    if templates is None:
        templates = grammar.HELD_OUT if held_out else corpus.two_name_templates()
    found: list[Prompt] = []
    while len(found) < count:
        io_first = len(found) % 2 == 0
        prompt = draw(rng, rng.choice(templates), io_first, held_out)
        if tokenizer is None or is_word_by_word(tokenizer, prompt.text):
            found.append(prompt)
    return found


def is_word_by_word(tokenizer: Any, text: str) -> bool:
    """Whether each word and each mark of a text is one token: then positions mean the same."""
    return len(tokenizer.encode(text, add_special_tokens=False)) == len(corpus.pretokens(text))


def one_token_names(tokenizer: Any) -> list[str]:
    """The names of `english.words.NAMES` that are one token, in GPT-2 and `pocket` all of them."""
    return [n for n in NAMES if len(tokenizer.encode(f" {n}", add_special_tokens=False)) == 1]


def draw(rng: random.Random, template: str, io_first: bool, held_out: bool) -> Prompt:
    """One prompt of a template with random names and words; `io_first` makes it ABBA."""
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
        ValueError: a name is not one token here, so it has no single position; IO and S are the
            same, or are not named where the prompt's own words say; no prompts.
    """
    if not batch:
        raise ValueError("there are no prompts")
    bos = tokenizer.bos_token_id
    rows = [[bos, *tokenizer.encode(p.text, add_special_tokens=False)] for p in batch]
    end = torch.tensor([len(row) - 1 for row in rows])
    padded = [row + [bos] * (int(end.max()) + 1 - len(row)) for row in rows]
    tokens = torch.tensor(padded)
    io = torch.tensor([_name_id(tokenizer, p.io) for p in batch])
    s = torch.tensor([_name_id(tokenizer, p.s) for p in batch])
    is_io, is_s = (tokens == io[:, None]).int(), (tokens == s[:, None]).int()
    for prompt, *named in zip(batch, is_io.sum(1).tolist(), is_s.sum(1).tolist(), strict=True):
        _check_named(prompt, *named)
    last = tokens.shape[1] - 1
    return Batch(
        tokens=tokens,
        io=io,
        s=s,
        io_pos=is_io.argmax(1),
        s1_pos=is_s.argmax(1),
        s2_pos=last - is_s.flip(1).argmax(1),
        end=end,
    )


def _check_named(prompt: Prompt, io: int, s: int) -> None:
    """Refuse a prompt whose tokens name IO or S less often than an IOI prompt does."""
    if prompt.io == prompt.s:
        raise ValueError(f"IO and S are both {prompt.io}, so nothing differs: {prompt.text}")
    for name, found, least in ((prompt.io, io, 1), (prompt.s, s, 2)):
        if found < least:
            raise ValueError(
                f"{name} is named {('once', 'twice')[least - 1]} in an IOI prompt, each time with "
                f"a space before it, and here {found} times: {prompt.text}"
            )


def _name_id(tokenizer: Any, name: str) -> int:
    ids = tokenizer.encode(f" {name}", add_special_tokens=False)
    if len(ids) != 1:
        raise ValueError(
            f'"{name}" is {len(ids)} tokens for this tokenizer: choose names from '
            "mi_course.english.words.NAMES, or draw prompts with ioi.prompts(..., tokenizer=...)"
        )
    return ids[0]


def logit_diff(
    logits: Float[Tensor, "batch pos vocab"], answers: Answers | Batch
) -> Float[Tensor, "batch"]:
    """Logit of the right token minus that of the wrong one, where `answers` says.

    For a `Batch` that is IO minus S at END: above 0 where the model prefers the right name.

    Raises:
        ValueError: not as many answers as prompts.
    """
    if isinstance(answers, Batch):
        answers = answers.answers
    if len(answers) != len(logits):
        raise ValueError(f"{len(logits)} prompts and {len(answers)} answers: give one for each")
    rows = torch.arange(len(answers), device=logits.device)
    at_end = logits[rows, answers.end]
    return at_end[rows, answers.right] - at_end[rows, answers.wrong]


@torch.no_grad()
def model_logit_diff(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    answers: Answers,
    batch_size: int = 25,
) -> Float[Tensor, "batch"]:
    """`logit_diff` of a model's run on each prompt, `batch_size` prompts at a time.

    The logits of 500 prompts of 15 tokens are 1.5 GB for GPT-2 small; these few are enough.
    """
    if len(answers) != len(tokens) or len(tokens) == 0:
        raise ValueError(f"{len(tokens)} prompts and {len(answers)} answers: give one for each")
    found = []
    for rows in slices(len(tokens), batch_size):
        found.append(logit_diff(model(tokens[rows]), answers[rows]).cpu())
    return torch.cat(found)


def normalised(
    value: Float[Tensor, "*shape"], clean: Tensor | float, corrupted: Tensor | float
) -> Float[Tensor, "*shape"]:
    """A logit difference on the scale where the corrupted run is 0 and the clean run is 1.

    Args:
        value: of patched runs.
        clean: mean logit difference of the clean run.
        corrupted: mean logit difference of the corrupted run, with the same answers.

    Raises:
        ValueError: the two are the same, so that there is nothing to restore.
    """
    gap = float(clean) - float(corrupted)
    if gap == 0:
        raise ValueError(
            "the clean and the corrupted run have the same logit difference: are they two runs?"
        )
    return (value - float(corrupted)) / gap


def slices(count: int, size: int) -> Iterator[slice]:
    """The rows 0 to `count` in pieces of `size`; the last piece may be shorter.

    Raises:
        ValueError: pieces of no rows.
    """
    if size < 1:
        raise ValueError(f"batch_size must be at least 1, not {size}")
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
