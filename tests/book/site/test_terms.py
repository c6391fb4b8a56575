"""The first use of a term in a chapter is a link with its definition; so is every `{term}`."""

import pytest

from mi_course.book.site import terms
from support.small_site import build

GLOSSARY = """# Glossary

```{glossary}
attention
  Where a head looks.

attention head
  It says "look"
  *there* & `here`.

head
  Part of a {term}`circuit`.

circuit
  Some heads.
```
"""
CHAPTER = """# A head

`head` and [a head](https://example.org) and ```head```.
Each Attention head, the head, another head.

- a circuit

Their {term}`heads <head>`.
"""
PAGES = {
    terms.GLOSSARY: GLOSSARY, "book/week1/01_a": CHAPTER, "book/labs/a": CHAPTER,
    "book/other": CHAPTER,
}  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return build(tmp_path_factory.mktemp("site"), PAGES, terms.__name__)


def links(page):
    return [
        (a.get_text(), a["href"], a["data-definition"]) for a in page.select("a[data-definition]")
    ]


def test_the_first_use_of_each_term_in_prose_is_a_link_with_the_definition(pages):
    assert links(pages["book/week1/01_a"]) == [
        ("Attention head", "../glossary.html#term-attention-head", "It says “look” there & here."),
        ("head", "../glossary.html#term-head", "Part of a circuit."),
        ("circuit", "../glossary.html#term-circuit", "Some heads."),
        ("heads", "../glossary.html#term-head", "Part of a circuit."),
    ]
    words = pages["book/week1/01_a"].select("a.course-term.reference.internal")
    assert [a.get_text() for a in words] == ["Attention head", "head", "circuit"]


def test_a_page_that_is_no_chapter_has_definitions_on_what_it_marks_alone(pages):
    assert [text for text, *_ in links(pages["book/other"])] == ["heads"]


def test_every_link_leads_to_its_term(pages):
    ids = {tag["id"] for tag in pages[terms.GLOSSARY].select("dt[id]")}
    found = [href for _, href, _ in links(pages["book/week1/01_a"])]
    assert {href.partition("#")[2] for href in found} == ids - {"term-attention"}


def test_the_text_of_a_page_stays_as_it_was(tmp_path, pages):
    without = build(tmp_path, PAGES)
    for name in PAGES:
        bodies = [built[name].select_one("div.body") for built in (without, pages)]
        assert bodies[0].get_text() == bodies[1].get_text()


def test_a_lab_is_a_chapter_too(pages):
    assert links(pages["book/labs/a"]) == links(pages["book/week1/01_a"]) != []


def test_a_site_without_a_glossary_has_no_such_links(tmp_path):
    page = build(tmp_path, {"book/week1/01_a": "# A\n\nA head.\n"}, terms.__name__)
    assert links(page["book/week1/01_a"]) == []
