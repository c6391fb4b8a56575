"""Tasks beside IOI: what is named twice, what is not, and what a tokenizer cannot read."""

from __future__ import annotations

import pytest

from mi_course import ioi
from mi_course.circuits_elsewhere import tasks


@pytest.fixture(scope="module")
def tokenizer(pocket):
    return pocket.tokenizer


def test_of_two_things_one_is_named_again_and_the_other_is_the_answer(tokenizer):
    data = tasks.things(tokenizer, 12, seed=1)
    for prompt in data.prompts:
        words = prompt.text.replace(",", "").replace(".", "").split()
        assert (words.count(prompt.s), words.count(prompt.io)) == (2, 1)
        assert not prompt.text.endswith(prompt.io)


def test_things_come_in_both_orders_and_in_every_template(tokenizer):
    data = tasks.things(tokenizer, 12, seed=1)
    assert [prompt.order for prompt in data.prompts[:4]] == ["ABBA", "BABA"] * 2
    assert set(data.template.tolist()) == set(range(len(tasks.THINGS)))


def test_the_counterpart_of_things_names_three_new_ones_at_the_same_places(tokenizer):
    data = tasks.things(tokenizer, 8, seed=2)
    differs = data.clean.tokens != data.abc.tokens
    assert differs.sum(1).tolist() == [3] * 8
    for text, prompt in zip(data.abc_texts, data.prompts, strict=True):
        assert not {prompt.io, prompt.s} & set(text.replace(".", "").replace(",", "").split())


def test_no_thing_stands_in_a_template_itself(tokenizer):
    """As in "There was a box and a knife in the box": the box would be named three times."""
    assert "box" in tasks.one_token_things(tokenizer)
    data = tasks.things(tokenizer, 600, seed=0)
    assert not any(prompt.text.count("box") > 1 for prompt in data.prompts)
    assert not any(text.count("box") > 1 for text in data.abc_texts)
    assert {word for p in data.prompts for word in (p.io, p.s)} > {"ball", "key"}


def test_no_thing_would_need_another_article(tokenizer):
    assert not [word for word in tasks.one_token_things(tokenizer) if word[0] in "aeiou"]


def test_things_that_are_several_tokens_are_refused():
    class Letters:
        def encode(self, text, add_special_tokens):
            return list(text)

    with pytest.raises(ValueError, match="0 of the words"):
        tasks.things(Letters(), 4, seed=0)


def test_people_are_named_twice_in_the_other_way_too(tokenizer):
    data = tasks.people(tokenizer, 6, 0)
    assert (data.clean.s2_pos > data.clean.s1_pos).all()
    assert {prompt.order for prompt in data.prompts} == {"ABBA", "BABA"}


def test_a_prompt_is_the_same_for_a_seed_and_another_for_another(tokenizer):
    one, again, other = (tasks.things(tokenizer, 4, seed).prompts for seed in (3, 3, 4))
    assert one == again
    assert one != other
    assert all(isinstance(prompt, ioi.Prompt) for prompt in one)
