"""A circuit found by its effects: classes of heads, and how well they alone explain the model.

`find` takes the steps of the chapter on figure 3 in one go; `keep_only` asks what the circuit does
alone, `random_circuits` what as many other heads do, and `self_repair` what becomes of the logit
difference when heads are gone.

The classes are those of Wang et al. 2022 (arXiv:2211.00593), told apart by what a head does and by
nothing that is particular to one model: which heads they are is measured, not written here. What
the paper found for GPT-2 small is in `PAPER_CLASSES`, to stand beside it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import ablation, attribution, ioi, ioi_data, path_patching
from mi_course import folded as folded_pass
from mi_course.folded import Folded
from mi_course.heads import Head, strongest_first
from mi_course.microbatches import microbatches

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

PAPER_CLASSES: dict[str, tuple[Head, ...]] = {
    "name mover": ((9, 9), (9, 6), (10, 0)),
    "backup name mover": (
        *((9, 0), (9, 7), (10, 1), (10, 2)),
        *((10, 6), (10, 10), (11, 2), (11, 9)),
    ),
    "negative name mover": ((10, 7), (11, 10)),
    "S-inhibition": ((7, 3), (7, 9), (8, 6), (8, 10)),
    "induction": ((5, 5), (6, 9), (5, 8), (5, 9)),
    "duplicate token": ((0, 1), (3, 0), (0, 10)),
    "previous token": ((2, 2), (4, 11)),
}
"""The 26 heads of GPT-2 small, by class (figure 2 and appendix C of the paper)."""


@dataclass(frozen=True)
class Found:
    """Heads of a model by what they do on IOI; each list strongest first.

    Attributes:
        movers: their direct path to the logits helps the right name, and from END they look at IO.
        writers: their direct path helps, and they look elsewhere.
        negative: their direct path hurts.
        guides: the queries of the movers depend on them.
    """

    movers: list[Head]
    writers: list[Head]
    negative: list[Head]
    guides: list[Head]

    @property
    def heads(self) -> list[Head]:
        """All of them, each once, in order of layer and head."""
        return sorted({*self.movers, *self.writers, *self.negative, *self.guides})


@dataclass(frozen=True)
class SelfRepair:
    """What heads wrote, what is lost without them, and what makes up for the rest.

    Each in logits, one number for each prompt. Exactly, `written - lost` is the sum of the last
    four.

    Attributes:
        written: the heads' direct effect in the whole model.
        lost: by how much the logit difference falls without them.
        replacements: what the activations in their place write towards the answer.
        heads: by how much the other heads write more, at the old scale of the final LayerNorm.
        mlps: the same for the MLPs.
        rescaling: what the final LayerNorm adds by dividing all of it by another number.
    """

    written: Float[Tensor, "batch"]
    lost: Float[Tensor, "batch"]
    replacements: Float[Tensor, "batch"]
    heads: Float[Tensor, "batch"]
    mlps: Float[Tensor, "batch"]
    rescaling: Float[Tensor, "batch"]

    @property
    def made_up_for(self) -> Float[Tensor, "batch"]:
        """How much less is lost than the heads wrote."""
        return self.written - self.lost


def find(model: TransformerBridge, data: ioi_data.Dataset, threshold: float = 10.0) -> Found:
    """The circuit by two thresholds: a direct effect, and one through the movers' queries at END.

    Args:
        model: in compatibility mode.
        data: prompts with their pABC counterparts.
        threshold: percent of the mean logit difference, for both.

    Raises:
        ValueError: no head is a mover; see `sort_writers`.
    """
    clean, new = data.clean, data.abc.tokens
    before = ioi.model_logit_diff(model, clean.tokens, clean.answers)
    direct = path_patching.to_logits(model, clean.tokens, new, clean.answers)
    change = path_patching.relative_change(direct, before)
    attention = attribution.end_attention(model, clean)
    at_s = (attention.s1 + attention.s2).mean(0)
    movers, writers, negative = sort_writers(change, attention.io.mean(0), at_s, threshold)
    queries = path_patching.to_heads(
        model, clean.tokens, new, clean.answers, movers, "q", positions=clean.end
    )
    guides = strongest_first(-path_patching.relative_change(queries, before), threshold)
    return Found(movers, writers, negative, guides)


def sort_writers(
    change: Float[Tensor, "layer head"],
    at_io: Float[Tensor, "layer head"],
    at_s: Float[Tensor, "layer head"],
    threshold: float,
) -> tuple[list[Head], list[Head], list[Head]]:
    """Movers, other writers and negative heads, by their direct effect and where they look.

    Args:
        change: of the logit difference when the direct path is patched, in percent: negative where
            the head helps (`path_patching.relative_change`).
        at_io: mean attention from END to IO.
        at_s: the same to both mentions of S together.
        threshold: the least change that counts, in percent.

    Raises:
        ValueError: no head is a mover; names the largest drop.
    """
    helping = strongest_first(-change, threshold)
    movers = [head for head in helping if at_io[head] > at_s[head]]
    if not movers:
        layer, head = divmod(int(change.argmin()), change.shape[1])
        raise ValueError(
            f"no head is a name mover: none costs {threshold:g} % or more and looks at IO more "
            f"than at S. The largest drop is {-change.min():.2g} % (head {layer}.{head}). Lower "
            "the threshold, or conclude that this model has no name movers."
        )
    writers = [head for head in helping if head not in movers]
    return movers, writers, strongest_first(change, threshold)


def keep_only(
    model: TransformerBridge,
    batch: ioi.Batch,
    heads: list[Head],
    by: ablation.Replacement,
    without: list[Head] | None = None,
    at_end: bool = False,
) -> Float[Tensor, "batch"]:
    """Logit difference with every head knocked out but these: the F(C) of the paper's section 4.

    MLPs, embeddings and LayerNorms stay, as in the paper. The paper's nodes are heads at positions
    (section 2.1); here a head is kept at all of them, or with `at_end` at END alone.

    Args:
        model: in compatibility mode.
        batch: the prompts.
        heads: the circuit C.
        by: what stands in a head's place, for instance its mean over pABC.
        without: heads K that are knocked out of the circuit too, for F(C without K).
        at_end: keep what the heads write at END, and knock them out at every other position.
    """
    kept = [head for head in heads if head not in (without or [])]
    others = ablation.all_heads_but(model, kept)
    return ablation.knock_out(
        model,
        batch.tokens,
        batch.answers,
        heads=others,
        by=by,
        before_end=kept if at_end else (),
    )


def random_circuits(
    model: TransformerBridge, heads: Sequence[Head], count: int, seed: int
) -> list[list[Head]]:
    """Other sets of as many heads, all different: a control for `keep_only`.

    Args:
        model: whose heads are drawn from.
        heads: the circuit that they are to be compared with; never drawn itself.
        count: how many sets; all that there are, where these are fewer.
        seed: of the drawing.
    """
    everyone, size = ablation.all_heads_but(model, []), len(heads)
    rng, itself = random.Random(seed), set(heads)
    if comb(len(everyone), size) <= 10 * count:
        every = [list(some) for some in combinations(everyone, size) if set(some) != itself]
        return rng.sample(every, min(count, len(every)))
    drawn: dict[frozenset[Head], list[Head]] = {}
    while len(drawn) < count:
        some = sorted(rng.sample(everyone, size))
        if set(some) != itself:
            drawn[frozenset(some)] = some
    return list(drawn.values())


@torch.no_grad()
def self_repair(
    model: TransformerBridge,
    batch: ioi.Batch,
    heads: Sequence[Head],
    tokens: Int[Tensor, "batch pos"],
    batch_size: int = 25,
) -> SelfRepair:
    """Splits what is made up for when heads are resampled from other prompts.

    Args:
        model: in compatibility mode.
        batch: the prompts.
        heads: are replaced together, at every position.
        tokens: the other prompts, row by row, for instance their pABC counterparts.
        batch_size: prompts at a time.
    """
    folded = folded_pass.of(model)
    found = torch.empty(6, len(batch))
    for microbatch in microbatches(batch.tokens, tokens, batch.answers, batch_size):
        mine, other = (microbatch.of(some) for some in (batch.tokens, tokens))
        before = _at_end(folded, mine, heads, None)
        after = _at_end(folded, mine, heads, folded.run(other).z)
        answers = batch.answers[microbatch.rows]
        towards = (folded.w_u[:, answers.right] - folded.w_u[:, answers.wrong]).T
        found[:, microbatch.rows] = torch.stack(_split(folded, before, after, towards)).cpu()
    return SelfRepair(*found)


class _AtEnd(NamedTuple):
    """What some heads, the other heads and the MLPs write at END, and the stream there."""

    some: Float[Tensor, "batch d_model"]
    others: Float[Tensor, "batch d_model"]
    mlps: Float[Tensor, "batch d_model"]
    stream: Float[Tensor, "batch d_model"]


def _at_end(
    folded: Folded,
    tokens: Int[Tensor, "batch pos"],
    heads: Sequence[Head],
    new_z: list[Float[Tensor, "batch head pos d_head"]] | None,
) -> _AtEnd:
    """One run, in which the heads write `new_z`, if there is one."""
    x = folded.embed(tokens)
    some, others, mlps = (torch.zeros_like(x[:, -1]) for _ in range(3))
    for layer in range(len(folded.blocks)):
        these = [head for i, head in heads if i == layer]
        z = folded_pass.attend(*folded.qkv(layer, x)).clone()
        if new_z is not None:
            z[:, these] = new_z[layer][:, these]
        at_end = folded.head_outputs(layer, z[:, :, -1:], slice(None))  # head batch 1 d_model
        written = at_end[:, :, 0]
        some += written[these].sum(0)
        others += written.sum(0) - written[these].sum(0)
        x = x + folded.output(layer, z)
        mlp = folded.mlp(layer, x)
        mlps += mlp[:, -1]
        x = x + mlp
    return _AtEnd(some, others, mlps, x[:, -1])


def _split(
    folded: Folded, before: _AtEnd, after: _AtEnd, towards: Float[Tensor, "batch d_model"]
) -> list[Float[Tensor, "batch"]]:
    """The fields of `SelfRepair`, in their order."""

    def logits(vector: Tensor, scale: Tensor) -> Tensor:
        return (vector * towards).sum(1) / scale

    # by what the norm divides; where that is LayerNorm, a folded model's streams have mean 0
    old, new = (
        run.stream.norm(dim=1) / folded.normal(run.stream).norm(dim=1) for run in (before, after)
    )
    return [
        logits(before.some, old),
        logits(before.stream, old) - logits(after.stream, new),
        logits(after.some, old),
        logits(after.others - before.others, old),
        logits(after.mlps - before.mlps, old),
        logits(after.stream, new) - logits(after.stream, old),
    ]


def half_width(values: Float[Tensor, "batch"]) -> float:
    """Half of the 95 % interval of a mean over prompts: 1.96 standard errors."""
    return 1.96 * (values.std() / torch.tensor(len(values)).sqrt()).item()
