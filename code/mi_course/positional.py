"""Where position lives in the residual stream, and how to take it from what one part reads.

GPT-2 adds a vector for the position, a row of `W_pos`, to each token's embedding. The directions
along which its rows differ span the positional subspace. The functions here find it, measure it in
the input of a layer, and take it away from what attention or MLPs read, while the stream itself
goes on unchanged: that is path patching, with what is read as the receiver.

Position 0 is left alone everywhere: it holds BOS, where many heads rest their attention.

See: Song and Zhong 2023, arXiv:2310.04861, on the geometry; Goldowsky-Dill et al. 2023,
arXiv:2304.05969, on path patching.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_course.hooks import Hook, run_with_cache
from mi_course.models import ModelLacksError

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Reader = Literal["MLPs", "attention", "everything"]
READERS: tuple[Reader, ...] = ("MLPs", "attention", "everything")
How = Literal["remove", "shuffle"]
Basis: TypeAlias = Tensor | Mapping[str, Tensor]


def position_rows(model: TransformerBridge) -> Float[Tensor, "pos-1 d_model"]:
    """The positional embeddings of positions 1 to the last, one row each.

    Raises:
        ModelLacksError: the model tells positions otherwise, and adds no vectors for them.
    """
    kind = model.cfg.positional_embedding_type
    if kind != "standard":
        raise ModelLacksError(
            f"this needs learned positions, the rows of W_pos, and this model's are {kind}: "
            'load "pocket" or "gpt2"'
        )
    return model.W_pos.detach()[1:]


def principal_directions(
    rows: Float[Tensor, "row d_model"],
) -> tuple[Float[Tensor, "direction d_model"], Float[Tensor, "direction"]]:
    """Orthonormal directions in which the rows differ, strongest first, and each one's share.

    Returns:
        The directions, each with the sign that makes its largest entry positive, and the share of
        the rows' variance along each; the shares add up to 1.
    """
    centred = rows - rows.mean(0)
    _, sizes, directions = torch.linalg.svd(centred, full_matrices=False)
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return directions * largest.sign(), sizes**2 / (sizes**2).sum()


def leading_directions(
    rows: Float[Tensor, "row d_model"], share: float = 0.95
) -> Float[Tensor, "direction d_model"]:
    """The fewest principal directions that hold at least `share` of the rows' variance.

    Raises:
        ValueError: a share that is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, not {share}: 0.95 is usual")
    directions, shares = principal_directions(rows)
    enough = shares.cumsum(0) >= share - 1e-6  # rounding must not hide that all of it is reached
    return directions[: int(enough.int().argmax()) + 1]


