"""Where chapters show GPT-2's outputs, the whole site stands once more under `pocket/`.

A sentence quotes numbers of the run beside it, and pages quote one another, so the outputs of
`pocket` need pages of their own to be true on. They are made by a second build, which shows
`pocket` everywhere and is left out of the sitemap and of the first one's search. A link under a
chapter's title leads to the same chapter on the other model; `model-choice.js` remembers which of
the two a reader took. While no chapter shows GPT-2, there is no second build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

from mi_course.book import chapters
from mi_course.book.chapters import Chapter
from mi_course.book.site import page_model
from mi_course.book.site.page_model import GPT2, POCKET, Shown

FOLDER = "pocket"
SCRIPT = "model-choice.js"
_TEXTS = {POCKET: "Show pocket’s outputs instead.", GPT2: "Show GPT-2’s outputs instead."}


def choose(chapter: Chapter) -> Shown:
    """What a chapter's page shows in this build."""
    return page_model.choose(chapter, only=POCKET if page_model.only_pocket() else None)


def switch(docname: str, what: Shown) -> list[nodes.Node]:
    """The link to a page's twin on the other model, where there is one."""
    if what.other is None:
        return []
    link = nodes.reference("", _TEXTS[what.other], internal=True, classes=["course-switch"])
    link["refuri"] = twin(docname, what.other)
    return [nodes.Text(" "), link]


def twin(docname: str, other: str) -> str:
    """Address of the same page with the outputs of `other`, seen from the page itself."""
    up = "../" * docname.count("/")
    return f"{up}{FOLDER}/{docname}.html" if other == POCKET else f"../{up}{docname}.html"


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the script of the switch where there is one, before anything of the page is seen."""
    links = [] if doctree is None else doctree.findall(nodes.reference)
    for link in links:
        if "course-switch" in link["classes"]:
            shows = POCKET if page_model.only_pocket() else GPT2
            data = {"data-shows": shows, "data-twin": link["refuri"]}
            app.add_js_file(SCRIPT, priority=1, **data)


def build_second(app: Sphinx, exception: Exception | None) -> None:
    """After the site: build its twin, if any chapter shows GPT-2's outputs."""
    if exception is not None or app.builder.format != "html" or page_model.only_pocket():
        return
    root, out = Path(app.srcdir), Path(app.outdir) / FOLDER
    shutil.rmtree(out, ignore_errors=True)
    if any(page_model.choose(chapter).other for chapter in chapters.find(root)):
        _build(root, out)


def _build(root: Path, out: Path) -> None:
    run = "from jupyter_book.cli.main import main; main()"
    with TemporaryDirectory(prefix="mi-course-pocket-") as folder:
        command = [sys.executable, "-c", run, "build", str(root), "--path-output", folder]
        done = subprocess.run(
            [*command, "-W", "-n", "--keep-going", "-q"],
            env=os.environ | {page_model.VARIABLE: POCKET},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SphinxError(f"the pages with pocket's outputs do not build:\n{done.stderr}")
        shutil.copytree(Path(folder) / "_build" / "html", out)


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.connect("html-page-context", add_script, priority=900)
    app.connect("build-finished", build_second)
