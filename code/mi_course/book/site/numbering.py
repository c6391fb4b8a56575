"""Exercises are numbered within their chapter, on the site as in the learners' notebooks.

Sphinx counts figures, tables and exercises through the whole site, so that an exercise's number
would change with every exercise that an earlier chapter gains.
"""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

KIND = "exercise"
AFTER_SPHINX = 900
"""Sphinx gives its own numbers at priority 500."""


def number_by_chapter(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Count the exercises of each page from 1, in the order in which they stand on it."""
    for numbers in env.toc_fignumbers.values():
        own = numbers.get(KIND, {})
        for number, label in enumerate(own, 1):
            own[label] = (number,)
    return []


def setup(app: Sphinx) -> None:
    """Called by the extension for what accompanies a learner."""
    app.connect("env-get-updated", number_by_chapter, priority=AFTER_SPHINX)
