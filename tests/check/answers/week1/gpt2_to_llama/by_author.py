"""Answers of the check's author to the exercises of the chapter from GPT-2 to Llama.

Axes, epsilon, units of the angles, sizes that are written in, values that are cut off from their
weights, order of groups.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from mi_course.folded import llama_parts as ref

from .independent import _angles, _mix, _times, _turn


# --- rms_norm
def rms_position_by_position(x, weight, eps):
    rows = [
        row * weight / math.sqrt((row @ row).item() / len(row) + eps) for row in x.flatten(0, 1)
    ]
    return torch.stack(rows).reshape(x.shape)


def rms_of_own_mean(x, weight, eps):
    mean = x.mean(-1, keepdim=True)
    spread = (x - mean).square().mean(-1, keepdim=True)
    return x * weight / (spread + mean**2 + eps).sqrt()


def rms_in_place(x, weight, eps):
    x *= weight
    return x


def rms_eps_forgotten(x, weight, eps):
    return x * x.square().mean(-1, keepdim=True).rsqrt() * weight


def rms_eps_written_in(x, weight, eps):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * weight


def rms_of_sizes(x, weight, eps):
    return x / (x.abs().mean(-1, keepdim=True) + eps) * weight


def rms_along_positions(x, weight, eps):
    return x / (x.square().mean(1, keepdim=True) + eps).sqrt() * weight


def rms_one_plus_weight(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * (1 + weight)


def rms_detached(x, weight, eps):
    return x * torch.rsqrt(x.detach().square().mean(-1, keepdim=True) + eps) * weight


def rms_in_32_bits(x, weight, eps):
    return ref.rms_norm(x.float(), weight.float(), eps)


def rms_loses_an_axis(x, weight, eps):
    return ref.rms_norm(x, weight, eps).squeeze()


# --- rotate
def rot_cached(x, positions, theta):
    """A table for all positions that may come, from which rows are taken."""
    d = x.shape[-1]
    table = torch.outer(torch.arange(64.0), theta ** (-torch.arange(0.0, d, 2) / d))
    angles = table[positions].repeat(1, 2)[:, None]
    swapped = x.roll(d // 2, -1) * torch.tensor([-1.0] * (d // 2) + [1.0] * (d // 2))
    return x * angles.cos() + swapped * angles.sin()


def rot_pair_by_pair(x, positions, theta):
    d, out = x.shape[-1], torch.zeros_like(x)
    for i in range(d // 2):
        angle = (positions / theta ** (2 * i / d))[:, None]
        a, b = x[..., i], x[..., i + d // 2]
        out[..., i] = angle.cos() * a - angle.sin() * b
        out[..., i + d // 2] = angle.sin() * a + angle.cos() * b
    return out


def rot_neighbours_then_halves(x, positions, theta):
    a, b = x[..., ::2], x[..., 1::2]
    return _turn(torch.cat([a, b], -1), _angles(positions, theta, x.shape[-1]))


def rot_from_one(x, positions, theta):
    return _turn(x, _angles(positions + 1, theta, x.shape[-1]))


def rot_degrees(x, positions, theta):
    return _turn(x, torch.deg2rad(_angles(positions, theta, x.shape[-1])))


def rot_speed_up(x, positions, theta):
    return _turn(x, positions[:, None, None] * theta ** (torch.arange(0, x.shape[-1], 2) / 8))


def rot_doubles_exponent(x, positions, theta):
    d = x.shape[-1]
    return _turn(x, positions[:, None, None] * theta ** (-2 * torch.arange(0, d, 2) / d))


def rot_cosine_only(x, positions, theta):
    angles = _angles(positions, theta, x.shape[-1]).repeat(1, 1, 2)
    return x * angles.cos()


def rot_plain_swap(x, positions, theta):
    """`rotate_half` without its minus."""
    d = x.shape[-1]
    angles = _angles(positions, theta, d).repeat(1, 1, 2)
    return x * angles.cos() + x.roll(d // 2, -1) * angles.sin()


def rot_turns_and_shrinks(x, positions, theta):
    """A matrix of cosines and sines whose signs are right and whose place is not."""
    a, b = x.chunk(2, -1)
    cos, sin = (f(_angles(positions, theta, x.shape[-1])) for f in (torch.cos, torch.sin))
    return torch.cat([a * cos - b * sin * 0.5, b * cos + a * sin * 0.5], -1)


def rot_two_pairs_only(x, positions, theta):
    angles = positions[:, None, None] * torch.tensor([1.0, theta**-0.25, theta**-0.5, theta**-0.75])
    return _turn(x, angles)


def rot_complex_result(x, positions, theta):
    a, b = x.chunk(2, -1)
    return torch.polar(torch.ones(()), _angles(positions, theta, x.shape[-1])) * torch.complex(a, b)


# --- gated_mlp
def gate_neuron_by_neuron(x, W_gate, W_up, W_down):
    total = torch.zeros_like(x)
    for into_gate, up, down in zip(W_gate.T, W_up.T, W_down, strict=True):
        gate = x @ into_gate
        total = total + (gate * gate.sigmoid() * (x @ up))[..., None] * down
    return total


def gate_glu(x, W_gate, W_up, W_down):
    """PyTorch's own GLU gates with a sigmoid; times the gate it is SiLU."""
    gate = x @ W_gate
    return F.glu(torch.cat([gate * (x @ W_up), gate], -1), dim=-1) @ W_down


