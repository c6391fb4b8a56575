"""The circuits that claims are about: found on prompts that judge nothing.

Prompts that chose a head speak for it. So every draw finds the circuit by the rules of week 3 on
prompts of its own, from the pages' templates, and the claim is judged on others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

from mi_course import circuit, ioi_data
from mi_course.claims.finding import ClaimError, shared
from mi_course.claims.prompts import templates
from mi_course.heads import Head

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

THRESHOLD = 10.0  # percent of the logit difference, as on the page
FOUND_ON = 120  # prompts
APART = 500  # their seed, from the draw's


@shared
def found(model: TransformerBridge, seed: int) -> circuit.Found:
    """Movers, guides and others of this draw.

    Raises:
        ClaimError: no head is a mover by the page's rule.
    """
    data = ioi_data.dataset(model.tokenizer, FOUND_ON, seed + APART)
    try:
        return circuit.find(model, data, THRESHOLD)
    except ValueError as error:
        raise ClaimError(str(error)) from error


def guides(model: TransformerBridge, seed: int) -> list[Head]:
    """The heads that the movers' queries depend on.

    Raises:
        ClaimError: there are none.
    """
    if heads := found(model, seed).guides:
        return heads
    raise ClaimError(
        f"no head changes the logit difference by {THRESHOLD:g} % through the movers' queries"
    )


@shared
def dataset(model: TransformerBridge, n: int, seed: int, held_out: bool) -> ioi_data.Dataset:
    """The prompts of the chapter on figure 3, in all templates."""
    return ioi_data.dataset(model.tokenizer, n, seed, templates(held_out))


def n_heads(model: TransformerBridge) -> int:
    """How many heads the one that is judged was chosen from."""
    return int(model.cfg.n_layers * model.cfg.n_heads)


def largest(values: Float[Tensor, "batch *rest"]) -> Float[Tensor, "batch"]:
    """Those whose mean is farthest from zero, turned so that it lies above."""
    by_kind = values.flatten(1)
    means = by_kind.mean(0)
    most = int(means.abs().argmax())
    return by_kind[:, most] * means[most].sign()
