"""The tokenizer of `pocket`: byte-level BPE, as GPT-2's, trained on the course's own corpus."""

from __future__ import annotations

from collections.abc import Callable

from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from mi_course.english import corpus

BOS = "<|endoftext|>"


def train_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE trained on the corpus, until each of its words is one token.

    Id 0 is BOS and ids 1 to 256 are the bytes, so any text can be written and read back.
    """
    bpe = Tokenizer(BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=10_000,  # not reached: merging ends when every word is whole
        min_frequency=1,
        special_tokens=[BOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    text = [*corpus.vocabulary(), *corpus.sentences(seed=0, count=20_000)]
    bpe.train_from_iterator(text, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=BOS, eos_token=BOS, unk_token=BOS, pad_token=BOS
    )


def word_encoder(tokenizer: PreTrainedTokenizerFast) -> Callable[[str], list[int]]:
    """A fast `encode` for the corpus' own sentences, whose every pretoken is one token."""
    ids = {w: tokenizer.encode(w, add_special_tokens=False)[0] for w in corpus.vocabulary()}
    return lambda text: [ids[word] for word in corpus.pretokens(text)]
