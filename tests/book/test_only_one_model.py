"""A chapter that is about one model: `model:` in its front matter."""

from __future__ import annotations

import asyncio

import pytest

from mi_course.book import chapters, run
from mi_course.book.site import page_model
from support.small_course import FRONT, cell


@pytest.fixture
def about_one(project):
    path = project.write("week1/01_a", cell("1"))
    path.write_text(FRONT.replace("---\njup", "---\nmodel: smollm2\njup") + cell("1"))
    return project.chapter("week1/01_a")


def test_it_names_its_model_and_others_name_none(project, about_one):
    project.write("week1/02_b", cell("2"))
    assert (about_one.only, about_one.at_least) == ("smollm2", "smollm2")
    other = project.chapter("week1/02_b")
    assert (other.only, other.at_least) == (None, "pocket")


def test_a_model_that_the_registry_does_not_know_is_refused(project):
    path = project.write("week1/01_a", cell("1"))
    path.write_text(FRONT.replace("---\njup", "---\nmodel: smollm3\njup") + cell("1"))
    with pytest.raises(chapters.ChapterError, match="'smollm3', expected one of pocket, gpt2"):
        project.chapter("week1/01_a").only  # noqa: B018


def test_it_is_not_run_on_another_model(about_one):
    outcome = asyncio.run(run.run_and_store(about_one, "pocket", 1, lambda doc: None))
    assert (outcome.state, outcome.message) == ("no model", "it is about smollm2 alone")


def test_its_page_asks_for_its_own_outputs_and_not_for_pockets(about_one):
    reason = page_model.choose(about_one).reason
    assert reason == "no stored outputs; run `mi-course run week1/01_a --model smollm2`"
