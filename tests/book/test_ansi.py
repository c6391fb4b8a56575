"""Colours of a terminal go, the text stays."""

from __future__ import annotations

from mi_course.book import ansi


def test_only_the_colours_go():
    text = "\x1b[1;31mZeroDivisionError\x1b[0m: [0;31m is no code\x1b[m\n"
    assert ansi.strip(text) == "ZeroDivisionError: [0;31m is no code\n"
