"""Padding: tokens that only fill the shorter rows of a batch, told apart from text.

Padding that a model reads as text silently changes numbers: on the left it shifts every
position, on the right a loss counts it and `generate` goes on after it. GPT-2 and `pocket` pad with
the token that also opens a text (BOS) and ends one (EOS), so that an id alone does not tell which
it is; how many of them a row begins and ends with does.

A mask is a tensor of the tokens' shape, (batch, pos): false or 0 where the model is not to look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Int
from torch import Tensor

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

_GIVE_TEXTS = "give the model the list of texts itself, or an attention_mask that is 0 at padding"


def as_mask(mask: Tensor, tokens: Int[Tensor, "batch pos"]) -> Bool[Tensor, "batch pos"]:
    """A mask as true and false, on the tokens' device.

    Raises:
        ValueError: it has not the tokens' shape. The library would take some such masks.
    """
    read = mask[None] if mask.ndim == 1 else mask
    if read.shape != tokens.shape:
        raise ValueError(
            f"attention_mask has shape {tuple(mask.shape)}, and the tokens {tuple(tokens.shape)}: "
            "give one number for each token, 1 for text and 0 for padding"
        )
    return read.to(device=tokens.device, dtype=torch.bool)


def mask_of_texts(
    tokenize: Callable[[str], Int[Tensor, "1 pos"]], texts: Sequence[str], side: str
) -> Bool[Tensor, "batch pos"]:
    """The mask of a padded batch of texts, from the length of each one alone.

    Args:
        tokenize: tokens of one text, as in the batch.
        texts: those of the batch, in its order.
        side: `left` or `right`, where the padding is.
    """
    tokens = [tokenize(text) for text in texts]
    lengths = torch.tensor([row.shape[-1] for row in tokens], device=tokens[0].device)[:, None]
    pos = torch.arange(int(lengths.max()), device=lengths.device)
    return pos >= len(pos) - lengths if side == "left" else pos < lengths


def check_left(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    mask: Bool[Tensor, "batch pos"] | None = None,
) -> None:
    """Refuse a row that begins with padding which the model would read.

    The model takes it for text, and counts positions from it: every logit of that row is wrong.
    With a mask that hides it the numbers are right: the library then counts from the first token
    that is read.

    Raises:
        ValueError: names the row.
    """
    if (pad := _pad_token(model)) is None:
        return
    padding, text = _read(tokens, mask, pad)
    leading = (padding & (text.cumsum(1) == 0)).sum(1)
    # one BOS is right: a second one is padding
    wrong = text.any(1) & (leading > int(pad == model.tokenizer.bos_token_id))
    if bool(wrong.any()):
        if mask is None:
            reason = (
                "without attention_mask its logits would be wrong: pad on the right "
                "(model.to_tokens(texts)), or give the model the list of texts itself"
            )
        else:
            reason = "attention_mask does not hide it, so that its logits would be wrong"
        raise ValueError(f"row {_first(wrong)} of the tokens begins with padding, and {reason}")


def check_right(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    mask: Bool[Tensor, "batch pos"] | None,
    *,
    harm: str,
    mend: str = _GIVE_TEXTS,
) -> None:
    """Refuse a row that ends with padding, where that matters.

    One token at a row's end may be the text's own EOS, where this is the padding token too: it is
    taken for that in a single row, and where a mask says so.

    Args:
        model: its tokenizer says which token pads.
        tokens: what is scored or gone on from.
        mask: where the model reads; default: everywhere.
        harm: what would become of it, in words.
        mend: what to do instead.

    Raises:
        ValueError: names the row.
    """
    if (pad := _pad_token(model)) is None:
        return
    padding, text = _read(tokens, mask, pad)
    trailing = (padding & (text.flip(1).cumsum(1).flip(1) == 0)).sum(1)
    ends = pad == model.tokenizer.eos_token_id and (len(tokens) == 1 or mask is not None)
    opens = ~text.any(1) & (pad == model.tokenizer.bos_token_id)  # a row of nothing but BOS
    wrong = trailing > int(ends) + opens.int()
    if bool(wrong.any()):
        raise ValueError(
            f"row {_first(wrong)} of the tokens ends with padding that nothing hides, and {harm}: "
            f"{mend}"
        )


def check_bos_is_read(
    model: TransformerBridge, tokens: Int[Tensor, "batch pos"], mask: Bool[Tensor, "batch pos"]
) -> None:
    """Refuse a mask that hides the BOS of every row.

    `tokens != pad_token_id` is such a mask where BOS is the padding token. All logits change.

    Raises:
        ValueError: says so.
    """
    if (bos := model.tokenizer.bos_token_id) is None:
        return
    hidden = (tokens[:, 0] == bos) & ~mask[:, 0]
    read_later = (mask & (tokens == bos)).any(1)
    if tokens.shape[1] > 1 and bool((hidden & ~read_later).all()):
        raise ValueError(
            "attention_mask hides the BOS of every row, as `tokens != pad_token_id` does where "
            "BOS is the padding token: set the mask to 1 there, or make tokens without BOS "
            "(prepend_bos=False)"
        )


def _pad_token(model: TransformerBridge) -> int | None:
    return getattr(model.tokenizer, "pad_token_id", None)


def _read(tokens: Tensor, mask: Tensor | None, pad: int) -> tuple[Tensor, Tensor]:
    """Where the model reads a padding token, and where another one; each (batch, pos)."""
    read = torch.ones_like(tokens, dtype=torch.bool) if mask is None else mask
    return read & (tokens == pad), read & (tokens != pad)


def _first(wrong: Bool[Tensor, "batch"]) -> int:
    return int(wrong.nonzero()[0])
