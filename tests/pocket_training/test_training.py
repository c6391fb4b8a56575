import csv
import dataclasses
import hashlib
import json

import pytest
import torch

from mi_course.english import corpus
from mi_course.errors import CourseError
from mi_course.pocket_training import training
from mi_course.pocket_training.tokenizer import train_tokenizer, word_encoder

TINY = training.Recipe(
    n_layer=1,
    n_head=2,
    d_model=8,
    d_mlp=8,
    n_ctx=64,
    steps=6,
    batch=2,
    attn_dropout=0.1,
    short_until=0.0,
    log_every=2,
    save_every=2,
)
LOG_COLUMNS = (
    "step,loss,lr,loss_first_half,loss_second_half,ioi_logit_diff,ioi_accuracy,"
    "prefix_matching_0.0,prefix_matching_0.1"
)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder that a whole tiny run wrote, and the run."""
    out = tmp_path_factory.mktemp("trained")
    return out, training.train(TINY, out, progress=False)


def weights(run):
    return torch.cat([p.detach().flatten() for p in run.model.parameters()])


def test_data_depend_on_seed_and_step_alone(tokenizer):
    encode = word_encoder(tokenizer)

    def tokens(seed, step):
        recipe = dataclasses.replace(TINY, seed=seed)
        return training.batch_tokens(recipe, step, encode, len(tokenizer))

    assert torch.equal(tokens(0, 3), tokens(0, 3))
    assert not torch.equal(tokens(0, 3), tokens(0, 4))
    assert not torch.equal(tokens(0, 3), tokens(1, 3))
    assert (tokens(0, 3)[:, 0] == 0).all()


def test_short_documents_hold_as_many_tokens(tokenizer):
    encode = word_encoder(tokenizer)
    recipe = dataclasses.replace(TINY, short_until=0.5)
    shapes = [training.batch_tokens(recipe, s, encode, len(tokenizer)).shape for s in (0, 5)]
    assert shapes == [(4, 32), (2, 64)]


def test_mixture_follows_the_share_of_the_run(tokenizer, monkeypatch):
    seen = []
    monkeypatch.setattr(
        corpus, "text_document", lambda rng, length, encode, mixture: seen.append(mixture) or [1]
    )
    phases = ((0.5, {"fact": 1.0}), (1.0, {"ioi": 1.0}))
    recipe = dataclasses.replace(TINY, mixtures=phases, repeat_share=0.0)
    for step in range(6):
        training.batch_tokens(recipe, step, lambda text: [1], 100)
    assert seen == [{"fact": 1.0}] * 6 + [{"ioi": 1.0}] * 6


def test_learning_rate_rises_stays_and_falls_to_zero():
    recipe = dataclasses.replace(TINY, steps=1000, lr=1.0, warmup=0.1, decay_from=0.5)
    rates = [training.learning_rate(recipe, step) for step in (0, 50, 100, 500, 750, 1000)]
    assert rates == pytest.approx([1 / 101, 51 / 101, 1, 1, 0.5, 0], abs=1e-9)


class Interrupted(Exception):
    """Stands for a person's Ctrl-C."""


@pytest.mark.parametrize("stop", [3, pytest.param(4, marks=pytest.mark.slow)])
def test_interrupted_run_ends_with_the_same_weights(trained, tmp_path, monkeypatch, stop):
    advance = training.Run.advance

    def advance_until_stop(run):
        if run.step == stop:
            raise Interrupted
        advance(run)

    monkeypatch.setattr(training.Run, "advance", advance_until_stop)
    with pytest.raises(Interrupted):
        training.train(TINY, tmp_path, progress=False)
    monkeypatch.setattr(training.Run, "advance", advance)
    resumed = training.train(TINY, tmp_path, progress=False)
    assert torch.equal(weights(resumed), weights(trained[1]))
    assert (tmp_path / "training_log.csv").read_bytes() == (
        trained[0] / "training_log.csv"
    ).read_bytes()


@pytest.mark.slow
def test_no_resume_starts_afresh(trained, tmp_path, monkeypatch):
    training.Run(dataclasses.replace(TINY, seed=99), train_tokenizer()).save(
        tmp_path / training.CHECKPOINT
    )
    run = training.train(TINY, tmp_path, resume=False, progress=False)
    assert torch.equal(weights(run), weights(trained[1]))


def test_checkpoint_of_another_recipe_is_refused(tmp_path, tokenizer):
    path = tmp_path / training.CHECKPOINT
    training.Run(dataclasses.replace(TINY, seed=99), tokenizer).save(path)
    with pytest.raises(ValueError, match=r"checkpoint.pt is of another recipe: delete it"):
        training.train(TINY, tmp_path, progress=False)


@pytest.mark.parametrize(
    "content", [b"", b"half of a checkpoint", None], ids=["empty", "text", "cut"]
)
def test_a_damaged_checkpoint_is_one_sentence(tmp_path, tokenizer, content):
    path = tmp_path / training.CHECKPOINT
    if content is None:
        training.Run(TINY, tokenizer).save(path)
        path.write_bytes(path.read_bytes()[:1000])
    else:
        path.write_bytes(content)
    with pytest.raises(CourseError, match=r"checkpoint.pt is damaged .*: delete it, or train with"):
        training.Run(TINY, tokenizer).restore(path)


def test_failed_save_leaves_the_old_checkpoint(tmp_path, tokenizer, monkeypatch):
    run = training.Run(TINY, tokenizer)
    path = tmp_path / training.CHECKPOINT
    run.save(path)
    before = path.read_bytes()

    def fail(state, file):
        file.write_bytes(b"half of a checkpoint")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        run.save(path)
    assert path.read_bytes() == before


def test_folder_holds_what_the_course_reads_and_no_checkpoint(trained):
    assert sorted(p.name for p in trained[0].iterdir()) == [
        "checksums.json",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "training_log.csv",
    ]


def test_checksums_are_those_of_the_files(trained):
    sums = json.loads((trained[0] / "checksums.json").read_text())
    assert set(sums) == {p.name for p in trained[0].iterdir()} - {"checksums.json"}
    for name, digest in sums.items():
        assert hashlib.sha256((trained[0] / name).read_bytes()).hexdigest() == digest


def test_log_has_the_columns_of_the_phase_change(trained):
    with (trained[0] / "training_log.csv").open() as file:
        rows = list(csv.reader(file))
    assert ",".join(rows[0]) == LOG_COLUMNS
    assert [row[0] for row in rows[1:]] == ["0", "2", "4", "5"]


def test_written_weights_are_those_that_were_trained(trained):
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(trained[0])
    assert model.dtype == torch.float32
    tokens = torch.tensor([[0, 5, 6, 7]])
    trained[1].model.eval()
    torch.testing.assert_close(model(tokens).logits, trained[1].model(tokens).logits)


def test_training_lowers_the_loss(tokenizer):
    recipe = dataclasses.replace(TINY, steps=40, lr=1e-2, log_every=39, attn_dropout=0.0)
    run = training.Run(recipe, tokenizer)
    for _ in range(recipe.steps):
        run.advance()
    assert run.log[-1]["loss"] < run.log[0]["loss"] - 0.3
