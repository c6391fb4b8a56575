"""What is measured while `pocket` is trained: one row of its log."""

from __future__ import annotations

from typing import TypeAlias

import torch
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from mi_course import induction, ioi

Row: TypeAlias = dict[str, float]


class Metrics:
    """What is measured while training, on prompts fixed at the start."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, n_prompts: int = 64) -> None:
        generator = torch.Generator().manual_seed(1)
        size = (n_prompts, 30)
        half = torch.randint(1, len(tokenizer), size, generator=generator)
        self.repeats = torch.cat([torch.zeros_like(half[:, :1]), half, half], dim=1)
        self.seq_len = size[1]
        self.ioi = ioi.tokenize(tokenizer, ioi.prompts(2 * n_prompts, seed=1))

    @torch.no_grad()
    def measure(self, model: GPT2LMHeadModel) -> Row:
        """Losses on repeated tokens in nats, IOI score, and each head's prefix-matching score."""
        model.eval()
        out = model(self.repeats, output_attentions=True)
        losses = induction.token_losses(out.logits, self.repeats)
        first, second = induction.losses_by_half(losses)
        patterns = torch.stack(out.attentions).mean(1)
        scores = induction.prefix_matching_score(patterns, self.seq_len)
        logit_diff = ioi.logit_diff(model(self.ioi.tokens).logits, self.ioi)
        model.train()
        row = {
            "loss_first_half": first.item(),
            "loss_second_half": second.item(),
            "ioi_logit_diff": logit_diff.mean().item(),
            "ioi_accuracy": (logit_diff > 0).float().mean().item(),
        }
        return row | {
            f"prefix_matching_{layer}.{head}": score.item()
            for layer, heads in enumerate(scores)
            for head, score in enumerate(heads)
        }
