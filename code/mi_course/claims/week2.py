"""Week 2: which heads continue a repeated text, what they read, and how far they are missed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import ablation, attribution, hooks, induction, ioi_data
from mi_course.claims import CANNOT_TELL, NO, YES, ClaimError, Finding, claim, shared
from mi_course.claims.evidence import beyond_control, equivalent, less_than, more_than
from mi_course.claims.prompts import templates
from mi_course.heads import ControlError, Head, draw_sets, strongest_first

if TYPE_CHECKING:
    from collections.abc import Iterable

    from transformer_lens.model_bridge import TransformerBridge

SEQ_LEN, SHORTER = 50, 20  # tokens that are repeated, as on the page
THRESHOLD = 0.5  # of attention on a diagonal, for a head that "mainly" looks there
N_DRAWS = 8  # other heads, one at a time, where there are so many


@dataclass(frozen=True)
class _Scores:
    """Attention on the three diagonals, for each prompt."""

    tokens: Int[Tensor, "batch pos"]
    induction: Float[Tensor, "layer batch head"]
    previous: Float[Tensor, "layer batch head"]
    duplicate: Float[Tensor, "layer batch head"]

    @property
    def found(self) -> list[Head]:
        """The induction heads, strongest first."""
        found = strongest_first(self.induction.mean(1), THRESHOLD)
        if not found:
            raise ClaimError(
                f"no head has a prefix-matching score of {THRESHOLD}: there is nothing to ablate"
            )
        return found

    @property
    def previous_head(self) -> Head:
        """The strongest previous-token head."""
        return strongest_first(self.previous.mean(1), 0)[0]

    def others(self, before: int | None = None) -> list[tuple[Head, ...]]:
        """Other heads, drawn one at a time; only of layers `before` that one, if it is given."""
        n_layers, _, n_heads = self.induction.shape
        layers = range(n_layers if before is None else before)
        known = {*self.found, self.previous_head}
        every = [(layer, head) for layer in layers for head in range(n_heads)]
        left = [head for head in every if head not in known]
        try:
            return draw_sets(left, size=1, n_draws=N_DRAWS, seed=0)
        except ControlError as error:
            raise ClaimError(str(error)) from error


@shared
def _scores(model: TransformerBridge, n: int, seed: int, seq_len: int) -> _Scores:
    tokens = induction.repeated_tokens(model, n, seq_len, seed=seed)
    patterns = hooks.attention_patterns(model, tokens)
    return _Scores(
        tokens,
        induction.prefix_matching_score(patterns, seq_len),
        induction.previous_token_score(patterns),
        induction.duplicate_token_score(patterns, seq_len),
    )


def _loss_without(
    model: TransformerBridge, tokens: Int[Tensor, "batch pos"], heads: Iterable[Head]
) -> Float[Tensor, "batch"]:
    """Loss on the second half of each prompt, in nats, with heads mean-ablated."""
    losses = induction.token_losses(ablation.ablate_heads(model, tokens, heads), tokens)
    return losses[:, losses.shape[1] // 2 + 1 :].mean(1)


@dataclass(frozen=True)
class _Costs:
    """What the second half loses without heads, in nats for each prompt."""

    together: Float[Tensor, "batch"]
    each: Float[Tensor, "head batch"]
    previous: Float[Tensor, "batch"]
    others: Float[Tensor, "draw batch"]
    drawn: list[tuple[Head, ...]]


@shared
def _costs(model: TransformerBridge, n: int, seed: int) -> _Costs:
    scores = _scores(model, n, seed, SEQ_LEN)
    clean = _loss_without(model, scores.tokens, [])

    def cost(heads: Iterable[Head]) -> Float[Tensor, "batch"]:
        return _loss_without(model, scores.tokens, heads) - clean

    drawn = scores.others()
    return _Costs(
        together=cost(scores.found),
        each=torch.stack([cost([head]) for head in scores.found]),
        previous=cost([scores.previous_head]),
        others=torch.stack([cost(heads) for heads in drawn]),
        drawn=drawn,
    )


@claim(
    "week2/repetition_is_used",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "The second half costs over one nat less than an even guess. Without the repetition "
        "no model can do that on average, since the ids are drawn evenly: this one uses it.",
        NO: "The second half does not cost one nat less than an even guess: this model makes "
        "little of the repetition.",
        CANNOT_TELL: "Whether the second half costs one nat less than an even guess, we cannot "
        "tell.",
    },
)
def repetition_is_used(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """How far the loss on the second half lies below that of an even guess over the ids."""
    low, high = induction.random_ids(model)
    tokens = induction.repeated_tokens(model, n, SEQ_LEN, seed=seed)
    losses = induction.token_losses(hooks.run_with_hooks(model, tokens, []), tokens)
    return more_than(math.log(high - low) - losses[:, SEQ_LEN + 1 :].mean(1), 1.0, unit="nats")


@claim(
    "week2/the_repeat_is_bet_on",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "The first repeated token costs less than an even guess. On average only a model that "
        "raises tokens which it has read can do that: this one bets.",
        NO: "The first repeated token costs at most {within} {unit} less than an even guess: this "
        "model bets little, if it bets.",
        CANNOT_TELL: "Whether the first repeated token costs less than an even guess, we cannot "
        "tell: an effect below {smallest} {unit} can stay hidden.",
    },
)
def the_repeat_is_bet_on(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """How far the loss of the first repeated token lies below that of an even guess."""
    low, high = induction.random_ids(model)
    tokens = induction.repeated_tokens(model, n, SEQ_LEN, seed=seed)
    losses = induction.token_losses(hooks.run_with_hooks(model, tokens, []), tokens)
    return more_than(math.log(high - low) - losses[:, SEQ_LEN], unit="nats", within=0.2)


@claim(
    "week2/no_head_looks_at_the_duplicate",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "No head of this model mainly looks there.",
        NO: "It mainly looks there.",
        CANNOT_TELL: "Whether it mainly looks there, we cannot tell.",
    },
)
def no_head_looks_at_the_duplicate(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The duplicate-token score of the head with the largest one."""
    score = _scores(model, n, seed, SEQ_LEN).duplicate
    layer, head = strongest_first(score.mean(1), 0)[0]
    return less_than(score[layer, :, head], THRESHOLD, unit="of its attention")


