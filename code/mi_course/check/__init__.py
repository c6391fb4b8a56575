"""Check your own work: `check.NAME(my_function)` says that it passed, or what is wrong.

In a notebook: `from mi_course import check`, then for instance
`check.prefix_matching_score(my_prefix_matching_score)`.
"""

from mi_course.check.core import EXERCISES, Verdict
from mi_course.check.induction import (
    continue_pattern,
    prefix_matching_score,
    repeated_tokens,
    token_losses,
    top_heads,
    zero_head,
)

__all__ = [
    "EXERCISES",
    "Verdict",
    "continue_pattern",
    "prefix_matching_score",
    "repeated_tokens",
    "token_losses",
    "top_heads",
    "zero_head",
]
