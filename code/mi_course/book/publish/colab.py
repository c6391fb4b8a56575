"""Do the learners' notebooks still install and run on Colab, whose packages change under them?

Colab publishes what its image holds: the output of `pip freeze`, and its Python. Here an
environment gets those versions of the packages that the course's notebooks use, a kernel is started
in it, and notebooks are run as a learner would run them: their first cell installs the course into
the running kernel. It must not replace a package that such a kernel has imported.

Exercises are filled in with their solutions, so that every cell has something to work on.

    python -m mi_course.book.publish.colab --into _build/colab week1/01_mlp_mnist
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from mi_course.book import ansi, chapters, kernels
from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.notebook import learner_notebook
from mi_course.book.publish import notebooks_branch

SOURCE = "https://raw.githubusercontent.com/googlecolab/backend-info/main/"
FREEZE, SYSTEM = "pip-freeze.txt", "os-info.txt"
# Imported by every kernel of Colab before a learner's first cell: its package google-colab needs
# exactly the versions of its image, and compiled modules that change under a process break it.
KEPT = (
    "ipykernel",
    "ipython",
    "jupyter-client",
    "numpy",
    "pandas",
    "pyzmq",
    "tornado",
    "traitlets",
)
CELL_TIMEOUT_S = 900
TIMEOUT_S = 30
_PIN = re.compile(r"^([\w.-]+)==([^\s;+]+)")
_WHEEL = re.compile(r"^([\w.-]+) @ \S*/[\w.]+-([\d.]+)(?:%2B\w+)?-[^/]*\.whl")


def pins(freeze: str, names: Collection[str]) -> dict[str, str]:
    """Versions that a `pip freeze` lists for these packages, without a build's suffix."""
    found = {}
    for line in freeze.splitlines():
        match = _PIN.match(line) or _WHEEL.match(line)
        if match and normal(match[1]) in names:
            found[normal(match[1])] = match[2]
    return found