def gate_relu(x, W_gate, W_up, W_down):
    return (torch.relu(x @ W_gate) * (x @ W_up)) @ W_down


def gate_tanh_gelu(x, W_gate, W_up, W_down):
    return (F.gelu(x @ W_gate, approximate="tanh") * (x @ W_up)) @ W_down


def gate_both_silu(x, W_gate, W_up, W_down):
    return (F.silu(x @ W_gate) * F.silu(x @ W_up)) @ W_down


def gate_adds_x(x, W_gate, W_up, W_down):
    return x + (F.silu(x @ W_gate) * (x @ W_up)) @ W_down


def gate_uses_gate_twice(x, W_gate, W_up, W_down):
    gate = x @ W_gate
    return (F.silu(gate) * gate) @ W_down


def gate_no_down(x, W_gate, W_up, W_down):
    return F.silu(x @ W_gate) * (x @ W_up)


def gate_in_numpy(x, W_gate, W_up, W_down):
    gate = np.asarray(x @ W_gate)
    return (torch.from_numpy(gate / (1 + np.exp(-gate))) * (x @ W_up)) @ W_down


# --- grouped_attention
def ga_by_expand(q, k, v):
    shared = _times(q, k)
    k, v = (x[:, :, :, None].expand(-1, -1, -1, shared, -1).flatten(2, 3) for x in (k, v))
    return _mix(q, k, v)


def ga_query_by_query(q, k, v):
    shared = _times(q, k)
    k, v = (torch.stack([x] * shared, 3).flatten(2, 3) for x in (k, v))
    out = []
    for i in range(q.shape[1]):
        scores = (q[:, i, None] * k[:, : i + 1]).sum(-1) / q.shape[-1] ** 0.5
        out.append((scores.softmax(1)[..., None] * v[:, : i + 1]).sum(1))
    return torch.stack(out, 1)


def ga_keys_tiled(q, k, v):
    shared = _times(q, k)
    return _mix(q, k.repeat(1, 1, shared, 1), v.repeat_interleave(shared, 2))


def ga_mean_of_groups(q, k, v):
    return _mix(q, *(x.mean(2, keepdim=True).expand_as(q) for x in (k, v)))


