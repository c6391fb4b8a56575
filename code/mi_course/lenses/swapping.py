"""The causal half: exchange what a stream has of two directions, and see what the model says then.

The library's `JacobianLens.swap_hooks` does it for one pair of tokens; here each prompt of a batch
has a pair of its own. With one pair both agree, which a test holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course.lenses.prompts import Prompts

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Swap = Callable[
    [
        Float[Tensor, "batch d_model"],
        Float[Tensor, "batch d_model"],
        Float[Tensor, "batch d_model"],
    ],
    Float[Tensor, "batch d_model"],
]


def swap_coordinates(
    x: Float[Tensor, "batch d_model"],
    one: Float[Tensor, "batch d_model"],
    two: Float[Tensor, "batch d_model"],
) -> Float[Tensor, "batch d_model"]:
    """Each row with its coordinates along two directions exchanged; the rest stays.

    The coordinates are those of the least squares: what of the row lies in the plane of the two
    directions is `c[0] one + c[1] two`.
    """
    plane = torch.stack([one, two], -1)  # batch d_model 2
    c = torch.linalg.pinv(plane) @ x[..., None]
    return x + (plane @ (c.flip(1) - c))[..., 0]


def token_directions(
    bare: TransformerBridge,
    tokens: Int[Tensor, "prompt"],
    jacobian: Float[Tensor, "d_model d_model"],
) -> Float[Tensor, "prompt d_model"]:
    """The direction by which a lens reads each token, norm and its weights left out.

    A row of `W_U J`, as `JacobianLens.lens_vectors` has it.
    """
    return bare.W_U[:, tokens].detach().T @ jacobian


@torch.no_grad()
def swapped(
    bare: TransformerBridge,
    prompts: Prompts,
    layer: int,
    one: Float[Tensor, "prompt d_model"],
    two: Float[Tensor, "prompt d_model"],
    swap: Swap = swap_coordinates,
    at: Int[Tensor, "prompt"] | None = None,
) -> Float[Tensor, "prompt vocab"]:
    """The model's logits when two directions are exchanged at one token after a layer.

    Args:
        bare: the library's own bridge, without compatibility mode.
        prompts: those of one length run at a time.
        layer: after which.
        one: for each prompt.
        two: for each prompt.
        swap: what exchanges them.
        at: a position of each prompt; its last token where None.
    """
    logits = torch.empty(len(prompts), bare.cfg.d_vocab)
    at = prompts.ends if at is None else at
    for rows, tokens in prompts.by_length():
        places = torch.arange(len(rows)), at[rows]

        def hook(x: Tensor, hook: Any, rows: Tensor = rows, places: Any = places) -> Tensor:
            x = x.clone()
            x[places] = swap(x[places], one[rows], two[rows])
            return x

        hooks: list[Any] = [(f"blocks.{layer}.hook_out", hook)]
        logits[rows] = bare.run_with_hooks(tokens, fwd_hooks=hooks)[:, -1]
    return logits


def patched(
    bare: TransformerBridge,
    prompts: Prompts,
    layer: int,
    new: Float[Tensor, "prompt d_model"],
    at: Int[Tensor, "prompt"] | None = None,
) -> Float[Tensor, "prompt vocab"]:
    """The model's logits when the whole vector at one token after a layer is another one.

    Arguments are those of `swapped`.
    """
    return swapped(bare, prompts, layer, new, new, lambda x, one, two: two, at)


@torch.no_grad()
def patched_at(
    bare: TransformerBridge,
    prompts: Prompts,
    layer: int,
    new: list[Float[Tensor, "prompt d_model"]],
    places: list[Int[Tensor, "prompt"]],
) -> Float[Tensor, "prompt vocab"]:
    """The same at several positions of each prompt: one tensor of vectors for each of `places`."""
    logits = torch.empty(len(prompts), bare.cfg.d_vocab)
    for rows, tokens in prompts.by_length():
        batch = torch.arange(len(rows))

        def hook(x: Tensor, hook: Any, rows: Tensor = rows, batch: Tensor = batch) -> Tensor:
            x = x.clone()
            for vectors, at in zip(new, places, strict=True):
                x[batch, at[rows]] = vectors[rows]
            return x

        hooks: list[Any] = [(f"blocks.{layer}.hook_out", hook)]
        logits[rows] = bare.run_with_hooks(tokens, fwd_hooks=hooks)[:, -1]
    return logits
