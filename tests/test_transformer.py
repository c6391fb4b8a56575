"""The model from scratch is the same function as Hugging Face's, and as the course's models."""

import dataclasses
import json
import shutil

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from mi_course import gpt2_files, hooks, models
from mi_course import transformer as ours

CFG = ours.Config(
    n_layers=2, n_heads=3, d_model=10, d_head=4, d_mlp=14, d_vocab=17, n_ctx=9, eps=0.1
)


@pytest.fixture(scope="module")
def tiny_tokens():
    return torch.randint(0, 300, (2, 7), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def random_model():
    model = ours.Transformer(CFG)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator))
    return model.eval()


def logits_of(folder, tokens, dtype):
    with torch.no_grad():
        return gpt2_files.load(folder).to(dtype)(tokens)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_logits_equal_hugging_faces_on_a_random_model(tiny_folder, tiny_tokens, dtype, tolerance):
    found = logits_of(tiny_folder, tiny_tokens, dtype)
    right = gpt2_files.reference_logits(tiny_folder, tiny_tokens, dtype)
    assert right.std() > 1  # the logits say something
    assert (found - right).abs().max() < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_logits_equal_hugging_faces_on_pocket(pocket, dtype, tolerance):
    tokens = pocket.to_tokens("When John and Mary went to the shops, John gave the bag to")
    found = logits_of(models.POCKET_DIR, tokens, dtype)
    right = gpt2_files.reference_logits(models.POCKET_DIR, tokens, dtype)
    assert (found - right).abs().max() < tolerance
    assert pocket.to_single_str_token(found[0, -1].argmax().item()) == " Mary"


@pytest.mark.slow
def test_logits_equal_hugging_faces_at_gpt2s_size(offline_hub):
    repo = "models--" + models.GPT2_REPO.replace("/", "--")
    folder = offline_hub / "hub" / repo / "snapshots" / models.GPT2_REVISION
    tokens = torch.randint(0, 50257, (2, 40), generator=torch.Generator().manual_seed(0))
    right = gpt2_files.reference_logits(folder, tokens)
    assert (logits_of(folder, tokens, torch.float32) - right).abs().max() < 1e-4
    assert gpt2_files.read_config(folder) == ours.Config(12, 12, 768, 64, 3072, 50257, 1024)


def test_log_probabilities_equal_those_of_the_folded_model(tiny, tiny_folder, tiny_tokens):
    folded = hooks.run_with_hooks(tiny, tiny_tokens, []).log_softmax(-1)
    found = logits_of(tiny_folder, tiny_tokens, torch.float32).log_softmax(-1)
    assert torch.allclose(found, folded, atol=1e-4)


def test_patterns_equal_those_of_the_bridge(tiny, tiny_folder, tiny_tokens):
    right = hooks.attention_patterns(tiny, tiny_tokens)
    model = gpt2_files.load(tiny_folder)
    for layer in range(2):
        q, k = ours.queries_and_keys(model, tiny_tokens, layer)
        assert torch.allclose(ours.attention_pattern(q, k), right[layer], atol=1e-5)


def test_future_tokens_leave_earlier_logits_alone(random_model):
    tokens = torch.arange(8)[None] % 17
    right = random_model(tokens)
    for changed in range(1, 8):
        other = tokens.clone()
        other[0, changed] = 16
        moved = (random_model(other) - right)[0].abs().amax(-1)
        assert moved[:changed].max() < 1e-5
        assert moved[changed:].min() > 1e-3


def test_prompts_do_not_affect_each_other(random_model):
    tokens = torch.randint(0, 17, (3, 5), generator=torch.Generator().manual_seed(1))
    alone = torch.cat([random_model(prompt[None]) for prompt in tokens])
    assert torch.allclose(random_model(tokens), alone, atol=1e-5)


def test_order_of_the_tokens_matters_through_positions_alone(random_model):
    tokens = torch.tensor([[3, 5, 7, 2], [5, 3, 7, 2]])
    last = random_model(tokens)[:, -1]
    assert not torch.allclose(last[0], last[1], atol=1e-2)
    without = ours.Transformer(CFG)
    without.load_state_dict(random_model.state_dict())
    torch.nn.init.zeros_(without.W_pos)
    # two layers could still tell an order by the causal mask; one cannot
    without.blocks = without.blocks[:1]
    last = without(tokens)[:, -1]
    assert torch.allclose(last[0], last[1], atol=1e-5)


def test_parts_equal_pytorchs_own():
    x = torch.randn(2, 5, 10, generator=torch.Generator().manual_seed(0))
    norm = ours.LayerNorm(CFG)
    with torch.no_grad():
        norm.w.uniform_(0.5, 2)
        norm.b.uniform_(-1, 1)
    assert torch.allclose(norm(x), F.layer_norm(x, (10,), norm.w, norm.b, CFG.eps), atol=1e-6)
    assert torch.allclose(ours.gelu(x), F.gelu(x, approximate="tanh"), atol=1e-6)
    q, k, v = torch.randn(3, 2, 5, 3, 4, generator=torch.Generator().manual_seed(1))
    found = ours.attention_pattern(q, k) @ v.transpose(1, 2)
    heads_first = (t.transpose(1, 2) for t in (q, k, v))
    right = F.scaled_dot_product_attention(*heads_first, is_causal=True)
    assert torch.allclose(found, right, atol=1e-5)


