"""Put a computed value into the prose of its page, so that no number there is ever typed."""

from __future__ import annotations

from typing import Any


def glue(name: str, value: Any) -> None:
    """Store `value` under `name`; the page shows it with the role glue:text.

    Tensors and NumPy scalars of one element become plain Python numbers, which pages can format.

    Raises:
        TypeError: a value that is no text, number or one-element tensor.
    """
    from myst_nb import glue as myst_glue

    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, (str, int, float)):
        raise TypeError(f"glue {name!r}: text or one number expected, not {type(value).__name__}")
    myst_glue(name, value, display=False)
