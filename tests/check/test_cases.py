"""Each check rejects wrong answers with the words that name the mistake, and passes right ones."""

import inspect
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from mi_course import check
from mi_course.check import cases as kept
from mi_course.check import core as machinery
from mi_course.cli.main import main
from support.outside import ROOT

ANSWERS = Path(__file__).parent / "answers"
MODULES = kept.load(ANSWERS)
STEPS = kept.kept_steps(ANSWERS)
TOLD: dict[tuple[str, str], set[str]] = defaultdict(set)
"""What the kept answers were told at their second failure in this process, and then in full."""
ONE_CAUSE = {
    # which layer it is can be read in the code
    ("build_mlp", "nothing comes after the last linear map"),
    # the rest says what else is lost with it
    ("token_losses", "each loss is about the token at the same position"),
    ("token_losses", "the softmax runs over the positions"),
    # the batch too, or the queries alone: the shape tells at the first failure
    ("prefix_matching_score", "one number for each query"),
    # the rest lists what was found
    ("top_heads", "head 0.0 has score −0.8 and is listed"),
    ("template_means", "the rows of template 7 were never filled"),
}
"""What several verdicts have in common at the second failure, and why that is the cause of each."""
BY_CHANCE = {("one_token", "ot_set")}
"""Answers whose result Python's hashing of texts decides, and with it the step."""


def holds(answer):
    """Skip a kept answer that asserts where Python drops asserts: there it is another answer."""
    function = inspect.unwrap(getattr(answer, "func", answer))
    asserts = inspect.isfunction(function) and re.search(
        r"^\s+assert ", inspect.getsource(function), re.MULTILINE
    )
    why = "NOT RUN: this answer asserts, and PYTHONOPTIMIZE drops asserts"
    return [pytest.mark.skipif(bool(sys.flags.optimize and asserts), reason=why)]


def slow_where_independent(one):
    """`make test` judges wrong answers of the check's author; the slow tests judge all others."""
    return [pytest.mark.slow] if one.place.name == "independent.py" else []


WRONG = [
    pytest.param(
        one.exercise,
        one.answer,
        one.words,
        STEPS.get(one.place, {}).get(one.exercise, {}).get(one.key),
        id=f"{one.exercise}-{kept.name_of(one.answer)}-{one.words}",
        marks=[*holds(one.answer), *slow_where_independent(one)],
    )
    for one in kept.all_answers(ANSWERS)
    if one.words is not None
]
RIGHT = [
    pytest.param(
        one.exercise,
        one.answer,
        id=f"{one.exercise}-{kept.name_of(one.answer)}",
        marks=holds(one.answer),
    )
    for one in kept.all_answers(ANSWERS)
    if one.words is None
]


@pytest.mark.parametrize(("name", "wrong", "words", "step"), WRONG)
def test_wrong_answer_is_rejected_with_the_words_that_name_its_mistake(
    name, wrong, words, step, capsys
):
    verdict = check.EXERCISES[name](wrong, hint=True)
    assert not verdict.passed
    assert words in verdict.message
    assert machinery.LOST not in verdict.message
    assert capsys.readouterr().out.endswith(f"✗ {name}: {verdict.message}\n")
    steps = kept.steps_of(verdict)
    told = kept.step_of(steps, words)
    if (name, kept.name_of(wrong)) in BY_CHANCE:
        assert told <= 2
    else:
        assert told == step, f"write it down: mi-course check --cases {name} --keep"
    # The second failure names the cause: what it tells stands for one mistake, not for several.
    TOLD[name, steps.cause].add(steps.full)
    assert len(TOLD[name, steps.cause]) == 1 or (name, steps.cause) in ONE_CAUSE


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_right_answer_passes(name, right, capsys):
    assert check.EXERCISES[name](right).passed
    assert capsys.readouterr().out == f"✓ {name}: passed\n"


RETIRED = {"week3/python_practice": {"batches", "both_orders", "one_token"}}
"""Exercises that left their chapter; notebooks solved before call their checks, until 0.3."""


