"""What stands in the place of a knocked-out head or MLP: zeros, means by group, another prompt.

Source: Wang et al. 2022, arXiv:2211.00593, section 2: means over pABC, by template.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm.auto import tqdm

from mi_course import folded as folded_pass
from mi_course import ioi
from mi_course.folded import Folded
from mi_course.microbatches import Microbatch

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

LEAST = 5  # prompts that a mean is taken over


@dataclass(frozen=True)
class Means:
    """Mean activations by group of prompts, position by position.

    Attributes:
        z: outputs of heads before W_O.
        mlps: what the MLPs add.
        lengths: how many tokens the prompts of each group have.
    """

    z: Float[Tensor, "group layer pos head d_head"]
    mlps: Float[Tensor, "group layer pos d_model"]
    lengths: Int[Tensor, "group"]


@dataclass(frozen=True)
class Replacement:
    """What stands in the place of what is knocked out: made by `zero`, `mean` or `resample`."""

    means: Means | None = None
    groups: Int[Tensor, "batch"] | None = None
    tokens: Int[Tensor, "batch pos"] | None = None

    def z(
        self, folded: Folded, microbatch: Microbatch
    ) -> list[Float[Tensor, "#batch head pos d_head"]]:
        """What takes the place of the heads' output, by layer."""
        if self.tokens is not None:
            return folded.run(microbatch.of(self.tokens)).z
        if self.means is not None and self.groups is not None:
            z = _of_group(self.means.z, self.groups, microbatch)  # batch layer pos head d_head
            return list(z.to(folded.device).permute(1, 0, 3, 2, 4))  # layer batch head pos d_head
        n_heads, d_head, _ = folded.blocks[0].w_o.shape
        zeros = folded.w_e.new_zeros(1, n_heads, microbatch.length, d_head)
        return [zeros] * len(folded.blocks)

    def mlps(
        self, folded: Folded, microbatch: Microbatch
    ) -> list[Float[Tensor, "#batch pos d_model"]]:
        """What takes the place of the MLPs' output, by layer."""
        if self.tokens is not None:
            run = folded.run(microbatch.of(self.tokens))
            return [run.mlp_output(layer) for layer in range(len(folded.blocks))]
        if self.means is not None and self.groups is not None:
            mlps = _of_group(self.means.mlps, self.groups, microbatch)  # batch layer pos d_model
            return list(mlps.to(folded.device).transpose(0, 1))  # layer batch pos d_model
        zeros = folded.w_e.new_zeros(1, microbatch.length, folded.w_e.shape[1])
        return [zeros] * len(folded.blocks)


def _of_group(means: Tensor, groups: Int[Tensor, "batch"], microbatch: Microbatch) -> Tensor:
    """Each prompt's mean, cut to its length: batch layer pos …"""
    rows = groups[microbatch.rows].to(means.device)
    return means[rows, :, : microbatch.length]


def zero() -> Replacement:
    """Nothing: zeros, which the model never meets."""
    return Replacement()


def mean(means: Means, groups: Int[Tensor, "batch"]) -> Replacement:
    """The mean of the prompt's group; `groups` says which row of `means` each prompt belongs to."""
    return Replacement(means=means, groups=groups)


def resample(tokens: Int[Tensor, "batch pos"]) -> Replacement:
    """The value on another prompt, row by row."""
    return Replacement(tokens=tokens)


@torch.no_grad()
def mean_activations(
    model: TransformerBridge,
    tokens: Int[Tensor, "batch pos"],
    groups: Int[Tensor, "batch"],
    *,
    batch_size: int = 25,
    progress: bool = False,
) -> Means:
    """Mean output of every head and MLP by group of prompts, for instance by template of pABC.

    Args:
        model: in compatibility mode.
        tokens: BOS first, padded on the right with BOS.
        groups: the group of each prompt, counted from 0.
        batch_size: prompts at a time.
        progress: show a bar.

    Raises:
        ValueError: a group of fewer than five prompts, whose mean is mostly the prompts themselves,
            or of several lengths, whose positions do not mean the same thing.
    """
    counts, lengths = _check_groups(tokens, groups)
    folded = folded_pass.of(model)
    sums: list[Tensor] = []
    for rows in tqdm(list(ioi.slices(len(tokens), batch_size)), disable=not progress):
        run = folded.run(tokens[rows])
        layers = range(len(folded.blocks))
        # batch layer pos head d_head, and batch layer pos d_model
        z = torch.stack([run.z[layer].transpose(1, 2) for layer in layers], 1)
        mlps = torch.stack([run.mlp_output(layer) for layer in layers], 1)
        sums = sums or [x.new_zeros(len(counts), *x.shape[1:]) for x in (z, mlps)]
        for total, x in zip(sums, (z, mlps), strict=True):
            total.index_add_(0, groups[rows].to(x.device), x)
    # the counts as group 1 1 …
    z, mlps = (total.cpu() / counts.cpu().view(-1, *[1] * (total.ndim - 1)) for total in sums)
    return Means(z, mlps, lengths.cpu())


def _check_groups(
    tokens: Int[Tensor, "batch pos"], groups: Int[Tensor, "batch"]
) -> tuple[Int[Tensor, "group"], Int[Tensor, "group"]]:
    """How many prompts each group has, and how long they are; see `mean_activations`."""
    counts = torch.bincount(groups)
    few = int(counts.argmin())
    if int(counts[few]) < LEAST:
        raise ValueError(
            f"group {few} has {int(counts[few])} prompts, and a mean over so few is mostly the "
            f"prompts themselves: give at least {LEAST} of each group"
        )
    padding = tokens == tokens[:, :1]  # BOS, in front and behind
    lengths = tokens.shape[1] - padding.flip(1).int().cummin(1).values.sum(1)
    longest = torch.zeros_like(counts).scatter_reduce(0, groups, lengths, "amax")
    mixed = groups[longest[groups] != lengths]
    if len(mixed):
        raise ValueError(
            f"the prompts of group {int(mixed[0])} have several lengths, so that a position does "
            "not mean the same thing in each: group by template and length"
        )
    return counts, longest
