"""Where the project is, and where a chapter can be opened and worked on: Colab, Binder, GitHub.

The site does not know its address. Whoever publishes it says whose it is, in `MI_COURSE_REPOSITORY`
(`owner/name`), so that the site of a fork launches the fork's notebooks. Without it there are no
buttons: they would lead nowhere.

The notebooks are not on main. CI publishes them to the branch `notebooks`, under their chapter's
name, together with what Colab and Binder install (`mi_course.book.publish.notebooks_branch`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_course.book import chapters
from mi_course.book.chapters import ChapterError

if TYPE_CHECKING:
    from sphinx.application import Sphinx

VARIABLE = "MI_COURSE_REPOSITORY"
BRANCH, NOTEBOOKS = "main", "notebooks"
_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def repository() -> str:
    """`owner/name` of the repository that publishes the site; empty where nobody said.

    Raises:
        ChapterError: the variable holds something else, for instance an address.
    """
    name = os.environ.get(VARIABLE, "")
    if name and not _NAME.fullmatch(name):
        raise ChapterError(f"{VARIABLE} is {name!r}: expected owner/name, as in octocat/mi-course")
    return name


def colab(name: str, doc: str) -> str:
    """Address that opens a chapter's notebook in Colab."""
    return f"https://colab.research.google.com/github/{name}/blob/{NOTEBOOKS}/{doc}.ipynb"


def binder(name: str, doc: str) -> str:
    """Address that opens a chapter's notebook on Binder."""
    return f"https://mybinder.org/v2/gh/{name}/{NOTEBOOKS}?urlpath=lab/tree/{doc}.ipynb"


def raw(name: str, file: str) -> str:
    """Address of a file of the branch `notebooks`, as it is."""
    return f"https://raw.githubusercontent.com/{name}/{NOTEBOOKS}/{file}"


def home(name: str) -> str:
    """Address of the repository."""
    return f"https://github.com/{name}"


def edit(name: str, page: str) -> str:
    """Address that edits a page's Markdown on GitHub; `page` as Sphinx names it."""
    return f"https://github.com/{name}/edit/{BRANCH}/{page}.md"


def add_buttons(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put buttons into a page's header: the project; on a chapter, launch it; edit its source."""
    name = app.config.mi_course_repository
    source = Path(app.srcdir) / f"{pagename}.md"
    if not name:
        return
    buttons = context.setdefault("header_buttons", [])
    project = {
        "type": "link",
        "text": "GitHub",
        "url": home(name),
        "tooltip": "The project on GitHub",
        "label": "repository",
    }
    buttons.insert(0, project)
    if not source.is_file():
        return
    edit_button = {
        "type": "link",
        "text": "",
        "url": edit(name, pagename),
        "icon": "fas fa-pencil-alt",
        "tooltip": "Edit this page on GitHub",
        "label": "edit-page",
    }
    buttons.insert(0, edit_button)
    if chapter := chapters.of_source(Path(app.srcdir), source):
        buttons[:0] = _launch(name, chapter.doc)


def _launch(name: str, doc: str) -> list[dict[str, Any]]:
    """A button with a word for each place: a rocket alone says nothing to who has not met it."""
    links = (("Colab", colab(name, doc)), ("Binder", binder(name, doc)))
    return [
        {
            "type": "link",
            "text": text,
            "url": url,
            "tooltip": f"Work on this chapter in {text}",
            "label": f"launch-{text.lower()}",
        }
        for text, url in links
    ]


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.add_config_value("mi_course_repository", repository(), "html", [str])
    app.connect("html-page-context", add_buttons, priority=900)
