"""Checks on the network that reads digits: its input, its parts, its loss, its training loop."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mi_course.check import derivatives
from mi_course.check.core import Attempt, Wrong, close, exercise
from mi_course.check.mistakes import Cases, named
from mi_course.check.numerals import apart
from mi_course.check.symptoms import SEEN
from mi_course.digits import mlp

INPUTS, CLASSES = 6, 4


@exercise
def flatten_images(attempt: Attempt) -> None:
    """`(images [n, 28, 28], 0 to 255) -> [n, 784] floats from 0 to 1`."""
    # Largest values below 255 and smallest above 0: the images do not tell what to divide by.
    cases = Cases("image", "pixel")
    for n, first, last in ((3, 0, 255), (2, 3, 120), (1, 10, 200)):
        images = torch.arange(n * 784).view(n, 28, 28).mul(7).remainder(last - first + 1) + first
        _compare_rows(attempt, images.to(torch.uint8), cases)


def _compare_rows(attempt: Attempt, images: Tensor, cases: Cases) -> None:
    n = len(images)
    attempt.expect(mlp.pixels(images), images)
    result = attempt(images)
    if isinstance(result, Tensor) and result.ndim == 1 and n == 1:
        raise Wrong("with one image the first axis is lost, as by squeeze(): keep it, (1, 784)")
    if isinstance(result, Tensor) and result.ndim == 1:
        raise Wrong("everything is in one row: make one row for each image, images.flatten(1)")
    found = attempt.tensor(images, shape=(n, 784), axes="(n, 784)")
    if not found.is_floating_point():
        raise Wrong("the pixels should be floats: // divides whole numbers, / gives floats")
    right = mlp.pixels(images)
    low, high = images.min(), images.max()
    each = right / right.amax(1, keepdim=True)
    mistakes = {
        "divide by 255, so that ink becomes 1": right * 255,
        "divide by 255, not by 256: the largest value should become 1": right * 255 / 256,
        "divide by 255, not by 254": right * 255 / 254,
        "the pixels run down the columns: read them row after row": (
            right.view(n, 28, 28).transpose(1, 2).flatten(1)
        ),
        "ink and paper are exchanged: 0 is paper and stays 0": 1 - right,
        "// divides whole numbers and cuts off the rest: divide floats, with /": right.floor(),
        "the numbers run from -1 to 1: divide by 255, and leave it at that": 2 * right - 1,
        "divide by 255, whatever the largest value of these images is: half an ink stays half": (
            right * 255 / high
        ),
        "divide by 255, whatever each image's own largest value is: half an ink stays half": each,
        "divide by 255 and subtract nothing: 0 stays 0, whatever the smallest value here is": (
            (images.flatten(1).float() - low) / (high - low)
        ),
        "every pixel is made 0 or 1: keep the shades of grey, divide by 255": (right > 0.5).float(),
        "the rows of an image are in another order: read it from the top": (
            right.view(n, 28, 28).flip(1).flatten(1)
        ),
        "mean and spread are taken out: divide by 255, and leave it at that": (
            (right - right.mean()) / right.std()
        ),
    }
    hint = "row i should hold the pixels of image i, row after row, divided by 255"
    cases.judge(found, right, mistakes, hint)


@exercise
def build_mlp(attempt: Attempt) -> None:
    """`() -> nn.Sequential`, 784 to 256 to 10, without anything after the last layer."""
    network = attempt()
    if not isinstance(network, nn.Sequential):
        raise Wrong(f"return an nn.Sequential, not {type(network).__name__}")
    layers = [layer for layer in network if not isinstance(layer, nn.Flatten)]
    shapes = [tuple(layer.weight.shape) for layer in layers if isinstance(layer, nn.Linear)]
    if layers and not isinstance(layers[-1], nn.Linear):
        raise Wrong(
            f"nothing comes after the last linear map: leave out {type(layers[-1]).__name__}, "
            "since the loss takes logits",
            symptom="for random images the network's results are no logits",
        )
    if shapes != [(256, 784), (10, 256)]:
        maps = ", ".join(f"{inputs} to {outputs}" for outputs, inputs in shapes) or "none"
        raise Wrong(f"expected linear maps from 784 to 256 and from 256 to 10; yours: {maps}")
    if len(layers) != 3 or not isinstance(layers[1], nn.ReLU):
        between = ", ".join(type(layer).__name__ for layer in layers[1:-1]) or "nothing"
        raise Wrong(f"between the two linear maps there is one nn.ReLU(); yours: {between}")
    if any(isinstance(layer, nn.Linear) and layer.bias is None for layer in layers):
        told = "a linear map has no bias"
        raise Wrong(f"{told}: leave bias=False out", symptom=told)
    _explain_fresh(network, attempt())
    _explain_weights(network)
    images = torch.rand(2, 784, generator=torch.Generator().manual_seed(0))
    logits = Attempt(lambda: network(images))()
    if logits.shape != (2, 10):
        raise Wrong(f"two images give logits of shape {tuple(logits.shape)}; expected (2, 10)")


def _explain_fresh(network: nn.Sequential, other: Any) -> None:
    if other is network:
        raise Wrong("return a fresh network at each call: build it inside the function")
    places = {weight.data_ptr() for weight in network.parameters()}
    if any(weight.data_ptr() in places for weight in other.parameters()):
        raise Wrong(
            "two networks share a layer, so that training one changes the other: make the layers "
            "inside the function",
            symptom="your function was called twice, and the networks are not independent",
        )


def _explain_weights(network: nn.Sequential) -> None:
    for name, weight in network.named_parameters():
        if not weight.requires_grad:
            raise Wrong(
                f"the weight {name} cannot be trained: its requires_grad is off, leave it on"
            )
        if weight.dtype != torch.float32:
            raise Wrong(
                f"the weight {name} is {weight.dtype}, and the images are float32: leave the "
                "layers as nn.Linear makes them"
            )
        if weight.ndim == 2 and bool((weight == weight[:1]).all()):
            raise Wrong(
                f"all rows of {name} are alike, and would stay alike in training: leave the random "
                "numbers with which nn.Linear begins"
            )


@exercise
def mean_loss(attempt: Attempt) -> None:
    """`(logits [n, classes], labels [n]) -> mean cross-entropy in nats`."""
    generator = torch.Generator().manual_seed(0)
    cases = Cases()
    for n, classes in ((5, 7), (1, 4), (8, 3)):
        logits = 2 * torch.randn(n, classes, generator=generator)
        labels = torch.randint(0, classes, (n,), generator=generator)
        with cases.case():
            _compare_losses(attempt, logits, labels, cases)
    for scale in (500, -500):
        large = nn.functional.cross_entropy(scale * logits, labels)
        if not close(_number(attempt, scale * logits, labels), large):
            raise Wrong(
                "large logits go wrong: their exponential is infinite, and that of others is 0, "
                "which no clamp brings back: use torch.logsumexp"
            )
    derivatives.require(
        lambda z: attempt.function(z, labels),
        lambda z: nn.functional.cross_entropy(z, labels),
        {"logits": logits},
    )


def _compare_losses(attempt: Attempt, logits: Tensor, labels: Tensor, cases: Cases) -> None:
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    found, right = _number(attempt, logits, labels), losses.mean()
    right_text, found_text = apart(right.item(), found.item(), 4)
    cases.judge(
        found,
        right,
        _wrong_losses(logits, labels, losses),
        f"for random logits the loss should be {right_text} nats, and yours is {found_text}",
    )


class _ByHand(TorchFunctionMode):
    """Refuses `cross_entropy`, under whatever name it was imported."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "").startswith("cross_entropy"):
            raise Wrong("this calls cross_entropy: write it by hand, with torch.logsumexp")
        return func(*args, **(kwargs or {}))