def test_b_K_changes_nothing(random_model):
    """It adds one number to all scores of a query, which the softmax takes away again."""
    tokens = torch.randint(0, 17, (2, 6), generator=torch.Generator().manual_seed(2))
    right = random_model(tokens)
    other = ours.Transformer(CFG)
    other.load_state_dict(random_model.state_dict())
    for block in other.blocks:
        torch.nn.init.zeros_(block.attn.b_K)
    assert torch.allclose(other(tokens), right, atol=1e-4)


def test_split_attention_weights_compute_what_the_fused_ones_do():
    generator = torch.Generator().manual_seed(0)
    fused, bias = torch.randn(12, 36, generator=generator), torch.randn(36, generator=generator)
    proj, x = torch.randn(12, 12, generator=generator), torch.randn(5, 12, generator=generator)
    found = ours.attention_weights(fused, bias, proj, n_heads=3)
    q, k, v = (x @ fused + bias).split(12, dim=1)
    for name, right in (("Q", q), ("K", k), ("V", v)):
        by_head = [x @ W + b for W, b in zip(found[f"W_{name}"], found[f"b_{name}"], strict=True)]
        assert torch.allclose(torch.cat(by_head, 1), right, atol=1e-5)
    z = v.split(4, dim=1)
    summed = sum(part @ W for part, W in zip(z, found["W_O"], strict=True))
    assert torch.allclose(summed, v @ proj, atol=1e-5)


def test_a_file_without_the_prefix_and_with_old_buffers_loads_alike(tmp_path, tiny_folder):
    """GPT-2's own file has no prefix, and holds the causal masks of an old version."""
    shutil.copy(tiny_folder / "config.json", tmp_path)
    raw = load_file(tiny_folder / "model.safetensors")
    bare = {name.removeprefix("transformer."): tensor for name, tensor in raw.items()}
    bare["h.0.attn.bias"] = torch.ones(1, 1, 32, 32).tril()
    save_file(bare, tmp_path / "model.safetensors")
    one, other = gpt2_files.load(tmp_path), gpt2_files.load(tiny_folder)
    for name, weight in other.state_dict().items():
        assert torch.equal(one.state_dict()[name], weight)


def test_a_learners_split_is_used(tiny_folder):
    cfg, raw = gpt2_files.read_config(tiny_folder), gpt2_files.read_raw(tiny_folder)
    found = gpt2_files.convert(raw, cfg, lambda *given: {"W_Q": torch.full((1,), given[3])})
    assert found["blocks.1.attn.W_Q"].item() == cfg.n_heads
    assert "blocks.1.attn.W_K" not in found


@pytest.mark.parametrize(
    ("key", "value"), [("activation_function", "relu"), ("tie_word_embeddings", False)]
)
def test_another_variant_of_gpt2_is_refused(tmp_path, tiny_folder, key, value):
    raw = json.loads((tiny_folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(raw | {key: value}))
    with pytest.raises(ValueError, match=f"{key} is .* in this model; only .* is supported"):
        gpt2_files.read_config(tmp_path)


def test_no_inner_width_means_four_times_the_stream(tmp_path, tiny_folder):
    raw = json.loads((tiny_folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(raw | {"n_inner": None}))
    right = dataclasses.replace(gpt2_files.read_config(tiny_folder), d_mlp=48)
    assert gpt2_files.read_config(tmp_path) == right


def test_parameters_are_counted_as_the_models_label_counts_them(pocket):
    model = gpt2_files.load(gpt2_files.folder(models.info(pocket).name))
    assert sum(p.numel() for p in model.parameters()) == models.info(pocket).n_params


def test_greedy_text_equals_hugging_faces(tiny_folder, tiny_tokens):
    from transformers import GPT2LMHeadModel

    reference = GPT2LMHeadModel.from_pretrained(tiny_folder).eval()
    right = reference.generate(
        tiny_tokens, attention_mask=torch.ones_like(tiny_tokens), max_new_tokens=10,
        do_sample=False, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    assert torch.equal(ours.generate(gpt2_files.load(tiny_folder), tiny_tokens, 10), right)


def test_text_grows_beyond_the_context(random_model):
    prompt = torch.tensor([[1, 2, 3]])
    text = ours.generate(random_model, prompt, 12)
    assert text.shape == (1, 15)
    window = text[:, -CFG.n_ctx - 1 : -1]
    assert random_model(window)[0, -1].argmax() == text[0, -1]


def test_draws_come_from_the_generator_and_follow_the_temperature(random_model):
    prompts = torch.tensor([[1, 2, 3]]).expand(3000, -1)

    def draw(seed, temperature):
        generator = torch.Generator().manual_seed(seed)
        return ours.generate(random_model, prompts, 1, temperature, generator)[:, -1]

    assert torch.equal(draw(0, 2.0), draw(0, 2.0))
    assert not torch.equal(draw(0, 2.0), draw(1, 2.0))
    probs = (random_model(prompts[:1])[0, -1] / 5.0).softmax(-1)
    shares = draw(0, 5.0).bincount(minlength=17) / 3000
    assert (shares - probs).abs().max() < 5 * (0.25 / 3000) ** 0.5


def test_model_of_another_architecture_is_refused_before_gpt2_is_asked_for(monkeypatch):
    monkeypatch.setattr(models, "fetch_gpt2", lambda: pytest.fail("it was asked for"))
    with pytest.raises(models.ModelLacksError, match="learned positions and LayerNorm, which"):
        gpt2_files.folder("smollm2")
