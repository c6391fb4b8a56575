"""Explanations as causal models: their graph is read from the functions' parameters."""

import pytest

from mi_course import mystery
from mi_course.mystery import Explanation, ExplanationError, resid
from mi_course.mystery_nets.places import PlaceError, check


def first(tokens):
    return tokens[0]


def second(tokens, first):
    return first + tokens[1]


def answer(second):
    return second


HERE = resid(0, at=-1)


def test_variables_stand_behind_those_that_they_are_computed_from():
    assert Explanation(answer, {second: HERE, first: HERE}).order() == ["first", "second"]


def test_the_program_holds_positions_and_no_place():
    program = Explanation(answer, {second: [HERE, resid(1, at=2)], first: HERE}).program((0, 1))
    assert program.rules == {"second": [-1, 2], "first": [-1]}
    assert program.needs == {"first": ["tokens"], "second": ["tokens", "first"], None: ["second"]}


def test_the_source_of_all_functions_is_kept_for_the_log():
    source = Explanation(answer, {second: HERE, first: HERE}).source()
    assert "first + tokens[1]" in source
    assert "return second" in source


@pytest.mark.parametrize(
    ("last", "variables", "words"),
    [
        (answer, {}, "at least one variable"),
        (answer, {second: HERE}, "computed from 'first', which is neither"),
        (answer, {second: HERE, first: []}, "the place of first"),
        (answer, {second: HERE, first: "layer 0"}, "the place of first"),
        (answer, {lambda tokens: 1: HERE}, "made with `def`, and not a lambda$"),
        (answer, [first, second], "a function and a dictionary"),
        ({second: HERE, first: HERE}, answer, "a function and a dictionary"),
    ],
)
def test_what_is_no_causal_model_is_refused(last, variables, words):
    with pytest.raises(ExplanationError, match=words):
        Explanation(last, variables)


def test_a_circle_is_refused():
    def here(there):
        return there

    def there(here):
        return here

    with pytest.raises(ExplanationError, match="in a circle: here, there"):
        Explanation(answer, {here: HERE, there: HERE, second: HERE, first: HERE})


def test_two_variables_of_one_name_are_refused():
    def other(tokens):
        return tokens[1]

    other.__name__ = "first"
    with pytest.raises(ExplanationError, match="two variables are called 'first'"):
        Explanation(answer, {first: HERE, other: HERE, second: HERE})


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (resid(1, at=-1), "the residual stream after layer 1 at position -1"),
        (mystery.mlp(0, at=2), "the output of the MLP of layer 0 at position 2"),
        (mystery.head(1, 3, at=len), "the output of head 1.3 at the positions of your rule"),
        (
            mystery.attn(0, 1, mystery.learned(4)),
            "the output of all heads of layer 0, in 4 learned dimensions, at position 1",
        ),
    ],
)
def test_a_place_is_told_as_it_was_named(place, told):
    assert place.told() == told


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (resid(0.0, at=-1), r"layer 0\.0: it is a whole number"),
        (mystery.mlp("0", at=-1), "layer '0': it is a whole number"),
        (mystery.head(0, 1.0, at=-1), r"head 1\.0: it is a whole number"),
        (resid(0, at=1.0), r"position 1\.0: it is a whole number, or a function"),
        (resid(0, at=None), "position None: it is"),
        (resid(2, at=0), r"layer 2: this model has layers 0\.\.1"),
        (resid(-1, at=0), r"layer -1: this model has layers 0\.\.1"),
        (resid(0, at=5), r"position 5: an input has positions 0\.\.4"),
        (resid(0, 0, mystery.learned(9)), "9 dimensions is the whole of the 9 that the residual "
         "stream after layer 0 at position 0 has: name a smaller one"),
    ],
)  # fmt: skip
def test_a_place_that_there_is_not_is_one_sentence(place, words):
    with pytest.raises(PlaceError, match=words):
        check(place, n_layers=2, n_heads=3, width=9, n_pos=5)


def test_an_empty_subspace_is_refused():
    with pytest.raises(PlaceError, match="at least one dimension"):
        mystery.learned(0)
    with pytest.raises(PlaceError, match="is a whole number"):
        mystery.learned(2.5)
    with pytest.raises(PlaceError, match=r"by its columns, of shape \(d, rank\)"):
        resid(0, -1, [1.0, 0.0])
