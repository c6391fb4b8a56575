"""Answers to the exercises of the chapter from GPT-2 to Llama, written from their text alone."""

import math

import einops
import torch
import torch.nn.functional as F

from mi_course.transformer import attention_pattern


# --- rms_norm
def rms_by_functional(x, weight, eps):
    return F.rms_norm(x, weight.shape, weight, eps)


def rms_by_length(x, weight, eps):
    d = x.shape[-1]
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return weight * x / torch.sqrt(length**2 / d + eps)


def rms_by_einsum(x, weight, eps):
    squares = torch.einsum("...i,...i->...", x, x) / x.size(-1)
    return torch.einsum("...i,...,i->...i", x, (squares + eps).pow(-0.5), weight)


def rms_is_layer_norm(x, weight, eps):
    return F.layer_norm(x, weight.shape, weight, None, eps)


def rms_eps_outside(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True).sqrt() + eps) * weight


def rms_no_root(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps) * weight


def rms_sum(x, weight, eps):
    return x / (x.square().sum(-1, keepdim=True) + eps).sqrt() * weight


def rms_no_weight(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt()


def rms_std(x, weight, eps):
    return x / (x.var(-1, keepdim=True, correction=0) + eps).sqrt() * weight


def rms_over_everything(x, weight, eps):
    return x / (x.square().mean() + eps).sqrt() * weight


def rms_divided_by_weight(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() / weight


def rms_of_weighted(x, weight, eps):
    y = x * weight
    return y / (y.square().mean(-1, keepdim=True) + eps).sqrt()


# --- rotate
def rot_complex(x, positions, theta):
    half = x.shape[-1] // 2
    speeds = theta ** (-torch.arange(half) / half)
    turn = torch.polar(torch.ones(()), positions[:, None] * speeds)[:, None]
    turned = torch.complex(x[..., :half], x[..., half:]) * turn
    return torch.cat([turned.real, turned.imag], -1)


def rot_rotate_half(x, positions, theta):
    d = x.shape[-1]
    inverse = 1.0 / (theta ** (torch.arange(0, d, 2).float() / d))
    angles = torch.outer(positions.float(), inverse)
    angles = torch.cat([angles, angles], dim=-1)[None, :, None, :]
    a, b = x[..., : d // 2], x[..., d // 2 :]
    return x * angles.cos() + torch.cat([-b, a], -1) * angles.sin()


def rot_by_matrices(x, positions, theta):
    return _by_matrices(x, positions, theta, torch.zeros(len(positions), x.shape[-1], x.shape[-1]))


def rot_by_matrices_of_its_type(x, positions, theta):
    return _by_matrices(x, positions, theta, x.new_zeros(len(positions), *x.shape[-1:] * 2))


def _by_matrices(x, positions, theta, matrices):
    d = x.shape[-1]
    for p, position in enumerate(positions.tolist()):
        for i in range(d // 2):
            angle = position * theta ** (-2 * i / d)
            j = i + d // 2
            matrices[p, i, i] = matrices[p, j, j] = math.cos(angle)
            matrices[p, i, j], matrices[p, j, i] = -math.sin(angle), math.sin(angle)
    return torch.einsum("pij,bphj->bphi", matrices, x)


def _angles(positions, theta, d):
    return positions[:, None, None] * theta ** (-torch.arange(0, d, 2) / d)


def _turn(x, angles):
    a, b = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def rot_adjacent_pairs(x, positions, theta):
    angles = _angles(positions, theta, x.shape[-1])
    a, b = x[..., ::2], x[..., 1::2]
    first, second = a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()
    return torch.stack([first, second], -1).flatten(-2)


def rot_backwards(x, positions, theta):
    return _turn(x, -_angles(positions, theta, x.shape[-1]))


def rot_ignores_positions(x, positions, theta):
    return _turn(x, _angles(torch.arange(x.shape[1]), theta, x.shape[-1]))


def rot_one_speed(x, positions, theta):
    return _turn(x, positions[:, None, None] / torch.ones(x.shape[-1] // 2))


def rot_exponent_halved(x, positions, theta):
    d = x.shape[-1]
    return _turn(x, positions[:, None, None] * theta ** (-torch.arange(d // 2) / d))


def rot_fixed_theta(x, positions, theta):
    return _turn(x, _angles(positions, 10000.0, x.shape[-1]))


def rot_both_minus(x, positions, theta):
    a, b = x.chunk(2, -1)
    angles = _angles(positions, theta, x.shape[-1])
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos - a * sin], -1)


def rot_overwrites_first(x, positions, theta):
    a, b = x.chunk(2, -1)
    angles = _angles(positions, theta, x.shape[-1])
    a = a * angles.cos() - b * angles.sin()
    b = b * angles.cos() + a * angles.sin()
    return torch.cat([a, b], -1)


def rot_along_heads(x, positions, theta):
    """The angles without an axis for the heads: they are broadcast along the wrong one."""
    angles = positions[:, None] * theta ** (-torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    return _turn(x, angles)


# --- gated_mlp
def gate_by_sigmoid(x, W_gate, W_up, W_down):
    gate = torch.matmul(x, W_gate)
    return torch.einsum("...n,nm->...m", gate * torch.sigmoid(gate) * (x @ W_up), W_down)


def gate_by_linear(x, W_gate, W_up, W_down):
    return F.linear(F.silu(F.linear(x, W_gate.mT)) * F.linear(x, W_up.mT), W_down.mT)


def gate_in_one_product(x, W_gate, W_up, W_down):
    gate, up = (x @ torch.cat([W_gate, W_up], dim=1)).chunk(2, dim=-1)
    return (gate / (1 + torch.exp(-gate)) * up) @ W_down


def gate_gelu(x, W_gate, W_up, W_down):
    return (F.gelu(x @ W_gate) * (x @ W_up)) @ W_down


def gate_sigmoid_only(x, W_gate, W_up, W_down):
    return (torch.sigmoid(x @ W_gate) * (x @ W_up)) @ W_down


def gate_wrong_branch(x, W_gate, W_up, W_down):
    return ((x @ W_gate) * F.silu(x @ W_up)) @ W_down


def gate_added(x, W_gate, W_up, W_down):
    return (F.silu(x @ W_gate) + x @ W_up) @ W_down


def gate_without_up(x, W_gate, W_up, W_down):
    return F.silu(x @ W_gate) @ W_down


def gate_no_activation(x, W_gate, W_up, W_down):
    return ((x @ W_gate) * (x @ W_up)) @ W_down


def gate_after_product(x, W_gate, W_up, W_down):
    return F.silu((x @ W_gate) * (x @ W_up)) @ W_down


# --- grouped_attention
def _mix(q, k, v):
    return einops.einsum(attention_pattern(q, k), v, "b h i j, b j h d -> b i h d")


def _times(q, k):
    return q.shape[2] // k.shape[2]


def ga_by_torch(q, k, v):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True).transpose(1, 2)


def ga_by_axis(q, k, v):
    grouped = einops.rearrange(q, "b p (g n) d -> b p g n d", g=k.shape[2])
    scores = einops.einsum(grouped, k, "b i g n d, b j g d -> b g n i j") / q.shape[-1] ** 0.5
    future = torch.ones(q.shape[1], q.shape[1]).triu(1).bool()
    pattern = scores.masked_fill(future, -math.inf).softmax(-1)
    z = einops.einsum(pattern, v, "b g n i j, b j g d -> b i g n d")
    return einops.rearrange(z, "b p g n d -> b p (g n) d")


def ga_head_by_head(q, k, v):
    heads = []
    for head in range(q.shape[2]):
        group = head // _times(q, k)
        one = slice(group, group + 1)
        heads.append(_mix(q[:, :, head : head + 1], k[:, :, one], v[:, :, one]))
    return torch.cat(heads, dim=2)


def ga_by_index(q, k, v):
    group = torch.arange(q.shape[2]) * k.shape[2] // q.shape[2]
    return _mix(q, k[:, :, group], v[:, :, group])


def ga_tiled(q, k, v):
    n = _times(q, k)
    return _mix(q, k.repeat(1, 1, n, 1), v.repeat(1, 1, n, 1))


def ga_values_tiled(q, k, v):
    n = _times(q, k)
    return _mix(q, k.repeat_interleave(n, 2), v.repeat(1, 1, n, 1))


def ga_no_mask(q, k, v):
    n = _times(q, k)
    k, v = k.repeat_interleave(n, 2), v.repeat_interleave(n, 2)
    scores = einops.einsum(q, k, "b i h d, b j h d -> b h i j") / math.sqrt(q.shape[-1])
    return einops.einsum(scores.softmax(-1), v, "b h i j, b j h d -> b i h d")


def ga_no_scale(q, k, v):
    n = _times(q, k)
    k, v = k.repeat_interleave(n, 2), v.repeat_interleave(n, 2)
    return _mix(q * math.sqrt(q.shape[-1]), k, v)


def ga_first_group(q, k, v):
    return _mix(q, k[:, :, :1].expand_as(q), v[:, :, :1].expand_as(q))


def ga_not_repeated(q, k, v):
    return _mix(q, k, v)


def ga_repeats_positions(q, k, v):
    n = _times(q, k)
    return _mix(q, k.repeat_interleave(n, 1), v.repeat_interleave(n, 1))


def ga_fixed_three(q, k, v):
    return _mix(q, k.repeat_interleave(3, 2), v.repeat_interleave(3, 2))


def ga_keys_as_values(q, k, v):
    n = _times(q, k)
    k = k.repeat_interleave(n, 2)
    return _mix(q, k, k)


# --- tries of one who walked the chapter from its first cell to its last
def rn_norm(x, weight, eps):
    return x / (x.norm(dim=-1, keepdim=True) + eps) * weight


def ro_right(x, positions, theta):
    d = x.shape[-1]
    ang = positions[:, None, None] * theta ** (-torch.arange(0, d, 2) / d)
    a, b = x.chunk(2, -1)
    z = torch.complex(a, b) * torch.polar(torch.ones_like(ang), ang)
    return torch.cat([z.real, z.imag], -1)


def _pat(q, k):
    n = q.shape[1]
    s = torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
    return s.masked_fill(~torch.ones(n, n).tril().bool(), -math.inf).softmax(-1)


def ga_two(q, k, v):
    return torch.einsum(
        "bhqk,bkhd->bqhd", _pat(q, k.repeat_interleave(2, 2)), v.repeat_interleave(2, 2)
    )


WRONG = {
    "rms_norm": [
        (rn_norm, "the length of the vector, plus epsilon"),
        (rms_divided_by_weight, "this divides by weight"),
        (rms_of_weighted, "weight is multiplied before the root"),
        (rms_is_layer_norm, "the mean is subtracted"),
        (rms_eps_outside, "epsilon stands outside the square root"),
        (rms_no_root, "square root"),
        (rms_sum, "the squares are added up"),
        (rms_no_weight, "weight is missing"),
        (rms_std, "standard deviation"),
        (rms_over_everything, "each position has its own"),
    ],
    "rotate": [
        (rot_adjacent_pairs, "neighbours"),
        (rot_backwards, "backwards"),
        (rot_ignores_positions, "positions"),
        (rot_one_speed, "one speed"),
        (rot_exponent_halved, "exponent"),
        (rot_fixed_theta, "theta"),
        (rot_both_minus, "sign"),
        (rot_overwrites_first, "changed already"),
        (rot_along_heads, "heads"),
        (rot_by_matrices, "right with numbers of 32 bits"),
    ],
    "gated_mlp": [
        (gate_gelu, "GELU"),
        (gate_sigmoid_only, "sigmoid"),
        (gate_wrong_branch, "W_up"),
        (gate_added, "multiply"),
        (gate_without_up, "W_up"),
        (gate_no_activation, "SiLU is missing"),
        (gate_after_product, "before"),
    ],
    "grouped_attention": [
        (ga_two, "k and v have n_groups = 2 heads"),
        (ga_tiled, "neighbouring heads"),
        (ga_values_tiled, "values"),
        (ga_no_mask, "mask"),
        (ga_no_scale, "square root of d_head"),
        (ga_first_group, "first group"),
        (ga_not_repeated, "n_groups"),
        (ga_repeats_positions, "positions"),
        (ga_fixed_three, "n_heads"),
        (ga_keys_as_values, "values"),
    ],
}


RIGHT = {
    "rms_norm": [rms_by_functional, rms_by_length, rms_by_einsum],
    "rotate": [ro_right, rot_complex, rot_rotate_half, rot_by_matrices_of_its_type],
    "gated_mlp": [gate_by_sigmoid, gate_by_linear, gate_in_one_product],
    "grouped_attention": [ga_by_torch, ga_by_axis, ga_head_by_head, ga_by_index],
}
