"""How straight the way from a corrupted run to a clean one is, as a whole and with parts held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jaxtyping import Float, Int
from torch import Tensor

from mi_course import hooks, ioi
from mi_course.gradient_patching.nodes import held

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

EMBEDDING = "hook_embed"
STEP = 0.01
"""The share of the way by which the slope at its beginning is measured."""


class Way:
    """The way of one activation, while what stands at some hook points is held.

    Held is what the corrupted run has there: what changes on the way cannot change that.

    Attributes:
        point: the hook point whose activation walks.
        start, end: what stands there in the corrupted run and in the clean one.
    """

    def __init__(
        self,
        model: TransformerBridge,
        clean: ioi.Batch,
        corrupted: Int[Tensor, "batch pos"],
        point: str = EMBEDDING,
        holding: Sequence[str] = (),
    ) -> None:
        """Args: point: whose activation goes from corrupted to clean. holding: what is held."""
        _, before = hooks.run_with_cache(model, corrupted, [point, *holding])
        _, after = hooks.run_with_cache(model, clean.tokens, [point])
        self.model, self.clean, self.corrupted, self.point = model, clean, corrupted, point
        self.start, self.end = before[point], after[point]
        self._held = [held(name, before[name]) for name in holding]

    def run(self, pairs: list[tuple[str, Any]]) -> Float[Tensor, "batch"]:
        """The logit difference of the corrupted run with hooks, beside those that hold."""
        logits = hooks.run_with_hooks(self.model, self.corrupted, [*pairs, *self._held])
        return ioi.logit_diff(logits, self.clean)

    def at(self, share: float) -> Float[Tensor, "batch"]:
        """The logit difference with the activation that share of the way."""
        mixed = self.start + share * (self.end - self.start)
        return self.run([held(self.point, mixed)])

    def missed(self) -> Float[Tensor, "batch"]:
        """What a straight line from the beginning misses at the end, in logits: end minus line."""
        start = self.at(0.0)
        return (self.at(1.0) - start) - (self.at(STEP) - start) / STEP
