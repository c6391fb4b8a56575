"""The four parts of a Llama, against Hugging Face's, the folded ones, and what must hold."""

from types import SimpleNamespace

import pytest
import torch
from transformers import LlamaConfig
from transformers.models.llama import modeling_llama as theirs

from mi_course.folded import llama_parts as ours
from mi_course.folded.llama import FoldedLlama

HEADS, GROUPS, D_HEAD, WIDTH, THETA = 6, 2, 8, 36, 500.0
CONFIG = LlamaConfig(
    num_attention_heads=HEADS,
    num_key_value_heads=GROUPS,
    head_dim=D_HEAD,
    hidden_size=WIDTH,
    intermediate_size=20,
    rope_parameters={"rope_type": "default", "rope_theta": THETA},
    attn_implementation="eager",
)
POSITIONS = torch.tensor([4, 0, 9, 2, 7])


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_rms_norm_is_hugging_face_s():
    norm, x = theirs.LlamaRMSNorm(WIDTH, eps=0.1), drawn(2, 5, WIDTH)
    weight = drawn(WIDTH, seed=1)
    norm.weight = torch.nn.Parameter(weight)
    torch.testing.assert_close(ours.rms_norm(x, weight, 0.1), norm(x).detach())


def test_the_length_of_a_vector_is_lost_and_its_mean_is_not():
    x, ones = drawn(1, 3, 16), torch.ones(16)
    torch.testing.assert_close(ours.rms_norm(10 * x, ones, 0.0), ours.rms_norm(x, ones, 0.0))
    assert (ours.rms_norm(x + 3, ones, 0.0) - ours.rms_norm(x, ones, 0.0)).abs().max() > 1


def test_rotate_is_hugging_face_s():
    x = drawn(2, 5, HEADS, D_HEAD)
    cos, sin = theirs.LlamaRotaryEmbedding(CONFIG)(x, POSITIONS[None])
    by_head = x.transpose(1, 2)
    expected, _ = theirs.apply_rotary_pos_emb(by_head, by_head, cos, sin)
    torch.testing.assert_close(ours.rotate(x, POSITIONS, THETA), expected.transpose(1, 2))


def test_rotate_is_that_of_the_folded_model():
    x = drawn(2, 5, HEADS, D_HEAD)
    speeds = THETA ** (-torch.arange(0, D_HEAD, 2) / D_HEAD)
    folded = FoldedLlama._rotate(SimpleNamespace(speeds=speeds), x.transpose(1, 2), POSITIONS)
    torch.testing.assert_close(ours.rotate(x, POSITIONS, THETA), folded.transpose(1, 2))


def test_scores_depend_on_the_distance_alone():
    q, k = drawn(2, 1, 5, 1, D_HEAD).double()

    def scores(shift):
        a, b = (ours.rotate(x, POSITIONS + shift, THETA)[0, :, 0] for x in (q, k))
        return a @ b.T

    torch.testing.assert_close(scores(1000), scores(0), atol=1e-3, rtol=0)
    assert (scores(0) - q[0, :, 0] @ k[0, :, 0].T).abs().max() > 1  # and they do depend on it


def test_gated_mlp_is_hugging_face_s():
    mlp, x = theirs.LlamaMLP(CONFIG), drawn(2, 5, WIDTH)
    weights = (mlp.gate_proj.weight.T, mlp.up_proj.weight.T, mlp.down_proj.weight.T)
    torch.testing.assert_close(ours.gated_mlp(x, *weights), mlp(x))


def test_a_whole_attention_of_these_parts_is_hugging_face_s():
    layer = theirs.LlamaAttention(CONFIG, layer_idx=0).eval()
    x, at = drawn(2, 5, WIDTH), torch.arange(5)
    cos_sin = theirs.LlamaRotaryEmbedding(CONFIG)(x, at[None])
    mask = torch.full((5, 5), -torch.inf).triu(1)[None, None]
    expected, _ = layer(x, position_embeddings=cos_sin, attention_mask=mask)
    q, k, v = (
        getattr(layer, f"{name}_proj")(x).unflatten(-1, (-1, D_HEAD)) for name in ("q", "k", "v")
    )
    q, k = (ours.rotate(u, at, THETA) for u in (q, k))
    z = ours.grouped_attention(q, k, v)
    torch.testing.assert_close(layer.o_proj(z.flatten(2)), expected)


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_equal_queries_of_one_group_have_equal_results_and_those_of_another_have_not(heads):
    q = drawn(1, 4, 1, D_HEAD).expand(1, 4, 2 * heads, D_HEAD)
    k, v = drawn(2, 1, 4, 2, D_HEAD, seed=1)
    z = ours.grouped_attention(q, k, v)
    torch.testing.assert_close(z[:, :, :heads], z[:, :, :1].expand(-1, -1, heads, -1))
    assert not torch.allclose(z[:, :, 0], z[:, :, heads])
