import itertools
import random

from mi_course import ioi, prompt_streams
from mi_course.english import words

NAMES, THINGS = words.NAMES[:6], words.OBJECTS[:5]


def take(stream, count):
    return list(itertools.islice(stream, count))


def test_gifts_have_two_people_and_every_pair_and_thing_comes_up():
    drawn = take(prompt_streams.gifts(NAMES, THINGS, seed=0), 2000)
    pairs = {(g.giver, g.receiver) for g in drawn}
    assert pairs == set(itertools.permutations(NAMES, 2))
    assert {g.thing for g in drawn} == set(THINGS)


def test_the_same_seed_gives_the_same_gifts_whatever_the_global_generator_did():
    random.seed(1)
    first = take(prompt_streams.gifts(NAMES, THINGS, seed=3), 20)
    random.seed(2)
    state = random.getstate()
    assert take(prompt_streams.gifts(NAMES, THINGS, seed=3), 20) == first
    assert random.getstate() == state
    assert take(prompt_streams.gifts(NAMES, THINGS, seed=4), 20) != first


def test_sentences_have_the_article_that_their_thing_needs():
    assert (
        prompt_streams.sentence(prompt_streams.Gift("John", "Mary", "apple"))
        == "John gave Mary an apple"
    )
    assert (
        prompt_streams.sentence(prompt_streams.Gift("John", "Mary", "book"))
        == "John gave Mary a book"
    )


def test_both_orders_balance_any_even_number_of_prompts():
    prompts = take(prompt_streams.both_orders(prompt_streams.gifts(NAMES, THINGS, seed=0)), 40)
    orders = [ioi.Prompt(p.text, p.io, p.s, "").order for p in prompts]
    assert orders == ["ABBA", "BABA"] * 20
    for one, other in zip(prompts[::2], prompts[1::2], strict=True):
        assert (one.io, one.s) == (other.io, other.s)


def test_both_orders_reads_one_gift_at_a_time():
    source = prompt_streams.gifts(NAMES, THINGS, seed=0)
    seen = []
    stream = prompt_streams.both_orders(seen.append(g) or g for g in source)
    take(stream, 3)
    assert len(seen) == 2


def test_batches_keep_order_and_a_short_last_batch_and_read_no_more_than_they_need():
    assert list(prompt_streams.batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(prompt_streams.batches(range(6), 3)) == [[0, 1, 2], [3, 4, 5]]
    counter = itertools.count()
    take(prompt_streams.batches(counter, 4), 2)
    assert next(counter) == 8


def test_words_of_one_token_are_told_by_their_leading_space(pocket):
    def encode(text):
        return pocket.tokenizer.encode(text, add_special_tokens=False)

    assert prompt_streams.one_token(["Mary", "Xylophonia", "book"], encode) == ["Mary", "book"]
    assert len(encode("book")) > 1
