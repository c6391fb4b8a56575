"""Answers to week 1's Python practice, batches by hand, written without seeing its check."""

import itertools

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset


# --- flat_pixels
def comprehension(image):
    return [pixel / 255 for row in image for pixel in row]


def chained(image):
    return [value / 255.0 for value in itertools.chain.from_iterable(image)]


def nested(image):
    return [[pixel / 255 for pixel in row] for row in image]


def whole_division(image):
    return [pixel // 255 for row in image for pixel in row]


def unscaled(image):
    return [pixel for row in image for pixel in row]


def by_columns(image):
    return [row[i] / 255 for i in range(len(image[0])) for row in image]


def by_256(image):
    return [pixel / 256 for row in image for pixel in row]


def lazy(image):
    return (pixel / 255 for row in image for pixel in row)


def first_row(image):
    return [pixel / 255 for pixel in image[0]]


def as_tensor(image):
    return torch.tensor(image).flatten() / 255


def inner_loop_first(image):
    return [pixel / 255 for pixel in line for line in image]


# --- pairs_of
def zipped(images, labels, wanted):
    return [(x, y) for x, y in zip(images, labels, strict=True) if y in wanted]


def by_index(images, labels, wanted):
    if len(images) != len(labels):
        raise ValueError("lengths differ")
    return [(images[i], labels[i]) for i in range(len(labels)) if labels[i] in wanted]


def not_strict(images, labels, wanted):
    return [(x, y) for x, y in zip(images, labels, strict=False) if y in wanted]


def images_only(images, labels, wanted):
    return [x for x, y in zip(images, labels, strict=True) if y in wanted]


def all_pairs(images, labels, wanted):
    return list(zip(images, labels, strict=True))


def the_others(images, labels, wanted):
    return [(x, y) for x, y in zip(images, labels, strict=True) if y not in wanted]


def label_first(images, labels, wanted):
    return [(y, x) for x, y in zip(images, labels, strict=True) if y in wanted]


def sorted_by_label(images, labels, wanted):
    return [
        (x, y) for want in sorted(wanted) for x, y in zip(images, labels, strict=True) if y == want
    ]


def two_lists(images, labels, wanted):
    pairs = zipped(images, labels, wanted)
    return [x for x, _ in pairs], [y for _, y in pairs]


def lists_of_two(images, labels, wanted):
    return [[i, n] for i, n in zip(images, labels, strict=True) if n in wanted]


# --- pair_dataset
class Plain(Dataset):
    def __init__(self, images, labels):
        if len(images) != len(labels):
            raise ValueError("lengths differ")
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i].flatten().float() / 255, self.labels[i]


class ScaledAtOnce(Dataset):
    def __init__(self, images, labels):
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images and {len(labels)} labels")
        self.pairs = list(zip(images.reshape(len(images), -1) / 255, labels, strict=True))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        return self.pairs[i]


class NoError(Plain):
    def __init__(self, images, labels):
        self.images, self.labels = images, labels


class NotFlat(Plain):
    def __getitem__(self, i):
        return self.images[i].float() / 255, self.labels[i]


class NotScaled(Plain):
    def __getitem__(self, i):
        return self.images[i].flatten().float(), self.labels[i]


class NoLength(Dataset):
    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __getitem__(self, i):
        return self.images[i].flatten().float() / 255, self.labels[i]


class ImageOnly(Plain):
    def __getitem__(self, i):
        return self.images[i].flatten().float() / 255


class LabelFirst(Plain):
    def __getitem__(self, i):
        return self.labels[i], self.images[i].flatten().float() / 255


class PythonLabel(Plain):
    def __getitem__(self, i):
        return self.images[i].flatten().float() / 255, int(self.labels[i])


class PixelCount(Plain):
    def __len__(self):
        return self.images.numel()


class AlwaysTheFirst(Plain):
    def __getitem__(self, i):
        return self.images[0].flatten().float() / 255, self.labels[0]


# --- zip_batches
def by_slices(dataset, order, batch_size):
    for start in range(0, len(order), batch_size):
        inputs, labels = zip(*[dataset[i] for i in order[start : start + batch_size]], strict=True)
        yield torch.stack(inputs), torch.stack(labels)


def by_islice(dataset, order, batch_size):
    remaining = iter(order)
    while piece := list(itertools.islice(remaining, batch_size)):
        pairs = [dataset[i] for i in piece]
        yield torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])


def by_batch_sampler(dataset, order, batch_size):
    for piece in BatchSampler(order, batch_size, drop_last=False):
        inputs, labels = zip(*(dataset[i] for i in piece), strict=True)
        yield torch.stack(inputs), torch.stack(labels)


