"""What `pocket` can do and how, measured from its files: the numbers of its card and of its tests.

IOI is measured on templates and pairs of names that never occurred in training, repeats on tokens
drawn with a seed that training does not use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mi_course import ablation, attribution, copying, induction, ioi
from mi_course.heads import Head, strongest_first

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


@dataclass(frozen=True)
class HeadReport:
    """One head on IOI prompts.

    Attributes:
        head: layer and head, from 0.
        effect: mean direct effect on the logit difference.
        io, s1, s2: mean attention probability from END.
        copies: copy score.
        correlation: attention against projection, as in figure 3(c) of the IOI paper.
        knocked_out: mean logit difference on prompts of `ioi.P8_FORM` with this head mean-ablated.
    """

    head: Head
    effect: float
    io: float
    s1: float
    s2: float
    copies: float
    correlation: float
    knocked_out: float

    @property
    def is_name_mover(self) -> bool:
        """In the paper's sense: from END half of the attention is on IO, which it copies."""
        looks = self.io >= 0.5 and self.io > self.s1 + self.s2
        return looks and self.effect > 0 and self.copies >= 0.8 and self.correlation > 0.7


@dataclass(frozen=True)
class Quality:
    """Measured figures; losses in nats, attention as probability, logits as they are.

    Attributes:
        repeat_loss: loss on the second half of repeated random tokens, from its second token.
        prefix_matching: the best prefix-matching score of a head, and which head.
        accuracy, logit_diff: on IOI prompts.
        p_io: mean probability of the right name.
        form_logit_diff: mean logit difference on 500 prompts of `ioi.P8_FORM`.
        top3_share: of the logit difference, what the three strongest heads write directly.
        heads: the strongest heads by size of direct effect.
    """

    repeat_loss: float
    prefix_matching: float
    induction_head: Head
    accuracy: float
    logit_diff: float
    p_io: float
    form_logit_diff: float
    top3_share: float
    heads: tuple[HeadReport, ...]

    @property
    def name_movers(self) -> tuple[HeadReport, ...]:
        """Those of `heads` that are name movers, strongest first."""
        return tuple(head for head in self.heads if head.is_name_mover)


def measure(model: TransformerBridge, n_prompts: int = 1000, seed: int = 7) -> Quality:
    """All figures of a model in compatibility mode, on `n_prompts` held-out IOI prompts."""
    loss, scores = _repeats(model, seed)
    best = strongest_first(scores, float(scores.max()))[0]
    prompts = ioi.prompts(n_prompts, seed, tokenizer=model.tokenizer)
    batch = ioi.tokenize(model.tokenizer, prompts)
    with torch.no_grad():
        logits = model(batch.tokens)
    rows = torch.arange(n_prompts)
    logit_diff = ioi.logit_diff(logits, batch)
    effects = attribution.direct_effects(model, batch)
    return Quality(
        repeat_loss=loss,
        prefix_matching=float(scores[best]),
        induction_head=best,
        accuracy=(logit_diff > 0).float().mean().item(),
        logit_diff=logit_diff.mean().item(),
        p_io=logits[rows, batch.end].softmax(-1)[rows, batch.io].mean().item(),
        form_logit_diff=_form_logit_diff(model, seed, []),
        top3_share=effects.top_share(3),
        heads=head_reports(model, batch, effects, seed),
    )


def head_reports(
    model: TransformerBridge,
    batch: ioi.Batch,
    effects: attribution.Effects,
    seed: int,
    count: int = 6,
) -> tuple[HeadReport, ...]:
    """The `count` heads with the largest mean direct effect, of either sign."""
    attention = attribution.end_attention(model, batch)
    projections = attribution.name_projections(model, batch)
    copies = copying.copy_scores(model, batch)
    mean = effects.heads.mean(0)
    heads = [divmod(i, mean.shape[1]) for i in mean.flatten().abs().topk(count).indices.tolist()]
    return tuple(
        HeadReport(
            head=(layer, head),
            effect=mean[layer, head].item(),
            io=attention.io[:, layer, head].mean().item(),
            s1=attention.s1[:, layer, head].mean().item(),
            s2=attention.s2[:, layer, head].mean().item(),
            copies=copies[layer, head].item(),
            correlation=attribution.attention_projection_correlation(
                attention, projections, layer, head
            ),
            knocked_out=_form_logit_diff(model, seed, [(layer, head)]),
        )
        for layer, head in heads
    )


def _form_logit_diff(model: TransformerBridge, seed: int, ablated: list[Head]) -> float:
    """Mean logit difference on prompts of one length, with some heads mean-ablated."""
    prompts = ioi.prompts(500, seed, templates=[ioi.P8_FORM], tokenizer=model.tokenizer)
    batch = ioi.tokenize(model.tokenizer, prompts)
    logits = ablation.ablate_heads(model, batch.tokens, ablated)
    return ioi.logit_diff(logits, batch).mean().item()


@torch.no_grad()
def _repeats(model: TransformerBridge, seed: int) -> tuple[float, torch.Tensor]:
    """Loss on the second half of 50 × 2 × 50 random tokens, and every head's prefix matching."""
    tokens = induction.repeated_tokens(model, n_prompts=50, seq_len=50, seed=seed)
    logits, cache = model.run_with_cache(
        tokens, names_filter=lambda name: name.endswith("hook_pattern")
    )
    patterns = [cache[f"blocks.{i}.attn.hook_pattern"].mean(0) for i in range(model.cfg.n_layers)]
    _, second = induction.losses_by_half(induction.token_losses(logits, tokens))
    return second.item(), induction.prefix_matching_score(torch.stack(patterns), 50)
