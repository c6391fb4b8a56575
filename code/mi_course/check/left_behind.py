"""What a function may leave behind in Python and in PyTorch: noticed, told and put back.

A check calls an answer several times and one process judges many answers, so each starts from the
same state. What would spoil the cells below in the learner's own notebook is reported as well.
"""

from __future__ import annotations

import builtins
import gc
import math
import os
import random
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

_PYTHON = vars(builtins)
_OTHERS = {"breakpoint", "display", "help", "input", "open", "print", "__import__"}
"""Names that notebooks and tools exchange for their own, as they may."""


class State:
    """The state of Python and PyTorch that one call of a function must leave as it was."""

    def __init__(self) -> None:
        self.names = dict(_PYTHON)
        self.derivatives = torch.is_grad_enabled()
        self.dtype = torch.get_default_dtype()
        self.device = torch.get_default_device()

    def put_back(self) -> str | None:
        """Put back all that was changed since; the sentence says what it was, if anything."""
        sentences = [
            # first, since nothing works without Python's own names
            _names_put_back(self.names),
            self._derivatives_put_back(),
            self._dtype_put_back(),
            self._device_put_back(),
        ]
        return next((sentence for sentence in sentences if sentence), None)

    def _derivatives_put_back(self) -> str | None:
        if torch.is_grad_enabled() == self.derivatives:
            return None
        switched = "on" if torch.is_grad_enabled() else "off"
        torch.set_grad_enabled(self.derivatives)
        return (
            f"your function leaves derivatives switched {switched} for everything that follows: "
            "`with torch.no_grad():` ends by itself, and nothing may be yielded in it"
        )

    def _dtype_put_back(self) -> str | None:
        if torch.get_default_dtype() == self.dtype:
            return None
        torch.set_default_dtype(self.dtype)
        return (
            "your function changes PyTorch's default dtype for everything that follows: give "
            "dtype= to the tensors that need it"
        )

    def _device_put_back(self) -> str | None:
        if torch.get_default_device() == self.device:
            return None
        torch.set_default_device(None if self.device.type == "cpu" else self.device)
        return (
            "your function changes PyTorch's default device for everything that follows: give "
            "device= to the tensors that need it"
        )


def _names_put_back(names: dict[str, Any]) -> str | None:
    """Python's own names as they were; none of them is used here before it is put back."""
    changed = None
    for name in names:
        if name != "_" and _PYTHON.get(name) is not names[name]:
            _PYTHON[name] = names[name]
            changed = name
    if changed is None:
        return None
    return (
        f"your function replaces Python's own {changed}, which all other code uses too: give yours "
        "another name"
    )


_ORIGINAL = {
    name: value
    for name, value in _PYTHON.items()
    if isinstance(value, types.BuiltinFunctionType | type) and name not in _OTHERS
}


@contextmanager
def pythons_own_names() -> Iterator[None]:
    """Python's own functions within, where a cell of the notebook has replaced some of them."""
    replaced = {}
    for name in _ORIGINAL:
        if _PYTHON.get(name) is not _ORIGINAL[name]:
            if name in _PYTHON:
                replaced[name] = _PYTHON[name]
            _PYTHON[name] = _ORIGINAL[name]
    try:
        yield
    finally:
        _PYTHON.update(replaced)


_OWNERS: tuple[Any, ...] = (
    *(math, random, np, torch, torch.nn, torch.nn.functional),
    *(torch.Tensor, torch.nn.Module),
)
"""Modules and classes whose functions an answer may have exchanged."""
_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (torch.get_num_threads, torch.set_num_threads),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (gc.isenabled, lambda enabled: gc.enable() if enabled else gc.disable()),
    (lambda: list(warnings.filters), lambda filters: _fill(warnings.filters, filters)),
    (lambda: dict(os.environ), lambda values: _fill_environment(values)),
    (np.geterr, lambda errors: np.seterr(**errors)),
)


class Surroundings:
    """More that an answer may change in the process that judges it, and in which others follow."""

    def __init__(self) -> None:
        self.state = State()
        self.settings = [read() for read, _ in _SETTINGS]
        self.names = [_functions(owner) for owner in _OWNERS]

    def put_back(self) -> None:
        """All of it as it was; nothing is told of it."""
        self.state.put_back()
        for owner, names in zip(_OWNERS, self.names, strict=True):
            now = vars(owner)
            for name in [name for name in names if now.get(name) is not names[name]]:
                setattr(owner, name, names[name])
            for name in _hiding(owner, names):
                delattr(owner, name)
        for (read, write), before in zip(_SETTINGS, self.settings, strict=True):
            if read() != before:
                write(before)


def _functions(owner: Any) -> dict[str, Any]:
    """What an answer may have exchanged; settings that a library changes by itself are none."""
    return {name: value for name, value in vars(owner).items() if name[:1] != "_"}


def _hiding(owner: Any, names: dict[str, Any]) -> list[str]:
    """New names of a class that hide inherited ones; libraries add others, which stay."""
    inherited = {name for kind in getattr(owner, "__mro__", ())[1:] for name in vars(kind)}
    return [name for name in _functions(owner) if name not in names and name in inherited]


def _fill(filters: Any, values: list[Any]) -> None:
    filters[:] = values


def _fill_environment(values: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(values)
