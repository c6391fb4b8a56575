"""The published numbers of GPT-2 small that a run of the course must reproduce.

One module for each subject, each with a list `REFERENCES`; `everything()` is the whole table.
"""

from mi_course.reference import circuit, copying, ioi, repetition
from mi_course.reference.table import (
    NotGPT2Error,
    Reference,
    Row,
    compare,
    measured_rows,
)

__all__ = ["NotGPT2Error", "Reference", "Row", "compare", "everything", "measured_rows"]


def everything() -> list[Reference]:
    """Every published number of the course, in the order of the weeks."""
    return [*repetition.REFERENCES, *copying.REFERENCES, *ioi.REFERENCES, *circuit.REFERENCES]
