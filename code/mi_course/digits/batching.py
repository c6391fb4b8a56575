"""Batches by hand: a data set, `zip`, a generator; what `DataLoader` does, in a few lines.

`DataLoader` takes the order from its sampler. `RandomSampler` begins each epoch by drawing one
permutation from its generator, as `shuffled_batches` does, so a fresh generator with the same seed
gives the same batches. At the end of an epoch it draws another one, which it does not use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset

from mi_course.digits import mlp
from mi_course.digits.mnist import Digits, Split

Batch = tuple[Float[Tensor, "batch ..."], Int64[Tensor, "batch"]]
REPEATS = 5
TIMED_BATCH_SIZE = 128


class DigitPairs(Dataset):
    """Images and labels as pairs: `pairs[i]` is one row of 784 numbers and one label."""

    def __init__(self, split: Split) -> None:
        self.images = mlp.pixels(split.images)
        self.labels = split.labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return self.images[i], self.labels[i]


def zip_batches(pairs: Dataset, order: Sequence[int], batch_size: int) -> Iterator[Batch]:
    """Batches of a data set in the given order; the last one may be short.

    Args:
        pairs: any data set of (tensor, label).
        order: indices, in the order in which they are wanted.
        batch_size: at least 1.
    """
    for start in range(0, len(order), batch_size):
        images, labels = zip(*[pairs[i] for i in order[start : start + batch_size]], strict=True)
        yield torch.stack(images), torch.stack(labels)


def shuffled_batches(
    pairs: Dataset, batch_size: int, generator: torch.Generator
) -> Iterator[Batch]:
    """Batches of a data set in an order that the generator draws."""
    order = torch.randperm(len(pairs), generator=generator)  # type: ignore[arg-type]
    return zip_batches(pairs, order.tolist(), batch_size)


def sliced_batches(
    images: Float[Tensor, "n ..."],
    labels: Int64[Tensor, "n"],
    order: Int64[Tensor, "n"],
    batch_size: int,
) -> Iterator[Batch]:
    """The same batches, each taken from the tensors in one step."""
    for rows in order.split(batch_size):
        yield images[rows], labels[rows]


def measure(digits: Digits, repeats: int = REPEATS) -> list[dict[str, Any]]:
    """Seconds for one pass over the training images, by three ways to make the same batches.

    Returns:
        One row for each way and repeat: `way`, `repeat`, `images`, `batch_size`, `seconds`.
    """
    pairs = DigitPairs(digits.train)
    size = TIMED_BATCH_SIZE

    def order(repeat: int) -> Tensor:
        return torch.randperm(len(pairs), generator=torch.Generator().manual_seed(repeat))

    def by_loader(repeat: int) -> Iterable[Any]:
        sampler = RandomSampler(pairs, generator=torch.Generator().manual_seed(repeat))
        return DataLoader(TensorDataset(pairs.images, pairs.labels), size, sampler=sampler)

    ways: dict[str, Callable[[int], Iterable[Any]]] = {
        "DataLoader": by_loader,
        "zip by hand": lambda repeat: zip_batches(pairs, order(repeat).tolist(), size),
        "slices by hand": lambda repeat: sliced_batches(
            pairs.images, pairs.labels, order(repeat), size
        ),
    }
    return [
        {"way": way, "repeat": repeat, "images": len(pairs), "batch_size": size}
        | {"seconds": _seconds(make, repeat)}
        for repeat in range(repeats)
        for way, make in ways.items()
    ]


def _seconds(make: Callable[[int], Iterable[Any]], repeat: int) -> float:
    start = time.perf_counter()
    for _ in make(repeat):
        pass
    return time.perf_counter() - start
