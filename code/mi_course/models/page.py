"""Which model the page of a notebook shows, told where another one is loaded.

Pages show the first model of the registry that has outputs; a notebook runs what its machine has.
So a learner's notebook says in its first cell what its page shows, and `load` tells the difference.
"""

from __future__ import annotations

from mi_course.models import registry

_shown: list[str] = []


def page_shows(name: str) -> None:
    """Note whose outputs the page of this notebook shows; its first cell calls this.

    Args:
        name: of a model of the registry; one that this version does not know is left alone, since a
            notebook may be newer than the package.
    """
    _shown[:] = [name] if registry.find(name) else []


def difference(running: str) -> str | None:
    """One line for a notebook that does not run the page's model; None where it does, or no page.

    Args:
        running: name of the model that was loaded, or the label of stand-in weights.
    """
    if not _shown or _shown[0] == running:
        return None
    page, (name,) = registry.named(_shown[0]), _shown
    model = registry.find(running)
    return (
        f"This runs on {model.short if model else running}; the page shows {page.short}: "
        f'models.load("{name}"), or MI_COURSE_MODEL={name}'
    )
