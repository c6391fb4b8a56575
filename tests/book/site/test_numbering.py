"""Exercises count from 1 on each page, and a reference gives the number that its page shows."""

import re

import pytest

from mi_course.book.site import numbering
from support.small_site import build


def exercise(name, title):
    return f"```{{exercise-start}} {title}\n:label: ex-{name}\n```\nDo.\n```{{exercise-end}}\n```\n"


SOLUTION = "```{solution-start} ex-d\n```\nSo.\n```{solution-end}\n```\n"
FIGURE = "```{list-table} A table\n* - 1\n```\n\n"
PAGES = {
    "book/week1/01_a": f"# A\n\n{exercise('a', 'One')}\n{exercise('b', 'Two')}",
    "book/week1/02_b": f"# B\n\n{exercise('c', 'Three')}\n## C\n\n{exercise('d', 'Four')}\n"
    f"{SOLUTION}\nAs in {{ref}}`ex-b`, {{ref}}`ex-d` and {{ref}}`the first <ex-a>`.",
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    return build(folder, PAGES, "sphinx_exercise", numbering.__name__)


def titles(page):
    return [" ".join(p.get_text().split()) for p in page.select(".exercise > .admonition-title")]


def test_exercises_are_numbered_within_their_page(pages):
    assert titles(pages["book/week1/01_a"]) == ["Exercise 1 (One)", "Exercise 2 (Two)"]
    assert titles(pages["book/week1/02_b"]) == ["Exercise 1 (Three)", "Exercise 2 (Four)"]


def test_solutions_and_references_give_the_number_of_the_page(pages):
    page = pages["book/week1/02_b"]
    (solution,) = page.select(".solution > .admonition-title")
    assert " ".join(solution.get_text().split()) == "Solution to Exercise 2 (Four)"
    assert re.search(r"As in Exercise 2, Exercise 2 and the first\.", page.get_text())
