"""Each check rejects wrong answers with the words that name the mistake, and passes right ones."""

import cases_induction
import cases_induction_blind
import pytest

from mi_course import check

CASES = (cases_induction, cases_induction_blind)
WRONG = [
    pytest.param(name, wrong, words, id=f"{name}-{getattr(wrong, '__name__', wrong)}-{words}")
    for cases in CASES
    for name, pairs in cases.WRONG.items()
    for wrong, words in pairs
]
RIGHT = [
    pytest.param(name, right, id=f"{name}-{right.__name__}")
    for cases in CASES
    for name, answers in cases.RIGHT.items()
    for right in answers
]


@pytest.mark.parametrize(("name", "wrong", "words"), WRONG)
def test_wrong_answer_is_rejected_with_the_words_that_name_its_mistake(name, wrong, words, capsys):
    verdict = check.EXERCISES[name](wrong)
    assert not verdict.passed
    assert words in verdict.message
    assert capsys.readouterr().out.endswith(f"✗ {name}: {verdict.message}\n")


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_right_answer_passes(name, right, capsys):
    assert check.EXERCISES[name](right).passed
    assert capsys.readouterr().out == f"✓ {name}: passed\n"


def test_every_exercise_has_right_and_wrong_answers():
    assert set(cases_induction.WRONG) == set(cases_induction.RIGHT) == set(check.EXERCISES)
    assert all(len(answers) >= 2 for answers in cases_induction.RIGHT.values())
    assert all(len(pairs) >= 8 for pairs in cases_induction.WRONG.values())


def test_interrupting_a_check_stops_it():
    def interrupted(*args):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.continue_pattern(interrupted)
