"""A hook point as the model hands it to a hook, made without a model and without its imports."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class HookPoint(nn.Module):
    """What a hook gets as its second argument: a name, a layer, and a place to keep things.

    Attributes:
        name: such as `blocks.1.attn.hook_z`.
        ctx: empty; a hook may keep something in it for a later call.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.ctx: dict[str, Any] = {}

    def layer(self) -> int:
        """The layer that the name says, counted from 0."""
        return int(self.name.split(".")[1])

    def clear_context(self) -> None:
        """Forget what hooks have kept here."""
        self.ctx.clear()

    def forward(self, x: Tensor) -> Tensor:
        """Pass on what goes through."""
        return x
