"""Answers to the exercises on induction heads, written without seeing its check."""

import itertools
import math

import einops
import numpy as np
import torch
import torch.nn.functional as F


# --- continue_pattern
def cp_right_dict(tokens):
    followed = {}
    for a, b in itertools.pairwise(tokens):
        followed[a] = b
    return followed.get(tokens[-1]) if len(tokens) else None


def cp_right_reversed_index(tokens):
    rev = list(tokens)[::-1]
    try:
        k = rev.index(rev[0], 1)
    except (ValueError, IndexError):
        return None
    return rev[k - 1]


def cp_right_negative(tokens):
    k = 2
    while k <= len(tokens):
        if tokens[-k] == tokens[-1]:
            return tokens[-k + 1]
        k += 1


def cp_wrong_first(tokens):  # takes the FIRST occurrence
    for i in range(len(tokens) - 1):
        if tokens[i] == tokens[-1]:
            return tokens[i + 1]
    return None


def cp_wrong_self(tokens):  # starts at the last position, which matches itself: IndexError
    for i in range(len(tokens) - 1, -1, -1):
        if tokens[i] == tokens[-1]:
            return tokens[i + 1]
    return None


def cp_wrong_position(tokens):  # returns the position, not the token
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i] == tokens[-1]:
            return i + 1
    return None


def cp_wrong_skips_zero(tokens):  # range stops at 0, so position 0 is never visited
    for i in range(len(tokens) - 2, 0, -1):
        if tokens[i] == tokens[-1]:
            return tokens[i + 1]
    return None


def cp_wrong_before(tokens):  # returns the token BEFORE the match
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i] == tokens[-1]:
            return tokens[i - 1]
    return None


def cp_wrong_else(tokens):  # gives up at the first mismatch (else: return None inside the loop)
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i] == tokens[-1]:
            return tokens[i + 1]
        else:
            return None


def cp_wrong_truthy(tokens):  # tests the answer with `or None`: token id 0 becomes None
    answer = None
    for i in range(len(tokens) - 1):
        if tokens[i] == tokens[-1]:
            answer = tokens[i + 1]
    return answer or None


def cp_wrong_empty(tokens):  # reads tokens[-1] before the loop: an empty list crashes
    last = tokens[-1]
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i] == last:
            return tokens[i + 1]
    return None


def cp_wrong_skips_neighbour(tokens):  # starts at len - 3: misses a match right before the last
    for i in range(len(tokens) - 3, -1, -1):
        if tokens[i] == tokens[-1]:
            return tokens[i + 1]
    return None


def cp_wrong_pop(tokens):  # right value, but pops the last token off the caller's list
    if not tokens:
        return None
    last = tokens.pop()
    for i in range(len(tokens) - 1, -1, -1):
        if tokens[i] == last:
            return ([*tokens, last])[i + 1]
    return None


# --- repeated_tokens
def rt_right_einops(half, bos):
    return F.pad(einops.repeat(half, "b s -> b (two s)", two=2), (1, 0), value=bos)


def rt_right_prealloc(half, bos):
    batch, seq = half.shape
    out = half.new_empty(batch, 1 + 2 * seq)
    out[:, 0] = bos
    out[:, 1 : seq + 1] = half
    out[:, -seq:] = half
    return out


def rt_right_numpy(half, bos):
    h = half.cpu().numpy()
    col = np.full((h.shape[0], 1), bos, dtype=h.dtype)
    return torch.from_numpy(np.hstack([col, h, h])).to(half.device)


def rt_right_lists(half, bos):
    return torch.tensor([[bos, *row, *row] for row in half.tolist()])


def rt_wrong_interleave(half, bos):  # repeats each token (A A B B), not the half (A B A B)
    return torch.cat([torch.full((len(half), 1), bos), half.repeat_interleave(2, dim=1)], dim=1)


def rt_wrong_bos_middle(half, bos):  # puts BOS before both halves
    first = torch.full((len(half), 1), bos)
    return torch.cat([first, half, first, half], dim=1)


def rt_wrong_bos_last(half, bos):  # puts BOS at the end
    return torch.cat([half, half, torch.full((len(half), 1), bos)], dim=1)


def rt_wrong_no_bos(half, bos):  # forgets BOS
    return torch.cat([half, half], dim=1)


def rt_wrong_dim0(half, bos):  # concatenates along the batch, after giving each part a BOS
    one = torch.cat([torch.full((len(half), 1), bos), half], dim=1)
    return torch.cat([one, one], dim=0)


def rt_wrong_one_row(half, bos):  # BOS for one row only: torch.cat raises for a bigger batch
    return torch.cat([torch.tensor([[bos]]), half, half], dim=1)


def rt_wrong_float(half, bos):  # torch.ones * bos is float, so the ids come out as floats
    return torch.cat([torch.ones(len(half), 1) * bos, half, half], dim=1)


def rt_wrong_zero(half, bos):  # ignores `bos` and writes 0
    return torch.cat([torch.zeros(len(half), 1, dtype=half.dtype), half, half], dim=1)


def rt_wrong_flip(half, bos):  # second half backwards
    return torch.cat([torch.full((len(half), 1), bos), half, half.flip(1)], dim=1)


def rt_wrong_same_row(half, bos):  # uses the first prompt for every row
    row = half[:1].expand(len(half), -1)
    return torch.cat([torch.full((len(half), 1), bos), row, row], dim=1)


