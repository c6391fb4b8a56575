"""No character ends a program, whatever the encoding of what it prints to."""

from __future__ import annotations

import io
import sys

import pytest

from mi_course.learner import console


def output(encoding, errors="strict"):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors, newline="\n")


def written(stream):
    stream.flush()
    return stream.buffer.getvalue()


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", b"ok gr??er ### ... ?? ?\n"),
        ("cp1252", "ok größer ### … ?? ?\n".encode("cp1252")),
        ("utf8", "✓ größer ███ … 日本 ?\n".encode()),  # half a character is in no encoding
    ],
)
@pytest.mark.parametrize("prepared", [True, False])
def test_what_an_encoding_lacks_is_printed_plainly(monkeypatch, encoding, expected, prepared):
    stream = output(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    text = "✓ größer ███ … 日本 \udcff"
    if prepared:
        console.prepare()
        print(text)
    else:
        console.say(text)
        assert stream.errors == "strict"  # somebody else's output stays as it is set up
    assert written(stream) == expected


def test_a_choice_of_the_persons_own_is_kept(monkeypatch):
    stream = output("ascii", "backslashreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    console.prepare()
    print("✓")
    assert written(stream) == b"\\u2713\n"


def test_streams_that_are_none_or_know_no_encoding_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    console.prepare()
    console.say("✓")
