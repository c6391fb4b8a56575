"""Train a mystery model: a small GPT-2 that learns one task from random inputs, in a minute.

The loss counts the last position alone. With one thread and the pinned versions a model comes out
the same to the last bit on one machine; elsewhere it has the same accuracy and mechanism.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from mi_course.mystery_nets.tasks import Task

BETAS = (0.9, 0.98)
WARMUP = 50
"""Steps until the learning rate is reached; it then falls as half a cosine."""


@dataclass(frozen=True)
class Recipe:
    """What a model depends on, but for its task.

    Attributes:
        n_layer, n_head, d_model, d_mlp: the architecture, in GPT-2's terms.
        steps, batch: `batch` fresh inputs a step.
        lr: AdamW's highest rate.
        seed: of the first weights and of the inputs.
    """

    n_layer: int = 2
    n_head: int = 4
    d_model: int = 64
    d_mlp: int = 64
    steps: int = 1500
    batch: int = 256
    lr: float = 3e-3
    seed: int = 0


def new_model(recipe: Recipe, n_symbols: int, n_pos: int) -> GPT2LMHeadModel:
    """An untrained model; its weights come from PyTorch's global seed."""
    config = GPT2Config(
        n_layer=recipe.n_layer,
        n_head=recipe.n_head,
        n_embd=recipe.d_model,
        n_inner=recipe.d_mlp,
        n_positions=n_pos,
        vocab_size=n_symbols,
        attn_pdrop=0.0,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        initializer_range=0.06,
        bos_token_id=None,
        eos_token_id=None,
    )
    return GPT2LMHeadModel(config)


def rate(recipe: Recipe, step: int) -> float:
    """The learning rate of a step."""
    rising = min(1.0, step / WARMUP)
    return recipe.lr * rising * 0.5 * (1 + math.cos(math.pi * step / recipe.steps))


def train(task: Task, recipe: Recipe) -> GPT2LMHeadModel:
    """Train a model from its first step to its last. The caller sets the number of threads."""
    generator = torch.Generator().manual_seed(recipe.seed)
    n_pos = task.draw(1, generator).shape[1]
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = new_model(recipe, len(task.symbols), n_pos)
    optimizer = torch.optim.AdamW(model.parameters(), betas=BETAS)
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(recipe, step)
        _step(model, optimizer, task, task.draw(recipe.batch, generator))
    return model.eval()


def _step(
    model: GPT2LMHeadModel, optimizer: torch.optim.Optimizer, task: Task, tokens: Tensor
) -> None:
    loss = F.cross_entropy(model(tokens).logits[:, -1], task.answer(tokens))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