def random_directions(
    count: int, d_model: int, seed: int, *batch: int
) -> Float[Tensor, "*batch direction d_model"]:
    """`count` orthonormal directions drawn evenly: the control that removes as many dimensions.

    Args:
        count: how many.
        d_model: of what length.
        seed: of the draw.
        batch: how many such sets, for instance one for each prompt; default: one, without an axis.
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(*batch, d_model, count, generator=generator)).Q.mT


def content_directions(
    x: Float[Tensor, "batch pos d_model"], count: int
) -> Float[Tensor, "direction d_model"]:
    """The `count` directions along which prompts differ most at one and the same position.

    The control that must hurt a part that reads words: as many dimensions as any other subspace of
    this size, and those that hold most of what position alone does not explain.
    """
    same_position = x[:, 1:] - x[:, 1:].mean(0)
    return principal_directions(same_position.flatten(0, 1))[0][:count]


def remove_component(
    x: Float[Tensor, "*any d_model"],
    basis: Float[Tensor, "*#batch direction d_model"],
    mean: Float[Tensor, "d_model"],
) -> Float[Tensor, "*any d_model"]:
    """`x` with its part in the subspace set to that of `mean`; what is outside stays.

    Args:
        x: activations.
        basis: orthonormal rows, for all prompts or for each its own.
        mean: of such activations. Setting the part to zero instead would push `x` to where the
            model never is.
    """
    return x - ((x - mean) @ basis.mT) @ basis


def shuffle_component(
    x: Float[Tensor, "batch pos d_model"],
    basis: Float[Tensor, "*#batch direction d_model"],
    order: Int[Tensor, "batch pos"],
) -> Float[Tensor, "batch pos d_model"]:
    """`x` where each position has the subspace's part of another position of the same prompt.

    Args:
        x: activations.
        basis: orthonormal rows, for all prompts or for each its own.
        order: `order[b, p]` is the position whose part goes to position p of prompt b.
    """
    part = x @ basis.mT
    moved = part.gather(1, order[..., None].expand_as(part))
    return x + (moved - part) @ basis


def subspace_share(
    x: Float[Tensor, "batch pos d_model"], basis: Float[Tensor, "direction d_model"]
) -> Float[Tensor, "batch"]:
    """Share of each prompt's variance around the common mean, from position 1 on, in the subspace.

    The chance level, for directions that have nothing to do with `x`, is their number over d_model.
    """
    centred = x[:, 1:] - x[:, 1:].mean((0, 1))
    return (centred @ basis.T).square().sum((1, 2)) / centred.square().sum((1, 2))


def reading_points(
    model: TransformerBridge, reader: Reader, layers: Iterable[int] | None = None
) -> list[str]:
    """Hook points at which a change reaches what the reader reads, and nothing else.

    They lie in front of a layer's own LayerNorm, where the residual stream has branched off: the
    stream itself stays as it is. (In TransformerBridge `hook_resid_mid` is another name of such a
    place, so a change there does not reach the stream either.)

    Args:
        model: any.
        reader: `MLPs`, `attention` (queries, keys and values of every head), or `everything`, which
            is both and the unembedding.
        layers: only these; default: all.

    Raises:
        ValueError: an unknown reader.
    """
    if reader not in READERS:
        raise ValueError(f"reader must be one of {', '.join(READERS)}, not {reader!r}")
    chosen = range(model.cfg.n_layers) if layers is None else list(layers)
    norms = {"MLPs": ("ln2",), "attention": ("ln1",), "everything": ("ln1", "ln2")}[reader]
    names = [f"blocks.{layer}.{norm}.hook_in" for layer in chosen for norm in norms]
    return [*names, "ln_final.hook_in"] if reader == "everything" and layers is None else names


def what_is_read(
    model: TransformerBridge, tokens: Int[Tensor, "batch pos"], names: Sequence[str]
) -> dict[str, Float[Tensor, "batch pos d_model"]]:
    """The activations at some reading points, of a pass without changes."""
    return run_with_cache(model, tokens, names)[1]


def reading_hooks(
    read: Mapping[str, Float[Tensor, "batch pos d_model"]],
    basis: Basis,
    how: How = "remove",
    seed: int = 0,
) -> list[tuple[str, Hook]]:
    """Hooks that change the subspace's part of what is read at each point, from position 1 on.

    Args:
        read: what an unchanged pass reads there: the mean over its prompts and positions takes the
            place of what is removed.
        basis: orthonormal rows, one for all points or one for each point's name; for all prompts
            or, with an axis for them in front, for each its own.
        how: `remove`, or `shuffle` among the positions of a prompt.
        seed: of the shuffle; the same order at every point.

    Raises:
        ValueError: an unknown `how`.
    """
    if how not in ("remove", "shuffle"):
        raise ValueError(f"how must be 'remove' or 'shuffle', not {how!r}")

    def at(name: str, clean: Tensor) -> tuple[str, Hook]:
        rows = (basis if isinstance(basis, Tensor) else basis[name]).to(clean.device)
        mean = clean[:, 1:].mean((0, 1))

        def change(x: Tensor, hook: Any) -> Tensor:
            rest = x[:, 1:]
            if how == "remove":
                rest = remove_component(rest, rows, mean)
            else:
                rest = shuffle_component(rest, rows, _orders(rest, seed))
            return torch.cat([x[:, :1], rest], dim=1)

        return name, change

    return [at(name, clean) for name, clean in read.items()]


def _orders(x: Float[Tensor, "batch pos d_model"], seed: int) -> Int[Tensor, "batch pos"]:
    """For each prompt its positions in an order of its own."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(x.shape[:2], generator=generator).argsort(1).to(x.device)