# --- token_losses
def tl_right_ce(logits, tokens):
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")


def tl_right_nll(logits, tokens):
    b, p, v = logits.shape
    lp = F.log_softmax(logits.double(), dim=-1)[:, :-1].reshape(-1, v)
    return F.nll_loss(lp, tokens[:, 1:].reshape(-1), reduction="none").view(b, p - 1)


def tl_right_loop(logits, tokens):
    rows = []
    for b in range(len(tokens)):
        row = []
        for p in range(1, tokens.shape[1]):
            row.append(logits[b, p - 1].logsumexp(0) - logits[b, p - 1, tokens[b, p]])
        rows.append(torch.stack(row))
    return torch.stack(rows)


def tl_right_onehot(logits, tokens):
    hot = F.one_hot(tokens, logits.shape[-1])[:, 1:].to(logits.dtype)
    return -torch.einsum("bpv,bpv->bp", logits.log_softmax(-1)[:, :-1], hot)


def tl_right_softmax_log(logits, tokens):
    probs = logits.softmax(-1)
    b = torch.arange(len(tokens))[:, None]
    p = torch.arange(tokens.shape[1] - 1)[None]
    return -torch.log(probs[b, p, tokens[:, 1:]])


def tl_wrong_no_shift(logits, tokens):  # logits at p are scored on the token at p (no shift)
    lp = logits.log_softmax(-1)[:, :-1]
    return -lp.gather(-1, tokens[:, :-1, None])[..., 0]


def tl_wrong_shift_back(logits, tokens):  # shifts the wrong way: logits at p+1 score token p
    lp = logits.log_softmax(-1)[:, 1:]
    return -lp.gather(-1, tokens[:, :-1, None])[..., 0]


def tl_wrong_no_shift_1(logits, tokens):  # drops the first of both: again no shift
    lp = logits.log_softmax(-1)[:, 1:]
    return -lp.gather(-1, tokens[:, 1:, None])[..., 0]


def tl_wrong_sign(logits, tokens):  # forgets the minus
    lp = logits[:, :-1].log_softmax(-1)
    return lp.gather(-1, tokens[:, 1:, None])[..., 0]


def tl_wrong_bits(logits, tokens):  # log2: bits, not nats
    lp = logits[:, :-1].log_softmax(-1) / math.log(2)
    return -lp.gather(-1, tokens[:, 1:, None])[..., 0]


def tl_wrong_raw(logits, tokens):  # no softmax: minus the raw logit
    return -logits[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0]


def tl_wrong_double_softmax(logits, tokens):  # softmax, then cross_entropy (softmax twice)
    probs = logits.softmax(-1)[:, :-1]
    return F.cross_entropy(probs.transpose(1, 2), tokens[:, 1:], reduction="none")


def tl_wrong_axis(logits, tokens):  # log_softmax over the positions
    lp = logits[:, :-1].log_softmax(1)
    return -lp.gather(-1, tokens[:, 1:, None])[..., 0]


def tl_wrong_mean(logits, tokens):  # returns the mean loss, one number
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:])


def tl_wrong_extra_axis(logits, tokens):  # keeps the last axis of gather: [batch, pos - 1, 1]
    return -logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None])


def tl_wrong_prob(logits, tokens):  # minus the probability: forgets the logarithm
    return -logits[:, :-1].softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]


def tl_wrong_flat(logits, tokens):  # flattens and forgets to fold back: [batch * (pos - 1)]
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")


def tl_wrong_guess(logits, tokens):  # the loss of the model's best guess, not of the true token
    return -logits[:, :-1].log_softmax(-1).max(-1).values


# --- prefix_matching_score
def pm_right_diagonal(pattern, seq_len):
    return pattern.diagonal(1 - seq_len, dim1=-2, dim2=-1)[..., -seq_len:].mean()


def pm_right_loop(pattern, seq_len):
    total = 0.0
    for p in pattern:
        for k in range(2, seq_len + 2):
            total += p[k + seq_len - 1, k].item()
    return total / (len(pattern) * seq_len)


def pm_right_mask(pattern, seq_len):
    n = pattern.shape[-1]
    q, k = torch.arange(n)[:, None], torch.arange(n)[None]
    mask = (k == q - seq_len + 1) & (q > seq_len)
    return pattern.masked_select(mask).mean()


def pm_right_numpy(pattern, seq_len):
    a = pattern.numpy()[:, seq_len + 1 :, 2 : seq_len + 2]
    return torch.tensor(np.einsum("bii->b", a).mean() / seq_len)


def pm_wrong_duplicate(pattern, seq_len):  # the token itself (duplicate), one too early
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, q, q - seq_len].mean()


def pm_wrong_whole_diagonal(pattern, seq_len):  # whole diagonal: two queries of the first half too
    return pattern.diagonal(1 - seq_len, dim1=-2, dim2=-1).mean()


def pm_wrong_no_bos(
    pattern, seq_len
):  # forgets BOS: second half taken from seq_len to 2 seq_len - 1
    q = torch.arange(seq_len, 2 * seq_len)
    return pattern[:, q, q - seq_len + 1].mean()


def pm_wrong_swapped(pattern, seq_len):  # query and key swapped
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, q - seq_len + 1, q].mean()


