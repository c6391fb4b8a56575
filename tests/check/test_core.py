"""What a check prints, where it runs, and what it records."""

from __future__ import annotations

import functools
import io
import itertools
import os
import threading

import numpy as np
import pytest
import torch
from einops import rearrange

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
    assert my_own(os.getpid, hint=True).message == "the same process"


def test_inline_runs_in_this_process_for_a_debugger(monkeypatch):
    seen = []
    monkeypatch.setenv("MI_COURSE_CHECK", "inline")

    def watched(tokens):
        seen.append(tokens)
        return right(tokens)

    assert verdict(watched).passed
    assert seen


def test_an_error_inside_a_library_has_the_learners_line_and_all_of_its_explanation():
    def pattern(scores, threshold):
        kept = scores
        return rearrange(kept, "a b c -> c (a b)")

    def broken(scores, threshold):
        return np.concatenate([scores.numpy(), np.zeros(3)])

    line = pattern.__code__.co_firstlineno
    found = check.top_heads(pattern).message
    assert f"EinopsError on line {line + 2} of your code: Error while processing" in found
    assert "Wrong shape: expected 3 dims. Received 2-dim tensor" in found
    found = check.top_heads(broken).message
    assert f"ValueError on line {broken.__code__.co_firstlineno + 1} of your code: " in found


def test_an_answer_that_overwrites_an_argument_within_an_argument_is_told():
    def in_place(image):
        for row in image:
            row[:] = [pixel / 255 for pixel in row]
        return [pixel for row in image for pixel in row]

    found = check.flat_pixels(in_place, hint=True).message
    assert "changed its argument image in place" in found
    assert "copy.deepcopy" in found
    assert check.flat_pixels(lambda image: [p / 255 for row in image for p in row]).passed


def test_a_hook_gets_a_hook_point_with_a_name():
    def silenced(z, hook, head):
        assert hook.name.startswith(f"blocks.{hook.layer()}.")
        hook.ctx["seen"] = True
        out = z.clone()
        out[:, :, head] = 0
        return out

    def patched(resid, hook, source, pos):
        if not hook.name.startswith("blocks."):
            return resid
        out = resid.clone()
        rows = torch.arange(len(resid))
        out[rows, pos] = source[rows, pos]
        return out

    def named_hooks(function, heads):
        def call(z, hook, layer, head):
            assert hook.name == f"blocks.{layer}.attn.hook_z"
            return function(z, hook, head=head)

        return [
            (f"blocks.{layer}.attn.hook_z", functools.partial(call, layer=layer, head=head))
            for layer, head in heads
        ]

    assert check.zero_head(silenced).message == "passed"
    assert check.patch_position(patched).message == "passed"
    assert check.hooks_for(named_hooks).message == "passed"


def test_half_precision_inside_of_an_answer_is_named():
    def in_half(patched, corrupted, clean):
        return helper(patched, corrupted, clean).float()

    def helper(patched, corrupted, clean):
        return (patched.half() - corrupted) / (clean - corrupted)

    def wrong(patched, corrupted, clean):
        return (patched - corrupted) / (clean - corrupted) + (0 if clean else patched.half())

    words = "computed in float16, which keeps three digits"
    assert words in check.normalised(in_half, hint=True).message
    assert "float16" not in check.normalised(lambda p, corrupted, clean: p, hint=True).message
    # it is in the code, and not in what was computed
    assert "float16" not in check.normalised(lambda *a: wrong(*a) * 2, hint=True).message


def test_the_time_that_is_told_is_the_time_that_passed():
    assert process.too_long(20, 20.4) == "did not finish within 20 seconds: does a loop never stop?"
    assert process.too_long(20, 27.3).endswith("27 seconds have passed since the check began.)")


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
