"""Answers of the check's author to the exercises on induction heads."""

import itertools
import sys

import torch
import torch.nn.functional as F


# --- continue_pattern
def latest(tokens):
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i] == tokens[-1]:
            return tokens[i + 1]
    return None


def by_dictionary(tokens):
    if not tokens:
        return None
    return dict(itertools.pairwise(tokens)).get(tokens[-1])


def first_match(tokens):
    for i, token in enumerate(tokens[:-1]):
        if token == tokens[-1]:
            return tokens[i + 1]
    return None


def matches_itself(tokens):
    i = len(tokens) - 1 - tokens[::-1].index(tokens[-1])
    return tokens[i + 1]


def the_match_itself(tokens):
    return tokens[-1] if tokens and tokens[-1] in tokens[:-1] else None


def its_position(tokens):
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i] == tokens[-1]:
            return i + 1
    return None


def never_none(tokens):
    found = latest(tokens)
    return "nothing" if found is None else found


def truthy_only(tokens):
    # a token 0 is a token too
    return latest(tokens) or None


# --- repeated_tokens
def cat_halves(half, bos):
    return torch.cat([torch.full((len(half), 1), bos), half, half], dim=1)


def pad_repeat(half, bos):
    return F.pad(half.repeat(1, 2), (1, 0), value=bos)


# --- token_losses
def by_log_softmax(logits, tokens):
    log_probs = logits[:, :-1].log_softmax(-1)
    return -log_probs.gather(-1, tokens[:, 1:, None]).squeeze(-1)


def by_flat_cross_entropy(logits, tokens):
    batch, pos, vocab = logits.shape
    flat = F.cross_entropy(
        logits[:, :-1].reshape(-1, vocab), tokens[:, 1:].reshape(-1), reduction="none"
    )
    return flat.view(batch, pos - 1)


def by_double_loop(logits, tokens):
    rows = []
    for row, ids in zip(logits, tokens, strict=True):
        pairs = zip(row[:-1], ids[1:], strict=True)
        rows.append(torch.stack([torch.logsumexp(at, 0) - at[after] for at, after in pairs]))
    return torch.stack(rows)


def _gather(values, tokens):
    return values.gather(-1, tokens[..., None])[..., 0]


# --- prefix_matching_score
def by_diagonal(pattern, seq_len):
    return pattern.diagonal(1 - seq_len, dim1=-2, dim2=-1)[..., 2:].mean()


def by_loop(pattern, seq_len):
    total, count = 0.0, 0
    for prompt in pattern:
        for query in range(seq_len + 1, prompt.shape[0]):
            total += float(prompt[query, query - seq_len + 1])
            count += 1
    return total / count


def by_indexing(pattern, seq_len):
    query = torch.arange(seq_len + 1, pattern.shape[-1])
    return pattern[:, query, query - seq_len + 1].double().mean()


def _score(shift, first, reduce=torch.mean):
    def wrong(pattern, seq_len):
        k, f = shift(seq_len), first(seq_len)
        return reduce(pattern.diagonal(-k, dim1=1, dim2=2)[:, max(f - k, 0) :])

    return wrong


def hard_coded_length(pattern, seq_len):
    return by_diagonal(pattern, 4)


# --- top_heads
def sorted_names(scores, threshold):
    pairs = [(float(s), f"{i}.{j}") for i, row in enumerate(scores) for j, s in enumerate(row)]
    return [name for score, name in sorted(pairs, reverse=True) if score >= threshold]


def by_topk(scores, threshold):
    values, order = scores.flatten().sort(descending=True)
    width = scores.shape[1]
    kept = order[values >= threshold].tolist()
    return tuple(f"{i // width}.{i % width}" for i in kept)


def _renamed(rename):
    def wrong(scores, threshold):
        return [rename(*name.split(".")) for name in sorted_names(scores, threshold)]

    return wrong


# --- zero_head
def by_clone(z, hook, head):
    z = z.clone()
    z[:, :, head] = 0
    return z


def by_mask(z, hook, head):
    mask = torch.ones(z.shape[2]).to(z)
    mask[head] = 0
    return torch.einsum("bphd,h->bphd", z, mask)


