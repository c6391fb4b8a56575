"""Top-k sparse autoencoders: one to train, one that was never trained, and what both leave over.

The architecture of Gao et al. 2024, arXiv:2406.04093, without its biggest-model tricks: an encoder,
the k largest pre-activations kept, a decoder with directions of length 1, and an auxiliary loss by
which latents that have long been silent learn what the others leave over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Keep = Callable[[Float[Tensor, "row latent"], int], Float[Tensor, "row latent"]]
SILENT = 50  # steps without being active, after which a latent counts as dead in training
AUXILIARY = 64  # dead latents that learn at each step
AUXILIARY_WEIGHT = 1 / 32


@dataclass(frozen=True)
class Dictionary:
    """Directions, and an encoder that says how much of each an activation has.

    Attributes:
        decoder: the directions, each of length 1.
        encoder: one column for each latent.
        bias: of the encoder.
        centre: what is subtracted from an activation first.
        scale: what it is divided by then.
        k: how many latents are kept.
    """

    decoder: Float[Tensor, "latent d_model"]
    encoder: Float[Tensor, "d_model latent"]
    bias: Float[Tensor, "latent"]
    centre: Float[Tensor, "d_model"]
    scale: Float[Tensor, ""]
    k: int

    def __len__(self) -> int:
        return len(self.decoder)

    def pre(self, x: Float[Tensor, "*rest d_model"]) -> Float[Tensor, "*rest latent"]:
        """The encoder's values before any is dropped."""
        return (x - self.centre) / self.scale @ self.encoder + self.bias

    def latents(
        self, x: Float[Tensor, "*rest d_model"], keep: Keep | None = None
    ) -> Float[Tensor, "*rest latent"]:
        """The k values that are kept, in units of `scale`; zero elsewhere."""
        return (keep or top_k)(self.pre(x), self.k)

    def rebuilt(self, z: Float[Tensor, "*rest latent"]) -> Float[Tensor, "*rest d_model"]:
        """The activation that these latents stand for."""
        return z @ self.decoder * self.scale + self.centre


def top_k(pre: Float[Tensor, "*rest latent"], k: int) -> Float[Tensor, "*rest latent"]:
    """The k largest of each row where they are positive, zero elsewhere."""
    values, places = pre.topk(k, dim=-1, sorted=False)
    return torch.zeros_like(pre).scatter(-1, places, values.relu())


def untrained(
    width: int, k: int, centre: Float[Tensor, "d_model"], scale: Float[Tensor, ""], seed: int
) -> Dictionary:
    """Random directions, each also its own detector: what a dictionary gives before training."""
    generator = torch.Generator().manual_seed(seed)
    decoder = torch.randn(width, len(centre), generator=generator)
    decoder /= decoder.norm(dim=-1, keepdim=True)
    encoder = decoder.T.contiguous()
    return Dictionary(decoder, encoder, torch.zeros(width), centre, scale, k)


def untrained_like(trained: Dictionary, seed: int) -> Dictionary:
    """The control of a trained dictionary: of its size, with random directions."""
    return untrained(len(trained), trained.k, trained.centre, trained.scale, seed)


def train(
    x: Float[Tensor, "row d_model"],
    width: int,
    k: int,
    seed: int,
    steps: int,
    *,
    batch: int = 1024,
    lr: float = 4e-3,
    keep: Keep = top_k,
    auxiliary: bool = True,
) -> Dictionary:
    """Train a dictionary on these activations, from `untrained` with the same seed.

    Args:
        x: activations; rows are drawn from them at random.
        width: how many latents.
        k: how many are kept.
        seed: of the first directions and of the rows that are drawn.
        steps: of Adam; the rate rises over the first 50, and falls to zero over the last third.
        batch: rows in a step.
        lr: the rate.
        keep: what keeps k of a row's pre-activations.
        auxiliary: whether silent latents learn what the others leave over.
    """
    centre = x.mean(0)
    scale = (x - centre).square().sum(-1).mean().sqrt()
    first = untrained(width, k, centre, scale, seed)
    data = (x - first.centre) / first.scale
    generator = torch.Generator().manual_seed(seed)
    parts = [part.clone() for part in (first.decoder, first.encoder, first.bias)]
    decoder, encoder, bias = (part.requires_grad_() for part in parts)
    optimizer = torch.optim.Adam(parts, lr)
    silent = torch.zeros(width, dtype=torch.long)
    with torch.enable_grad():
        for step in range(steps):
            rows = data[torch.randint(len(data), (batch,), generator=generator)]
            pre = rows @ encoder + bias
            z = keep(pre, k)
            left = rows - z @ decoder
            loss = left.square().sum(-1).mean()
            silent = torch.where((z > 0).any(0), 0, silent + 1)
            dead = silent > SILENT
            if auxiliary and dead.any():
                again = top_k(pre.masked_fill(~dead, -torch.inf), min(AUXILIARY, int(dead.sum())))
                missed = (left.detach() - again @ decoder).square().sum(-1).mean()
                loss = loss + AUXILIARY_WEIGHT * missed
            for group in optimizer.param_groups:
                group["lr"] = lr * min(1, (step + 1) / 50, 3 * (steps - step) / steps)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                decoder /= decoder.norm(dim=-1, keepdim=True)
    decoder, encoder, bias = (part.detach() for part in parts)
    return Dictionary(decoder, encoder, bias, first.centre, first.scale, k)


def explained(x: Float[Tensor, "row d_model"], rebuilt: Float[Tensor, "row d_model"]) -> float:
    """The share of the variance of `x` that is rebuilt."""
    left, spread = (x - rebuilt).square().sum(), (x - x.mean(0)).square().sum()
    return float(1 - left / spread)
