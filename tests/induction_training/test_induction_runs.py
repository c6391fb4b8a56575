"""Training the small models, and the log of five seeds that ships."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from mi_course import run_files
from mi_course.cli import main
from mi_course.induction import token_losses
from mi_course.induction_training import paths, prompts, training, training_log
from mi_course.induction_training.model import SIDES
from mi_course.induction_training.training import HELD_OUT, MANY_PERIODS, ONE_PERIOD, TRAINED

SHORT = replace(MANY_PERIODS, steps=20)


def test_a_run_is_decided_by_its_seed_and_measured_as_the_recipe_says():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    runs = [training.train(replace(SHORT, steps=3, every=2), 1, progress=False) for _ in range(2)]
    assert torch.equal(torch.random.get_rng_state(), before)
    (one, points), (same, _) = runs
    assert torch.equal(one.W_Q, same.W_Q)
    assert [(p.step, p.period) for p in points] == [(s, p) for s in (0, 2) for p in (8, 11)]
    assert points[0].matching.shape == (2, 2)


def test_the_callers_function_makes_the_batches():
    seen = []

    def repeat(tokens, periods, bos):
        seen.append((tuple(tokens.shape), set(periods.tolist()), bos))
        return prompts.repeat_blocks(tokens, periods, bos)

    training.train(replace(ONE_PERIOD, steps=2), 0, repeat, progress=False, measure=False)
    assert seen == [((training.BATCH_SIZE, 32), {TRAINED}, 64)] * 2


def test_the_shipped_log_is_what_its_first_steps_give_now():
    _, points = training.train(SHORT, seed=0, progress=False)
    for period in (TRAINED, HELD_OUT):
        now = training_log.curves(points, period)
        stored = training_log.read(SHORT.name, 0, period)
        assert stored.steps[:3].tolist() == now.steps.tolist() == [0, 10, 20]
        np.testing.assert_allclose(now.known, stored.known[:3], atol=0.01)
        np.testing.assert_allclose(now.first, stored.first[:3], atol=0.01)
        for head, scores in now.matching.items():
            np.testing.assert_allclose(scores, stored.matching[head][:3], atol=0.005)


@pytest.mark.parametrize("recipe", training.RECIPES, ids=lambda recipe: recipe.name)
def test_the_log_holds_every_run_from_its_first_step_to_its_last(recipe):
    for seed in training_log.SEEDS:
        for period in (TRAINED, HELD_OUT):
            run = training_log.read(recipe.name, seed, period)
            expected = range(0, recipe.steps + 1, recipe.every)
            assert run.steps.tolist() == list(expected)
            assert len(run.matching) == len(run.looks_back) == 2 * recipe.n_layers
            assert run.known[0] > 4  # untrained


@pytest.mark.parametrize("recipe", [ONE_PERIOD, MANY_PERIODS], ids=lambda recipe: recipe.name)
def test_the_shipped_models_are_those_of_the_log(recipe):
    point = training.measured(training_log.trained(recipe), recipe.steps, HELD_OUT)
    stored = training_log.read(recipe.name, 0, HELD_OUT)
    assert point.known == pytest.approx(stored.known[-1], rel=1e-3)
    assert point.matching[1, 0] == pytest.approx(stored.matching["1.0"][-1], rel=1e-3)


def test_the_shipped_costs_of_paths_are_those_of_the_shipped_model():
    net = training_log.trained(MANY_PERIODS)
    tokens, others = (prompts.test_prompts(net.sizes, HELD_OUT, 64, seed) for seed in (7, 8))
    stored = training_log.path_losses(0)
    for head, side in product((0, 1), SIDES):
        logits, _ = paths.swapped(net, tokens, others, head, (side,))
        loss = token_losses(logits, tokens)[:, HELD_OUT + 1 :].mean().item()
        assert stored[f"0.{head}", side] == pytest.approx(loss, rel=1e-3)


def test_training_takes_one_thread_and_gives_the_others_back():
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:

        def repeat(*given):
            seen.append(torch.get_num_threads())
            return prompts.repeat_blocks(*given)

        training.train(replace(ONE_PERIOD, steps=1), 0, repeat, progress=False, measure=False)
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


def test_one_period_is_counted_and_many_are_looked_up_in_every_run():
    even = math.log(64)
    for seed in training_log.SEEDS:
        one = {p: training_log.read("one period", seed, p) for p in (TRAINED, HELD_OUT)}
        assert one[TRAINED].known[-1] < 0.1
        assert one[HELD_OUT].known[-1] > 2 * even
        many = training_log.read("many periods", seed, HELD_OUT)
        assert many.known[-1] < 1
        assert max(many.matching[head][-1] for head in ("1.0", "1.1")) > 0.5
        costs = training_log.path_losses(seed)
        assert len(costs) == 7
        assert costs[training_log.NO_SWAP] == pytest.approx(many.known[-1], rel=1e-3)


def test_files_that_were_changed_or_are_missing_are_refused(tmp_path):
    for name in (training_log.TRAINING, run_files.CHECKSUMS):
        (tmp_path / name).write_bytes((training_log.FOLDER / name).read_bytes())
    with pytest.raises(ValueError, match="holds no run 'many periods' with seed 9"):
        training_log.read("many periods", 9, HELD_OUT, tmp_path)
    text = (tmp_path / training_log.TRAINING).read_text().replace("0.4", "0.3", 1)
    (tmp_path / training_log.TRAINING).write_text(text)
    with pytest.raises(run_files.RunFilesError, match=r"training\.csv is not .*train-induction"):
        training_log.read("many periods", 0, HELD_OUT, tmp_path)
    with pytest.raises(run_files.RunFilesError, match=r"one_period_seed0\.safetensors is miss"):
        training_log.trained(ONE_PERIOD, tmp_path)


def test_the_command_writes_what_the_page_reads(tmp_path, monkeypatch, capsys):
    few = tuple(replace(r, steps=2, every=2) for r in training.RECIPES)
    monkeypatch.setattr(training_log.write, "__defaults__", (few, (0,), lambda what: None))
    assert main(["train-induction", "--into", str(tmp_path / "runs")]) == 0
    assert "MiB" in capsys.readouterr().out
    folder = tmp_path / "runs"
    for recipe in few:
        run = training_log.read(recipe.name, 0, TRAINED, folder)
        assert run.steps.tolist() == [0, 2]
        assert set(run.matching) == {f"{i}.{j}" for i in range(recipe.n_layers) for j in (0, 1)}
    costs = training_log.path_losses(0, folder)
    assert set(costs) == set(training_log.path_losses(0))
    held_out = training_log.read("many periods", 0, HELD_OUT, folder)
    assert costs[training_log.NO_SWAP] == pytest.approx(held_out.known[-1], rel=1e-3)
    net = training_log.trained(few[1], folder)
    assert training.measured(net, 2, TRAINED).known == pytest.approx(
        training_log.read("many periods", 0, TRAINED, folder).known[-1], rel=1e-3
    )
