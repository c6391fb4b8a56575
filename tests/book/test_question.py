"""Questions of chapters: how they are written, what is right, and what is refused."""

from __future__ import annotations

import pytest

from mi_course.book import question
from mi_course.book.chapters import ChapterError

LISTED = ["Which?", "", "- `one`", "- a long", "  second line", "- three", "", "Because."]
BOUNDED = ["How far?", "", "- a tenth | 0.03..", "- a hundredth | 0.003..0.03", "- less | ..0.003"]


def predict(body=("What?",), **options):
    return question.predict("some name", {"answer": "a"} | options, list(body))


def test_a_question_is_taken_apart_at_its_list():
    asked = predict(LISTED)
    assert asked.kind == "choice"
    assert asked.asked.text == "Which?"
    assert [option.plain for option in asked.options] == ["one", "a long second line", "three"]
    assert [option.line for option in asked.options] == [2, 3, 5]
    assert asked.after.text == "Because."
    assert asked.after.first == 6


def test_without_a_list_it_asks_for_a_number():
    right = predict(form=".1f").right({"a": 2.34})
    assert (right.text, right.value, right.order) == ("2.3", 2.34, ())


@pytest.mark.parametrize(("value", "n"), [(5, 1), (0.03, 1), (0.0299, 2), (0.003, 2), (0, 3)])
def test_a_value_chooses_the_option_within_whose_bounds_it_lies(value, n):
    assert predict(BOUNDED).right({"a": value}).order == (n,)


def test_a_text_chooses_the_option_that_says_it():
    right = predict(LISTED).right({"a": "A long second line"})
    assert (right.order, right.text) == ((2,), "a long second line")


@pytest.mark.parametrize(("first", "order"), [("largest", (3, 1, 2)), ("smallest", (2, 1, 3))])
def test_the_options_own_values_make_an_order_and_a_choice(first, order):
    values = {"a": 2, "b": 1, "c": 3}
    keys = {"answer": "a, b, c", "first": first}
    assert predict(LISTED, kind="order", **keys).right(values).order == order
    assert predict(LISTED, kind="choice", **keys).right(values).order == order[:1]


def test_what_is_exact_needs_no_value():
    exact = {"answer": "", "exact": "2"}
    assert predict(LISTED, **exact).right({}).text == "a long second line"
    assert predict(exact="60", answer="", why="A fifth.").right({}).value == 60.0
    assert predict(LISTED, kind="order", answer="", exact="3, 1, 2").right({}).order == (3, 1, 2)


def test_a_glued_number_may_stand_in_the_question_and_behind_the_list():
    glued = "{glue:text}`a:.2f`"
    asked = predict([f"The loss is {glued}. Why?", "- `{one}`", "- two", "", f"It is {glued}."])
    assert asked.after.text == f"It is {glued}."
    with pytest.raises(ChapterError, match="would tell the answer"):
        question.recall("some name", {"right": "1"}, ["Why?", f"- {glued}", "- two", "", "So."])


def test_recall_is_a_choice_with_a_right_option():
    asked = question.recall("some name", {"right": "3", "from": "week1/a"}, LISTED)
    assert (asked.kind, asked.veil, asked.about) == ("recall", "none", "week1/a")
    assert asked.right({}).order == (3,)


WRONG = [
    ({"kind": "guess"}, LISTED, "kind is 'guess'"),
    ({"kind": "choice"}, ["What?"], "a list of two options"),
    ({"kind": "choice"}, ["What?", "- one"], "a list of two options"),
    ({"kind": "number"}, LISTED, "no list of options"),
    ({}, ["- a", "- b"], "asks nothing"),
    ({"answer": ""}, LISTED, "give either answer or exact"),
    ({"exact": "1"}, LISTED, "give either answer or exact"),
    ({"answer": "", "exact": "1"}, LISTED[:-1], "say why"),
    ({"answer": "", "exact": "4"}, LISTED, "exact is '4'"),
    ({"answer": "", "exact": "1, 2"}, LISTED, "exact is '1, 2'"),
    ({"answer": "", "exact": "two", "why": "x"}, ["What?"], "exact is 'two'"),
    ({"answer": "", "exact": "1, 2", "kind": "order"}, LISTED, "exact is '1, 2'"),
    ({"answer": "a, b"}, LISTED, "one key for each option"),
    ({"answer": "a, b", "first": "largest"}, LISTED, "one key for each option"),
    ({"kind": "order"}, LISTED, "one key for each option"),
    ({"first": "best", "answer": "a,b,c"}, LISTED, "first is one of"),
    ({"veil": "all"}, LISTED, "veil is one of"),
    ({"within": "near"}, ["What?"], "within is 'near'"),
    ({}, ["Which?", "- `one`", "- One"], "two options are the same"),
    ({}, ["Which?", "- one", "- about {glue:text}`a:.2f`"], "would tell the answer"),
    ({}, ["Which?", "- {claim}`week2/a`", "- not", ""], "would tell the answer"),
    ({}, ["Which?", "- one | x..2", "- two | 2.."], "bounds of"),
]


@pytest.mark.parametrize(("options", "body", "why"), WRONG, ids=[why for *_, why in WRONG])
def test_what_is_wrong_with_a_question_is_said(options, body, why):
    with pytest.raises(ChapterError, match=why):
        predict(body, **options)


@pytest.mark.parametrize("name", ["", "a | b", "week (1)", "a: b", "x" * 80])
def test_a_name_that_no_log_can_hold_is_refused(name):
    with pytest.raises(ChapterError, match="cannot be called"):
        question.predict(name, {"answer": "a"}, ["What?"])


NO_VALUE = [
    (["What?"], {}, "no glued value 'a'"),
    (["What?"], {"a": "none moves"}, "is no number"),
    (["What?"], {"a": float("nan")}, "is no number"),
    (LISTED, {"a": "four"}, "is 0 of the options"),
    (["How?", "- a | ..2", "- b | 1.."], {"a": 1.5}, "is 2 of the options"),
]


@pytest.mark.parametrize(("body", "values", "why"), NO_VALUE, ids=[why for *_, why in NO_VALUE])
def test_a_value_that_decides_nothing_is_an_error(body, values, why):
    with pytest.raises(ChapterError, match=why):
        predict(body).right(values)
