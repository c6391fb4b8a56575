"""Questions of the real book: every box takes an answer, and each model's page knows it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from mi_course.book import chapters, question
from mi_course.book.notebook import targets
from mi_course.models import registry
from support.outside import ROOT

ASKED = re.compile(r"^```\{(predict|recall)\} (.+)\n((?::.*\n)*)((?:.*\n)*?)```$", re.MULTILINE)
BOX = re.compile(r"^`{3,}\{admonition\} +Predict\b.*$", re.MULTILINE)
ALL = chapters.find(ROOT)
# Of these nothing stale may be stored.
FRESH = [model.name for model in registry.MODELS if model.anyone_can_run]
each_chapter = pytest.mark.parametrize("chapter", ALL, ids=str)


def asked(path):
    """The questions of a page, as the book reads them."""
    for kind, name, options, body in ASKED.findall(path.read_text("utf8")):
        given = dict(re.findall(r"^:(\w+):[ \t]*(.*)$", options, re.MULTILINE))
        make = question.predict if kind == "predict" else question.recall
        yield make(name, given, body.split("\n"))


PAGES = sorted(p for part in ("week*", "labs") for p in (ROOT / chapters.BOOK).glob(f"{part}/*.md"))
ORDER = ["week1", "week2", "week3", "week4", "labs"]
EVERY = {path: list(asked(path)) for path in PAGES}


def test_what_is_written_as_a_question_is_found():
    written = Counter(
        word for p in PAGES for word in re.findall(r"\{(predict|recall)\} \w", p.read_text("utf8"))
    )
    assert sum(written.values()) == sum(map(len, EVERY.values())) > 100


def test_a_box_that_asks_for_a_prediction_takes_one():
    found = {path.name: BOX.findall(path.read_text("utf8")) for path in PAGES}
    assert {name: boxes for name, boxes in found.items() if boxes} == {}


@each_chapter
def test_each_stored_model_has_one_right_answer_to_each_question(chapter):
    for model in FRESH:
        values = targets.stored_values(chapter.stored(model))
        if values:
            for one in EVERY.get(chapter.source, ()):
                assert one.right(values).text


@pytest.mark.parametrize("path", [p for p, q in EVERY.items() if q], ids=lambda p: p.stem)
def test_what_is_recalled_from_elsewhere_is_of_an_earlier_week(path):
    recalled = [one for one in EVERY[path] if one.kind == "recall"]
    assert 2 <= len(recalled) <= 4
    parts = [one.about.partition("/")[0] for one in recalled if one.about]
    assert all(ORDER.index(about) < ORDER.index(path.parent.name) for about in parts)
    assert len(parts) <= 1
