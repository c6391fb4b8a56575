"""What was predicted: kept in the learner's folder, in one grammar for command line and pages."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from mi_course.learner import export, importing, predictions, progress, weeklog
from mi_course.learner.predictions import Prediction
from support import node
from support.outside import ROOT

CASES = json.loads(Path(__file__).with_name("prediction_cases.json").read_text("utf8"))
NAMES = [case["name"] for case in CASES]
SCRIPT = ROOT / "book" / "_static" / "predictions.js"
WEEKLOG = ROOT / "book" / "_static" / "weeklog.js"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    predictions.forget()
    yield tmp_path
    predictions.forget()


def number(name="loss", said="2", was="4", sure="guess", right=False, week=1):
    at = "2026-11-28T10:00:00+00:00"
    return Prediction(name, "number", said, sure, week, was, "nats", right, at)


SOME = [
    number("b", "5", "4"),
    number("a", "4", "4", "certain", True),
    number("d", "8", "4", "certain"),
    number("e", "1", "0", "fairly"),
    replace(number("c", "x; y", "y; x", "fairly"), kind="order", unit=""),
    replace(number("r", "this", "this", "", True), kind="recall", unit=""),
    replace(number("s", "this", "that", ""), kind="recall", unit=""),
]
SAID = (
    "1 of 5 right. Guess: 0 of 1. Fairly sure: 0 of 2. Certain: 1 of 2. Certain and wrong: d. "
    "Half of the numbers are off by 25 % or less. 1 of 2 recalled."
)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_command_line_reads_and_writes_a_line(case):
    found = predictions.parse(case["line"])
    assert found == (case["answer"] and Prediction(**case["answer"]))
    if found:
        assert predictions.line(found) == case.get("written", case["line"])


def test_pages_read_and_write_the_same_lines():
    function = """lines => lines.map((line) => {
        const found = loaded[0].parse(line);
        return found && [found, loaded[0].line(...found)];
    })"""
    found = node.call(function, [case["line"] for case in CASES], [SCRIPT])
    for case, answer in zip(CASES, found, strict=True):
        if case["answer"] is None:
            assert answer is None, case["name"]
        else:
            (name, read), written = answer
            assert {"name": name, **read} == case["answer"]
            assert written == case.get("written", case["line"])


def test_a_week_is_summed_up_alike():
    assert predictions.summary(SOME) == SAID
    answers = [[p.name, p.as_json()] for p in SOME]
    assert node.call("answers => loaded[0].summary(answers)", answers, [SCRIPT]) == SAID
    assert predictions.summary([]) == ""
    assert node.call("answers => loaded[0].summary(answers)", [], [SCRIPT]) == ""
    assert predictions.is_sum(f"Week 1: {SAID}")
    assert predictions.is_sum(f"Week 2: {predictions.summary(SOME[-1:])}")
    assert not predictions.is_sum("Week 1: I was wrong")


@pytest.mark.parametrize("n", range(1, 7))
def test_the_typical_distance_is_that_of_half_of_the_numbers_or_more(n):
    some = [number(f"n{i}", str(100 + i), "100") for i in range(n)]
    far = predictions._typical_distance(some)
    within = sum(i <= far for i in range(n))
    assert within * 2 >= n
    assert sum(i < far for i in range(n)) * 2 < n
    answers = [[p.name, p.as_json()] for p in some]
    said = node.call("answers => loaded[0].summary(answers)", answers, [SCRIPT])
    assert said == predictions.summary(some)


def test_numbers_are_read_as_they_are_written():
    good = {"2": 2, "-0.5": -0.5, "1,024.5": 1024.5, "1e-4": 1e-4, ".5": 0.5}
    assert {text: predictions.number(text) for text in good} == good
    bad = ["", "two", "1/2", "nan", "0x10", "1_0"]
    assert all(math.isnan(predictions.number(text)) for text in bad)
    function = "texts => texts.map((text) => loaded[0].number(text))"
    assert node.call(function, [*good, *bad], [SCRIPT]) == [*good.values(), *[None] * len(bad)]


@pytest.mark.parametrize(
    ("within", "value", "expected"),
    [("10 %", -50, 5), ("10%", 2, 0.2), ("0.5", 9, 0.5), ("0", 9, 0)],
)
def test_a_tolerance_is_a_share_or_an_amount(within, value, expected):
    assert predictions.tolerance(within, value) == pytest.approx(expected)


def test_an_answer_is_kept_and_found_again(home):
    assert predictions.keep(number("Loss, before")) == ""
    predictions.forget()
    assert predictions.get("Loss, before") == number("Loss, before")
    assert predictions.get("loss before") is None  # the same file's name, another question
    assert [path.name for path in (home / "predicted").iterdir()] == ["loss-before.json"]


def test_nothing_is_written_where_progress_is_off(home, monkeypatch):
    monkeypatch.setenv("MI_COURSE_PROGRESS", "off")
    predictions.keep(number())
    assert predictions.get("loss") == number()
    assert not (home / "predicted").exists()


def test_a_folder_that_cannot_be_written_is_told_and_the_answer_counts(home):
    (home / "predicted").write_text("a file")
    assert "predicted" in predictions.keep(number())
    assert predictions.get("loss") == number()


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"name": 3}', '{"name": "loss", "kind": "x", "said": "1"}']
)
def test_a_damaged_file_is_no_answer(home, damage):
    progress.write(home / "predicted" / "loss.json", damage)
    assert predictions.get("loss") is None
    assert predictions.everything() == []


def test_an_answer_that_was_not_told_is_in_no_export(home):
    predictions.keep(number(was=""))
    predictions.keep(number("other", week=2))
    assert [p.name for p in predictions.everything()] == ["other"]


def test_exports_hold_what_was_predicted(home):
    for one in SOME:
        predictions.keep(one)
    text = export.as_markdown()
    assert f"\n{predictions.TITLE}\n\nWeek 1: {SAID}\n\n- [x] a (week 1" in text
    kept = json.loads(export.as_json())["predictions"]
    assert kept == {p.name: p.as_json() for p in SOME}
    table = export.as_notion({})
    assert '\n"d: said 8, was 4 nats",1,prediction,No,,2026-11-28,\n' in table
    assert '\n"r: said this, was this",1,recall,Yes,,2026-11-28,\n' in table


BOTH_WAYS = """({ plan, format, texts }) => {
    const files = loaded[1](plan, format);
    return texts.map(([name, text]) => {
        try {
            const found = files.read(name, text);
            const { state } = files.merged({ weeks: {}, exercises: {} }, found);
            return [files.asMarkdown(state), files.asJson(state), Object.keys(found.predictions)];
        } catch (error) {
            return error.message;
        }
    });
}"""


def on_the_page(*files):
    plan = weeklog.tracker()["weeks"]
    argument = {"plan": plan, "format": export.FORMAT, "texts": files}
    return node.call(BOTH_WAYS, argument, [SCRIPT, WEEKLOG])


def test_the_page_writes_the_files_that_it_reads(home):
    for one in [*SOME, number("later", week=3)]:
        predictions.keep(one)
    markdown, data = export.as_markdown(), export.as_json()
    (from_json, same, _), (again, _, names) = on_the_page(["a.json", data], ["a.md", markdown])
    assert (from_json, same) == (markdown, data)
    assert again == markdown
    assert sorted(names) == sorted([p.name for p in SOME] + ["later"])


def test_what_stands_among_the_predictions_and_is_none_stays_a_note():
    text = "# Week 1 Log\n\n# Predictions\n\nWeek 1: 1 of 1 right.\n\nWhy was I so sure?\n"
    ((markdown, _, names),) = on_the_page(["a.md", text])
    assert names == []
    assert "Why was I so sure?" in markdown
    assert "1 of 1 right" not in markdown


BAD = [
    ("[]", "a prediction makes no sense"),
    ('{"x": null}', "a prediction makes no sense: x"),
    ('{"x": {"kind": "essay"}}', "a prediction makes no sense: x"),
    (json.dumps({"x": number().as_json() | {"at": "never"}}), "a prediction makes no sense: x"),
    (json.dumps({"x": number().as_json() | {"said": "a\nb"}}), "a prediction makes no sense: x"),
    (json.dumps({"x": number().as_json() | {"week": "1"}}), "a prediction makes no sense: x"),
]


def test_a_file_with_a_prediction_that_makes_no_sense_is_refused():
    start = f'{{"format": "{export.FORMAT}", "version": 1, "exercises": {{}}, "weeks": {{}}, '
    found = on_the_page(*[["a.json", f'{start}"predictions": {bad}}}'] for bad, _ in BAD])
    for said, (_, why) in zip(found, BAD, strict=True):
        assert why in said


def test_the_first_answer_counts_when_files_are_added():
    mine, theirs = number("x", "1").as_json(), number("x", "9").as_json()
    file = {"format": export.FORMAT, "version": 1, "exercises": {}, "weeks": {}}
    file["predictions"] = {"x": theirs, "y": theirs}
    function = """({ plan, format, mine, text }) => {
        const files = loaded[1](plan, format);
        const state = { weeks: {}, exercises: {}, predictions: { x: mine } };
        const { state: both, said } = files.merged(state, files.read("a.json", text));
        return [both.predictions, said];
    }"""
    argument = {"plan": weeklog.tracker()["weeks"], "format": export.FORMAT, "mine": mine}
    found = node.call(function, argument | {"text": json.dumps(file)}, [SCRIPT, WEEKLOG])
    assert found == [{"x": mine, "y": theirs}, ["Predictions: y."]]


def test_the_command_line_takes_what_the_page_exports(home):
    predictions.keep(number("x", "1"))
    answers = {"x": number("x", "9").as_json(), "y": number("y").as_json()}
    file = {"format": export.FORMAT, "version": 1, "exercises": {}, "weeks": {}}
    found = importing.read(json.dumps(file | {"predictions": answers}))
    assert importing.merge(found) == ["Predictions: y."]
    assert {p.name: p.said for p in predictions.everything()} == {"x": "1", "y": "2"}
    assert importing.merge(found) == []


@pytest.mark.parametrize("bad", [bad for bad, _ in BAD])
def test_the_command_line_refuses_what_the_page_refuses(bad):
    start = f'{{"format": "{export.FORMAT}", "version": 1, "exercises": {{}}, "weeks": {{}}, '
    with pytest.raises(importing.FileError, match="prediction"):
        importing.read(f'{start}"predictions": {bad}}}')