def _core_exercises() -> set[str]:
    """The exercises that a chapter calls core: `*Core, 45 minutes.*` below their label."""
    pattern = r":label: ex-(\w+)\n```\n\*Core,"
    chapters = (ROOT / "book").rglob("*.md")
    return {name for path in chapters for name in re.findall(pattern, path.read_text("utf8"))}


def test_names_of_kept_answers_are_the_same_in_every_process():
    assert not [param.id for param in WRONG + RIGHT if " at 0x" in param.id]


def test_every_exercise_has_right_and_wrong_answers():
    right, wrong = defaultdict(int), defaultdict(int)
    for module in MODULES:
        for name, answers in module.RIGHT.items():
            right[name] += len(answers)
        for name, pairs in module.WRONG.items():
            wrong[name] += len(pairs)
    core = _core_exercises()
    assert {"prefix_matching_score"} <= core <= set(check.EXERCISES)
    assert set(right) == set(wrong) == set(check.EXERCISES)
    assert {name for name in right if right[name] < 2} == set()
    assert {name for name in wrong if wrong[name] < (8 if name in core else 3)} == set()


def test_the_table_of_kept_answers_shows_each_with_its_verdict(capsys):
    assert main(["check", "--cases", "zero_head", "--root", str(ROOT)]) == 0
    *rows, last, steps = capsys.readouterr().out.splitlines()
    answers = [p for p in WRONG + RIGHT if p.values[0] == "zero_head"]
    assert len(rows) == 1 + len(answers)
    assert all(row.startswith("ok  zero_head") for row in rows[1:])
    wrong = sum(len(p.values) == 4 for p in answers)
    assert f"{wrong} of {wrong} wrong ones rejected with their words" in last
    assert sum(map(int, re.findall(r"for (\d+)", steps))) == wrong


def test_an_answer_that_is_not_judged_as_it_should_be_fails_the_command(tmp_path, capsys):
    folder = tmp_path / "tests/check/answers/week2/a_chapter"
    folder.mkdir(parents=True)
    text = "WRONG = {'zero_head': [(lambda z, hook, head: None, 'other words')]}\nRIGHT = {}\n"
    (folder / "independent.py").write_text(text)
    assert not all(tried.as_expected for tried in kept.try_all(folder.parents[1]))


def test_answers_lie_in_the_folder_of_their_exercise_s_chapter():
    for module in MODULES:
        week, chapter, kind = module.__name__.split(".")[1:]
        assert kind in ("by_author", "independent")
        pages = (ROOT / "book" / week).glob(f"*{chapter}.md")
        # an optional chapter has no number
        (source,) = (page for page in pages if re.sub(r"^\d\d_", "", page.stem) == chapter)
        asked = set(re.findall(r":label: ex-(\w+)", source.read_text("utf8")))
        retired = RETIRED.get(f"{week}/{chapter}", set())
        assert not asked & retired
        assert set(module.WRONG) | set(module.RIGHT) <= asked | retired


def test_files_of_answers_import_from_each_other_and_are_checked_in_the_other_process(tmp_path):
    """Whatever the search path holds, and though two folders have files of the same name."""
    before = list(sys.path)
    for folder, answer in (("one", "x.norm()"), ("two", "None")):
        (tmp_path / folder / "week2").mkdir(parents=True)
        (tmp_path / folder / "week2/by_author.py").write_text(
            f"def helper(x):\n    return {answer}\nWRONG, RIGHT = {{}}, {{}}\n"
        )
        (tmp_path / folder / "week2/independent.py").write_text(
            "import os\nfrom .by_author import helper\nhere = os.getpid()\n"
            "def answer(z, hook, head):\n    return None if os.getpid() == here else helper(z)\n"
            "WRONG, RIGHT = {'zero_head': [(answer, '')]}, {}\n"
        )
    messages = [kept.try_all(tmp_path / folder)[0].message for folder in ("one", "two")]
    assert "has shape ()" in messages[0]
    assert "returns None" in messages[1]
    assert sys.path == before
