"""GPT-2's published numbers: each is reproduced, on the real weights and nowhere else."""

import math

import pytest

from mi_course import reference
from mi_course.reference import repetition, table

ALL = reference.everything()
IDS = [ref.quantity for ref in ALL]


@pytest.mark.gpt2
@pytest.mark.parametrize("ref", ALL, ids=IDS)
def test_gpt2_gives_the_published_numbers(gpt2, ref):
    rows = reference.compare(ref, gpt2)
    assert all(row.agrees for row in rows), "\n".join(map(str, rows))


@pytest.mark.parametrize("ref", ALL, ids=IDS)
def test_measurement_runs_and_random_weights_do_not_give_the_published_numbers(random_gpt2, ref):
    """A number that random weights reproduce too would say nothing about GPT-2."""
    rows = reference.measured_rows(ref, random_gpt2)
    assert [row.part for row in rows] == list(ref.published)
    assert all(isinstance(row.measured, float) and math.isfinite(row.measured) for row in rows)
    assert not all(row.agrees for row in rows), "\n".join(map(str, rows))


@pytest.mark.parametrize("ref", ALL[:1], ids=IDS[:1])
def test_random_weights_never_pass_as_gpt2(random_gpt2, pocket, ref):
    for model in (random_gpt2, pocket):
        with pytest.raises(reference.NotGPT2Error, match=r"load the real weights"):
            reference.compare(ref, model)


def test_every_reference_says_where_it_was_read():
    assert all(ref.source and ref.published and ref.tolerance >= 0 for ref in ALL)
    assert len(set(IDS)) == len(IDS)


def row(published, measured, tolerance):
    return reference.Row("loss", "first half", published, measured, tolerance, "somewhere")


@pytest.mark.parametrize(
    ("published", "measured", "agrees"),
    [
        (0.93, 0.97, True),
        (0.93, 0.971, False),
        (0.93, 0.88, False),
        ((0.90, 0.92), 0.86, True),
        ((0.90, 0.92), 0.91, True),
        ((0.90, 0.92), 0.961, False),
        (0.93, math.nan, False),
    ],
)
def test_number_agrees_within_the_tolerance_of_what_was_printed(published, measured, agrees):
    assert row(published, measured, 0.04000001).agrees is agrees


def test_row_says_in_words_what_was_found():
    assert str(row((0.13, 0.18), 0.9, 0.32)) == (
        "DIFFERS: loss, first half: measured 0.9, published 0.13–0.18 ± 0.32 (somewhere)"
    )


def test_measurement_with_other_parts_is_refused(random_gpt2):
    wrong = table.Reference("x", {"5.5": 1.0}, 0.1, "somewhere", lambda model: {"5.4": 1.0})
    with pytest.raises(ValueError, match=r"published for 5\.5, and measured for 5\.4"):
        reference.measured_rows(wrong, random_gpt2)


def test_demos_prompts_hold_no_bos_and_repeat(random_gpt2):
    tokens = repetition._main_demo_tokens(random_gpt2)
    assert tokens.shape == (10, 100)
    assert (tokens[:, :50] == tokens[:, 50:]).all()
    assert (tokens != random_gpt2.tokenizer.bos_token_id).all()
