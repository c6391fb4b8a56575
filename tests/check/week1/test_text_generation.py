"""The check on writing text draws from generators of its own."""

from pathlib import Path

import torch

from mi_course import check
from mi_course import transformer as ref
from mi_course.check import cases

ANSWERS = Path(__file__).parents[1] / "answers/week1/transformer"
by_author, _ = cases.load(ANSWERS)


def test_checks_leave_the_random_numbers_of_the_session_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    check.generate(by_author.gen_global_draws)
    check.generate(ref.generate)
    assert torch.equal(torch.get_rng_state(), before)
