"""Checks on what is done with a stream: batches of it, and hooks made with partial."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.generators import Source, guarded, take
from mi_course.check.hook_points import HookPoint
from mi_course.check.symptoms import shown


@exercise
def batches(attempt: Attempt) -> None:
    """`(stream, size) -> generator of lists of `size` items, the last one shorter."""
    source = Source(itertools.count())
    two = take(attempt, lambda: attempt.function(source, 3), 2)
    if source.read >= 1000:
        raise Wrong(
            "your function reads the whole stream before it yields the first batch: an endless "
            "stream would never get there; take items with itertools.islice"
        )
    if two != [[0, 1, 2], [3, 4, 5]]:
        right = "the first two batches of 0, 1, 2, … should be [0, 1, 2] and [3, 4, 5]"
        raise Wrong(_wrong_batches(two), symptom=f"{right}; found {two}")
    if source.read > 6:
        raise Wrong(
            f"two batches of 3 need 6 items, and your function read {source.read}: what it reads "
            "ahead is lost to whoever reads on"
        )
    for count in (7, 6, 0):
        _check_end(attempt, count, 3)
    for count, size in ((5, 2), (3, 1), (4, 6)):
        _check_end(attempt, count, size)
    listed = take(attempt, lambda: attempt.function(list(range(7)), 3), 20)
    if listed != [[0, 1, 2], [3, 4, 5], [6]]:
        raise Wrong(
            "a list in place of a stream starts over with every batch: call iter(stream) once, "
            "before the loop"
        )
    odd = [None, 0, "", None]
    if take(attempt, lambda: attempt.function(iter(odd), 3), 20) != [odd[:3], odd[3:]]:
        raise Wrong(
            f"of the items {odd} some are lost: None, 0 and an empty text are items like any other"
        )


def _check_end(attempt: Attempt, count: int, size: int) -> None:
    found = take(attempt, lambda: attempt.function(iter(range(count)), size), 20)
    right = [list(range(i, min(i + size, count))) for i in range(0, count, size)]
    if found == right:
        return
    given = f"{count} items in batches of {size}"
    symptom = f"{given} should be {right}; found {found}"
    if [] in found:
        raise Wrong(f"{given}: an empty batch comes at the end; stop before it", symptom=symptom)
    if found == right[:-1]:
        raise Wrong(f"{given}: the last, shorter batch is lost", symptom=symptom)
    if found and None in found[-1]:
        raise Wrong(
            f"{given}: the last batch is filled up with None; let it be shorter", symptom=symptom
        )
    raise Wrong(symptom + ("" if size == 3 else ": is a size written into your function?"))


def _wrong_batches(found: list[Any]) -> str:
    if found and not isinstance(found[0], list):
        return f"each batch is a list, not {type(found[0]).__name__}"
    if found and 0 not in found[0] and 1 in found[0]:
        return "the item 0 is lost: is each item tested for truth? Test whether there is one"
    if found == [[0, 1, 2], [0, 1, 2]]:
        return "every batch starts from the beginning: call iter(stream) once, before the loop"
    if found and len(found[0]) != 3:
        return f"with size = 3 a batch has 3 items, and yours has {len(found[0])}: {found[0]}"
    if len(found) == 2 and found[0] is found[1]:
        return "the same list is yielded each time, and emptied: make a new one for each batch"
    if len(found) == 2 and found[1] and found[1][0] in found[0]:
        return f"batches share items: each item comes once; found {found}"
    return f"the first two batches of 0, 1, 2, … should be [0, 1, 2] and [3, 4, 5]; found {found}"


@exercise
def hooks_for(attempt: Attempt) -> None:
    """`(function, heads) -> [(hook name, hook)]`: one hook for each (layer, head), by partial."""
    heads = [(2, 1), (0, 2), (2, 3)]
    z = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    found = _hook_pairs(attempt, _silence, heads)
    names = [f"blocks.{layer}.attn.hook_z" for layer, _ in sorted(heads)]
    if [name for name, _ in found] == names:
        raise Wrong(
            "the pairs are sorted: keep the order of `heads`",
            symptom=f"for the heads {heads} the hook points come in the order {names}",
        )
    for (layer, head), (name, hook) in zip(heads, found, strict=True):
        right = f"blocks.{layer}.attn.hook_z"
        if name == f"blocks.{layer + 1}.attn.hook_z":
            raise Wrong(
                f"layers are counted from 0: head {layer}.{head} writes at {right!r}",
                symptom=f"the hook point of head {layer}.{head} should be {right!r}, and yours is "
                f"{name!r}",
            )
        if name != right:
            raise Wrong(f"head {layer}.{head} writes at the hook point {right!r}; found {name!r}")
        point = HookPoint(name)
        calls = len(_seen)
        changed = _silent(attempt, hook, z, point)
        if len(_seen) == calls and changed == [head]:
            told = "the hook never calls the `function` that is passed in"
            raise Wrong(told, symptom=told)
        if len(_seen) > calls and _seen[-1] is not point:
            raise Wrong(
                "the hook point does not reach the function: the model calls hook(z, hook=point), "
                "and the function should be called with that point",
                symptom=f"`function` should get the hook point as its argument `hook`, and gets "
                f"{shown(_seen[-1])}",
            )
        if changed != [head]:
            raise Wrong(_wrong_hook(changed, layer, head, heads))
    if len({id(hook) for _, hook in found}) == 1:
        raise Wrong("all hooks are the same object: make one for each head")
    _uses_the_function(attempt, z)


def _uses_the_function(attempt: Attempt, z: Tensor) -> None:
    """Another function and other heads; the first head in its layer is counted too."""
    heads = [(11, 0), (0, 3)]
    for (layer, head), (name, hook) in zip(
        heads, _hook_pairs(attempt, _double, heads), strict=True
    ):
        point = HookPoint(name)
        result = Attempt(_two_arguments(hook, point, attempt.name))(z)
        if not isinstance(result, Tensor) or not torch.equal(result, _double(z, point, head)):
            raise Wrong(
                "with a function that doubles a head the hook does something else: each hook "
                "calls the `function` that is passed in"
            )
        if name != f"blocks.{layer}.attn.hook_z":
            raise Wrong(f"head {layer}.{head} writes at 'blocks.{layer}.attn.hook_z', not {name!r}")


def _double(z: Tensor, hook: Any, head: int) -> Tensor:
    """Another hook function: it doubles what a head writes."""
    z = z.clone()
    z[:, :, head] *= 2
    return z


def _hook_pairs(
    attempt: Attempt, function: Callable[..., Tensor], heads: Sequence[tuple[int, int]]
) -> list[tuple[str, Any]]:
    def call() -> Any:
        return attempt.function(function, list(heads))

    try:
        result = guarded(attempt, call)
    except Wrong as mistake:
        if "TypeError" in str(mistake) and "silence" in str(mistake):
            raise Wrong(
                "the function is called while the hooks are made: partial(function, head=head) "
                "only keeps it, for the model to call"
            ) from None
        raise
    if isinstance(result, dict):
        raise Wrong(
            "return a list of pairs: in a dictionary, heads of one layer overwrite each other"
        )
    if isinstance(result, Iterator):
        raise Wrong("return a list, not a generator, which can be read only once")
    if not isinstance(result, list) or any(
        not isinstance(pair, tuple) or len(pair) != 2 for pair in result
    ):
        raise Wrong("return a list of pairs, each a tuple (name of the hook point, hook)")
    if len(result) != len(heads):
        number = {2: "two", 3: "three"}[len(heads)]
        raise Wrong(f"{number} heads need {number} hooks; found {len(result)}")
    for _, hook in result:
        if not callable(hook):
            told = f"the second of a pair is a function, not {type(hook).__name__}"
            raise Wrong(told, symptom=told)
    return result


_seen: list[Any] = []


def _silence(z: Tensor, hook: Any, head: int) -> Tensor:
    """The hook function that the check passes in; it notes the hook point that reached it."""
    _seen.append(hook)
    z = z.clone()
    z[:, :, head] = 0
    return z


def _silent(attempt: Attempt, hook: Callable[..., Any], z: Tensor, point: HookPoint) -> list[int]:
    """Which heads a hook sets to zero."""
    try:
        result = Attempt(_two_arguments(hook, point, attempt.name))(z)
    except Wrong as mistake:
        if "multiple values" in str(mistake) or "missing" in str(mistake):
            raise Wrong(
                "the model calls hook(z, hook): bind the head BY NAME, partial(function, "
                "head=head); without the name it takes the place of z"
            ) from None
        raise
    if not isinstance(result, Tensor) or result.shape != z.shape:
        raise Wrong(
            "a hook of yours does not return what the function returns",
            symptom=f"called as hook(z, hook=point), a hook should return a tensor of shape "
            f"{tuple(z.shape)}; got {shown(result)}",
        )
    return [h for h in range(4) if bool((result[:, :, h] == 0).all())]


def _two_arguments(
    hook: Callable[..., Any], point: HookPoint, name: str
) -> Callable[[Tensor], Any]:
    @functools.wraps(_silence)
    def call(z: Tensor) -> Any:
        return hook(z, hook=point)

    call.__name__ = name
    return call


def _wrong_hook(changed: list[int], layer: int, head: int, heads: list[tuple[int, int]]) -> str:
    last = heads[-1][1]
    if changed == [last]:
        return (
            f"the hook for {layer}.{head} silences head {last}, the last of the list: a lambda "
            "looks its variable up when it is called, when the loop is over; partial binds it now"
        )
    if changed == [layer]:
        return f"the hook for {layer}.{head} silences head {layer}: that is the layer"
    return f"the hook for {layer}.{head} should silence head {head}; it silences {changed}"
