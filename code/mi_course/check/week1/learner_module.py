"""What checks of a learner's `nn.Module` share: fill it with weights, probe it, explain its output.

A module is compared with one of `mi_course.transformer` that has the same random weights: biases
too, and LayerNorm's scale, since a test with the weights of initialisation sees no missing bias.
The sizes are unequal, so that axes cannot be confused unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mi_course.check import derivatives
from mi_course.check.core import Attempt, Wrong, close
from mi_course.check.differences import related
from mi_course.check.mistakes import named, scaled
from mi_course.check.numerals import first_apart
from mi_course.transformer import Config

M = TypeVar("M", bound=nn.Module)

SIZES = (
    Config(n_layers=2, n_heads=3, d_model=10, d_head=4, d_mlp=14, d_vocab=17, n_ctx=9, eps=0.1),
    Config(n_layers=3, n_heads=2, d_model=7, d_head=5, d_mlp=6, d_vocab=13, n_ctx=12, eps=0.02),
)
# sizes, number of positions, and seed; one position alone is a case of its own
CASES = ((SIZES[0], 5, 0), (SIZES[1], 8, 1), (SIZES[0], 1, 2))
AXES = {
    "W_Q": "(n_heads, d_model, d_head)",
    "W_K": "(n_heads, d_model, d_head)",
    "W_V": "(n_heads, d_model, d_head)",
    "W_O": "(n_heads, d_head, d_model)",
    "b_Q": "(n_heads, d_head)",
    "b_K": "(n_heads, d_head)",
    "b_V": "(n_heads, d_head)",
    "b_O": "(d_model)",
    "W_in": "(d_model, d_mlp)",
    "b_in": "(d_mlp)",
    "W_out": "(d_mlp, d_model)",
    "b_out": "(d_model)",
    "W_E": "(d_vocab, d_model)",
    "W_pos": "(n_ctx, d_model)",
    "w": "(d_model)",
    "b": "(d_model)",
}
STREAM = "(batch, pos, d_model)"


def randomise(module: M, seed: int) -> M:
    """Give every parameter random values, LayerNorm's scale around 1, the others around 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            draw = torch.randn(weight.shape, generator=generator)
            # a matrix keeps the size of a vector of d_model entries
            width = weight.shape[-2] ** -0.5 if weight.ndim > 1 else 1.0
            weight.copy_(draw * width * 1.2 + (1 if name.endswith("w") else 0))
    module.eval()
    return module


def stream(cfg: Config, n: int, seed: int, scale: float = 1.0) -> Tensor:
    """A random residual stream of a few prompts: [batch, n, d_model]."""
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(batch_of(seed), n, cfg.d_model, generator=generator)


def batch_of(seed: int) -> int:
    """How many prompts a case has: 2, 3 and 1 for the three seeds."""
    return (2, 3, 1)[seed % 3]


def build(attempt: Attempt, cfg: Config, reference: nn.Module) -> Attempt:
    """The learner's module for these sizes, with the weights of the reference in it.

    Raises:
        Wrong: it is not a module, or its parameters are not those that the exercise names.
    """
    if isinstance(attempt.function, nn.Module):
        name = type(attempt.function).__name__
        raise Wrong(f"pass the class itself, `{name}`, not an object of it, `{name}(cfg)`")
    try:
        module = attempt(cfg)
    except Wrong as mistake:
        if "before Module.__init__() call" in str(mistake):
            raise Wrong("call super().__init__() first in __init__: PyTorch needs it") from None
        raise
    if not isinstance(module, nn.Module):
        raise Wrong(
            "write a class that inherits from nn.Module, class Name(nn.Module): calling yours with "
            f"cfg gives {type(module).__name__}"
        )
    _fill(module, dict(reference.named_parameters()))
    _explain_shared(attempt, cfg, module)
    return Attempt(module.forward)


def _explain_shared(attempt: Attempt, cfg: Config, module: nn.Module) -> None:
    """A second module has weights of its own."""
    places = {weight.data_ptr() for weight in module.parameters()}
    other = attempt(cfg)
    if not isinstance(other, nn.Module):
        return
    for name, weight in other.named_parameters():
        if weight.data_ptr() in places:
            raise Wrong(
                f"two objects of your class share the weight {name}: make it in __init__, so that "
                "each has its own"
            )


