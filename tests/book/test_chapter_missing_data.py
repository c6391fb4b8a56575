"""A chapter that needs what this machine lacks is reported as not run, and its outputs are kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mi_course.book import chapters, run, store
from support.small_course import FRONT, cell, package_env, text

DOC = "week1/01_a"
REASON = "MI_COURSE_MNIST=digits asks for the small digits"


@pytest.fixture
def chapter(project):
    """A chapter that needs MNIST and whose stored outputs any run would contradict."""
    path = project.write(DOC, cell("print(1)"))
    path.write_text(FRONT.replace("---\njup", "---\nneeds: mnist\njup") + cell("print(1)"))
    project.save(DOC, [[text("2\n")]])
    return project.chapter(DOC)


@pytest.fixture
def no_mnist(monkeypatch):
    monkeypatch.setenv("MI_COURSE_MNIST", "digits")


def nbval(project, **env):
    command = "-m pytest -p mi_course.book.nbval_plugin --nbval --color=no -p no:cacheprovider"
    return subprocess.run(
        [sys.executable, *command.split(), str(project.stored(DOC))],
        cwd=project.root,
        env=package_env(**env),
        capture_output=True,
        text=True,
    )


def test_only_a_chapter_that_says_so_needs_something(project, chapter, no_mnist):
    assert chapter.missing() == REASON
    project.write("week1/02_b", cell("1"))
    assert project.chapter("week1/02_b").missing() is None


def test_an_unknown_need_is_refused(project):
    path = project.write(DOC, cell("1"))
    path.write_text(FRONT.replace("---\njup", "---\nneeds: minst\njup") + cell("1"))
    with pytest.raises(chapters.ChapterError, match="needs: 'minst', expected mnist"):
        project.chapter(DOC).missing()


def test_a_run_stores_nothing_and_says_why(project, chapter, no_mnist):
    before = project.stored(DOC).read_bytes()
    (outcome,) = run.run_all([chapter], "pocket", 1)
    assert (outcome.state, outcome.message, outcome.failed) == ("not run", REASON, False)
    assert project.stored(DOC).read_bytes() == before


def test_nbval_reports_it_as_not_run_with_the_reason(project, chapter):
    done = nbval(project, MI_COURSE_MNIST="digits")
    assert done.returncode == 0, done.stdout
    assert f"NOT RUN: {REASON}" in done.stdout
    assert "1 skipped" in done.stdout


@pytest.mark.slow
def test_nbval_runs_it_where_nothing_is_missing(project, chapter, monkeypatch):
    chapter.source.write_text(chapter.source.read_text().replace("needs: mnist\n", ""))
    done = nbval(project, MI_COURSE_MNIST="digits")
    assert done.returncode == 1, done.stdout
    assert "stored '2', now '1'" in done.stdout


def test_what_is_stored_is_still_held_against_the_chapter(project, chapter):
    chapter.source.write_text(chapter.source.read_text().replace("print(1)", "print(3)"))
    assert "differs from the stored one" in store.stale_reason(chapter, "pocket")
