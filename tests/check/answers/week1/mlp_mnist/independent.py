"""Answers to the exercises on the digit network, written without seeing its check."""

import torch
import torch.nn.functional as F
from torch import nn


# --- flatten_images
def reshape_rows(images):
    return images.reshape(len(images), -1) / 255


def by_view_double(images):
    return images.view(images.shape[0], 784).double() / 255.0


def not_scaled(images):
    return images.flatten(1).float()


def all_in_one_row(images):
    return images.flatten().float() / 255


def pixels_first(images):
    return images.permute(1, 2, 0).reshape(784, -1).T.float() / 256


def integer_division(images):
    return images.flatten(1) // 255


def columns_first(images):
    return images.transpose(1, 2).flatten(1).float() / 255


def whole_division(images):
    return (images.flatten(1) // 255).float()


def minus_one_to_one(images):
    return (images.flatten(1).float() / 255 - 0.5) / 0.5


# --- build_mlp
def plain():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


def with_flatten():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


def with_softmax():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10), nn.Softmax(-1))


def no_relu():
    return nn.Sequential(nn.Linear(784, 256), nn.Linear(256, 10))


def other_width():
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def relu_at_the_end():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10), nn.ReLU())


_ONE = plain()


def always_the_same():
    return _ONE


# --- mean_loss
def by_logsumexp(logits, labels):
    return (torch.logsumexp(logits, 1) - logits.gather(1, labels[:, None])[:, 0]).mean()


def by_log_softmax(logits, labels):
    return nn.functional.nll_loss(logits.log_softmax(-1), labels)


def summed(logits, labels):
    return by_logsumexp(logits, labels) * len(labels)


def wrong_sign(logits, labels):
    return -by_logsumexp(logits, labels)


def overflows(logits, labels):
    probabilities = logits.exp() / logits.exp().sum(-1, keepdim=True)
    return -probabilities[range(len(labels)), labels].log().mean()


def base_two(logits, labels):
    return by_logsumexp(logits, labels) / torch.log(torch.tensor(2.0))


def one_per_image(logits, labels):
    return torch.logsumexp(logits, 1) - logits.gather(1, labels[:, None])[:, 0]


def probability_not_log(logits, labels):
    return -logits.softmax(-1).gather(1, labels[:, None]).mean()


