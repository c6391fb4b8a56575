"""Train the small model on repeated tokens, and measure it on the way.

Each recipe was fixed before the runs that ship, the held-out period too; no run was left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from mi_course.induction import previous_token_score, token_losses
from mi_course.induction_training import prompts
from mi_course.induction_training.model import AttentionOnly, Sizes

BATCH_SIZE = 64
LEARNING_RATE = 3e-3
BETAS = (0.9, 0.98)
TEST_SEED = 7
N_TEST = 64
TRAINED, HELD_OUT = 8, 11
"""The periods that runs are tested on: every recipe trains on the first, none on the second."""

Repeat = Callable[..., Int[Tensor, "batch pos"]]


@dataclass(frozen=True)
class Recipe:
    """What a model is trained on, and for how long.

    Attributes:
        name: as in the log.
        periods: of the prompts, drawn evenly.
        n_layers: of the model.
        steps: of the optimizer.
        every: steps between two measurements.
    """

    name: str
    periods: tuple[int, ...]
    n_layers: int = 2
    steps: int = 400
    every: int = 10

    @property
    def sizes(self) -> Sizes:
        """The sizes of its model."""
        return Sizes(n_layers=self.n_layers)


MANY = tuple(period for period in range(5, 17) if period != HELD_OUT)
ONE_PERIOD = Recipe("one period", (TRAINED,))
MANY_PERIODS = Recipe("many periods", MANY)
ONE_LAYER = Recipe("one layer", MANY, n_layers=1, steps=1200, every=30)
RECIPES = (ONE_PERIOD, MANY_PERIODS, ONE_LAYER)


@dataclass(frozen=True)
class Point:
    """What a model could do at one step, on prompts of one period.

    Attributes:
        step: of training; 0 is the untrained model.
        period: of the test prompts.
        first: mean loss of the first block, in nats, which nothing predicts.
        known: mean loss from the second token of the second repeat on.
        matching: for each head the attention to matching keys (`prompts.matching_attention`).
        looks_back: for each head the mean attention to the position before.
    """

    step: int
    period: int
    first: float
    known: float
    matching: Float[Tensor, "layer head"]
    looks_back: Float[Tensor, "layer head"]


def train(
    recipe: Recipe,
    seed: int,
    repeat: Repeat = prompts.repeat_blocks,
    progress: bool = True,
    measure: bool = True,
) -> tuple[AttentionOnly, list[Point]]:
    """Train a model from its first step to its last, with one thread.

    Args:
        recipe: what to train on.
        seed: of the weights and of the prompts.
        repeat: makes prompts of random tokens, periods and the id of BOS, as `repeat_blocks` does.
        progress: show a progress bar on stderr.
        measure: whether to measure every so many steps, as the recipe says.

    Returns:
        The model, and what was measured on the way.
    """
    model = AttentionOnly(recipe.sizes, seed)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, betas=BETAS)
    generator = torch.Generator().manual_seed(seed)
    points = []
    with one_thread():
        for step in tqdm(range(recipe.steps + 1), disable=not progress, unit="step"):
            if measure and step % recipe.every == 0:
                points += [measured(model, step, period) for period in (TRAINED, HELD_OUT)]
            if step < recipe.steps:
                train_step(model, optimizer, batch_of(recipe, generator, repeat))
    return model, points


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch compute with one thread.

    The products here are so small that threads wait for one another longer than they compute, and
    another number of threads gives other last digits.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def batch_of(
    recipe: Recipe, generator: torch.Generator, repeat: Repeat
) -> Int[Tensor, "batch pos"]:
    """Prompts to train on."""
    sizes = recipe.sizes
    periods = prompts.spread(recipe.periods, BATCH_SIZE, generator)
    shape = (BATCH_SIZE, sizes.n_ctx - 1)
    tokens = torch.randint(sizes.n_tokens, shape, generator=generator)
    return repeat(tokens, periods, sizes.bos)


def train_step(
    model: AttentionOnly, optimizer: torch.optim.Optimizer, tokens: Int[Tensor, "batch pos"]
) -> float:
    """One step of the optimizer on the mean loss of every token but BOS; that loss, in nats."""
    logits = model(tokens[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def measured(model: AttentionOnly, step: int, period: int) -> Point:
    """What a model can do now, on the test prompts of a period."""
    tokens = prompts.test_prompts(model.sizes, period, N_TEST, TEST_SEED)
    logits, patterns = model.run(tokens)
    losses = token_losses(logits, tokens)
    return Point(
        step,
        period,
        first=losses[:, :period].mean().item(),
        known=prompts.known_losses(losses, period).mean().item(),
        matching=prompts.matching_attention(patterns.transpose(1, 2), tokens),
        looks_back=previous_token_score(patterns.transpose(1, 2)).mean(-1),
    )
