"""Answers of the check's author to the exercises of the transformer chapter.

Epsilon, mask, scale, bias, GELU, the order of LayerNorm, the layout of the weights, positions,
batch, leak.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mi_course import transformer as ref

from .independent import LEAK, _masked, _mlp, _norm, _qkv, _scores, _write, module


# --- embed
def embed_by_loop(tokens, W_E, W_pos):
    rows = [
        torch.stack([W_E[token] + W_pos[i] for i, token in enumerate(row)])
        for row in tokens.tolist()
    ]
    return torch.stack(rows)


def embed_concatenated(tokens, W_E, W_pos):
    where = W_pos[: tokens.shape[1]].expand(len(tokens), -1, -1)
    return torch.cat([W_E[tokens], where], -1)


def embed_one_position(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[0]


def embed_changes_table(tokens, W_E, W_pos):
    W_E *= 1.5
    return W_E[tokens] + W_pos[: tokens.shape[1]]


def embed_by_length_of_batch(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[: len(tokens)]


# --- layer_norm
class OwnInit(nn.Module):
    """Another `__init__` with the right names, and a buffer that is no weight."""

    def __init__(self, cfg):
        super().__init__()
        self.register_buffer("eps", torch.tensor(cfg.eps))
        self.w, self.b = (
            nn.Parameter(torch.ones(cfg.d_model)),
            nn.Parameter(torch.zeros(cfg.d_model)),
        )

    def forward(self, x):
        x = x - torch.einsum("bpm->bp", x)[..., None] / x.shape[-1]
        return torch.addcmul(self.b, x / torch.sqrt(x.pow(2).mean(-1, True) + self.eps), self.w)


def ln_hard_eps(self, x):
    return F.layer_norm(x, x.shape[-1:], self.w, self.b, 1e-5)


def ln_no_w(self, x):
    return F.layer_norm(x, x.shape[-1:], None, self.b, self.eps)


def ln_no_b(self, x):
    return F.layer_norm(x, x.shape[-1:], self.w, None, self.eps)


def ln_by_variance(self, x):
    variance = x.var(-1, keepdim=True, correction=0)
    return (x - x.mean(-1, keepdim=True)) / (variance + self.eps) * self.w + self.b


def ln_shift_first(self, x):
    return F.layer_norm(x, x.shape[-1:], None, None, self.eps).add(self.b) * self.w


def ln_everything(self, x):
    return (x - x.mean()) / (x.var(correction=0) + self.eps).sqrt() * self.w + self.b


def ln_in_place(self, x):
    x -= x.mean(-1, keepdim=True)
    return x / (x.square().mean(-1, keepdim=True) + self.eps).sqrt() * self.w + self.b


class PlainTensors(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.w, self.b = torch.ones(cfg.d_model), torch.zeros(cfg.d_model)


class NoSuper(nn.Module):
    def __init__(self, cfg):
        self.w = nn.Parameter(torch.ones(cfg.d_model))


class NotAModule:
    def __init__(self, cfg):
        self.cfg = cfg


def not_a_class(x):
    return x


# --- attention_pattern
def ap_by_numpy(q, k):
    q, k = (v.permute(0, 2, 1, 3).numpy() for v in (q, k))
    scores = np.matmul(q, k.swapaxes(2, 3)) / np.sqrt(q.shape[-1])
    above = np.triu_indices(scores.shape[-1], 1)
    scores[:, :, above[0], above[1]] = -np.inf
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return torch.from_numpy(weights / weights.sum(-1, keepdims=True))


def ap_heads_last(q, k):
    return ref.attention_pattern(q, k).permute(0, 2, 3, 1)


def ap_pairs_of_heads(q, k):
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)


def ap_scaled_by_d(q, k):
    return _masked(_scores(q, k) / q.shape[-1]).softmax(-1)


def ap_zero_fill(q, k):
    return _masked(_scores(q, k) / math.sqrt(q.shape[-1]), 0.0).softmax(-1)


def ap_hides_the_past(q, k):
    scores = _scores(q, k) / math.sqrt(q.shape[-1])
    return scores.masked_fill(torch.ones(scores.shape[-2:]).tril(-1).bool(), -1e9).softmax(-1)


def ap_nan(q, k):
    scores = _scores(q, k) / math.sqrt(q.shape[-1])
    return scores.masked_fill(torch.ones(scores.shape[-2:]).triu().bool(), -math.inf).softmax(-1)


def ap_scores_only(q, k):
    return (_scores(q, k) / math.sqrt(q.shape[-1])).tril()


def ap_renormalised(q, k):
    """Late, and right all the same: what the future took is given back."""
    pattern = (_scores(q, k) / math.sqrt(q.shape[-1])).softmax(-1).tril()
    return pattern / pattern.sum(-1, keepdim=True)


# --- attention
class ByMultihead(ref.Attention):
    """PyTorch's whole attention function, fed with the weights in its own layout."""

    def forward(self, x):
        q, k, v = (z.transpose(1, 2) for z in _qkv(self, x))
        n = x.shape[1]
        bias = torch.zeros(n, n).masked_fill(torch.ones(n, n).triu(1) > 0, float("-inf"))
        z = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return torch.tensordot(z.transpose(1, 2), self.W_O, dims=([2, 3], [0, 1])) + self.b_O


