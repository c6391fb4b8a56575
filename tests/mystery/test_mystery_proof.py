"""The table of right and wrong explanations, and what it refuses to count."""

import pytest

from mi_course.mystery import kept, proof
from mi_course.mystery.proof import Tried
from mi_course.mystery.verdict import Verdict, refused


def tried(title, *, right, verdict, model="amber"):
    return Tried(model, kept.Kept(title, None, right), verdict)


def test_a_refusal_for_another_reason_does_not_count():
    title = "an idle place beside the right one"
    assert tried(title, right=False, verdict=refused("amber", "1 can be left out")).as_wanted
    assert not tried(title, right=False, verdict=refused("amber", "a KeyError")).as_wanted
    assert not tried(title, right=False, verdict=Verdict("amber", True, ())).as_wanted


def test_the_table_counts_by_kind_and_tells_sentences_of_the_worked_example_alone():
    text = proof.table(
        [
            tried("as it was made", right=True, verdict=Verdict("amber", True, ("all of it",))),
            tried(
                "another one", right=False, verdict=refused("basil", "at layer 7"), model="basil"
            ),
        ]
    )
    assert text.startswith("1 of 1 right explanations passed, and 0 of 1 wrong ones were refused")
    assert "| right: as it was made | 1 | 1 | `` all of it `` |" in text
    assert "| wrong: another one | 1 | 0 | (not told) |" in text
    assert "layer 7" not in text


def test_every_kind_of_wrong_explanation_has_its_reason():
    assert proof.MADE.keys() <= proof.REASONS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["amber", "cedar", "dune", "elm", "fjord"])
def test_right_explanations_pass_and_wrong_ones_are_refused_for_what_is_wrong(name):
    wrongly = [t for t in proof.prove([name], seed=100) if not t.as_wanted]
    assert not wrongly, "\n".join(f"{t.kept.title}: {t.verdict}" for t in wrongly)
