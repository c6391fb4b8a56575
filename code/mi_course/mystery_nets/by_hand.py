"""Mystery models whose weights were set, not trained: the algorithm is known, and proves the judge.

Read on and you know more than a learner is told.

The stream consists of slots. A slot is one number, kept twice: as it is and with its sign turned,
so that the mean that a LayerNorm subtracts is zero. One slot holds a large constant, so that the
norm that it divides by is nearly the same everywhere. A LayerNorm with the right gain then leaves
the slots as they are, to about one part in a hundred. Heads attend by position or by match; a
neuron of an MLP is on where two slots are both 1. Beside the algorithm stand heads and neurons that
compute something likely and write it where nothing reads it, and noise lies on all weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from mi_course.mystery_nets.tasks import N_RING, RING_STEP, SMALL_PRIME, THREE_SUM

CONSTANT = 25.0
"""What the constant slot holds; all others hold about 0 or 1."""
SHARP = 14.0
"""How far the score of the key that a head looks for lies above the others."""
STEEP = 12.0
"""A neuron's input is half of this where its two slots are on, and minus half where one is."""
LOUD = 12.0
"""The logit of the answer."""
NOISE = 0.01
"""Standard deviation of what is added to every weight."""

Slots = Mapping[str, range]
Slot = tuple[str, int]
Term = tuple[tuple[str, int, float], tuple[str, int, float]]


def slots(sizes: Mapping[str, int]) -> dict[str, range]:
    """Slots by name, one group behind the other."""
    ends, found = 0, {}
    for name, size in sizes.items():
        found[name] = range(ends, ends + size)
        ends += size
    return found


@dataclass(frozen=True)
class Hand:
    """A GPT-2 model to write weights into, slot by slot.

    Attributes:
        model: with all weights 0.
        slots: the groups of slots.
    """

    model: GPT2LMHeadModel
    slots: Slots

    @classmethod
    def new(cls, sizes: Mapping[str, int], n_symbols: int, n_pos: int, n_neurons: int) -> Hand:
        """An empty model of two layers of four heads; `sizes` holds `one`, the constant slot."""
        groups = slots(sizes)
        half = sum(sizes.values())
        config = GPT2Config(
            n_layer=2,
            n_head=4,
            n_embd=2 * half,
            n_inner=n_neurons,
            n_positions=n_pos,
            vocab_size=n_symbols,
            attn_pdrop=0.0,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            bos_token_id=None,
            eos_token_id=None,
            tie_word_embeddings=False,
        )
        model = GPT2LMHeadModel(config).eval()
        with torch.no_grad():
            for name, weight in model.named_parameters():
                gain = "ln_" in name and name.endswith("weight")
                weight.fill_(CONSTANT / half**0.5 if gain else 0.0)
        hand = cls(model, groups)
        model.transformer.wpe.weight.data += CONSTANT * hand.write("one", 0)
        return hand

    def write(self, group: str, i: int) -> Float[Tensor, "d_model"]:
        """The direction that adds 1 to a slot."""
        half = self.model.config.n_embd // 2
        direction = torch.zeros(2 * half)
        direction[self.slots[group][i]] = 1.0
        direction[half + self.slots[group][i]] = -1.0
        return direction

    def read(self, group: str, i: int) -> Float[Tensor, "d_model"]:
        """The direction whose product with the stream is what a slot holds."""
        return self.write(group, i) / 2

    def head(
        self,
        layer: int,
        head: int,
        look: Sequence[Term],
        copy: Sequence[tuple[Slot, Slot]],
    ) -> None:
        """Write a head.

        Args:
            layer: counted from 0.
            head: counted from 0.
            look: pairs of a slot of the query and one of the key, each with its factor: a score is
                the sum of their products.
            copy: pairs of a slot that is read at the key, and one that is written at the query.
        """
        block: Any = self.model.transformer.h[layer].attn
        d_model, n_heads = self.model.config.n_embd, self.model.config.n_head
        d_head = d_model // n_heads
        into, out = block.c_attn.weight.data, block.c_proj.weight.data
        for at, ((q, i, by_q), (k, j, by_k)) in enumerate(look):
            column = head * d_head + at
            into[:, column] += by_q * d_head**0.5 * self.read(q, i)
            into[:, d_model + column] += by_k * self.read(k, j)
        for at, ((source, i), (target, j)) in enumerate(copy):
            column = head * d_head + at
            into[:, 2 * d_model + column] += self.read(source, i)
            out[column] += self.write(target, j)

    def both(self, layer: int, first: int, pairs: Sequence[tuple[Slot, Slot, Slot]]) -> None:
        """Write neurons: each is on where its first two slots are 1, and then adds 1 to its third.

        Args:
            layer: which MLP.
            first: the number of the first neuron.
            pairs: three slots for each neuron.
        """
        mlp: Any = self.model.transformer.h[layer].mlp
        for neuron, ((a, i), (b, j), (target, k)) in enumerate(pairs, start=first):
            mlp.c_fc.weight.data[:, neuron] += STEEP * (self.read(a, i) + self.read(b, j))
            mlp.c_fc.bias.data[neuron] -= 1.5 * STEEP
            mlp.c_proj.weight.data[neuron] += self.write(target, k) / (0.5 * STEEP)

    def finish(self, seed: int) -> GPT2LMHeadModel:
        """Add the noise, but to what reads the constant: that would be a large bias."""
        generator = torch.Generator().manual_seed(seed)
        constant = self.write("one", 0) != 0
        for name, weight in self.model.named_parameters():
            if "ln_" not in name:
                noise = NOISE * torch.randn(weight.shape, generator=generator)
                if name.endswith(("c_attn.weight", "c_fc.weight")):
                    noise[constant] = 0.0
                if name == "lm_head.weight":
                    noise[:, constant] = 0.0
                weight.data += noise
        return self.model


