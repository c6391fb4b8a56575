"""Answers by the author of the checks, of kinds that a check once misjudged."""

import torch
from torch import nn


def over_the_brightest(images):
    return torch.stack([im.flatten().float() / im.max() for im in images])


def squeezed_rows(images):
    return (images.flatten(1).float() / 255).squeeze()


def binarised(images):
    return (images.flatten(1) > 127).float()


def in_sixteen_bits(images):
    return (images.flatten(1).half() / 255).float()


def standardised(images):
    x = images.flatten(1).float() / 255
    return (x - 0.1307) / 0.3081


def multiplied_by_reciprocal(images):
    return torch.flatten(images, start_dim=1) * (1 / 255)


_shared_hidden = nn.Linear(784, 256)


def hidden_layer_outside():
    return nn.Sequential(_shared_hidden, nn.ReLU(), nn.Linear(256, 10))


def frozen():
    network = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    return network.requires_grad_(False)


def all_zero():
    network = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    for weight in network.parameters():
        nn.init.zeros_(weight)
    return network


def in_double():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)).double()


def kaiming():
    network = nn.Sequential()
    network.append(nn.Linear(784, 256))
    network.append(nn.ReLU(inplace=True))
    network.append(nn.Linear(256, 10))
    nn.init.kaiming_normal_(network[0].weight)
    nn.init.zeros_(network[0].bias)
    return network


def loss_detached(logits, labels):
    return -logits.detach().log_softmax(-1)[range(len(labels)), labels].mean()


def loss_without_grad(logits, labels):
    with torch.no_grad():
        return (logits.logsumexp(-1) - logits[torch.arange(len(labels)), labels]).mean()


def loss_as_new_tensor(logits, labels):
    losses = [
        float(row.logsumexp(0) - row[label]) for row, label in zip(logits, labels, strict=True)
    ]
    return torch.tensor(sum(losses) / len(losses))


def loss_label_detached(logits, labels):
    own = logits.detach()[torch.arange(len(labels)), labels]
    return (logits.logsumexp(-1) - own).mean()


def loss_of_four(logits, labels):
    return (logits.logsumexp(-1) - logits[torch.arange(5), labels[:5]]).mean()


def loss_over_classes(logits, labels):
    return -logits.log_softmax(-1).gather(1, labels[:, None]).sum() / logits.shape[1]


def loss_by_one_hot(logits, labels):
    chosen = nn.functional.one_hot(labels, logits.shape[-1])
    return -(chosen * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()


def loss_shifted(logits, labels):
    z = logits - logits.max(dim=1, keepdim=True).values
    return (z.exp().sum(1).log() - z.gather(1, labels.view(-1, 1)).squeeze(1)).mean()


def epoch_by_length(model, batches, loss_fn, optimizer):
    total = 0.0
    for inputs, labels in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)


