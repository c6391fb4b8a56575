"""A page shows GPT-2's outputs where they can be shown, else pocket's, and says which."""

import pytest

from mi_course.book import store
from mi_course.book.chapters import Chapter
from mi_course.book.site import page_model
from mi_course.models import registry
from support.sample_course import CHAPTER, MODEL, SAMPLE, store_outputs, write

NOTHING = [[], [], [], [], [], []]
HIDDEN = (
    "Outputs of GPT-2 small are stored for this page, but its code has changed since; they are "
    "hidden until somebody runs it on GPT-2 small again."
)
QUOTES = (
    f"Outputs of GPT-2 small are stored for this page, but it quotes numbers of {CHAPTER}, which "
    "has none to show; they are hidden until somebody runs that page on GPT-2 small."
)


@pytest.fixture
def course(tmp_path):
    return write(tmp_path / "course")


def chapter(course):
    return Chapter(course, CHAPTER)


def shown_line(course):
    return page_model.label(page_model.choose(chapter(course)))


def test_page_says_that_pocket_is_not_gpt2(course):
    line = shown_line(course)
    assert "pocket" in line
    assert MODEL["sha256"][:8] in line
    assert "not GPT-2" in line
    assert "2026-01-02" in line
    assert "Python 3.11, PyTorch 2.13.0" in line


def test_gpt2_outputs_are_shown_where_they_are_stored(course):
    store_outputs(course, NOTHING, model="gpt2")
    assert "GPT-2 small" in shown_line(course)
    assert "pocket" not in shown_line(course)
    assert HIDDEN not in shown_line(course)


def test_stale_gpt2_outputs_give_way_to_pocket_without_a_complaint(course):
    stored = store_outputs(course, NOTHING, model="gpt2")
    stored.write_text(stored.read_text().replace('"heatmap"', '"other"'))
    what = page_model.choose(chapter(course))
    assert what.reason is None
    assert "pocket" in shown_line(course)
    assert shown_line(course).endswith(HIDDEN)


def test_stale_pocket_outputs_are_a_complaint_even_where_gpt2_is_shown(course):
    store_outputs(course, NOTHING, model="gpt2")
    stored = chapter(course).stored("pocket")
    stored.write_text(stored.read_text().replace('"heatmap"', '"other"'))
    what = page_model.choose(chapter(course))
    assert "code cell 2" in what.reason
    assert "gpt2" in what.stored.parts


def test_outputs_without_a_model_are_said_to_be_so(course):
    meta = store.load(page_model.choose(chapter(course)).stored).metadata.mi_course
    meta.model.name = "none"
    assert "without a language model" in page_model.describe(meta)


QUOTING = "week2/03_quoting"


@pytest.fixture
def quoting(course):
    """A chapter that quotes the sample's loss, with outputs of both models."""
    text = SAMPLE.replace("{glue:text}`loss:.2f`", "{glue:text}`01_sample.md::loss:.2f`")
    quoting = Chapter(course, QUOTING)
    quoting.source.write_text(text)
    for model in ("pocket", "gpt2"):
        store_outputs(course, NOTHING, model, QUOTING)
    return quoting


def test_gpt2_outputs_beside_quoted_numbers_of_pocket_are_hidden_with_the_reason(course, quoting):
    what = page_model.choose(quoting)
    assert "pocket" in what.stored.parts
    assert what.others == ()
    assert what.hidden == QUOTES
    store_outputs(course, NOTHING, "gpt2")
    assert "gpt2" in page_model.choose(quoting).stored.parts


def test_numbers_computed_without_a_model_may_be_quoted_anywhere(course, quoting):
    stored = chapter(course).stored("pocket")
    stored.write_text(stored.read_text().replace('"name": "pocket"', '"name": "none"'))
    assert "gpt2" in page_model.choose(quoting).stored.parts


def test_two_chapters_that_quote_each_other_are_shown(course, quoting):
    path = chapter(course).source
    path.write_text(path.read_text() + "\n{glue:text}`03_quoting.md::loss:.2f`\n")
    store_outputs(course, NOTHING, "gpt2")
    assert "gpt2" in page_model.choose(quoting).stored.parts
    assert "gpt2" in page_model.choose(chapter(course)).stored.parts


def test_both_models_are_one_click_apart_only_where_both_have_fresh_outputs(course):
    both = chapter(course)
    assert page_model.choose(both).others == ()
    gpt2 = store_outputs(course, NOTHING, "gpt2")
    assert page_model.choose(both).others == ("pocket",)
    assert page_model.choose(both, "pocket").others == ("gpt2",)
    assert "pocket" in page_model.choose(both, "pocket").stored.parts
    gpt2.write_text(gpt2.read_text().replace('"heatmap"', '"other"'))
    assert page_model.choose(both, "pocket").others == ()


def test_outputs_without_a_model_are_not_offered_twice(course):
    for model in registry.names():
        stored = store_outputs(course, NOTHING, model)
        stored.write_text(stored.read_text().replace(f'"name": "{model}"', '"name": "none"'))
    assert page_model.choose(chapter(course)).others == ()
