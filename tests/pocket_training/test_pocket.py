"""What the model that ships with the course can do, measured from its files."""

import math
import re
from dataclasses import asdict
from itertools import pairwise

import pytest
import torch
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from mi_course import ioi, models
from mi_course.book import compare
from mi_course.cli import train
from mi_course.pocket_training import model_card, quality, training, training_log
from mi_course.pocket_training.metrics import Metrics
from mi_course.pocket_training.tokenizer import word_encoder


@pytest.fixture(scope="module")
def measured(pocket):
    return quality.measure(pocket)


@pytest.fixture(scope="module")
def log():
    return training_log.read()


@pytest.mark.slow
def test_repeats_cost_at_most_a_fifth_of_a_nat(measured):
    assert measured.repeat_loss <= 0.2


@pytest.mark.slow
def test_a_head_matches_prefixes(measured):
    assert measured.prefix_matching >= 0.7


@pytest.mark.slow
def test_held_out_ioi_prompts_are_answered(measured):
    assert measured.accuracy >= 0.99
    assert measured.logit_diff >= 3


@pytest.mark.slow
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


def test_the_command_s_seed_is_that_of_the_recipe():
    assert training.POCKET.seed == train.POCKET_SEED


def test_log_is_dense_and_whole(log):
    steps = log["step"]
    assert steps[0] == 0
    assert steps[-1] == training.POCKET.steps - 1
    assert max(b - a for a, b in pairwise(steps)) <= 50


@pytest.mark.slow
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


@pytest.fixture(scope="module")
def files():
    """The shipped weights and tokenizer, as training handles them."""
    hugging_face = GPT2LMHeadModel.from_pretrained(models.POCKET_DIR, attn_implementation="eager")
    return hugging_face, PreTrainedTokenizerFast.from_pretrained(models.POCKET_DIR)


def batch_loss(model, tokenizer, step):
    """The loss that training logs at a step, on weights that are given."""
    encode = word_encoder(tokenizer)
    tokens = training.batch_tokens(training.POCKET, step, encode, len(tokenizer))
    with torch.no_grad():
        logits = model(tokens).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).item()


def agrees_with_its_row(log, row, model, tokenizer):
    """Every column of one row of the log, measured anew."""
    step = int(log["step"][row])
    now = {"step": step, "loss": batch_loss(model, tokenizer, step)}
    now["lr"] = training.learning_rate(training.POCKET, step)
    now |= Metrics(tokenizer).measure(model)
    assert now.keys() == log.keys()
    assert now == pytest.approx({name: log[name][row] for name in log}, rel=2e-3, abs=1e-5)


def test_every_column_of_the_logs_last_row_is_measured_again_on_the_shipped_weights(log, files):
    agrees_with_its_row(log, -1, *files)


def test_every_column_of_the_logs_first_row_is_that_of_the_recipes_first_weights(log, files):
    with torch.random.fork_rng():
        torch.manual_seed(training.POCKET.seed)
        first = training.new_model(training.POCKET, len(files[1]))
    agrees_with_its_row(log, 0, first, files[1])


def test_the_rows_between_are_what_such_a_log_can_hold(log):
    """They cannot be measured again without training: their form, rate and range are looked at."""
    recipe = training.POCKET
    steps = [*range(0, recipe.steps, recipe.log_every), recipe.steps - 1]
    assert log["step"].tolist() == steps
    rates = [training.learning_rate(recipe, step) for step in steps]
    assert log["lr"] == pytest.approx(rates, rel=1e-4)
    answered = log["ioi_accuracy"] * 128
    assert answered == pytest.approx(answered.round(), abs=2e-3)
    assert set(answered.round()) <= set(range(129))
    for name, column in log.items():
        if name.startswith("loss"):
            assert ((column > 0) & (column < 1.2 * math.log(1793))).all(), name
        if name.startswith(training_log.SCORE):
            assert ((column >= 0) & (column <= 1)).all(), name
    # the first half cannot be foretold: it costs at least what chance does
    assert (log["loss_first_half"] > 0.99 * math.log(1793)).all()
    assert (abs(log["ioi_logit_diff"]) < 15).all()


CARD = models.POCKET_DIR / "MODEL_CARD.md"


def card_differences(card, pocket, measured):
    """Where a card says something else than what is measured now, or than itself elsewhere."""
    minutes = re.search(r"tokens in ([\d.]+) minutes", card)
    recipe = training.POCKET
    facts = {
        "n_params": f"{models.info(pocket).n_params:,}",
        "n_tokens": f"{pocket.cfg.d_vocab:,}",
        "n_trained_tokens": f"{recipe.steps * recipe.batch * recipe.n_ctx:,}",
        "minutes": minutes[1],  # nobody can measure them again: both places must say the same
    }
    now = model_card.render(measured, asdict(recipe), facts).splitlines()
    lines = card.splitlines()
    assert len(lines) == len(now)
    return [a for a, b in zip(lines, now, strict=True) if not compare.same_text(a, b)]


@pytest.mark.slow
def test_every_number_of_the_card_is_measured_again(pocket, measured):
    assert card_differences(CARD.read_text("utf8"), pocket, measured) == []


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ("tokens, nats | 0.023", "tokens, nats | 0.032"),
        ("(head 1.1)", "(head 1.2)"),
        ("in 18.6 minutes", "in 16.8 minutes"),
        ("| 1.2 | 4.16 |", "| 1.2 | 4.61 |"),
        ("| 93% |", "| 94% |"),
        ("20,480,000 tokens", "20,840,000 tokens"),
    ],
)
@pytest.mark.slow
def test_a_changed_number_of_the_card_is_noticed(pocket, measured, said, other):
    card = CARD.read_text("utf8")
    assert said in card
    assert card_differences(card.replace(said, other, 1), pocket, measured)


@pytest.mark.slow
def test_card_tells_the_figures(pocket, measured):
    card = (models.POCKET_DIR / "MODEL_CARD.md").read_text(encoding="utf8")
    assert "$" not in card
    assert f"| IOI mean logit difference | {measured.logit_diff:.3f} |" in card
    assert f"{models.info(pocket).n_params:,} parameters" in card
