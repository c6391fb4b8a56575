"""A table of logs, read and written alike by the command line and by the tracker page's script.

`weeklog_cases.json` holds for each log its text, what is in it (what is not named is empty), and
how it is written again, from the key learnings on: the boxes before them are the plan's. Lines of
the time log that may be meant as hours, and cannot be read as such, are `uncounted`.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from mi_course.learner import export, pages, progress, weeklog
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
        const { weeks, exercises, uncounted } = files.read("log.md", text);
        return { weeks, exercises, uncounted, markdown: files.asMarkdown({ weeks, exercises }) };
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
    assert weeklog.text_of(case["week"], case["text"]).uncounted == case.get("uncounted", [])
    text = weeklog.render(log)
    assert text.endswith("\n\n" + case["end"])
    assert weeklog.parse(case["week"], text) == log


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_page_reads_the_log_and_writes_what_the_command_line_writes(case, of_the_page):
    found = of_the_page[case["name"]]
    assert found["weeks"] == {str(case["week"]): EMPTY | case["log"]}
    assert found["uncounted"] == case.get("uncounted", [])
    logs = [weeklog.Week(week) for week in weeklog.weeks()]
    logs[case["week"] - 1] = weeklog.parse(case["week"], case["text"])
    written = weeklog.together([weeklog.text_of(log.week, weeklog.render(log)) for log in logs])
    assert found["markdown"] == f"{written}\n# Exercises passed\n"


ODD_LINES = [line for case in CASES for line in re.split("[\r\n]+", case["text"])]
ODD_LINES += [
    "",
    "",
    "",
    "```",
    "~~~",
    "# mine",
    "---",
    "===",
    "  goes on",
    "\t- [ ] tab",
    "1. one",
]


def test_both_read_any_lines_alike():
    """Three hundred texts of lines out of the table, put together by chance."""
    chance = random.Random(0)
    lines = [line for line in ODD_LINES if not line.startswith("# Week")]
    texts = [
        "\n".join(["# Week 1 Log", *(chance.choice(lines) for _ in range(chance.randrange(25)))])
        for _ in range(300)
    ]
    for text, found in zip(texts, in_node(BOTH_WAYS, texts=texts), strict=True):
        log = weeklog.parse(1, text)
        assert found["weeks"] == {"1": log.as_json()}, text
        assert found["uncounted"] == weeklog.text_of(1, text).uncounted, text
        again = weeklog.parse(1, found["markdown"].partition("# Week 2 Log")[0])
        log.own.sort(key=lambda own: weeklog.WITH_BOXES.index(own[0]))  # by sections, as written
        assert again == log, text


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


def test_a_file_of_the_command_line_loses_no_line_on_its_way_through_the_page(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    mine = "a preface\n\n# Why b_U matters\n\n```\n# Week 2 Log\n# a comment\n```\n\n"
    mine += "# Exercises passed\n"
    progress.write(weeklog.path(1), mine)
    text = (
        "before the first title\n" + export.as_markdown() + "- [x] attention (2026-01-02)\nafter\n"
    )
    (found,) = in_node(BOTH_WAYS, texts=[text])
    assert found["exercises"] == {"attention": "2026-01-02"}
    assert found["weeks"]["1"]["notes"] == (
        "before the first title\n\n" + re.sub("^(# Week 2|# Ex)", r" \1", mine, flags=re.M).rstrip()
    )
    assert found["weeks"]["4"]["notes"] == "after"
    (again,) = in_node(BOTH_WAYS, texts=[found["markdown"]])
    assert again == found


@pytest.mark.parametrize(
    "data",
    ["größer € 日本".encode(), "größer".encode("utf-8-sig"), "größer 日本".encode("utf-16"),
     "größer €".encode("cp1252"), b"\x81\x80", b""],
)  # fmt: skip
def test_both_read_the_encodings_of_editors_alike(tmp_path, monkeypatch, data):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    weeklog.path(1).parent.mkdir()
    weeklog.path(1).write_bytes(data)
    code = "({ plan, format, bytes }) => loaded[0](plan, format).decoded(Uint8Array.from(bytes))"
    text = in_node(code, bytes=list(data))
    assert text == (str(weeklog.read(1)) if data else "")


@pytest.mark.parametrize("hours", [1e-7, 0.1 + 0.2, 2.5])
def test_hours_of_any_size_come_out_of_the_page_as_they_can_be_read(hours):
    file = {
        "format": export.FORMAT,
        "version": 1,
        "exercises": {},
        "weeks": {"1": {"hours": {"a": hours}}},
    }
    found = in_node(MERGED, kept={"weeks": {}, "exercises": {}}, file=file)
    assert found["state"]["weeks"]["1"]["hours"] == {"a": round(hours, 2)}
    code = "({ plan, format, state }) => loaded[0](plan, format).asMarkdown(state)"
    old = {"weeks": {"1": {"hours": {"a": hours}}}, "exercises": {}}  # as a browser may hold it
    text = in_node(code, state=old)
    assert weeklog.parse(1, text.partition("# Week 2 Log")[0]).hours == {"a": round(hours, 2)}


MERGED = """({ plan, format, kept, file }) => {
    const files = loaded[0](plan, format);
    const before = JSON.stringify(kept);
    const { state, said } = files.merged(kept, files.read("a.json", JSON.stringify(file)));
    return { state, said, json: files.asJson(state), untouched: JSON.stringify(kept) === before };
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
    assert set(written) == {"format", "version", "exercises", "pages", "weeks"}
    assert written["pages"] == {"x": "y"}
    assert found["said"] == [
        "Week 1: 1 task ticked.",
        "Week 1: 2 lines added.",
        "Week 1: Day 1: 2 hours, in place of 1.",
        "Week 1: Day 2: 3 hours.",
        "Week 1: notes added.",
        "Exercises passed elsewhere: mlp.",
    ]


def test_finished_pages_travel_both_ways(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    pages.add({"week1/index": "2026-01-02T00:00:00+00:00", "week2/03_x": "2026-03-04"})
    text = export.as_markdown()
    assert text.endswith(
        "# Pages finished\n\n- [x] week1/index (2026-01-02)\n- [x] week2/03_x (2026-03-04)\n"
    )
    code = """({ plan, format, text, json }) => {
        const files = loaded[0](plan, format);
        const both = [files.read("a.md", text), files.read("a.json", json)];
        return both.map((found) => [found.pages, files.asMarkdown({ weeks: {}, ...found })]);
    }"""
    for finished, markdown in in_node(code, text=text, json=export.as_json()):
        assert [*finished] == ["week1/index", "week2/03_x"]
        assert markdown == text
    notes = f"# Pages finished\n\n- [x] week1/index\n{text}"  # no date: a line of one's own
    (found,) = in_node(
        "({ plan, format, text }) => [loaded[0](plan, format).read('a.md', text)]", text=notes
    )
    assert "- [x] week1/index" in found["weeks"]["1"]["notes"]
