"""Texts whose variables are known, what is done to `pocket` on them, and what ships."""

from __future__ import annotations

import json

import pytest
import torch

from mi_course import hooks, models, run_files
from mi_course.cli import main
from mi_course.english import corpus, grammar, words
from mi_course.superposition import autoencoder, effects, probes, shipped, variables


@pytest.fixture(scope="module")
def model():
    return models.load("pocket", quiet=True)


@pytest.fixture(scope="module")
def texts(model):
    return variables.texts(model.tokenizer, 40, seed=0)


def test_names_stand_where_the_slots_say(model, texts):
    for tokens, length, places in zip(texts.tokens, texts.lengths, texts.places, strict=True):
        at = [model.tokenizer.decode([t]).strip() for t in tokens[places]]
        assert set(at) <= set(words.NAMES)
        first, second, s2, io = at
        assert {first, second} == {s2, io}
        assert places[3] == length - 1
        assert model.tokenizer.decode([tokens[length - 2]]) == " to"


def test_the_answers_are_io_and_s(texts):
    rows = torch.arange(len(texts))
    assert torch.equal(texts.answers[:, 0], texts.tokens[rows, texts.lengths - 1])
    assert torch.equal(texts.answers[:, 1], texts.tokens[rows, texts.places[:, 2]])


def test_no_position_tells_a_slot(texts):
    assert texts.lengths.float().std() > 5
    spans = [set(texts.places[:, i].tolist()) for i in range(4)]
    assert spans[0] & spans[1] & spans[2] & spans[3]


def test_rows_are_the_tokens_that_are_neither_bos_nor_padding(model, texts):
    rows = variables.rows(texts)
    assert len(rows.tokens) == int((texts.lengths - 1).sum())
    assert rows.slots.sum(0).tolist() == [len(texts)] * 4
    assert rows.text[rows.first].max() == len(texts) // 2 - 1
    names = variables.is_in_class(model.tokenizer, rows.tokens, "name")
    assert bool(names[rows.slots.any(1)].all())


def test_classes_do_not_overlap():
    every = [word for one in variables.CLASSES.values() for word in one]
    assert len(every) == len(set(every))


def test_held_out_texts_have_pairs_and_templates_that_training_never_saw(model):
    found = variables.texts(model.tokenizer, 20, 1, 60, grammar.HELD_OUT, held_out=True)
    for tokens, places in zip(found.tokens, found.places, strict=True):
        pair = [model.tokenizer.decode([t]).strip() for t in tokens[places[:2]]]
        assert corpus.is_held_out_pair(*pair)


def test_fewer_names_are_drawn_where_fewer_are_asked_for(model):
    found = variables.texts(model.tokenizer, 60, 2, names=5)
    assert len(set(found.answers.flatten().tolist())) == 5


def test_a_run_without_a_change_is_the_models_own(model, texts):
    run = effects.run(model, texts)
    logits = hooks.run_with_hooks(model, texts.tokens[:1], [])[0]
    length = int(texts.lengths[0])
    log_p = logits[1 : length - 1].log_softmax(-1)
    loss = -log_p.gather(1, texts.tokens[0, 2:length, None]).mean()
    assert run.loss[0] == pytest.approx(float(loss), abs=1e-4)
    io, s = texts.answers[0]
    end = logits[texts.end[0]]
    assert run.difference[0] == pytest.approx(float(end[io] - end[s]), abs=1e-4)
    assert run.right.mean() > 0.9


def test_a_patch_at_a_place_is_the_run_with_the_other_word_there(model, texts):
    """Only that position changes: what stands there afterwards is the other text's."""
    places = effects.first_io(texts)
    others = torch.full((len(texts),), variables._id(model.tokenizer, "Felix"))
    named = effects.renamed(model, texts, places, others)
    x = variables.activations(model, texts.tokens)
    changed = effects.at(places, lambda _: named)(x)
    rows = torch.arange(len(texts))
    differs = (changed != x).any(-1)
    assert differs.sum(1).max() <= 1
    assert torch.equal(changed[rows, places], named)
    run = effects.run(model, texts, effects.at(places, lambda _: named))
    assert run.difference.mean() < 0 < effects.run(model, texts).difference.mean()
    assert bool((texts.tokens[rows, places] == texts.answers[:, 0]).all())


def test_bos_is_left_alone_by_dictionaries(model, texts):
    x = variables.activations(model, texts.tokens[:3])
    dictionary = shipped.load(0)
    for change in (effects.by_dictionary(dictionary), effects.by_mean(dictionary)):
        changed = change(x)
        assert torch.equal(changed[:, 0], x[:, 0])
        assert not torch.allclose(changed[:, 1:], x[:, 1:])


def test_the_shares_that_are_recovered_run_from_nothing_to_clean():
    nothing, clean = torch.tensor([8.0, 9.0]), torch.tensor([1.0, 2.0])
    assert effects.recovered(clean, nothing, clean) == pytest.approx(1.0)
    assert effects.recovered(nothing, nothing, clean) == pytest.approx(0.0)


def test_a_probe_reads_what_is_linear_and_not_what_is_not_there():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (400,), generator=generator)
    first = torch.arange(400) < 200
    noise = torch.randn(400, 6, generator=generator)
    there = noise + 4 * torch.eye(6)[labels]
    assert probes.hits(there, labels, first).float().mean() > 0.9
    assert probes.hits(noise, labels, first).float().mean() < 0.5
    text = torch.arange(400) // 4
    assert probes.f1_of_few(there, labels == 2, 1, text) > 0.8
    assert probes.f1_of_few(noise, labels == 2, 1, text) < 0.5


@pytest.mark.slow
def test_the_shipped_dictionaries_do_what_the_table_says(model):
    table = shipped.table()
    assert [(int(r["width"]), int(r["k"]), int(r["seed"])) for r in table] == [
        *((shipped.WIDTH, shipped.K, seed) for seed in shipped.SEEDS),
        *((width, k, shipped.SEEDS[0]) for width, k in shipped.SWEEP),
    ]
    judge = shipped.Judge(model)
    for seed, row in zip(shipped.SEEDS, table, strict=False):
        for key, value in judge(shipped.load(seed)).items():
            assert float(row[key]) == pytest.approx(value, abs=0.01), key


def test_a_changed_file_and_an_unknown_seed_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="ship with the seeds"):
        shipped.load(9)
    name = shipped._name(0)
    (tmp_path / name).write_bytes(b"other")
    (tmp_path / run_files.CHECKSUMS).write_text(json.dumps({name: "0"}))
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(run_files.RunFilesError, match=r"train-dictionaries"):
        shipped.load(0)


def test_the_command_writes_files_that_load(tmp_path, monkeypatch):
    for name, value in {
        **{"WIDTH": 16, "K": 3, "STEPS": 3, "BATCH": 32, "SWEEP": ((8, 2),)},
        **{"DOCUMENTS": 2, "JUDGED_ON": 210, "LEAST": 2},
    }.items():
        monkeypatch.setattr(shipped, name, value)
    monkeypatch.setattr(shipped.Judge.__init__, "__defaults__", (210, 0))
    folder = tmp_path / "runs"
    assert main(["train-dictionaries", "--into", str(folder)]) == 0
    monkeypatch.setattr(shipped, "FOLDER", folder)
    assert len(shipped.load(1)) == 16
    assert [row["width"] for row in shipped.table()] == ["16", "16", "8"]
    assert not torch.equal(shipped.load(0).decoder, shipped.load(1).decoder)
    assert isinstance(shipped.load(0), autoencoder.Dictionary)
