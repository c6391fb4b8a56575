"""What the model that ships with the course can do, measured from its files."""

from itertools import pairwise

import pytest
import torch

from mi_course import ioi, models
from mi_course.pocket_training import quality, training, training_log


@pytest.fixture(scope="module")
def measured(pocket):
    return quality.measure(pocket)


@pytest.fixture(scope="module")
def log():
    return training_log.read()


def test_repeats_cost_at_most_a_fifth_of_a_nat(measured):
    assert measured.repeat_loss <= 0.2


def test_a_head_matches_prefixes(measured):
    assert measured.prefix_matching >= 0.7


def test_held_out_ioi_prompts_are_answered(measured):
    assert measured.accuracy >= 0.99
    assert measured.logit_diff >= 3


def test_three_heads_carry_most_of_the_answer(measured):
    assert measured.top3_share >= 0.6


def test_the_eight_published_prompts_are_answered(pocket):
    batch = ioi.tokenize(pocket.tokenizer, ioi.p8())
    assert (ioi.logit_diff(pocket(batch.tokens), batch) > 0).all()


def test_model_is_small_enough_for_a_browser(pocket):
    assert models.info(pocket).n_params <= 600_000
    assert sum(path.stat().st_size for path in models.POCKET_DIR.iterdir()) <= 8 * 2**20
    assert pocket.cfg.n_ctx >= 96
    assert next(pocket.parameters()).dtype == torch.float32


def test_weights_are_those_of_the_recipe(pocket):
    recipe = training.POCKET
    shape = (pocket.cfg.n_layers, pocket.cfg.n_heads, pocket.cfg.d_model, pocket.cfg.d_mlp)
    assert shape == (recipe.n_layer, recipe.n_head, recipe.d_model, recipe.d_mlp)


def test_log_is_dense_and_whole(log):
    steps = log["step"]
    assert steps[0] == 0
    assert steps[-1] == training.POCKET.steps - 1
    assert max(b - a for a, b in pairwise(steps)) <= 50


def test_log_ends_with_what_the_model_can_do(log, measured):
    assert log["loss_second_half"][-1] <= 0.2
    layer, head = measured.induction_head
    score = log[f"prefix_matching_{layer}.{head}"][-1]
    assert score == pytest.approx(measured.prefix_matching, abs=0.1)
    assert log["ioi_accuracy"][-1] == pytest.approx(measured.accuracy, abs=0.03)


def test_induction_comes_before_the_indirect_object(log):
    learned = (log["loss_second_half"] < 1).argmax()
    answered = (log["ioi_accuracy"] > 0.9).argmax()
    assert 0 < learned < answered


def test_card_tells_the_figures(pocket, measured):
    card = (models.POCKET_DIR / "MODEL_CARD.md").read_text(encoding="utf8")
    assert "$" not in card
    assert f"| IOI mean logit difference | {measured.logit_diff:.3f} |" in card
    assert f"{models.info(pocket).n_params:,} parameters" in card