def epoch_accumulates_default(model, batches, loss_fn, optimizer, seen=[0.0, 0]):  # noqa: B006
    for inputs, labels in batches:
        loss = loss_fn(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen[0] += loss.item() * len(labels)
        seen[1] += len(labels)
    return seen[0] / seen[1]


def epoch_two_passes(model, batches, loss_fn, optimizer):
    for inputs, labels in batches:
        optimizer.zero_grad()
        loss_fn(model(inputs), labels).backward()
        optimizer.step()
    with torch.no_grad():
        total = sum(loss_fn(model(x), y).item() * len(y) for x, y in batches)
        return total / sum(len(y) for _, y in batches)


def epoch_lists(model, batches, loss_fn, optimizer):
    model.train()
    losses, sizes = [], []
    for batch in list(batches):
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        sizes.append(batch[1].numel())
    weights = torch.tensor(sizes, dtype=torch.float64)
    return float((torch.stack(losses).double() * weights).sum() / weights.sum())


def accuracy_whole_division(model, batches):
    with torch.no_grad():
        hits = sum(int((model(x).argmax(-1) == y).sum()) for x, y in batches)
        return hits // sum(len(y) for x, y in batches)


def accuracy_of_the_best(model, batches):
    with torch.no_grad():
        return max((model(x).argmax(-1) == y).float().mean().item() for x, y in batches)


def accuracy_keeps_counting(model, batches, count=[0, 0]):  # noqa: B006
    with torch.no_grad():
        for x, y in batches:
            count[0] += (model(x).argmax(1) == y).sum().item()
            count[1] += len(y)
    return count[0] / count[1]


def accuracy_first_size(model, batches):
    batches = list(batches)
    with torch.no_grad():
        hits = sum((model(x).argmax(-1) == y).sum().item() for x, y in batches)
    return hits / (len(batches) * len(batches[0][1]))


def accuracy_in_eval(model, batches):
    model.eval()
    right = []
    with torch.inference_mode():
        for x, y in batches:
            right.extend((model(x).max(dim=1).indices == y).tolist())
    return sum(right) / len(right)


def matrix_bytes(labels, answers):
    counts = torch.zeros(10, 10, dtype=torch.uint8)
    for label, answer in zip(labels, answers, strict=True):
        counts[label, answer] += 1
    return counts


def matrix_as_floats(labels, answers):
    return torch.histogramdd(
        torch.stack([labels, answers], 1).double(), bins=[10, 10], range=[0.0, 10.0, 0.0, 10.0]
    ).hist


def matrix_upper(labels, answers):
    low, high = torch.minimum(labels, answers), torch.maximum(labels, answers)
    return (10 * low + high).bincount(minlength=100).view(10, 10)


def matrix_by_index_put(labels, answers):
    counts = torch.zeros((10, 10), dtype=torch.int64)
    return counts.index_put((labels, answers), torch.ones_like(labels), accumulate=True)


def errors_among_the_top(logits, labels, k):
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    top = losses.argsort(descending=True)[:k]
    return top[logits[top].argmax(-1) != labels[top]]


def errors_by_margin(logits, labels, k):
    wrong = (logits.argmax(-1) != labels).nonzero()[:, 0]
    margin = logits.max(-1).values - logits.gather(1, labels[:, None])[:, 0]
    return wrong[margin[wrong].argsort(descending=True)][:k]


def errors_masked(logits, labels, k):
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    wrong = logits.argmax(1) != labels
    losses = losses.masked_fill(~wrong, -1.0)
    return losses.topk(min(k, int(wrong.sum()))).indices


WRONG = {
    "flatten_images": [
        (over_the_brightest, "largest"),
        (squeezed_rows, "squeeze()"),
        (binarised, "0 or 1"),
        (in_sixteen_bits, "nearly right"),
        (standardised, "times what it should be"),
    ],
    "build_mlp": [
        (hidden_layer_outside, "share"),
        (frozen, "requires_grad"),
        (all_zero, "alike"),
        (in_double, "float32"),
    ],
    "mean_loss": [
        (loss_detached, "detach"),
        (loss_without_grad, "no_grad"),
        (loss_as_new_tensor, "derivative"),
        (loss_label_detached, "derivative"),
        (loss_of_four, "stopped with"),
        (loss_over_classes, "number of images"),
    ],
    "train_epoch": [
        (epoch_by_length, "mean of the batches' means"),
        (epoch_accumulates_default, "the default of seen"),
        (epoch_two_passes, "before its step"),
    ],
    "accuracy": [
        (accuracy_whole_division, "//"),
        (accuracy_of_the_best, "best batch"),
        (accuracy_keeps_counting, "the default of count"),
        (accuracy_first_size, "as long as the first"),
    ],
    "confusion_matrix": [
        (matrix_bytes, "torch.long"),
        (matrix_as_floats, "whole numbers"),
        (matrix_upper, "sorted"),
    ],
    "hardest_errors": [
        (errors_among_the_top, "wrong answers first"),
        (errors_by_margin, "by the loss"),
    ],
}


RIGHT = {
    "flatten_images": [
        multiplied_by_reciprocal,
    ],
    "build_mlp": [
        kaiming,
    ],
    "mean_loss": [
        loss_by_one_hot,
        loss_shifted,
    ],
    "train_epoch": [
        epoch_lists,
    ],
    "accuracy": [
        accuracy_in_eval,
    ],
    "confusion_matrix": [
        matrix_by_index_put,
    ],
    "hardest_errors": [
        errors_masked,
    ],
}
