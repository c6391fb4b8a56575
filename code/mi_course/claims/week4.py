"""Week 4: do the MLPs miss the position in what they read?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

from mi_course import ioi, position_study, prompt_sets
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, claim, shared
from mi_course.claims.evidence import beyond_control
from mi_course.claims.prompts import template

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

N_RANDOM = 8  # subspaces drawn at random, for each draw of prompts


@shared
def _ioi_harm(
    model: TransformerBridge, n: int, seed: int, held_out: bool
) -> dict[str, Float[Tensor, "draw batch"]]:
    """What the MLPs' loss of each kind of subspace costs on IOI, in logits."""
    form = template(ioi.P8_FORM, seed, held_out)
    prompts = prompt_sets.ioi_prompts(model, n, seed, form)
    before = prompts.value(model)
    after = position_study.compare(model, prompts, "MLPs", n_random=N_RANDOM, seed=seed)
    return {kind: prompts.harm(before, values) for kind, values in after.items()}


@claim(
    "week4/position_costs_mlps_more_on_ioi",
    doc="week4/02_positional_embeddings",
    n=96,
    of="prompts",
    sentences={
        YES: "On IOI the MLPs miss the position more than random directions.",
        NO: "On IOI the position costs the MLPs at most {within} {unit} more than random "
        "directions.",
        CANNOT_TELL: "On IOI we cannot tell whether the MLPs miss the position: an effect below "
        "{smallest} {unit} would stay hidden.",
    },
    templates=True,
    needs={"positions": "learned"},
)
def position_costs_mlps_more_on_ioi(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The harm of losing the position, beyond that of losing as many random directions."""
    harm = _ioi_harm(model, n, seed, held_out)
    drawn = range(N_RANDOM)
    return beyond_control(harm["position"], harm["random"], drawn, unit="logits", within=0.1)
