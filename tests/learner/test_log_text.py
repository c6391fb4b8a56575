"""A log is a person's own text: a change touches its lines only, and showing it touches nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_course.cli.main import main
from mi_course.learner import export, progress, weeklog
from support.small_course import package_env

MLP = "Code an MLP for MNIST: 784 inputs, 256 hidden units, 10 outputs"
OF_A_PERSON = f"""\
A line before the title.

# Week 1 Log

## Core Tasks

- [ ] {MLP}
- [x] mine
  - with a thought below it

  and a paragraph that belongs to it

Some words between the lists.

## Code Deliverables

- [X]  mlp trained on MNIST

## Success Criteria

## Key Learnings

- one
  that goes on here
```python
# a comment, no heading

- no bullet
```

## Questions of mine

- why b_U?

# Why b_U matters

- [ ] no task

~~~
## Time Log
- Monday: 9 h
~~~

Title of mine
-------------

- no learning

## Time Log

- Monday: 2 h
- Thursday: 2:30 h
- Friday: 2:90 h
- Monday: [ ] 1,5 hrs
notes on time

## Notes

    indented code


two empty lines before this one
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def file(home):
    """The log of week 1, as a person wrote it."""
    path = weeklog.path(1)
    path.parent.mkdir(parents=True)
    path.write_bytes(OF_A_PERSON.encode())
    return path


def log(*options, week="1"):
    return main(["log", "--week", week, *options])


def changed_lines(file, before=OF_A_PERSON):
    """What a change took out and what it put in."""
    old, new = before.split("\n"), file.read_text("utf8").split("\n")
    return [x for x in old if x not in new], [x for x in new if x not in old]


def test_showing_a_log_writes_nothing(file, home, capsys):
    stamp = file.stat().st_mtime_ns
    assert log() == 0
    assert main(["progress"]) == 0
    assert main(["export", "--into", "-"]) == 0
    assert file.read_bytes() == OF_A_PERSON.encode()
    assert file.stat().st_mtime_ns == stamp
    assert [path.name for path in home.rglob("*")] == ["log", "week-1.md"]


def test_showing_a_log_that_is_not_written_writes_nothing(home, capsys):
    assert log() == 0
    assert "Nothing noted yet" in capsys.readouterr().out
    assert not home.exists()


def test_what_is_shown_is_the_persons_text_with_numbers(file, capsys):
    assert log() == 0
    shown = capsys.readouterr().out
    assert f"  1 [ ] {MLP}" in shown
    assert "- [x] mine" in shown
    for line in OF_A_PERSON.splitlines():
        assert line in shown or "mlp" in line.lower()
    assert "Not in your file, and on the list:\n  2 [ ] " in shown


@pytest.mark.parametrize(
    ("options", "out", "in_"),
    [
        (["--note", "# Why b_U matters, again"], [], ["# Why b_U matters, again"]),
        (["--learned", "two"], [], ["- two"]),
        (["--done", "1"], [f"- [ ] {MLP}"], [f"- [x] {MLP}"]),
        (["--time", "Monday", "4"], ["- Monday: 2 h", "- Monday: [ ] 1,5 hrs"], ["- Monday: 4 h"]),
        (["--time", "Monday", "0"], ["- Monday: 2 h", "- Monday: [ ] 1,5 hrs"], []),
        (["--time", "Sunday", "1:30"], [], ["- Sunday: 1.5 hrs"]),
        (["--link", "https://x.example"], [], ["- [x] https://x.example"]),
        (["--blocked", "masks"], [], ["## Blockers", "- masks"]),
    ],
)
def test_a_change_touches_its_own_lines_only(file, options, out, in_):
    assert log(*options) == 0
    assert changed_lines(file) == (out, in_)
    kept = [line for line in OF_A_PERSON.split("\n") if line and line not in out]
    rest = [line for line in file.read_text("utf8").split("\n") if line and line not in in_]
    assert rest == kept  # in their order


def test_a_new_learning_comes_behind_what_goes_on_below_the_last_one(file):
    log("--learned", "two")
    text = file.read_text("utf8")
    assert "- no bullet\n```\n- two\n" in text
    log("--link", "mine too")
    assert weeklog.load(1).learnings == ["one", "two"]


def test_what_is_taken_back_is_as_it_was(file):
    log("--done", "1", "--time", "Sunday", "2")
    log("--undo", "1", "--time", "Sunday", "0")
    assert file.read_bytes() == OF_A_PERSON.encode()


