"""Texts with known labels: what is old, what is new, and that words alone do not give them away."""

from __future__ import annotations

import pytest
import torch

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
    rows = properties.rows(of, 34, seed=0)
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
