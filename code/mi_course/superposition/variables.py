"""Texts of varied length of which the grammar tells every variable: token, class, slot, who twice.

A text is a few facts and then one IOI sentence, up to its last name. The number of facts varies, so
that no position tells a slot.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mi_course import hooks
from mi_course.english import corpus, grammar, words

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

POINT = "blocks.0.hook_resid_post"
"""Where the dictionaries are trained: the residual stream between `pocket`'s two layers."""
CLASSES = {
    "name": words.NAMES,
    "place": words.PLACES,
    "object": words.OBJECTS,
    "person": words.PEOPLE,
    "animal": words.ANIMALS,
    "adjective": words.ADJECTIVES,
    "giving verb": tuple(dict.fromkeys(grammar.RULES["gave"])),
}
SLOTS = ("first", "second", "S2", "IO")
"""The four names of an IOI sentence, in the order in which they stand."""
MOST_FACTS = 3
_BATCH = 64


@dataclass(frozen=True)
class Texts:
    """Tokens with what the grammar knows of each.

    Attributes:
        tokens: BOS first, padded on the right with BOS.
        lengths: of each text, BOS counted. The last token is IO, and the one before it END.
        places: the positions of the names in the slots `SLOTS`.
    """

    tokens: Int[Tensor, "text pos"]
    lengths: Int[Tensor, "text"]
    places: Int[Tensor, "text slot"]

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, some: slice) -> Texts:
        return Texts(self.tokens[some], self.lengths[some], self.places[some])

    @property
    def end(self) -> Int[Tensor, "text"]:
        """The position of END, at which the model is asked for IO."""
        return self.lengths - 2

    @property
    def answers(self) -> Int[Tensor, "text 2"]:
        """IO and S of each text, as token ids."""
        rows = torch.arange(len(self))[:, None]
        return self.tokens[rows, self.places[:, [3, 2]]]

    @property
    def real(self) -> Bool[Tensor, "text pos"]:
        """Where a token stands that is neither BOS nor padding."""
        positions = torch.arange(self.tokens.shape[1])
        return (positions > 0) & (positions < self.lengths[:, None])

    def at(self, slot: str) -> Bool[Tensor, "text pos"]:
        """Where the name in this slot stands."""
        positions = torch.arange(self.tokens.shape[1])
        return positions == self.places[:, SLOTS.index(slot), None]


def texts(
    tokenizer: Any,
    n: int,
    seed: int,
    names: int = len(words.NAMES),
    templates: tuple[str, ...] | None = None,
    held_out: bool = False,
) -> Texts:
    """Draw texts, the same for the same seed.

    Args:
        tokenizer: `pocket`'s.
        n: how many.
        seed: of everything that is drawn.
        names: how many names take part, drawn from all.
        templates: of the IOI sentence; default: those of training that name two people first.
        held_out: take the pairs of names that training never saw together, else only others.
    """
    rng = random.Random(f"superposition {seed}")
    pool = rng.sample(words.NAMES, names)
    templates = templates or corpus.two_name_templates()
    rows, places = [], []
    for _ in range(n):
        facts = [corpus.sentence(rng, {"fact": 1.0}) for _ in range(rng.randint(0, MOST_FACTS))]
        pair = _pair(rng, pool, held_out)
        s, io = rng.sample(pair, 2)
        bound = {"A": pair[0], "B": pair[1], "S": s, "IO": io}
        ioi = corpus.expand(rng, rng.choice(templates), bound)
        before = _ids(tokenizer, " ".join(facts))
        row = [0, *before, *_ids(tokenizer, (" " if facts else "") + ioi)]
        ids = {_id(tokenizer, name) for name in pair}
        places.append([i for i, t in enumerate(row) if i > len(before) and t in ids])
        rows.append(torch.tensor(row))
    lengths = torch.tensor([len(row) for row in rows])
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=0)
    return Texts(tokens, lengths, torch.tensor(places))


@dataclass(frozen=True)
class Rows:
    """All tokens of texts but BOS and padding, one after the other.

    Attributes:
        tokens: what stands there.
        text: in which text.
        first: whether the text is one of the first half: to choose on, the others to judge.
        slots: where the names of an IOI sentence stand, in the order of `SLOTS`.
    """

    tokens: Int[Tensor, "row"]
    text: Int[Tensor, "row"]
    first: Bool[Tensor, "row"]
    slots: Bool[Tensor, "row slot"]


def rows(texts: Texts) -> Rows:
    """The rows of texts, as `activations(...)[texts.real]` has them."""
    real = texts.real
    text = torch.arange(len(texts))[:, None].expand_as(real)[real]
    slots = torch.stack([texts.at(slot)[real] for slot in SLOTS], 1)
    return Rows(texts.tokens[real], text, text < len(texts) // 2, slots)


def is_in_class(tokenizer: Any, tokens: Int[Tensor, "*rest"], name: str) -> Bool[Tensor, "*rest"]:
    """Which tokens are words of a class of `CLASSES`."""
    return torch.isin(tokens, torch.tensor([_id(tokenizer, word) for word in CLASSES[name]]))


def _pair(rng: random.Random, pool: list[str], held_out: bool) -> list[str]:
    while True:
        pair = rng.sample(pool, 2)
        if corpus.is_held_out_pair(*pair) == held_out:
            return pair


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False)) if text else []


def _id(tokenizer: Any, word: str) -> int:
    (one,) = _ids(tokenizer, f" {word}")
    return one


def activations(
    model: TransformerBridge, tokens: Int[Tensor, "text pos"], point: str = POINT
) -> Float[Tensor, "text pos d_model"]:
    """What stands at a hook point, in batches."""
    parts = []
    for start in range(0, len(tokens), _BATCH):
        _, cache = hooks.run_with_cache(model, tokens[start : start + _BATCH], [point])
        parts.append(cache[point])
    return torch.cat(parts)
