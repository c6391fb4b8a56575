"""The solutions that are folded on the page of five more models pass; the last two have none."""

import re

import pytest

from mi_course import mystery
from mi_course.mystery.submit import judged
from support.outside import ROOT

PAGE = (ROOT / "book/labs/mystery_starters.md").read_text("utf8")
SOLVED = ("basil", "cedar", "dune")
SECTIONS = dict(re.findall(r"^## `(\w+)` \(.*?\)\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL))


def solution(name):
    """The explanation that a section's dropdown defines."""
    folded = re.search(r"\{dropdown\}.*?```python\n(.*?)```", SECTIONS[name], re.DOTALL)
    found = {"__name__": "a_page"} | {n: getattr(mystery, n) for n in mystery.__all__}
    exec(folded[1], found)
    return found["explanation"]


def test_every_model_but_the_worked_example_has_a_section():
    assert tuple(SECTIONS) == mystery.NAMES[1:]


def test_the_solutions_define_explanations():
    assert tuple(name for name in SECTIONS if "{dropdown}" in SECTIONS[name]) == SOLVED
    for name in SOLVED:
        assert solution(name).order()


@pytest.mark.slow
@pytest.mark.parametrize("name", SOLVED)
def test_a_folded_solution_passes(name):
    verdict = judged(name, solution(name), seed=21)
    assert verdict.passed, verdict
