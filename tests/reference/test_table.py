import math

import pytest

from mi_course import reference
from mi_course.reference import table


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
