"""Predicting in a notebook: one line, and a cell below that says how far off it was."""

from __future__ import annotations

import pytest
import torch

from mi_course import predict
from mi_course.errors import CourseError
from mi_course.learner import predictions


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    predictions.forget()
    yield tmp_path
    predictions.forget()


@pytest.fixture
def said(capsys):
    """What was printed since the last look."""
    return lambda: capsys.readouterr().out


def test_a_number_is_told_how_far_off_it_was(said):
    predict.number("loss", 7.3, "certain")
    assert said() == ""
    predict.told("loss", torch.tensor(2.309), unit="nats", form=".2f", week=1)
    assert said() == (
        "You predicted 7.3 nats (certain), and it is 2.31 nats: not right, 4.99 nats too high.\n"
    )
    kept = predictions.get("loss")
    assert (kept.was, kept.right, kept.week, kept.unit) == ("2.31", False, 1, "nats")


def test_percent_are_off_by_percentage_points(said):
    predict.number("accuracy", 98, "certain")
    predict.told("accuracy", 97.5, unit="%", form=".1f", week=1)
    assert "97.5 %: right, 0.5 percentage points too high" in said()


@pytest.mark.parametrize(
    ("value", "within", "right"),
    [(2.2, "10 %", True), (2.21, "10 %", False), (1.8, "10 %", True), (2.5, "0.5", True),
     (2.5, "0", False), (2, "0", True)],
)  # fmt: skip
def test_a_number_is_right_within_what_the_question_allows(value, within, right):
    predict.number("loss", value)
    predict.told("loss", 2, within=within)
    assert predictions.get("loss").right is right


def test_without_an_answer_nothing_is_said(said):
    predict.told("loss", 2.3)
    assert said() == ""


@pytest.mark.parametrize("ask", [predict.number, predict.choice, predict.order])
def test_three_dots_are_no_answer_yet(ask, said):
    ask("loss", ...)
    assert said().startswith("No prediction yet (loss): write ")
    assert predictions.get("loss") is None


@pytest.mark.parametrize("answer", [3, "3", "near 0", "NEAR 0"])
def test_a_choice_is_a_number_in_the_list_or_a_text(answer, said):
    predict.choice("end", answer, "guess")
    predict.told("end", sealed=predictions.seal("near 0"), among=["near 2", "near 1", "near 0"])
    assert said() == "You predicted “near 0” (a guess), and it is “near 0”: right.\n"
    assert predictions.get("end").said == "near 0"


@pytest.mark.parametrize(("value", "right"), [(0.2, True), (torch.tensor(0.002), False)])
def test_a_value_decides_between_options_with_bounds(value, right):
    predict.choice("gap", 1)
    predict.told("gap", value, among={"a tenth": (0.03, None), "less": (None, 0.03)})
    assert predictions.get("gap").right is right


def test_the_options_own_values_decide_a_choice():
    predict.choice("largest", "b")
    predict.told("largest", {"a": 1, "b": torch.tensor(3.0), "c": 2}, first="largest")
    assert predictions.get("largest").right


def test_an_order_is_told_how_many_pairs_stand_the_wrong_way_round(said):
    predict.order("loops", [1, 3, 2])
    predict.told("loops", {"a": 3, "b": 2, "c": 1}, first="largest")
    assert said() == (
        "You predicted “a; c; b” (fairly sure), and it is “a; b; c”: "
        "not right, 1 of 3 pairs stand the wrong way round.\n"
    )
    predict.order("others", ["b", "a", "c"])
    predict.told("others", {"a": 3, "b": 2, "c": 4}, first="smallest")
    assert predictions.get("others").right


@pytest.mark.parametrize("answer", [9, "near 7"])
def test_an_answer_that_is_no_option_is_told_the_options(answer, said):
    predict.choice("end", answer)
    predict.told("end", "near 1", among=["near 2", "near 1"])
    assert "does not fit 'end'. The options: 1 near 2; 2 near 1." in said()
    assert predictions.get("end").was == ""


def test_an_order_that_leaves_one_out_is_told_the_options(said):
    predict.order("loops", [1, 2])
    predict.told("loops", {"a": 3, "b": 2, "c": 1}, first="largest")
    assert "The options: 1 a; 2 b; 3 c." in said()


def test_the_first_answer_that_was_told_counts(said):
    predict.number("loss", 1)
    predict.number("loss", 2)  # not told yet: one may change one's mind
    predict.told("loss", 5)
    said()
    predict.number("loss", 5)
    assert said() == "You know the answer by now: 2 stays your prediction (loss).\n"
    predict.told("loss", 9)  # another run of the cell: what was kept stays
    assert (predictions.get("loss").said, predictions.get("loss").was) == ("2", "5")
    predictions.forget()  # another day
    predict.number("loss", 5)
    assert "stays your prediction" in said()


def test_running_the_same_cell_again_says_nothing(said):
    predict.choice("end", 2)
    predict.told("end", "near 1", among=["near 2", "near 1"])
    said()
    predict.choice("end", 2)
    assert said() == ""


WRONG = [
    (predict.number, "many", "is no number"),
    (predict.number, True, "is no number"),
    (predict.number, float("nan"), "is no number"),
    (predict.number, [1], "is no number"),
    (predict.choice, 1.5, "is no option"),
    (predict.choice, " ", "is no option"),
    (predict.order, "1, 2", "is no order"),
    (predict.order, [1], "is no order"),
    (predict.order, [1, 1], "names an option twice"),
    (predict.order, [1, None], "is no option"),
]


@pytest.mark.parametrize(("ask", "value", "why"), WRONG)
def test_what_makes_no_sense_is_refused_in_words(ask, value, why):
    with pytest.raises(predict.PredictError, match=why) as caught:
        ask("loss", value)
    assert isinstance(caught.value, CourseError)
    assert predictions.get("loss") is None


def test_how_sure_is_one_of_three_words():
    with pytest.raises(predict.PredictError, match='"guess", "fairly", "certain"'):
        predict.number("loss", 1, "very")
    with pytest.raises(predict.PredictError, match="is no name"):
        predict.number(7.3, 1)


def test_a_number_may_be_a_tensor_or_a_text_of_one():
    predict.number("a", torch.tensor(1.5))
    predict.number("b", "1,500")
    assert (predictions.get("a").said, predictions.get("b").said) == ("1.5", "1500")


def test_an_answer_that_cannot_be_kept_counts_and_is_said(home, said):
    (home / "predicted").write_text("a file")
    predict.number("loss", 1)
    assert "it is not kept: " in said()
    predict.told("loss", 1)
    assert "right" in said()


def test_a_cell_that_does_not_fit_its_question_is_an_error():
    predict.number("loss", 1)
    with pytest.raises(CourseError, match="is no number"):
        predict.told("loss", "none")
    predict.choice("end", 1)
    with pytest.raises(CourseError, match="is none of"):
        predict.told("end", "far", among=["near", "nearer"])
