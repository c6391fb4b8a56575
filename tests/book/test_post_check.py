"""Typed numbers and gaps of a post are named, with their lines; a good post has none."""

from __future__ import annotations

import pytest

from mi_course.book import chapters, new_post, post_check
from mi_course.cli.main import main
from support import sample_course, site_builds

FRONT = (
    "---\njupytext:\n  text_representation: {extension: .md, format_name: myst}\n"
    "kernelspec: {display_name: P, language: python, name: python3}\n---\n\n"
)
CELL = "```{code-cell} ipython3\nreview = research.check(report)\nfound = 3.14\n```\n\n"
TOLD = " ".join(f"{{glue:text}}`{name}:.2f`" for name in post_check._MUST_TELL)
GOOD = (
    FRONT
    + "# Is head 5.1 missed by 3 tasks?\n\n"
    + "GPT-2 and smollm2, at position 0, with intervals of 95 %.\n\n"
    + CELL
    + f"1. A list's number is typed, and {TOLD} are not; nor `x = 7`, $2^3$ or [a](b/12.md).\n\n"
    + "This would be false if the head were missed less.\n"
)


@pytest.fixture
def post(tmp_path, monkeypatch):
    """A post whose text a test writes; its words are as many as they should be."""
    root = sample_course.write(tmp_path / "course", sample_course.all_outputs())
    monkeypatch.chdir(root)
    monkeypatch.setattr(new_post, "count_words", lambda chapter: 500)
    path = root / "book/posts/mine.md"
    path.parent.mkdir()

    def write(text: str) -> chapters.Chapter:
        path.write_text(text, encoding="utf8")
        return chapters.Chapter(root, "posts/mine")

    return write


def test_a_good_post_has_no_problem(post, capsys):
    assert post_check.problems(post(GOOD)) == []
    assert main(["check-post", "mine"]) == 0
    assert capsys.readouterr().out == (
        f"Nothing is missing that a program can see.\n\n{post_check.NOT_JUDGED}\n"
    )


@pytest.mark.parametrize("typed", ["0.43", "600", "-1.4", "12%", "(3)", "2.1,", "1.96×"])
def test_a_typed_number_is_named_with_its_line(post, typed):
    text = GOOD.replace("were missed less", f"were missed by {typed} nats")
    number = typed.strip("%-(),")
    (problem,) = post_check.problems(post(text))
    line = text[: text.index("by " + typed)].count("\n") + 1
    assert problem.startswith(f"line {line}: the number {number} is typed")


def test_lines_are_counted_behind_code_of_several_lines(post):
    text = GOOD.replace("# Is", "```sh\nmake\nbook\n```\n\nIt took 7 s.\n\n# Is")
    (problem,) = post_check.problems(post(text))
    assert problem.startswith("line 12: the number 7 is typed")
    assert text.splitlines()[11] == "It took 7 s."


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("This would be false if the head were missed less.", "", "would show it false"),
        ("false if the head were missed less.", "false if …", "would show it false"),
        ("research.check(report)", "report", "no cell calls research.check(report)"),
        ("{glue:text}`low:.2f`", "", "does not tell the lower end of its interval"),
        ("{glue:text}`seed:.2f`", "", "does not tell the seed"),
        ("{glue:text}`held_out_effect:.2f`", "", "what the held-out prompts gave"),
    ],
)
def test_each_gap_is_one_sentence(post, old, new, words):
    assert old in GOOD
    (problem,) = post_check.problems(post(GOOD.replace(old, new)))
    assert words in problem


@pytest.mark.parametrize("words", [449, 551])
def test_a_post_of_another_length_is_told_so(post, monkeypatch, words):
    monkeypatch.setattr(new_post, "count_words", lambda chapter: words)
    assert post_check.problems(post(GOOD)) == [
        f"it has {words} words, and should have between 450 and 550"
    ]


def test_the_template_as_it_is_has_its_own_sentences_left_and_nothing_stored(post, capsys):
    assert main(["new-post", "My post", "--no-run"]) == 0
    capsys.readouterr()
    assert main(["check-post", "my-post"]) == 1
    told = capsys.readouterr().out
    assert told.count("this is the template's own") > 5
    assert "would show it false" in told
    assert main(["check-post", "no-such-post"]) == 1
    assert "no chapter 'posts/no-such-post'" in capsys.readouterr().err


def test_a_post_whose_numbers_are_not_stored_is_not_counted(post, monkeypatch):
    monkeypatch.undo()
    found = post_check.problems(post(GOOD))
    assert len(found) == 1
    assert found[0].startswith("its words cannot be counted: ")


def test_the_model_post_types_no_number():
    model_post = chapters.Chapter(site_builds.ROOT, "week4/model_post")
    (problem,) = post_check.problems(model_post)
    assert "research.check" in problem  # its numbers are the claims', and so are their controls