def require_derivatives(
    run: Attempt, reference: nn.Module, given: dict[str, Tensor], *tokens: Tensor
) -> None:
    """Raise Wrong, unless derivatives pass through a module to its input and to all its weights.

    Args:
        run: `forward` of the learner's module, with the weights of the reference in it.
        reference: what it is compared with.
        given: floating-point inputs by name.
        tokens: what a module takes that has none.
    """
    owner = getattr(run.function, "__self__", None)
    own = dict(owner.named_parameters()) if isinstance(owner, nn.Module) else {}
    pairs = {name: (own[name], ref) for name, ref in reference.named_parameters()}
    derivatives.require(
        lambda *x: run.function(*x, *tokens), lambda *x: reference(*x, *tokens), given, pairs
    )


def _fill(module: nn.Module, weights: dict[str, nn.Parameter]) -> None:
    own = dict(module.named_parameters())
    for name, weight in weights.items():
        axes = f"{AXES[name.rpartition('.')[2]]} = {tuple(weight.shape)}"
        if name not in own:
            others = [other for other in own if other not in weights]
            raise Wrong(
                _missing(module, name, axes, others),
                symptom=f"no weights can be loaded into {name}, {axes}, of your module",
            )
        if own[name].shape != weight.shape:
            raise Wrong(
                f"the weight {name} has shape {tuple(own[name].shape)}; expected {axes}: take "
                "every size from cfg, since n_heads × d_head need not be d_model"
            )
    for name in own:
        if name not in weights:
            raise Wrong(
                f"your module has a parameter {name} that the exercise does not name: nothing "
                "would be loaded into it"
            )
    with torch.no_grad():
        for name, weight in weights.items():
            own[name].copy_(weight)
    module.eval()


def _missing(module: nn.Module, name: str, axes: str, others: list[str]) -> str:
    """Why a parameter was not found."""
    first, _, rest = name.partition(".")
    found: Any = getattr(module, first, None)
    if first == "blocks" and isinstance(found, list | tuple):
        return "blocks is a plain Python list, which hides the blocks' weights: use nn.ModuleList"
    if first == "blocks" and isinstance(found, nn.ModuleList) and found:
        index = int(rest.partition(".")[0])
        if index < len(found) and any(found[index] is found[i] for i in range(index)):
            return "all blocks are one and the same object: make a new Block for each layer"
        if index >= len(found):
            return f"there are {len(found)} blocks, and cfg.n_layers is larger: one for each layer"
    for other, part in module.named_children():
        if part is found and other != first:
            return f"{other} and {first} are one and the same object: make two"
    if isinstance(found, nn.Parameter):
        return (
            f"{name} is declared beside __init__, so that all objects share it and PyTorch does "
            f"not find it: declare it inside, self.{name} = nn.Parameter(…)"
        )
    if isinstance(found, Tensor):
        return f"{name} is a plain tensor, neither trained nor loaded: wrap it in nn.Parameter"
    if not rest and isinstance(found, nn.Module):
        return (
            f"{name} is a {type(found).__name__} layer: declare nn.Parameter of shape {axes}, the "
            "layout that the weights will be loaded in"
        )
    has = f"; it has {', '.join(others[:4])}" if others else ""
    return f"your module has no parameter {name} of shape {axes}{has}"


def compare(
    run: Attempt,
    x: Tensor,
    right: Tensor,
    mistakes: Callable[[], dict[str, Tensor]],
    hint: Callable[[Tensor], str],
    axes: str = STREAM,
    tolerance: float = 1e-4,
    leak_hint: str = "is the mask applied before the softmax?",
) -> None:
    """Raise Wrong, with the sentence that says most, unless the output is the reference's.

    Args:
        run: the learner's module or function of one argument.
        x: its input.
        right: the reference's output.
        mistakes: wrong outputs by the sentence that names their mistake.
        hint: what to say of an output that is none of them.
        axes: of the output, for the sentence.
        tolerance: absolute, and relative.
        leak_hint: what to ask where a later position changes an earlier one and nothing else is
            known.
    """
    found = run.tensor(x, shape=tuple(right.shape), axes=axes)
    if not found.is_floating_point():
        raise Wrong("the result holds integers: the numbers of the residual stream are floats")
    again = run.tensor(x, shape=tuple(right.shape), axes=axes)
    if not close(found, again, 1e-6):
        raise Wrong(
            "two calls with the same input give different outputs: is there dropout, or does "
            "forward change a weight?"
        )
    if close(found, right, tolerance):
        return
    # Some mistakes happen to agree with the right answer; those say nothing.
    others = {s: wrong for s, wrong in mistakes().items() if not close(wrong, right, tolerance)}
    sentence = named(found, others, right)
    if leak := find_leak(run, x, found):
        raise Wrong(f"{leak}: {sentence or leak_hint}")
    raise Wrong(sentence or find_talk(run, x, found) or _hinted(hint(found), found, right))


