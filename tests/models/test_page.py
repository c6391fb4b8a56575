"""A learner's notebook says where it runs another model than its page shows."""

import pytest

from mi_course import models
from mi_course.models import page


@pytest.fixture(autouse=True)
def no_page():
    page._shown.clear()
    yield
    page._shown.clear()


def test_without_a_page_nothing_is_said(capsys):
    assert page.difference("pocket") is None
    models.load("pocket")
    assert "page" not in capsys.readouterr().out


def test_load_says_what_the_page_shows_and_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setenv("MI_COURSE_MODEL", "pocket")
    models.page_shows("smollm2")
    models.load()
    model, line = capsys.readouterr().out.splitlines()
    assert model.startswith("Model pocket: ")
    assert line == (
        'This runs on pocket; the page shows SmolLM2: models.load("smollm2"), or '
        "MI_COURSE_MODEL=smollm2"
    )


def test_who_names_a_model_or_has_the_pages_hears_nothing(monkeypatch, capsys):
    models.page_shows("smollm2")
    models.load("pocket")
    monkeypatch.setenv("MI_COURSE_MODEL", "pocket")
    models.load(quiet=True)
    models.page_shows("pocket")
    models.load()
    assert "page" not in capsys.readouterr().out


def test_other_models_are_named_as_sentences_name_them():
    models.page_shows("pocket")
    assert page.difference("gpt2").startswith("This runs on GPT-2; the page shows pocket: ")
    assert page.difference("gpt2-random").startswith("This runs on gpt2-random; ")


def test_a_notebook_that_is_newer_than_the_package_is_left_alone():
    models.page_shows("a model of next year")
    assert page.difference("pocket") is None
