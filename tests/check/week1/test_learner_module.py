"""What checks of a learner's modules say beyond the kept answers: exact sentences, and stubs."""

import re
from pathlib import Path

import pytest
import torch

from mi_course import check
from mi_course import transformer as ref
from mi_course.check import cases
from mi_course.check.core import Attempt
from mi_course.check.week1.learner_module import CASES, build, randomise

ANSWERS = Path(__file__).parents[1] / "answers/week1/transformer"
by_author, independent = cases.load(ANSWERS)
MODULES = {
    "layer_norm": ref.LayerNorm,
    "attention": ref.Attention,
    "mlp": ref.MLP,
    "block": ref.Block,
    "transformer": ref.Transformer,
}


def unwritten(*args):
    raise NotImplementedError("write your code here")


@pytest.mark.parametrize("name", sorted(independent.RIGHT))
def test_a_stub_is_not_written_yet(name):
    assert check.EXERCISES[name](unwritten).message == "not written yet"
    if name in MODULES:
        stub = type("Stub", (MODULES[name],), {"forward": unwritten})
        assert check.EXERCISES[name](stub).message == "not written yet"


def test_the_reference_passes_every_check():
    functions = ("embed", "attention_pattern", "attention_weights", "generate")
    answers = MODULES | {name: getattr(ref, name) for name in functions}
    assert set(answers) == set(independent.RIGHT)
    for name, answer in answers.items():
        assert check.EXERCISES[name](answer)


def test_a_leak_names_the_token_that_was_changed_and_the_one_that_moved():
    message = check.attention(
        independent.module(ref.Attention, "Leaks", independent.at_leaks), hint=True
    ).message
    assert message == (
        "future tokens leak: changing token 4 changed the output at token 3: the mask comes too "
        "late, the hidden tokens are still in the divisor: is the mask applied before the softmax?"
    )


def test_no_verdict_is_a_difference_of_tensors():
    for name, pairs in (by_author.WRONG | independent.WRONG).items():
        for wrong, _ in pairs:
            message = check.EXERCISES[name](wrong, hint=True).message
            assert not re.search(r"mismatch|Wrong:|tensor\(|allclose|\d\.\d{4}", message), message


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_learners_module_gets_every_weight_of_the_reference(name):
    """A weight that was left at its initial value would hide a mistake."""
    for cfg, _, seed in CASES:
        reference = randomise(MODULES[name](cfg), seed)
        made = []

        def keep(cfg, made=made, name=name):
            made.append(MODULES[name](cfg))
            return made[-1]

        build(Attempt(keep), cfg, reference)
        weights = dict(reference.named_parameters())
        assert all(weight.abs().min() > 0 for weight in weights.values())
        assert all(torch.equal(own, weights[n]) for n, own in made[0].named_parameters())