def over_the_batch(logits, labels):
    return (torch.logsumexp(logits, 0)[labels] - logits.gather(1, labels[:, None])[:, 0]).mean()


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
def five_lines(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def clears_afterwards(model, batches, loss_fn, optimizer):
    optimizer.zero_grad()
    losses, sizes = [], []
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
        sizes.append(len(y))
    weights = torch.tensor(sizes, dtype=torch.double)
    return float((torch.stack(losses).double() * weights).sum() / weights.sum())


def no_zero_grad(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def no_step(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def no_backward(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def cleared_between(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def mean_of_means(model, batches, loss_fn, optimizer):
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def the_last_loss(model, batches, loss_fn, optimizer):
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def returns_a_tensor(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total = total + loss * len(y)
        n += len(y)
    return total / n


def first_batch_only(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
        return total / n


def softmax_first(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x).softmax(-1), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def one_step_at_the_end(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    optimizer.zero_grad()
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        total += loss.item() * len(y)
        n += len(y)
    optimizer.step()
    return total / n


def the_sum(model, batches, loss_fn, optimizer):
    total = 0.0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total


def own_loss(model, batches, loss_fn, optimizer):
    return five_lines(model, batches, nn.functional.cross_entropy, optimizer)


def labels_first(model, batches, loss_fn, optimizer):
    for inputs, labels in batches:
        loss_fn(labels, model(inputs)).backward()
        optimizer.step()


# --- accuracy
@torch.no_grad()
def counted(model, batches):
    hits = n = 0
    for x, y in batches:
        hits += int((model(x).argmax(-1) == y).sum())
        n += len(y)
    return hits / n


@torch.inference_mode()
def joined(model, batches):
    right = torch.cat([model(x).argmax(dim=1) == y for x, y in batches])
    return right.double().mean().item()


@torch.no_grad()
def mean_of_batches(model, batches):
    shares = [(model(x).argmax(-1) == y).double().mean().item() for x, y in batches]
    return sum(shares) / len(shares)


@torch.no_grad()
def in_percent(model, batches):
    return 100 * counted(model, batches)


@torch.no_grad()
def hits_only(model, batches):
    return sum(int((model(x).argmax(-1) == y).sum()) for x, y in batches)


@torch.no_grad()
def wrong_axis(model, batches):
    hits = n = 0
    for x, y in batches:
        hits += int((model(x).argmax(0)[:1] == y).sum())
        n += len(y)
    return hits / n


def with_graph(model, batches):
    hits = n = 0
    for x, y in batches:
        hits += int((model(x).argmax(-1) == y).sum())
        n += len(y)
    return hits / n


@torch.no_grad()
def error_rate(model, batches):
    return 1 - counted(model, batches)


@torch.no_grad()
def last_batch(model, batches):
    for x, y in batches:
        share = (model(x).argmax(-1) == y).double().mean().item()
    return share


@torch.no_grad()
def smallest(model, batches):
    hits = n = 0
    for x, y in batches:
        hits += int((model(x).argmin(-1) == y).sum())
        n += len(y)
    return hits / n


def trains_on_the_test(model, batches):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    five_lines(model, batches, nn.functional.cross_entropy, optimizer)
    return counted(model, batches)


@torch.no_grad()
def rounded(model, batches):
    return round(counted(model, batches), 1)


@torch.no_grad()
def per_batch_size(model, batches):
    hits = n = 0
    for x, y in batches:
        hits += int((model(x).argmax(-1) == y).sum())
        n += 1
    return hits / n


def down_the_batch(model, batches):
    hits = n = 0
    with torch.no_grad():
        for inputs, labels in batches:
            hits += (model(inputs).argmax(0) == labels).sum().item()
            n += len(labels)
    return hits / n


# --- confusion_matrix
def by_loop(labels, answers):
    counts = torch.zeros(10, 10, dtype=torch.long)
    for label, answer in zip(labels.tolist(), answers.tolist(), strict=True):
        counts[label, answer] += 1
    return counts


def by_one_hot(labels, answers):
    hot = nn.functional.one_hot
    return hot(labels, 10).T @ hot(answers, 10)


def rows_are_answers(labels, answers):
    return by_loop(answers, labels)


def in_shares(labels, answers):
    counts = by_loop(labels, answers).double()
    return counts / counts.sum(1, keepdim=True)


def assigned_not_added(labels, answers):
    counts = torch.zeros(10, 10, dtype=torch.long)
    counts[labels, answers] += 1
    return counts


def errors_only(labels, answers):
    return by_loop(labels, answers).fill_diagonal_(0)


def as_small_as_the_data(labels, answers):
    n = int(labels.max()) + 1
    return by_loop(labels, answers)[:n, :n]


def as_many_as_occur(labels, answers):
    n = int(labels.max()) + 1
    return (n * labels + answers).bincount(minlength=n * n).reshape(n, n)


# --- hardest_errors
def sort_then_filter(logits, labels, k):
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    order = losses.argsort(descending=True)
    return order[logits.argmax(-1)[order] != labels[order]][:k]


def python_sort(logits, labels, k):
    losses = (-logits.log_softmax(-1)[range(len(labels)), labels]).tolist()
    wrong = [i for i in range(len(labels)) if logits[i].argmax() != labels[i]]
    return torch.tensor(sorted(wrong, key=lambda i: -losses[i])[:k], dtype=torch.long)


def right_ones_too(logits, labels, k):
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    return losses.topk(min(k, len(labels))).indices


def easiest_first(logits, labels, k):
    return sort_then_filter(logits, labels, len(labels)).flip(0)[:k]


def indices_among_the_wrong(logits, labels, k):
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    wrong = logits.argmax(-1) != labels
    return losses[wrong].argsort(descending=True)[:k]


def ignores_k(logits, labels, k):
    return sort_then_filter(logits, labels, len(labels))


def by_the_answers_logit(logits, labels, k):
    wrong = (logits.argmax(-1) != labels).nonzero()[:, 0]
    return wrong[logits.max(-1).values[wrong].argsort(descending=True)][:k]


def in_their_order(logits, labels, k):
    return (logits.argmax(-1) != labels).nonzero()[:, 0][:k]


def the_losses(logits, labels, k):
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    return losses[sort_then_filter(logits, labels, k)]


def topk_of_few(logits, labels, k):
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    wrong = (logits.argmax(-1) != labels).nonzero()[:, 0]
    return wrong[losses[wrong].topk(k).indices]


def by_channels(images):
    return images.permute(0, 2, 1).flatten(1) / 255


def first_image_repeated(images):
    return (images[:1].flatten(1) / 255).expand(len(images), -1)


def over_two_hundred_fifty_four(images):
    return images.flatten(1).float() / 254


def with_blur(images):
    return (images.flatten(1).float() + 0.5) / 255


def by_list_of_rows(images):
    return torch.stack([torch.hstack(list(image)) for image in images.double()]) / 255


def three_layers():
    return nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )


def tanh_between():
    return nn.Sequential(nn.Linear(784, 256), nn.Tanh(), nn.Linear(256, 10))


def with_dropout():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.1), nn.Linear(256, 10))


def loss_mean_of_logsumexp(logits, labels):
    return logits.logsumexp(-1).mean()


def loss_base_ten(logits, labels):
    return -logits.log_softmax(-1)[torch.arange(len(labels)), labels].mean() / 2.302585


def loss_clamped(logits, labels):
    shares = logits.softmax(-1)[torch.arange(len(labels)), labels]
    return -shares.clamp(min=1e-6).log().mean()


def loss_by_nll(logits, labels):
    return nn.functional.nll_loss(nn.functional.log_softmax(logits, dim=-1), labels)


def epoch_eval_loss(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss_fn(model(x), y).item() * len(y)
        n += len(y)
    return total / n


def epoch_steps_twice(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        for _ in range(2):
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def epoch_softmax_first(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x).softmax(-1), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def accuracy_top_two(model, batches):
    hits = n = 0
    with torch.no_grad():
        for x, y in batches:
            hits += (model(x).topk(2).indices == y[:, None]).any(1).sum().item()
            n += len(y)
    return hits / n


def accuracy_mean_confidence(model, batches):
    total = n = 0
    with torch.no_grad():
        for x, y in batches:
            total += model(x).softmax(-1)[torch.arange(len(y)), y].sum().item()
            n += len(y)
    return total / n


def accuracy_one_minus(model, batches):
    with torch.no_grad():
        wrong = torch.cat([model(x).argmax(-1) - y for x, y in batches]).count_nonzero()
    return 1 - wrong.item() / 15


def matrix_off_by_one(labels, answers):
    counts = torch.zeros(11, 11, dtype=torch.long)
    for i, j in zip(labels, answers, strict=True):
        counts[i + 1, j + 1] += 1
    return counts[:10, :10]


def matrix_percent(labels, answers):
    counts = (10 * labels + answers).bincount(minlength=100).view(10, 10)
    return (100 * counts / counts.sum(1, keepdim=True).clamp(min=1)).round().long()


def errors_lowest_label_logit(logits, labels, k):
    wrong = (logits.argmax(-1) != labels).nonzero()[:, 0]
    return wrong[logits[wrong, labels[wrong]].argsort()][:k]


def errors_one_more(logits, labels, k):
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    wrong = (logits.argmax(-1) != labels).nonzero()[:, 0]
    return wrong[losses[wrong].argsort(descending=True)][: k + 1]


def upside_down(images):
    return images.flip(1).flatten(1).float() / 255


def only_half_range(images):
    return images.flatten(1).float() / 510


def sigmoid_at_the_end():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10), nn.Sigmoid())


def no_bias():
    return nn.Sequential(nn.Linear(784, 256, bias=False), nn.ReLU(), nn.Linear(256, 10))


def loss_exp_log(logits, labels):
    shares = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -shares[torch.arange(len(labels)), labels].log().mean()


def loss_sign(logits, labels):
    return (logits[torch.arange(len(labels)), labels] - logits.logsumexp(-1)).mean()


def epoch_no_zero(model, batches, loss_fn, optimizer):
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def epoch_last_loss(model, batches, loss_fn, optimizer):
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def accuracy_of_means(model, batches):
    with torch.no_grad():
        shares = [(model(x).argmax(-1) == y).float().mean() for x, y in batches]
    return torch.stack(shares).mean()


def matrix_transposed(labels, answers):
    return (10 * answers + labels).bincount(minlength=100).view(10, 10)


def errors_all(logits, labels, k):
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    return losses.argsort(descending=True)[:k]


# --- tries of one who walked the chapter from its first cell to its last
def ml_cols(logits, labels):
    return (logits.logsumexp(0) - logits[:, labels]).mean()


def ac_right(model, batches):
    with torch.inference_mode():
        hit = torch.cat([model(x).argmax(1).eq(y) for x, y in batches])
    return hit.double().mean().item()


def he_all(logits, labels, k):
    return F.cross_entropy(logits, labels, reduction="none").topk(min(k, len(labels))).indices


def he_right(logits, labels, k):
    l = F.cross_entropy(logits, labels, reduction="none").tolist()
    w = [i for i in range(len(labels)) if int(logits[i].argmax()) != int(labels[i])]
    return sorted(w, key=lambda i: l[i], reverse=True)[:k]


WRONG = {
    "flatten_images": [
        (upside_down, "from the top"),
        (only_half_range, "0.5 times"),
        (by_channels, "columns"),
        (first_image_repeated, "first image"),
        (over_two_hundred_fifty_four, "254"),
        (with_blur, "nearly right"),
        (not_scaled, "divide by 255"),
        (all_in_one_row, "one row for each image"),
        (pixels_first, "255"),
        (integer_division, "floats"),
        (columns_first, "row after row"),
        (whole_division, "// divides whole"),
        (minus_one_to_one, "from -1 to 1"),
    ],
    "build_mlp": [
        (sigmoid_at_the_end, "nothing comes after"),
        (no_bias, "bias"),
        (three_layers, "256 to 256"),
        (tanh_between, "Tanh"),
        (with_dropout, "Dropout"),
        (with_softmax, "after the last linear map"),
        (no_relu, "ReLU"),
        (other_width, "256"),
        (relu_at_the_end, "after the last linear map"),
        (always_the_same, "fresh"),
    ],
    "mean_loss": [
        (ml_cols, "must match"),
        (loss_exp_log, "logsumexp"),
        (loss_sign, "sign"),
        (loss_mean_of_logsumexp, "label"),
        (loss_base_ten, "natural"),
        (loss_clamped, "large logits"),
        (summed, "mean"),
        (wrong_sign, "sign"),
        (overflows, "logsumexp"),
        (base_two, "nats"),
        (one_per_image, "mean"),
        (probability_not_log, "logarithm"),
        (over_the_batch, "each row"),
        (by_the_library, "write it by hand"),
        (by_the_module, "write it by hand"),
        (a_float, "cuts it off from its derivatives"),
        (columns_of_labels, "takes the labels of ALL images"),
        (maximum_not_added_back, "never came back"),
        (sum_over_the_images, "it was given logits (5, 7), labels (5,)"),
    ],
    "train_epoch": [
        (epoch_no_zero, "zero_grad"),
        (epoch_last_loss, "last batch"),
        (epoch_eval_loss, "before its step"),
        (epoch_steps_twice, "pass over the batches once"),
        (epoch_softmax_first, "softmax"),
        (no_zero_grad, "zero_grad"),
        (no_step, "step"),
        (no_backward, "backward"),
        (cleared_between, "between"),
        (mean_of_means, "shorter"),
        (the_last_loss, "last batch"),
        (returns_a_tensor, "float"),
        (first_batch_only, "first batch"),
        (softmax_first, "loss_fn"),
        (one_step_at_the_end, "each batch"),
        (the_sum, "divide"),
        (own_loss, "loss_fn"),
        (labels_first, "the logits first, then the labels"),
    ],
    "accuracy": [
        (accuracy_of_means, "mean of the batches"),
        (accuracy_top_two, "largest"),
        (accuracy_mean_confidence, "mean probability"),
        (accuracy_one_minus, "yours is"),
        (mean_of_batches, "differ in size"),
        (in_percent, "from 0 to 1"),
        (hits_only, "divide"),
        (wrong_axis, "argmax"),
        (with_graph, "no_grad"),
        (error_rate, "wrong"),
        (last_batch, "last batch"),
        (smallest, "argmax"),
        (trains_on_the_test, "weights"),
        (rounded, "round"),
        (per_batch_size, "number of images"),
        (down_the_batch, "along the last axis?"),
    ],
    "confusion_matrix": [
        (matrix_transposed, "exchanged"),
        (matrix_off_by_one, "row"),
        (matrix_percent, "how often"),
        (rows_are_answers, "rows"),
        (in_shares, "how often"),
        (assigned_not_added, "once"),
        (errors_only, "diagonal"),
        (as_small_as_the_data, "(10, 10)"),
        (as_many_as_occur, "shape (3, 3); expected (10, 10)"),
    ],
    "hardest_errors": [
        (he_all, "right answers"),
        (errors_all, "right answers"),
        (errors_lowest_label_logit, "by the loss"),
        (errors_one_more, "at most k"),
        (right_ones_too, "wrong"),
        (easiest_first, "highest loss first"),
        (indices_among_the_wrong, "among all images"),
        (ignores_k, "at most"),
        (by_the_answers_logit, "loss"),
        (in_their_order, "loss"),
        (the_losses, "indices"),
        (topk_of_few, "4 answers are wrong and k is 12"),
    ],
}


RIGHT = {
    "flatten_images": [
        by_list_of_rows,
        reshape_rows,
        by_view_double,
    ],
    "build_mlp": [
        plain,
        with_flatten,
    ],
    "mean_loss": [
        loss_by_nll,
        by_logsumexp,
        by_log_softmax,
    ],
    "train_epoch": [
        five_lines,
        clears_afterwards,
    ],
    "accuracy": [
        ac_right,
        counted,
        joined,
    ],
    "confusion_matrix": [
        by_loop,
        by_one_hot,
    ],
    "hardest_errors": [
        he_right,
        sort_then_filter,
        python_sort,
    ],
}
