"""What the course does on `smollm2` itself; one file, so that the model is loaded once."""

import math
import re
import subprocess
import sys

import pytest
import torch

from mi_course import (
    ablation,
    attribution,
    hooks,
    induction,
    ioi,
    ioi_data,
    models,
    patching,
    path_patching,
)
from mi_course.benchmark import quality
from mi_course.models import registry
from mi_course.models.gguf_file import GGUFFile
from support import by_hand

SIZES = {"n_layers": 30, "n_heads": 9, "n_key_value_heads": 3, "d_model": 576, "d_mlp": 1536}
TEXT = "When Mary and John went to the store, John gave a drink to"


def test_label_says_what_it_is(smollm2):
    found = models.info(smollm2)
    assert str(found) == (
        "smollm2 (SmolLM2-135M-Instruct, quantised to 4 bits, dequantised to float32): "
        "134,515,008 parameters, weights b179c9523d0e"
    )
    assert found.revision == registry.SMOLLM2.revision
    stored = GGUFFile(models.smollm2.find()).tensors.values()
    assert sum(math.prod(tensor.shape) for tensor in stored) == found.n_params
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
    unembed = smollm2.unembed.original_component.weight
    before = unembed.data
    unembed.data = before.bfloat16().float()  # so long a row stays centred
    try:
        with pytest.raises(ValueError, match="weights were rounded to bfloat16"):
            hooks.require_compatibility(smollm2)
    finally:
        unembed.data = before


def test_padding_is_seen_as_in_gpt2(smollm2):
    tokens = smollm2.to_tokens(["John", "John gave Mary"])
    assert tokens[0, -1] == smollm2.tokenizer.bos_token_id
    with pytest.raises(ValueError, match="begins with padding"):
        smollm2(tokens.flip(1))
    many = tokens[[0, 1, 1, 1, 1]]
    with pytest.raises(ValueError, match="the mean would count it"):
        ablation.ablate_heads(smollm2, many, [(3, 1)])


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
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_loading_takes_little_memory():
    """Not by `resource`: what it tells of a new process is no less than its parent had."""
    code = "from mi_course import models; models.load('smollm2')"
    code += "; print(open('/proc/self/status').read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert int(peak) * 1024 < 1.5e9


@pytest.fixture(scope="module")
def data(smollm2):
    return ioi_data.dataset(smollm2.tokenizer, 2, seed=0, templates=[ioi.P8_FORM])


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def hooked(model, tokens, answers, hook_points):
    return ioi.logit_diff(hooks.run_with_hooks(model, tokens, hook_points), answers)


def test_paths_to_the_logits_are_those_of_frozen_passes(smollm2, data):
    pairs = data.clean.tokens, data.abc.tokens, data.clean.answers
    found = path_patching.to_logits(smollm2, *pairs)
    frozen = by_hand.frozen(smollm2, *pairs[:2])
    for layer, head in ((0, 3), (14, 8), (29, 7)):
        expected = hooked(smollm2, pairs[0], pairs[2], frozen[layer, head])
        close(found[:, layer, head], expected)
    assert found.std() > 0.01


def test_patches_of_groups_are_those_of_hooks(smollm2, data):
    base, source, answers = data.flipped.tokens, data.clean.tokens, data.clean.answers
    found = patching.heads(smollm2, base, source, answers, "v")
    assert found.shape == (2, 30, 3)
    for layer, group in ((2, 0), (20, 2)):
        name = f"blocks.{layer}.attn.hook_v"
        _, cache = hooks.run_with_cache(smollm2, source, [name])
        every = slice(None)
        value = by_hand.put(cache[name], every, every, group)
        close(found[:, layer, group], hooked(smollm2, base, answers, [(name, value)]))


@pytest.mark.slow
def test_other_interventions_are_those_of_hooks(smollm2, data):
    base, source, answers = data.flipped.tokens, data.clean.tokens, data.clean.answers
    every = slice(None)
    places = {
        "hook_resid_pre": patching.residual,
        "hook_attn_out": patching.attention_output,
        "hook_mlp_out": patching.mlp_output,
    }
    for point, measure in places.items():
        found = measure(smollm2, base, source, answers)
        name = f"blocks.11.{point}"
        _, cache = hooks.run_with_cache(smollm2, source, [name])
        for pos in (10, 14):
            value = by_hand.put(cache[name], every, pos)
            close(found[:, 11, pos], hooked(smollm2, base, answers, [(name, value)]))
    for what in ("z", "q", "k"):
        found = patching.heads(smollm2, base, source, answers, what)
        name = f"blocks.16.attn.hook_{what}"
        _, cache = hooks.run_with_cache(smollm2, source, [name])
        value = by_hand.put(cache[name], every, every, 1)
        close(found[:, 16, 1], hooked(smollm2, base, answers, [(name, value)]))
    z, mlp = by_hand.activations(smollm2, source)
    knocked = smollm2, base, answers, [(3, 4), (22, 7)], [0, 18]
    found = ablation.knock_out(*knocked, by=ablation.resample(source))
    close(found, by_hand.knocked_out(*knocked, z, mlp))


@pytest.mark.slow
@pytest.mark.parametrize("into", ["q", "k", "v"])
def test_paths_to_heads_are_those_of_two_passes(smollm2, data, into):
    orig, new, answers = data.clean.tokens, data.abc.tokens, data.clean.answers
    receivers = [(22, 1), (25, 2)]
    found = path_patching.to_heads(smollm2, orig, new, answers, receivers, into)
    frozen = by_hand.frozen(smollm2, orig, new)
    every = slice(None)
    points = [(f"blocks.{layer}.attn.hook_{into}", head) for layer, head in receivers]
    for sender in ((3, 0), (18, 5)):
        names = [name for name, _ in points]
        _, inputs = hooks.run_with_cache(smollm2, orig, names, frozen[sender])
        receive = [(name, by_hand.put(inputs[name], every, every, head)) for name, head in points]
        close(found[:, *sender], hooked(smollm2, orig, answers, receive))


def test_direct_effects_add_up(smollm2, data):
    effects = attribution.direct_effects(smollm2, data.clean)
    expected = ioi.model_logit_diff(smollm2, data.clean.tokens, data.clean.answers)
    torch.testing.assert_close(effects.total, expected, atol=1e-3, rtol=1e-4)


@pytest.mark.slow
def test_card_is_what_is_measured(smollm2):
    kept, found = quality.read("smollm2"), quality.measure(smollm2)
    assert found.sha256 == kept.sha256 == registry.SMOLLM2.sha256
    assert list(found.prefix_matching) == list(kept.prefix_matching)
    for ours, theirs in zip(found.ioi, kept.ioi, strict=True):
        assert (ours.form, ours.order, ours.prompts) == (theirs.form, theirs.order, theirs.prompts)
        assert ours.accuracy == pytest.approx(theirs.accuracy, abs=0.02)
        assert ours.logit_diff == pytest.approx(theirs.logit_diff, abs=1e-3)
    assert found.second_half == pytest.approx(kept.second_half, abs=1e-3)