@claim(
    "week2/strongest_head_leads",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "The head that comes first on other prompts is ahead of the second here as well.",
        NO: "The head that comes first on other prompts is not ahead of the second here by as much "
        "as {within}: do not read their order.",
        CANNOT_TELL: "Which of the first two heads is the stronger, we cannot tell.",
    },
)
def strongest_head_leads(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The lead of the first head over the second, both named on other prompts than these."""
    named = strongest_first(_scores(model, n, seed + 500, SEQ_LEN).induction.mean(1), 0)[:2]
    first, second = (_scores(model, n, seed, SEQ_LEN).induction[i, :, j] for i, j in named)
    return more_than(first - second, unit="of their attention", within=0.01)


@claim(
    "week2/same_heads_on_other_prompts",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "On other prompts the same heads reach the threshold.",
        NO: "On other prompts other heads reach the threshold.",
        CANNOT_TELL: "One head is so near the threshold that other prompts may change the list.",
    },
)
def same_heads_on_other_prompts(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """How far the head nearest to the threshold stays on its side, where others named the sides."""
    above = _scores(model, n, seed + 500, SEQ_LEN).induction.mean(1) >= THRESHOLD
    scores = _scores(model, n, seed, SEQ_LEN).induction - THRESHOLD
    margins = torch.where(above[:, None], scores, -scores).transpose(0, 1).flatten(1)
    nearest = int(margins.mean(0).argmin())
    return more_than(margins[:, nearest], unit="of its attention")


@claim(
    "week2/score_stays_at_another_length",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "The score stays, give or take {within}: the head does not look a fixed number of "
        "tokens back.",
        NO: "The score changes by more than {within}: part of it belongs to this length.",
        CANNOT_TELL: "Whether the score stays within {within}, we cannot tell.",
    },
)
def score_stays_at_another_length(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """How the strongest head's score changes from 50 repeated tokens to 20.

    A head that looks a fixed number of tokens back would lose nearly all of it.
    """
    longer = _scores(model, n, seed, SEQ_LEN).induction
    shorter = _scores(model, n, seed + 2, SHORTER).induction
    layer, head = strongest_first(longer.mean(1), 0)[0]
    change = shorter[layer, :, head] - longer[layer, :, head]
    return equivalent(change, 0.2, unit="of its attention")


@claim(
    "week2/one_induction_head_is_missed",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "Losing one induction head costs more than losing one other head.",
        NO: "Losing one induction head costs at most {within} {unit} more than losing one other "
        "head.",
        CANNOT_TELL: "Whether one induction head is missed more than one other head, we cannot "
        "tell.",
    },
)
def one_induction_head_is_missed(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What one induction head costs, beyond what one other head does."""
    costs = _costs(model, n, seed)
    return beyond_control(costs.each, costs.others, costs.drawn, unit="nats", within=0.1)


@claim(
    "week2/induction_heads_cost_more_together",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "Together they cost over {bound} {unit} more than one by one, added up. Stand-ins "
        "would do that, and so would a loss near zero, which hides small damage.",
        NO: "Together they do not cost {bound} {unit} more than one by one, added up.",
        CANNOT_TELL: "Whether together they cost {bound} {unit} more than one by one, added up, we "
        "cannot tell.",
    },
)
def induction_heads_cost_more_together(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What all induction heads cost together, less the sum of what each of them costs alone."""
    costs = _costs(model, n, seed)
    return more_than(costs.together - costs.each.sum(0), 0.5, unit="nats")


@claim(
    "week2/previous_token_head_is_missed",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "Losing the previous-token head alone costs over one nat more than losing one "
        "other head: it has no full stand-in.",
        NO: "Losing the previous-token head does not cost one nat more than losing one other head.",
        CANNOT_TELL: "Whether losing the previous-token head costs one nat more than losing "
        "one other head, we cannot tell.",
    },
)
def previous_token_head_is_missed(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """What the strongest previous-token head costs, beyond what one other head does."""
    costs = _costs(model, n, seed)
    return beyond_control(costs.previous, costs.others, costs.drawn, unit="nats", bound=1.0)


@claim(
    "week2/induction_reads_the_previous_token_head",
    doc="week2/02_induction_heads",
    n=10,
    of="prompts",
    sentences={
        YES: "The score falls by over {bound} more than without one other earlier head: the "
        "pattern depends on what the previous-token head writes.",
        NO: "The score does not fall by {bound} more than without one other earlier head.",
        CANNOT_TELL: "Whether the score falls by {bound} more than without one other earlier head, "
        "we cannot tell.",
    },
)
def induction_reads_the_previous_token_head(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """How far the strongest score falls without the previous-token head, beyond other heads."""
    scores = _scores(model, n, seed, SEQ_LEN)
    layer, head = scores.found[0]

    def fall(heads: Iterable[Head]) -> Float[Tensor, "batch"]:
        silence = ablation.ablation_hooks(model, scores.tokens, heads)
        patterns = hooks.attention_patterns(model, scores.tokens, silence)
        after = induction.prefix_matching_score(patterns, SEQ_LEN)
        return (scores.induction - after)[layer, :, head]

    drawn = scores.others(before=layer)
    control = torch.stack([fall(heads) for heads in drawn])
    previous = fall([scores.previous_head])
    return beyond_control(previous, control, drawn, unit="of its attention", bound=0.2)


@claim(
    "week2/best_writer_is_an_induction_head",
    doc="week2/01_transformerlens",
    n=48,
    of="prompts",
    sentences={
        YES: "This head is an induction head as well: on random tokens, written twice, more than "
        "half of its attention is on the token after the match.",
        NO: "This head is no induction head: on random tokens, written twice, less than half of "
        "its attention is on the token after the match.",
        CANNOT_TELL: "Whether this head is an induction head as well, we cannot tell.",
    },
    templates=True,
)
def best_writer_is_an_induction_head(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The prefix-matching score of the head that writes the answer to IOI."""
    batch = ioi_data.dataset(model.tokenizer, n, seed, templates(held_out)).clean
    writes = attribution.direct_effects(model, batch).heads.mean(0)
    layer, head = divmod(int(writes.argmax()), model.cfg.n_heads)
    score = _scores(model, n, seed, SEQ_LEN).induction[layer, :, head]
    return more_than(score, THRESHOLD, unit="of its attention", within=0.01)
