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


WRONG = {
    "continue_pattern": [
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
        latest,
        by_dictionary,
    ],
    "repeated_tokens": [
        cat_halves,
        pad_repeat,
    ],
    "token_losses": [
        by_log_softmax,
        by_flat_cross_entropy,
        by_double_loop,
    ],
    "prefix_matching_score": [
        by_diagonal,
        by_loop,
        by_indexing,
    ],
    "top_heads": [
        sorted_names,
        by_topk,
    ],
    "zero_head": [
        by_clone,
        by_mask,
    ],
}
