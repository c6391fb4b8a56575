"""Copies of the course that are damaged, judged and mended, several at a time."""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mi_course.book import ansi, chapters, kernels, outputs, run, store
from mi_course.book.chapters import Chapter
from mi_course.models import registry

T = TypeVar("T")

POCKET = registry.DEFAULT.name
TIMEOUT_S = 900
_SAID = re.compile(
    r"^(?:output \d.*|outputs: .*|\w+Error: .*|The outputs are labelled.*)$", re.MULTILINE
)
NBVAL = "-m pytest -q -x --color=no -p no:cacheprovider -p mi_course.book.nbval_plugin --nbval"


class Book:
    """A copy of the course, of which one chapter at a time is damaged and then mended."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = folder
        skip = shutil.ignore_patterns("__pycache__", ".*", "_build", "vendor")
        shutil.copytree(root / chapters.BOOK, folder / chapters.BOOK, ignore=skip)
        for name in ("_toc.yml", "_config.yml", "pyproject.toml"):
            if (root / name).is_file():
                shutil.copy(root / name, folder / name)
        self.package = folder / "code" / kernels.PACKAGE.name
        shutil.copytree(kernels.PACKAGE, self.package, ignore=skip)

    def chapter(self, doc: str) -> Chapter:
        """This copy's chapter of a name."""
        return Chapter(self.root, doc)

    @contextmanager
    def damaged(self, contents: Mapping[Path, bytes]) -> Iterator[None]:
        """Other contents for files, named from the copy's root; mended afterwards."""
        before = {path: (self.root / path).read_bytes() for path in contents}
        try:
            for path, content in contents.items():
                (self.root / path).write_bytes(content)
            yield
        finally:
            for path, content in before.items():
                (self.root / path).write_bytes(content)

    def static_alarm(self, doc: str) -> str:
        """What is found without execution."""
        places = outputs.places(self.root)
        found = store.orphans(self.root) or store.problems(self.chapter(doc), POCKET, places)
        return f"without execution: {found[0]}" if found else ""

    def nbval_alarm(self, doc: str, python: str = sys.executable, **variables: str) -> str:
        """What nbval says of the chapter, run with the copy's own package.

        Raises:
            RunError: it executed nothing.
        """
        done = subprocess.run(
            [python, *NBVAL.split(), str(self.chapter(doc).stored(POCKET))],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(self.package.parent)} | variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        report = ansi.strip(done.stdout).strip()
        if done.returncode not in (0, 1) or not re.search(r"\d+ (?:passed|failed)", report):
            last = (report or done.stderr.strip() or "it printed nothing").splitlines()[-1]
            raise run.RunError(f"{doc} could not be executed again: {last}")
        if done.returncode == 0:
            return ""
        said = _SAID.findall(report)
        return str(said[0]) if said else report.splitlines()[-1]


def in_turn(books: Sequence[Book], tasks: Sequence[Callable[[Book], T]]) -> Iterator[T]:
    """Do each task on a copy that is free, as many at a time as there are; results in order."""
    free: queue.SimpleQueue[Book] = queue.SimpleQueue()
    for book in books:
        free.put(book)

    def do(task: Callable[[Book], T]) -> T:
        book = free.get()
        try:
            return task(book)
        finally:
            free.put(book)

    pool = ThreadPoolExecutor(len(books))
    try:
        yield from pool.map(do, tasks)
    finally:
        pool.shutdown(cancel_futures=True)
