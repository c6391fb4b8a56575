"""A circuit found by its effects: classes of heads, and how well they alone explain the model.

The classes are those of Wang et al. 2022 (arXiv:2211.00593), told apart by what a head does and by
nothing that is particular to one model: which heads they are is measured, not written here. What
the paper found for GPT-2 small is in `PAPER_CLASSES`, to stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mi_course import ablation, ioi
from mi_course.heads import Head, strongest_first

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
) -> Float[Tensor, "batch"]:
    """Logit difference with every head knocked out but these: the F(C) of the paper's section 4.

    MLPs, embeddings and LayerNorms stay, as in the paper.

    Args:
        model: in compatibility mode.
        batch: the prompts.
        heads: the circuit C.
        by: what stands in a head's place, for instance its mean over pABC.
        without: heads K that are knocked out of the circuit too, for F(C without K).
    """
    kept = [head for head in heads if head not in (without or [])]
    others = ablation.all_heads_but(model, kept)
    return ablation.knock_out(model, batch.tokens, batch.answers, heads=others, by=by)


def half_width(values: Float[Tensor, "batch"]) -> float:
    """Half of the 95 % interval of a mean over prompts: 1.96 standard errors."""
    return 1.96 * (values.std() / torch.tensor(len(values)).sqrt()).item()