def test_only_what_is_meant_is_understood(file):
    found = weeklog.load(1)
    assert found.own[0] == (weeklog.TASKS, "mine", True)
    assert found.learnings == ["one"]
    assert found.blockers == []
    assert found.hours == {"Monday": 3.5, "Thursday": 2.5}
    for words in ("A line before", "# a comment", "- why b_U?", "# Why b_U", "- [ ] no task",
                  "- Monday: 9 h", "- no learning", "- Friday: 2:90 h"):  # fmt: skip
        assert words in found.notes


def test_free_text_is_kept_to_the_letter(file):
    notes = weeklog.load(1).notes
    assert "```python\n# a comment, no heading\n\n- no bullet\n```" in notes
    assert notes.endswith("\n\n    indented code\n\n\ntwo empty lines before this one")


def test_a_comment_in_code_is_still_there_after_the_log_is_shown(home):
    log("--note", "```python\n# first\nx = 1\n\n\n# second\n```")
    log("--note", "# Why b_U matters")
    before = weeklog.path(1).read_bytes()
    log()
    assert weeklog.path(1).read_bytes() == before
    assert b"# first\nx = 1\n\n\n# second\n```\n\n# Why b_U matters\n" in before


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_lines_end_as_the_editor_of_the_person_ends_them(file, end):
    file.write_bytes(OF_A_PERSON.replace("\n", end).encode())
    log("--learned", "two", "--done", "1", "--note", "a\nb")
    data = file.read_bytes().decode()
    assert data.count(end) == OF_A_PERSON.count("\n") + 4
    assert not set("\r\n") - set(end) & set(data)
    assert weeklog.load(1).learnings == ["one", "two"]


def test_a_file_whose_last_line_has_no_end(home):
    progress.write(weeklog.path(1), "# Week 1 Log\n\n## Key Learnings\n\n- one")
    log("--learned", "two", "--blocked", "three")
    text = weeklog.path(1).read_text("utf8")
    assert text.endswith("- one\n- two\n\n## Blockers\n\n- three\n")


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "latin-1"])
def test_a_file_in_an_older_encoding_is_read_and_kept(file, encoding):
    text = "# Week 1 Log\n\n## Key Learnings\n\n- größer\n"
    data = text.encode(encoding)
    if encoding == "latin-1":
        text += "- \x81 which cp1252 does not have, and € which it has\n"
        data += b"- \x81 which cp1252 does not have, and \x80 which it has\n"
    file.write_bytes(data)
    log()
    assert file.read_bytes() == data
    log("--learned", "two")
    assert file.read_text("utf8") == text + "- two\n"


@pytest.mark.parametrize("nothing", ["", "\n", " \r\n"])
def test_an_empty_file_starts_as_a_new_log_does(home, nothing):
    progress.write(weeklog.path(1), nothing)
    log()
    assert weeklog.path(1).read_bytes() == nothing.encode()
    log("--learned", "one")
    assert weeklog.path(1).read_text("utf8") == weeklog.render(weeklog.Week(1, learnings=["one"]))


def test_a_line_that_was_deleted_is_written_again_when_it_is_ticked(home, capsys):
    progress.write(weeklog.path(1), "my own words\n")
    log("--done", "1")
    assert weeklog.path(1).read_text("utf8") == (f"my own words\n\n## Core Tasks\n\n- [x] {MLP}\n")
    assert weeklog.load(1).done == {"w1-mlp"}


@pytest.mark.parametrize("hours", ["1e-7", "2:90", "24.5", "-1", "", "2h", "٣"])
def test_hours_that_a_log_cannot_hold_are_refused(home, capsys, hours):
    assert log("--time", "Monday", hours) == 1
    assert f"{hours!r} hours: give a number from 0 to 24" in capsys.readouterr().err
    assert not weeklog.path(1).exists()


@pytest.mark.parametrize("day", ["Thursday: 2", "[x] Monday", "Thursday: 2:30"])
def test_a_day_whose_name_would_be_read_as_hours_is_refused(home, capsys, day):
    assert log("--time", day, "30" if ":" in day else "2") == 1
    assert log("--time", day, "2") == 1
    assert "a day cannot be called" in capsys.readouterr().err
    assert not weeklog.path(1).exists()


def test_hours_that_are_not_counted_are_said(file, capsys):
    log()
    assert "Not counted in the time log: - Friday: 2:90 h" in capsys.readouterr().out
    main(["progress"])
    shown = capsys.readouterr().out
    assert "Not counted in week 1: - Friday: 2:90 h" in shown
    assert "6 of 12" in shown


def test_the_markdown_that_is_exported_is_what_the_person_wrote(file):
    text = export.as_markdown()
    assert text.startswith(OF_A_PERSON)
    assert text.count("# Week 1 Log") == 1


