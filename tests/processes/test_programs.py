"""Programs of explanations, run in this process: values, swaps, and what they may not reach."""

from pathlib import Path

import pytest

from mi_course.processes import programs
from mi_course.processes.programs import Program

SYMBOLS = (0, 1, 2, 3, "x")
TRIPLES = [((a, b, c), (b, c, a), (c, a, b)) for a in range(4) for b in range(4) for c in range(4)]


def total(tokens):
    return (tokens[0] + tokens[1]) % 4


def answer(tokens, total):
    return (total + tokens[2]) % 4


def program(variables=(total,), last=answer, rules=None, **needs):
    names = {function.__name__: function for function in variables}
    return Program(
        variables=names,
        answer=last,
        needs={**dict.fromkeys(names, ("tokens",)), None: ("tokens", *names), **needs},
        rules=rules or {name: [0] for name in names},
        symbols=SYMBOLS,
    )


def said(last=answer, **kwargs):
    return programs.run(program(last=last, **kwargs), TRIPLES)


def test_a_swapped_variable_comes_from_the_source_and_all_else_from_the_base():
    found = said()
    expected = [(s[0] + s[1] + b[2]) % 4 for b, s, _ in TRIPLES]
    assert found["variables"]["total"]["swapped"] == expected


def test_an_arbitrary_value_comes_from_the_third_input():
    found = said()
    expected = [(t[0] + t[1] + b[2]) % 4 for b, _, t in TRIPLES]
    assert found["variables"]["total"]["arbitrary"] == expected


def test_the_joint_answer_reads_the_source_with_variables_of_the_base():
    expected = [(b[0] + b[1] + s[2]) % 4 for b, s, _ in TRIPLES]
    assert said()["joint"] == expected


def test_answers_are_token_ids_and_none_is_no_answer():
    found = said(last=lambda tokens, total: "x" if total else None)
    assert set(found["base"]) == {4, None}


def test_a_variable_that_is_one_symbol_renamed_is_found():
    def renamed(tokens):
        return f"<{tokens[1]}>"

    def last(tokens, renamed):
        return int(renamed[1])

    found = said(last=last, variables=(renamed,))["variables"]["renamed"]
    assert found["copies"] == 1
    assert said()["variables"]["total"]["copies"] is None


def test_it_is_told_where_base_and_source_give_a_variable_one_value():
    found = said()["variables"]["total"]
    assert set(found["same"]) == {True, False}
    stays = [a == b for a, b in zip(found["swapped"], said()["base"], strict=True)]
    assert all(there for there, one in zip(stays, found["same"], strict=True) if one)


def test_values_that_no_input_tells_apart_are_counted():
    def pair(tokens):
        return tokens[:2]

    def last(tokens, pair):
        return (sum(pair) + tokens[2]) % 4

    assert said()["variables"]["total"]["idle"] == 0
    # of 16 pairs of numbers four share each sum: 4 * 6 of 120 pairs of values
    assert said(last=last, variables=(pair,))["variables"]["pair"]["idle"] == 24 / 120


def test_positions_of_rules_are_told_for_all_three_inputs_and_counted_from_the_start():
    rules = {"total": [-1, lambda tokens: tokens[0] % 3]}
    at = said(rules=rules)["variables"]["total"]["positions"]
    assert at[0] == [[2] * len(TRIPLES)] * 3
    assert at[1][1] == [source[0] % 3 for _, source, _ in TRIPLES]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (lambda tokens, total: 7, "your program answers 7"),
        (lambda tokens, total: {}[tokens], "stopped with KeyError"),
        (lambda tokens, total: __import__("torch"), "reaches outside (import torch)"),
        (lambda tokens, total: Path("/dev/null").read_text(), "reaches outside (open)"),
        (lambda tokens, total: __import__("os").system("true"), "reaches outside (import os)"),
    ],
)
def test_what_a_program_may_not_do_is_told(last, words):
    assert words in said(last=last)["error"]


def test_a_program_may_import_pythons_own_small_modules():
    def last(tokens, total):
        import itertools

        return next(itertools.islice(tokens, 1, None))

    assert "error" not in said(last=last)


def test_a_program_that_keeps_count_of_its_calls_is_refused():
    calls = []

    def counting(tokens):
        calls.append(1)
        return len(calls) % 7

    assert "another value when it is called again" in said(variables=(counting,))["error"]


def test_a_variable_that_never_varies_is_refused():
    def fixed(tokens):
        return 1

    assert "has one value" in said(last=lambda t, fixed: t[0], variables=(fixed,))["error"]


def test_a_position_outside_of_the_input_is_refused():
    assert "must be a position" in said(rules={"total": [lambda tokens: 3]})["error"]


def test_files_may_be_opened_again_afterwards(tmp_path):
    said()
    (tmp_path / "x").write_text("y")
    assert (tmp_path / "x").read_text() == "y"
