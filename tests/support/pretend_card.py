"""A pretended accelerator: tensors that compute on the CPU and mix with it as CUDA's would.

Where no card is at hand, a model on this one shows which tensors were made on the wrong side:
operations on tensors of two devices are refused as PyTorch refuses them for CUDA. Allowed are what
it allows: copies, tensors of one number, and indices on the CPU for a tensor on the card.

It shows nothing about speed, precision or memory of a real one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("cuda", 0)
_COPIES = (torch.ops.aten.copy_, torch.ops.aten._to_copy)
_INDEXING = (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_)


class OnCard(Tensor):
    """A tensor that says it is on the card; its numbers are in `inner`, on the CPU."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnCard:
        made = Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
        )
        made.inner = inner
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    def data_ptr(self) -> int:
        """Of the numbers; the tensor itself has none."""
        return self.inner.data_ptr()

    # What PyTorch does for CUDA before it looks at who asks, and cannot do without a card.

    def tolist(self) -> Any:
        return self.inner.tolist()

    def item(self) -> Any:
        return self.inner.item()

    def contiguous(self, **kwargs: Any) -> Any:
        return OnCard(self.inner.contiguous(**kwargs))

    def nonzero(self) -> Any:
        return OnCard(self.inner.nonzero())

    def __invert__(self) -> Any:
        return OnCard(~self.inner)

    def __bool__(self) -> bool:
        return bool(self.inner)

    def __int__(self) -> int:
        return int(self.inner)

    def __float__(self) -> float:
        return float(self.inner)

    def __index__(self) -> int:
        return self.inner.__index__()

    def __getitem__(self, key: Any) -> Any:
        return OnCard(self.inner[_inner(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        indexed = any(isinstance(x, Tensor) for x in tree_flatten(key)[0])
        elsewhere = isinstance(value, Tensor) and not isinstance(value, OnCard) and value.ndim > 0
        if indexed and elsewhere:
            raise RuntimeError(f"a value of shape {tuple(value.shape)} on the CPU put on the card")
        self.inner[_inner(key)] = _inner(value)


class _Card(TorchDispatchMode):
    """Makes tensors on the card where a call asks for its device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


@contextmanager
def pretend_card() -> Iterator[torch.device]:
    """While it lasts, the pretended device can be named in calls of PyTorch."""
    assert not torch.cuda.is_available(), "there is a real one"
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device=) asks the mode below
    try:
        with mock.patch.object(torch.cuda, "_lazy_init"), _Card():
            yield DEVICE
    finally:
        torch._C._set_only_lift_cpu_tensors(before)


def move(model: Any) -> None:
    """Put a bridge's weights onto the card, in place; it keeps some as plain attributes."""
    moved: dict[int, Any] = {}  # a tied weight stays tied
    for module in model.modules():
        for held in (module._parameters, module._buffers, module.__dict__):
            for name, tensor in held.items():
                if isinstance(tensor, Tensor):
                    held[name] = moved.setdefault(id(tensor), _moved(tensor))
    model.cfg.device = DEVICE


def _moved(tensor: Tensor) -> Any:
    on_card = OnCard(tensor.detach())
    return nn.Parameter(on_card, False) if isinstance(tensor, nn.Parameter) else on_card


def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    device = kwargs.get("device")
    asked = None if device is None else torch.device(device).type
    if asked == DEVICE.type:
        kwargs = kwargs | {"device": torch.device("cpu")}
    tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Tensor)]
    on_card = asked == DEVICE.type if asked else _place(func, args, tensors)
    found = func(*_inner(args), **_inner(kwargs))
    if func._schema.is_mutable and tensors and not isinstance(found, tuple | list):
        written = [*args[:1], *([kwargs["out"]] if "out" in kwargs else [])]
        for outer in written:
            if isinstance(outer, OnCard) and outer.inner is found:
                return outer
    return tree_map(lambda x: OnCard(x) if on_card and isinstance(x, Tensor) else x, found)


def _inner(values: Any) -> Any:
    return tree_map(lambda x: x.inner if isinstance(x, OnCard) else x, values)


def _place(func: Any, args: tuple[Any, ...], tensors: list[Tensor]) -> bool:
    """Whether the result is on the card. Raises RuntimeError for tensors that do not go together"""
    if not any(isinstance(x, OnCard) for x in tensors):
        return False
    if func.overloadpacket in _COPIES:
        return isinstance(args[0], OnCard)
    if func.overloadpacket in _INDEXING and isinstance(args[0], OnCard):
        tensors = [args[0], *(x for x in args[2:] if isinstance(x, Tensor))]  # indices may differ
    if any(not isinstance(x, OnCard) and x.ndim > 0 for x in tensors):
        shapes = ", ".join(
            f"{tuple(x.shape)} on {'the card' if isinstance(x, OnCard) else 'the CPU'}"
            for x in tensors
        )
        raise RuntimeError(f"{func} on tensors of two devices: {shapes}")
    return any(isinstance(x, OnCard) and x.ndim > 0 for x in tensors) or all(
        isinstance(x, OnCard) for x in tensors
    )
