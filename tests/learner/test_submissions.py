"""The log of submissions, and the board that is read from it."""

import json

import pytest

from mi_course.cli import main
from mi_course.learner import export, importing, submissions, weeklog
from mi_course.mystery_nets import catalogue
from support import node
from support.outside import ROOT

AT = "2026-11-29T04:00:00+00:00"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    return tmp_path


def keep(name="amber", passed=False, **scores):
    submissions.keep(name, {"at": AT, "passed": passed, "scores": scores, "seed": 4})


def test_every_submission_is_kept_in_its_order():
    keep(middle=0.25)
    keep(middle=0.125)
    assert [entry["scores"]["middle"] for entry in submissions.read("amber")] == [0.25, 0.125]
    assert submissions.read("basil") == []


def test_the_board_has_the_best_score_of_each_variable_and_the_first_pass():
    keep(middle=0.25, other=0.5)
    keep(middle=0.75)
    expected = {"submissions": 2, "passed": "", "scores": {"middle": 0.75, "other": 0.5}}
    assert submissions.board() == {"amber": expected}
    keep(passed=True, middle=0.5)
    assert submissions.board()["amber"] == expected | {"submissions": 3, "passed": AT}


def test_a_line_of_the_board_tells_all_of_it():
    keep(middle=0.25)
    keep("basil", passed=True, later=1.0)
    assert submissions.lines() == [
        "- [ ] amber: open, 1 submitted; best middle 0.25",
        "- [x] basil: explained on 2026-11-29, 1 submitted; best later 1.00",
    ]


@pytest.mark.parametrize(
    "line", ['{"passed": tr', "[]", '{"at": "now", "passed": true, "scores": {}}', '{"passed": 1}']
)
def test_a_damaged_line_is_left_out(home, line):
    keep(middle=0.25)
    with (home / "mystery" / "amber.jsonl").open("a", encoding="utf8") as log:
        log.write(f"{line}\n")
    keep(middle=0.5)
    assert len(submissions.read("amber")) == 2


def test_nothing_is_kept_where_progress_is_off(monkeypatch):
    monkeypatch.setenv("MI_COURSE_PROGRESS", "off")
    keep(middle=0.25)
    assert submissions.board() == {}


def test_the_board_is_exported_once_there_is_one():
    assert "mysteries" not in export.collect()
    assert submissions.TITLE not in export.as_markdown()
    keep(middle=0.25)
    assert json.loads(export.as_json())["mysteries"] == submissions.board()
    assert f"{submissions.TITLE}\n\n- [ ] amber: open" in export.as_markdown()
    last = export.as_notion({}).splitlines()[-1]
    assert last == '"amber: open, 1 submitted; best middle 0.25",,mystery model,No,,,'


THERE = {
    "amber": {"submissions": 5, "passed": AT, "scores": {"middle": 0.125, "other": 0.5}},
    "dune": {"submissions": 1, "passed": "", "scores": {}},
}


def brought(board, tmp_path):
    file = json.loads(export.as_json()) | {"mysteries": board}
    (tmp_path / "a.json").write_text(json.dumps(file), "utf8")
    return main(["import", str(tmp_path / "a.json")])


def test_a_board_is_joined_to_what_is_here_and_a_second_time_changes_nothing(tmp_path, capsys):
    keep(middle=0.25)
    assert brought(THERE, tmp_path) == 0
    assert "Mystery models: amber, dune." in capsys.readouterr().out
    amber = {"submissions": 5, "passed": AT, "scores": {"middle": 0.25, "other": 0.5}}
    assert submissions.board() == {"amber": amber, "dune": THERE["dune"]}
    assert len(submissions.read("amber")) == 1  # the log here is what was submitted here
    assert brought(THERE, tmp_path) == 0
    assert "nothing was changed" in capsys.readouterr().out


def test_a_board_comes_back_on_another_machine(tmp_path, monkeypatch):
    keep(passed=True, middle=0.25)
    text = export.as_json()
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "other"))
    importing.merge(importing.read(text))
    assert export.as_json() == text


@pytest.mark.parametrize(
    "board",
    [
        [],
        {"../x": THERE["dune"]},
        {"dune": THERE["dune"] | {"submissions": 0}},
        {"dune": THERE["dune"] | {"submissions": True}},
        {"dune": THERE["dune"] | {"passed": "never"}},
        {"dune": THERE["dune"] | {"scores": {"a": 2}}},
        {"dune": THERE["dune"] | {"scores": {"a b": 1}}},
        {"dune": 3},
    ],
)
def test_a_board_that_makes_no_sense_is_refused_here_and_on_the_page(tmp_path, capsys, board):
    assert brought(board, tmp_path) == 1
    assert "myster" in capsys.readouterr().err
    assert submissions.board() == {}
    assert in_node(f"({{ board }}) => {CHECKED}", board=board).startswith("an entry of the myst")


CHECKED = "{ try { return loaded[0].checked(board) } catch (error) { return error.message } }"
FILES = """({ plan, format, text, json, kept }) => {
    const files = loaded[1](plan, format);
    const found = files.read("a.md", text);
    const merged = files.merged({ weeks: {}, exercises: {}, ...kept }, files.read("a.json", json));
    return { found, markdown: files.asMarkdown(found), merged, json: files.asJson(merged.state) };
}"""


def in_node(function, **argument):
    plan = {"plan": weeklog.tracker()["weeks"], "format": export.FORMAT}
    scripts = [ROOT / "book/_static" / name for name in ("mysteries.js", "weeklog.js")]
    return node.call(function, plan | argument, scripts)


def test_a_board_travels_to_the_page_and_back():
    keep(middle=0.125, other=0.5)
    keep("basil", passed=True, later=1.0)
    kept = {"mysteries": {"amber": THERE["amber"]}}
    found = in_node(FILES, text=export.as_markdown(), json=export.as_json(), kept=kept)
    basil = {"submissions": 1, "passed": AT[:10], "scores": {"later": 1.0}}
    amber = {"submissions": 1, "passed": "", "scores": {"middle": 0.13, "other": 0.5}}
    assert found["found"]["mysteries"] == {"amber": amber, "basil": basil}
    assert found["markdown"] == export.as_markdown()
    assert found["merged"]["said"] == ["Mystery models: basil."]  # all of amber was there
    assert json.loads(found["json"])["mysteries"] == {
        "amber": THERE["amber"],
        "basil": submissions.board()["basil"],
    }


def test_a_line_that_is_none_of_the_board_stays_a_note():
    text = "# Week 1 Log\n\n# Mystery models\n\n- [x] amber: open, 1 submitted\n- [ ] dune: mine\n"
    found = in_node(FILES, text=text, json=export.as_json(), kept={})["found"]
    assert found["mysteries"] == {}
    assert found["weeks"]["1"]["notes"] == "- [x] amber: open, 1 submitted\n- [ ] dune: mine"


def test_the_tracker_page_lists_the_models_that_there_are():
    stars = {name: mystery.difficulty for name, mystery in catalogue.MYSTERIES.items()}
    assert weeklog.tracker()["mysteries"] == stars