def test_lines_that_look_like_titles_do_not_take_the_export_apart(home):
    notes = "# Week 2 Log\n\n```\n# Exercises passed\n```"
    progress.write(weeklog.path(1), f"{notes}\n")
    text = export.as_markdown()
    assert text.startswith("# Week 1 Log\n\n # Week 2 Log\n\n```\n # Exercises passed\n```\n")
    titles = [row for row in text.splitlines() if row.startswith("# ")]
    assert titles == [*(f"# Week {week} Log" for week in weeklog.weeks()), "# Exercises passed"]


words = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
odd_line = st.one_of(
    words,
    st.sampled_from(
        ["", "", "```", "~~~", "# mine", "## mine", "### mine", "---", "===", "  on", "- [ ] a",
         "# Week 1 Log", "# Week 2 Log", "- Monday: 2 h", "- Monday: 20 h", "- Monday 2:10 h"]
        + [f"## {name}" for name in ("Core Tasks", "Key Learnings", "Time Log", "Notes")]
        + [f"- [ ] {MLP}"]
    ),
)  # fmt: skip
CHANGES = {
    "tick": lambda log: log.tick("w1-mlp", weeklog.TASKS),
    "hours": lambda log: log.set_hours("Monday", "3"),
    "learning": lambda log: log.add(weeklog.LEARNINGS, "- learned"),
    "note": lambda log: log.add_note("noted"),
}


@settings(deadline=None)
@given(lines=st.lists(odd_line, max_size=14), change=st.sampled_from(sorted(CHANGES)))
def test_no_text_loses_a_line_by_a_change(lines, change):
    text = "\n".join(lines)
    log = weeklog.text_of(1, text)
    assert str(log) == text
    CHANGES[change](log)
    after = str(log).split("\n")
    rest = iter(after)
    touched = ("Monday: ", "Code an MLP")  # of the lines that this change may replace
    assert all(line in rest for line in lines if not any(t in line for t in touched))


@settings(deadline=None)
@given(lines=st.lists(odd_line, max_size=14))
def test_everything_that_is_read_is_written_again(lines):
    """Through the fields of a log, as the tracker page keeps it, each line comes out again."""
    found = weeklog.parse(1, "\n".join(lines))
    again = weeklog.parse(1, weeklog.render(found))
    assert again == found
    text = weeklog.render(found)
    for line in lines:
        bare = line.strip(" \t")
        if bare.startswith("- Monday") or "MNIST" in bare or bare in text:
            continue
        assert bare.startswith(("## ", "# Week 1"))


@given(
    done=st.sets(st.sampled_from(weeklog.ordered(2))),
    learnings=st.lists(st.sampled_from(["a", "b c"]), max_size=3),
    notes=st.sampled_from(["", "free", "free\n\n# text"]),
    hours=st.dictionaries(st.sampled_from(["Monday", "Day 2"]), st.sampled_from([1.0, 2.5])),
)
@settings(deadline=None)
def test_a_log_changed_in_place_is_the_log_written_anew(done, learnings, notes, hours):
    """Two ways to the same text: by lines, and from the fields of the log."""
    log = weeklog.text_of(2, weeklog.render(weeklog.Week(2)))
    sections = {item["id"]: weeklog.section_of(item) for item in weeklog.plan(2)["items"]}
    for item in done:
        log.tick(item, sections[item])
    for text in learnings:
        log.add(weeklog.LEARNINGS, f"- {text}")
        log.add(weeklog.BLOCKERS, f"- {text}")
    for day, number in hours.items():
        log.set_hours(day, str(number))
    if notes:
        log.add_note(notes)
    expected = weeklog.Week(2, done, [], learnings, learnings, hours, notes)
    assert str(log) == weeklog.render(expected)


def test_eight_commands_at_once_lose_no_entry(home):
    def command(n):
        code = "import sys; from mi_course.cli.main import main; sys.exit(main(sys.argv[1:]))"
        options = ["log", "--week", "1", "--learned", f"entry {n}"]
        subprocess.run(
            [sys.executable, "-c", code, *options],
            env=package_env(MI_COURSE_HOME=str(home)),
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=120,
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(command, range(8)))
    assert sorted(weeklog.load(1).learnings) == [f"entry {n}" for n in range(8)]


def test_a_change_that_fails_leaves_the_file_as_it_was(file, monkeypatch, capsys):
    def full(fd):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(progress.os, "fsync", full)
    assert log("--learned", "two") == 1
    assert "no space left" in capsys.readouterr().err
    assert file.read_bytes() == OF_A_PERSON.encode()
    assert [path.name for path in file.parent.iterdir()] == ["week-1.md"]
