"""Why a learner's code stopped, or gave another shape, where the words of it give that away.

PyTorch says which sizes did not fit together, and not what they count. A check chooses its sizes so
that no two are equal, and can say what was meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mi_course.check.core import Wrong

NO_AXIS = "must match the size"
"""Of an error: two tensors whose axes do not fit together."""
NO_ROW = "out of bounds for dimension 0"
"""Of an error: an index of the first axis that is too large for it."""


@contextmanager
def explained(causes: Mapping[str, str]) -> Iterator[None]:
    """Add a cause to a verdict.

    Args:
        causes: sentences by the words that a verdict must hold; the first that fits is added.

    Example:
        >>> with explained({"(3, 3)": "each row meets each column: give it an axis"}):
        ...     raise Wrong("the result has shape (3, 3); expected (3,)")
        Traceback (most recent call last):
        mi_course.check.core.Wrong: the result has shape (3, 3); expected (3,): each row meets \
each column: give it an axis
    """
    try:
        yield
    except Wrong as mistake:
        told = str(mistake)
        cause = next((why for words, why in causes.items() if words in told), None)
        if cause is None:
            raise
        raise Wrong(f"{told}: {cause}") from None