def _number(attempt: Attempt, logits: Tensor, labels: Tensor) -> Tensor:
    def by_hand(logits: Tensor, labels: Tensor) -> Any:
        with _ByHand():
            return attempt.function(logits, labels)

    run = Attempt(by_hand)
    result = run(logits, labels)
    if isinstance(result, Tensor) and result.shape == (len(labels),):
        raise Wrong("return the mean over the images, one number, not one loss for each")
    large = bool((logits.abs() > 100).any())
    if large and isinstance(result, Tensor) and result.numel() == 1 and bool(result.isnan().any()):
        raise Wrong("large logits give NaN: their exponential is infinite, use torch.logsumexp")
    if large and isinstance(result, Tensor) and result.numel() == 1 and bool(result.isinf().any()):
        raise Wrong("large logits give infinity: use torch.logsumexp, not exp and log")
    if isinstance(result, int | float):
        raise Wrong("return a tensor with one number: .item() cuts it off from its derivatives")
    return run.tensor(logits, labels, shape=(), axes="one number: ()")


def _wrong_losses(logits: Tensor, labels: Tensor, losses: Tensor) -> dict[str, Tensor]:
    """Wrong answers by the sentence that names their mistake."""
    own = logits[torch.arange(len(labels)), labels]
    sums, largest = logits.logsumexp(-1), logits.max(-1).values
    probabilities = logits.softmax(-1)[torch.arange(len(labels)), labels]
    return {
        "this is the sum over the images: take the mean": losses.sum(),
        "the sign is flipped: the loss is MINUS the logarithm": -losses.mean(),
        "this is in bits: use the natural logarithm, for nats": losses.mean() / math.log(2),
        "this is minus the mean probability: take its logarithm": -probabilities.mean(),
        "the logarithm comes last: take it for each image, then the mean": (
            -probabilities.mean().log()
        ),
        "the softmax belongs along the digits of each row, axis -1, not along the batch": (
            (logits.logsumexp(0)[labels] - own).mean()
        ),
        "the logits went through a softmax before the loss": (
            nn.functional.cross_entropy(logits.softmax(-1), labels)
        ),
        "the label's logit is missing: ln Σ exp(z) minus the logit of the label": sums.mean(),
        "this is the logarithm to base 10, or divided by ln 10: use the natural one, for nats": (
            losses.mean() / math.log(10)
        ),
        "this is the mean loss over all digits, not that of the labels": (
            (sums[:, None] - logits).mean()
        ),
        "this is the entropy of the probabilities: take the loss of the label": (
            -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1).mean()
        ),
        "this is one minus the mean probability: take minus its logarithm": (
            1 - probabilities.mean()
        ),
        "the logarithm of the sum is missing: ln Σ exp(z) minus the label's logit": -own.mean(),
        "logits[:, labels] takes the labels of ALL images from each row: take one entry of each "
        "row, logits[torch.arange(len(labels)), labels]": ((sums - logits[:, labels]).mean()),
        "divide by the number of images, not by that of classes": losses.sum() / logits.shape[1],
        "divide by the number of images, not by that of all logits": losses.sum() / logits.numel(),
        "this is the largest loss: take the mean": losses.max(),
        "this is the loss of the first image alone: take the mean over all": losses[0],
        "this is the loss of the last image alone: take the mean over all": losses[-1],
        "these are medians: take the mean over the images": losses.median(),
        "the largest logit was subtracted inside the exponential, and never came back: add it to "
        "the logarithm, or use torch.logsumexp": (sums - largest - own).mean(),
    }