def loses_the_last(dataset, order, batch_size):
    for batch in range(len(order) // batch_size):
        piece = order[batch * batch_size : (batch + 1) * batch_size]
        inputs, labels = zip(*[dataset[i] for i in piece], strict=True)
        yield torch.stack(inputs), torch.stack(labels)


def ignores_the_order(dataset, order, batch_size):
    yield from by_slices(dataset, range(len(order)), batch_size)


def whole_dataset(dataset, order, batch_size):
    yield from by_slices(dataset, range(len(dataset)), batch_size)


def list_of_pairs(dataset, order, batch_size):
    for start in range(0, len(order), batch_size):
        yield [dataset[i] for i in order[start : start + batch_size]]


def tuples_not_stacked(dataset, order, batch_size):
    for start in range(0, len(order), batch_size):
        inputs, labels = zip(*[dataset[i] for i in order[start : start + batch_size]], strict=True)
        yield inputs, labels


def joined_not_stacked(dataset, order, batch_size):
    for start in range(0, len(order), batch_size):
        inputs, labels = zip(*[dataset[i] for i in order[start : start + batch_size]], strict=True)
        yield torch.cat(inputs), torch.stack(labels)


def all_at_once(dataset, order, batch_size):
    pairs = [dataset[i] for i in order]
    for start in range(0, len(order), batch_size):
        inputs, labels = zip(*pairs[start : start + batch_size], strict=True)
        yield torch.stack(inputs), torch.stack(labels)


def returns_the_first(dataset, order, batch_size):
    for start in range(0, len(order), batch_size):
        inputs, labels = zip(*[dataset[i] for i in order[start : start + batch_size]], strict=True)
        return torch.stack(inputs), torch.stack(labels)


def one_too_long(dataset, order, batch_size):
    for start in range(0, len(order), batch_size):
        piece = order[start : start + batch_size + 1]
        inputs, labels = zip(*[dataset[i] for i in piece], strict=True)
        yield torch.stack(inputs), torch.stack(labels)


def labels_first(dataset, order, batch_size):
    for inputs, labels in by_slices(dataset, order, batch_size):
        yield labels, inputs


def pads_the_last(dataset, order, batch_size):
    order = list(order)
    while len(order) % batch_size:
        order.append(order[-1])
    yield from by_slices(dataset, order, batch_size)


def labels_unshuffled(dataset, order, batch_size):
    for start in range(0, len(order), batch_size):
        piece = order[start : start + batch_size]
        inputs = torch.stack([dataset[i][0] for i in piece])
        labels = torch.stack([dataset[i][1] for i in range(start, start + len(piece))])
        yield inputs, labels


def a_list_of_batches(dataset, order, batch_size):
    found = []
    for start in range(0, len(order), batch_size):
        pairs = [dataset[i] for i in order[start : start + batch_size]]
        inputs, labels = zip(*pairs, strict=True)
        found.append((torch.stack(inputs), torch.stack(labels)))
    return found


# --- shuffled_batches
def drawn(dataset, batch_size, generator):
    order = torch.randperm(len(dataset), generator=generator).tolist()
    yield from by_slices(dataset, order, batch_size)


def drawn_and_returned(dataset, batch_size, generator):
    order = torch.randperm(len(dataset), generator=generator)
    return by_slices(dataset, [int(i) for i in order], batch_size)


def global_draw(dataset, batch_size, generator):
    yield from by_slices(dataset, torch.randperm(len(dataset)).tolist(), batch_size)


def not_shuffled(dataset, batch_size, generator):
    yield from by_slices(dataset, range(len(dataset)), batch_size)


def reseeded(dataset, batch_size, generator):
    generator.manual_seed(0)
    yield from drawn(dataset, batch_size, generator)


def with_replacement(dataset, batch_size, generator):
    order = torch.randint(0, len(dataset), (len(dataset),), generator=generator).tolist()
    yield from by_slices(dataset, order, batch_size)


def by_loader(dataset, batch_size, generator):
    yield from DataLoader(dataset, batch_size, shuffle=True, generator=generator)


def within_batches(dataset, batch_size, generator):
    for start in range(0, len(dataset), batch_size):
        size = min(batch_size, len(dataset) - start)
        piece = start + torch.randperm(size, generator=generator)
        yield from by_slices(dataset, piece.tolist(), batch_size)


def yields_the_generator(dataset, batch_size, generator):
    order = torch.randperm(len(dataset), generator=generator).tolist()
    yield (dataset[i] for i in order)


def hands_nothing_on(dataset, batch_size, generator):
    torch.randperm(len(dataset), generator=generator).tolist()


def from_minus_one(image):
    return [pixel / 127.5 - 1 for row in image for pixel in row]


def as_strings(image):
    return [f"{pixel / 255:.3f}" for row in image for pixel in row]


def by_sum(image):
    return [pixel / 255 for pixel in sum(image, [])]  # noqa: RUF017


def labels_only(images, labels, wanted):
    return [label for image, label in zip(images, labels, strict=True) if label in wanted]


def stops_at_unwanted(images, labels, wanted):
    found = []
    for image, label in zip(images, labels, strict=True):
        if label not in wanted:
            break
        found.append((image, label))
    return found


def by_compress(images, labels, wanted):
    if len(images) != len(labels):
        raise IndexError("lists of unequal length")
    return [pair for pair in zip(images, labels, strict=False) if pair[1] in [*wanted]]


class NoScale(Dataset):
    def __init__(self, images, labels):
        if len(images) != len(labels):
            raise ValueError("unequal")
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i].reshape(-1).float(), self.labels[i]