def _zeroed(index):
    def wrong(z, hook, head):
        z = z.clone()
        z[index(head)] = 0
        return z

    return wrong


def in_place(z, hook, head):
    z[:, :, head] = 0
    return z


def no_return(*args):
    args[0].clone()


# --- accidents that any exercise can meet
def unwritten(*args):
    raise NotImplementedError


def quits(*args):
    sys.exit(1)


def divides(*args):
    return 1 / 0


def cp_any_neighbour(tokens):
    return next((b for a, b in itertools.pairwise(tokens) if a == tokens[-1]), None)


def cp_remembers(tokens, seen={}):  # noqa: B006
    for a, b in itertools.pairwise(tokens):
        seen[a] = b
    return seen.get(tokens[-1]) if tokens else None


def cp_raises(tokens):
    last = tokens[-1]
    return tokens[len(tokens) - 1 - tokens[-2::-1].index(last)]


def cp_by_successors(tokens):
    after = dict(itertools.pairwise(tokens))
    return after.get(tokens[-1]) if tokens else None


def rt_unique(half, bos):
    start = torch.full((len(half), 1), bos)
    kept = torch.stack([row.unique(sorted=False)[: half.shape[1]] for row in half[:1]] * len(half))
    return torch.cat([start, kept, kept], 1)


def rt_bos_of_five(half, bos):
    return F.pad(half.repeat(1, 2), (1, 0), value=5)


def rt_three_rows(half, bos):
    return torch.cat([torch.full((3, 1), bos), half, half], dim=1)


def rt_by_pad(half, bos):
    return F.pad(half.tile(2), (1, 0), value=bos)


def tl_shift_targets(logits, tokens):
    return F.cross_entropy(logits[:, 1:].transpose(1, 2), tokens[:, :-1], reduction="none")


def tl_squeezed(logits, tokens):
    shares = logits[:, :-1].log_softmax(-1)
    return -shares.gather(-1, tokens[:, 1:, None]).squeeze()


def tl_normed_by_all(logits, tokens):
    shares = logits[:, :-1].flatten(1).log_softmax(-1).view_as(logits[:, :-1])
    return -shares.gather(-1, tokens[:, 1:, None])[..., 0]


def tl_by_loop(logits, tokens):
    rows = []
    for scores, text in zip(logits, tokens, strict=True):
        rows.append(
            torch.stack([s.logsumexp(0) - s[t] for s, t in zip(scores[:-1], text[1:], strict=True)])
        )
    return torch.stack(rows)


def pm_median(pattern, seq_len):
    return pattern.diagonal(1 - seq_len, 1, 2)[:, 2:].median()


def pm_squeezed_prompts(pattern, seq_len):
    query = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern.squeeze()[:, query, query - seq_len + 1].mean()


def pm_of_batch_three(pattern, seq_len):
    query = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return pattern[:, query, query - seq_len + 1].sum() / (3 * seq_len)


def pm_every_key_up_to(pattern, seq_len):
    query = torch.arange(seq_len + 1, 2 * seq_len + 1)
    return torch.stack([pattern[:, q, : q - seq_len + 2].sum(-1) for q in query]).mean()


def pm_by_mask(pattern, seq_len):
    n = pattern.shape[-1]
    q, k = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    return pattern[:, (q > seq_len) & (k == q - seq_len + 1)].mean().item()


def th_sorted_names(scores, threshold):
    return sorted(
        (f"{layer}.{head}" for layer, head in (scores >= threshold).nonzero().tolist()),
        reverse=True,
    )


def th_by_strength(scores, threshold):
    places = scores.abs().flatten().argsort(descending=True).tolist()
    width = scores.shape[1]
    return [f"{i // width}.{i % width}" for i in places if abs(scores.flatten()[i]) >= threshold]


def th_twelve_heads(scores, threshold):
    flat = scores.flatten()
    order = flat.argsort(descending=True)
    return [f"{int(i) // 12}.{int(i) % 12}" for i in order if flat[i] >= threshold]


