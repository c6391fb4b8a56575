"""A call of one of the library's methods: its arguments, however they were given."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

signature = functools.cache(inspect.signature)


class Call:
    """A call of one of the library's methods, whose arguments are looked up by name."""

    def __init__(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._method = method
        self._bound = signature(method).bind(*args, **kwargs)
        self._bound.apply_defaults()
        kinds = signature(method).parameters.values()
        rest = next((p.name for p in kinds if p.kind is p.VAR_KEYWORD), None)
        self._rest: dict[str, Any] = self._bound.arguments[rest] if rest else {}

    def takes(self, name: str) -> bool:
        """Whether the method's signature names this argument."""
        return name in self._bound.arguments

    def is_partial(self) -> bool:
        """Whether the run is to start or to stop at a layer."""
        return self["start_at_layer"] is not None or self["stop_at_layer"] is not None

    def __getitem__(self, name: str) -> Any:
        return self._bound.arguments.get(name, self._rest.get(name))

    def __setitem__(self, name: str, value: Any) -> None:
        self._bound.arguments[name] = value

    def __call__(self) -> Any:
        return self._method(*self._bound.args, **self._bound.kwargs)

    def move(self, device: torch.device | str | None) -> None:
        """Bring the tensors among the arguments to the model's device."""
        for given in (self._bound.arguments, self._rest):
            for name, value in given.items():
                if isinstance(value, Tensor):
                    given[name] = value.to(device)

    def length_of_past(self) -> int:
        """How many positions a cache of earlier ones holds, if one is given."""
        past = self["past_key_values"]
        return int(past.get_seq_length()) if hasattr(past, "get_seq_length") else 0


def is_tokens(value: Any) -> bool:
    """Whether it is a tensor of token ids."""
    return isinstance(value, Tensor) and value.dtype in (torch.int64, torch.int32)


def is_texts(value: Any) -> bool:
    """Whether it is a text or a list of texts."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(text, str) for text in value)
    return isinstance(value, str)
