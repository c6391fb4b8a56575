"""Wrong answers to week 1 from somebody who worked through its notebooks, not knowing the checks.

WRONG is as in `cases_induction`. Each was rejected at first with words that did not name it, or was
accepted; the checks were mended for them.
"""

import math

import einops
import torch
from torch import nn

from mi_course import transformer


# --- flatten_images
def whole_division(images):
    return (images.flatten(1) // 255).float()


def minus_one_to_one(images):
    return (images.flatten(1).float() / 255 - 0.5) / 0.5


# --- mean_loss
def by_the_library(logits, labels):
    return nn.functional.cross_entropy(logits, labels)


def by_the_module(logits, labels):
    return nn.CrossEntropyLoss()(logits, labels)


def a_float(logits, labels):
    picked = logits[torch.arange(len(labels)), labels]
    return (torch.logsumexp(logits, -1) - picked).mean().item()


def columns_of_labels(logits, labels):
    return (torch.logsumexp(logits, -1) - logits[:, labels]).mean()


def maximum_not_added_back(logits, labels):
    shifted = logits - logits.max(-1, keepdim=True).values
    lse = torch.log(torch.exp(shifted).sum(-1))
    return (lse - logits[torch.arange(len(labels)), labels]).mean()


def sum_over_the_images(logits, labels):
    return (torch.logsumexp(logits, 0) - logits[torch.arange(len(labels)), labels]).mean()


# --- train_epoch
def labels_first(model, batches, loss_fn, optimizer):
    for inputs, labels in batches:
        loss_fn(labels, model(inputs)).backward()
        optimizer.step()


# --- accuracy
def down_the_batch(model, batches):
    hits = n = 0
    with torch.no_grad():
        for inputs, labels in batches:
            hits += (model(inputs).argmax(0) == labels).sum().item()
            n += len(labels)
    return hits / n


# --- confusion_matrix
def as_many_as_occur(labels, answers):
    n = int(labels.max()) + 1
    return (n * labels + answers).bincount(minlength=n * n).reshape(n, n)


# --- hardest_errors
def topk_of_few(logits, labels, k):
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    wrong = (logits.argmax(-1) != labels).nonzero()[:, 0]
    return wrong[losses[wrong].topk(k).indices]


# --- flat_pixels
def inner_loop_first(image):
    return [pixel / 255 for pixel in line for line in image]


# --- pairs_of
def lists_of_two(images, labels, wanted):
    return [[i, n] for i, n in zip(images, labels, strict=True) if n in wanted]


# --- zip_batches
def a_list_of_batches(dataset, order, batch_size):
    found = []
    for start in range(0, len(order), batch_size):
        pairs = [dataset[i] for i in order[start : start + batch_size]]
        inputs, labels = zip(*pairs, strict=True)
        found.append((torch.stack(inputs), torch.stack(labels)))
    return found


# --- shuffled_batches
def yields_the_generator(dataset, batch_size, generator):
    order = torch.randperm(len(dataset), generator=generator).tolist()
    yield (dataset[i] for i in order)


def hands_nothing_on(dataset, batch_size, generator):
    torch.randperm(len(dataset), generator=generator).tolist()


# --- embed
def tokens_as_positions(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[tokens]


# --- attention_pattern
def scores_only(q, k):
    scores = einops.einsum(q, k, "b q h d, b k h d -> b h q k") / math.sqrt(q.shape[-1])
    mask = torch.ones(scores.shape[-2:]).tril().bool()
    return scores.masked_fill(~mask, -math.inf)


def softmax_of_integers(q, k):
    return einops.einsum(q, k, "b q h d, b k h d -> b h q k").long().softmax(-1)


# --- block
class OneNorm(transformer.Block):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.ln2 = self.ln1


WRONG = {
    "flatten_images": [(whole_division, "// divides whole"), (minus_one_to_one, "from -1 to 1")],
    "mean_loss": [
        (by_the_library, "write it by hand"),
        (by_the_module, "write it by hand"),
        (a_float, "cuts it off from its derivatives"),
        (columns_of_labels, "takes the labels of ALL images"),
        (maximum_not_added_back, "never came back"),
        (sum_over_the_images, "it was handed logits (5, 7), labels (5,)"),
    ],
    "train_epoch": [(labels_first, "the logits first, then the labels")],
    "accuracy": [(down_the_batch, "along the last axis?")],
    "confusion_matrix": [(as_many_as_occur, "shape (3, 3); expected (10, 10)")],
    "hardest_errors": [(topk_of_few, "4 answers are wrong and k is 12")],
    "flat_pixels": [(inner_loop_first, "the left one is the outer")],
    "pairs_of": [(lists_of_two, "each of them a tuple")],
    "zip_batches": [(a_list_of_batches, "yield the batch before you fetch the next")],
    "shuffled_batches": [
        (yields_the_generator, "`yield from` hands on its batches"),
        (hands_nothing_on, "returns None"),
    ],
    "embed": [(tokens_as_positions, "are the tokens used as rows of W_pos?")],
    "attention_pattern": [
        (scores_only, "the softmax over the keys is missing"),
        (softmax_of_integers, "NotImplementedError"),  # and not: not written yet
    ],
    "block": [(OneNorm, "ln1 and ln2 are one and the same object")],
}
RIGHT: dict = {}
