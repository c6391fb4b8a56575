"""Week 2, circuits in weights: what an induction head looks for, read from matrices alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import hooks, induction
from mi_course.claims import CANNOT_TELL, NO, YES, Finding, claim
from mi_course.claims.evidence import more_than
from mi_course.heads import Head, strongest_first
from mi_course.logit_lens import normalised

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

N_PROMPTS, SEQ_LEN = 10, 50  # on which the two heads are found, as on the page
N_TOKENS = 100  # in a sample


def _two_heads(model: TransformerBridge, seed: int) -> tuple[Head, Head]:
    """The previous-token head, and the strongest induction head in a later layer."""
    tokens = induction.repeated_tokens(model, N_PROMPTS, SEQ_LEN, seed=seed)
    patterns = hooks.attention_patterns(model, tokens)
    looks_back = induction.previous_token_score(patterns).mean(1)
    matches = induction.prefix_matching_score(patterns, SEQ_LEN).mean(1)
    previous = strongest_first(looks_back[:-1], 0)[0]
    return previous, next(h for h in strongest_first(matches, 0) if h[0] > previous[0])


def _draw(model: TransformerBridge, seed: int) -> Int[Tensor, "token"]:
    """Ids of different random tokens, as the page draws them."""
    low, high = induction.random_ids(model)
    generator = torch.Generator().manual_seed(seed)
    return low + torch.randperm(high - low, generator=generator)[:N_TOKENS]


def _ways(
    model: TransformerBridge, later: int, seed: int
) -> tuple[list[Head], Float[Tensor, "way d_model d_model"]]:
    """The OV circuit of every head before a layer, then a random one, then none."""
    heads = [(layer, head) for layer in range(later) for head in range(model.cfg.n_heads)]
    W_V, W_O = model.W_V.detach(), model.W_O.detach()
    every = [W_V[head] @ W_O[head] for head in heads]
    generator = torch.Generator().manual_seed(seed)
    shapes = W_V.shape[-2:], W_O.shape[-2:]
    a, b = (torch.randn(shape, generator=generator).to(W_V) for shape in shapes)
    return heads, torch.stack([*every, a @ b, torch.eye(len(a)).to(W_V)])


@claim(
    "week2/keys_answer_to_the_previous_token_head",
    doc="week2/circuits_in_weights",
    n=10,
    of="samples of 100 tokens",
    sentences={
        YES: "Through the previous-token head the strongest induction head matches more tokens "
        "with themselves than through any other earlier head, through random matrices, or with no "
        "head between, by over {bound} {unit}: in the weights its keys answer to what that head "
        "writes.",
        NO: "Through the previous-token head the strongest induction head does not match {bound} "
        "{unit} more with themselves than through the best of the others: earlier heads, random "
        "matrices, no head between.",
        CANNOT_TELL: "We cannot tell whether the strongest induction head matches {bound} {unit} "
        "more with themselves through the previous-token head than through the best of the "
        "others.",
    },
    needs={"positions": "learned", "keys_and_values": "by head"},
)
def keys_answer_to_the_previous_token_head(
    model: TransformerBridge, n: int, seed: int, held_out: bool = False
) -> Finding:
    """The share of tokens matched through the previous-token head, less that of the next best way.

    Which way is the next best is read from the same samples: against the claim, if anything.
    """
    previous, top = _two_heads(model, seed)
    heads, ways = _ways(model, top[0], seed)
    QK = model.W_Q[top].detach() @ model.W_K[top].detach().T
    own = torch.arange(N_TOKENS, device=QK.device)
    shares = []
    for sample in range(n):
        vectors = normalised(model, model.W_E.detach()[_draw(model, seed + sample)])
        tables = vectors @ QK @ (vectors @ ways).mT  # [way, query, key]
        shares.append((tables.argmax(-1) == own).float().mean(-1))
    found = 100 * torch.stack(shares, 1)  # [way, sample], of 100 tokens
    through = heads.index(previous)
    rest = torch.cat([found[:through], found[through + 1 :]])
    rival = rest[int(rest.mean(1).argmax())]
    return more_than(found[through] - rival, 10.0, unit="of 100 tokens", comparisons=len(rest))
