"""What the course does on `smollm2` itself; one file, so that the model is loaded once."""

import subprocess
import sys

import pytest
import torch

from mi_course import hooks, induction, ioi, ioi_data, models
from mi_course.models import registry

SIZES = {"n_layers": 30, "n_heads": 9, "n_key_value_heads": 3, "d_model": 576, "d_mlp": 1536}
TEXT = "When Mary and John went to the store, John gave a drink to"


def test_label_says_what_it_is(smollm2):
    found = models.info(smollm2)
    assert str(found) == (
        "smollm2 (SmolLM2-135M-Instruct, quantised to 4 bits, dequantised to float32): "
        "134,515,008 parameters, weights b179c9523d0e"
    )
    assert found.revision == registry.SMOLLM2.revision
    assert {name: getattr(smollm2.cfg, name) for name in SIZES} == SIZES


def test_it_knows_english(smollm2):
    tokens = smollm2.to_tokens(TEXT)
    assert tokens[0, 0] == smollm2.tokenizer.bos_token_id == 1
    with torch.no_grad():
        found = smollm2(tokens)[0, -1].softmax(-1)
    assert found.argmax() == hooks.single_token(smollm2, " Mary")
    assert found.max() == pytest.approx(0.836, abs=0.005)


def test_tokens_are_texts_and_back(smollm2):
    text = "In 2024, a café said: it's 3.5  km\n\tto <|im_end|>"
    ids = smollm2.tokenizer.encode(text, add_special_tokens=False)
    assert smollm2.tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
    pieces = [smollm2.tokenizer.decode([i]) for i in ids]
    assert pieces[1:6] == [" ", "2", "0", "2", "4"]  # every digit alone
    assert ids[-1] == smollm2.tokenizer.eos_token_id == 2


def test_it_counts_as_folded_and_is_not_once_rounded(smollm2):
    hooks.require_compatibility(smollm2)


def test_random_ids_hold_words_and_no_special_token(smollm2):
    low, high = induction.random_ids(smollm2)
    assert not set(range(low, high)) & set(smollm2.tokenizer.all_special_ids)
    assert not {i for i in smollm2.tokenizer.added_tokens_decoder if low <= i < high}
    in_bytes = smollm2.tokenizer.convert_ids_to_tokens(list(range(low, high)))
    assert min(map(len, in_bytes)) > 1  # none is a byte


def test_prompts_have_names_of_one_token_and_one_length(smollm2):
    names = ioi.one_token_names(smollm2.tokenizer)
    assert "Mary" in names
    assert not {"Brandon", "Kyle", "Connor"} & set(names)
    prompts = ioi.prompts(200, seed=0, templates=[ioi.P8_FORM], tokenizer=smollm2.tokenizer)
    assert ioi.tokenize(smollm2.tokenizer, prompts).tokens.shape == (200, 15)
    data = ioi_data.dataset(smollm2.tokenizer, 120, seed=0)
    for kind in range(len(data.templates)):
        assert len(set(data.clean.end[data.template == kind].tolist())) == 1


@pytest.mark.slow
def test_weights_are_those_that_transformers_reads(smollm2):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = models.smollm2.find()
    where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    theirs = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    ours, tokenizer = models.smollm2.read(path)
    other = ours.state_dict()
    for name, weight in theirs.state_dict().items():
        assert torch.equal(weight, other[name]), name
    rope = theirs.model.rotary_emb.inv_freq
    assert torch.equal(rope, ours.model.rotary_emb.inv_freq)
    known = AutoTokenizer.from_pretrained(**where)
    assert tokenizer.encode(TEXT, add_special_tokens=False) == known.encode(TEXT)
    tokens = smollm2.to_tokens(TEXT)
    with torch.no_grad():
        expected = theirs(tokens).logits.log_softmax(-1)
        for found in (smollm2, models.load_bare(smollm2)):
            found = found(tokens).log_softmax(-1)
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_loading_takes_little_memory():
    code = (
        "import resource; from mi_course import models; models.load('smollm2')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout.split()[-1]) * unit < 2.2e9
