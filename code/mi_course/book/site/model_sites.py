"""The site once more for each model whose outputs a reader can choose instead.

A sentence quotes numbers of the run beside it, and pages quote one another, so the outputs of
another model need pages of their own to be true on. They are made by a build of their own, which
prefers that model everywhere, stands in a folder of its name, as `pocket/`, and is left out of the
sitemap and of the first site's search. A link under a chapter's title leads to the same chapter on
another model; `model-choice.js` remembers which one a reader took. Where no chapter has outputs of
more than one model, there is one site.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

from mi_course.book import chapters
from mi_course.book.chapters import Chapter
from mi_course.book.site import page_model
from mi_course.book.site.page_model import Shown
from mi_course.models import registry

SCRIPT = "model-choice.js"
_MODEL = "course_model"
_STATIC = "_static"
_ASSET = re.compile(rf"""(?<=["'(=])((?:\.\./)*){_STATIC}/([^"'()?#\s<>&]+)""")


def choose(chapter: Chapter) -> Shown:
    """What a chapter's page shows in this build."""
    return page_model.choose(chapter, page_model.asked())


def switch(docname: str, what: Shown) -> list[nodes.Node]:
    """The links to a page's twins on other models, where there are some."""
    found: list[nodes.Node] = []
    for other in what.others:
        text = f"Show {registry.named(other).short}’s outputs instead."
        link = nodes.reference("", text, internal=True, classes=["course-switch"])
        link["refuri"] = twin(docname, other, what.home)
        link[_MODEL] = other
        found += [nodes.Text(" "), link]
    return found


def twin(docname: str, other: str, home: str | None) -> str:
    """Address of the same page with the outputs of `other`, seen from the page itself.

    Args:
        docname: the page, as Sphinx names it.
        other: whose outputs are wanted.
        home: the model that this page shows on the first site.
    """
    to_top = "../" * (docname.count("/") + bool(page_model.asked()))
    return f"{to_top}{docname}.html" if other == home else f"{to_top}{other}/{docname}.html"


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the script of the switch where there is one, before anything of the page is seen."""
    links = [] if doctree is None else list(doctree.findall(nodes.reference))
    twins = {link[_MODEL]: link["refuri"] for link in links if _MODEL in link}
    if twins:
        data = {"data-twins": json.dumps(twins), "data-site": page_model.asked() or ""}
        app.add_js_file(SCRIPT, priority=1, **data)


@dataclass
class Build:
    """A site of another model, while it is made beside the first one.

    Attributes:
        model: by its name.
        process: that makes it.
        folder: that it makes it in.
    """

    model: str
    process: subprocess.Popen[str]
    folder: TemporaryDirectory[str]

    def stop(self) -> None:
        """End it, and leave nothing behind."""
        self.process.kill()
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        self.folder.cleanup()


def start_others(app: Sphinx) -> list[Build]:
    """Begin with the sites of the other models that some chapter offers: each takes as long."""
    if app.builder.format != "html" or page_model.asked():
        return []
    root = Path(app.srcdir)
    offered = {name for chapter in chapters.find(root) for name in choose(chapter).others}
    return [_start(root, name) for name in registry.names() if name in offered]


def _start(root: Path, model: str) -> Build:
    folder = TemporaryDirectory(prefix=f"mi-course-{model}-")
    run = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", run, "build", str(root), "--path-output", folder.name]
    process = subprocess.Popen(
        [*command, "-W", "-n", "--keep-going", "-q"],
        env=os.environ | {page_model.VARIABLE: model},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    build = Build(model, process, folder)
    atexit.register(build.stop)  # where the first site stops before its end
    return build


def finish_others(app: Sphinx, builds: Sequence[Build], exception: Exception | None) -> None:
    """After the site: put those of the other models into it, and none that nobody offers."""
    if app.builder.format != "html" or page_model.asked():
        return
    out = Path(app.outdir)
    try:
        if exception is None:
            for name in registry.names():
                shutil.rmtree(out / name, ignore_errors=True)
            for build in builds:
                _finish(build, out / build.model)
    finally:
        for build in builds:
            build.stop()
            atexit.unregister(build.stop)


def _finish(build: Build, out: Path) -> None:
    _, errors = build.process.communicate()
    if build.process.returncode:
        display = registry.named(build.model).display
        raise SphinxError(f"the pages with outputs of {display} do not build:\n{errors}")
    shutil.copytree(Path(build.folder.name) / "_build" / "html", out)
    share_static(out, out.parent)


def share_static(site: Path, first: Path) -> None:
    """Let the pages of a site that stands in another one load from there what both have alike.

    Scripts, fonts and weights are three quarters of a site. A page of the inner one names them by
    `../_static/name`; one `../` more leads to those of the outer one.
    """
    own, others = site / _STATIC, first / _STATIC
    files = {path.relative_to(own): path for path in own.rglob("*") if path.is_file()}
    alike = {
        name.as_posix(): path
        for name, path in files.items()
        if (others / name).is_file() and (others / name).read_bytes() == path.read_bytes()
    }

    def outside(found: re.Match[str]) -> str:
        up, name = found.groups()
        return f"{up}../{_STATIC}/{name}" if name in alike else found[0]

    for page in site.rglob("*.html"):
        page.write_text(_ASSET.sub(outside, page.read_text("utf8")), encoding="utf8")
    for path in alike.values():
        path.unlink()


def setup(app: Sphinx) -> None:
    """Called by the course's extension."""
    app.connect("html-page-context", add_script, priority=900)
    builds: list[Build] = []
    app.connect("builder-inited", lambda app: builds.extend(start_others(app)))
    app.connect("build-finished", lambda app, error: finish_others(app, builds, error))
