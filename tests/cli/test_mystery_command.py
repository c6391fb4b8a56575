"""`mi-course mystery`: list, show and submit."""

import pytest

from mi_course import mystery
from mi_course.cli import main
from mi_course.learner import submissions

RIGHT = """
from mi_course.mystery import Explanation, mlp

def later(tokens):
    return (tokens[1] + tokens[2]) % 5

def answer(tokens, later):
    return (tokens[0] + later) % 5

explanation = Explanation(answer, {later: mlp(0, at=-1)})
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)


def test_the_list_tells_difficulty_accuracy_and_an_input(capsys):
    assert main(["mystery", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(mystery.NAMES)
    assert "100.0 %" in lines[1]
    assert lines[1].endswith("not tried")


def test_a_model_is_shown_with_inputs_and_answers(capsys):
    assert main(["mystery", "show", "basil"]) == 0
    out = capsys.readouterr().out
    assert "2 layers of 4 heads" in out
    assert "with layers 0..1, heads 0..3, positions 0..2" in out
    assert out.count("->") == 8


def test_an_unknown_name_is_one_sentence(capsys):
    assert main(["mystery", "show", "zircon"]) == 1
    assert "no mystery model is called 'zircon'" in capsys.readouterr().err


def test_a_file_is_submitted_and_stands_in_the_list(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(RIGHT, encoding="utf8")
    assert main(["mystery", "submit", "basil", str(file)]) == 0
    assert "the explanation holds" in capsys.readouterr().out
    (entry,) = submissions.read("basil")
    assert "(tokens[1] + tokens[2]) % 5" in entry["program"]
    main(["mystery", "list"])
    out = capsys.readouterr().out
    assert "1 submitted; best later" in out
    assert str(submissions.folder()) in out


def test_a_folder_and_an_unknown_name_are_told_before_the_file_is_run(tmp_path, capsys):
    assert main(["mystery", "submit", "basil", str(tmp_path)]) == 1
    assert "is a folder: name the file" in capsys.readouterr().err
    file = tmp_path / "mine.py"
    file.write_text("1 / 0", encoding="utf8")
    assert main(["mystery", "submit", "zircon", str(file)]) == 1
    assert "no mystery model is called 'zircon'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no such file"),
        ("explanation = 1", "defines no `explanation"),
        ("explanation = 1", "what it calls so is of type int"),
        ("1 / 0", "stops with ZeroDivisionError"),
        ("x = 2\n1 / 0\n", "division by zero (line 2)"),
        ("explanation = (1", "was never closed"),
        ("raise SystemExit(0)", "stops with SystemExit"),
        ("from mi_course.mystery import submit\nsubmit('basil', 1)", "and would count twice"),
        ("from mi_course import mystery\nmystery.submit('basil', 1)", "submit` itself"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path, capsys, text, words):
    file = tmp_path / "mine.py"
    if text is not None:
        file.write_text(text, encoding="utf8")
    assert main(["mystery", "submit", "basil", str(file)]) == 1
    assert words in capsys.readouterr().err
