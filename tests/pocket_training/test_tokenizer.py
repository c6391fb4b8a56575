import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_course.english import corpus
from mi_course.english.words import NAMES, OBJECTS, PLACES
from mi_course.pocket_training.tokenizer import train_tokenizer, word_encoder


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


def test_every_word_of_the_corpus_is_one_token(tokenizer):
    counts = {w: len(tokenizer.encode(w, add_special_tokens=False)) for w in corpus.vocabulary()}
    assert {word for word, count in counts.items() if count != 1} == set()


def test_fast_encoder_agrees_with_the_tokenizer(tokenizer):
    encode = word_encoder(tokenizer)
    for sentence in corpus.sentences(seed=9, count=200):
        assert encode(sentence) == tokenizer.encode(sentence, add_special_tokens=False)


def test_bytes_follow_the_special_token(tokenizer):
    assert tokenizer.bos_token_id == tokenizer.eos_token_id == 0
    assert all(len(token) == 1 for token in tokenizer.convert_ids_to_tokens(range(1, 257)))


def test_shipped_tokenizer_is_the_one_that_the_corpus_gives(pocket):
    assert pocket.tokenizer.get_vocab() == train_tokenizer().get_vocab()


@pytest.mark.parametrize("word", ["Mary", "John", *NAMES[-3:], *PLACES[:2], *OBJECTS[:3]])
def test_word_is_one_token(pocket, word):
    assert pocket.to_tokens(f" {word}", prepend_bos=False).shape == (1, 1)


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_any_text_round_trips(pocket, text):
    ids = pocket.tokenizer.encode(text, add_special_tokens=False)
    # `<|endoftext|>` itself is the one text that is read as a single, special token.
    assert pocket.tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
