import json
import random
import re

import pytest

from mi_course.english import corpus, grammar
from mi_course.english.words import NAMES, OBJECTS, PLACES
from support.outside import SHARED, not_run


@pytest.fixture(scope="module")
def sample():
    return list(corpus.sentences(seed=3, count=20_000))


@pytest.fixture(scope="module")
def gpt2_words():
    """GPT-2's vocabulary, from its tokenizer's own file."""
    path = SHARED / "offline-hub" / "gpt2-tokenizer" / "vocab.json"
    if not path.exists():
        not_run("GPT-2's vocab.json is not on this machine")
    return json.loads(path.read_text(encoding="utf8"))


def test_every_word_is_one_token_for_gpt2(gpt2_words):
    missing = [w for w in corpus.vocabulary() if w.replace(" ", "Ġ") not in gpt2_words]
    assert missing == []


@pytest.mark.parametrize("words", [NAMES, PLACES, OBJECTS])
def test_names_places_and_objects_are_different_words(words):
    assert len(set(words)) == len(words)
    assert {f" {word}" for word in words} <= set(corpus.vocabulary())


def test_vocabulary_holds_every_pretoken_that_is_written(sample):
    written = {w for s in sample for text in (s, f" {s}") for w in corpus.pretokens(text)}
    assert written <= set(corpus.vocabulary())


def test_pretokens_join_to_the_sentence(sample):
    assert all("".join(corpus.pretokens(s)) == s for s in sample[:1000])


def test_every_kind_of_sentence_is_written():
    assert set(grammar.MIXTURE) == set(grammar.KINDS)


def test_no_sentence_names_a_held_out_pair(sample):
    names = set(NAMES)
    for sentence in sample:
        named = sorted(names & set(re.findall(r"\w+", sentence)))
        assert not any(corpus.is_held_out_pair(a, b) for a in named for b in named if a < b)


def test_held_out_templates_are_not_trained_on():
    trained = {template for kind in grammar.KINDS.values() for template in kind}
    assert not trained & set(grammar.HELD_OUT)


def test_held_out_words_occur_in_training(sample):
    trained = {w for sentence in sample for w in corpus.pretokens(" " + sentence)}
    held_out = {w for t in grammar.HELD_OUT for w in re.findall(r" \w+", f" {t}")}
    assert held_out <= trained


def test_pairs_of_the_eight_published_prompts_are_held_out():
    assert corpus.is_held_out_pair("John", "Mary")
    assert corpus.is_held_out_pair("Sid", "Dan")


def test_pair_is_held_out_in_both_orders():
    pairs = [(a, b) for a in NAMES[:40] for b in NAMES[:40] if a != b]
    assert all(corpus.is_held_out_pair(a, b) == corpus.is_held_out_pair(b, a) for a, b in pairs)
    share = sum(corpus.is_held_out_pair(a, b) for a, b in pairs) / len(pairs)
    assert 0.05 < share < 0.15


@pytest.mark.parametrize("held_out", [True, False])
def test_people_are_all_held_out_or_none(held_out):
    rng = random.Random(0)
    for _ in range(50):
        first, second = corpus.people(rng, 2, held_out)
        assert first != second
        assert corpus.is_held_out_pair(first, second) == held_out


def test_held_out_triples_are_refused():
    with pytest.raises(ValueError, match="held-out names come in pairs, 3 were asked for"):
        corpus.people(random.Random(0), 3, held_out=True)


def test_article_fits_the_next_word(sample):
    assert not any(re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]", s) for s in sample)


def test_one_who_is_given_a_thing_is_named_once_before():
    rng = random.Random(0)
    for template in [*corpus.two_name_templates(), *grammar.HELD_OUT, *grammar.PASSIVE]:
        bound = corpus.cast(rng, template, held_out=template in grammar.HELD_OUT)
        before = corpus.expand(rng, template, bound).removesuffix(bound["IO"])
        count = {role: len(re.findall(rf"\b{bound[role]}\b", before)) for role in ("IO", "S")}
        assert count == {"IO": 1, "S": 2}


def test_same_seed_writes_the_same_sentences(sample):
    assert list(corpus.sentences(seed=3, count=50)) == sample[:50]
    assert list(corpus.sentences(seed=4, count=50)) != sample[:50]


def test_repeat_document_repeats_its_start():
    tokens = corpus.repeat_document(random.Random(1), 40, range(5, 900))
    assert len(tokens) == 40
    period = next(p for p in range(1, 21) if tokens[p:] == tokens[:-p])
    assert period >= 4


def test_text_document_has_the_length_asked_for():
    words = []

    def encode(text):
        words.extend(corpus.pretokens(text))
        return [len(word) for word in corpus.pretokens(text)]

    assert len(corpus.text_document(random.Random(0), 50, encode)) == 50
    assert words[0] != words[0].lower()
    assert len(words) >= 50
