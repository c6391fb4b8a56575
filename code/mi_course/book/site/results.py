"""A chapter's figure on another page: `{course-result}` shows what is stored, and stays true.

    ```{course-result} week2/02_induction_heads
    :figure: three diagonals

    A caption, with a link to the [chapter](week2/02_induction_heads.md).
    ```

`figure` is a part of the figure's title that no other figure of the chapter has. `height`, in
pixels, is for a narrow place, where pictures in a row leave room above and below. The caption ends
with the model that was measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import nbformat
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mi_course.book import chapters, store
from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.outputs import PLOTLY
from mi_course.book.site import figures, model_sites
from mi_course.models import registry


class Result(SphinxDirective):
    """The stored figure of a chapter, with a caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "figure": directives.unchanged_required,
        "height": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        """The figure's box and its caption; where there is no such figure, a warning."""
        root = Path(self.env.srcdir)
        try:
            chapter = chapters.named(root, self.arguments[0])
            for path in (chapter.source, *map(chapter.stored, registry.names())):
                self.env.note_dependency(str(path))
            words, height = self.options.get("figure", ""), self.options.get("height")
            html, model = find(chapter, words, height)
        except ChapterError as error:
            return [self.state.document.reporter.warning(str(error), line=self.lineno)]
        caption = nodes.container(classes=["course-caption"])
        self.state.nested_parse(self.content, self.content_offset, caption)
        measured = registry.find(model)
        if measured and caption.children:
            caption[-1] += nodes.Text(f" Measured on {measured.in_full}.")
        box = nodes.raw("", html, format="html")
        return [nodes.container("", box, caption, classes=["course-result"])]


def find(chapter: Chapter, title: str, height: int | None = None) -> tuple[str, str]:
    """HTML of the one figure of a chapter with these words in its title, and the model behind it.

    Args:
        chapter: where the figure is.
        title: words of the figure's title.
        height: of the figure, in pixels; default: as in the chapter.

    Raises:
        ChapterError: the chapter has no outputs to show, or not one such figure.
    """
    stored = model_sites.choose(chapter).stored
    if stored is None:
        raise ChapterError(f"{chapter} has no outputs to take a figure from")
    notebook: Any = store.load(stored)
    outputs = [output.get("data", {}) for output in _outputs(notebook)]
    if height:
        for data in outputs:
            if PLOTLY in data:
                data[PLOTLY].setdefault("layout", {})["height"] = height
    shown = [figures.to_html(data) for data in outputs]
    found = [html for html in shown if html and title in figures.name(html)]
    if len(found) != 1:
        raise ChapterError(
            f"{len(found)} figures of {chapter} have {title!r} in their title: expected one; give "
            "more words of it, or other ones"
        )
    return found[0], notebook.metadata.mi_course.model.name


def _outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.outputs]


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.add_directive("course-result", Result)
