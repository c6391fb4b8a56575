"""A site of a few pages, built within the test by Sphinx and one extension: about a second."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace


def build(
    folder: Path, pages: dict[str, str], *extensions: str, warnings: TextIO | None = None
) -> dict[str, BeautifulSoup]:
    """Build pages written in MyST, and parse them.

    Args:
        folder: a new one; what the pages refer to may stand in it already.
        pages: text by name, such as `book/week1/a`.
        extensions: modules.
        warnings: where those of the build go; default: nowhere.
    """
    toc = "\n".join(pages)
    (folder / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{toc}\n```\n", "utf8")
    for name, text in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_text(text, "utf8")
    out, options = folder / "out", {"extensions": ["myst_parser", *extensions]}
    with docutils_namespace():  # what extensions register ends with the build
        Sphinx(folder, None, out, folder / "doctrees", "html", options, None, warnings).build()
    return {
        name: BeautifulSoup((out / f"{name}.html").read_text("utf8"), "html.parser")
        for name in pages
    }