def at_query_by_query(self, x):
    q, k, v = _qkv(self, x)
    rows = []
    for i in range(x.shape[1]):
        scores = (q[:, i : i + 1] * k[:, : i + 1]).sum(-1) / q.shape[-1] ** 0.5
        z = (scores.softmax(1)[..., None] * v[:, : i + 1]).sum(1)
        rows.append((z[..., None] * self.W_O).sum((1, 2)) + self.b_O)
    return torch.stack(rows, 1)


def _attend(name, change):
    return module(ref.Attention, name, change)


def at_zero_fill(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, _masked(_scores(q, k) / math.sqrt(q.shape[-1]), 0.0).softmax(-1), v)


def at_hides_the_past(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ap_hides_the_past(q, k), v)


def at_sums_queries(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ref.attention_pattern(q, k).mT, v)


def at_keys_as_values(self, x):
    q, k, _ = _qkv(self, x)
    return _write(self, ref.attention_pattern(q, k), k)


def at_mean_of_heads(self, x):
    written = ref.Attention.forward(self, x) - self.b_O
    return written / len(self.W_Q) + self.b_O


def at_b_O_per_head(self, x):
    return ref.Attention.forward(self, x) + (len(self.W_Q) - 1) * self.b_O


def at_no_b_Q(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ref.attention_pattern(q - self.b_Q, k), v)


def at_reshape_mixes(self, x):
    q, k, v = _qkv(self, x)
    z = (ref.attention_pattern(q, k) @ v.transpose(1, 2)).reshape(*x.shape[:2], -1)
    return z @ self.W_O.flatten(0, 1) + self.b_O


def at_first_head(self, x):
    q, k, v = _qkv(self, x)
    z = (ref.attention_pattern(q, k) @ v.transpose(1, 2))[:, 0]
    return z @ self.W_O[0] + self.b_O


def at_talks(self, x):
    return ref.Attention.forward(self, x - x.mean(0, keepdim=True))


def at_dropout(self, x):
    return F.dropout(ref.Attention.forward(self, x), 0.5)


def at_tuple(self, x):
    return ref.Attention.forward(self, x), None


def at_per_head(self, x):
    q, k, v = _qkv(self, x)
    z = ref.attention_pattern(q, k) @ v.transpose(1, 2)
    return z @ self.W_O


def at_two_mistakes(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, _masked(_scores(q, k) * 0.37).softmax(-1).softmax(-1).tril(), v * 1.1)


def at_odd_scale(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, _masked(_scores(q, k) * 0.37).softmax(-1), v)


class AssumesSquare(ref.Attention):
    """Takes d_model // n_heads where cfg has d_head."""

    def __init__(self, cfg):
        super().__init__(cfg)
        d = cfg.d_model // cfg.n_heads
        self.W_Q = nn.Parameter(torch.randn(cfg.n_heads, cfg.d_model, d))


