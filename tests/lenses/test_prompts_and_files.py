"""The prompts are drawn alike everywhere, and the lens that ships is the one that was fitted."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from mi_course import models, run_files
from mi_course.lenses import prompts, shipped
from mi_course.models import smollm2
from mi_course.models.gguf_file import GGUFFile
from support.outside import not_run


@pytest.fixture(scope="module")
def tokenizer():
    if smollm2.installed() is None:
        not_run(f"SmolLM2-135M-Instruct is not installed: {smollm2.INSTALL}")
    return smollm2._tokenizer(GGUFFile(smollm2.find()).fields)


@pytest.mark.parametrize("held_out", [False, True])
def test_there_are_answers_of_one_token_for_the_largest_draw(tokenizer, held_out):
    templates = prompts.HELD_OUT if held_out else prompts.TEMPLATES
    for kind in prompts.FACTS:
        assert len(prompts._every(tokenizer, kind, templates)) >= 28, kind


def test_an_answer_goes_on_where_the_prompt_ends(tokenizer):
    drawn = prompts.draw(tokenizer, 60, seed=5)
    for text, answer in zip(drawn.texts, drawn.answers.tolist(), strict=True):
        word = tokenizer.decode(answer)
        assert word.startswith(" ") != text.endswith('"')
        whole = tokenizer.encode(text + word, add_special_tokens=False)
        assert whole[-1] == answer


@pytest.mark.parametrize("held_out", [False, True])
def test_the_subject_is_where_it_is_named_last(tokenizer, held_out):
    drawn = prompts.draw(tokenizer, 30, seed=6, held_out=held_out)
    asked = {one for pairs in prompts.FACTS.values() for one, _ in pairs}
    for row, at in zip(drawn.tokens, drawn.subjects.tolist(), strict=True):
        said = tokenizer.decode(row[at]).strip(' "')  # of a word in quotes its last token
        assert any(word.endswith(said) for word in asked)
    at_end = [row[end] for row, end in zip(drawn.tokens, drawn.ends, strict=True)]
    assert [int(token) for token in at_end] == [int(row[-1]) for row in drawn.tokens]


def test_other_templates_name_a_country_twice_and_those_of_the_page_once(tokenizer):
    drawn = prompts.draw(tokenizer, 30, seed=6)
    assert prompts.first_named(drawn).tolist() == drawn.subjects.tolist()
    drawn = prompts.draw(tokenizer, 30, seed=6, held_out=True)
    first = prompts.first_named(drawn)
    for i, kind in enumerate(drawn.kinds):
        assert (first[i] < drawn.subjects[i]) == (kind != "opposite")
        assert drawn.tokens[i][first[i]] == drawn.tokens[i][drawn.subjects[i]]


def test_a_draw_has_as_many_of_each_kind_and_no_prompt_twice(tokenizer):
    drawn = prompts.draw(tokenizer, 60, seed=0)
    assert {kind: drawn.kinds.count(kind) for kind in prompts.FACTS} == dict.fromkeys(
        prompts.FACTS, 20
    )
    assert len({*drawn.texts}) == 60
    assert drawn.texts == prompts.draw(tokenizer, 60, seed=0).texts
    assert drawn.texts != prompts.draw(tokenizer, 60, seed=1).texts


def test_no_page_sees_the_templates_that_are_held_out(tokenizer):
    held_out = {*prompts.draw(tokenizer, 60, seed=0, held_out=True).texts}
    every = {
        t.format(asked)
        for kind, pairs in prompts.FACTS.items()
        for t in prompts.TEMPLATES[kind]
        for asked, _ in pairs
    }
    assert not held_out & every


def test_batches_have_one_length_and_hold_each_prompt_once(tokenizer):
    drawn = prompts.draw(tokenizer, 40, seed=3)
    batches = drawn.by_length()
    assert sorted(torch.cat([rows for rows, _ in batches]).tolist()) == list(range(40))
    for rows, tokens in batches:
        assert all(drawn.tokens[i].equal(row) for i, row in zip(rows.tolist(), tokens, strict=True))


def test_the_other_prompt_is_of_the_same_kind_and_has_another_answer(tokenizer):
    drawn = prompts.draw(tokenizer, 60, seed=4)
    others = drawn.others()
    assert not (drawn.answers[others] == drawn.answers).any()
    assert [drawn.kinds[j] for j in others] == list(drawn.kinds)


def test_more_prompts_than_there_are_are_refused(tokenizer):
    with pytest.raises(ValueError, match="1000 prompts on capital were asked for"):
        prompts.draw(tokenizer, 1000, seed=0, kinds=("capital",))


def test_the_lens_that_ships_says_what_it_was_fitted_on():
    lens = shipped.load()
    assert tuple(lens.source_layers) == shipped.LAYERS
    assert lens.n_prompts == shipped.N_FITTED
    assert {lens.metadata[key] for key in ("corpus", "model_name")} == {shipped.NAME, "smollm2"}
    assert lens.metadata["max_seq_len"] == shipped.N_TOKENS
    assert lens.metadata["skip_first_positions"] == shipped.SKIPPED
    assert len(shipped.texts()) == shipped.N_WRITTEN


def test_what_ships_is_small():
    assert sum(file.stat().st_size for file in shipped.FOLDER.iterdir()) < 4_000_000


def test_a_changed_text_is_refused(tmp_path, monkeypatch):
    shutil.copytree(shipped.FOLDER, tmp_path / "runs")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "runs")
    path = shipped.FOLDER / shipped.TEXTS
    path.write_text(path.read_text("utf8").replace("a", "b", 1), encoding="utf8")
    with pytest.raises(run_files.RunFilesError, match="mi-course fit-lens"):
        shipped.texts()


@pytest.mark.slow
def test_the_command_s_fit_is_the_one_that_ships():
    """One of the five layers, the last: the others would take minutes."""
    if smollm2.installed() is None:
        not_run(f"SmolLM2-135M-Instruct is not installed: {smollm2.INSTALL}")
    bare = models.load_bare(models.load("smollm2", quiet=True))
    parts = [
        shipped.fit(bare, [text], [28], shipped.NAME)
        for text in shipped.texts()[: shipped.N_FITTED]
    ]
    found = type(parts[0]).merge(parts).jacobians[28]
    torch.testing.assert_close(found, shipped.load().jacobians[28], atol=5e-3, rtol=5e-3)


def test_the_texts_are_kept_as_json():
    content = json.loads((shipped.FOLDER / shipped.TEXTS).read_text("utf8"))
    assert all(isinstance(text, str) and text for text in content)
