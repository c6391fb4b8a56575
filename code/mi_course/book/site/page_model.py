"""Which model's outputs a page shows, and the line that says so.

The site prefers GPT-2: its outputs are shown where they are stored and belong to the chapter as it
stands. Otherwise, and one click away, the page shows those of `pocket`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from mi_course.book import chapters, store
from mi_course.book.chapters import Chapter

POCKET, GPT2 = chapters.MODELS
VARIABLE = "MI_COURSE_SITE_MODEL"
"""Set to `pocket` where the site is built to show `pocket` everywhere (`pocket_site`)."""

_PACKAGES = {
    "python": "Python",
    "torch": "PyTorch",
    "transformer_lens": "TransformerLens",
    "transformers": "Transformers",
    "numpy": "NumPy",
    "plotly": "Plotly",
    "circuitsvis": "CircuitsVis",
}
_DISPLAYED = {
    POCKET: "pocket, the small model that comes with the course",
    GPT2: "GPT-2 small",
}
_QUOTE = re.compile(r"\{glue:\w+\}`([^`:]+\.md)::")

HIDDEN = (
    "Outputs of GPT-2 small are stored for this page, but its code has changed since; they are "
    "hidden until somebody runs it on GPT-2 small again."
)
QUOTES = (
    "Outputs of GPT-2 small are stored for this page, but it quotes numbers of {}, which has none "
    "to show; they are hidden until somebody runs that page on GPT-2 small."
)


@dataclass(frozen=True)
class Shown:
    """What a page shows: a stored notebook, or the reason why there is none.

    Attributes:
        stored: the notebook whose outputs are shown.
        reason: why pocket's outputs are missing or stale, if they are.
        hidden: the sentence that says why stored GPT-2 outputs are not shown, if there are some.
        other: the other model, where its outputs can be shown as well.
    """

    stored: Path | None
    reason: str | None = None
    hidden: str | None = None
    other: str | None = None


def only_pocket() -> bool:
    """Whether this build shows `pocket` even where GPT-2's outputs could be shown."""
    return os.environ.get(VARIABLE) == POCKET


def choose(chapter: Chapter, only: str | None = None) -> Shown:
    """The stored notebook to show for a chapter.

    GPT-2's outputs where they are stored, belong to the chapter as it stands, and stand beside no
    number of another model; otherwise pocket's, which must exist and belong to it in any case.

    Args:
        chapter: whose page.
        only: `pocket`, where its outputs are asked for even if GPT-2's could be shown.
    """
    pocket, gpt2 = map(chapter.stored, chapters.MODELS)
    reason = store.stale_reason(chapter, POCKET)
    hidden = _why_hidden(chapter)
    has_gpt2 = gpt2.is_file() and hidden is None
    differ = has_gpt2 and reason is None and _is_of(gpt2, GPT2)
    if has_gpt2 and only != POCKET:
        return Shown(gpt2, reason, other=POCKET if differ else None)
    return Shown(pocket if reason is None else None, reason, hidden, GPT2 if differ else None)


def _why_hidden(chapter: Chapter, above: tuple[Chapter, ...] = ()) -> str | None:
    """Why GPT-2's stored outputs are not shown; `above`: the pages that quote this one."""
    if not chapter.stored(GPT2).is_file():
        return None
    if store.stale_reason(chapter, GPT2):
        return HIDDEN
    for page in quoted(chapter):
        pocket, theirs = map(page.stored, chapters.MODELS)
        if page in above or not (theirs.is_file() or _is_of(pocket, POCKET)):
            continue
        if not theirs.is_file() or _why_hidden(page, (*above, chapter)):
            return QUOTES.format(page)
    return None


def quoted(chapter: Chapter) -> list[Chapter]:
    """The other chapters whose glued numbers stand in a chapter's prose."""
    names = sorted(set(_QUOTE.findall(chapter.source.read_text("utf8"))))
    files = (chapter.source.parent / name for name in names)
    pages = (chapters.of_source(chapter.root, file) for file in files)
    return [page for page in pages if page is not None and page != chapter]


def _is_of(stored: Path, model: str) -> bool:
    """Whether stored outputs were made by this model, and not without one."""
    return stored.is_file() and store.load(stored).metadata.mi_course.model.name == model


def label(shown: Shown) -> str:
    """The line about the outputs of a page, whatever it shows."""
    if shown.stored is None:
        return "The outputs of this page are missing."
    text = describe(store.load(shown.stored).metadata.mi_course)
    return text if shown.hidden is None else f"{text} {shown.hidden}"


def describe(meta: NotebookNode) -> str:
    """Which model made the outputs, with which versions, and when they last changed."""
    model = meta.model
    if model.name in _DISPLAYED:
        made = f"Outputs: {_DISPLAYED[model.name]} (weights {model.sha256[:8]})."
        if model.name == POCKET:
            made += " It is not GPT-2 small, and its numbers are not GPT-2’s."
    else:
        made = "Outputs: computed without a language model."
    names = sorted(meta.versions, key=lambda name: [*_PACKAGES, name].index(name))
    versions = ", ".join(f"{_PACKAGES.get(name, name)} {meta.versions[name]}" for name in names)
    return f"{made} Last changed on {meta.changed}. Computed with {versions}."