def pm_wrong_block(pattern, seq_len):  # slices give the whole block, not its diagonal
    return pattern[:, seq_len + 1 :, 2 : seq_len + 2].mean()


def pm_wrong_sum(pattern, seq_len):  # sum over the queries (mean over prompts only)
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, q, q - seq_len + 1].sum(1).mean()


def pm_wrong_first_prompt(pattern, seq_len):  # only the first prompt
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[0, q, q - seq_len + 1].mean()


def pm_wrong_per_prompt(pattern, seq_len):  # one score per prompt, not one number
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, q, q - seq_len + 1].mean(1)


def pm_wrong_last_out(pattern, seq_len):  # arange stops one early: last query left out
    q = torch.arange(seq_len + 1, 2 * seq_len)
    return pattern[:, q, q - seq_len + 1].mean()


def pm_wrong_before(pattern, seq_len):  # the token BEFORE the first occurrence (sign of the 1)
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, q, q - seq_len - 1].mean()


def pm_wrong_masked_mean(pattern, seq_len):  # multiplies by a mask, divides by ALL entries
    n = pattern.shape[-1]
    q, k = torch.arange(n)[:, None], torch.arange(n)[None]
    return (pattern * ((k == q - seq_len + 1) & (q > seq_len))).mean()


def pm_wrong_max(pattern, seq_len):  # share of queries whose strongest key is the right one
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return (pattern[:, q].argmax(-1) == q - seq_len + 1).float().mean()


def pm_wrong_skip_first(pattern, seq_len):  # starts one late: first repeated token left out
    q = torch.arange(seq_len + 2, 2 * seq_len + 1)
    return pattern[:, q, q - seq_len + 1].mean()


# --- top_heads
def th_right_tuples(scores, threshold):
    rows = [(s, l, h) for l, row in enumerate(scores.tolist()) for h, s in enumerate(row)]
    return [f"{l}.{h}" for s, l, h in sorted(rows, reverse=True) if s >= threshold]


def th_right_argsort(scores, threshold):
    flat = scores.flatten()
    order = flat.argsort(descending=True)
    order = order[flat[order] >= threshold]
    return [f"{i // scores.shape[1]}.{i % scores.shape[1]}" for i in order.tolist()]


def th_right_numpy(scores, threshold):
    a = scores.numpy()
    layer, head = np.unravel_index(np.argsort(-a, axis=None, kind="stable"), a.shape)
    return [f"{l}.{h}" for l, h in zip(layer, head, strict=False) if not a[l, h] < threshold]


def th_right_greedy(scores, threshold):
    left = scores.clone()
    names = []
    while left.numel() and left.max() >= threshold:
        l, h = divmod(int(left.argmax()), left.shape[-1])
        names.append(f"{l}.{h}")
        left[l, h] = -torch.inf
    return names


def th_wrong_strict(scores, threshold):  # > instead of >=
    pairs = [tuple(p) for p in (scores > threshold).nonzero().tolist()]
    return [f"{l}.{h}" for l, h in sorted(pairs, key=lambda p: -scores[p])]


def th_wrong_unsorted(scores, threshold):  # not sorted: order of the layers
    return [f"{l}.{h}" for l, h in (scores >= threshold).nonzero().tolist()]


def th_wrong_weakest(scores, threshold):  # weakest first
    pairs = [tuple(p) for p in (scores >= threshold).nonzero().tolist()]
    return [f"{l}.{h}" for l, h in sorted(pairs, key=lambda p: scores[p])]


def th_wrong_swapped(scores, threshold):  # head.layer instead of layer.head
    pairs = [tuple(p) for p in (scores >= threshold).nonzero().tolist()]
    return [f"{h}.{l}" for l, h in sorted(pairs, key=lambda p: -scores[p])]


def th_wrong_from_one(scores, threshold):  # counts layers and heads from 1
    pairs = [tuple(p) for p in (scores >= threshold).nonzero().tolist()]
    return [f"{l + 1}.{h + 1}" for l, h in sorted(pairs, key=lambda p: -scores[p])]


def th_wrong_pairs(scores, threshold):  # returns the pairs, not the names
    pairs = [tuple(p) for p in (scores >= threshold).nonzero().tolist()]
    return sorted(pairs, key=lambda p: -scores[p])


def th_wrong_divmod(scores, threshold):  # splits the flat index by the number of LAYERS
    flat = scores.flatten()
    order = [i for i in flat.argsort(descending=True).tolist() if flat[i] >= threshold]
    return [f"{i // scores.shape[0]}.{i % scores.shape[0]}" for i in order]


def th_wrong_floats(scores, threshold):  # names as numbers: 1.4 instead of "1.4"
    pairs = [tuple(p) for p in (scores >= threshold).nonzero().tolist()]
    return [float(f"{l}.{h}") for l, h in sorted(pairs, key=lambda p: -scores[p])]


def th_wrong_all(scores, threshold):  # forgets the threshold
    pairs = [(l, h) for l in range(scores.shape[0]) for h in range(scores.shape[1])]
    return [f"{l}.{h}" for l, h in sorted(pairs, key=lambda p: -scores[p])]


def th_wrong_best_per_layer(scores, threshold):  # only the best head of each layer
    best = [(float(row.max()), l, int(row.argmax())) for l, row in enumerate(scores)]
    return [f"{l}.{h}" for s, l, h in sorted(best, reverse=True) if s >= threshold]