def ga_mask_of_hundred(q, k, v):
    shared = _times(q, k)
    k, v = k.repeat_interleave(shared, 2), v.repeat_interleave(shared, 2)
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5
    future = torch.ones(q.shape[1], q.shape[1]).triu(1).bool()
    return torch.einsum("bhij,bjhd->bihd", scores.masked_fill(future, -100.0).softmax(-1), v)


def ga_mask_too_late(q, k, v):
    shared = _times(q, k)
    k, v = k.repeat_interleave(shared, 2), v.repeat_interleave(shared, 2)
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5
    return torch.einsum("bhij,bjhd->bihd", scores.softmax(-1).tril(), v)


def ga_hides_itself(q, k, v):
    shared = _times(q, k)
    k, v = k.repeat_interleave(shared, 2), v.repeat_interleave(shared, 2)
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5
    future = torch.ones(q.shape[1], q.shape[1]).triu(0).bool()
    return torch.einsum("bhij,bjhd->bihd", scores.masked_fill(future, -math.inf).softmax(-1), v)


def ga_scaled_twice(q, k, v):
    shared = _times(q, k)
    q = q / math.sqrt(q.shape[-1])
    return _mix(q, k.repeat_interleave(shared, 2), v.repeat_interleave(shared, 2))


def ga_heads_first(q, k, v):
    return ref.grouped_attention(q, k, v).transpose(1, 2)


def ga_joined(q, k, v):
    return ref.grouped_attention(q, k, v).flatten(2)


def ga_leaks_by_mean(q, k, v):
    return ref.grouped_attention(q, k, v) + 0.1 * q.mean(1, keepdim=True)


WRONG = {
    "rms_norm": [
        (rms_in_place, "in place"),
        (rms_eps_forgotten, "epsilon is missing"),
        (rms_eps_written_in, "use eps"),
        (rms_of_sizes, "square the entries"),
        (rms_along_positions, "the mean runs over the positions"),
        (rms_one_plus_weight, "1 + weight"),
        (rms_detached, "derivative with respect to x"),
        (rms_in_32_bits, "float32 comes out"),
        (rms_loses_an_axis, "squeeze"),
        (rms_position_by_position, "derivative with respect to x"),
    ],
    "rotate": [
        (rot_neighbours_then_halves, "neighbours are turned"),
        (rot_from_one, "count from 1"),
        (rot_degrees, "radians"),
        (rot_speed_up, "its sign is positive"),
        (rot_doubles_exponent, "d_head / 2 once more"),
        (rot_cosine_only, "times the sine"),
        (rot_plain_swap, "the sign in the first half"),
        (rot_turns_and_shrinks, "keeps the length"),
        (rot_two_pairs_only, "is a size written into it"),
        (rot_complex_result, "complex"),
    ],
    "gated_mlp": [
        (gate_relu, "ReLU"),
        (gate_tanh_gelu, "GELU"),
        (gate_both_silu, "SiLU is taken of both"),
        (gate_adds_x, "the block's job"),
        (gate_uses_gate_twice, "its place is taken by W_gate"),
        (gate_no_down, "has shape (2, 5, 10)"),
        (gate_in_numpy, "numpy"),
    ],
    "grouped_attention": [
        (ga_keys_tiled, "the keys go round the groups"),
        (ga_mean_of_groups, "averaged"),
        (ga_mask_of_hundred, "not low enough"),
        (ga_mask_too_late, "too late"),
        (ga_hides_itself, "may look at itself"),
        (ga_scaled_twice, "once by the square root of d_head"),
        (ga_heads_first, "the heads stand before the positions"),
        (ga_joined, "the heads are joined"),
        (ga_leaks_by_mean, "future tokens leak"),
    ],
}


RIGHT = {
    "rms_norm": [ref.rms_norm, rms_of_own_mean],
    "rotate": [ref.rotate, rot_cached, rot_pair_by_pair],
    "gated_mlp": [ref.gated_mlp, gate_neuron_by_neuron, gate_glu],
    "grouped_attention": [ref.grouped_attention, ga_by_expand, ga_query_by_query],
}
