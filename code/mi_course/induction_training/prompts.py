"""Random tokens that repeat, with a period of each prompt's own, and what is measured on them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course.induction_training.model import Sizes


def repeat_blocks(
    tokens: Int[Tensor, "batch length"], periods: Int[Tensor, "batch"], bos: int
) -> Int[Tensor, "batch 1+length"]:
    """BOS, then the first tokens of each row, as many as its period says, again and again."""
    source = torch.arange(tokens.shape[1]) % periods[:, None]
    first = tokens.new_full((len(tokens), 1), bos)
    return torch.cat([first, tokens.gather(1, source)], dim=1)


def draw(
    sizes: Sizes, periods: Int[Tensor, "batch"], generator: torch.Generator
) -> Int[Tensor, "batch n_ctx"]:
    """One prompt of the model's whole context for each period."""
    shape = (len(periods), sizes.n_ctx - 1)
    tokens = torch.randint(sizes.n_tokens, shape, generator=generator)
    return repeat_blocks(tokens, periods, sizes.bos)


def test_prompts(sizes: Sizes, period: int, n_prompts: int, seed: int) -> Int[Tensor, "batch pos"]:
    """Prompts of one period; `seed` and period decide them."""
    generator = torch.Generator().manual_seed(1000 * seed + period)
    return draw(sizes, torch.full((n_prompts,), period), generator)


def matching_keys(tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch query key"]:
    """1 where the token before the key is the query's token, and the key is not later; else 0."""
    before_key = torch.cat([tokens.new_full((len(tokens), 1), -1), tokens[:, :-1]], dim=1)
    return (tokens[:, :, None] == before_key[:, None, :]).tril().float()


def matching_attention(
    pattern: Float[Tensor, "*heads batch query key"], tokens: Int[Tensor, "batch pos"]
) -> Float[Tensor, "*heads"]:
    """Mean attention to what came after earlier occurrences of the query's token.

    The mean runs over all queries whose token occurred before. Unlike the prefix-matching score of
    `mi_course.induction` it asks for no period; where a token recurs within its block by chance,
    those places count too.
    """
    matches = matching_keys(tokens)
    queries = matches.any(-1)
    return (pattern * matches).sum(-1)[..., queries].mean(-1)


def loss_by_repeat(losses: Float[Tensor, "batch length"], period: int) -> Float[Tensor, "repeat"]:
    """Mean loss of each repeat of a block, the last one too where it is cut short."""
    return torch.stack([repeat.mean() for repeat in losses.split(period, dim=1)])


def known_losses(losses: Float[Tensor, "batch length"], period: int) -> Float[Tensor, "batch"]:
    """Each prompt's mean loss from the second token of the second repeat on.

    The second repeat's first token is left out: nothing in the prompt says that a block has ended.
    """
    return losses[:, period + 1 :].mean(1)


def spread(periods: Sequence[int], batch: int, generator: torch.Generator) -> Int[Tensor, "batch"]:
    """A period for each prompt, drawn evenly."""
    return torch.tensor(periods)[torch.randint(len(periods), (batch,), generator=generator)]
