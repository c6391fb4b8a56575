"""The second training run of `pocket`: its files, and that it is another model of one recipe."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from mi_course import ioi, ioi_data, models, second_run


@pytest.fixture(scope="module")
def first():
    return models.load("pocket", quiet=True)


@pytest.fixture(scope="module")
def second():
    return second_run.load()


def test_it_has_pocket_s_configuration_and_other_weights(first, second):
    mine, theirs = (folder / "config.json" for folder in (second_run.FOLDER, models.POCKET_DIR))
    assert json.loads(mine.read_text("utf8")) == json.loads(theirs.read_text("utf8"))
    assert torch.linalg.norm(first.W_E - second.W_E) > 0.5 * torch.linalg.norm(first.W_E)


def test_it_reads_the_words_of_pocket_and_does_ioi(first, second):
    assert second.tokenizer.get_vocab() == first.tokenizer.get_vocab()
    data = ioi_data.dataset(first.tokenizer, 60, seed=11).clean
    assert (ioi.model_logit_diff(second, data.tokens, data.answers) > 0).float().mean() > 0.9


def test_damaged_weights_are_refused(tmp_path, monkeypatch):
    for name in ("config.json", "checksums.json"):
        shutil.copy(second_run.FOLDER / name, tmp_path)
    (tmp_path / models.files.WEIGHTS).write_bytes(b"not these")
    monkeypatch.setattr(second_run, "FOLDER", tmp_path)
    with pytest.raises(models.ModelFilesError, match="damaged"):
        second_run.load()
