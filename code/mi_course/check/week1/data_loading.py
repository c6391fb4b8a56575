"""Checks on batches by hand: lists of pixels, a data set, batches with `zip`, shuffled batches."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from mi_course.check.core import Attempt, Wrong, close, exercise, first_that_fits


@exercise
def flat_pixels(attempt: Attempt) -> None:
    """`(image: rows of integers) -> flat list of floats from 0 to 1`."""
    image = [[0, 51, 255], [102, 204, 153]]
    right = [0.0, 0.2, 1.0, 0.4, 0.8, 0.6]
    try:
        found = attempt(image)
    except Wrong as mistake:
        if "NameError" in str(mistake):
            raise Wrong(f"{mistake}: of two `for` in one list, the left one is the outer") from None
        raise
    if not isinstance(found, list):
        raise Wrong(f"return a list, not {type(found).__name__}: [...] builds one")
    if found and isinstance(found[0], list):
        raise Wrong("this is a list of rows: make it flat, with two `for` in one list")
    if len(found) == 3:
        raise Wrong("only the first row is there: return the pixels of every row")
    if len(found) != len(right):
        raise Wrong(f"an image of 2 rows and 3 columns has 6 pixels; yours has {len(found)}")
    mistakes = {
        "divide by 255, so that ink becomes 1": [255 * x for x in right],
        "divide by 255, not by 256": [255 / 256 * x for x in right],
        "use /, not //, which drops the decimals": [float(x // 1) for x in right],
        "the pixels run down the columns: read them row after row": [0, 0.4, 0.2, 0.8, 1, 0.6],
    }
    values = torch.tensor(found, dtype=torch.double)
    wrong = {sentence: torch.tensor(v, dtype=torch.double) for sentence, v in mistakes.items()}
    if sentence := first_that_fits(values, wrong):
        raise Wrong(sentence)
    if not close(values, torch.tensor(right)):
        raise Wrong(f"for {image} expected {right}, and yours is {found}")


@exercise
def pairs_of(attempt: Attempt) -> None:
    """`(images, labels, wanted) -> [(image, label), ...]` for the wanted labels, in their order."""
    images, labels, wanted = ["a", "b", "c", "d", "e"], [8, 1, 3, 8, 0], (3, 8)
    right = [("a", 8), ("c", 3), ("d", 8)]
    found = attempt(images, labels, wanted)
    if not isinstance(found, list) or any(not isinstance(pair, tuple) for pair in found):
        raise Wrong("return a list of pairs, each of them a tuple: [(image, label) for ...]")
    if found == [(y, x) for x, y in right]:
        raise Wrong("each pair is the wrong way round: (image, label)")
    if found == list(zip(images, labels, strict=True)):
        raise Wrong("all pairs came back: keep those whose label is wanted, with an `if`")
    if found == [("b", 1), ("e", 0)]:
        raise Wrong("the unwanted ones came back: keep the pair if its label is in wanted")
    if found != right and sorted(found) == sorted(right):
        raise Wrong("the pairs should keep the order in which they came")
    if found != right:
        raise Wrong(f"for labels {labels} and wanted {wanted} expected {right}; yours is {found}")
    if attempt(images, labels, ()) != []:
        raise Wrong("where nothing is wanted, the list is empty")
    for few in (labels[:4], [*labels, 3]):
        try:
            attempt.function(list(images), few, wanted)
        except ValueError:
            continue
        raise Wrong(
            f"{len(images)} images and {len(few)} labels were accepted silently: use "
            "zip(..., strict=True)"
        )


@exercise
def pair_dataset(attempt: Attempt) -> None:
    """`PairDataset(images [n, 28, 28], labels [n])` with `len` and pairs by index."""
    images = torch.arange(5 * 784).mul(11).remainder(256).view(5, 28, 28).to(torch.uint8)
    labels = torch.tensor([7, 0, 3, 3, 9])
    pairs = attempt(images, labels)
    if not isinstance(pairs, Dataset):
        raise Wrong("inherit from Dataset: class PairDataset(Dataset)")
    try:
        length = len(pairs)  # type: ignore[arg-type]
    except TypeError:
        raise Wrong("the length is missing: write __len__(self)") from None
    if length != 5:
        raise Wrong(f"len(pairs) should be the number of images, 5; yours is {length}")
    for i in (0, 4, 2):
        _check_pair(Attempt(lambda i=i: pairs[i])(), images[i], labels[i], i)
    try:
        attempt.function(images, labels[:4])
    except ValueError:
        return
    except Exception as error:
        raise Wrong(f"5 images and 4 labels raise {type(error).__name__}, not ValueError") from None
    raise Wrong("5 images and 4 labels are accepted silently: raise a ValueError")


def _check_pair(pair: Any, image: Tensor, label: Tensor, i: int) -> None:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise Wrong("pairs[i] should be a tuple of the image and its label")
    if not all(isinstance(part, Tensor) for part in pair):
        raise Wrong("the image and the label should both be tensors: self.labels[i] is one")
    pixels, found = pair
    if found.shape == (784,):
        raise Wrong("the image comes first in the pair, then the label")
    if pixels.shape != (784,):
        raise Wrong(f"the image should have shape (784,), and yours has {tuple(pixels.shape)}")
    if found.shape != ():
        raise Wrong(f"the label should be one number, and yours has shape {tuple(found.shape)}")
    right = image.flatten().float() / 255
    if first_that_fits(pixels, {"": 255 * right}) is not None:
        raise Wrong("divide the pixels by 255, so that they lie between 0 and 1")
    if not close(pixels, right) or not torch.equal(found, label):
        raise Wrong(f"pairs[{i}] should be image {i} and label {i}: is the index i used for both?")


class Watched(Dataset):
    """Pairs that can be told apart, and that count how often they were asked for."""

    def __init__(self, n: int = 11) -> None:
        self.inputs = torch.arange(3 * n).view(n, 3).float()
        self.labels = torch.arange(n) + 100
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        self.asked.append(int(i))
        return self.inputs[i], self.labels[i]


@exercise
def zip_batches(attempt: Attempt) -> None:
    """`(dataset, order, batch_size) -> batches (inputs, labels)`, the last one may be short."""
    order = [7, 2, 10, 0, 5, 3, 8, 1]
    for size in (3, 4, 20):
        pairs = Watched()
        found = Attempt(lambda pairs=pairs, size=size: attempt.function(pairs, list(order), size))()
        if not isinstance(found, Iterable) or (isinstance(found, tuple) and len(found) == 2):
            raise Wrong("only one batch came back: use yield, not return, inside the loop")
        start = iter(found)
        first = Attempt(lambda start=start: next(start))()
        asked = len(set(pairs.asked))
        rest = Attempt(lambda pairs=pairs, size=size: list(attempt.function(pairs, order, size)))()
        _check_batches(rest, [order[i : i + size] for i in range(0, len(order), size)], pairs)
        if not torch.equal(first[1], rest[0][1]) or asked > min(size, len(order)):
            raise Wrong(
                f"for the first batch of {size}, {asked} pairs were fetched: fetch each pair when "
                "its batch is asked for, and yield the batch before you fetch the next"
            )
    if Attempt(lambda: list(attempt.function(Watched(), [], 3)))():
        raise Wrong("an empty order gives no batches")


def _check_batches(found: list[Any], pieces: list[list[int]], pairs: Watched) -> None:
    """Compare batches with those that the pieces of the order should give."""
    n = sum(map(len, pieces))
    for batch in found:
        if not isinstance(batch, tuple | list) or len(batch) != 2 or isinstance(batch[0], tuple):
            _explain_parts(batch)
        inputs, labels = batch
        if not isinstance(inputs, Tensor) or not isinstance(labels, Tensor):
            raise Wrong("each batch should be two tensors: use torch.stack on both parts")
        if inputs.ndim == 1 and labels.ndim == 2:
            raise Wrong("a batch is (inputs, labels), inputs first")
        if inputs.ndim != 2:
            raise Wrong("the inputs of a batch are stacked, one row each: use torch.stack, not cat")
    sizes, expected = [len(labels) for _, labels in found], [len(piece) for piece in pieces]
    whole = f"{n} indices in batches of {expected[0]} have the sizes {expected}; yours: {sizes}"
    if sum(sizes) < n:
        raise Wrong(f"{whole}. The last batch may be short, and must not be lost")
    if sum(sizes) > n and sizes[:-1] == expected[:-1]:
        raise Wrong(f"{whole}. The last batch may be short: do not pad it")
    if sizes != expected and sum(sizes) == len(pairs):
        raise Wrong(f"{whole}. Take the indices in `order`, not the whole data set")
    if sizes != expected:
        raise Wrong(f"{whole}. A slice from start to start + batch_size holds batch_size of them")
    for (inputs, labels), piece in zip(found, pieces, strict=True):
        right = torch.equal(inputs, pairs.inputs[piece])
        if right and not torch.equal(labels, pairs.labels[piece]):
            raise Wrong("each label should be that of its input: fetch both from the same pair")
        if not right:
            raise Wrong(f"a batch should hold the pairs {piece}, as `order` says, in that order")


def _explain_parts(batch: Any) -> None:
    if isinstance(batch, Tensor):
        raise Wrong("each batch should be a tuple of two tensors, (inputs, labels)")
    if isinstance(batch, tuple) and len(batch) == 2:
        raise Wrong("the parts are tuples of tensors: torch.stack makes one tensor of each")
    raise Wrong("a batch should be two tensors (inputs, labels): zip(*pairs) splits the pairs")


@exercise
def shuffled_batches(attempt: Attempt) -> None:
    """`(dataset, batch_size, generator) -> batches`, in the order of one `randperm`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1234)
        generator, own = (torch.Generator().manual_seed(5) for _ in range(2))
        epochs = [_labels(attempt, generator) for _ in range(2)]
        again = _labels(attempt, torch.Generator().manual_seed(5))
    orders = [100 + torch.randperm(11, generator=own) for _ in range(2)]
    first, second = epochs
    if sorted(first.tolist()) != list(range(100, 111)):
        raise Wrong("each pair should come once in an epoch: draw the order with torch.randperm")
    if torch.equal(first, torch.arange(100, 111)):
        raise Wrong("the pairs come in their own order: shuffle them")
    if not torch.equal(first, again):
        raise Wrong("the same seed gives another order: draw from the generator that is passed in")
    if torch.equal(first, second):
        raise Wrong("every epoch has the same order: seed nothing anew inside the function")
    if torch.equal(first, orders[0]) and torch.equal(second, orders[1]):
        return
    blocks = [first[i : i + 4].sort().values for i in range(0, 11, 4)]
    if torch.equal(torch.cat(blocks), torch.arange(100, 111)):
        raise Wrong("the pairs stay in their batches: shuffle the whole data set, then cut it")
    raise Wrong(
        "the order should be that of one torch.randperm(len(dataset), generator=generator), drawn "
        "before anything else"
    )


def _labels(attempt: Attempt, generator: torch.Generator) -> Tensor:
    """The labels of one epoch, in the order in which they came, after a look at the batches."""
    found = Attempt(lambda: attempt.function(Watched(), 4, generator))()
    if found is None:
        raise Wrong("your function returns None: pass on the batches, with `yield from` or return")
    batches = Attempt(lambda: list(found))()
    if any(isinstance(batch, Generator) for batch in batches):
        raise Wrong(
            "`yield` passes on the generator itself: `yield from` passes on its batches, one by one"
        )
    if any(not isinstance(batch, tuple | list) or len(batch) != 2 for batch in batches):
        raise Wrong("each batch should be two tensors (inputs, labels), as zip_batches gives them")
    sizes = [len(labels) for _, labels in batches]
    if sizes != [4, 4, 3]:
        raise Wrong(f"11 pairs in batches of 4 have the sizes [4, 4, 3]; yours: {sizes}")
    return torch.cat([labels for _, labels in batches])