def _to_position(position: int) -> list[Term]:
    """A head that looks at one position; the query is the constant."""
    return [(("one", 0, SHARP / CONSTANT), ("at", position, 1.0))]


def _copies(source: str, target: str, n: int) -> list[tuple[Slot, Slot]]:
    return [((source, i), (target, i)) for i in range(n)]


def _sums(a: str, b: str, target: str, n: int) -> list[tuple[Slot, Slot, Slot]]:
    return [((a, i), (b, j), (target, (i + j) % n)) for i in range(n) for j in range(n)]


def three_sum(seed: int) -> GPT2LMHeadModel:
    """Three numbers a, b, c: layer 0 adds b and c, layer 1 fetches a and adds it.

    Beside that, layer 0 fetches a as well and adds it to b, which nothing reads.
    """
    n = SMALL_PRIME
    groups = ("symbol", "b", "early_a", "sum_bc", "sum_ab", "a", "out")
    sizes = {"one": 1, "at": 2, **dict.fromkeys(groups, n)}
    hand = Hand.new(sizes, len(THREE_SUM.symbols), 3, 2 * n * n)
    for i in range(n):
        hand.model.transformer.wte.weight.data[i] += hand.write("symbol", i)
        hand.model.lm_head.weight.data[i] += LOUD * hand.read("out", i)
    for position in (0, 1):
        hand.model.transformer.wpe.weight.data[position] += hand.write("at", position)
    hand.head(0, 2, _to_position(1), _copies("symbol", "b", n))
    hand.head(0, 0, _to_position(0), _copies("symbol", "early_a", n))
    hand.both(0, 0, _sums("early_a", "b", "sum_ab", n))
    hand.both(0, n * n, _sums("b", "symbol", "sum_bc", n))
    hand.head(1, 1, _to_position(0), _copies("symbol", "a", n))
    hand.head(1, 3, _to_position(1), _copies("symbol", "early_a", n))
    hand.both(1, 0, _sums("a", "sum_bc", "out", n))
    hand.both(1, n * n, _sums("b", "a", "sum_ab", n))
    return hand.finish(seed)


def further_on(seed: int) -> GPT2LMHeadModel:
    """A ring of letters and one of them: layer 0 finds where it is, layer 1 looks further on.

    Beside that, each letter of the ring fetches the one that stands as many places before it, as
    another mechanism would, and nothing reads it.
    """
    n, last = N_RING, N_RING
    groups = ("symbol", "where", "before", "near", "out")
    sizes = {"one": 1, "at": n + 1, **dict.fromkeys(groups, n)}
    hand = Hand.new(sizes, n, n + 1, 16)
    for i in range(n):
        hand.model.transformer.wte.weight.data[i] += hand.write("symbol", i)
        hand.model.lm_head.weight.data[i] += LOUD * hand.read("out", i)
    for position in range(n + 1):
        hand.model.transformer.wpe.weight.data[position] += hand.write("at", position)
    not_itself = (("one", 0, -2 * SHARP / CONSTANT), ("at", last, 1.0))
    match = [(("symbol", i, SHARP), ("symbol", i, 1.0)) for i in range(n)]
    hand.head(0, 1, [*match, not_itself], _copies("at", "where", n))
    back = [(("at", i, SHARP), ("at", i - RING_STEP, 1.0)) for i in range(RING_STEP, n)]
    hand.head(0, 3, back, _copies("symbol", "before", n))
    hand.head(0, 0, _to_position(n - 1), _copies("symbol", "near", n))
    onward = [(("where", i, SHARP), ("at", (i + RING_STEP) % n, 1.0)) for i in range(n)]
    hand.head(1, 2, onward, _copies("symbol", "out", n))
    hand.head(1, 0, [(("near", i, SHARP), ("before", i, 1.0)) for i in range(n)], [])
    neurons = [
        (("symbol", i), ("near", j), ("before", (i + j) % n)) for i in (0, 1) for j in range(n)
    ]
    hand.both(0, 0, neurons)
    hand.both(1, 0, neurons)
    return hand.finish(seed)