class Recorder:
    """A loss function, an optimizer and batches that note what a training loop does with them."""

    def __init__(self, sizes: tuple[int, ...] = (4, 4, 2), seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.batches = [
            (
                torch.randn(n, INPUTS, generator=generator),
                torch.randint(0, CLASSES, (n,), generator=generator),
            )
            for n in sizes
        ]
        self.model = nn.Linear(INPUTS, CLASSES)
        with torch.no_grad():
            for weight in self.model.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.5)
        self.events: list[str] = []
        for event in ("zero_grad", "step"):
            self._note(event)

    def _note(self, event: str) -> None:
        own = getattr(self.optimizer, event)

        def noted(*args: Any, **options: Any) -> Any:
            self.events.append(event)
            return own(*args, **options)

        setattr(self.optimizer, event, noted)

    def loss_fn(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropy, three times as large, so that no other loss gives the same."""
        if not logits.is_floating_point():
            raise Wrong(
                "loss_fn takes the logits first, then the labels: loss_fn(logits, labels)",
                symptom=f"loss_fn expected floats as its first argument, got {logits.dtype}",
            )
        self.events.append("loss")
        return 3 * nn.functional.cross_entropy(logits, labels)

    def weights(self) -> Tensor:
        """All weights in a row."""
        return torch.cat([weight.detach().flatten() for weight in self.model.parameters()]).clone()

    def losses(self) -> list[float]:
        """The losses that a right loop meets, batch by batch; trains the model."""
        return [
            mlp.train_epoch(self.model, [batch], self.loss_fn, self.optimizer)
            for batch in self.batches
        ]


@exercise
def train_epoch(attempt: Attempt) -> None:
    """`(model, batches, loss_fn, optimizer) -> mean loss over the images`, one step a batch."""
    for sizes, seed, once in (((4, 4, 2), 0, False), ((3, 3, 3, 1), 1, True), ((1,), 2, False)):
        mine, right = Recorder(sizes, seed), Recorder(sizes, seed)
        losses = right.losses()
        before = mine.weights()
        # a model and an optimizer are changed, as they should be: no copies of them
        given = iter(mine.batches) if once else mine.batches
        loop = Attempt(
            lambda rec=mine, batches=given: attempt.function(
                rec.model, batches, rec.loss_fn, rec.optimizer
            )
        )
        result = _looped(loop, once)
        SEEN.note("after the epoch the weights are not those that one step a batch gives")
        _check_steps(mine, right, before)
        _check_mean(result, losses, sizes)


def _looped(loop: Attempt, once: bool) -> Any:
    try:
        return loop()
    except Wrong as mistake:
        if once and ("object of type" in str(mistake) or "subscriptable" in str(mistake)):
            raise Wrong(
                f"{mistake}. Batches may come from a generator, which has no length and can be "
                "read only once: loop over them, and count as you go"
            ) from None
        raise


def _check_steps(mine: Recorder, right: Recorder, before: Tensor) -> None:
    n, events = len(mine.batches), mine.events
    after = mine.weights()
    if "loss" not in events:
        raise Wrong("your loop never calls loss_fn: use the loss that is passed in")
    if "step" not in events:
        raise Wrong("the weights do not move: optimizer.step() is missing")
    if torch.equal(after, before):
        if "zero_grad" in events and _cleared_between(events):
            raise Wrong("zero_grad stands between backward and step, and clears what step needs")
        raise Wrong("the weights do not move: is loss.backward() missing?")
    if events.count("loss") == 1 < n:
        raise Wrong("only the first batch is used: does a return stand inside the loop?")
    if events.count("step") < n:
        raise Wrong(
            f"{n} batches and {events.count('step')} call(s) of optimizer.step(): make one step "
            "for each batch"
        )
    if events.count("step") > n:
        raise Wrong(f"{n} batches and {events.count('step')} steps: pass over the batches once")
    if "zero_grad" not in events and not close(after, right.weights()):
        raise Wrong("old derivatives are never cleared: optimizer.zero_grad() is missing")
    if not close(after, right.weights()):
        raise Wrong(
            "the steps go in another direction than the loss asks for: give loss_fn the model's "
            "logits as they are, without a softmax, and clear old derivatives for each batch"
        )


def _cleared_between(events: list[str]) -> bool:
    return any(
        (event, following) == ("zero_grad", "step")
        for event, following in itertools.pairwise(events)
    )


def _check_mean(result: Any, losses: list[float], sizes: tuple[int, ...]) -> None:
    if result is None:
        raise Wrong("your loop returns None: return the mean loss")
    if isinstance(result, Tensor):
        raise Wrong("return a Python float: loss.item() takes the number and lets the graph go")
    if not isinstance(result, int | float):
        raise Wrong(f"return a Python float, not {type(result).__name__}")
    total = sum(loss * n for loss, n in zip(losses, sizes, strict=True))
    mean = total / sum(sizes)
    mistakes = {
        "this is the mean of the batches' means; the last batch is shorter, so count images": (
            sum(losses) / len(losses)
        ),
        "this is the loss of the last batch: take the mean over all images": losses[-1],
        "this is the loss of the first batch: take the mean over all images": losses[0],
        "this is the sum over all images: divide by their number": total,
        "this is the sum of the batches' losses: take the mean over all images": sum(losses),
        "divide by the number of images, not of batches": total / len(losses),
        "every batch is counted as if it were as long as the first": sum(losses)
        * sizes[0]
        / sum(sizes),
        "divide by the number of images that there are: the last batch is shorter": total
        / (len(sizes) * sizes[0]),
    }
    if math.isclose(result, mean, rel_tol=1e-4):
        return
    raise Wrong(
        named(float(result), mistakes, mean)
        or f"the mean loss should be {mean:.4f}, and yours is {result:.4f}: take each batch's loss "
        "before its step, times the number of its images"
    )
