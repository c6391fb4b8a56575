"""What stands at one token of prompts after some layers, and what a lens makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course.lenses.prompts import Prompts

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge


@dataclass(frozen=True)
class Streams:
    """What a model has at one token of each prompt.

    Attributes:
        layers: after which the streams were taken.
        streams: the residual stream there.
        logits: the model's own, of the next token.
    """

    layers: tuple[int, ...]
    streams: Float[Tensor, "layer prompt d_model"]
    logits: Float[Tensor, "prompt vocab"]

    @property
    def own(self) -> Int[Tensor, "prompt"]:
        """The model's own answer, right or wrong."""
        return self.logits.argmax(-1)

    def after(self, layer: int) -> Float[Tensor, "prompt d_model"]:
        """The streams after one of the layers.

        Raises:
            ValueError: they were not taken there.
        """
        return self.streams[self.layers.index(layer)]


def streams(
    bare: TransformerBridge,
    prompts: Prompts,
    layers: Sequence[int],
    at: Int[Tensor, "prompt"] | None = None,
) -> Streams:
    """Run prompts, those of one length at a time, so that none is padded.

    Args:
        bare: the library's own bridge, without compatibility mode: a lens reads no other.
        prompts: what is run.
        layers: counted from 0.
        at: a position of each prompt, such as its subject's; its last token where None.
    """
    (found,) = streams_at(bare, prompts, layers, [prompts.ends if at is None else at])
    return found


@torch.no_grad()
def streams_at(
    bare: TransformerBridge,
    prompts: Prompts,
    layers: Sequence[int],
    places: Sequence[Int[Tensor, "prompt"]],
) -> list[Streams]:
    """The same at several positions of each prompt, from one run of it.

    Arguments are those of `streams`; each of `places` has a position of each prompt.
    """
    names = [f"blocks.{layer}.hook_out" for layer in layers]
    logits = torch.empty(len(prompts), bare.cfg.d_vocab)
    found = [torch.empty(len(names), len(prompts), bare.cfg.d_model) for _ in places]
    for rows, tokens in prompts.by_length():
        out, cache = bare.run_with_cache(tokens, names_filter=names)
        logits[rows] = out[:, -1]
        batch = torch.arange(len(rows))
        for here, at in zip(found, places, strict=True):
            here[:, rows] = torch.stack([cache[name][batch, at[rows]] for name in names])
    return [Streams(tuple(layers), here, logits) for here in found]


def final_gain(bare: TransformerBridge) -> Float[Tensor, "d_model"]:
    """The weights of the RMSNorm before the unembedding."""
    gain: Tensor = bare.ln_final.weight
    return gain.detach()


@torch.no_grad()
def lens_logits(
    bare: TransformerBridge,
    x: Float[Tensor, "prompt d_model"],
    jacobian: Float[Tensor, "d_model d_model"] | None = None,
) -> Float[Tensor, "prompt vocab"]:
    """Logits of a lens: carried by the matrix first, if there is one, then read by the library."""
    from transformer_lens.tools.analysis import logit_readout

    carried = x if jacobian is None else x @ jacobian.T
    values: Tensor = logit_readout(bare, carried).values
    return values


def answer_ranks(
    logits: Float[Tensor, "*rest vocab"], answers: Int[Tensor, "*rest"]
) -> Int[Tensor, "*rest"]:
    """How many tokens have larger logits than each answer: 0 for the first choice."""
    return (logits > logits.gather(-1, answers[..., None])).sum(-1)


def without_largest(x: Float[Tensor, "prompt d_model"], k: int) -> Float[Tensor, "prompt d_model"]:
    """The k dimensions of the stream that are largest on average, set to zero."""
    x = x.clone()
    x[:, x.abs().mean(0).topk(k).indices] = 0
    return x


def random_inputs(
    jacobian: Float[Tensor, "d_model d_model"], seed: int
) -> Float[Tensor, "d_model d_model"]:
    """A lens that reads random directions of the stream, and writes what the given one writes.

    The given matrix behind a random rotation: the same singular values, the same directions of the
    last stream, and others of its own layer.
    """
    generator = torch.Generator().manual_seed(seed)
    return jacobian @ random_rotation(len(jacobian), generator)


def random_rotation(n: int, generator: torch.Generator) -> Float[Tensor, "n n"]:
    """An orthogonal matrix, drawn from all of them alike: QR leaves the signs open, R has them."""
    q, r = torch.linalg.qr(torch.randn(n, n, generator=generator))
    return q * r.diagonal().sign()


def rest_of(
    bare: TransformerBridge, tokens: Int[Tensor, "pos"], layer: int
) -> Callable[[Float[Tensor, "pos d_model"]], Float[Tensor, "pos d_model"]]:
    """All layers after one, on one text: from the stream after it to the last layer's.

    Derivatives pass through.
    """
    after, last = (f"blocks.{i}.hook_out" for i in (layer, bare.cfg.n_layers - 1))

    def rest(stream: Float[Tensor, "pos d_model"]) -> Float[Tensor, "pos d_model"]:
        kept: list[Tensor] = []
        hooks: list[Any] = [
            (after, lambda x, hook: stream[None]),
            (last, lambda x, hook: kept.append(x)),
        ]
        bare.run_with_hooks(tokens[None], fwd_hooks=hooks)
        return kept[0][0]

    return rest
