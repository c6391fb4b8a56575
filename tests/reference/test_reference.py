"""GPT-2's published numbers: each is reproduced, on the real weights and nowhere else."""

import math

import pytest

from mi_course import reference

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
