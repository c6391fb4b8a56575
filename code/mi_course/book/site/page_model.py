"""Which model's outputs a page shows, and the line that says so.

The registry's order is the order in which a page prefers models: it shows the outputs of the first
that are stored and belong to the chapter as it stands. Those of the others are one click away.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from mi_course.book import chapters, store
from mi_course.book.chapters import Chapter
from mi_course.models import registry
from mi_course.models.registry import GPT2, Model

VARIABLE = "MI_COURSE_SITE_MODEL"
"""Names the model that a build prefers to all others, for the sites that `model_sites` adds."""

_PACKAGES = {
    "python": "Python",
    "torch": "PyTorch",
    "transformer_lens": "TransformerLens",
    "transformers": "Transformers",
    "numpy": "NumPy",
    "plotly": "Plotly",
    "circuitsvis": "CircuitsVis",
}
_QUOTE = re.compile(r"\{glue:\w+\}`([^`:]+\.md)::")

HIDDEN = (
    "Outputs of {model} are stored for this page, but its code has changed since; they are "
    "hidden until somebody runs it on {model} again."
)
QUOTES = (
    "Outputs of {model} are stored for this page, but it quotes numbers of {page}, which has none "
    "to show; they are hidden until somebody runs that page on {model}."
)


@dataclass(frozen=True)
class Shown:
    """What a page shows: stored outputs, or the reason why there are none.

    Attributes:
        stored: the notebook whose outputs are shown.
        model: that they are stored for.
        reason: what is wrong with outputs that anyone can store, if something is.
        hidden: why outputs of models that pages prefer are not shown, if some are stored.
        others: the other models whose outputs can be shown, in the registry's order.
        home: the model that the same page shows where no build asked for another.
    """

    stored: Path | None
    model: str | None = None
    reason: str | None = None
    hidden: str | None = None
    others: tuple[str, ...] = ()
    home: str | None = None


def asked() -> str | None:
    """The model that this build prefers to all others, if it does."""
    return os.environ.get(VARIABLE) or None


def choose(chapter: Chapter, asked: str | None = None) -> Shown:
    """The stored outputs to show for a chapter.

    Those of the first model, in the registry's order, that are stored, belong to the chapter as it
    stands, and stand beside no number of another model. The default model's, or those of the one
    model that the chapter is about, must exist and belong to it in any case, and so must those of
    every model that anyone can run, where they are stored.

    Args:
        chapter: whose page.
        asked: a model that goes before all others.
    """
    fit = [model.name for model in registry.MODELS if _can_be_shown(chapter, model)]
    wrong = [why for model in registry.MODELS if (why := _complaint(chapter, model))]
    reason = "; ".join(wrong) or None
    if not fit:
        return Shown(None, reason=reason, hidden=_hidden(chapter, registry.MODELS))
    name = asked if asked in fit else fit[0]
    made = _made_by(chapter, name)
    return Shown(
        chapter.stored(name),
        name,
        reason,
        _hidden(chapter, registry.MODELS[: _rank(name)]),
        others=tuple(other for other in fit if _made_by(chapter, other) != made),
        home=fit[0],
    )


def at_first(chapter: Chapter) -> Model | None:
    """The model whose outputs a page shows at first; None where no model made them."""
    home = choose(chapter).home
    return registry.find(_made_by(chapter, home)) if home else None


def _hidden(chapter: Chapter, preferred: Sequence[Model]) -> str | None:
    """Why outputs of models that a page prefers are not shown, where that is no complaint."""
    excused = (model for model in preferred if not _complaint(chapter, model))
    return " ".join(why for model in excused if (why := _why_hidden(chapter, model))) or None


def _rank(name: str) -> int:
    """How many models pages prefer to this one."""
    return [model.name for model in registry.MODELS].index(name)


def _can_be_shown(chapter: Chapter, model: Model) -> bool:
    return chapter.stored(model.name).is_file() and not _why_hidden(chapter, model)


def _complaint(chapter: Chapter, model: Model) -> str | None:
    """What is wrong with a model's outputs that anyone can put right; None where nothing is.

    Outputs that need the hub may be stale, but none may be labelled as what they are not. Those of
    another model than the default may be missing: a chapter may study what that model lacks.
    """
    if not model.anyone_can_run and not store.wrong_label(chapter, model.name):
        return None
    if model.name != chapter.default and not chapter.stored(model.name).is_file():
        return None
    return store.stale_reason(chapter, model.name)


def _why_hidden(chapter: Chapter, model: Model, above: tuple[Chapter, ...] = ()) -> str | None:
    """Why a model's stored outputs are not shown; `above`: the pages that quote this one."""
    if not chapter.stored(model.name).is_file():
        return None
    if store.stale_reason(chapter, model.name):
        return HIDDEN.format(model=model.display)
    if model.name == registry.DEFAULT.name:  # every page has its outputs
        return None
    for page in quoted(chapter):
        theirs = page.stored(model.name).is_file()
        if page in above or not (theirs or _made_by(page, registry.DEFAULT.name)):
            continue
        if not theirs or _why_hidden(page, model, (*above, chapter)):
            return QUOTES.format(model=model.display, page=page)
    return None


def quoted(chapter: Chapter) -> list[Chapter]:
    """The other chapters whose glued numbers stand in a chapter's prose."""
    names = sorted(set(_QUOTE.findall(chapter.source.read_text("utf8"))))
    files = (chapter.source.parent / name for name in names)
    pages = (chapters.of_source(chapter.root, file) for file in files)
    return [page for page in pages if page is not None and page != chapter]


def _made_by(chapter: Chapter, model: str) -> str:
    """Which model made the outputs stored for this one; empty where none did, or none are."""
    stored = chapter.stored(model)
    try:
        made = store.load(stored).metadata.mi_course.model.name if stored.is_file() else ""
    except store.StoreError:  # which its own page complains about
        return ""
    return "" if made == store.NO_MODEL["name"] else str(made)


def label(shown: Shown) -> str:
    """The line about the outputs of a page, whatever it shows."""
    if shown.stored is None:
        return "The outputs of this page are missing."
    text = describe(store.load(shown.stored).metadata.mi_course)
    return text if shown.hidden is None else f"{text} {shown.hidden}"


def describe(meta: NotebookNode) -> str:
    """Which model made the outputs, with which versions, and when they last changed."""
    model = registry.find(meta.model.name)
    if model is None:
        made = "Outputs: computed without a language model."
    else:
        made = f"Outputs: {model.described} (weights {meta.model.sha256[:8]})."
        if model.name != GPT2.name:
            made += f" It is not {GPT2.display}, and its numbers are not {GPT2.short}’s."
    names = sorted(meta.versions, key=lambda name: [*_PACKAGES, name].index(name))
    versions = ", ".join(f"{_PACKAGES.get(name, name)} {meta.versions[name]}" for name in names)
    return f"{made} Last changed on {meta.changed}. Computed with {versions}."