class Linears(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.W_Q = nn.Linear(cfg.d_model, cfg.n_heads * cfg.d_head)


class OtherNames(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.query = nn.Parameter(torch.randn(cfg.n_heads, cfg.d_model, cfg.d_head))


class OneMore(ref.Attention):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.scale = nn.Parameter(torch.ones(1))


# --- mlp
def mlp_no_b_out(self, x):
    return ref.gelu(x @ self.W_in + self.b_in) @ self.W_out


def mlp_adds_x(self, x):
    return x + ref.MLP.forward(self, x)


def _tanh_form(slope, cube):
    return lambda h: 0.5 * h * (1 + torch.tanh(slope * (h + cube * h**3)))


def mlp_nan(self, x):
    return torch.log(x) @ self.W_in @ self.W_out


# --- block
class Lists(nn.Module):
    """Parts from a table, the stream in a list of what was added to it."""

    def __init__(self, cfg):
        super().__init__()
        parts = {"ln1": ref.LayerNorm, "attn": ref.Attention, "ln2": ref.LayerNorm, "mlp": ref.MLP}
        for name, part in parts.items():
            self.add_module(name, part(cfg))

    def forward(self, x):
        added = [x]
        for norm, part in ((self.ln1, self.attn), (self.ln2, self.mlp)):
            added.append(part(norm(sum(added))))
        return sum(added)


def bl_after(self, x):
    x = x + self.ln1(self.attn(x))
    return x + self.ln2(self.mlp(x))


def bl_swapped(self, x):
    x = x + self.attn(self.ln2(x))
    return x + self.mlp(self.ln1(x))


def bl_doubled(self, x):
    return x + ref.Block.forward(self, x)


def bl_difference(self, x):
    return ref.Block.forward(self, x) - x


def bl_no_mlp(self, x):
    return x + self.attn(self.ln1(x))


def bl_no_attention(self, x):
    return x + self.mlp(self.ln2(x))


def bl_no_first_residual(self, x):
    x = self.attn(self.ln1(x))
    return x + self.mlp(self.ln2(x))


def bl_half_sum(self, x):
    return 0.5 * ref.Block.forward(self, x)


class LeakyPart(ref.Block):
    """The block is right; its attention is not."""

    def __init__(self, cfg):
        super().__init__(cfg)
        self.attn = _attend("OddScale", at_odd_scale)(cfg)


class UnwrittenPart(ref.Block):
    """The block is written; its attention is not."""

    def __init__(self, cfg):
        super().__init__(cfg)

        def unwritten(self, x):
            raise NotImplementedError

        self.attn = _attend("Unwritten", unwritten)(cfg)


# --- transformer
def _model(name, **change):
    """The reference's forward with one thing changed."""

    def forward(self, tokens):
        x = change.get("embed", ref.embed)(tokens, self.W_E, self.W_pos)
        for block in change.get("blocks", list)(self.blocks):
            x = block(x)
        x = self.ln_final(x) @ self.W_E.T
        return change.get("last", lambda logits: logits)(x)

    return module(ref.Transformer, name, forward)


def _late(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos.roll(-1, 0)[: tokens.shape[1]]


def tf_no_unembedding(self, tokens):
    x = ref.embed(tokens, self.W_E, self.W_pos)
    return self.ln_final(nn.Sequential(*self.blocks)(x))


class SharedBlock(ref.Transformer):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.blocks = nn.ModuleList([ref.Block(cfg)] * cfg.n_layers)


class OddBlocks(ref.Transformer):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.blocks = nn.ModuleList(
            module(ref.Block, "Half", bl_half_sum)(cfg) for _ in self.blocks
        )


class OwnUnembedding(ref.Transformer):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.W_U = nn.Parameter(torch.randn(cfg.d_model, cfg.d_vocab))


# --- attention_weights
def _weights(change):
    def wrong(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
        found = ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
        found |= change(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
        return found

    return wrong


def aw_rows(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    width = len(c_proj_weight)
    q, k, v = c_attn_weight.reshape(3, width, width)
    return ref.attention_weights(torch.cat([q, k, v], 1), c_attn_bias, c_proj_weight, n_heads)


def aw_none(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)


def aw_list(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    return list(ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, n_heads).values())


def aw_three_heads(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    return ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, 3)


def aw_by_split(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    width = len(c_proj_weight)
    shapes = {"W": (n_heads, width // n_heads, width), "b": (n_heads, width // n_heads)}
    found = {"W_O": c_proj_weight.reshape(shapes["W"])}
    for name, columns in zip("QKV", c_attn_weight.T.split(width), strict=True):
        found["W_" + name] = columns.reshape(shapes["W"]).mT
    for name, part in zip("QKV", c_attn_bias.split(width), strict=True):
        found["b_" + name] = part.reshape(shapes["b"])
    return found


# --- generate
def gen_recursive(model, tokens, n_new, temperature=0.0, generator=None):
    if n_new == 0:
        return tokens
    longer = ref.generate(model, tokens, 1, temperature, generator)
    return gen_recursive(model, longer, n_new - 1, temperature, generator)


def gen_never_cropped(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        tokens = torch.cat([tokens, model(tokens)[:, -1].argmax(-1, keepdim=True)], 1)
    return tokens


def gen_oldest(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        logits = model(tokens[:, : model.cfg.n_ctx])[:, -1]
        tokens = torch.cat([tokens, logits.argmax(-1, keepdim=True)], 1)
    return tokens


def gen_always_greedy(model, tokens, n_new, temperature=0.0, generator=None):
    return ref.generate(model, tokens, n_new)


def gen_no_temperature(model, tokens, n_new, temperature=0.0, generator=None):
    return ref.generate(model, tokens, n_new, 1.0 if temperature else 0.0, generator)


def gen_global_draws(model, tokens, n_new, temperature=0.0, generator=None):
    return ref.generate(model, tokens, n_new, temperature)


def gen_own_seed(model, tokens, n_new, temperature=0.0, generator=None):
    return ref.generate(model, tokens, n_new, temperature, torch.Generator().manual_seed(0))


def gen_divides_by_zero(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        probs = (model(tokens[:, -model.cfg.n_ctx :])[:, -1] / temperature).softmax(-1)
        tokens = torch.cat([tokens, torch.multinomial(probs, 1, generator=generator)], 1)
    return tokens


def gen_one_for_all(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        one = ref.generate(model, tokens[:1], 1, temperature, generator)[:, -1:]
        tokens = torch.cat([tokens, one.expand(len(tokens), 1)], 1)
    return tokens


def gen_least(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        tokens = torch.cat([tokens, model(tokens)[:, -1].argmin(-1, keepdim=True)], 1)
    return tokens


def gen_text(model, tokens, n_new, temperature=0.0, generator=None):
    return str(ref.generate(model, tokens, n_new).tolist())


def embed_detached(tokens, W_E, W_pos):
    return W_E.detach()[tokens] + W_pos[: tokens.shape[1]]


def embed_reversed(tokens, W_E, W_pos):
    n = tokens.shape[1]
    return W_E[tokens] + W_pos[torch.arange(n - 1, -1, -1)]


def embed_half_of_each(tokens, W_E, W_pos):
    return (W_E[tokens] + W_pos[: tokens.shape[1]]) / 2


def embed_first_five(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[torch.arange(5)]


def embed_by_index_select(tokens, W_E, W_pos):
    vectors = W_E.index_select(0, tokens.reshape(-1)).view(*tokens.shape, -1)
    return torch.add(vectors, W_pos.unsqueeze(0)[:, : tokens.shape[1]])


def ln_statistics_detached(self, x):
    mean = x.mean(-1, keepdim=True).detach()
    variance = x.var(-1, keepdim=True, correction=0).detach()
    return (x - mean) / (variance + self.eps).sqrt() * self.w + self.b


def ln_by_data(self, x):
    x = x - x.mean(-1, keepdim=True)
    return x / (x.square().mean(-1, keepdim=True) + self.eps).sqrt() * self.w.data + self.b.data


def ln_scaled_by_b(self, x):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + self.eps).sqrt() * self.b + self.w


class LayerNormByTorch(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.norm = nn.LayerNorm(cfg.d_model, eps=cfg.eps, elementwise_affine=False)
        self.w = nn.Parameter(torch.ones(cfg.d_model))
        self.b = nn.Parameter(torch.zeros(cfg.d_model))

    def forward(self, x):
        return self.norm(x) * self.w + self.b


def ln_by_var_mean(self, x):
    variance, mean = torch.var_mean(x, dim=-1, unbiased=False, keepdim=True)
    return torch.addcmul(self.b, (x - mean) * (variance + self.eps).rsqrt(), self.w)


def ap_no_grad(q, k):
    with torch.no_grad():
        scores = _scores(q, k) / math.sqrt(q.shape[-1])
        return _masked(scores).softmax(-1)


def ap_squeezed(q, k):
    scores = _scores(q, k) / math.sqrt(q.shape[-1])
    return _masked(scores).softmax(-1).squeeze()


def ap_both_scaled(q, k):
    scale = math.sqrt(q.shape[-1])
    return _masked(_scores(q / scale, k / scale)).softmax(-1)


def ap_sigmoid(q, k):
    weights = torch.sigmoid(_scores(q, k) / math.sqrt(q.shape[-1])).tril()
    return weights / weights.sum(-1, keepdim=True)


def ap_by_where(q, k):
    q, k = q.transpose(1, 2), k.transpose(1, 2)
    scores = torch.matmul(q, k.mT) / q.size(-1) ** 0.5
    place = torch.arange(q.size(2))
    return torch.softmax(torch.where(place[None] > place[:, None], -1e9, scores), dim=-1)


def at_pattern_detached(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ref.attention_pattern(q, k).detach(), v)


def at_one_position_special(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ref.attention_pattern(q, k), v).squeeze(0)


def at_bias_for_each_head(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ref.attention_pattern(q, k), v) + self.b_O * (len(self.W_Q) - 1)


def at_values_from_keys_matrix(self, x):
    q, k, _ = _qkv(self, x)
    v = torch.einsum("bpm,hmd->bphd", x, self.W_K) + self.b_V
    return _write(self, ref.attention_pattern(q, k), v)


def at_by_scaled_dot_product(self, x):
    q, k, v = (t.transpose(1, 2) for t in _qkv(self, x))
    z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return torch.einsum("bhpd,hdm->bpm", z, self.W_O) + self.b_O


class MLPOfZeros(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.W_in = nn.Parameter(torch.zeros(cfg.d_model, cfg.d_mlp))
        self.b_in = nn.Parameter(torch.zeros(cfg.d_mlp))
        self.W_out = nn.Parameter(torch.zeros(cfg.d_mlp, cfg.d_model))
        self.b_out = nn.Parameter(torch.zeros(cfg.d_model))

    def forward(self, x):
        return F.gelu(x @ self.W_in + self.b_in, approximate="tanh") @ self.W_out + self.b_out


class MLPOfLargeNumbers(MLPOfZeros):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.W_in = nn.Parameter(torch.randn(cfg.d_model, cfg.d_mlp))
        self.W_out = nn.Parameter(torch.randn(cfg.d_mlp, cfg.d_model))


class MLPRandomBiases(MLPOfZeros):
    def __init__(self, cfg):
        super().__init__(cfg)
        for name in ("W_in", "b_in", "W_out", "b_out"):
            setattr(self, name, nn.Parameter(0.02 * torch.randn(getattr(self, name).shape)))


def mlp_detached_neurons(self, x):
    post = F.gelu(x @ self.W_in + self.b_in, approximate="tanh").detach()
    return post @ self.W_out + self.b_out


class MLPXavier(MLPOfZeros):
    def __init__(self, cfg):
        super().__init__(cfg)
        nn.init.xavier_uniform_(self.W_in)
        nn.init.xavier_uniform_(self.W_out)


def bl_mlp_detached(self, x):
    x = x + self.attn(self.ln1(x))
    return x + self.mlp(self.ln2(x)).detach()


def bl_parallel(self, x):
    return x + self.attn(self.ln1(x)) + self.mlp(self.ln2(x))


def bl_in_place(self, x):
    x += self.attn(self.ln1(x))
    x += self.mlp(self.ln2(x))
    return x


def bl_scaled(self, x):
    x = x + self.attn(self.ln1(x)) / math.sqrt(2)
    return x + self.mlp(self.ln2(x)) / math.sqrt(2)


def bl_named(self, x):
    after = torch.add(self.attn(self.ln1(x)), x)
    return torch.stack([after, self.mlp(self.ln2(after))]).sum(0)


def tf_no_grad(self, tokens):
    with torch.no_grad():
        x = ref.embed(tokens, self.W_E, self.W_pos)
        for block in self.blocks:
            x = block(x)
        return self.ln_final(x) @ self.W_E.T


class TransformerWithoutSizes(ref.Transformer):
    def __init__(self, cfg):
        super().__init__(cfg)
        del self.cfg


def tf_stream_detached(self, tokens):
    x = ref.embed(tokens, self.W_E, self.W_pos)
    for block in self.blocks:
        x = block(x.detach())
    return self.ln_final(x) @ self.W_E.T


def tf_norm_twice(self, tokens):
    x = ref.embed(tokens, self.W_E, self.W_pos)
    for block in self.blocks:
        x = block(x)
    return self.ln_final(self.ln_final(x)) @ self.W_E.T


def tf_functools(self, tokens):
    x = nn.Sequential(*self.blocks)(ref.embed(tokens, self.W_E, self.W_pos))
    return F.linear(self.ln_final(x), self.W_E)


def aw_bias_of_q(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    found = ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
    found["b_K"], found["b_V"] = found["b_Q"], found["b_Q"]
    return found


def aw_for_twelve(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    return ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, 3)


def aw_by_stack(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    width = len(c_proj_weight)
    d = width // n_heads
    cut = [slice(h * d, (h + 1) * d) for h in range(n_heads)]
    found = {"W_O": torch.stack([c_proj_weight[c] for c in cut])}
    for i, name in enumerate("QKV"):
        W = c_attn_weight[:, i * width : (i + 1) * width]
        found["W_" + name] = torch.stack([W[:, c] for c in cut])
        found["b_" + name] = torch.stack([c_attn_bias[i * width :][c] for c in cut])
    return found


def gen_needs_temperature(model, tokens, n_new, temperature=1.0, generator=None):
    return ref.generate(model, tokens, n_new, temperature, generator)


def gen_the_oldest_tokens(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        with torch.no_grad():
            logits = model(tokens[:, : model.cfg.n_ctx])[:, -1]
        if temperature == 0:
            new = logits.argmax(-1, keepdim=True)
        else:
            new = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        tokens = torch.cat([tokens, new], 1)
    return tokens


def gen_with_eval(model, tokens, n_new, temperature=0.0, generator=None):
    model.eval()
    device = next(model.parameters()).device
    with torch.no_grad():
        for _ in range(n_new):
            window = tokens[:, -model.cfg.n_ctx :].to(device)
            logits = model.forward(window)[:, -1, :]
            if temperature > 0:
                share = torch.softmax(logits / temperature, dim=-1)
                new = torch.multinomial(share, num_samples=1, generator=generator)
            else:
                new = logits.topk(1).indices
            tokens = torch.hstack([tokens, new])
    return tokens


def gen_with_graph(model, tokens, n_new, temperature=0.0, generator=None):
    texts = tokens.tolist()
    for _ in range(n_new):
        logits = model(torch.tensor(texts)[:, -model.cfg.n_ctx :])[:, -1]
        if temperature:
            shares = (logits / temperature).softmax(-1)
            new = torch.multinomial(shares, 1, generator=generator)[:, 0].tolist()
        else:
            new = logits.argmax(-1).tolist()
        texts = [[*text, token] for text, token in zip(texts, new, strict=True)]
    return torch.tensor(texts)


WRONG = {
    "embed": [
        (embed_detached, "W_E"),
        (embed_reversed, "backwards"),
        (embed_half_of_each, "averaged"),
        (embed_first_five, "shorter"),
        (embed_concatenated, "put side by side: add them"),
        (embed_one_position, "every token gets the vector of position 0"),
        (embed_changes_table, "changed its argument W_E in place"),
        (embed_by_length_of_batch, "only its first rows"),
        (lambda tokens, W_E, W_pos: tokens, "expected (batch, pos, d_model)"),
        (lambda tokens, W_E, W_pos: None, "is the return statement missing?"),
    ],
    "layer_norm": [
        (
            module(ref.LayerNorm, "StatisticsDetached", ln_statistics_detached),
            "derivative with respect to x",
        ),
        (module(ref.LayerNorm, "ByData", ln_by_data), "no derivative comes back to w, b"),
        (module(ref.LayerNorm, "ScaledByB", ln_scaled_by_b), "w and b"),
        (LayerNormByTorch, "nn.LayerNorm"),
        (_norm("HardEps", ln_hard_eps), "use cfg.eps"),
        (_norm("NoW", ln_no_w), "w is missing"),
        (_norm("NoB", ln_no_b), "b is missing"),
        (_norm("ByVariance", ln_by_variance), "take its square root"),
        (_norm("ShiftFirst", ln_shift_first), "b is added before w"),
        (_norm("Everything", ln_everything), "each position has its own"),
        (_norm("InPlace", ln_in_place), "changed its argument x in place"),
        (PlainTensors, "w is a plain tensor, neither trained nor loaded"),
        (NoSuper, "call super().__init__() first"),
        (NotAModule, "inherits from nn.Module"),
        (not_a_class, "inherits from nn.Module"),
        (
            ref.LayerNorm(ref.Config(1, 1, 4, 4, 4, 4, 4)),
            "pass the class itself, `LayerNorm`, not an object of it",
        ),
        (42, "pass the function itself, `f`, not `f(x)`: this is int"),
    ],
    "attention_pattern": [
        (ap_no_grad, "no_grad"),
        (ap_squeezed, "(batch, head, query, key)"),
        (ap_both_scaled, "not by d_head itself"),
        (ap_sigmoid, "softmax"),
        (ap_by_numpy, "numpy and plain Python numbers carry no derivatives"),
        (ap_heads_last, "the heads come last"),
        (ap_pairs_of_heads, "compares its heads with each other"),
        (ap_scaled_by_d, "not by d_head itself"),
        (ap_zero_fill, "e^0 = 1: set them to −∞"),
        (ap_hides_the_past, "the mask hides the past instead of the future"),
        (ap_nan, "each query may look at itself"),
        (ap_scores_only, "the softmax is missing"),
    ],
    "attention": [
        (module(ref.Attention, "PatternDetached", at_pattern_detached), "W_Q, W_K"),
        (
            module(ref.Attention, "OnePositionSpecial", at_one_position_special),
            "(batch, pos, d_model)",
        ),
        (module(ref.Attention, "BiasForEachHead", at_bias_for_each_head), "once for each head"),
        (module(ref.Attention, "ValuesFromKeys", at_values_from_keys_matrix), "W_K"),
        (_attend("ZeroFill", at_zero_fill), "e^0 = 1: set them to −∞"),
        (_attend("HidesThePast", at_hides_the_past), "hides the past instead of the future"),
        (_attend("SumsQueries", at_sums_queries), "the sum runs over the queries"),
        (_attend("KeysAsValues", at_keys_as_values), "keys are used as values"),
        (_attend("MeanOfHeads", at_mean_of_heads), "the heads are averaged"),
        (_attend("BOPerHead", at_b_O_per_head), "b_O is added once for each head"),
        (_attend("NoBQ", at_no_b_Q), "b_Q is missing"),
        (_attend("ReshapeMixes", at_reshape_mixes), "heads and positions are mixed up"),
        (_attend("FirstHead", at_first_head), "only the first head writes"),
        (_attend("Talks", at_talks), "changing prompt 1 changed the output for prompt 0"),
        (_attend("Dropout", at_dropout), "is there dropout"),
        (_attend("Tuple", at_tuple), "not a tuple with the pattern"),
        (_attend("PerHead", at_per_head), "the result has four axes"),
        (_attend("TwoMistakes", at_two_mistakes), "wrong already: look at the values"),
        (_attend("OddScale", at_odd_scale), "look at the scores, their scale"),
        (AssumesSquare, "n_heads × d_head need not be d_model"),
        (Linears, "W_Q is a Linear layer: declare nn.Parameter of shape (n_heads, d_model"),
        (
            OtherNames,
            "no parameter W_Q of shape (n_heads, d_model, d_head) = (3, 10, 4); it has que",
        ),
        (OneMore, "a parameter scale that the exercise does not name"),
        (_attend("Scores", lambda self, x: x.long()), "the result holds integers"),
    ],
    "mlp": [
        (MLPOfZeros, "small random numbers"),
        (MLPOfLargeNumbers, "small random numbers"),
        (MLPRandomBiases, "zeros"),
        (module(ref.MLP, "DetachedNeurons", mlp_detached_neurons), "W_in"),
        (module(ref.MLP, "NoBOut", mlp_no_b_out), "b_out is missing"),
        (module(ref.MLP, "AddsX", mlp_adds_x), "that is the block's job"),
        (_mlp("Silu", F.silu), "this is SiLU"),
        (_mlp("Quick", lambda h: h * torch.sigmoid(1.702 * h)), "the sigmoid approximation"),
        (_mlp("Nothing", lambda h: h), "GELU is missing"),
        (_mlp("NoCube", _tanh_form(math.sqrt(2 / math.pi), 0)), "the cube is missing"),
        (_mlp("NoRoot", _tanh_form(2 / math.pi, 0.044715)), "2 / π stands under a root"),
        (_mlp("NoZero", _tanh_form(math.sqrt(2 / math.pi), 0.44715)), "a zero after the point"),
        (module(ref.MLP, "NaN", mlp_nan), "the result holds NaN or infinity"),
    ],
    "block": [
        (module(ref.Block, "MLPDetached", bl_mlp_detached), "mlp.W_in"),
        (module(ref.Block, "Parallel", bl_parallel), "after attention has written"),
        (module(ref.Block, "InPlace", bl_in_place), "in place"),
        (module(ref.Block, "Scaled", bl_scaled), "√2"),
        (module(ref.Block, "After", bl_after), "it belongs before them"),
        (module(ref.Block, "Swapped", bl_swapped), "ln1 and ln2 are swapped"),
        (module(ref.Block, "Doubled", bl_doubled), "the first x is added twice"),
        (module(ref.Block, "Difference", bl_difference), "the stream itself is missing"),
        (module(ref.Block, "NoMlp", bl_no_mlp), "the MLP is missing"),
        (module(ref.Block, "NoAttention", bl_no_attention), "attention is missing"),
        (module(ref.Block, "NoFirst", bl_no_first_residual), "the attention's output replaces"),
        (
            module(ref.Block, "HalfSum", bl_half_sum),
            "the parts are right, and put together in anot",
        ),
        (LeakyPart, "its part attn is not right yet: run check.attention first"),
        (UnwrittenPart, "not written yet"),
    ],
    "transformer": [
        (module(ref.Transformer, "NoGrad", tf_no_grad), "no_grad"),
        (TransformerWithoutSizes, "self.cfg = cfg"),
        (module(ref.Transformer, "StreamDetached", tf_stream_detached), "derivative"),
        (module(ref.Transformer, "NormTwice", tf_norm_twice), "ln_final"),
        (_model("NoPositions", embed=lambda t, E, P: E[t]), "the positions are missing"),
        (_model("Late", embed=_late), "the first token is at position 0"),
        (
            _model("Scaled", embed=lambda t, E, P: ref.embed(t, E * len(E[0]) ** 0.5, P)),
            "GPT-2 doe",
        ),
        (_model("Backwards", blocks=lambda b: list(b)[::-1]), "layer 0 comes first"),
        (_model("FirstOnly", blocks=lambda b: b[:1]), "only the first block is used"),
        (_model("LogSoftmax", last=lambda x: x.log_softmax(-1)), "no log_softmax"),
        (_model("Best", last=lambda x: x.argmax(-1)), "not the most likely tokens"),
        (_model("Future", last=lambda x: x.roll(-1, 1)), LEAK),
        (_model("Talks", last=lambda x: x - x.mean(0)), "changing prompt 1 changed the output"),
        (module(ref.Transformer, "NoUnembedding", tf_no_unembedding), "is the unembedding, @ W_E"),
        (SharedBlock, "make a new Block for each layer"),
        (OddBlocks, "run check.block first"),
        (OwnUnembedding, "a parameter W_U that the exercise does not name"),
    ],
    "attention_weights": [
        (aw_bias_of_q, "belongs to b_Q"),
        (aw_for_twelve, "shape"),
        (aw_rows, "they stand side by side, chunk(3, dim=1)"),
        (aw_none, "is the return statement missing?"),
        (aw_list, "return a dictionary of weights, not list"),
        (aw_three_heads, "is a size written into your function?"),
        (
            _weights(lambda W, b, P, h: {"W_O": P.T.reshape(h, -1, len(P))}),
            "c_proj_weight is trans",
        ),
        (
            _weights(lambda W, b, P, h: {"W_O": P.reshape(-1, h, len(P)).transpose(0, 1)}),
            "W_O: the heads are interleaved",
        ),
        (
            _weights(lambda W, b, P, h: {"b_Q": b.chunk(3)[0].reshape(-1, h).T}),
            "the heads are interleaved",
        ),
        (_weights(lambda W, b, P, h: {"b_O": b[: len(P)]}), "more than the seven weights: b_O"),
    ],
    "generate": [
        (gen_needs_temperature, "default"),
        (gen_the_oldest_tokens, "LATEST"),
        (gen_never_cropped, "reads at most 8: pass the latest"),
        (gen_oldest, "pass the LATEST tokens"),
        (gen_always_greedy, "all of 4000 equal prompts get the same token"),
        (gen_no_temperature, "the temperature is not used"),
        (gen_global_draws, "the generator that is passed in"),
        (gen_own_seed, "another seed gives the same text"),
        (gen_divides_by_zero, "with temperature 0 your function divides by zero"),
        (gen_one_for_all, "every prompt gets the token of the first one"),
        (gen_least, "this takes the least likely token"),
        (gen_text, "return a tensor of tokens, not str"),
    ],
}


RIGHT = {
    "embed": [
        embed_by_index_select,
        embed_by_loop,
    ],
    "layer_norm": [
        module(ref.LayerNorm, "ByVarMean", ln_by_var_mean),
        OwnInit,
    ],
    "attention_pattern": [
        ap_by_where,
        ap_renormalised,
    ],
    "attention": [
        module(ref.Attention, "ByScaledDotProduct", at_by_scaled_dot_product),
        ByMultihead,
        _attend("QueryByQuery", at_query_by_query),
    ],
    "mlp": [
        MLPXavier,
        lambda cfg: ref.MLP(cfg),
    ],
    "block": [
        module(ref.Block, "Named", bl_named),
        Lists,
    ],
    "transformer": [
        module(ref.Transformer, "Functools", tf_functools),
        lambda cfg: ref.Transformer(cfg),
    ],
    "attention_weights": [
        aw_by_stack,
        aw_by_split,
    ],
    "generate": [
        gen_with_eval,
        gen_with_graph,
        gen_recursive,
    ],
}