def th_wrong_tensor_names(scores, threshold):  # f-string of tensors: "tensor(1).tensor(4)"
    idx = (scores >= threshold).nonzero()
    idx = idx[scores[idx[:, 0], idx[:, 1]].argsort(descending=True)]
    return [f"{p[0]!r}.{p[1]!r}" for p in idx]


def th_wrong_joined(scores, threshold):  # one string "1.4, 2.0" instead of a list
    return ", ".join(th_right_tuples(scores, threshold))


def th_wrong_dict(scores, threshold):  # dict keyed by score: of two equal scores one is lost
    by = {s: f"{l}.{h}" for l, row in enumerate(scores.tolist()) for h, s in enumerate(row)}
    return [by[s] for s in sorted(by, reverse=True) if s >= threshold]


def th_wrong_abs(scores, threshold):  # takes the absolute value of the scores
    return th_right_tuples(scores.abs(), threshold)


# --- zero_head
def zh_right_mask(z, hook, head):
    keep = torch.ones(z.shape[2], dtype=z.dtype, device=z.device)
    keep[head] = 0
    return torch.einsum("bphd,h->bphd", z, keep)


def zh_right_fill(z, hook, head):
    return z.index_fill(2, torch.tensor([head], device=z.device), 0.0)


def zh_right_where(z, hook, head):
    is_head = (torch.arange(z.size(-2), device=z.device) == head)[:, None]
    return torch.where(is_head, torch.zeros_like(z), z)


def zh_right_stack(z, hook, head):
    parts = [torch.zeros_like(p) if i == head else p for i, p in enumerate(z.unbind(-2))]
    return torch.stack(parts, dim=-2)


def zh_right_numpy(z, hook, head):
    a = z.detach().cpu().numpy().copy()
    a[..., head, :] = 0
    return torch.from_numpy(a).to(z.device)


def zh_wrong_in_place(z, hook, head):  # changes z in place, no clone
    z[:, :, head] = 0
    return z


def zh_wrong_alias(z, hook, head):  # `out = z` is no copy
    out = z
    out[:, :, head, :] = 0.0
    return out


def zh_wrong_pos_axis(z, hook, head):  # zeroes the position, not the head
    z = z.clone()
    z[:, head] = 0
    return z


def zh_wrong_d_axis(z, hook, head):  # zeroes one dimension of every head (last axis)
    z = z.clone()
    z[..., head] = 0
    return z


def zh_wrong_batch_axis(z, hook, head):  # zeroes a whole prompt (first axis)
    z = z.clone()
    z[head] = 0
    return z


def zh_wrong_no_return(z, hook, head):  # forgets the return
    z = z.clone()
    z[:, :, head] = 0


def zh_wrong_only_slice(z, hook, head):  # returns only the silenced head
    z = z.clone()
    z[:, :, head] = 0
    return z[:, :, head]


def zh_wrong_others(z, hook, head):  # keeps the head, silences all others
    out = torch.zeros_like(z)
    out[:, :, head] = z[:, :, head]
    return out


def zh_wrong_removed(z, hook, head):  # removes the head: shape has one head less
    return torch.cat([z[:, :, :head], z[:, :, head + 1 :]], dim=2)


def zh_wrong_last_pos(z, hook, head):  # only at the last position
    z = z.clone()
    z[:, -1, head] = 0
    return z


def zh_wrong_mean(z, hook, head):  # mean-ablates instead of zero
    z = z.clone()
    z[:, :, head] = z[:, :, head].mean(dim=(0, 1))
    return z


def zh_wrong_all(z, hook, head):  # silences every head of the layer
    return torch.zeros_like(z)


def zh_wrong_first_prompt(z, hook, head):  # only in the first prompt
    z = z.clone()
    z[0, :, head] = 0
    return z


def zh_wrong_from_one(z, hook, head):  # counts heads from 1: silences head - 1
    z = z.clone()
    z[:, :, head - 1] = 0
    return z


def zh_wrong_upto(z, hook, head):  # slice z[:, :, :head]: the heads before it
    z = z.clone()
    z[:, :, :head] = 0
    return z


def zh_wrong_compare(z, hook, head):  # == instead of =: nothing changes
    z = z.clone()
    z[:, :, head] == 0
    return z


def zh_wrong_slice_clone(z, hook, head):  # clones the slice, zeroes it, returns the untouched z
    part = z[:, :, head].clone()
    part[:] = 0
    return z


# --- a second round
def cp_wrong_is(tokens):  # compares with `is`, not ==
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i] is tokens[-1]:
            return tokens[i + 1]
    return None


def cp_wrong_minus_one(tokens):  # returns -1, not None, when there is no match
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i] == tokens[-1]:
            return tokens[i + 1]
    return -1


def cp_wrong_print(tokens):  # prints the answer, does not return it
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i] == tokens[-1]:
            print(tokens[i + 1])
            return


def cp_right_tensor_free_recursion(tokens, k=2):
    if k > len(tokens):
        return None
    return (
        tokens[1 - k] if tokens[-k] == tokens[-1] else cp_right_tensor_free_recursion(tokens, k + 1)
    )


def rt_wrong_hard_bos(half, bos):  # writes GPT-2's BOS, ignores the argument
    return torch.cat([torch.full((len(half), 1), 50256), half, half], dim=1)


