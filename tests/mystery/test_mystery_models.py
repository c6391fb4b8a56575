"""The models that ship: their files, how well they answer, and that they can be made again."""

import json
import re
import subprocess
import sys

import pytest
import torch

from mi_course import run_files
from mi_course.induction_training.training import one_thread
from mi_course.models import files
from mi_course.mystery import kept, proof
from mi_course.mystery_nets import by_hand, catalogue
from mi_course.mystery_nets.catalogue import MYSTERIES
from mi_course.mystery_nets.training import Recipe, train
from support.outside import ROOT, not_run

BY_HAND = [
    n for n, m in MYSTERIES.items() if m.make.func in (by_hand.three_sum, by_hand.further_on)
]
TRAINED = [name for name in MYSTERIES if name not in BY_HAND]


@pytest.mark.parametrize("name", MYSTERIES)
def test_a_model_is_small_and_answers_right(name):
    model = catalogue.load(name)
    assert sum(weight.numel() for weight in model.original_model.parameters()) <= 150_000
    assert sum(f.stat().st_size for f in catalogue.find(name).folder.iterdir()) <= 600_000
    assert catalogue.accuracy(name) > 0.995


@pytest.mark.parametrize("name", BY_HAND)
def test_a_model_made_by_hand_is_made_again_to_the_last_bit(name, tmp_path):
    with one_thread():
        catalogue.write(tmp_path, name)
    made = json.loads((tmp_path / name / run_files.CHECKSUMS).read_text("utf8"))
    assert made == files.verify_checksums(catalogue.find(name).folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_model_is_trained_again_to_the_same_accuracy_verdict_and_bits(
    name, tmp_path, monkeypatch
):
    shipped = files.verify_checksums(catalogue.find(name).folder)
    with one_thread():
        catalogue.write(tmp_path, name)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    catalogue.judged.cache_clear()
    catalogue.untrained.cache_clear()
    try:
        assert catalogue.accuracy(name) > 0.995
        right = next(one for one in kept.read(name) if one.right)
        verdict = proof.judged(name, right.explanation, seed=11)
        assert verdict.passed, verdict
    finally:
        catalogue.judged.cache_clear()
        catalogue.untrained.cache_clear()
    if json.loads((tmp_path / name / run_files.CHECKSUMS).read_text("utf8")) != shipped:
        not_run(f"{name} was trained on another machine: as accurate, and with other bits")


def test_on_one_machine_training_comes_out_the_same_to_the_last_bit():
    task, recipe = catalogue.find("dune").task, Recipe(n_head=2, d_model=16, steps=5, batch=32)
    with one_thread():
        first, second = (train(task, recipe).state_dict() for _ in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", MYSTERIES)
def test_at_least_three_right_and_ten_wrong_explanations_are_known(name):
    known = proof.every(name)
    assert sum(one.right for one in known) >= 3
    assert sum(not one.right for one in known) >= 10


@pytest.mark.parametrize("name", MYSTERIES)
def test_what_is_kept_is_encoded_and_comes_back(name):
    text = kept.text(name)
    assert kept.encoded(text) == (kept.FOLDER / f"{name}.txt").read_text("utf8")
    assert "RIGHT" in text
    assert "RIGHT" not in (kept.FOLDER / f"{name}.txt").read_text("utf8")


@pytest.mark.parametrize("name", MYSTERIES)
def test_what_is_kept_is_formatted_as_all_code_is(name):
    command = [sys.executable, "-m", "ruff"]
    for arguments in (["check", "--ignore", "F821,D,RUF"], ["format", "--check"]):
        told = subprocess.run(
            [*command, *arguments, "--stdin-filename", "kept.py", "-"],
            input=kept.text(name), capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stdout


def test_names_of_files_give_no_task_away():
    tasks = {"pointer", "sum", "ring", "largest", "bracket", "separator", "twice", "modulo"}
    files_here = [*catalogue.FOLDER.rglob("*"), *kept.FOLDER.iterdir()]
    words = {word for path in files_here for word in re.findall("[a-z]+", path.name)}
    assert not words & tasks


def test_an_unknown_name_is_told_with_those_that_there_are():
    with pytest.raises(catalogue.UnknownMystery, match="there are amber, basil"):
        catalogue.load("zircon")


def test_symbols_and_ids_belong_together():
    rows = catalogue.inputs("dune", 3)
    assert catalogue.ids("dune", rows).tolist() == catalogue.drawn("dune", 3, 0).tolist()
    assert catalogue.symbols("dune", catalogue.ids("dune", rows)[0]) == list(rows[0])
    with pytest.raises(ValueError, match="does not know 'z': this model's symbols are"):
        catalogue.ids("dune", [("z",) * 8])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(1, 2)], r"\(1, 2\) has 2 symbols: an input of basil has 3"),
        ([(1, 2, 3), (1, 2, 3, 4)], "has 4 symbols"),
        ((1, 2, 3), "a list of inputs, each a tuple, and not 1"),
        (["123"], "does not know '1': this model's symbols are 0, 1"),
        ([], "no input in the list"),
    ],
)
def test_what_is_no_input_is_one_sentence(rows, words):
    with pytest.raises(catalogue.InputError, match=words):
        catalogue.says("basil", rows)