def _hinted(hint: str, found: Tensor, right: Tensor) -> str:
    pattern, stream = ("prompt", "query", "head", "key"), ("prompt", "position", "entry")
    axes = pattern if right.ndim == 4 else stream
    more = scaled(found, right) or related(found, right, axes)
    return hint if "right at some positions" in hint else hint + more


def find_leak(run: Attempt, x: Tensor, found: Tensor) -> str | None:
    """The start of a sentence, if a later position changes the output of an earlier one."""
    for changed in range(x.shape[1] - 1, 0, -1):
        moved = _moved(run, x, found, (slice(None), changed))
        earlier = moved.flatten(2).any(-1).any(0)[:changed].nonzero()
        if len(earlier):
            return (
                f"future tokens leak: changing token {changed} changed the output at token "
                f"{earlier[-1].item()}"
            )
    return None


def find_talk(run: Attempt, x: Tensor, found: Tensor) -> str | None:
    """A sentence, if one prompt changes the output of another."""
    if len(x) > 1 and bool(_moved(run, x, found, (1,))[0].any()):
        return (
            "prompts of a batch affect each other: changing prompt 1 changed the output for prompt "
            "0: is an axis mixed up with the batch?"
        )
    return None


def _moved(run: Attempt, x: Tensor, found: Tensor, where: tuple[Any, ...]) -> Tensor:
    """Which entries of the output change when a part of the input is replaced."""
    other = x.clone()
    other[where] = -2 * x[where] if x.is_floating_point() else (x[where] + 1) % int(x.max() + 1)
    after = run.tensor(other, shape=tuple(found.shape), axes="")
    return (after - found).abs() > 1e-5 * (1 + found.abs())


def first_difference(found: Tensor, right: Tensor) -> str:
    """Where an output of shape (batch, pos, …) departs from the reference, in words."""
    wrong = ((found - right).abs() > 1e-4 * (1 + right.abs())).flatten(2).any(-1)
    if bool(wrong.all()):
        return f"the output is wrong at every position ({value_apart(found, right)})"
    prompt, position = wrong.nonzero()[0].tolist()
    where = f"position {position} of prompt {prompt}"
    told = f"the output is right at some positions, and wrong at {where}"
    return f"{told} ({value_apart(found, right)})"


def value_apart(found: Tensor, right: Tensor) -> str:
    """The first value that differs, in words: `at [0, 1, 0] it should be 0.5, and yours is 0.7`."""
    differs = first_apart(found, right)
    return f"at {list(differs.at)} it should be {differs.right}, and yours is {differs.found}"


@contextmanager
def nan_means(sentence: str) -> Iterator[None]:
    """Say what NaN means in this exercise."""
    try:
        yield
    except Wrong as mistake:
        if "NaN" in str(mistake):
            raise Wrong(sentence) from None
        raise


def part_is_wrong(module: Attempt, reference: nn.Module, x: Tensor, names: Iterable[str]) -> str:
    """A sentence about the first part of a module that does not do what the reference's does."""
    owner = getattr(module.function, "__self__", None)
    for name in names:
        own, right = getattr(owner, name), getattr(reference, name)(x)
        exercise = {"ln1": "layer_norm", "ln2": "layer_norm", "attn": "attention"}.get(name, name)
        try:
            found = Attempt(own.forward).tensor(x, shape=tuple(right.shape), axes=STREAM)
        except Wrong:
            found = torch.full_like(right, torch.nan)
        if not close(found, right):
            return f"its part {name} is not right yet: run check.{exercise} first"
    return ""
