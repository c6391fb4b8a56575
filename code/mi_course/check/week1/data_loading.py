"""Checks on batches by hand: lists of pixels, a data set, batches with `zip`, shuffled batches."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import Cases, named
from mi_course.check.symptoms import shown


@exercise
def flat_pixels(attempt: Attempt) -> None:
    """`(image: rows of integers) -> flat list of floats from 0 to 1`."""
    cases = Cases()
    for image in ([[0, 51, 255], [102, 204, 153]], [[102, 51, 204], [9, 200, 31]], [[7], [90]]):
        _compare_pixels(attempt, image, cases)


def _compare_pixels(attempt: Attempt, image: list[list[int]], cases: Cases) -> None:
    right = [pixel / 255 for row in image for pixel in row]
    attempt.expect(right, image)
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
    rows, columns = len(image), len(image[0])
    if len(found) == columns < len(right):
        raise Wrong("only the first row is there: return the pixels of every row")
    if len(found) != len(right):
        raise Wrong(
            f"an image of {rows} rows and {columns} columns has {len(right)} pixels; yours has "
            f"{len(found)}"
        )
    for value in found:
        if not isinstance(value, float):
            kind = type(value).__name__
            raise Wrong(
                f"return floats: {value!r} is {kind}; pixel / 255 is a float, and // cuts off its "
                "decimals"
            )
    _explain_pixels(image, found, right, cases)


def _explain_pixels(
    image: list[list[int]], found: list[float], right: list[float], cases: Cases
) -> None:
    def tensor(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.double)

    largest, smallest = max(map(max, image)), min(map(min, image))
    spread = max(largest - smallest, 1)
    values = tensor(found)
    mistakes = {
        "divide by 255, so that ink becomes 1": [255 * x for x in right],
        "divide by 255, not by 256": [255 / 256 * x for x in right],
        "use /, not //, which drops the decimals": [float(x // 1) for x in right],
        "the numbers are rounded: return them as they are": [float(round(x)) for x in right],
        "the numbers are rounded, to one place: return them as they are": [
            round(x, 1) for x in right
        ],
        "the numbers are rounded, to two places: return them as they are": [
            round(x, 2) for x in right
        ],
        "ink and paper are exchanged: 0 is paper and stays 0": [1 - x for x in right],
        "the pixels run down the columns: read them row after row": [
            row[i] / 255 for i in range(len(image[0])) for row in image
        ],
        "the pixels come backwards: read them row after row": right[::-1],
        "the rows come from the last to the first: begin with the first": [
            pixel / 255 for row in image[::-1] for pixel in row
        ],
        "each row runs backwards: read it from the left": [
            pixel / 255 for row in image for pixel in row[::-1]
        ],
        "the pixels are sorted: keep them in reading order": sorted(right),
        "divide by 255, whatever the largest value of this image is": [
            255 * x / largest for x in right
        ],
        "divide by 255, whatever the largest value of each row is": [
            pixel / max(row) if max(row) else 0.0 for row in image for pixel in row
        ],
        "divide by 255 and subtract nothing, whatever the smallest value of this image is": [
            (255 * x - smallest) / spread for x in right
        ],
    }
    cases.judge(
        values,
        tensor(right),
        {sentence: tensor(wrong) for sentence, wrong in mistakes.items()},
        f"for {image} expected {right}, and yours is {found}",
    )


@exercise
def pairs_of(attempt: Attempt) -> None:
    """`(images, labels, wanted) -> [(image, label), ...]` for the wanted labels, in their order."""
    # neither sorted nor different from each other: order and repeats are seen
    images, labels, wanted = ["d", "b", "e", "a", "d", "d"], [8, 1, 3, 8, 0, 8], (3, 8)
    right = [("d", 8), ("e", 3), ("a", 8), ("d", 8)]
    attempt.expect(right, images, labels, wanted)
    found = attempt(images, labels, wanted)
    _explain_pairs(found, images, labels)
    if found != right:
        raise Wrong(
            _wrong_pairs(found, right)
            or f"for images {images}, labels {labels} and wanted {wanted} expected {right}; yours "
            f"is {found}"
        )
    for _, label in found:
        if type(label) is not int:
            raise Wrong(f"the labels should come back as they were: 8 became {label!r}")
    for others, kept in (((), []), ([0], [("d", 0)]), ({1, 5}, [("b", 1)]), (range(9), None)):
        again = attempt(images, labels, others)
        if again != (list(zip(images, labels, strict=True)) if kept is None else kept):
            raise Wrong(
                f"with wanted = {others!r} other pairs are right: use the labels that are passed in"
                if others
                else "where nothing is wanted, the list is empty"
            )
    for few in (labels[:4], [*labels, 3]):
        try:
            attempt.function(list(images), few, wanted)
        except Exception:
            continue
        raise Wrong(
            f"{len(images)} images and {len(few)} labels were accepted silently: use "
            "zip(..., strict=True)"
        )


def _explain_pairs(found: Any, images: list[str], labels: list[int]) -> None:
    if not isinstance(found, list) or any(not isinstance(pair, tuple) for pair in found):
        raise Wrong("return a list of pairs, each of them a tuple: [(image, label) for ...]")
    if found == list(zip(images, labels, strict=True)):
        raise Wrong("all pairs came back: keep those whose label is wanted, with an `if`")


def _wrong_pairs(found: list[Any], right: list[tuple[str, int]]) -> str | None:
    if found == [(y, x) for x, y in right]:
        return "each pair is the wrong way round: (image, label)"
    if found == [("b", 1), ("d", 0)]:
        return "the unwanted ones came back: keep the pair if its label is in wanted"
    if sorted(found, key=str) == sorted(right, key=str):
        return "the pairs should keep the order in which they came"
    if found == list(dict.fromkeys(right)) or sorted(found, key=str) == sorted(set(right)):
        return "a pair that comes twice is kept once: keep each of them"
    return None


@exercise
def pair_dataset(attempt: Attempt) -> None:
    """`PairDataset(images [n, 28, 28], labels [n])` with `len` and pairs by index."""
    images = torch.arange(5 * 784).mul(11).remainder(256).view(5, 28, 28).to(torch.uint8)
    images[2] //= 2  # an image without a pixel of 255
    labels = torch.tensor([7, 0, 3, 3, 9])
    pairs = _paired(attempt, images, labels)
    other = _paired(attempt, images[1:2] // 3, labels[4:])  # a class attribute would be shared
    for i in (0, 4, 2, 0):
        _check_pair(Attempt(lambda i=i: pairs[i])(), images[i], labels[i], i)
    _check_pair(Attempt(lambda: other[0])(), images[1] // 3, labels[4], 0)
    _refuses_lengths(attempt, images, labels)


def _paired(attempt: Attempt, images: Tensor, labels: Tensor) -> Any:
    pairs = attempt(images, labels)
    if not isinstance(pairs, Dataset):
        raise Wrong("inherit from Dataset: class PairDataset(Dataset)")
    try:
        length = len(pairs)  # type: ignore[arg-type]
    except TypeError:
        raise Wrong(
            "the length is missing: write __len__(self)", symptom="len(pairs) fails"
        ) from None
    if length != len(images):
        raise Wrong(f"len(pairs) should be the number of images, {len(images)}; yours is {length}")
    return pairs


def _refuses_lengths(attempt: Attempt, images: Tensor, labels: Tensor) -> None:
    for n_images, n_labels in ((5, 4), (3, 5)):
        try:
            attempt.function(images[:n_images], labels[:n_labels])
        except ValueError:
            continue
        except Exception as error:
            raise Wrong(
                f"{n_images} images and {n_labels} labels raise {type(error).__name__}, not "
                "ValueError"
            ) from None
        raise Wrong(
            f"{n_images} images and {n_labels} labels are accepted silently: raise a ValueError"
        )


def _check_pair(pair: Any, image: Tensor, label: Tensor, i: int) -> None:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise Wrong("pairs[i] should be a tuple of the image and its label")
    if not all(isinstance(part, Tensor) for part in pair):
        raise Wrong("the image and the label should both be tensors: self.labels[i] is one")
    pixels, found = pair
    if found.shape == (784,):
        raise Wrong(
            "the image comes first in the pair, then the label",
            symptom=f"pairs[{i}] should be (a tensor of shape (784,), {int(label)}), and yours is "
            f"{shown(pair)}",
        )
    if pixels.shape != (784,):
        raise Wrong(f"the image should have shape (784,), and yours has {tuple(pixels.shape)}")
    if found.shape != ():
        raise Wrong(f"the label should be one number, and yours has shape {tuple(found.shape)}")
    if not pixels.is_floating_point():
        raise Wrong("the pixels should be floats: // divides whole numbers, / gives floats")
    right = image.flatten().float() / 255
    mistakes = {
        "divide the pixels by 255, so that they lie between 0 and 1": 255 * right,
        "divide the pixels by 255, not by 256": 255 / 256 * right,
        "divide by 255, whatever the largest pixel is": right / right.max(),
        "the pixels run down the columns: read them row after row": image.T.flatten() / 255,
    }
    if not close(pixels, right) and (sentence := named(pixels, mistakes, right)):
        raise Wrong(sentence)
    if not close(pixels, right) or not torch.equal(found, label):
        raise Wrong(f"pairs[{i}] should be image {i} and label {i}: is the index i used for both?")
    if found.is_floating_point() or found.dtype == torch.bool:
        raise Wrong(
            f"the label became {found.dtype}: keep whole numbers, which cross_entropy asks for",
            symptom=f"the label of pairs[{i}] should be {label.dtype}, and yours is {found.dtype}",
        )


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
    # an index may come twice
    for size, order in (
        (3, [7, 2, 10, 0, 5, 3, 8, 1]),
        (4, [7, 2, 10, 0, 5, 3, 8, 1]),
        (20, [4, 4, 9, 0]),
        (1, [6, 1, 6]),
    ):
        _read_batches(attempt, order, size)
    if Attempt(lambda: list(attempt.function(Watched(), [], 3)))():
        raise Wrong("an empty order gives no batches")


def _read_batches(attempt: Attempt, order: list[int], size: int) -> None:
    """One batch by itself, then all of them."""
    pairs = Watched()
    found = Attempt(lambda: attempt.function(pairs, list(order), size))()
    if not isinstance(found, Iterable) or (isinstance(found, tuple) and len(found) == 2):
        raise Wrong("only one batch came back: use yield, not return, inside the loop")
    start = iter(found)
    first = Attempt(lambda: next(start))()
    asked = len(set(pairs.asked))
    rest = Attempt(lambda: list(attempt.function(pairs, order, size)))()
    _check_batches(rest, [order[i : i + size] for i in range(0, len(order), size)], pairs)
    if not torch.equal(first[1], rest[0][1]) or asked > min(size, len(order)):
        raise Wrong(
            f"for the first batch of {size}, {asked} pairs were fetched: fetch each pair when "
            "its batch is asked for, and yield the batch before you fetch the next"
        )


def _check_batches(found: list[Any], pieces: list[list[int]], pairs: Watched) -> None:
    """Compare batches with those that the pieces of the order should give."""
    n = sum(map(len, pieces))
    indices = [i for piece in pieces for i in piece]
    for batch in found:
        if not isinstance(batch, tuple | list) or len(batch) != 2 or isinstance(batch[0], tuple):
            _explain_parts(batch)
        inputs, labels = batch
        if not isinstance(inputs, Tensor) or not isinstance(labels, Tensor):
            raise Wrong("each batch should be two tensors: use torch.stack on both parts")
        if inputs.ndim == 1 and labels.ndim == 2:
            raise Wrong(
                "a batch is (inputs, labels), inputs first",
                symptom=f"the first part of a batch should hold rows of 3 numbers, and yours is "
                f"{shown(inputs)}",
            )
        if inputs.ndim != 2:
            raise Wrong(
                "the inputs of a batch are stacked, one row each: use torch.stack, not cat",
                symptom=f"the inputs of a batch have shape {tuple(inputs.shape)}; expected "
                f"{(len(labels), 3)}",
            )
    sizes, expected = [len(labels) for _, labels in found], [len(piece) for piece in pieces]
    whole = f"{n} indices in batches of {expected[0]} have the sizes {expected}; yours: {sizes}"
    if sum(sizes) == len(set(indices)) < n:
        raise Wrong(f"of the indices {indices} one that comes twice is fetched once")
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
        if labels.is_floating_point() or not inputs.is_floating_point():
            told = f"inputs became {inputs.dtype} and labels {labels.dtype}"
            raise Wrong(
                f"{told}: stack them as they are, torch.stack keeps floats as floats and whole "
                "numbers as whole numbers",
                symptom=told,
            )
        if not right:
            held = [i - 100 for i in labels.tolist()]
            raise Wrong(
                f"a batch should hold the pairs {piece}, as `order` says, in that order",
                symptom=f"a batch should hold the pairs {piece}, and yours holds {held}",
            )


def _explain_parts(batch: Any) -> None:
    if isinstance(batch, Tensor):
        raise Wrong("each batch should be a tuple of two tensors, (inputs, labels)")
    if isinstance(batch, tuple) and len(batch) == 2:
        raise Wrong(
            "the parts are tuples of tensors: torch.stack makes one tensor of each",
            symptom=f"each batch should be a tuple of two tensors, and yours is {shown(batch)}",
        )
    raise Wrong("a batch should be two tensors (inputs, labels): zip(*pairs) splits the pairs")


@exercise
def shuffled_batches(attempt: Attempt) -> None:
    """`(dataset, batch_size, generator) -> batches`, in the order of one `randperm`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1234)
        generator, own = (torch.Generator().manual_seed(5) for _ in range(2))
        epochs = [_labels(attempt, generator) for _ in range(2)]
        again = _labels(attempt, torch.Generator().manual_seed(5))
        with Cases(passed=1).case():
            few = _labels(attempt, torch.Generator().manual_seed(6), n=6, size=5)
    orders = [100 + torch.randperm(11, generator=own) for _ in range(2)]
    first, second = epochs
    if sorted(first.tolist()) != list(range(100, 111)):
        raise Wrong("each pair should come once in an epoch: draw the order with torch.randperm")
    if torch.equal(first, torch.arange(100, 111)):
        raise Wrong(
            "the pairs come in their own order: shuffle them",
            symptom=f"an epoch comes in the order {_places(first)}",
        )
    if not torch.equal(first, again):
        raise Wrong(
            "the same seed gives another order: draw from the generator that is passed in",
            symptom=f"with generators of one seed, an epoch came in the order {_places(first)}, "
            f"and then in {_places(again)}",
        )
    if torch.equal(first, second):
        raise Wrong(
            "every epoch has the same order: seed nothing anew inside the function",
            symptom=f"two epochs with one generator both come in the order {_places(first)}",
        )
    if torch.equal(first, orders[0]) and torch.equal(second, orders[1]):
        own = torch.Generator().manual_seed(6)
        if not torch.equal(few, 100 + torch.randperm(6, generator=own)):
            raise Wrong("with 6 pairs the order is not one randperm: is a size written into it?")
        return
    blocks = [first[i : i + 4].sort().values for i in range(0, 11, 4)]
    if torch.equal(torch.cat(blocks), torch.arange(100, 111)):
        raise Wrong(
            "the pairs stay in their batches: shuffle the whole data set, then cut it",
            symptom=f"an epoch in batches of 4 comes in the order {_places(first)}",
        )
    raise Wrong(
        "the order should be that of one torch.randperm(len(dataset), generator=generator), drawn "
        "before anything else",
        symptom=f"with this generator an epoch should come in the order {_places(orders[0])}, and "
        f"comes in {_places(first)}",
    )


def _places(labels: Tensor) -> list[int]:
    """The places in the data set of pairs with these labels."""
    return [label - 100 for label in labels.tolist()]


def _labels(attempt: Attempt, generator: torch.Generator, n: int = 11, size: int = 4) -> Tensor:
    """The labels of one epoch, in the order in which they came, after a look at the batches."""
    found = Attempt(lambda: attempt.function(Watched(n), size, generator))()
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
    expected = [len(range(i, min(i + size, n))) for i in range(0, n, size)]
    if sizes != expected:
        raise Wrong(f"{n} pairs in batches of {size} have the sizes {expected}; yours: {sizes}")
    return torch.cat([labels for _, labels in batches])
