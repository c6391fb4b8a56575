"""The smallest model that can hold an induction head: attention only, no MLPs, no LayerNorm.

It is the kind of model that Elhage et al. 2021, *A Mathematical Framework for Transformer
Circuits*, take apart: what a head writes is added to the stream and nothing else happens to it.
Without biases and norms each head's part of the stream can be taken out exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor, nn

SIDES = ("query", "key", "value")


@dataclass(frozen=True)
class Sizes:
    """How large a model is.

    Attributes:
        n_layers, n_heads: layers, and heads in each.
        d_model, d_head: width of the stream, and of a head's queries, keys and values.
        n_tokens: token ids that prompts are drawn from; BOS is the id after the last of them.
        n_ctx: most positions, BOS included.
    """

    n_layers: int = 2
    n_heads: int = 2
    d_model: int = 64
    d_head: int = 32
    n_tokens: int = 64
    n_ctx: int = 33

    @property
    def bos(self) -> int:
        """The id of BOS."""
        return self.n_tokens


class AttentionOnly(nn.Module):
    """Embeddings, layers of attention heads that add to the stream, an unembedding."""

    def __init__(self, sizes: Sizes, seed: int) -> None:
        """Args: sizes: of all parts. seed: of the weights; PyTorch's global state is left alone."""
        super().__init__()
        self.sizes = sizes
        generator = torch.Generator().manual_seed(seed)

        def weights(*shape: int, spread: float) -> nn.Parameter:
            return nn.Parameter(spread * torch.randn(shape, generator=generator))

        heads, d_model, d_head = (sizes.n_layers, sizes.n_heads), sizes.d_model, sizes.d_head
        self.W_E = weights(sizes.n_tokens + 1, d_model, spread=0.5)
        self.W_pos = weights(sizes.n_ctx, d_model, spread=0.5)
        into = (*heads, d_model, d_head)
        self.W_Q, self.W_K, self.W_V = (weights(*into, spread=d_model**-0.5) for _ in SIDES)
        out = (sizes.n_heads * d_head) ** -0.5
        self.W_O = weights(*heads, d_head, d_model, spread=out)
        self.W_U = weights(d_model, sizes.n_tokens + 1, spread=d_model**-0.5)

    def forward(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos vocab"]:
        """Logits of the next token at every position."""
        return self.run(tokens)[0]

    def run(
        self, tokens: Int[Tensor, "batch pos"]
    ) -> tuple[Float[Tensor, "batch pos vocab"], Float[Tensor, "layer batch head query key"]]:
        """Logits, and where every head looked."""
        x = self.embed(tokens)
        patterns = []
        for layer in range(self.sizes.n_layers):
            pattern, written = self.heads(layer, dict.fromkeys(SIDES, x))
            x = x + written.sum(1)
            patterns.append(pattern)
        return x @ self.W_U, torch.stack(patterns)

    def embed(self, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_model"]:
        """The stream at its start: a vector for each token plus one for its position."""
        return self.W_E[tokens] + self.W_pos[: tokens.shape[1]]

    def heads(
        self, layer: int, reads: dict[str, Float[Tensor, "batch pos d_model"]]
    ) -> tuple[Float[Tensor, "batch head query key"], Float[Tensor, "batch head pos d_model"]]:
        """Where the heads of a layer look, and what each of them writes.

        Args:
            layer: counted from 0.
            reads: what queries, keys and values read, by the names of `SIDES`.
        """
        into = "batch pos d_model, head d_model d_head -> batch head pos d_head"
        weights = zip(SIDES, (self.W_Q, self.W_K, self.W_V), strict=True)
        q, k, v = (einsum(reads[side], W[layer], into) for side, W in weights)
        scores = q @ k.mT / self.sizes.d_head**0.5
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        pattern = scores.masked_fill(later, -torch.inf).softmax(-1)
        out = "batch head pos d_head, head d_head d_model -> batch head pos d_model"
        return pattern, einsum(pattern @ v, self.W_O[layer], out)
