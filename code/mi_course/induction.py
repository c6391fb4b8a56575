"""Find induction heads: heads that continue a pattern seen earlier in the prompt.

On random tokens, repeated once, nothing but the repetition helps a model to predict. A head's
score is its mean attention along one diagonal of its pattern. See Olsson et al. 2022, *In-context
Learning and Induction Heads*, arXiv:2209.11895, and Elhage et al. 2021, *A Mathematical Framework
for Transformer Circuits*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import renamed

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

# GPT-2's ids below 1,000 hold bytes, digits and fragments; above 10,000 rare words. The range is
# that of TransformerLens' Main_Demo, so that scores can be compared with its stored ones. It holds
# no special token of `smollm2` either: those are the ids below 17, its bytes the 256 after them.
GPT2_IDS = (1000, 10000)

__getattr__ = renamed.attributes(
    __name__, {"head_name": "heads.head_name", "top_heads": "heads.strongest_first"}
)


def random_ids(model: TransformerBridge) -> tuple[int, int]:
    """The half-open range of token ids from which random prompts are drawn for this model.

    Large vocabularies: 1000 to 10000. Small ones: everything above the special token and the 256
    bytes.
    """
    return GPT2_IDS if model.cfg.d_vocab > GPT2_IDS[1] else (257, model.cfg.d_vocab)


def repeated_tokens(
    model: TransformerBridge, n_prompts: int, seq_len: int, seed: int
) -> Int[Tensor, "batch 1+2*seq_len"]:
    """Prompts of BOS, `seq_len` random tokens, and the same tokens once more.

    Args:
        model: gives BOS and the range of ids.
        n_prompts: number of prompts.
        seq_len: length of the part that is repeated.
        seed: of the drawing; PyTorch's global state is left alone.

    Raises:
        ValueError: the prompt would be longer than the model's context; no prompts, or no tokens.
    """
    if n_prompts < 1 or seq_len < 1:
        raise ValueError(f"{n_prompts} prompts of {seq_len} tokens: there must be one at least")
    if 1 + 2 * seq_len > model.cfg.n_ctx:
        raise ValueError(
            f"1 + 2 × {seq_len} tokens are too many: this model reads at most {model.cfg.n_ctx}"
        )
    low, high = random_ids(model)
    generator = torch.Generator().manual_seed(seed)
    half = torch.randint(low, high, (n_prompts, seq_len), generator=generator)
    bos = torch.full((n_prompts, 1), model.tokenizer.bos_token_id)
    return torch.cat([bos, half, half], dim=1)


def token_losses(
    logits: Float[Tensor, "batch pos vocab"], tokens: Int[Tensor, "batch pos"]
) -> Float[Tensor, "batch pos-1"]:
    """Cross-entropy in nats of each token given those before it; entry i is about token i + 1."""
    tokens = tokens.to(logits.device)
    # Flattened, with the vocabulary last: six times faster on a CPU than moving that axis.
    flat = F.cross_entropy(
        logits[:, :-1].reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1), reduction="none"
    )
    return flat.view(tokens.shape[0], -1)


def losses_by_half(
    losses: Float[Tensor, "batch 2*seq_len"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Mean loss on the first half of `repeated_tokens`, and on the second from its second token on.

    The second half's first token is left out: nothing tells that the repetition has begun.

    Raises:
        ValueError: an odd number of losses, which has no halves.
    """
    seq_len, odd = divmod(losses.shape[1], 2)
    if odd:
        raise ValueError(
            f"{losses.shape[1]} losses have no halves: those of 1 + 2 × seq_len tokens do"
        )
    return losses[:, :seq_len].mean(), losses[:, seq_len + 1 :].mean()


def prefix_matching_score(
    patterns: Float[Tensor, "*heads query key"], seq_len: int
) -> Float[Tensor, "*heads"]:
    """Mean attention from each repeated token to the token AFTER its first occurrence.

    On prompts made by `repeated_tokens`: query q in the second half, key q - seq_len + 1. A perfect
    induction head scores 1; attention spread evenly over the context scores below 1 / seq_len.

    Raises:
        ValueError: the patterns are not those of 1 + 2 × seq_len tokens.
    """
    _check_repeated(patterns, seq_len)
    return _diagonal_mean(patterns, offset=seq_len - 1, first_query=seq_len + 1)


def duplicate_token_score(
    patterns: Float[Tensor, "*heads query key"], seq_len: int
) -> Float[Tensor, "*heads"]:
    """Mean attention from each repeated token to its own first occurrence, key q - seq_len.

    Raises:
        ValueError: the patterns are not those of 1 + 2 × seq_len tokens.
    """
    _check_repeated(patterns, seq_len)
    return _diagonal_mean(patterns, offset=seq_len, first_query=seq_len + 1)


def previous_token_score(
    patterns: Float[Tensor, "*heads query key"],
) -> Float[Tensor, "*heads"]:
    """Mean attention from each position to the one before it, key q - 1, from the second on."""
    return _diagonal_mean(patterns, offset=1, first_query=1)


def _check_repeated(patterns: Tensor, seq_len: int) -> None:
    length = patterns.shape[-1]
    if length != 1 + 2 * seq_len:
        raise ValueError(
            f"patterns of {length} tokens and seq_len {seq_len}, which makes {1 + 2 * seq_len}: "
            "give the seq_len that the prompts were made with"
        )


def _diagonal_mean(patterns: Tensor, offset: int, first_query: int) -> Tensor:
    """Mean of patterns[..., q, q - offset] over the queries q from `first_query` to the last."""
    diagonal = patterns.diagonal(offset=-offset, dim1=-2, dim2=-1)
    return diagonal[..., first_query - offset :].mean(-1)
