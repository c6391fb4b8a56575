"""Your own functions at work: `yours.NAME` is what you wrote, once `check.NAME` has passed it.

In a notebook: `from mi_course import check, yours`. Until the check of an exercise has passed in
this session, and where your function stops with an error on a real input, `yours.NAME` is the
package's function of the same arguments, so that no cell below an exercise is lost. One line in
each cell that uses it says whose function ran. Arguments are given by position, since a learner may
call them something else.
"""

from __future__ import annotations

from typing import Any

from mi_course.yours.choice import Choice


def __getattr__(name: str) -> Any:
    try:
        return Choice.of(name)
    except KeyError:
        raise AttributeError(
            f"no exercise whose function a later cell uses is called {name!r}"
        ) from None


def __dir__() -> list[str]:
    return Choice.names()
