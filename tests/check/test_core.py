"""What a check prints, where it runs, and what it records."""

from __future__ import annotations

import io
import itertools
import os
import threading

import pytest

from mi_course import check
from mi_course.check import core, process, register
from mi_course.learner import progress


def right(tokens):
    return dict(itertools.pairwise(tokens)).get(tokens[-1]) if tokens else None


def verdict(answer):
    return check.continue_pattern(answer)


def test_what_an_answer_prints_stands_before_the_verdict(capsys):
    def talks(tokens):
        if tokens == ["X", "A", "B", "C", "A"]:
            print("looking at", tokens)
        return right(tokens)

    verdict(talks)
    out = capsys.readouterr().out
    assert out.endswith("\n✓ continue_pattern: passed\n")
    assert out.startswith("looking at ['X', 'A', 'B', 'C', 'A']\n")


@pytest.mark.usefixtures("short_limits")
def test_an_answer_that_cannot_be_sent_is_checked_here_with_a_time_limit():
    lock = threading.Lock()

    def locked(tokens):
        with lock:
            return right(tokens)

    def locked_endless(tokens):
        with lock:
            while True:
                pass

    with pytest.raises(process.NotSendable):
        process.judge(register.REGISTER["continue_pattern"], locked)
    assert verdict(locked).passed
    found = verdict(locked_endless)
    assert "did not finish within 1 seconds" in found.message
    assert not lock.locked()


def test_a_check_of_ones_own_runs_in_the_process_too(monkeypatch):
    monkeypatch.setattr(core, "EXERCISES", dict(core.EXERCISES))
    monkeypatch.setattr(register, "REGISTER", dict(register.REGISTER))

    here = os.getpid()

    @core.exercise
    def my_own(attempt):
        if attempt() == here:
            raise core.Wrong("the same process")

    assert my_own(os.getpid).passed
    monkeypatch.setenv("MI_COURSE_CHECK", "inline")
    assert my_own(os.getpid).message == "the same process"


def test_inline_runs_in_this_process_for_a_debugger(monkeypatch):
    seen = []
    monkeypatch.setenv("MI_COURSE_CHECK", "inline")

    def watched(tokens):
        seen.append(tokens)
        return right(tokens)

    assert verdict(watched).passed
    assert seen


def test_interrupting_a_check_stops_it():
    def interrupted(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.continue_pattern(interrupted)


def test_nothing_is_recorded_where_recording_is_off(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    verdict(right)
    assert progress.all_passed() == {}
    monkeypatch.delenv("MI_COURSE_PROGRESS")
    verdict(lambda tokens: None)
    assert progress.all_passed() == {}
    verdict(right)
    assert set(progress.all_passed()) == {"continue_pattern"}


def test_a_result_in_place_of_a_function_is_told_how_to_pass_it():
    assert verdict(5).message == "pass the function itself, `f`, not `f(x)`: this is int"


def test_a_pass_that_cannot_be_recorded_is_a_pass_and_says_so(tmp_path, monkeypatch, capsys):
    home = tmp_path / "a file where the folder should be"
    home.write_text("")
    monkeypatch.setenv("MI_COURSE_HOME", str(home))
    monkeypatch.delenv("MI_COURSE_PROGRESS")
    monkeypatch.setenv("MI_COURSE_CHECK", "inline")
    found = verdict(right)
    assert found.passed
    assert found.message.startswith("passed, but not recorded: ")
    assert str(home) in found.message
    assert str(found) in capsys.readouterr().out


def test_a_verdict_and_what_was_printed_are_shown_in_any_encoding(monkeypatch):
    output = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", newline="\n")
    monkeypatch.setattr("sys.stdout", output)

    def talkative(tokens):
        print("→ 日本")
        return right(tokens)

    assert verdict(talkative).passed
    output.flush()
    assert output.buffer.getvalue().endswith(b"-> ??\nok continue_pattern: passed\n")