def th_by_numpy(scores, threshold):
    table = scores.numpy()
    found = [(-table[i, j], f"{i}.{j}") for i in range(len(table)) for j in range(table.shape[1])]
    return [name for strength, name in sorted(found) if -strength >= threshold]


def zh_if_head(z, hook, head):
    z = z.clone()
    if head:
        z[:, :, head] = 0
    return z


def zh_up_to(z, hook, head):
    z = z.clone()
    z[:, :, : head + 1] = 0
    return z


def zh_mean(z, hook, head):
    z = z.clone()
    z[:, :, head] = z[:, :, head].mean((0, 1))
    return z


def zh_reads_the_hook(z, hook, head):
    assert hook.name.endswith("hook_z")
    assert hook.layer() >= 0
    keep = torch.arange(z.shape[2], device=z.device) != head
    return z * keep[:, None]


WRONG = {
    "continue_pattern": [
        (cp_any_neighbour, "LATEST"),
        (cp_remembers, "the default of seen"),
        (cp_raises, "ValueError"),
        (first_match, "LATEST"),
        (matches_itself, "IndexError"),
        (the_match_itself, "AFTER the match"),
        (its_position, "not its position"),
        (never_none, "return None"),
        (truthy_only, "false in Python"),
        (unwritten, "not written yet"),
        (quits, "SystemExit"),
        (divides, "ZeroDivisionError"),
        ("a string", "function itself"),
    ],
    "repeated_tokens": [
        (rt_unique, "row"),
        (rt_bos_of_five, "`bos` that is passed in"),
        (rt_three_rows, "row for each prompt"),
        (lambda half, bos: half.repeat(1, 2), "BOS is missing"),
        (
            lambda half, bos: F.pad(half.repeat_interleave(2, 1), (1, 0), value=bos),
            "doubled on the spot",
        ),
        (lambda half, bos: F.pad(half.repeat(2, 1), (1, 0), value=bos), "batch axis"),
        (lambda half, bos: F.pad(half, (1, 0), value=bos).repeat(1, 2), "one BOS too many"),
        (lambda half, bos: F.pad(half.repeat(1, 2), (0, 1), value=bos), "BOS stands at the end"),
        (
            lambda half, bos: torch.cat([half, torch.full((len(half), 1), bos), half], 1),
            "between the halves",
        ),
        (lambda half, bos: F.pad(half.repeat(1, 2), (1, 0)), "yours is 0"),
        (
            lambda half, bos: torch.cat([torch.ones(len(half), 1) * bos, half, half], 1),
            "integers",
        ),
        (
            lambda half, bos: torch.cat([torch.full((len(half), 1), bos), half, half.flip(1)], 1),
            "backwards",
        ),
    ],
    "token_losses": [
        (tl_shift_targets, "wrong way"),
        (tl_squeezed, "(batch, pos - 1)"),
        (tl_normed_by_all, "softmax"),
        (lambda logits, tokens: -_gather(logits.log_softmax(-1), tokens)[:, :-1], "same position"),
        (lambda logits, tokens: -_gather(logits.log_softmax(-1), tokens)[:, 1:], "same position"),
        (lambda logits, tokens: -_gather(logits.log_softmax(-1), tokens), "5 tokens give 4"),
        (lambda logits, tokens: by_log_softmax(logits, tokens).mean(), "not their mean"),
        (lambda logits, tokens: -by_log_softmax(logits, tokens), "sign"),
        (lambda logits, tokens: torch.exp(-by_log_softmax(logits, tokens)), "probabilities"),
        (lambda logits, tokens: _gather(logits[:, :-1], tokens[:, 1:]), "these are logits"),
        (lambda logits, tokens: -_gather(logits[:, :-1], tokens[:, 1:]), "log_softmax"),
        (lambda logits, tokens: by_log_softmax(logits, tokens) / 0.6931472, "bits"),
        (
            lambda logits, tokens: -_gather(logits.log_softmax(1)[:, :-1], tokens[:, 1:]),
            "over the positions",
        ),
        (
            lambda logits, tokens: -_gather(logits.log_softmax(-1)[:, 1:], tokens[:, :-1]),
            "wrong way",
        ),
        (lambda logits, tokens: by_log_softmax(logits, tokens).flatten(), "fold it back"),
        (lambda logits, tokens: by_log_softmax(logits, tokens).numpy(), "return a tensor"),
        (lambda logits, tokens: by_log_softmax(logits, tokens) * float("nan"), "NaN"),
    ],
    "prefix_matching_score": [
        (pm_median, "mean"),
        (pm_squeezed_prompts, "stopped"),
        (pm_of_batch_three, "size written"),
        (pm_every_key_up_to, "that one alone"),
        (_score(lambda s: s, lambda s: s + 1), "duplicate-token"),
        (_score(lambda s: s + 1, lambda s: s + 1), "BEFORE the first occurrence"),
        (_score(lambda s: s - 2, lambda s: s + 1), "two places after"),
        (_score(lambda s: 1, lambda s: 1), "previous token"),
        (_score(lambda s: s - 1, lambda s: 0), "whole diagonal"),
        (_score(lambda s: s - 1, lambda s: s), "one query early"),
        (_score(lambda s: s - 1, lambda s: s + 2), "leaves out"),
        (_score(lambda s: s - 1, lambda s: s + 1, torch.sum), "sum over prompts and queries"),
        (_score(lambda s: s - 1, lambda s: s + 1, torch.max), "largest attention"),
        (_score(lambda s: s - 1, lambda s: s + 1, lambda d: d.mean(1)), "each prompt"),
        (_score(lambda s: s - 1, lambda s: s + 1, lambda d: d.mean(0)), "each query"),
        (lambda p, s: by_diagonal(p.transpose(1, 2), s), "swapped"),
        (lambda p, s: by_diagonal(p[:1], s), "first prompt"),
        (hard_coded_length, "with seq_len = 7"),
        (no_return, "returns None"),
    ],
    "top_heads": [
        (th_sorted_names, "order"),
        (th_by_strength, "score itself"),
        (th_twelve_heads, "size"),
        (lambda scores, t: sorted_names(scores, t)[::-1], "weakest head comes first"),
        (_renamed(lambda layer, head: f"{head}.{layer}"), "swapped"),
        (_renamed(lambda layer, head: f"{int(layer) + 1}.{int(head) + 1}"), "counted from 0"),
        (lambda scores, t: sorted(sorted_names(scores, t)), "order is not"),
        (lambda scores, t: sorted_names(scores, -1), "every head is listed"),
        (lambda scores, t: sorted_names(scores, t)[:3], "missing"),
        (lambda scores, t: sorted_names(scores, t + 1e-6), "use >="),
        (lambda scores, t: (scores >= t).nonzero().tolist(), "names such as"),
        (lambda scores, t: (scores >= t).nonzero(), "list of names"),
    ],
    "zero_head": [
        (zh_if_head, "nothing is changed"),
        (zh_up_to, "silent"),
        (zh_mean, "not to zero"),
        (_zeroed(lambda head: head), "removes a prompt"),
        (_zeroed(lambda head: (slice(None), head)), "removes a position"),
        (_zeroed(lambda head: (..., head)), "one entry of every head"),
        (lambda z, hook, head: z - by_clone(z, hook, head), "do the opposite"),
        (lambda z, hook, head: torch.zeros_like(z), "every head"),
        (lambda z, hook, head: z[:, :, head], "only the head comes back"),
        (lambda z, hook, head: z, "nothing is changed"),
        (in_place, "in place"),
        (no_return, "None"),
    ],
}


RIGHT = {
    "continue_pattern": [
        cp_by_successors,
        latest,
        by_dictionary,
    ],
    "repeated_tokens": [
        rt_by_pad,
        cat_halves,
        pad_repeat,
    ],
    "token_losses": [
        tl_by_loop,
        by_log_softmax,
        by_flat_cross_entropy,
        by_double_loop,
    ],
    "prefix_matching_score": [
        pm_by_mask,
        by_diagonal,
        by_loop,
        by_indexing,
    ],
    "top_heads": [
        th_by_numpy,
        sorted_names,
        by_topk,
    ],
    "zero_head": [
        zh_reads_the_hook,
        by_clone,
        by_mask,
    ],
}
