"""The digit classifier of week 1: 784 pixels, 256 hidden units, 10 digits.

The chapter's learner writes the same loop. This one makes what ships with the course: a log of
three seeds on two data sets, and the weights of one network, so that a page shows numbers that a
reader's machine cannot change. Six epochs with another number of threads give other predictions for
dozens of test images.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from mi_course.digits.mnist import Digits, Split

PIXELS, HIDDEN, CLASSES = 784, 256, 10
BATCH_SIZE = 128
LEARNING_RATE = 1e-3
MNIST_EPOCHS = 10
DIGITS_EPOCHS = 100
"""Fixed before the first run; no run was stopped, or chosen, by its test accuracy."""


@dataclass(frozen=True)
class Epoch:
    """What the network could do after a number of passes over the training images.

    Attributes:
        epoch: passes so far; 0 is the network before training.
        train_loss, test_loss: mean over the images, in nats.
        train_accuracy, test_accuracy: from 0 to 1.
        seconds: since training began, these measurements included.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float


def build(seed: int) -> nn.Sequential:
    """An untrained network; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))


def pixels(images: UInt8[Tensor, "n 28 28"]) -> Float[Tensor, "n 784"]:
    """Images as the network reads them: one row each, from 0 (paper) to 1 (ink)."""
    return images.flatten(1).float() / 255


def loader(split: Split, seed: int, batch_size: int = BATCH_SIZE) -> DataLoader:
    """Shuffled batches of a split, in an order that the seed decides."""
    generator = torch.Generator().manual_seed(seed)
    pairs = TensorDataset(pixels(split.images), split.labels)
    return DataLoader(pairs, batch_size, shuffle=True, generator=generator)


def epochs_for(digits: Digits) -> int:
    """How often to pass over the training images: the small digits are few."""
    return MNIST_EPOCHS if digits.is_mnist else DIGITS_EPOCHS


def train(digits: Digits, seed: int) -> Iterator[tuple[Epoch, nn.Sequential]]:
    """Train a network and give it back after each epoch, before the first one too.

    Args:
        digits: what to train and test on.
        seed: of the initial weights and of the order of the batches.
    """
    model = build(seed)
    batches = loader(digits.train, seed)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    start = time.perf_counter()
    for epoch in range(epochs_for(digits) + 1):
        if epoch:
            train_epoch(model, batches, nn.functional.cross_entropy, optimizer)
        scores = (*evaluate(model, digits.train), *evaluate(model, digits.test))
        yield Epoch(epoch, *scores, time.perf_counter() - start), model


def train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
) -> float:
    """One pass over the batches, one step of the optimizer for each.

    Returns:
        The mean loss over the images, as they were met, in nats.
    """
    loss_sum, count = 0.0, 0
    for inputs, labels in batches:
        loss = loss_fn(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(labels)  # the last batch may be shorter
        count += len(labels)
    return loss_sum / count


@torch.no_grad()
def accuracy(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """The share of images, from 0 to 1, whose largest logit is that of their label."""
    hits, count = 0, 0
    for inputs, labels in batches:
        hits += int((model(inputs).argmax(-1) == labels).sum())
        count += len(labels)
    return hits / count


@torch.no_grad()
def evaluate(model: nn.Module, split: Split) -> tuple[float, float]:
    """Mean loss in nats and accuracy (0 to 1) of a network on a split."""
    logits = model(pixels(split.images))
    loss = nn.functional.cross_entropy(logits, split.labels).item()
    return loss, (logits.argmax(-1) == split.labels).double().mean().item()


def confusion_matrix(
    labels: Int64[Tensor, "n"], predictions: Int64[Tensor, "n"], classes: int = CLASSES
) -> Int64[Tensor, "true predicted"]:
    """How often each true digit (row) was taken for each digit (column)."""
    counts = torch.bincount(classes * labels + predictions, minlength=classes**2)
    return counts.view(classes, classes)


def hardest_errors(
    logits: Float[Tensor, "n classes"], labels: Int64[Tensor, "n"], k: int
) -> Int64[Tensor, "k"]:
    """Indices of the wrongly classified images, highest loss first, at most `k` of them."""
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    wrong = (logits.argmax(-1) != labels).nonzero()[:, 0]
    return wrong[losses[wrong].argsort(descending=True, stable=True)][:k]
