import pytest
import torch
from transformer_lens.model_bridge import TransformerBridge

from mi_course import attribution, copying, ioi


@pytest.fixture(scope="module")
def batch(pocket):
    return ioi.tokenize(pocket.tokenizer, ioi.prompts(40, seed=0))


@pytest.fixture(scope="module")
def tiny_batch():
    """Made by hand: the tiny model's tokenizer knows bytes only."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(1, 257, (5, 9), generator=generator)
    tokens[:, 6] = tokens[:, 2]
    at = {"io_pos": 4, "s1_pos": 2, "s2_pos": 6}
    positions = {name: torch.full((5,), pos) for name, pos in at.items()}
    end = torch.tensor([8, 7, 8, 7, 8])
    return ioi.Batch(tokens=tokens, io=tokens[:, 4], s=tokens[:, 2], end=end, **positions)


def test_parts_add_up_to_the_logit_difference_of_a_random_model(tiny, tiny_batch):
    effects = attribution.direct_effects(tiny, tiny_batch)
    assert effects.heads.shape == (5, 2, 3)
    difference = ioi.logit_diff(tiny(tiny_batch.tokens), tiny_batch)
    torch.testing.assert_close(effects.total, difference, atol=1e-4, rtol=1e-4)


def test_parts_add_up_to_the_logit_difference_of_pocket(pocket, batch):
    effects = attribution.direct_effects(pocket, batch)
    difference = ioi.logit_diff(pocket(batch.tokens), batch)
    torch.testing.assert_close(effects.total, difference, atol=1e-3, rtol=1e-4)
    assert effects.unembed_bias.abs().max() > 0


def test_head_outputs_and_biases_are_the_attention_output(tiny, tiny_batch):
    outputs = attribution.head_outputs(tiny, tiny_batch.tokens, tiny_batch.end)
    _, cache = tiny.run_with_cache(tiny_batch.tokens)
    rows = torch.arange(5)
    for layer in range(2):
        written = cache[f"blocks.{layer}.hook_attn_out"][rows, tiny_batch.end]
        summed = outputs[:, layer].sum(1) + tiny.b_O[layer]
        torch.testing.assert_close(summed, written, atol=1e-4, rtol=1e-4)


def test_top_share_is_of_the_whole_difference():
    heads = torch.tensor([[[3.0, 1.0], [-2.0, 2.0]], [[5.0, 1.0], [-2.0, 2.0]]])
    two = torch.tensor([1.0, 1.0])
    effects = attribution.Effects(heads=heads, mlps=torch.zeros(2, 2), rest=two, unembed_bias=two)
    assert effects.total.tolist() == [6.0, 8.0]
    assert effects.top_share(2) == pytest.approx(6 / 7)


def test_end_attention_is_the_pattern_from_end_to_each_name(tiny, tiny_batch):
    attention = attribution.end_attention(tiny, tiny_batch)
    _, cache = tiny.run_with_cache(tiny_batch.tokens)
    for i in range(5):
        row = cache["blocks.1.attn.hook_pattern"][i, 2, tiny_batch.end[i]]
        assert attention.io[i, 1, 2] == row[4]
        assert attention.s1[i, 1, 2] == row[2]
        assert attention.s2[i, 1, 2] == row[6]


def test_projection_is_the_output_times_the_unembedding(tiny, tiny_batch):
    projections = attribution.name_projections(tiny, tiny_batch)
    outputs = attribution.head_outputs(tiny, tiny_batch.tokens, tiny_batch.end)
    for i in range(5):
        by_hand = outputs[i, 1, 2] @ tiny.W_U[:, tiny_batch.io[i]]
        torch.testing.assert_close(projections.io[i, 1, 2], by_hand)


def test_effect_of_a_head_is_its_projections_difference_over_the_final_scale(tiny, tiny_batch):
    projections = attribution.name_projections(tiny, tiny_batch)
    _, cache = tiny.run_with_cache(tiny_batch.tokens)
    scale = cache["ln_final.hook_scale"][torch.arange(5), tiny_batch.end]
    expected = (projections.io - projections.s) / scale[:, :, None]
    effects = attribution.direct_effects(tiny, tiny_batch)
    torch.testing.assert_close(effects.heads, expected, atol=1e-5, rtol=1e-4)


def test_logit_lens_ends_with_the_logit_difference_and_grows_by_the_layers(tiny, tiny_batch):
    lens = attribution.logit_diff_by_stage(tiny, tiny_batch, batch_size=2)
    assert attribution.stage_labels(tiny) == ["0_pre", "0_mid", "1_pre", "1_mid", "final_post"]
    difference = ioi.logit_diff(tiny(tiny_batch.tokens), tiny_batch)
    torch.testing.assert_close(lens[:, -1], difference, atol=1e-4, rtol=1e-4)
    effects = attribution.layer_effects(tiny, tiny_batch)
    steps = lens[:, 1:] - lens[:, :-1]
    torch.testing.assert_close(steps[:, 0::2], effects.attention, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(steps[:, 1::2], effects.mlps, atol=1e-4, rtol=1e-4)


def test_few_prompts_at_a_time_give_the_same(tiny, tiny_batch):
    for measure in (attribution.direct_effects, attribution.end_attention):
        whole, streamed = measure(tiny, tiny_batch), measure(tiny, tiny_batch, batch_size=2)
        for name, value in vars(whole).items():
            torch.testing.assert_close(getattr(streamed, name), value, atol=1e-5, rtol=1e-5)
    whole = copying.copy_scores(tiny, tiny_batch, top=100)
    assert torch.allclose(copying.copy_scores(tiny, tiny_batch, top=100, batch_size=2), whole)


def test_other_positions_than_end(tiny, tiny_batch):
    at = tiny_batch.s2_pos
    attention = attribution.end_attention(tiny, tiny_batch, at)
    _, cache = tiny.run_with_cache(tiny_batch.tokens)
    expected = cache["blocks.1.attn.hook_pattern"][3, 2, at[3], tiny_batch.s1_pos[3]]
    assert attention.s1[3, 1, 2] == pytest.approx(expected.item())
    z = cache["blocks.1.attn.hook_z"][3, at[3], 2]
    expected = z @ tiny.W_O[1, 2] @ tiny.W_U[:, tiny_batch.io[3]]
    found = attribution.name_projections(tiny, tiny_batch, at).io[3, 1, 2]
    assert found.item() == pytest.approx(expected.item(), abs=1e-4)


def test_correlation_is_one_where_a_head_copies_what_it_attends_to():
    io, s1, s2 = torch.rand(3, 6, 1, 1, generator=torch.Generator().manual_seed(0))
    attention = attribution.EndAttention(io=io, s1=s1, s2=s2)
    copies = attribution.Projections(io=3 * io, s=3 * (s1 + s2))
    suppresses = attribution.Projections(io=-io, s=-(s1 + s2))
    correlation = attribution.attention_projection_correlation
    assert correlation(attention, copies, 0, 0) == pytest.approx(1)
    assert correlation(attention, suppresses, 0, 0) == pytest.approx(-1)


@pytest.mark.parametrize(
    "measure",
    [
        attribution.direct_effects,
        attribution.layer_effects,
        attribution.logit_diff_by_stage,
        attribution.name_projections,
        copying.copy_scores,
    ],
)
def test_each_measure_takes_one_forward_pass(tiny, tiny_batch, measure):
    passes = []
    counting = tiny.blocks[0].register_forward_pre_hook(lambda *_: passes.append(1))
    try:
        measure(tiny, tiny_batch)
    finally:
        counting.remove()
    assert len(passes) == 1


@pytest.mark.parametrize("switched_on", [False, True])
def test_without_folded_weights_effects_are_refused(tiny_folder, tiny_batch, switched_on):
    """Also where the flag is set: `no_processing` sets it and folds nothing."""
    model = TransformerBridge.boot_transformers(str(tiny_folder), device="cpu")
    if switched_on:
        model.enable_compatibility_mode(no_processing=True)
    for measure in (
        attribution.direct_effects, attribution.layer_effects, attribution.logit_diff_by_stage,
        attribution.name_projections, copying.copy_scores,
    ):  # fmt: skip
        with pytest.raises(ValueError, match="needs compatibility mode"):
            measure(model, tiny_batch)


@pytest.mark.parametrize(
    ("old", "new"), [("logit_lens", "logit_diff_by_stage"), ("lens_labels", "stage_labels")]
)
def test_names_of_version_0_1_lead_to_those_of_today(old, new):
    with pytest.warns(FutureWarning, match=f"{old} is called mi_course.attribution.{new} now"):
        assert getattr(attribution, old) is getattr(attribution, new)


def test_parts_add_up_to_the_logit_difference_of_a_random_llama(tiny_llama, tiny_batch):
    """No learned positions, no biases, an RMSNorm at the end."""
    effects = attribution.direct_effects(tiny_llama, tiny_batch)
    assert effects.heads.shape == (5, 3, 6)
    difference = ioi.logit_diff(tiny_llama(tiny_batch.tokens), tiny_batch)
    torch.testing.assert_close(effects.total, difference, atol=1e-4, rtol=1e-4)
    stages = attribution.logit_diff_by_stage(tiny_llama, tiny_batch)
    torch.testing.assert_close(stages[:, -1], difference, atol=1e-4, rtol=1e-4)
    layers = attribution.layer_effects(tiny_llama, tiny_batch)
    written = (layers.attention + layers.mlps).sum(1)
    torch.testing.assert_close(written + effects.rest, difference, atol=1e-4, rtol=1e-4)
    outputs = attribution.head_outputs(tiny_llama, tiny_batch.tokens, tiny_batch.end)
    _, cache = tiny_llama.run_with_cache(tiny_batch.tokens)
    for layer in range(3):
        expected = cache[f"blocks.{layer}.hook_attn_out"][torch.arange(5), tiny_batch.end]
        torch.testing.assert_close(outputs[:, layer].sum(1), expected, atol=1e-4, rtol=1e-4)
