"""Chapters are found and their code cells read as the site reads them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mi_course.book import chapters
from mi_course.book.chapters import ChapterError
from support.small_course import cell, package_env


def test_finds_chapters_with_code_and_nothing_else(project):
    project.write("week1/01_a", cell("1"))
    project.write("week2/01_b", cell("2"))
    project.write("week1/prose", "# No code here\n")
    (project.root / "book/intro.md").write_text("# Intro\n\n" + cell("1"))
    project.write("outputs/pocket/week1/left_over", cell("1"))
    project.write("_drafts/01_c", cell("1"))

    docs = [chapter.doc for chapter in chapters.find(project.root)]

    assert docs == ["week1/01_a", "week2/01_b"]


def test_cells_have_source_tags_and_the_line_of_their_fence(project):
    path = project.write(
        "a", "# Title\n\n" + cell("x = 1", "hide-input, exercise-x") + "\ntext\n\n" + cell("x\n\n")
    )

    first, second = project.chapter("a").cells

    assert (first.source, first.tags) == ("x = 1", ("hide-input", "exercise-x"))
    assert (second.source, second.tags) == ("x", ())
    lines = path.read_text().splitlines()
    assert lines[first.line - 1].startswith("```{code-cell}")
    assert lines[second.line - 1].startswith("```{code-cell}")


def test_a_changed_chapter_is_read_again(project):
    project.write("a", cell("1"))
    chapter = project.chapter("a")
    assert chapter.cells[0].source == "1"
    project.write("a", cell("22"))
    assert chapter.cells[0].source == "22"


def test_an_unchanged_chapter_is_parsed_once_for_all_that_is_asked_of_it(project, monkeypatch):
    parsed = []
    read = chapters.read
    monkeypatch.setattr(chapters, "read", lambda path: parsed.append(path.name) or read(path))
    project.write("a", "# A title\n\n" + cell("1"))
    (chapter,) = chapters.find(project.root)
    assert chapters.named(project.root, "a") == chapter
    assert (chapter.title, chapter.missing(), len(chapter.cells)) == ("A title", None, 1)
    assert len(chapter.notebook.cells) == 2
    assert parsed == ["a.md"]


def test_a_cell_within_a_colon_fence_is_no_code_cell_of_the_page(project):
    project.write("a", f":::{{note}}\n{cell('1')}:::\n\n{cell('2')}")
    assert [c.source for c in project.chapter("a").cells] == ["2"]


def test_names_are_accepted_as_a_shell_completes_them(project):
    path = project.write("week1/01_a", cell("1"))
    for name in ("week1/01_a", "book/week1/01_a.md", "./book/week1/01_a.md"):
        assert chapters.named(project.root, name).source == path


def test_a_stored_path_tells_chapter_and_model_even_where_the_chapter_is_gone(project):
    for root in (project.root, project.root.relative_to("/")):
        chapter = chapters.Chapter(root, "week1/01_a")
        assert chapters.of_stored(chapter.stored("gpt2")) == (chapter, "gpt2")


def test_the_chapter_of_a_file_is_none_where_the_file_is_no_chapter(project):
    path = project.write("week1/01_a", cell("1"))
    assert chapters.of_source(project.root, path) == project.chapter("week1/01_a")
    assert chapters.of_source(project.root, project.write("prose", "# No code here\n")) is None
    assert chapters.of_source(project.root, project.root / "book/nowhere.md") is None


def test_an_unknown_name_lists_the_chapters_there_are(project):
    project.write("week1/01_a", cell("1"))
    with pytest.raises(ChapterError, match=r"no chapter 'week9'.*\n  week1/01_a"):
        chapters.named(project.root, "week9")


def test_options_that_are_not_yaml_name_the_file(project):
    project.write("week1/01_a", "```{code-cell} ipython3\n:tags: one\n1\n```\n")
    with pytest.raises(ChapterError, match=r"01_a\.md.*not of type 'array'.*:tags: \[hide-input\]"):
        project.chapter("week1/01_a").cells  # noqa: B018  (reading them is the error)


def test_tolerance_tag_is_read(project):
    project.write("a", cell("# tolerance: trained live\nx", "tol-0.05") + cell("y"))
    assert [c.tolerance for c in project.chapter("a").cells] == [0.05, None]


@pytest.mark.parametrize(
    ("tag", "source", "message"),
    [
        ("tol-0.05", "x", "say why"),
        ("tol-0.05", "# tolerance:\nx", "say why"),
        ("tol-five", "# tolerance: why\nx", "a number between 0 and 1"),
        ("tol-5", "# tolerance: why\nx", "a number between 0 and 1"),
    ],
)
def test_tolerance_needs_a_number_and_a_reason(tag, source, message):
    with pytest.raises(ChapterError, match=message):
        chapters.tolerance([tag], source)


def test_root_is_found_from_a_folder_within(project, monkeypatch):
    project.write("week1/01_a", cell("1"))
    monkeypatch.chdir(project.root / "book" / "week1")
    assert chapters.project_root() == project.root.resolve()


def test_reading_chapters_needs_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['numpy'] = None\n"
        "from mi_course.book import chapters, store\n"
        "from mi_course.book.notebook import learner_notebook\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=package_env())
