"""Answers to the exercises of the transformer chapter, written without seeing its check.

Most answers are the reference with one line changed: a class made by `module` has the reference's
weights and the learner's `forward`.
"""

import math

import einops
import torch
import torch.nn.functional as F
from torch import nn

from mi_course import transformer
from mi_course import transformer as ref


def module(base, name, forward):
    """A class with the weights of `base` and another `forward`."""
    return type(name, (base,), {"forward": forward})


# --- embed
def embed_by_functional(tokens, W_E, W_pos):
    where = torch.arange(tokens.size(1)).expand_as(tokens)
    return F.embedding(tokens, W_E) + F.embedding(where, W_pos)


def embed_by_one_hot(tokens, W_E, W_pos):
    one_hot = F.one_hot(tokens, W_E.shape[0]).to(W_E.dtype)
    return one_hot @ W_E + W_pos.narrow(0, 0, tokens.shape[-1])


def embed_no_positions(tokens, W_E, W_pos):
    return W_E[tokens]


def embed_positions_by_token(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[tokens % len(W_pos)]


def embed_from_one(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[1 : tokens.shape[1] + 1]


def embed_whole_table(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos


def tokens_as_positions(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[tokens]


# --- layer_norm
def _norm(name, change):
    return module(ref.LayerNorm, name, change)


def ln_by_functional(self, x):
    return F.layer_norm(x, x.shape[-1:], self.w, self.b, self.eps)


def ln_by_moments(self, x):
    mean = x.mean(-1, keepdim=True)
    variance = (x**2).mean(-1, keepdim=True) - mean**2
    return self.w * (x - mean) * torch.rsqrt(variance + self.eps) + self.b


def ln_eps_outside(self, x):
    std = x.std(-1, keepdim=True, correction=0)
    return (x - x.mean(-1, keepdim=True)) / (std + self.eps) * self.w + self.b


def ln_unbiased(self, x):
    variance = x.var(-1, keepdim=True)
    return (x - x.mean(-1, keepdim=True)) / (variance + self.eps).sqrt() * self.w + self.b


def ln_over_positions(self, x):
    variance = x.var(1, keepdim=True, correction=0)
    return (x - x.mean(1, keepdim=True)) / (variance + self.eps).sqrt() * self.w + self.b


def ln_no_mean(self, x):
    return x / (x.square().mean(-1, keepdim=True) + self.eps).sqrt() * self.w + self.b


# --- attention_pattern
def ap_by_transpose(q, k):
    scores = q.transpose(1, 2) @ k.permute(0, 2, 3, 1) * q.shape[-1] ** -0.5
    n = scores.shape[-1]
    return (scores + torch.full((n, n), -math.inf).triu(1)).softmax(dim=3)


def ap_by_loop(q, k):
    batch, n, heads, d = q.shape
    pattern = torch.zeros(batch, heads, n, n)
    for i in range(n):
        scores = (q[:, i, None] * k[:, : i + 1]).sum(-1) / math.sqrt(d)
        pattern[:, :, i, : i + 1] = scores.softmax(1).transpose(1, 2)
    return pattern


def _scores(q, k):
    return einops.einsum(q, k, "b i h d, b j h d -> b h i j")


def _masked(scores, fill=-math.inf):
    return scores.masked_fill(~ref.causal_mask(scores.shape[-1]), fill)


def ap_mask_of_hundred(q, k):
    return _masked(_scores(q, k) / math.sqrt(q.shape[-1]), -100.0).softmax(-1)


def ap_after_softmax(q, k):
    pattern = (_scores(q, k) / math.sqrt(q.shape[-1])).softmax(-1)
    return pattern * ref.causal_mask(pattern.shape[-1])


def ap_no_scale(q, k):
    return _masked(_scores(q, k)).softmax(-1)


def ap_over_queries(q, k):
    return _masked(_scores(q, k) / math.sqrt(q.shape[-1])).softmax(-2)


def ap_hides_itself(q, k):
    scores = _scores(q, k) / math.sqrt(q.shape[-1])
    return scores.masked_fill(torch.ones(scores.shape[-2:]).triu().bool(), -1e9).softmax(-1)


def scores_only(q, k):
    scores = einops.einsum(q, k, "b q h d, b k h d -> b h q k") / math.sqrt(q.shape[-1])
    mask = torch.ones(scores.shape[-2:]).tril().bool()
    return scores.masked_fill(~mask, -math.inf)


def softmax_of_integers(q, k):
    return einops.einsum(q, k, "b q h d, b k h d -> b h q k").long().softmax(-1)


# --- attention
def _qkv(self, x):
    into = "b p m, h m d -> b p h d"
    pairs = ((self.W_Q, self.b_Q), (self.W_K, self.b_K), (self.W_V, self.b_V))
    return [einops.einsum(x, W, into) + b for W, b in pairs]


def _write(self, pattern, v):
    z = einops.einsum(pattern, v, "b h i j, b j h d -> b i h d")
    return einops.einsum(z, self.W_O, "b p h d, h d m -> b p m") + self.b_O


def at_fused(self, x):
    """One matrix for all heads, PyTorch's own attention, one matrix back."""
    heads, width, d = self.W_Q.shape
    flat = [W.permute(1, 0, 2).reshape(width, heads * d) for W in (self.W_Q, self.W_K, self.W_V)]
    bias = [b.flatten() for b in (self.b_Q, self.b_K, self.b_V)]
    q, k, v = (
        (x @ W + b).unflatten(-1, (heads, d)).transpose(1, 2)
        for W, b in zip(flat, bias, strict=True)
    )
    z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return z.transpose(1, 2).flatten(2) @ self.W_O.flatten(0, 1) + self.b_O


def at_head_by_head(self, x):
    out = self.b_O.expand_as(x)
    for h in range(len(self.W_Q)):
        q, k, v = (
            x @ W[h] + b[h]
            for W, b in ((self.W_Q, self.b_Q), (self.W_K, self.b_K), (self.W_V, self.b_V))
        )
        scores = q @ k.mT / q.shape[-1] ** 0.5
        scores = scores + torch.triu(torch.full_like(scores[0], -1e9), 1)
        out = out + scores.softmax(-1) @ v @ self.W_O[h]
    return out


def at_leaks(self, x):
    q, k, v = _qkv(self, x)
    pattern = (_scores(q, k) / math.sqrt(q.shape[-1])).softmax(-1)
    return _write(self, pattern * ref.causal_mask(x.shape[1]), v)


def at_no_mask(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, (_scores(q, k) / math.sqrt(q.shape[-1])).softmax(-1), v)


def at_no_scale(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, _masked(_scores(q, k)).softmax(-1), v)


def at_scale_d_model(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, _masked(_scores(q, k) / math.sqrt(x.shape[-1])).softmax(-1), v)


def at_no_b_O(self, x):
    return ref.Attention.forward(self, x) - self.b_O


def at_no_b_V(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ref.attention_pattern(q, k), v - self.b_V)


def at_swapped(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ref.attention_pattern(k, q), v)


def at_adds_x(self, x):
    return x + ref.Attention.forward(self, x)


def at_no_return(self, x):
    ref.Attention.forward(self, x)


# --- mlp
class LinearFunctions(nn.Module):
    """The weights of the exercise, used through `F.linear`."""

    def __init__(self, cfg):
        super().__init__()
        self.register_parameter("W_in", nn.Parameter(torch.randn(cfg.d_model, cfg.d_mlp) / 50))
        self.register_parameter("W_out", nn.Parameter(torch.randn(cfg.d_mlp, cfg.d_model) / 50))
        self.b_in, self.b_out = (nn.Parameter(torch.zeros(n)) for n in (cfg.d_mlp, cfg.d_model))

    def forward(self, x):
        hidden = F.gelu(F.linear(x, self.W_in.T, self.b_in), approximate="tanh")
        return F.linear(hidden, self.W_out.T, self.b_out)


def mlp_by_logistic(self, x):
    """(1 + tanh y) / 2 is the logistic function of 2 y."""
    h = x @ self.W_in + self.b_in
    h = h * torch.sigmoid(2 * math.sqrt(2 / math.pi) * (h + 0.044715 * h.pow(3)))
    return torch.addmm(self.b_out, h.flatten(0, 1), self.W_out).view_as(x)


def _mlp(name, act):
    def forward(self, x):
        return act(x @ self.W_in + self.b_in) @ self.W_out + self.b_out

    return module(ref.MLP, name, forward)


def mlp_no_b_in(self, x):
    return ref.gelu(x @ self.W_in) @ self.W_out + self.b_out


def mlp_act_last(self, x):
    return ref.gelu((x @ self.W_in + self.b_in) @ self.W_out + self.b_out)


# --- block
class Sequential(nn.Module):
    """The reference's parts, called through `nn.Sequential`."""

    def __init__(self, cfg):
        super().__init__()
        self.ln1, self.attn = ref.LayerNorm(cfg), ref.Attention(cfg)
        self.ln2, self.mlp = ref.LayerNorm(cfg), ref.MLP(cfg)

    def forward(self, stream):
        for half in (nn.Sequential(self.ln1, self.attn), nn.Sequential(self.ln2, self.mlp)):
            stream = torch.stack([stream, half(stream)]).sum(0)
        return stream


class WithTorchNorm(ref.Block):
    """LayerNorm by PyTorch's function, in a class of the learner's."""

    def __init__(self, cfg):
        super().__init__(cfg)
        Norm = module(ref.LayerNorm, "Norm", ln_by_functional)
        self.ln1, self.ln2 = Norm(cfg), Norm(cfg)


def bl_post_ln(self, x):
    x = self.ln1(x + self.attn(x))
    return self.ln2(x + self.mlp(x))


def bl_parallel(self, x):
    return x + self.attn(self.ln1(x)) + self.mlp(self.ln2(x))


def bl_no_residual(self, x):
    return self.mlp(self.ln2(self.attn(self.ln1(x))))


def bl_no_second_residual(self, x):
    return self.mlp(self.ln2(x + self.attn(self.ln1(x))))


def bl_adds_normalised(self, x):
    x = self.ln1(x)
    x = x + self.attn(x)
    x = self.ln2(x)
    return x + self.mlp(x)


def bl_one_norm(self, x):
    x = x + self.attn(self.ln1(x))
    return x + self.mlp(self.ln1(x))


def bl_no_norm(self, x):
    x = x + self.attn(x)
    return x + self.mlp(x)


def bl_mlp_first(self, x):
    x = x + self.mlp(self.ln2(x))
    return x + self.attn(self.ln1(x))


class OneNorm(transformer.Block):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.ln2 = self.ln1


# --- transformer
def tf_by_functional(self, tokens):
    x = F.embedding(tokens, self.W_E)
    x = x + self.W_pos[torch.arange(tokens.shape[1])]
    for i in range(len(self.blocks)):
        x = self.blocks[i](x)
    return F.linear(self.ln_final(x), self.W_E)


def tf_sequential(self, tokens):
    x = nn.Sequential(*self.blocks, self.ln_final)(ref.embed(tokens, self.W_E, self.W_pos))
    return torch.einsum("bpm,vm->bpv", x, self.W_E)


def tf_no_final_norm(self, tokens):
    x = ref.embed(tokens, self.W_E, self.W_pos)
    for block in self.blocks:
        x = block(x)
    return x @ self.W_E.T


def tf_probabilities(self, tokens):
    return ref.Transformer.forward(self, tokens).softmax(-1)


def tf_last_only(self, tokens):
    return ref.Transformer.forward(self, tokens)[:, -1]


class PlainList(nn.Module):
    """Blocks in a list that PyTorch does not see."""

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.W_E = nn.Parameter(torch.randn(cfg.d_vocab, cfg.d_model))
        self.W_pos = nn.Parameter(torch.randn(cfg.n_ctx, cfg.d_model))
        self.blocks = [ref.Block(cfg) for _ in range(cfg.n_layers)]
        self.ln_final = ref.LayerNorm(cfg)

    forward = ref.Transformer.forward


# --- attention_weights
def aw_by_hand(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    width = len(c_proj_weight)
    d = width // n_heads
    found = {"W_O": torch.stack(c_proj_weight.split(d))}
    for i, name in enumerate("QKV"):
        heads = range(i * width, (i + 1) * width, d)
        found["W_" + name] = torch.stack([c_attn_weight[:, c : c + d] for c in heads])
        found["b_" + name] = torch.stack([c_attn_bias[c : c + d] for c in heads])
    return found


def aw_by_view(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    W = c_attn_weight.view(len(c_attn_weight), 3, n_heads, -1).permute(1, 2, 0, 3)
    b = c_attn_bias.view(3, n_heads, -1)
    found = {f"W_{name}": W[i] for i, name in enumerate("QKV")}
    found |= {f"b_{name}": b[i] for i, name in enumerate("QKV")}
    return found | {"W_O": c_proj_weight.view(n_heads, -1, len(c_proj_weight))}


def aw_plain_reshape(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    right = ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
    for i, name in enumerate("QKV"):
        block = c_attn_weight.chunk(3, dim=1)[i]
        right[f"W_{name}"] = block.reshape(right[f"W_{name}"].shape)
    return right


def aw_transposed(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    q, k, v = (W.T for W in c_attn_weight.chunk(3, dim=1))
    side_by_side = torch.cat([q, k, v], 1)
    return ref.attention_weights(side_by_side, c_attn_bias, c_proj_weight, n_heads)


def aw_swapped(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    found = ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
    found["W_Q"], found["W_K"] = found["W_K"], found["W_Q"]
    return found


# --- generate
def gen_growing_list(model, tokens, n_new, temperature=0.0, generator=None):
    rows = tokens.tolist()
    for _ in range(n_new):
        window = torch.tensor([row[-model.cfg.n_ctx :] for row in rows])
        last = model(window)[:, -1, :]
        if temperature:
            last = (last / temperature).log_softmax(-1).exp()
            chosen = torch.multinomial(last, 1, generator=generator)[:, 0]
        else:
            chosen = last.max(-1).indices
        for row, token in zip(rows, chosen.tolist(), strict=True):
            row.append(token)
    return torch.tensor(rows)


def gen_gumbel(model, tokens, n_new, temperature=0.0, generator=None):
    """Draws by adding Gumbel noise to the logits."""
    for _ in range(n_new):
        logits = model(tokens[:, -model.cfg.n_ctx :])[:, -1]
        if temperature > 0:
            noise = torch.rand(logits.shape, generator=generator).clamp(1e-9)
            logits = logits / temperature - (-noise.log()).log()
        tokens = torch.hstack([tokens, logits.argmax(-1)[:, None]])
    return tokens


def gen_first_position(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        new = model(tokens)[:, 0].argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, new], 1)
    return tokens


def gen_no_feedback(model, tokens, n_new, temperature=0.0, generator=None):
    new = model(tokens)[:, -1].argmax(-1, keepdim=True)
    return torch.cat([tokens] + [new] * n_new, 1)


def gen_only_new(model, tokens, n_new, temperature=0.0, generator=None):
    return ref.generate(model, tokens, n_new, temperature, generator)[:, tokens.shape[1] :]


def gen_times_temperature(model, tokens, n_new, temperature=0.0, generator=None):
    if temperature:
        temperature = 1 / temperature
    return ref.generate(model, tokens, n_new, temperature, generator)


LEAK = "future tokens leak: changing token"


def embed_sine(tokens, W_E, W_pos):
    return W_E[tokens] + torch.sin(W_pos[: tokens.shape[1]])


def embed_normalised(tokens, W_E, W_pos):
    return F.normalize(W_E[tokens] + W_pos[: tokens.shape[1]], dim=-1)


def embed_by_loop(tokens, W_E, W_pos):
    rows = [[W_E[t] + W_pos[i] for i, t in enumerate(text)] for text in tokens.tolist()]
    return torch.stack([torch.stack(row) for row in rows])


def ln_max(self, x):
    return (x - x.mean(-1, keepdim=True)) / x.abs().amax(-1, keepdim=True) * self.w + self.b


def ln_median(self, x):
    centred = x - x.median(-1, keepdim=True).values
    return centred / (x.var(-1, keepdim=True, correction=0) + self.eps).sqrt() * self.w + self.b


def ap_top(q, k):
    pattern = _masked(_scores(q, k) / math.sqrt(q.shape[-1])).softmax(-1)
    return F.one_hot(pattern.argmax(-1), pattern.shape[-1]).float()


def ap_cosine(q, k):
    q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
    return _masked(_scores(q, k)).softmax(-1)


def ap_window(q, k):
    scores = _scores(q, k) / math.sqrt(q.shape[-1])
    n = scores.shape[-1]
    near = torch.ones(n, n).tril().triu(-2).bool()
    return scores.masked_fill(~near, -math.inf).softmax(-1)


def at_scale_left_out(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, _masked(_scores(q, k)).softmax(-1), v)


def at_transposed_output(self, x):
    q, k, v = _qkv(self, x)
    pattern = ref.attention_pattern(q, k)
    z = torch.einsum("bhqk,bqhd->bqhd", pattern, v)
    return torch.einsum("bphd,hdm->bpm", z, self.W_O) + self.b_O


def at_mean_heads(self, x):
    q, k, v = _qkv(self, x)
    z = torch.einsum("bhqk,bkhd->bqhd", ref.attention_pattern(q, k), v)
    return torch.einsum("bphd,hdm->bphm", z, self.W_O).mean(2) + self.b_O


def mlp_residual_gelu(self, x):
    pre = x @ self.W_in + self.b_in
    return (pre + F.gelu(pre, approximate="tanh")) @ self.W_out + self.b_out


def mlp_leaky(self, x):
    return F.leaky_relu(x @ self.W_in + self.b_in) @ self.W_out + self.b_out


def bl_mlp_without_norm_of_new(self, x):
    attn = self.attn(self.ln1(x))
    return x + attn + self.mlp(self.ln2(x + attn) + attn)


def bl_swapped_order(self, x):
    x = x + self.mlp(self.ln1(x))
    return x + self.attn(self.ln2(x))


def tf_positions_each_layer(self, tokens):
    x = self.W_E[tokens]
    for block in self.blocks:
        x = block(x + self.W_pos[: tokens.shape[1]])
    return self.ln_final(x) @ self.W_E.T


def tf_skips_last(self, tokens):
    x = ref.embed(tokens, self.W_E, self.W_pos)
    for block in self.blocks[:-1]:
        x = block(x)
    return self.ln_final(x) @ self.W_E.T


def aw_output_transposed_heads(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    found = ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
    return found | {"W_O": found["W_O"].flip(0)}


def gen_drops_prompt_start(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        tokens = tokens[:, -model.cfg.n_ctx :]
        tokens = ref.generate(model, tokens, 1, temperature, generator)
    return tokens


def gen_ignores_batch(model, tokens, n_new, temperature=0.0, generator=None):
    first = ref.generate(model, tokens[:1], n_new, temperature, generator)[:, tokens.shape[1] :]
    return torch.cat([tokens, first.expand(len(tokens), -1)], 1)


def gen_bounded(model, tokens, n_new, temperature=0.0, generator=None):
    was = model.training
    model.train(False)
    with torch.inference_mode():
        for _ in range(int(n_new)):
            at_end = model(tokens[:, -model.cfg.n_ctx :]).select(1, -1)
            if temperature == 0:
                new = at_end.max(-1, keepdim=True).indices
            else:
                new = at_end.div(temperature).softmax(-1).multinomial(1, generator=generator)
            tokens = torch.cat((tokens, new), -1)
    model.train(was)
    return tokens.clone()


def embed_from_the_end(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[-tokens.shape[1] :]


def ln_std(self, x):
    return (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True) * self.w + self.b


def ap_scale_of_two(q, k):
    return _masked(_scores(q, k) / math.sqrt(8)).softmax(-1)


def ap_mask_zero(q, k):
    return (_scores(q, k) / math.sqrt(q.shape[-1])).tril().softmax(-1)


def at_without_output_bias(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ref.attention_pattern(q, k), v) - self.b_O


def at_forgets_v_bias(self, x):
    q, k, v = _qkv(self, x)
    return _write(self, ref.attention_pattern(q, k), v - self.b_V)


def mlp_exact(self, x):
    return F.gelu(x @ self.W_in + self.b_in) @ self.W_out + self.b_out


def bl_no_skip(self, x):
    x = self.attn(self.ln1(x))
    return x + self.mlp(self.ln2(x))


def tf_no_final_norm_here(self, tokens):
    x = ref.embed(tokens, self.W_E, self.W_pos)
    for block in self.blocks:
        x = block(x)
    return x @ self.W_E.T


def aw_reshape(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    found = ref.attention_weights(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
    return found | {"W_Q": c_attn_weight.chunk(3, 1)[0].reshape(found["W_Q"].shape)}


def gen_new_only(model, tokens, n_new, temperature=0.0, generator=None):
    return ref.generate(model, tokens, n_new, temperature, generator)[:, tokens.shape[1] :]


def gen_no_temperature(model, tokens, n_new, temperature=0.0, generator=None):
    return ref.generate(model, tokens, n_new, min(temperature, 1.0), generator)


# --- tries of one who walked the chapter from its first cell to its last
def _pat(q, k):
    n = q.shape[1]
    s = torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
    return s.masked_fill(~torch.ones(n, n).tril().bool(), -math.inf).softmax(-1)


def em_tokens(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[tokens]


def em_scaled(tokens, W_E, W_pos):
    return W_E[tokens] * W_E.shape[1] ** 0.5 + W_pos[: tokens.shape[1]]


def em_mean(tokens, W_E, W_pos):
    return W_E[tokens] + W_pos[tokens.shape[1] - 1]


def em_right(tokens, W_E, W_pos):
    return F.one_hot(tokens, len(W_E)).to(W_E.dtype) @ W_E + W_pos.narrow(0, 0, tokens.shape[1])


class _LN(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.eps = cfg.eps
        self.w = nn.Parameter(torch.ones(cfg.d_model))
        self.b = nn.Parameter(torch.zeros(cfg.d_model))


class LnStd(_LN):
    def forward(self, x):
        return (x - x.mean(-1, keepdim=True)) / (
            x.std(-1, keepdim=True) + self.eps
        ) * self.w + self.b


class LnNoW(_LN):
    def forward(self, x):
        return (x - x.mean(-1, keepdim=True)) / (
            x.var(-1, keepdim=True, correction=0) + self.eps
        ).sqrt()


class LnBiasIn(_LN):
    def forward(self, x):
        return (
            (x - x.mean(-1, keepdim=True))
            / (x.var(-1, keepdim=True, correction=0) + self.eps).sqrt()
            + self.b
        ) * self.w


class LnWSq(_LN):
    def forward(self, x):
        c = (x - x.mean(-1, keepdim=True)) * self.w
        return c / (c.var(-1, keepdim=True, correction=0) + self.eps).sqrt() + self.b


class LnVarOnly(_LN):
    def forward(self, x):
        return (x - x.mean(-1, keepdim=True)) / (
            x.var(-1, keepdim=True, correction=0) + self.eps
        ) * self.w + self.b


class LnItem(_LN):
    def forward(self, x):
        y = torch.zeros_like(x)
        for b in range(x.shape[0]):
            m = x[b].mean(-1, keepdim=True)
            v = ((x[b] - m) ** 2).sum(-1, keepdim=True)
            y[b] = (x[b] - m) / (v + self.eps).sqrt() * self.w + self.b
        return y


class LnRight(_LN):
    def forward(self, x):
        c = x - x.mean(-1, keepdim=True)
        return torch.addcmul(
            self.b, c * (c.square().mean(-1, keepdim=True) + self.eps).rsqrt(), self.w
        )


def ap_triu(q, k):
    n = q.shape[1]
    s = einops.einsum(q, k, "b q h d, b k h d -> b h q k") / math.sqrt(q.shape[-1])
    return s.masked_fill(torch.ones(n, n).tril().bool(), -math.inf).softmax(-1)


class _At(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        heads, width, d_head = cfg.n_heads, cfg.d_model, cfg.d_head
        self.W_Q = nn.Parameter(0.02 * torch.randn(heads, width, d_head))
        self.W_K = nn.Parameter(0.02 * torch.randn(heads, width, d_head))
        self.W_V = nn.Parameter(0.02 * torch.randn(heads, width, d_head))
        self.W_O = nn.Parameter(0.02 * torch.randn(heads, d_head, width))
        self.b_Q = nn.Parameter(torch.zeros(heads, d_head))
        self.b_K = nn.Parameter(torch.zeros(heads, d_head))
        self.b_V = nn.Parameter(torch.zeros(heads, d_head))
        self.b_O = nn.Parameter(torch.zeros(width))

    def _qkv(self, x):
        pairs = (self.W_Q, self.b_Q), (self.W_K, self.b_K), (self.W_V, self.b_V)
        return [torch.einsum("bpm,hmd->bphd", x, W) + b for W, b in pairs]


class AtBiasPerHead(_At):
    def forward(self, x):
        q, k, v = self._qkv(x)
        return (torch.einsum("bhqk,bkhd,hdm->bqhm", _pat(q, k), v, self.W_O) + self.b_O).sum(2)


class AtTransposed(_At):
    def forward(self, x):
        q, k, v = self._qkv(x)
        return torch.einsum("bhkq,bkhd,hdm->bqm", _pat(q, k), v, self.W_O) + self.b_O


class AtNoWO(_At):
    def forward(self, x):
        q, k, v = self._qkv(x)
        return torch.einsum("bhqk,bkhd->bqhd", _pat(q, k), v)


class AtFlatOrder(_At):
    def forward(self, x):
        q, k, v = self._qkv(x)
        z = torch.einsum("bhqk,bkhd->bqdh", _pat(q, k), v).flatten(2)
        return z @ self.W_O.flatten(0, 1) + self.b_O


class AtOneHead(_At):
    def forward(self, x):
        q, k, v = self._qkv(x)
        p = _pat(q, k).mean(1)
        return torch.einsum("bqk,bkhd,hdm->bqm", p, v, self.W_O) + self.b_O


class AtScoresTwice(_At):
    def forward(self, x):
        q, k, v = self._qkv(x)
        return (
            torch.einsum("bhqk,bkhd,hdm->bqm", _pat(q / q.shape[-1] ** 0.5, k), v, self.W_O)
            + self.b_O
        )


class AtQfromK(_At):
    def forward(self, x):
        q, k, _ = self._qkv(x)
        return torch.einsum("bhqk,bkhd,hdm->bqm", _pat(q, k), k, self.W_O) + self.b_O


class AtRight(_At):
    def forward(self, x):
        q, k, v = (t.transpose(1, 2) for t in self._qkv(x))
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return z.transpose(1, 2).flatten(2) @ self.W_O.flatten(0, 1) + self.b_O


class _M(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.W_in = nn.Parameter(0.02 * torch.randn(cfg.d_model, cfg.d_mlp))
        self.b_in = nn.Parameter(torch.zeros(cfg.d_mlp))
        self.W_out = nn.Parameter(0.02 * torch.randn(cfg.d_mlp, cfg.d_model))
        self.b_out = nn.Parameter(torch.zeros(cfg.d_model))


class MlResid(_M):
    def forward(self, x):
        return x + F.gelu(x @ self.W_in + self.b_in, approximate="tanh") @ self.W_out + self.b_out


class MlLinear(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.W_in = nn.Linear(cfg.d_model, cfg.d_mlp)
        self.W_out = nn.Linear(cfg.d_mlp, cfg.d_model)

    def forward(self, x):
        return self.W_out(F.gelu(self.W_in(x), approximate="tanh"))


class MlNoAct(_M):
    def forward(self, x):
        return (x @ self.W_in + self.b_in) @ self.W_out + self.b_out


class MlTwice(_M):
    def forward(self, x):
        return F.gelu(
            F.gelu(x @ self.W_in + self.b_in, approximate="tanh") @ self.W_out + self.b_out,
            approximate="tanh",
        )


class MlFixed(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.W_in = nn.Parameter(0.02 * torch.randn(cfg.d_model, 4 * cfg.d_model))
        self.b_in = nn.Parameter(torch.zeros(4 * cfg.d_model))
        self.W_out = nn.Parameter(0.02 * torch.randn(4 * cfg.d_model, cfg.d_model))
        self.b_out = nn.Parameter(torch.zeros(cfg.d_model))

    def forward(self, x):
        return F.gelu(x @ self.W_in + self.b_in, approximate="tanh") @ self.W_out + self.b_out


class MlSigmoid(_M):
    def forward(self, x):
        y = x @ self.W_in + self.b_in
        return y * torch.sigmoid(1.702 * y) @ self.W_out + self.b_out


class MlNoSuper(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.W_in = torch.randn(cfg.d_model, cfg.d_mlp)
        self.b_in = torch.zeros(cfg.d_mlp)
        self.W_out = torch.randn(cfg.d_mlp, cfg.d_model)
        self.b_out = torch.zeros(cfg.d_model)

    def forward(self, x):
        return F.gelu(x @ self.W_in + self.b_in, approximate="tanh") @ self.W_out + self.b_out


class MlRight(_M):
    def forward(self, x):
        y = torch.einsum("bpd,dm->bpm", x, self.W_in) + self.b_in
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        return torch.einsum("bpm,md->bpd", y, self.W_out) + self.b_out


class _B(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.ln1, self.attn, self.ln2, self.mlp = (
            LnRight(cfg),
            AtRight(cfg),
            LnRight(cfg),
            MlRight(cfg),
        )


class BlIncrement(_B):
    def forward(self, x):
        a = self.attn(self.ln1(x))
        return a + self.mlp(self.ln2(x + a))


class BlRight(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.parts = None
        for n, p in (("ln1", LnRight), ("attn", AtRight), ("ln2", LnRight), ("mlp", MlRight)):
            self.add_module(n, p(cfg))

    def forward(self, x):
        for norm, part in ((self.ln1, self.attn), (self.ln2, self.mlp)):
            x = part(norm(x)) + x
        return x


class _T(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.W_E = nn.Parameter(0.02 * torch.randn(cfg.d_vocab, cfg.d_model))
        self.W_pos = nn.Parameter(0.02 * torch.randn(cfg.n_ctx, cfg.d_model))
        self.blocks = nn.ModuleList([BlRight(cfg) for _ in range(cfg.n_layers)])
        self.ln_final = LnRight(cfg)


class TrSameBlock(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.W_E = nn.Parameter(0.02 * torch.randn(cfg.d_vocab, cfg.d_model))
        self.W_pos = nn.Parameter(0.02 * torch.randn(cfg.n_ctx, cfg.d_model))
        self.blocks = nn.ModuleList([BlRight(cfg)] * cfg.n_layers)
        self.ln_final = LnRight(cfg)

    def forward(self, tokens):
        x = em_right(tokens, self.W_E, self.W_pos)
        for b in self.blocks:
            x = b(x)
        return self.ln_final(x) @ self.W_E.T


class TrSum(_T):
    def forward(self, tokens):
        x = em_right(tokens, self.W_E, self.W_pos)
        for b in self.blocks:
            x = x + b(x)
        return self.ln_final(x) @ self.W_E.T


class TrReversed(_T):
    def forward(self, tokens):
        x = em_right(tokens, self.W_E, self.W_pos)
        for b in reversed(self.blocks):
            x = b(x)
        return self.ln_final(x) @ self.W_E.T


class TrUnembed(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.W_E = nn.Parameter(0.02 * torch.randn(cfg.d_vocab, cfg.d_model))
        self.W_pos = nn.Parameter(0.02 * torch.randn(cfg.n_ctx, cfg.d_model))
        self.blocks = nn.ModuleList([BlRight(cfg) for _ in range(cfg.n_layers)])
        self.ln_final = LnRight(cfg)
        self.W_U = nn.Parameter(0.02 * torch.randn(cfg.d_model, cfg.d_vocab))

    def forward(self, tokens):
        x = em_right(tokens, self.W_E, self.W_pos)
        for b in self.blocks:
            x = b(x)
        return self.ln_final(x) @ self.W_U


class TrReload(_T):
    def forward(self, tokens):
        x = em_right(tokens, self.W_E, self.W_pos)
        x0 = x
        for b in self.blocks:
            x = b(x0)
        return self.ln_final(x) @ self.W_E.T


def aw_right(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    m = c_attn_weight.shape[0]
    d = m // n_heads
    w = c_attn_weight.view(m, 3, n_heads, d).permute(1, 2, 0, 3)
    b = c_attn_bias.view(3, n_heads, d)
    found = {"W_O": c_proj_weight.view(n_heads, d, m)}
    for i, name in enumerate("QKV"):
        found |= {f"W_{name}": w[i], f"b_{name}": b[i]}
    return found


def aw_order(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    """The columns as (d_head head)."""
    found = aw_right(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
    for name, W in zip("QKV", c_attn_weight.chunk(3, 1)):
        found[f"W_{name}"] = einops.rearrange(W, "m (d h) -> h m d", h=n_heads)
    return found


def aw_heads_first(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    """Each head's columns are cut into Q, K and V."""
    w = einops.rearrange(c_attn_weight, "m (h t d) -> t h m d", t=3, h=n_heads)
    b = einops.rearrange(c_attn_bias, "(h t d) -> t h d", t=3, h=n_heads)
    found = {"W_O": einops.rearrange(c_proj_weight, "(h d) m -> h d m", h=n_heads)}
    for i, name in enumerate("QKV"):
        found |= {f"W_{name}": w[i], f"b_{name}": b[i]}
    return found


def aw_wo_cols(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    r = aw_right(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
    return r | {"W_O": einops.rearrange(c_proj_weight, "m (h d) -> h d m", h=n_heads)}


def aw_heads_transposed(c_attn_weight, c_attn_bias, c_proj_weight, n_heads):
    r = aw_right(c_attn_weight, c_attn_bias, c_proj_weight, n_heads)
    return r | {k: r[k].transpose(1, 2) for k in ("W_Q", "W_K", "W_V")}


def ge_no_crop(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        l = model(tokens)[:, -1]
        new = (
            l.argmax(-1, keepdim=True)
            if temperature == 0
            else torch.multinomial((l / temperature).softmax(-1), 1, generator=generator)
        )
        tokens = torch.cat([tokens, new], 1)
    return tokens


def ge_oldest(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        l = model(tokens[:, : model.cfg.n_ctx])[:, -1]
        new = (
            l.argmax(-1, keepdim=True)
            if temperature == 0
            else torch.multinomial((l / temperature).softmax(-1), 1, generator=generator)
        )
        tokens = torch.cat([tokens, new], 1)
    return tokens


def ge_no_gen(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        l = model(tokens[:, -model.cfg.n_ctx :])[:, -1]
        new = (
            l.argmax(-1, keepdim=True)
            if temperature == 0
            else torch.multinomial((l / temperature).softmax(-1), 1)
        )
        tokens = torch.cat([tokens, new], 1)
    return tokens


def ge_always_greedy(model, tokens, n_new, temperature=0.0, generator=None):
    for _ in range(n_new):
        l = model(tokens[:, -model.cfg.n_ctx :])[:, -1]
        tokens = torch.cat([tokens, l.argmax(-1, keepdim=True)], 1)
    return tokens


def ge_right(model, tokens, n_new, temperature=0.0, generator=None):
    out = torch.cat([tokens, tokens.new_zeros(len(tokens), n_new)], 1)
    for i in range(tokens.shape[1], out.shape[1]):
        l = model(out[:, max(0, i - model.cfg.n_ctx) : i])[:, -1]
        out[:, i] = (
            torch.multinomial(torch.softmax(l / temperature, -1), 1, generator=generator)[:, 0]
            if temperature
            else l.argmax(-1)
        )
    return out


class TrNoPos(_T):
    def forward(self, tokens):
        x = self.W_E[tokens]
        for block in self.blocks:
            x = block(x)
        return self.ln_final(x) @ self.W_E.T


class TrNormInLoop(_T):
    def forward(self, tokens):
        x = em_right(tokens, self.W_E, self.W_pos)
        for block in self.blocks:
            x = self.ln_final(block(x))
        return x @ self.W_E.T


class TrTokensOut(_T):
    def forward(self, tokens):
        x = em_right(tokens, self.W_E, self.W_pos)
        for block in self.blocks:
            x = block(x)
        return (self.ln_final(x) @ self.W_E.T).argmax(-1)


class BlNoMlp(_B):
    def forward(self, x):
        return x + self.attn(self.ln1(x))


class BlNormOfMlp(_B):
    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.ln2(self.mlp(x))


WRONG = {
    "embed": [
        (em_tokens, "are the tokens used as rows of W_pos"),
        (em_scaled, "multiplied by the root of d_model"),
        (em_mean, "the vector of the last position"),
        (embed_from_the_end, "last rows"),
        (embed_sine, "expected"),
        (embed_normalised, "scaled to length 1"),
        (embed_no_positions, "the positions are missing"),
        (embed_positions_by_token, "indexed with the tokens"),
        (embed_from_one, "the first token is at position 0"),
        (embed_whole_table, "only its first rows"),
        (tokens_as_positions, "are the tokens used as rows of W_pos?"),
    ],
    "layer_norm": [
        (LnStd, "epsilon stands outside the root"),
        (LnNoW, "w and b are missing"),
        (LnBiasIn, "b is added before w"),
        (LnWSq, "w is multiplied before the variance"),
        (LnVarOnly, "divides by the variance"),
        (LnItem, "the squares are added up"),
        (module(ref.LayerNorm, "Std", ln_std), "d − 1"),
        (module(ref.LayerNorm, "Max", ln_max), "variance"),
        (module(ref.LayerNorm, "Median", ln_median), "mean"),
        (_norm("EpsOutside", ln_eps_outside), "epsilon stands outside the square root"),
        (_norm("Unbiased", ln_unbiased), "divided by d − 1"),
        (_norm("OverPositions", ln_over_positions), "over the positions"),
        (_norm("NoMean", ln_no_mean), "the mean is not subtracted"),
    ],
    "attention_pattern": [
        (ap_triu, "NaN"),
        (ap_scale_of_two, "square root of d_head"),
        (ap_mask_of_hundred, "not low enough"),
        (ap_mask_zero, "−∞"),
        (ap_top, "softmax"),
        (ap_cosine, "scaled to length 1"),
        (ap_window, "may see get nothing"),
        (ap_after_softmax, "is the mask applied before the softmax?"),
        (ap_no_scale, "divide the scores by the square root of d_head"),
        (ap_over_queries, "the softmax runs over the queries"),
        (ap_hides_itself, "may look at itself"),
        (scores_only, "the softmax over the keys is missing"),
        (softmax_of_integers, "NotImplementedError"),  # and not: not written yet
    ],
    "attention": [
        (AtBiasPerHead, "once for each head"),
        (AtTransposed, "the sum runs over the queries"),
        (AtNoWO, "the result has four axes"),
        (AtFlatOrder, "z is joined with d_head before the heads"),
        (AtOneHead, "the mean of all heads"),
        (AtScoresTwice, "not by d_head itself"),
        (AtQfromK, "keys are used as values"),
        (module(ref.Attention, "NoBO", at_without_output_bias), "b_O is missing"),
        (module(ref.Attention, "NoBV", at_forgets_v_bias), "b_V is missing"),
        (module(ref.Attention, "NoScale", at_scale_left_out), "square root"),
        (module(ref.Attention, "TransposedOutput", at_transposed_output), "mixed with the pattern"),
        (module(ref.Attention, "MeanHeads", at_mean_heads), "averaged"),
        (module(ref.Attention, "Leaks", at_leaks), "is the mask applied before the softmax?"),
        (module(ref.Attention, "NoMask", at_no_mask), LEAK),
        (module(ref.Attention, "NoScale", at_no_scale), "square root of d_head"),
        (module(ref.Attention, "ScaleWidth", at_scale_d_model), "d_head, not by that of d_model"),
        (module(ref.Attention, "NoBO", at_no_b_O), "b_O is missing"),
        (module(ref.Attention, "NoBV", at_no_b_V), "b_V is missing"),
        (module(ref.Attention, "Swapped", at_swapped), "queries and keys are swapped"),
        (module(ref.Attention, "AddsX", at_adds_x), "x itself is added"),
        (module(ref.Attention, "NoReturn", at_no_return), "is the return statement missing?"),
    ],
    "mlp": [
        (MlResid, "x itself is added"),
        (MlLinear, "W_in is a Linear layer"),
        (MlNoAct, "GELU is missing"),
        (MlTwice, "GELU is taken twice"),
        (MlFixed, "take every size from cfg"),
        (MlSigmoid, "the sigmoid approximation"),
        (MlNoSuper, "W_in is a plain tensor"),
        (module(ref.MLP, "Exact", mlp_exact), "exact GELU"),
        (module(ref.MLP, "ResidualGelu", mlp_residual_gelu), "GELU"),
        (module(ref.MLP, "Leaky", mlp_leaky), "GELU"),
        (_mlp("Exact", F.gelu), 'approximate="tanh"'),
        (_mlp("Relu", torch.relu), "this is a ReLU"),
        (module(ref.MLP, "NoBIn", mlp_no_b_in), "b_in is missing"),
        (module(ref.MLP, "ActLast", mlp_act_last), "between the two matrices"),
    ],
    "block": [
        (BlNoMlp, "the MLP is missing"),
        (BlNormOfMlp, "LayerNorm stands after the mlp"),
        (BlIncrement, "only what the two halves add"),
        (module(ref.Block, "NoSkip", bl_no_skip), "attention's output replaces"),
        (module(ref.Block, "AttnTwice", bl_mlp_without_norm_of_new), "once more"),
        (module(ref.Block, "SwappedOrder", bl_swapped_order), "attention comes first"),
        (module(ref.Block, "PostLN", bl_post_ln), "post-LN"),
        (module(ref.Block, "Parallel", bl_parallel), "after attention has written to it"),
        (module(ref.Block, "NoResidual", bl_no_residual), "never added back"),
        (module(ref.Block, "NoSecond", bl_no_second_residual), "the MLP's output replaces"),
        (module(ref.Block, "AddsNormalised", bl_adds_normalised), "the normalised copy"),
        (module(ref.Block, "OneNorm", bl_one_norm), "ln1 is used twice"),
        (module(ref.Block, "NoNorm", bl_no_norm), "LayerNorm is missing"),
        (module(ref.Block, "MlpFirst", bl_mlp_first), "attention comes first"),
        (OneNorm, "ln1 and ln2 are one and the same object"),
    ],
    "transformer": [
        (TrNoPos, "the positions are missing"),
        (TrNormInLoop, "after each block"),
        (TrTokensOut, "not the most likely tokens"),
        (TrSameBlock, "one and the same object"),
        (TrSum, "added once more after each block"),
        (TrReversed, "the wrong order"),
        (TrUnembed, "a parameter W_U"),
        (TrReload, "only the last block is used"),
        (module(ref.Transformer, "NoFinalNorm", tf_no_final_norm_here), "ln_final is missing"),
        (module(ref.Transformer, "PositionsEachLayer", tf_positions_each_layer), "positions"),
        (module(ref.Transformer, "SkipsLast", tf_skips_last), "block"),
        (module(ref.Transformer, "NoFinal", tf_no_final_norm), "ln_final is missing"),
        (module(ref.Transformer, "Probs", tf_probabilities), "no softmax"),
        (module(ref.Transformer, "LastOnly", tf_last_only), "logits at every position"),
        (PlainList, "nn.ModuleList"),
    ],
    "attention_weights": [
        (aw_order, "the heads are interleaved"),
        (aw_heads_first, "cut from each head's columns"),
        (aw_wo_cols, "c_proj_weight is transposed"),
        (aw_heads_transposed, "expected (n_heads, d_model, d_head)"),
        (aw_reshape, "reshape alone"),
        (aw_output_transposed_heads, "W_O"),
        (aw_plain_reshape, "cuts rows where the columns"),
        (aw_transposed, "transposed"),
        (aw_swapped, "W_Q holds what belongs to W_K"),
    ],
    "generate": [
        (ge_no_crop, "reads at most 8"),
        (ge_oldest, "a later one is not"),
        (ge_no_gen, "do not come from the generator"),
        (ge_always_greedy, "all of 4000 equal prompts get the same token"),
        (gen_new_only, "not the new tokens alone"),
        (gen_no_temperature, "temperature is not used"),
        (gen_drops_prompt_start, "pos + n_new"),
        (gen_ignores_batch, "first one"),
        (gen_first_position, "the logits at the last position"),
        (gen_no_feedback, "feed it back"),
        (gen_only_new, "the prompt and its continuation"),
        (gen_times_temperature, "divide the logits by the temperature"),
    ],
}


RIGHT = {
    "embed": [
        embed_by_loop,
        embed_by_functional,
        embed_by_one_hot,
    ],
    "layer_norm": [
        _norm("ByFunctional", ln_by_functional),
        _norm("ByMoments", ln_by_moments),
    ],
    "attention_pattern": [
        ap_by_transpose,
        ap_by_loop,
    ],
    "attention": [
        AtRight,
        module(ref.Attention, "Fused", at_fused),
        module(ref.Attention, "HeadByHead", at_head_by_head),
    ],
    "mlp": [
        LinearFunctions,
        module(ref.MLP, "ByLogistic", mlp_by_logistic),
    ],
    "block": [
        BlRight,
        Sequential,
        WithTorchNorm,
    ],
    "transformer": [
        module(ref.Transformer, "ByFunctional", tf_by_functional),
        module(ref.Transformer, "BySequential", tf_sequential),
    ],
    "attention_weights": [
        aw_right,
        aw_by_hand,
        aw_by_view,
    ],
    "generate": [
        ge_right,
        gen_bounded,
        gen_growing_list,
        gen_gumbel,
    ],
}
