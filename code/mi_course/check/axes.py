"""What the shape of a result says about the way in which it was made."""

from __future__ import annotations


def lost(found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """What to add, if axes of length 1 are missing, as `squeeze()` removes them; else nothing.

    Example:
        >>> lost((5,), (1, 5))
        ': an axis of length 1 is lost, as by squeeze(), which removes all of them'
        >>> lost((4,), (1, 5))
        ''
    """
    if len(found) >= len(expected) or _longer(found) != _longer(expected):
        return ""
    return ": an axis of length 1 is lost, as by squeeze(), which removes all of them"


def _longer(shape: tuple[int, ...]) -> list[int]:
    return [n for n in shape if n != 1]
