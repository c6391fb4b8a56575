"""Answers by the author of the checks, of kinds that a check once misjudged."""

import itertools

import torch
from torch.utils.data import Dataset


def by_the_brightest(image):
    return [pixel / max(max(row) for row in image) for row in image for pixel in row]


def two_decimals(image):
    return [round(pixel / 255, 2) for row in image for pixel in row]


def columns_then_rows(image):
    return [row[j] / 255 for j in range(len(image[0])) for row in image]


def chained(image):
    return list(map((255.0).__rtruediv__, itertools.chain.from_iterable(image)))


def by_dictionary(images, labels, wanted):
    found = dict(zip(images, labels, strict=True))
    return [(image, label) for image, label in found.items() if label in wanted]


def label_by_label(images, labels, wanted):
    pairs = list(zip(images, labels, strict=True))
    return [pair for want in wanted for pair in pairs if pair[1] == want]


def float_labels(images, labels, wanted):
    return [(x, float(y)) for x, y in zip(images, labels, strict=True) if y in wanted]


def shortest(images, labels, wanted):
    return [(x, y) for x, y in zip(images, labels, strict=False) if y in wanted]


def asserted(images, labels, wanted):
    assert len(images) == len(labels)
    return [(images[i], labels[i]) for i in range(len(labels)) if labels[i] in set(wanted)]


class OnTheClass(Dataset):
    images, labels = [], []

    def __init__(self, images, labels):
        if len(images) != len(labels):
            raise ValueError("unequal")
        self.images.extend(images)
        self.labels.extend(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i].flatten() / 255, self.labels[i]


class FloatLabels(Dataset):
    def __init__(self, images, labels):
        if len(images) != len(labels):
            raise ValueError("unequal")
        self.images, self.labels = images.flatten(1) / 255, labels.float()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], self.labels[i]


class EachBrightest(Dataset):
    def __init__(self, images, labels):
        if len(images) != len(labels):
            raise ValueError("unequal")
        self.pairs = [(x.flatten() / x.max(), y) for x, y in zip(images, labels, strict=True)]

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        return self.pairs[i]


class OneSided(Dataset):
    def __init__(self, images, labels):
        if len(labels) < len(images):
            raise ValueError("too few labels")
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i].flatten().float() / 255, self.labels[i]


class Prepared(Dataset):
    def __init__(self, images, labels):
        super().__init__()
        self.pairs = list(zip(images.flatten(1).double().div(255), labels, strict=True))
        self.__len__ = self.pairs.__len__

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        return self.pairs[i]


def each_index_once(dataset, order, batch_size):
    order = list(dict.fromkeys(order))
    for i in range(0, len(order), batch_size):
        xs, ys = zip(*(dataset[j] for j in order[i : i + batch_size]), strict=True)
        yield torch.stack(xs), torch.stack(ys)


def sorted_within(dataset, order, batch_size):
    for i in range(0, len(order), batch_size):
        xs, ys = zip(*(dataset[j] for j in sorted(order[i : i + batch_size])), strict=True)
        yield torch.stack(xs), torch.stack(ys)


def one_tensor_of_both(dataset, order, batch_size):
    for i in range(0, len(order), batch_size):
        rows = torch.stack(
            [
                torch.cat([x, y[None]])
                for x, y in map(dataset.__getitem__, order[i : i + batch_size])
            ]
        )
        yield rows[:, :-1], rows[:, -1]


def filled_up(dataset, order, batch_size):
    xs, ys = [], []
    for i in order:
        x, y = dataset[i]
        xs.append(x)
        ys.append(y)
        if len(xs) == batch_size:
            yield torch.stack(xs), torch.stack(ys)
            xs.clear()
            ys.clear()
    if xs:
        yield torch.stack(xs), torch.stack(ys)


def permuted_eleven(dataset, batch_size, generator):
    order = torch.randperm(11, generator=generator).tolist()
    yield from filled_up(dataset, order[: len(dataset)], batch_size)


def drawn_with_repeats(dataset, batch_size, generator):
    order = torch.randint(len(dataset), (len(dataset),), generator=generator).tolist()
    yield from filled_up(dataset, order, batch_size)


def returned_iterator(dataset, batch_size, generator):
    order = torch.randperm(len(dataset), generator=generator)
    return (
        tuple(map(torch.stack, zip(*(dataset[int(i)] for i in piece), strict=True)))
        for piece in order.split(batch_size)
    )


WRONG = {
    "flat_pixels": [
        (by_the_brightest, "largest value"),
        (two_decimals, "rounded"),
        (columns_then_rows, "down the columns"),
    ],
    "pairs_of": [
        (by_dictionary, "twice"),
        (label_by_label, "order"),
        (float_labels, "8.0"),
        (shortest, "strict=True"),
    ],
    "pair_dataset": [
        (OnTheClass, "number of images"),
        (FloatLabels, "float32"),
        (EachBrightest, "largest pixel"),
        (OneSided, "accepted silently"),
    ],
    "zip_batches": [
        (each_index_once, "twice"),
        (sorted_within, "in that order"),
        (one_tensor_of_both, "float32"),
    ],
    "shuffled_batches": [
        (permuted_eleven, "stopped"),
        (drawn_with_repeats, "once in an epoch"),
    ],
}


RIGHT = {
    "flat_pixels": [
        chained,
    ],
    "pairs_of": [
        asserted,
    ],
    "pair_dataset": [
        Prepared,
    ],
    "zip_batches": [
        filled_up,
    ],
    "shuffled_batches": [
        returned_iterator,
    ],
}
