"""Three kinds of prompts on which a change to a model is measured: one number for each prompt.

IOI, repeated random tokens, and plain sentences ask for different things of a model: naming the
right person, copying, and continuing text. Prompts of one kind are equally long, so that positions
can be compared, averaged and exchanged.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import hooks, induction, ioi, renamed
from mi_course.english import corpus

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

__getattr__ = renamed.attributes(__name__, {"repeated_tokens": "repeated_token_prompts"})


@dataclass(frozen=True)
class PromptSet:
    """Prompts and how well a model does on each.

    Attributes:
        name: what they are.
        tokens: BOS first, no padding.
        unit: of the measure: `logit difference`, or `loss (nats)`.
        measure: from logits to one number for each prompt.
        higher_is_better: true for a logit difference, false for a loss.
    """

    name: str
    tokens: Int[Tensor, "batch pos"]
    unit: str
    measure: Callable[[Tensor], Float[Tensor, "batch"]]
    higher_is_better: bool = False

    @property
    def harm_unit(self) -> str:
        """The unit of `harm`: logits or nats."""
        return "logits" if self.higher_is_better else "nats"

    def value(
        self, model: TransformerBridge, changes: list[tuple[str, hooks.Hook]] | None = None
    ) -> Float[Tensor, "batch"]:
        """The measure of each prompt, with the hooks in `changes` at work."""
        return self.measure(hooks.run_with_hooks(model, self.tokens, changes or [])).cpu()

    def harm(
        self, before: Float[Tensor, "*draw batch"], after: Float[Tensor, "*draw batch"]
    ) -> Float[Tensor, "*draw batch"]:
        """How much worse `after` is than `before`, prompt by prompt; negative where better."""
        return before - after if self.higher_is_better else after - before


def ioi_prompts(
    model: TransformerBridge, count: int, seed: int, template: str = ioi.P8_FORM
) -> PromptSet:
    """One template with names, places and objects drawn anew; measured by the logit difference."""
    prompts = ioi.prompts(count, seed, templates=[template], tokenizer=model.tokenizer)
    batch = ioi.tokenize(model.tokenizer, prompts)
    return PromptSet(
        "IOI",
        batch.tokens,
        "logit difference",
        lambda logits: ioi.logit_diff(logits, batch),
        higher_is_better=True,
    )


def repeated_token_prompts(
    model: TransformerBridge, count: int, seed: int, half: int = 30
) -> PromptSet:
    """`half` random tokens, twice; measured by the loss on the second half without its first."""
    tokens = induction.repeated_tokens(model, count, half, seed)
    return PromptSet(
        "repeated tokens",
        tokens,
        "loss (nats)",
        lambda logits: induction.token_losses(logits, tokens)[:, half + 1 :].mean(1),
    )


def plain_sentences(model: TransformerBridge, count: int, seed: int, length: int = 40) -> PromptSet:
    """Sentences of the course's grammar, cut at `length` tokens; measured by the mean loss.

    They are drawn anew, with a seed that training does not use. `pocket` was trained on this
    grammar; to GPT-2 they are plain English.
    """
    rng = random.Random(seed)

    def encode(text: str) -> list[int]:
        return list(model.tokenizer.encode(text, add_special_tokens=False))

    bos = model.tokenizer.bos_token_id
    rows = [[bos, *corpus.text_document(rng, length, encode)] for _ in range(count)]
    tokens = torch.tensor(rows)
    return PromptSet(
        "plain sentences",
        tokens,
        "loss (nats)",
        lambda logits: induction.token_losses(logits, tokens).mean(1),
    )
