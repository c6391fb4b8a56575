"""Texts with known labels: what is old, what is new, and that words alone do not give them away."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import torch

from mi_course.capitals import CAPITALS
from mi_course.steering import probing, properties

ALL = pytest.mark.parametrize("of", properties.ALL, ids=lambda of: of.name)


@ALL
def test_each_value_is_as_frequent_in_each_template_and_of_each_pair(of):
    rows = properties.rows(of, 34, seed=0)
    assert len(rows.texts) == 34 * 2 * properties.TEMPLATES == len(set(rows.texts))
    for kind in (rows.pair, rows.template):
        for one in kind.unique():
            assert rows.label[kind == one].float().mean() == 0.5


@ALL
def test_at_least_a_hundred_rows_have_new_words_in_new_templates(of):
    rows = properties.rows(of, 36 if of is properties.TRUTH else 34, seed=0)
    assert int(rows.new.sum()) >= 100 <= int(rows.first.sum())
    assert not (rows.new & rows.first).any()
    seen = {int(p) for p in rows.pair[rows.first]}
    assert seen.isdisjoint({int(p) for p in rows.pair[rows.new]})


def test_another_split_keeps_the_texts_and_changes_what_is_old():
    rows = properties.rows(properties.GENDER, 10, seed=0)
    other = properties.split(rows, seed=1)
    assert other.texts == rows.texts
    assert int(other.old.sum()) == 5
    assert int(other.old_templates.sum()) == 3
    assert not torch.equal(other.first, rows.first)


def test_the_same_seed_draws_the_same_and_another_one_others():
    one, same, other = (properties.rows(properties.NUMBER, 8, seed).texts for seed in (3, 3, 4))
    assert one == same != other


def test_a_text_is_known_up_to_its_word():
    rows = properties.rows(properties.NUMBER, 8, seed=0)
    assert all(text.startswith(upto) for text, upto in zip(rows.texts, rows.upto, strict=True))
    assert {upto.split()[-1].endswith("s") for upto in rows.upto} == {True, False}


def test_a_false_capital_is_true_of_another_country():
    true = {city for (_, city), _ in properties.TRUTH.pairs}
    false = {city for _, (_, city) in properties.TRUTH.pairs}
    assert true == false
    assert all(right != wrong for (_, right), (_, wrong) in properties.TRUTH.pairs)


def test_no_word_stands_twice_and_each_pair_differs():
    for of in properties.ALL[:3]:
        words = [word for pair in of.pairs for (word,) in pair]
        assert len(words) == len(set(words))


def test_whole_words_say_nothing_of_new_words():
    rows = properties.rows(properties.GENDER, 34, seed=0)
    assert probing.of_words(rows, letters=False).float().mean() == 0.5


def test_letters_give_the_number_away():
    rows = properties.rows(properties.NUMBER, 34, seed=0)
    assert probing.of_words(rows, letters=True).float().mean() > 0.7


def _in(text: str) -> set[str]:
    """The countries and cities that stand in a text."""
    return {word for one in CAPITALS for word in one if re.search(rf"\b{word}\b", text)}


def test_no_country_and_no_city_of_a_new_text_was_seen():
    drawn = properties.rows(properties.TRUTH, 36, seed=0)
    for rows in (drawn, *(properties.split(drawn, seed) for seed in range(4))):
        words = [_in(text) for text in rows.texts]
        assert all(len(of) == 2 for of in words)
        seen, new = (
            set().union(*(words[i] for i in part.nonzero().flatten()))
            for part in (rows.old_word, ~rows.old_word)
        )
        assert len(seen) == len(new) == 36
        assert seen.isdisjoint(new)


def test_each_country_and_each_city_is_as_often_in_true_texts_as_in_false_ones():
    rows = properties.rows(properties.TRUTH, 36, seed=0)
    true, false = (
        Counter(word for i in part.nonzero().flatten() for word in _in(rows.texts[i]))
        for part in (rows.label, ~rows.label)
    )
    assert true == false
    assert set(true.values()) == {properties.TEMPLATES}


def test_words_alone_do_not_tell_what_is_true():
    rows = properties.rows(properties.TRUTH, 36, seed=0)
    assert probing.of_words(rows, letters=False).float().mean() == 0.5


def test_pairs_that_belong_together_are_one_unit_and_are_not_torn_apart():
    rows = properties.rows(properties.TRUTH, 8, seed=0)
    for unit in rows.unit.unique():
        here = rows.unit == unit
        assert len(rows.pair[here].unique()) == 2
        assert len(rows.old_word[here].unique()) == 1
    names = properties.rows(properties.GENDER, 8, seed=0)
    assert torch.equal(names.unit, names.pair)
    with pytest.raises(ValueError, match="7 pairs of truth: they are drawn 2 together"):
        properties.rows(properties.TRUTH, 7, seed=0)