def rt_wrong_stack(half, bos):  # stack: a new axis
    one = torch.cat([torch.full((len(half), 1), bos), half], dim=1)
    return torch.stack([one, half.new_zeros(one.shape).copy_(one)], dim=1)


def rt_wrong_seq_rows(half, bos):  # as many BOS rows as there are positions
    return torch.cat([torch.full((half.shape[1], 1), bos), half, half], dim=1)


def rt_wrong_overwrite(half, bos):  # BOS replaces the first token instead of standing before it
    both = torch.cat([half, half], dim=1)
    both[:, 0] = bos
    return both


def rt_wrong_bos_row(half, bos):  # BOS on top as a row, not in front as a column
    both = torch.cat([half, half], dim=1)
    return torch.cat([torch.full((1, both.shape[1]), bos), both], dim=0)


def tl_wrong_broadcast(logits, tokens):  # fancy index without batch and pos: shape explodes
    return -logits.log_softmax(-1)[:, :-1, tokens[:, 1:]]


def tl_wrong_padded(logits, tokens):  # keeps pos entries, with a 0 for the first token
    lp = logits[:, :-1].log_softmax(-1)
    return F.pad(-lp.gather(-1, tokens[:, 1:, None])[..., 0], (1, 0))


def tl_wrong_ce_axis(logits, tokens):  # cross_entropy with the vocabulary on the last axis
    return F.cross_entropy(logits[:, :-1], tokens[:, 1:], reduction="none")


def tl_wrong_reshape(logits, tokens):  # reshape where transpose was meant
    b, p, v = logits[:, :-1].shape
    return F.cross_entropy(logits[:, :-1].reshape(b, v, p), tokens[:, 1:], reduction="none")


def tl_wrong_log10(logits, tokens):  # log10
    lp = logits[:, :-1].softmax(-1).log10()
    return -lp.gather(-1, tokens[:, 1:, None])[..., 0]


def tl_wrong_prompt_mean(logits, tokens):  # mean over the prompts
    lp = logits[:, :-1].log_softmax(-1)
    return -lp.gather(-1, tokens[:, 1:, None])[..., 0].mean(0)


def tl_wrong_axis_before(logits, tokens):  # log_softmax over all positions, before the slice
    lp = logits.log_softmax(1)[:, :-1]
    return -lp.gather(-1, tokens[:, 1:, None])[..., 0]


def pm_wrong_start_seq_len(pattern, seq_len):  # starts at seq_len: one query of the first half
    q = torch.arange(seq_len, 2 * seq_len + 1)
    return pattern[:, q, q - seq_len + 1].mean()


def pm_wrong_loop_no_batch(pattern, seq_len):  # loop: divides by seq_len only, not by the batch
    total = 0.0
    for p in pattern:
        for q in range(seq_len + 1, 2 * seq_len + 1):
            total += p[q, q - seq_len + 1].item()
    return total / seq_len


def pm_wrong_two_after(pattern, seq_len):  # forgets BOS in the key: two places after
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, q, q - seq_len + 2].mean()


def pm_wrong_previous(pattern, seq_len):  # the previous-token diagonal
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, q, q - 1].mean()


def pm_wrong_no_mean(pattern, seq_len):  # returns the (batch, seq_len) table
    q = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, q, q - seq_len + 1]


def pm_wrong_from_first_half(pattern, seq_len):  # queries 1 .. seq_len, negative keys wrap round
    q = torch.arange(1, seq_len + 1)
    return pattern[:, q, q - seq_len + 1].mean()


def pm_wrong_fixed_50(pattern, seq_len):  # writes the page's 50 instead of seq_len
    q = torch.arange(51, 101)
    return pattern[:, q, q - 49].mean()


def th_wrong_decimal(scores, threshold):  # name as a decimal number: head 10 of layer 1 is "2.0"
    pairs = [tuple(p) for p in (scores >= threshold).nonzero().tolist()]
    return [str(round(l + h / 10, 1)) for l, h in sorted(pairs, key=lambda p: -scores[p])]


def th_wrong_by_name(scores, threshold):  # sorts the names, not the scores, and reverses
    pairs = (scores >= threshold).nonzero().tolist()
    return sorted((f"{l}.{h}" for l, h in pairs), reverse=True)


def th_wrong_changes_scores(scores, threshold):  # greedy without clone: wipes the caller's scores
    names = []
    while scores.max() >= threshold:
        l, h = divmod(int(scores.argmax()), scores.shape[-1])
        names.append(f"{l}.{h}")
        scores[l, h] = -1
    return names


def th_wrong_top3(scores, threshold):  # topk with a fixed k
    v, i = scores.flatten().topk(min(3, scores.numel()))
    n = scores.shape[1]
    return [
        f"{j // n}.{j % n}" for s, j in zip(v.tolist(), i.tolist(), strict=False) if s >= threshold
    ]


def th_wrong_none(scores, threshold):  # None, not [], when no head reaches the threshold
    return th_right_tuples(scores, threshold) or None


def th_wrong_below(scores, threshold):  # <= : the heads below the threshold
    pairs = [tuple(p) for p in (scores <= threshold).nonzero().tolist()]
    return [f"{l}.{h}" for l, h in sorted(pairs, key=lambda p: -scores[p])]


def th_wrong_fixed_threshold(scores, threshold):  # 0.5 instead of the argument
    return th_right_tuples(scores, 0.5)


