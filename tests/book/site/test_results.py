"""A chapter's stored figure on another page: the right one with its model, or a warning."""

import pytest

from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.site import results
from support.sample_course import CHAPTER, INTRO, heatmap, store_outputs, write
from support.site_builds import build

RESULT = f"""{INTRO}
```{{course-result}} {CHAPTER}
:figure: of every head

What each head does: [see](week2/01_sample.md).
```
"""


@pytest.fixture
def course(tmp_path):
    return write(tmp_path / "course")


def chapter(course):
    return Chapter(course, CHAPTER)


def test_the_figure_is_the_stored_one_and_its_model_is_named(course):
    html, model = results.find(chapter(course), "of every head")
    assert 'aria-label="Scores of every head"' in html
    assert model == "pocket"


def test_a_height_is_the_box_s_and_the_drawing_s(course):
    html, _ = results.find(chapter(course), "of every head", height=321)
    assert 'style="min-height:321px"' in html
    assert '"height":321' in html
    assert "321" not in results.find(chapter(course), "of every head")[0]


def test_gpt2_s_figure_is_taken_where_the_chapter_shows_gpt2_s(course):
    outs = [[heatmap("Scores of GPT-2, of every head")], [], [], [], [], []]
    store_outputs(course, outs, "gpt2")
    html, model = results.find(chapter(course), "of every head")
    assert "Scores of GPT-2" in html
    assert model == "gpt2"


@pytest.mark.parametrize(("words", "count"), [("no such title", 0), ("o", 3)])
def test_words_that_name_no_figure_or_several_are_refused(course, words, count):
    with pytest.raises(ChapterError, match=f"^{count} figures of {CHAPTER} have '{words}'"):
        results.find(chapter(course), words)


def test_a_page_shows_it_with_its_caption_and_a_changed_title_fails_the_build(course):
    (course / "book/intro.md").write_text(RESULT)
    result = build(course, course)
    assert result.returncode == 0, result.stderr
    page = (course / "_build/html/book/intro.html").read_text("utf8")
    assert 'aria-label="Scores of every head"' in page
    assert 'href="week2/01_sample.html"' in page
    assert "Measured on pocket." in page
    assert "course-figs.js" in page
    (course / "book/intro.md").write_text(RESULT.replace("of every head", "of no head"))
    result = build(course, course)
    assert result.returncode != 0
    assert "0 figures of week2/01_sample have 'of no head' in their title" in result.stderr
