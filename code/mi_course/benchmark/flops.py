"""Floating-point operations that interventions need for one prompt: a multiply-add is two.

Matrix products and attention are counted. LayerNorm, GELU and softmax are not: they are about a
hundredth of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


@dataclass(frozen=True)
class Shape:
    """Sizes of a model and the number of tokens in a prompt."""

    layers: int
    heads: int
    d_model: int
    d_head: int
    d_mlp: int
    vocab: int
    length: int
    groups: int = 0  # of heads that share keys and values; 0: each head has its own
    gated: bool = False

    @classmethod
    def of(cls, model: TransformerBridge, length: int) -> Shape:
        """The sizes of a bridge."""
        cfg: Any = model.cfg
        sizes = cfg.n_layers, cfg.n_heads, cfg.d_model, cfg.d_head, cfg.d_mlp, cfg.d_vocab
        return cls(*sizes, length, cfg.n_key_value_heads or 0, bool(cfg.gated_mlp))

    @property
    def linear(self) -> int:
        """Queries at one position, or the output of all heads."""
        return 2 * self.d_model * self.heads * self.d_head

    @property
    def shared(self) -> int:
        """Keys at one position, or values."""
        return 2 * self.d_model * (self.groups or self.heads) * self.d_head

    @property
    def mlp(self) -> int:
        """One MLP at one position."""
        return (6 if self.gated else 4) * self.d_model * self.d_mlp

    @property
    def attend(self) -> int:
        """Scores and mixing at one query position, all keys."""
        return 4 * self.length * self.heads * self.d_head

    @property
    def head_output(self) -> int:
        """What one head adds at one position."""
        return 2 * self.d_model * self.d_head


def forward(shape: Shape, unembed: bool = True) -> int:
    """A whole forward pass, with logits at every position or without any."""
    layer = 2 * shape.linear + 2 * shape.shared + shape.attend + shape.mlp
    logits = 2 * shape.d_model * shape.vocab if unembed else 0
    return shape.length * (shape.layers * layer + logits)


def from_layer(shape: Shape, layer: int, span: int) -> int:
    """All layers from one on, at the last `span` positions; in the last layer, what END reads."""
    if layer >= shape.layers:
        return 0
    inner = span * (2 * shape.linear + 2 * shape.shared + shape.attend + shape.mlp)
    last = span * 2 * shape.shared + 2 * shape.linear + shape.attend + shape.mlp
    return (shape.layers - 1 - layer) * inner + last


def heads(shape: Shape, first: int) -> int:
    """Patches of every head's output in runs that differ from position `first` on."""
    total = 2 * forward(shape, unembed=False)
    for layer in range(shape.layers):
        span = 1 if layer == shape.layers - 1 else shape.length - first
        start = span * (shape.head_output + shape.mlp)
        total += shape.heads * (start + from_layer(shape, layer + 1, shape.length - first))
    return total


def residual(shape: Shape, first: int) -> int:
    """Patches of the residual stream at every layer and position that can differ."""
    total = 2 * forward(shape, unembed=False)
    for layer in range(shape.layers):
        for pos in range(first, shape.length):
            span = 1 if layer == shape.layers - 1 else shape.length - pos
            total += span * (shape.linear + shape.attend + shape.mlp)
            total += from_layer(shape, layer + 1, shape.length - pos)
    return total


def paths_to_logits(shape: Shape) -> int:
    """Direct paths of every head to the logits, at END only."""
    mlps = shape.heads * sum(shape.layers - layer for layer in range(shape.layers))
    written = shape.layers * shape.heads * shape.head_output
    return 2 * forward(shape, unembed=False) + mlps * shape.mlp + written
