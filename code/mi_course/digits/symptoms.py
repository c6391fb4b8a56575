"""What the loss looks like when a training loop has one mistake in it.

Each loop below trains the same network on the same batches for a few hundred steps; one of them is
right. The curves are a catalogue: see yours, find it here, look for the mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from mi_course.digits import mlp
from mi_course.digits.mnist import Digits

STEPS = 300
SHOWN_EVERY = 5
LOOPS = (
    "right",
    "no zero_grad",
    "no step",
    "softmax before the loss",
    "learning rate × 1000",
    "labels shuffled",
)


def run_all(digits: Digits, steps: int = STEPS, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of loop, step and loss (nats), which is the mean of `SHOWN_EVERY` steps."""
    found = []
    for loop in LOOPS:
        losses = list(islice(_losses(digits, loop, seed), steps))
        for start in range(0, steps, SHOWN_EVERY):
            some = losses[start : start + SHOWN_EVERY]
            found.append({"loop": loop, "step": start, "loss": sum(some) / len(some)})
    return found


def _losses(digits: Digits, loop: str, seed: int) -> Iterator[float]:
    """The loss of each batch, forever."""
    model = mlp.build(seed)
    rate = mlp.LEARNING_RATE * (1000 if loop == "learning rate × 1000" else 1)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    shuffle = torch.Generator().manual_seed(seed)
    batches = mlp.loader(digits.train, seed)
    while True:
        for inputs, labels in batches:
            if loop == "labels shuffled":
                labels = labels[torch.randperm(len(labels), generator=shuffle)]
            loss = _loss(model, inputs, labels, loop)
            if loop != "no zero_grad":
                optimizer.zero_grad()
            loss.backward()
            if loop != "no step":
                optimizer.step()
            yield loss.item()


def _loss(
    model: nn.Module, inputs: Float[Tensor, "n 784"], labels: Int64[Tensor, "n"], loop: str
) -> Tensor:
    logits = model(inputs)
    if loop == "softmax before the loss":
        logits = logits.softmax(-1)
    return nn.functional.cross_entropy(logits, labels)
