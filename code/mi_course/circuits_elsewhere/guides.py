"""Heads that tell others where to look: they write nothing of the answer, and it hangs on them.

A ranking by direct paths to the logits cannot find them. Wang et al. (2022, section 3.2) found the
S-inhibition heads of GPT-2 small by patching paths into the queries of its name movers. This does
the same in any model, whatever its movers are worth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course import hooks, ioi, ioi_data, path_patching
from mi_course.copying import AtEnd
from mi_course.heads import Head
from mi_course.patching import n_units

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


def movers(at_end: AtEnd, n: int = 4) -> list[Head]:
    """The heads of kind `mover` that write most on IO, the strongest first; at most `n`."""
    ranked = strongest(at_end.on_io, at_end.on_io.numel())
    return [head for head in ranked if at_end.kind(head) == "mover"][:n]


def strongest(values: Float[Tensor, "layer head"], n: int) -> list[Head]:
    """The n heads with the largest values, the largest first."""
    best = values.flatten().topk(n).indices.tolist()
    return [divmod(i, values.shape[1]) for i in best]


def into_queries(
    model: TransformerBridge, data: ioi_data.Dataset, receivers: list[Head]
) -> Float[Tensor, "layer head"]:
    """What is lost in percent when the receivers' queries at END hear one head from pABC."""
    prompts = data.clean.tokens, data.abc.tokens, data.clean.answers
    patched = path_patching.to_heads(model, *prompts, receivers, "q", positions=data.clean.end)
    return _lost(model, data, patched)


def into_values(
    model: TransformerBridge, data: ioi_data.Dataset, receivers: list[Head]
) -> Float[Tensor, "layer head"]:
    """The same for their values at S2; where heads share values, for those of their groups."""
    size = model.cfg.n_heads // n_units(model, "v")
    groups = sorted({(layer, head // size) for layer, head in receivers})
    prompts = data.clean.tokens, data.abc.tokens, data.clean.answers
    patched = path_patching.to_heads(model, *prompts, groups, "v", positions=data.clean.s2_pos)
    return _lost(model, data, patched)


def _lost(
    model: TransformerBridge, data: ioi_data.Dataset, patched: Float[Tensor, "batch layer head"]
) -> Float[Tensor, "layer head"]:
    before = ioi.model_logit_diff(model, data.clean.tokens, data.clean.answers)
    return -path_patching.relative_change(patched, before)


def looks_back(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    head: Head,
    start: Int[Tensor, "batch"],
    end: Int[Tensor, "batch"],
) -> Float[Tensor, "batch"]:
    """A head's attention from one position of each prompt to another."""
    pattern = hooks.attention_patterns(model, tokens)[head[0], :, head[1]]
    return pattern[torch.arange(len(tokens)), start, end]