def th_wrong_transposed_flat(scores, threshold):  # flat index of the heads kept only, not of all
    flat = scores.flatten()
    kept = flat[flat >= threshold]
    n = scores.shape[1]
    return [f"{i // n}.{i % n}" for i in kept.argsort(descending=True).tolist()]


def zh_wrong_numpy_shared(z, hook, head):  # numpy() shares memory: z is changed
    a = z.detach().numpy()
    a[:, :, head] = 0
    return torch.from_numpy(a)


def zh_wrong_one_more(z, hook, head):  # `head:` silences this head and all after it
    z = z.clone()
    z[:, :, head:] = 0
    return z


def zh_wrong_fixed_head(z, hook, head):  # always head 0
    z = z.clone()
    z[:, :, 0] = 0
    return z


def zh_wrong_first_entry(z, hook, head):  # only the first entry of the head's output
    z = z.clone()
    z[:, :, head, 0] = 0
    return z


def zh_wrong_not_copied_back(z, hook, head):  # assigns, then returns the function's clone: in place
    keep = z.clone()
    z[:, :, head] = 0
    return keep


def cp_before(tokens):
    for i in range(len(tokens) - 2, 0, -1):
        if tokens[i] == tokens[-1]:
            return tokens[i - 1]
    return None


def cp_list(tokens):
    return [b for a, b in itertools.pairwise(tokens) if a == tokens[-1]]


def rt_thrice(half, bos):
    return torch.cat([torch.full((len(half), 1), bos), half, half, half], 1)


def rt_rolled(half, bos):
    return torch.cat([torch.full((len(half), 1), bos), half, half.roll(1, 1)], 1)


def tl_mean_zero_start(logits, tokens):
    losses = F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
    return losses.view_as(tokens)[:, 1:]


def tl_entropy(logits, tokens):
    log_shares = logits[:, :-1].log_softmax(-1)
    return -(log_shares.exp() * log_shares).sum(-1)


def pm_from_bos(pattern, seq_len):
    query = torch.arange(seq_len, 2 * seq_len)
    return pattern[:, query, query - seq_len].mean()


def pm_first_key(pattern, seq_len):
    return pattern[:, seq_len + 1 :, 0].mean()


def pm_by_roll(pattern, seq_len):
    total = 0.0
    for q in range(seq_len + 1, 2 * seq_len + 1):
        total = total + pattern[:, q, q - seq_len + 1].mean()
    return total / seq_len


def th_strictly_above(scores, threshold):
    pairs = [tuple(p) for p in (scores > threshold).nonzero().tolist()]
    return [f"{a}.{b}" for a, b in sorted(pairs, key=lambda p: -scores[p])]


def th_letters(scores, threshold):
    pairs = [tuple(p) for p in (scores >= threshold).nonzero().tolist()]
    return [f"L{a}H{b}" for a, b in sorted(pairs, key=lambda p: -scores[p])]


def zh_first_position(z, hook, head):
    z = z.clone()
    z[:, 0, head] = 0
    return z


def zh_minus(z, hook, head):
    z = z.clone()
    z[:, :, head] *= -1
    return z


def zh_by_index_fill(z, hook, head):
    return z.index_fill(2, torch.tensor([head]), 0.0)


def first_match(tokens):
    for i, token in enumerate(tokens[:-1]):
        if token == tokens[-1]:
            return tokens[i + 1]
    return None


def interleaved(half, bos):
    start = torch.full((len(half), 1), bos)
    return torch.cat([start, half.repeat_interleave(2, 1)], 1)


def no_shift(logits, tokens):
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, :-1], reduction="none")


def duplicate(pattern, seq_len):
    query = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, query, query - seq_len].mean()


def weakest_first(scores, threshold):
    pairs = [tuple(p) for p in (scores >= threshold).nonzero().tolist()]
    return [f"{a}.{b}" for a, b in sorted(pairs, key=lambda p: scores[p])]


def zero_position(z, hook, head):
    z = z.clone()
    z[:, head] = 0
    return z


# --- tries of one who walked the chapter from its first cell to its last
def cp_self(tokens):
    for i in range(len(tokens) - 1, -1, -1):
        if tokens[i] == tokens[-1]:
            return tokens[i + 1]


def rt_dim0(half, bos):
    return torch.cat([torch.full((1, half.shape[1]), bos), half, half])


def rt_right(half, bos):
    return F.pad(half.tile(1, 2), (1, 0), value=bos)


