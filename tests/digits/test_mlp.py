"""Week 1's network, its loop, its shipped runs, and batches by hand."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from mi_course import run_files
from mi_course.cli.main import main
from mi_course.digits import batching, mlp, mnist, run_log, symptoms
from mi_course.digits.mnist import Digits, Split


def split(n, seed):
    """Images whose label can be read off: a bright row at the place of the digit."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 10, (n,), generator=generator)
    images = torch.randint(0, 60, (n, 28, 28), generator=generator).to(torch.uint8)
    images[torch.arange(n), 2 * labels] = 255
    return Split(images, labels)


@pytest.fixture(scope="module")
def readable():
    return Digits("bright rows", split(300, 0), split(77, 1))


def logits_like(labels, right, seed=0):
    generator = torch.Generator().manual_seed(seed)
    answers = torch.where(right, labels, (labels + 1) % 10)
    return nn.functional.one_hot(answers, 10) * 3 + torch.rand(len(labels), 10, generator=generator)


def test_building_leaves_the_global_random_state_alone_and_follows_the_seed():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, same, other = mlp.build(0), mlp.build(0), mlp.build(1)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(first[0].weight, same[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)


def test_an_untrained_network_loses_about_as_much_as_an_even_guess(readable):
    losses = [mlp.evaluate(mlp.build(seed), readable.test)[0] for seed in range(5)]
    assert sum(losses) / 5 == pytest.approx(math.log(10), abs=0.1)


def test_one_pass_is_a_hand_written_gradient_descent():
    inputs = torch.tensor([[1.0, 2.0], [0.0, 1.0], [3.0, 1.0]])
    labels = torch.tensor([0, 1, 1])
    model = nn.Linear(2, 2, bias=False)
    weights = model.weight.detach().clone()
    batches = [(inputs[:2], labels[:2]), (inputs[2:], labels[2:])]
    found = mlp.train_epoch(
        model, batches, nn.functional.cross_entropy, torch.optim.SGD(model.parameters(), 0.3)
    )
    total = 0.0
    for x, y in batches:
        probabilities = (x @ weights.T).softmax(-1)
        total += -probabilities[torch.arange(len(y)), y].log().sum().item()
        errors = probabilities - nn.functional.one_hot(y, 2)
        weights = weights - 0.3 * errors.T @ x / len(y)
    assert found == pytest.approx(total / 3, rel=1e-5)
    assert torch.allclose(model.weight, weights, atol=1e-6)


def test_training_learns_and_the_log_begins_before_the_first_step(readable, monkeypatch):
    monkeypatch.setattr(mlp, "DIGITS_EPOCHS", 12)
    epochs, models = zip(*mlp.train(readable, seed=0), strict=True)
    assert [epoch.epoch for epoch in epochs] == list(range(13))
    assert epochs[0].test_loss == mlp.evaluate(mlp.build(0), readable.test)[0]
    assert epochs[-1].test_accuracy > 0.95
    assert epochs[-1].test_accuracy == mlp.evaluate(models[-1], readable.test)[1]
    assert all(a.seconds < b.seconds for a, b in itertools.pairwise(epochs))


def test_accuracy_counts_images_not_batches(readable):
    model = mlp.build(0)
    rows = mlp.pixels(readable.test.images)
    uneven = list(zip(rows.split(50), readable.test.labels.split(50), strict=True))
    assert len(uneven[-1][1]) == 27
    assert mlp.accuracy(model, uneven) == pytest.approx(mlp.evaluate(model, readable.test)[1])


def test_confusion_matrix_counts_each_pair():
    generator = torch.Generator().manual_seed(0)
    labels, answers = torch.randint(0, 10, (2, 200), generator=generator)
    counts = mlp.confusion_matrix(labels, answers)
    assert counts[3, 5] == sum(a == 3 and b == 5 for a, b in zip(labels, answers, strict=True))
    assert torch.equal(counts.sum(1), labels.bincount(minlength=10))
    assert counts.diag().sum() == (labels == answers).sum()


def test_hardest_errors_are_wrong_and_sorted_by_loss():
    labels = torch.arange(30) % 10
    right = torch.arange(30) % 3 != 0
    logits = logits_like(labels, right)
    found = mlp.hardest_errors(logits, labels, 4)
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    assert not right[found].any()
    assert losses[found].tolist() == sorted(losses[~right].tolist(), reverse=True)[:4]
    assert len(mlp.hardest_errors(logits, labels, 99)) == 10


# --- what ships
@pytest.mark.parametrize("data", [mnist.MNIST_NAME, mnist.DIGITS_NAME])
def test_the_shipped_runs_reach_what_the_course_asks_for(data):
    final = [curve[-1] for curve in run_log.curves("test_accuracy", data).values()]
    assert len(final) == 3
    if data == mnist.MNIST_NAME:
        assert sum(final) / 3 >= 0.975
        assert max(c[-1] for c in run_log.curves("seconds", data).values()) < 60
    assert min(final) > 0.95


def test_the_shipped_weights_are_those_of_the_log():
    if mnist.why_absent():
        pytest.skip("NOT RUN: the real MNIST is not on this machine")
    digits = mnist.load("mnist", quiet=True)
    loss, accuracy = mlp.evaluate(run_log.trained(digits), digits.test)
    assert accuracy == pytest.approx(run_log.curves("test_accuracy", "MNIST")[0][-1], abs=1e-9)
    assert loss == pytest.approx(run_log.curves("test_loss", "MNIST")[0][-1], rel=1e-4)


def test_a_changed_or_missing_file_is_refused(tmp_path):
    for name in (run_log.TRAINING, run_files.CHECKSUMS):
        (tmp_path / name).write_bytes((run_log.FOLDER / name).read_bytes())
    assert run_log.rows(run_log.TRAINING, tmp_path)
    text = (tmp_path / run_log.TRAINING).read_text().replace("0.97", "0.98", 1)
    (tmp_path / run_log.TRAINING).write_text(text)
    with pytest.raises(
        run_files.RunFilesError, match=r"training\.csv is not the file that checksums"
    ):
        run_log.rows(run_log.TRAINING, tmp_path)
    with pytest.raises(run_files.RunFilesError, match=r"batching\.csv is missing"):
        run_log.rows(run_log.TIMES, tmp_path)


def test_the_command_writes_what_the_page_reads(readable, tmp_path, monkeypatch, capsys):
    stand_in = Digits(mnist.MNIST_NAME, readable.train, readable.test)
    monkeypatch.setattr(
        mnist, "load", lambda source, quiet: stand_in if source == "mnist" else readable
    )
    for name in ("MNIST_EPOCHS", "DIGITS_EPOCHS"):
        monkeypatch.setattr(mlp, name, 2)
    monkeypatch.setattr(symptoms, "STEPS", 10)
    assert main(["train-mlp", "--into", str(tmp_path / "runs")]) == 0
    assert "MiB" in capsys.readouterr().out
    folder = tmp_path / "runs"
    assert len(run_log.curves("test_loss", "MNIST", folder)[2]) == 3
    ways = {row["way"] for row in run_log.rows(run_log.TIMES, folder)}
    assert ways == {row["way"] for row in run_log.rows(run_log.TIMES)}
    loss, _ = mlp.evaluate(run_log.trained(stand_in, folder), readable.test)
    assert loss == pytest.approx(run_log.curves("test_loss", "MNIST", folder)[0][-1], rel=1e-4)


def test_each_broken_loop_is_broken_and_the_right_one_learns(readable):
    table = symptoms.run_all(readable, steps=20)
    last = {row["loop"]: row["loss"] for row in table}
    assert list(last) == list(symptoms.LOOPS)
    assert last["right"] < 1
    assert last["no step"] == pytest.approx(math.log(10), abs=0.1)
    assert last["softmax before the loss"] > 1.46
    assert all(last[loop] > last["right"] for loop in symptoms.LOOPS[2:])


# --- batches by hand
def test_three_ways_to_make_batches_give_the_same_ones(readable):
    pairs = batching.DigitPairs(readable.train)

    def generator():
        return torch.Generator().manual_seed(4)

    order = torch.randperm(len(pairs), generator=generator())
    ways = [
        batching.zip_batches(pairs, order.tolist(), 64),
        batching.shuffled_batches(pairs, 64, generator()),
        batching.sliced_batches(pairs.images, pairs.labels, order, 64),
        DataLoader(
            TensorDataset(pairs.images, pairs.labels),
            64,
            sampler=RandomSampler(pairs, generator=generator()),
        ),
    ]
    for batches in zip(*ways, strict=True):
        for inputs, labels in batches[1:]:
            assert torch.equal(inputs, batches[0][0])
            assert torch.equal(labels, batches[0][1])
    assert len(pairs) % 64  # so that the last batch was short


def test_measuring_takes_every_way_in_turn(readable):
    table = batching.measure(readable, repeats=2)
    assert [row["repeat"] for row in table] == [0, 0, 0, 1, 1, 1]
    assert all(row["seconds"] > 0 and row["images"] == 300 for row in table)
