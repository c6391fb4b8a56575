"""Hook points chosen by name or by a function: no choice may silently miss.

A filter is a function that is called with each hook point's name and says whether it is meant.
"""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

Function = Callable[[Tensor, Any], Tensor | None]
Filter = str | Callable[[str], bool]  # the name of a hook point, or a function that chooses some


def check_hook_names(model: TransformerBridge, names: Iterable[str]) -> None:
    """Refuse the first name at which no hook can run.

    Raises:
        KeyError: it is no hook point of the model; the message gives the nearest ones.
        TypeError: it is no name.
        ValueError: the hook point exists and is switched off; the message names the switch.
    """
    known = model.hook_dict
    for name in names:
        if not isinstance(name, str):
            raise TypeError(
                f"hook points are given by their names here, and one of these is {_a(name)}"
            )
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f": did you mean {' or '.join(near)}?" if near else "; see model.hook_dict"
            raise KeyError(f"this model has no hook point {name!r}{hint}")
        model.check_hooks_to_add(known[name], name, print)  # ValueError names the flag to set


def check_filter(model: TransformerBridge, wanted: Filter) -> Filter:
    """The same name or filter, without the hook points that are switched off.

    Args:
        model: whose hook points are meant.
        wanted: a hook point's name, or a function that is called with each name.

    Raises:
        KeyError: no hook point has that name, or the function chooses none.
        TypeError: it is neither a name nor a function.
        ValueError: every hook point that is meant is switched off; the message names the switch.

    Warns:
        UserWarning: some of those that a function chooses are switched off, and left out.
    """
    if isinstance(wanted, str):
        check_hook_names(model, [wanted])
        return wanted
    if not callable(wanted):
        raise TypeError(
            "hook points are chosen by a name or by a function of a name, not by "
            f"{_a(wanted)}; names_filter may also be a list of names"
        )
    chosen = [name for name in model.hook_dict if wanted(name)]
    if not chosen:
        raise KeyError(
            "the filter matches no hook point of this model: look at model.hook_dict.keys()"
        )
    off = {name for name in chosen if _is_off(model, name)}
    if len(off) == len(chosen):
        check_hook_names(model, chosen)
    if not off:
        return wanted
    tell(
        f"{len(off)} of the {len(chosen)} hook points that the filter matches are switched off and "
        f"left out: {', '.join(sorted(off))}. Each has its switch, such as "
        "model.set_use_attn_result(True)"
    )
    return lambda name: name not in off and bool(wanted(name))


def _is_off(model: TransformerBridge, name: str) -> bool:
    try:
        check_hook_names(model, [name])
    except ValueError:
        return True
    return False


def _a(thing: object) -> str:
    kind = "function" if callable(thing) else type(thing).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def tell(message: str) -> None:
    """Warn at the line outside the libraries that led here, so that every cell is told."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and _package(frame.f_globals) in ("mi_course", "torch", "transformer_lens"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def _package(names: dict[str, Any]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]


class Watch:
    """Sees which hooks of a run ran, since one that never ran changed nothing."""

    def __init__(self) -> None:
        self._waiting: list[Filter] = []

    def over(self, hooks: Iterable[tuple[Filter, Function]]) -> list[tuple[Filter, Function]]:
        """The same hooks, each of which now also notes that it ran."""
        return [self._noted(point, hook) for point, hook in hooks]

    def _noted(self, point: Filter, hook: Function) -> tuple[Filter, Function]:
        self._waiting.append(point)

        def run(activation: Tensor, hook_point: Any) -> Tensor | None:
            if point in self._waiting:
                self._waiting.remove(point)
            return hook(activation, hook_point)

        # the library hands the hook point over by its name, `hook`
        return point, lambda activation, hook: run(activation, hook)

    def check(self, *, partial: bool = False) -> None:
        """Raise RuntimeError for the first hook that never ran: see `never_ran`."""
        for point in self._waiting:
            raise never_ran(point, partial=partial)


def never_ran(point: Filter, *, partial: bool = False) -> RuntimeError:
    """The error for a hook point, or for all points of a filter, that a run did not reach.

    Args:
        point: its name, or the filter.
        partial: the run was told to start or to stop at a layer.
    """
    where = f"the hook at {point}" if isinstance(point, str) else "the filter's hook"
    if partial:
        return RuntimeError(
            f"{where} never ran: start_at_layer or stop_at_layer leaves out its layer, or this "
            "model does not compute that value in compatibility mode"
        )
    return RuntimeError(
        f"{where} never ran: this model does not compute that value in "
        "compatibility mode; hook another place of the same block"
    )