def normal(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_of(system: str) -> str:
    """The version `3.13` of Colab's Python, from its `os-info.txt`."""
    match = re.search(r"^Python (\d+\.\d+)", system, re.MULTILINE)
    if not match:
        raise ChapterError(f"{SYSTEM} names no Python: has Colab changed the file's form?")
    return match[1]


def used_names(root: Path) -> set[str]:
    """The packages that a notebook of the course or its kernel needs, directly or not."""
    lines = (root / "requirements/run.txt").read_text("utf8").splitlines()
    return {normal(match[1]) for match in map(_PIN.match, lines) if match}


def replaced(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Packages of `KEPT` whose version an installation changed, each with `old → new`."""
    return {
        name: f"{before[name]} → {after.get(name, 'none')}"
        for name in KEPT
        if name in before and after.get(name) != before[name]
    }


def filled_in(chapter: Chapter) -> NotebookNode:
    """The learner's notebook of a chapter with the solutions in their places."""
    notebook = learner_notebook.learner_notebook(chapter)
    solutions = {
        tag: cell.source
        for cell in chapter.cells
        for tag in cell.tags
        if tag.startswith(learner_notebook.EXERCISE_TAG)
    }
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            cell.source = solutions.get(tag, cell.source)
    return notebook


def make_environment(folder: Path, versions: Mapping[str, str], torch_index: str = "") -> Path:
    """A fresh environment with exactly these versions; returns its Python."""
    venv.create(folder, clear=True, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = [f"{name}=={version}" for name, version in versions.items()]
    index = ["--extra-index-url", torch_index] if torch_index else []
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, *index, *wanted], check=True)
    return python


def installed(python: Path) -> dict[str, str]:
    """What an environment holds now."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "list", "--format=json"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {normal(one["name"]): one["version"] for one in listed}


def run(notebook: NotebookNode, python: Path, folder: Path) -> str:
    """Run a notebook's cells in a kernel of another environment; why it stopped, or nothing."""
    km = kernels.manager()
    km._kernel_spec.argv[0] = str(python)
    folder.mkdir(parents=True, exist_ok=True)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {"MI_COURSE_MODEL": "pocket", "MI_COURSE_PROGRESS": "off"}
    client = NotebookClient(notebook, km=km, timeout=CELL_TIMEOUT_S)
    try:
        client.execute(env=env, cwd=str(folder), cleanup_kc=True)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return ansi.strip(str(error))
    return ""


def check(
    chosen: Sequence[Chapter], python: Path, folder: Path, served: str = ""
) -> tuple[list[str], bool]:
    """Run notebooks one after the other in one environment; the first one installs the course.

    Args:
        chosen: which chapters.
        python: of the environment.
        folder: where the kernels work.
        served: address of the wheel's folder, if not the published branch.

    Returns:
        The report's lines, and whether all is well.
    """
    before = installed(python)
    lines, well = [], True
    for chapter in chosen:
        notebook = filled_in(chapter)
        if served:
            *_, published = notebooks_branch.install_lines(chapter.root)
            here = f"%pip install -q {served}/{notebooks_branch.wheel_name(chapter.root)}"
            first = notebook.cells[0]
            first.source = first.source.replace(published, here)
        start = time.perf_counter()
        why = run(notebook, python, folder)
        well &= not why
        seconds = time.perf_counter() - start
        lines.append(f"- `{chapter}`: {'failed' if why else 'ran'}, {seconds:.0f} s")
        if why:
            pip = "".join(out.get("text", "") for out in notebook.cells[0].outputs)
            lines += ["", "```text", pip.strip(), why.strip()[-3000:], "```", ""]
    changed = replaced(before, installed(python))
    lines += [f"- replaced under the running kernel: {n} {how}" for n, how in changed.items()]
    return lines, well and not changed


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine; yields its address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def first_chapters(root: Path) -> list[Chapter]:
    """The first chapter with code of each week."""
    first: dict[str, Chapter] = {}
    for chapter in chapters.find(root):
        if chapter.doc.startswith("week"):
            first.setdefault(chapter.doc.partition("/")[0], chapter)
    return list(first.values())


def _fetched(name: str, given: Path | None) -> str:
    """One of Colab's lists, from a file or from where Colab publishes it."""
    if given is not None:
        return given.read_text("utf8")
    with urlopen(SOURCE + name, timeout=TIMEOUT_S) as response:
        return str(response.read().decode("utf8"))


def _look(args: argparse.Namespace) -> tuple[list[str], bool]:
    """The report's lines, and whether all is well."""
    root = chapters.project_root(None)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    theirs = python_of(_fetched(SYSTEM, args.system))
    if theirs != here:
        raise ChapterError(f"Colab runs Python {theirs}, this is {here}: run this with {theirs}.")
    versions = pins(_fetched(FREEZE, args.freeze), used_names(root))
    python = make_environment(args.into / "venv", versions, os.environ.get("TORCH_INDEX", ""))
    chosen = [chapters.named(root, doc) for doc in args.docs] or first_chapters(root)
    with serve(args.branch) if args.branch else nullcontext("") as served:
        lines, well = check(chosen, python, args.into / "work", served)
    shown = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return [f"Colab today: Python {theirs}, {shown}.", "", *lines], well


def main(argv: Sequence[str] | None = None) -> int:
    """Write `report.md` into a folder; 1 if a notebook failed or the kernel's packages changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "docs", nargs="*", metavar="CHAPTER", help="default: the first of each week"
    )
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--freeze", type=Path, metavar="FILE", help=f"default: Colab's {FREEZE}")
    parser.add_argument("--system", type=Path, metavar="FILE", help=f"default: Colab's {SYSTEM}")
    parser.add_argument(
        "--branch", type=Path, metavar="FOLDER", help="with the wheel; default: the published one"
    )
    args = parser.parse_args(argv)
    args.into.mkdir(parents=True, exist_ok=True)
    try:
        lines, well = _look(args)
    except (ChapterError, OSError, subprocess.CalledProcessError) as error:
        lines, well = [f"The notebooks were not tried: {error}"], False
    (args.into / "report.md").write_text("\n".join(lines) + "\n", "utf8")
    print("\n".join(lines))
    return int(not well)


if __name__ == "__main__":
    sys.exit(main())
