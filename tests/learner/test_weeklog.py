"""The weekly log survives editing by hand, and its export holds all of it."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_course.book import exercises
from mi_course.cli.main import main
from mi_course.learner import export, progress, weeklog
from mi_course.learner.weeklog import Week
from support.outside import ROOT, SHARED, not_run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


line = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@settings(deadline=None)  # a machine may be busy
@given(
    done=st.sets(st.sampled_from(weeklog.ordered(2))),
    own=st.lists(st.tuples(st.sampled_from([weeklog.TASKS, weeklog.DELIVERABLES]), line)),
    learnings=st.lists(line, max_size=4),
    blockers=st.lists(line, max_size=4),
    hours=st.dictionaries(st.sampled_from(["Day 1", "Monday", "3: x"]), st.floats(0.25, 24)),
)
def test_what_is_rendered_is_read_back(done, own, learnings, blockers, hours):
    hours = {day: round(h * 4) / 4 for day, h in hours.items()}
    boxes = [(section, text, True) for section, text in own]
    boxes.sort(key=lambda box: box[0] != weeklog.TASKS)
    log = Week(2, done, boxes, learnings, blockers, hours, "free *text*\n\nof two paragraphs")
    assert weeklog.parse(2, weeklog.render(log)) == log


def test_a_log_edited_by_hand_is_understood():
    text = weeklog.render(Week(1)).replace(
        "- [ ] MLP trained on MNIST", "* [X]  mlp trained on MNIST "
    )
    text = text.replace(
        "## Time Log\n", "## time log\n\n- Day 1: [ ] 2,5 hrs\n- Day 2: 3 h\nrest\n"
    )
    text += "\nmy own words\n\n## A heading of mine\n\nmore\n"
    log = weeklog.parse(1, text)
    assert log.done == {"w1-done-mlp"}
    assert log.hours == {"Day 1": 2.5, "Day 2": 3.0}
    assert log.notes == "rest\n\nmy own words\n\n## A heading of mine\n\nmore"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_a_log_saved_by_an_editor_of_windows_loses_nothing(home, encoding):
    log = Week(1, {"w1-mlp"}, [], ["größer"], [], {}, "für später")
    path = weeklog.path(1)
    path.parent.mkdir(parents=True)
    path.write_bytes(weeklog.render(log).replace("\n", "\r\n").encode(encoding))
    assert weeklog.load(1) == log


def test_the_command_keeps_the_log_as_markdown(home, capsys):
    command = ["log", "--week", "1", "--done", "1", "w1-torch", "--time", "Monday", "2.5"]
    command += ["--learned", "ln 10\nat first", "--blocked", "masks", "--link", "https://x.example"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "  1 [x] Code an MLP for MNIST" in out
    text = (home / "log/week-1.md").read_text()
    sections = [row[3:] for row in text.splitlines() if row.startswith("## ")]
    assert sections == [
        "Core Tasks", "Code Deliverables", "Success Criteria", "Key Learnings", "Blockers",
        "Time Log", "Notes",
    ]  # fmt: skip
    assert "- ln 10 at first" in text
    assert "- [x] https://x.example" in text
    assert main(["log", "--week", "1", "--undo", "1", "--time", "Monday", "0"]) == 0
    log = weeklog.load(1)
    assert (log.done, log.hours, log.blockers) == ({"w1-torch"}, {}, ["masks"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--week", "5"], "the course has weeks 1 to 4"),
        (["--week", "1", "--done", "99"], "give a number from 1 to 14"),
        (["--week", "1", "--time", "Monday", "long"], "'long' hours: give a number from 0 to 24"),
        (["--week", "1", "--time", "Monday", "nan"], "'nan' hours"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_changes_nothing(home, capsys, options, words):
    assert main(["log", *options]) == 1
    assert words in capsys.readouterr().err
    assert not (home / "log").exists()


def fill() -> None:
    log = Week(3, {"w3-read"}, [], ["a, b", 'c "d"'], ["e"], {"Mon": 1.5}, "line 1\nline 2")
    progress.write(weeklog.path(3), weeklog.render(log))


def test_the_csv_for_notion_has_a_row_for_each_thing(home, capsys):
    fill()
    rows = list(csv.DictReader(io.StringIO(export.as_notion(exercises.here()))))
    items = [item for week in weeklog.tracker()["weeks"] for item in week["items"]]
    assert [
        r["Name"]
        for r in rows
        if r["Kind"] not in ("learning", "blocker", "time", "note", "exercise")
    ] == [item["text"] for item in items]
    done = {r["Name"] for r in rows if r["Done"] == "Yes"}
    assert done == {"Read Interpretability in the Wild, sections 1 to 3"}
    kinds = {(r["Kind"], r["Name"], r["Week"]) for r in rows if not r["Done"]}
    assert kinds == {
        ("learning", "a, b", "3"), ("learning", 'c "d"', "3"), ("blocker", "e", "3"),
        ("time", "Mon", "3"), ("note", "line 1\nline 2", "3"),
    }  # fmt: skip


def test_the_csv_for_notion_names_every_exercise_and_its_week(home, monkeypatch):
    monkeypatch.delenv("MI_COURSE_PROGRESS")
    monkeypatch.chdir(ROOT)
    for name in ("attention", "of_another_course"):
        progress.passed(name)
    rows = [
        r
        for r in csv.DictReader(io.StringIO(export.as_notion(exercises.here())))
        if r["Kind"] == "exercise"
    ]
    names = [n for docs in exercises.by_week(ROOT).values() for d in docs.values() for n in d]
    of_labs = [n for names in exercises.of_labs(ROOT).values() for n in names]
    assert len(rows) == len(names) + len(of_labs) + 1
    done = {(r["Name"], r["Week"]) for r in rows if r["Done"] == "Yes"}
    assert done == {("Attention (attention)", "1"), ("of_another_course", "")}
    assert all(bool(r["Date"]) == (r["Done"] == "Yes") for r in rows)


FORMULAS = [
    '=HYPERLINK("https://x.example","look")', "+1", "-1 in each head", "@SUM(A1)", "\t=1", " =1",
    "＝1",
]  # fmt: skip


def test_no_cell_of_the_csv_is_a_formula(home, monkeypatch):
    log = Week(1, own=[(weeklog.TASKS, text, True) for text in FORMULAS])
    log.hours = {"=Monday": 1.0}
    log.learnings = log.blockers = FORMULAS
    log.notes = "- a list\n- of mine\n=1+1"
    monkeypatch.setattr(weeklog, "load", lambda week: log if week == 1 else Week(week))
    monkeypatch.setattr(progress, "all_passed", lambda: {"a": "=1", "b": "2026-01-01"})
    cells = [
        c for row in csv.reader(io.StringIO(export.as_notion({1: {"x": {"a": "@A"}}}))) for c in row
    ]
    assert [c for c in cells if c.strip()[:1] in tuple("=+-@＝")] == []
    for text in [*FORMULAS, "=Monday", log.notes]:
        assert f"'{text}" in cells
    assert "'@A (a)" in cells
    assert "2026-01-01" in cells


@pytest.mark.parametrize("kind", ["json", "markdown", "notion"])
def test_export_writes_one_file(home, tmp_path, monkeypatch, capsys, kind):
    fill()
    monkeypatch.chdir(tmp_path)
    assert main(["export", "--format", kind]) == 0
    (file,) = tmp_path.glob("mi-course-progress.*")
    assert file.read_text() == export.render(kind, exercises.here())
    assert file.name in capsys.readouterr().out


def test_export_overwrites_an_older_export_and_no_other_file(home, tmp_path, monkeypatch, capsys):
    fill()
    file = tmp_path / "mine.txt"
    for kind in ("json", "markdown", "notion", "json"):  # over nothing, and over each other
        assert main(["export", "--format", kind, "--into", str(file)]) == 0
    file.write_text("my own words")
    capsys.readouterr()
    assert main(["export", "--into", str(file)]) == 1
    assert "`mi-course export` did not write it" in capsys.readouterr().err
    assert file.read_text() == "my own words"
    assert main(["export", "--format", "markdown", "--into", str(weeklog.path(3))]) == 1
    assert weeklog.load(3).learnings == ["a, b", 'c "d"']


def test_the_json_holds_logs_and_exercises(home, monkeypatch):
    monkeypatch.delenv("MI_COURSE_PROGRESS")
    fill()
    progress.passed("attention")
    found = json.loads(export.as_json())
    assert found["format"] == "mi-course-progress"
    assert list(found["exercises"]) == ["attention"]
    assert found["weeks"]["3"]["hours"] == {"Mon": 1.5}
    assert set(found["weeks"]) == {"1", "2", "3", "4"}


def test_items_have_ids_of_their_own_and_weeks_have_twelve_hours():
    weeks = weeklog.tracker()["weeks"]
    ids = [item["id"] for week in weeks for item in week["items"]]
    assert len(set(ids)) == len(ids)
    for week in weeks:
        assert sum(hours for _, hours in week["parts"]) == 12
        texts = [item["text"].casefold() for item in week["items"]]
        assert len(set(texts)) == len(texts)  # a tick is found again by its text


# Words of each task, deliverable, criterion, reading, video and community line of the plan, and
# the item that stands for it.
PLAN = {
    1: ["MLP for MNIST", "nn.Sequential", "95", "transformer-tutorial", "single transformer block",
        "test cases", "Dataset", "list comprehensions", "MLP trained", "passes its tests",
        "Barebones Guide", "getting-started"],
    2: ["Main_Demo", "Hello, world", "exercises on induction heads", "attention patterns of",
        "einops", "decorator", "patterns of induction heads plotted", "10 prompts",
        "KV5gbOmHbjU", "TransformerLens/"],
    3: ["2211.00593", "methodology for activation patching", "activation patching on GPT-2",
        "figure 3", "generator", "functools.partial", "patching code for the IOI", "One-page",
        "mlcollective.org"],
    4: ["difficulty A", "positional embeddings with", "Ablate MLPs", "logit differences before",
        "500 words", "mlcollective.org", "Code of the ablation", "Draft of the blog",
        "Problems skimmed"],
}  # fmt: skip


@pytest.mark.parametrize("week", PLAN)
def test_every_line_of_the_original_plan_is_an_item(week):
    items = [json.dumps(item, ensure_ascii=False) for item in weeklog.plan(week)["items"]]
    for words in PLAN[week]:
        assert any(words in item for item in items), words


def test_the_plan_has_the_lines_that_were_looked_for():
    """Bullets and boxes of its weeks: a line more would need an item, and words in `PLAN`."""
    plan = SHARED / "original_plan.md"
    if not plan.exists():
        not_run("the plan that the course was made from is not on this machine")
    weeks = plan.read_text("utf8").split("### **Week ")[1:5]
    weeks[3] = weeks[3].split("### **Notion")[0]
    lines = [[row for row in text.splitlines() if row.strip()[:2] == "- "] for text in weeks]
    assert [len(rows) for rows in lines] == [11, 9, 9, 8]
