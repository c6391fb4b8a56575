"""Each check rejects wrong answers with the words that name the mistake, and passes right ones."""

import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

from mi_course import check
from mi_course.check import cases as kept_cases
from mi_course.check import core as machinery
from mi_course.cli.main import main
from support.outside import ROOT

# every module of cases beside this file
CASES = [import_module(path.stem) for path in sorted(Path(__file__).parent.glob("cases_*.py"))]
WRONG = [
    pytest.param(name, wrong, words, id=f"{name}-{kept_cases.name_of(wrong)}-{words}")
    for cases in CASES
    for name, pairs in cases.WRONG.items()
    for wrong, words in pairs
]
RIGHT = [
    pytest.param(name, right, id=f"{name}-{kept_cases.name_of(right)}")
    for cases in CASES
    for name, answers in cases.RIGHT.items()
    for right in answers
]


@pytest.mark.parametrize(("name", "wrong", "words"), WRONG)
def test_wrong_answer_is_rejected_with_the_words_that_name_its_mistake(name, wrong, words, capsys):
    verdict = check.EXERCISES[name](wrong)
    assert not verdict.passed
    assert words in verdict.message
    assert machinery.LOST not in verdict.message
    assert capsys.readouterr().out.endswith(f"✗ {name}: {verdict.message}\n")


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_right_answer_passes(name, right, capsys):
    assert check.EXERCISES[name](right).passed
    assert capsys.readouterr().out == f"✓ {name}: passed\n"


def _core_exercises() -> set[str]:
    """The exercises that a chapter calls core: `*Core, 45 minutes.*` below their label."""
    pattern = r":label: ex-(\w+)\n```\n\*Core,"
    chapters = (ROOT / "book").rglob("*.md")
    return {name for path in chapters for name in re.findall(pattern, path.read_text("utf8"))}


def test_names_of_kept_answers_are_the_same_in_every_process():
    assert not [param.id for param in WRONG + RIGHT if " at 0x" in param.id]


def test_every_exercise_has_right_and_wrong_answers():
    right, wrong = defaultdict(int), defaultdict(int)
    for cases in CASES:
        for name, answers in cases.RIGHT.items():
            right[name] += len(answers)
        for name, pairs in cases.WRONG.items():
            wrong[name] += len(pairs)
    core = _core_exercises()
    assert {"prefix_matching_score"} <= core <= set(check.EXERCISES)
    assert set(right) == set(wrong) == set(check.EXERCISES)
    assert {name for name in right if right[name] < 2} == set()
    assert {name for name in wrong if wrong[name] < (8 if name in core else 3)} == set()


def test_interrupting_a_check_stops_it():
    def interrupted(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.continue_pattern(interrupted)


def test_the_table_of_kept_answers_shows_each_with_its_verdict(capsys):
    assert main(["check", "--cases", "zero_head", "--root", str(ROOT)]) == 0
    *rows, last = capsys.readouterr().out.splitlines()
    kept = [p for p in WRONG + RIGHT if p.values[0] == "zero_head"]
    assert len(rows) == 1 + len(kept)
    assert all(row.startswith("ok  zero_head") for row in rows[1:])
    wrong = sum(len(p.values) == 3 for p in kept)
    assert f"{wrong} of {wrong} wrong ones rejected with their words" in last


def test_an_answer_that_is_not_judged_as_it_should_be_fails_the_command(tmp_path, capsys):
    folder = tmp_path / "tests/check"
    folder.mkdir(parents=True)
    text = "WRONG = {'zero_head': [(lambda z, hook, head: None, 'other words')]}\nRIGHT = {}\n"
    (folder / "cases_of_this_test.py").write_text(text)
    assert not all(tried.as_expected for tried in kept_cases.try_all(folder))