WRONG = {
    "continue_pattern": [
        (cp_self, "must not match itself"),
        (first_match, "LATEST"),
        (cp_before, "AFTER"),
        (cp_list, "one token"),
        (cp_wrong_first, "take the LATEST earlier occurrence, not the first"),
        (cp_wrong_self, "the last position must not match itself"),
        (cp_wrong_position, "return the token itself, not its position"),
        (cp_wrong_skips_zero, "the match is at position 0: does your loop reach it?"),
        (cp_wrong_before, "return the token AFTER the match, not the one before it"),
        (cp_wrong_else, "does your loop go on after a position that does not match"),
        (cp_wrong_truthy, "0 is a token too, and it is false in Python: compare with"),
        (cp_wrong_empty, "an empty list gives None"),
        (cp_wrong_skips_neighbour, "the position before the last is a candidate too"),
        (cp_wrong_pop, "your function changed its argument tokens in place: work on"),
        (cp_wrong_is, "compare with ==, not with `is`"),
        (cp_wrong_minus_one, "the last token has no earlier occurrence, so return None"),
        (cp_wrong_print, "does your loop go on after a position that does not match"),
    ],
    "repeated_tokens": [
        (rt_dim0, "joined along the batch axis"),
        (interleaved, "doubled"),
        (rt_thrice, "expected"),
        (rt_rolled, "second half"),
        (rt_wrong_interleave, "each token is doubled on the spot (A A B B): repeat the"),
        (rt_wrong_bos_middle, "there is one BOS too many: it stands at the start only"),
        (rt_wrong_bos_last, "BOS stands at the end: it is the first token of every prompt"),
        (rt_wrong_no_bos, "BOS is missing: prompts of 4 tokens, twice, and BOS make 9"),
        (rt_wrong_dim0, "the half is repeated along the batch axis: join along the"),
        (rt_wrong_one_row, "the column of BOS needs one row for each prompt: len(half)"),
        (rt_wrong_float, "token ids are integers, and your result holds floats: see"),
        (rt_wrong_zero, "the first token should be the `bos` that is passed in"),
        (rt_wrong_flip, "the second half runs backwards: repeat it in the same order"),
        (rt_wrong_same_row, "every row is the first prompt: each row of `half` makes its"),
        (rt_wrong_hard_bos, "the first token should be the `bos` that is passed in"),
        (rt_wrong_stack, "the parts are stacked on a new axis: join them along the"),
        (rt_wrong_seq_rows, "the column of BOS needs one row for each prompt: len(half)"),
        (rt_wrong_overwrite, "BOS replaces the first token: it stands before the half"),
        (rt_wrong_bos_row, "BOS is a row on top: it is a column in front, one entry for"),
    ],
    "token_losses": [
        (no_shift, "same position"),
        (tl_mean_zero_start, "same position"),
        (tl_entropy, "entropy"),
        (tl_wrong_no_shift, "each loss is about the token at the same position: the"),
        (tl_wrong_shift_back, "the shift goes the wrong way: the logits at position i"),
        (tl_wrong_no_shift_1, "each loss is about the token at the same position: the"),
        (tl_wrong_sign, "the sign is wrong: the loss is MINUS the log-probability"),
        (tl_wrong_bits, "these are bits: use the natural logarithm, which gives nats"),
        (tl_wrong_raw, "these are minus the logits: log_softmax over the vocabulary"),
        (tl_wrong_double_softmax, "the softmax is taken twice: cross_entropy and log_softmax"),
        (tl_wrong_axis, "the softmax runs over the positions: it belongs on the"),
        (tl_wrong_mean, "return one loss for each predicted token, not their mean"),
        (tl_wrong_extra_axis, "gather leaves an axis of length 1: remove it with [..., 0]"),
        (tl_wrong_prob, "these are minus the probabilities: the logarithm is missing"),
        (tl_wrong_flat, "the result is flat: fold it back to (batch, pos - 1) = (2"),
        (tl_wrong_guess, "this is the loss of the most likely token: pick the token"),
        (tl_wrong_broadcast, "the index picks every token at every position: gather one"),
        (tl_wrong_padded, "5 tokens give 4 losses: nothing predicts the first token"),
        (tl_wrong_ce_axis, "cross_entropy takes the vocabulary as axis 1: pass"),
        (tl_wrong_reshape, "reshape mixes positions and vocabulary: transpose(1, 2)"),
        (tl_wrong_log10, "this is the logarithm to base 10: use the natural one"),
        (tl_wrong_prompt_mean, "this is a mean over the prompts: keep one loss for each"),
        (tl_wrong_axis_before, "the softmax runs over the positions: it belongs on the"),
    ],
    "prefix_matching_score": [
        (duplicate, "duplicate-token"),
        (pm_from_bos, "one"),
        (pm_first_key, "BOS"),
        (pm_wrong_duplicate, "this is attention to the token's own first occurrence (a"),
        (pm_wrong_whole_diagonal, "the mean runs over the whole diagonal, which begins two"),
        (pm_wrong_no_bos, "the queries are one too early: BOS takes position 0, so the"),
        (pm_wrong_swapped, "query and key are swapped: pattern[..., query, key], and"),
        (pm_wrong_block, "this is the mean of a whole block: two slices give every"),
        (pm_wrong_sum, "this is a sum over the queries: take their mean"),
        (pm_wrong_first_prompt, "only the first prompt counts: take the mean over the batch"),
        (pm_wrong_per_prompt, "one score for each prompt: take the mean over the batch too"),
        (pm_wrong_last_out, "the mean leaves out the last query: the second half ends at"),
        (pm_wrong_before, "this is attention to the token BEFORE the first occurrence"),
        (pm_wrong_masked_mean, "the pairs are right, and the divisor is not: divide by the"),
        (pm_wrong_max, "this counts how often the right token gets the most"),
        (pm_wrong_skip_first, "the mean leaves out the first repeated token: the second"),
        (pm_wrong_start_seq_len, "the mean starts one query early: BOS takes position 0, so"),
        (pm_wrong_loop_no_batch, "this is a sum over the prompts: take their mean"),
        (pm_wrong_two_after, "this looks two places after the first occurrence: one is"),
        (pm_wrong_previous, "this is attention to the previous token, in the second"),
        (pm_wrong_no_mean, "one number for each query: take the mean over the queries"),
        (pm_wrong_from_first_half, "the queries are those of the first half: the second half"),
        (pm_wrong_fixed_50, "seq_len is 4 here, and the pattern has 9 positions: is a"),
    ],
    "top_heads": [
        (weakest_first, "weakest"),
        (th_strictly_above, ">="),
        (th_letters, "layer, point, head"),
        (th_wrong_strict, "a head whose score equals the threshold counts: use >="),
        (th_wrong_unsorted, "the heads are right, and their order is not: sort by score"),
        (th_wrong_weakest, "the weakest head comes first: sort from the strongest down"),
        (th_wrong_swapped, "layer and head are swapped: names are layer.head, and"),
        (th_wrong_from_one, "layers and heads are counted from 0"),
        (th_wrong_pairs, "return names such as '1.2', not tuple objects"),
        (th_wrong_divmod, "the flat index is divided by the number of layers: divide"),
        (th_wrong_floats, "return names such as '1.2', not float objects"),
        (th_wrong_all, "every head is listed: keep those whose score reaches the"),
        (th_wrong_best_per_layer, "one head of each layer is listed: every head that reaches"),
        (th_wrong_tensor_names, "a name is layer, point, head, such as '1.2'; found"),
        (th_wrong_joined, "return a list of names, not str"),
        (th_wrong_dict, "two heads have the same score, and one of them is lost"),
        (th_wrong_abs, "head 0.0 has score −0.8 and is listed: compare the score"),
        (th_wrong_decimal, "head 10 of layer 1 is 1.10: a name is not a decimal number"),
        (th_wrong_by_name, "the heads are right, and their order is not: sort by score"),
        (th_wrong_changes_scores, "your function changed its argument scores in place: work on"),
        (th_wrong_top3, "heads are missing, however many reach the threshold"),
        (th_wrong_none, "no head reaches the threshold: return an empty list, not"),
        (th_wrong_below, "these are the heads BELOW the threshold"),
        (th_wrong_fixed_threshold, "with threshold 0.65 other heads remain: use the threshold"),
        (th_wrong_transposed_flat, "head 0.0 has score −0.8 and is listed: compare the score"),
    ],
    "zero_head": [
        (zero_position, "third axis"),
        (zh_first_position, "positions only"),
        (zh_minus, "not to zero"),
        (zh_wrong_in_place, "your function changed its argument z in place: work on a"),
        (zh_wrong_alias, "your function changed its argument z in place: work on a"),
        (zh_wrong_pos_axis, "this removes a position; the head is the third axis, z["),
        (zh_wrong_d_axis, "this removes one entry of every head; the head is the third"),
        (zh_wrong_batch_axis, "this removes a prompt; the head is the third axis, z["),
        (zh_wrong_no_return, "your function returns None: is the return statement missing?"),
        (zh_wrong_only_slice, "only the head comes back: return all of z, with zeros in"),
        (zh_wrong_others, "this keeps the head and removes all others: do the opposite"),
        (zh_wrong_removed, "the head is cut out: keep its place, with zeros in it"),
        (zh_wrong_last_pos, "head 1 is silent in some positions only: silence it in all"),
        (zh_wrong_mean, "head 1 is changed, and not to zero: set it to 0"),
        (zh_wrong_all, "this removes every head: set only z[:, :, head] to zero"),
        (zh_wrong_first_prompt, "head 1 is silent in some prompts only: silence it in all"),
        (zh_wrong_from_one, "heads [0] are silent, and with head = 1 only head 1 should"),
        (zh_wrong_upto, "heads [0] are silent, and with head = 1 only head 1 should"),
        (zh_wrong_compare, "nothing is changed: is the changed tensor the one that you"),
        (zh_wrong_slice_clone, "nothing is changed: is the changed tensor the one that you"),
        (zh_wrong_numpy_shared, "your function changed its argument z in place: work on a"),
        (zh_wrong_one_more, "heads [1, 2, 3] are silent, and with head = 1 only head 1"),
        (zh_wrong_fixed_head, "heads [0] are silent, and with head = 1 only head 1 should"),
        (zh_wrong_first_entry, "head 1 is silent in some entries of its output only"),
        (zh_wrong_not_copied_back, "your function changed its argument z in place: work on a"),
    ],
}


RIGHT = {
    "continue_pattern": [
        cp_right_tensor_free_recursion,
        cp_right_dict,
        cp_right_reversed_index,
        cp_right_negative,
    ],
    "repeated_tokens": [
        rt_right,
        rt_right_einops,
        rt_right_prealloc,
        rt_right_numpy,
        rt_right_lists,
    ],
    "token_losses": [
        tl_right_ce,
        tl_right_nll,
        tl_right_loop,
        tl_right_onehot,
        tl_right_softmax_log,
    ],
    "prefix_matching_score": [
        pm_by_roll,
        pm_right_diagonal,
        pm_right_loop,
        pm_right_mask,
        pm_right_numpy,
    ],
    "top_heads": [
        th_right_tuples,
        th_right_argsort,
        th_right_numpy,
        th_right_greedy,
    ],
    "zero_head": [
        zh_by_index_fill,
        zh_right_mask,
        zh_right_fill,
        zh_right_where,
        zh_right_stack,
        zh_right_numpy,
    ],
}
