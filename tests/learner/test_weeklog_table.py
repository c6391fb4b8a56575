"""A table of logs, read and written alike by the command line and by the tracker page's script.

`weeklog_cases.json` holds for each log its text, what is in it (what is not named is empty), and
how it is written again, from the key learnings on: the boxes before them are the plan's.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mi_course.learner import export, weeklog
from support import node
from support.outside import ROOT

CASES = json.loads(Path(__file__).with_name("weeklog_cases.json").read_text("utf8"))
NAMES = [case["name"] for case in CASES]
EMPTY = weeklog.Week(1).as_json()
SCRIPT = ROOT / "book" / "_static" / "weeklog.js"
# For each text: what is read from it, and the file that is written of it; or why it is refused.
BOTH_WAYS = """({ plan, format, texts }) => {
    const files = loaded[0](plan, format);
    const bothWays = (text) => {
        const { weeks, exercises } = files.read("log.md", text);
        return { weeks, exercises, markdown: files.asMarkdown({ weeks, exercises }) };
    };
    return texts.map((text) => {
        try {
            return bothWays(text);
        } catch (error) {
            return { weeks: error.message };
        }
    });
}"""


def in_node(function, **argument):
    plan = weeklog.tracker()["weeks"]
    return node.call(function, {"plan": plan, "format": export.FORMAT, **argument}, [SCRIPT])


@pytest.fixture(scope="module")
def of_the_page():
    """What the page's script makes of each case, by name."""
    found = in_node(BOTH_WAYS, texts=[case["text"] for case in CASES])
    return dict(zip(NAMES, found, strict=True))


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_command_line_reads_and_writes_the_log(case):
    log = weeklog.parse(case["week"], case["text"])
    assert log.as_json() == EMPTY | case["log"]
    text = weeklog.render(log)
    assert text.endswith("\n\n" + case["end"])
    assert weeklog.parse(case["week"], text) == log


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_page_reads_the_log_and_writes_what_the_command_line_writes(case, of_the_page):
    found = of_the_page[case["name"]]
    assert found["weeks"] == {str(case["week"]): EMPTY | case["log"]}
    logs = [weeklog.Week(week) for week in weeklog.weeks()]
    logs[case["week"] - 1] = weeklog.parse(case["week"], case["text"])
    written = "\n".join([weeklog.render(log) for log in logs])
    assert found["markdown"] == f"{written}\n# Exercises passed\n"


def test_every_section_is_in_the_table():
    """The table is worth what is in it: each field of a log is filled somewhere."""
    assert {key for case in CASES for key in case["log"]} == set(EMPTY)


def test_the_page_reads_all_weeks_and_exercises_of_one_file():
    logs = [weeklog.Week(week, notes=f"of week {week}") for week in weeklog.weeks()]
    passed = "# Exercises passed\n\n- [x] attention (2026-01-02)\n- [x] mlp (2026-03-04)\n"
    text = "\n".join([*(weeklog.render(log) for log in logs), passed])
    (found,) = in_node(BOTH_WAYS, texts=[text])
    assert found["exercises"] == {"attention": "2026-01-02", "mlp": "2026-03-04"}
    assert found["weeks"] == {str(log.week): log.as_json() for log in logs}
    assert found["markdown"] == text


MERGED = """({ plan, format, kept, file }) => {
    const files = loaded[0](plan, format);
    const before = JSON.stringify(kept);
    const state = files.merged(kept, files.read("a.json", JSON.stringify(file)));
    return { state, json: files.asJson(state), untouched: JSON.stringify(kept) === before };
}"""


def test_a_file_is_added_to_what_the_browser_has():
    own = {"section": weeklog.TASKS, "text": "mine", "done": True}
    mine = {"done": ["w1-torch"], "own": [own], "hours": {"Day 1": 1}, "notes": "a"}
    theirs = {
        "done": ["w1-mlp", "w1-torch"],
        "own": [own | {"done": False}, own | {"text": "other"}],
        "learnings": ["l"],
        "hours": {"Day 1": 2, "Day 2": 3},
        "notes": "b",
    }
    kept = {"weeks": {"1": mine}, "exercises": {"attention": "2026-01-01"}, "pages": {"x": "y"}}
    passed = {"attention": "2026-02-02", "mlp": "2026-02-02"}
    file = {"format": export.FORMAT, "version": 1, "exercises": passed, "weeks": {"1": theirs}}
    found = in_node(MERGED, kept=kept, file=file)
    assert found["untouched"]
    assert found["state"] == {
        "pages": {"x": "y"},
        "exercises": {"attention": "2026-01-01", "mlp": "2026-02-02"},
        "weeks": {
            "1": {
                "done": ["w1-mlp", "w1-torch"],
                "own": [own, own | {"text": "other"}],
                "learnings": ["l"],
                "blockers": [],
                "hours": {"Day 1": 2, "Day 2": 3},
                "notes": "a\n\nb",
            }
        },
    }
    written = json.loads(found["json"])
    assert written["weeks"] == {
        str(week): found["state"]["weeks"].get(str(week), EMPTY) for week in weeklog.weeks()
    }
    assert set(written) == {"format", "version", "exercises", "weeks"}
