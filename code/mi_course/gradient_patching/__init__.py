"""Patching by gradient, by TransformerLens' `tools.analysis`, beside what patches really do.

The library's functions take one number from one prompt's logits, and are not told which prompt it
is. So they are called once for each pair of prompts, with that pair's own metric.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor

Metric: TypeAlias = Callable[[Float[Tensor, "1 pos vocab"]], Float[Tensor, ""]]
"""Of one prompt's logits."""
Metrics: TypeAlias = Sequence[Metric]
"""One for each pair."""