class LabelAsInt(Dataset):
    def __init__(self, images, labels):
        if len(images) != len(labels):
            raise ValueError("unequal")
        self.images, self.labels = images, labels.tolist()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i].reshape(-1) / 255, self.labels[i]


def drops_short(dataset, order, batch_size):
    for i in range(0, len(order) - batch_size + 1, batch_size):
        xs, ys = zip(*(dataset[j] for j in order[i : i + batch_size]), strict=True)
        yield torch.stack(xs), torch.stack(ys)


def positions_of_order(dataset, order, batch_size):
    for i in range(0, len(order), batch_size):
        rows = range(i, min(i + batch_size, len(order)))
        xs, ys = zip(*(dataset[j] for j in rows), strict=True)
        yield torch.stack(xs), torch.stack(ys)


def sampled(dataset, batch_size, generator):
    order = torch.rand(len(dataset), generator=generator).argsort().tolist()
    for i in range(0, len(order), batch_size):
        xs, ys = zip(*(dataset[j] for j in order[i : i + batch_size]), strict=True)
        yield torch.stack(xs), torch.stack(ys)


def whole_numbers(image):
    return [float(pixel // 255) for row in image for pixel in row]


def last_row_first(image):
    return [pixel / 255 for row in reversed(image) for pixel in row]


def swapped_pairs(images, labels, wanted):
    return [(y, x) for x, y in zip(images, labels, strict=True) if y in wanted]


class TwoAxes(Dataset):
    def __init__(self, images, labels):
        if len(images) != len(labels):
            raise ValueError("unequal")
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i].float() / 255, self.labels[i]


def whole_first(dataset, order, batch_size):
    pairs = [dataset[i] for i in order]
    for i in range(0, len(order), batch_size):
        xs, ys = zip(*pairs[i : i + batch_size], strict=True)
        yield torch.stack(xs), torch.stack(ys)


def new_generator(dataset, batch_size, generator):
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0)).tolist()
    for i in range(0, len(order), batch_size):
        xs, ys = zip(*(dataset[j] for j in order[i : i + batch_size]), strict=True)
        yield torch.stack(xs), torch.stack(ys)


WRONG = {
    "flat_pixels": [
        (whole_numbers, "//"),
        (last_row_first, "last to the first"),
        (from_minus_one, "times what it should be"),
        (as_strings, "floats"),
        (nested, "flat"),
        (whole_division, "//"),
        (unscaled, "255"),
        (by_columns, "row after row"),
        (by_256, "255"),
        (lazy, "list"),
        (first_row, "first row"),
        (as_tensor, "list"),
        (inner_loop_first, "the left one is the outer"),
    ],
    "pairs_of": [
        (swapped_pairs, "wrong way round"),
        (labels_only, "pairs"),
        (stops_at_unwanted, "expected"),
        (not_strict, "strict=True"),
        (images_only, "pairs"),
        (all_pairs, "wanted"),
        (the_others, "in wanted"),
        (label_first, "(image, label)"),
        (sorted_by_label, "order"),
        (two_lists, "pairs"),
        (lists_of_two, "each of them a tuple"),
    ],
    "pair_dataset": [
        (TwoAxes, "(784,)"),
        (NoScale, "255"),
        (LabelAsInt, "tensors"),
        (NoError, "ValueError"),
        (NotFlat, "784"),
        (NotScaled, "255"),
        (NoLength, "__len__"),
        (ImageOnly, "label"),
        (LabelFirst, "first"),
        (PythonLabel, "tensor"),
        (PixelCount, "len"),
        (AlwaysTheFirst, "i"),
    ],
    "zip_batches": [
        (whole_first, "when its batch is asked for"),
        (drops_short, "lost"),
        (positions_of_order, "`order`"),
        (loses_the_last, "short"),
        (ignores_the_order, "order"),
        (whole_dataset, "order"),
        (list_of_pairs, "two"),
        (tuples_not_stacked, "stack"),
        (joined_not_stacked, "stack"),
        (all_at_once, "asked for"),
        (returns_the_first, "yield"),
        (one_too_long, "batch_size"),
        (labels_first, "inputs first"),
        (pads_the_last, "short"),
        (labels_unshuffled, "label"),
        (a_list_of_batches, "yield the batch before you fetch the next"),
    ],
    "shuffled_batches": [
        (new_generator, "same order"),
        (sampled, "randperm"),
        (global_draw, "generator"),
        (not_shuffled, "shuffle"),
        (reseeded, "epoch"),
        (with_replacement, "randperm"),
        (by_loader, "randperm"),
        (within_batches, "whole"),
        (yields_the_generator, "`yield from` passes on its batches"),
        (hands_nothing_on, "returns None"),
    ],
}


RIGHT = {
    "flat_pixels": [
        by_sum,
        comprehension,
        chained,
    ],
    "pairs_of": [
        by_compress,
        zipped,
        by_index,
    ],
    "pair_dataset": [
        Plain,
        ScaledAtOnce,
    ],
    "zip_batches": [
        by_slices,
        by_islice,
        by_batch_sampler,
    ],
    "shuffled_batches": [
        drawn,
        drawn_and_returned,
    ],
}
