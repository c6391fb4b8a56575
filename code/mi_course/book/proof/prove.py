"""Damage a copy of the book in seeded ways and count what the checks catch.

Damages to stored outputs are judged as nbval's plugin judges them, against one fresh execution of
the chapter. Damages to the chapter's source need no execution. Damages to the package and to the
model are made in the copy, and nbval runs there. The other side is counted too: what must raise no
alarm (other numbers of threads, drift, an edit of prose).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from random import Random

from nbformat import NotebookNode

from mi_course.book import chapters, kernels, nbval_plugin, outputs, run, store
from mi_course.book.proof import code, data
from mi_course.book.proof.kinds import KINDS
from mi_course.book.proof.report import Tried

POCKET = chapters.MODELS[0]
TIMEOUT_S = 900
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_SAID = re.compile(
    r"^(?:output \d.*|outputs: .*|\w+Error: .*|The outputs are labelled.*)$", re.MULTILINE
)


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

    def source(self, doc: str) -> Path:
        """The chapter's `.md`."""
        return self.root / chapters.BOOK / f"{doc}.md"

    def stored(self, doc: str) -> Path:
        """Its notebook of `pocket`."""
        return chapters.stored_path(self.root, doc, POCKET)

    def static_alarm(self, doc: str) -> str:
        """What is found without execution."""
        orphans = {store.name_of(p)[1] for p in chapters.find_stored(self.root, POCKET)}
        orphans -= {chapters.doc_name(self.root, p) for p in chapters.find(self.root)}
        if orphans:
            return f"without execution: {orphans.pop()} belongs to no chapter"
        found = store.problems(self.source(doc), self.stored(doc), outputs.places(self.root))
        return f"without execution: {found[0]}" if found else ""

    def nbval_alarm(self, doc: str, **variables: str) -> str:
        """What nbval says of the chapter, run with the copy's own package."""
        pytest = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "--color=no",
            "-p",
            "no:cacheprovider",
        ]
        done = subprocess.run(
            [*pytest, "-p", "mi_course.book.nbval_plugin", "--nbval", str(self.stored(doc))],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(self.package.parent)} | variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        if done.returncode == 0:
            return ""
        report = _ANSI.sub("", done.stdout)
        said = _SAID.findall(report)
        return str(said[0]) if said else report.strip().splitlines()[-1]


def prove(
    root: Path, seed: int = 0, on_tried: Callable[[Tried], object] = lambda tried: None
) -> list[Tried]:
    """Try every kind of damage on chapters drawn from the book.

    Args:
        root: of the project; its stored outputs must be fresh.
        seed: of everything that is drawn.
        on_tried: called with each result as it comes.

    Raises:
        RunError: the book as it stands does not pass.
    """
    done = []
    with tempfile.TemporaryDirectory(prefix="mi-course-proof-") as folder:
        book = Book(root, Path(folder) / "course")
        docs = [chapters.doc_name(book.root, path) for path in chapters.find(book.root)]
        for doc in docs:
            alarm = book.static_alarm(doc)
            if alarm:
                raise run.RunError(f"the book itself does not pass: {alarm}")
        rng = Random(seed)
        for tried in _all(book, docs, rng):
            on_tried(tried)
            done.append(tried)
    return done


def _all(book: Book, docs: Sequence[str], rng: Random) -> Iterator[Tried]:
    fresh = {doc: asyncio.run(run.execute(book.root, book.source(doc), POCKET))[0] for doc in docs}
    for kind, (n, damage) in KINDS.items():
        for _ in range(n):
            yield _damage_outputs(book, rng.sample(docs, len(docs)), fresh, kind, damage, rng)
    yield from _damage_sources(book, rng.choice(docs))
    yield from _damage_code(book, docs, rng)
    yield from _damage_model(book, docs)
    yield from _no_alarm(book, docs, fresh, rng)


def _damage_outputs(
    book: Book,
    docs: Sequence[str],
    fresh: dict[str, store.Result],
    kind: str,
    damage: Callable[[NotebookNode, Random], str | None],
    rng: Random,
) -> Tried:
    """Damage the first of these chapters that has something of this kind."""
    for doc in docs:
        notebook = store.load(book.stored(doc))
        example = damage(notebook, rng)
        if example is not None:
            return Tried(kind, example, _judge(book, doc, notebook, fresh[doc]))
    return Tried(kind, "", "")


def _judge(book: Book, doc: str, notebook: NotebookNode, fresh: store.Result) -> str:
    """What the static checks, else the comparison with a fresh execution, say of a notebook."""
    path = book.stored(doc)
    before = path.read_bytes()
    try:
        path.write_bytes(store.to_bytes(notebook))
        static = book.static_alarm(doc)
    finally:
        path.write_bytes(before)
    if static:
        return static
    for cell, outs in zip(notebook.cells, fresh.outputs, strict=True):
        found = nbval_plugin.judge(cell, list(deepcopy(outs)), ())
        if found:
            return found[0]
    claimed = dict(notebook.metadata.mi_course.model)
    return "" if claimed == dict(fresh.model) else f"labelled with {claimed['sha256'][:8]}…"


def _damage_sources(book: Book, doc: str) -> Iterator[Tried]:
    """Damages to the chapter's file, each undone afterwards."""
    path, text = book.source(doc), book.source(doc).read_text("utf8")
    for kind, new in code.edited_chapters(text):
        path.write_text(new, encoding="utf8")
        yield Tried(kind, doc, book.static_alarm(doc))
        path.write_text(text, encoding="utf8")
    path.unlink()
    yield Tried("a chapter removed, its outputs left", doc, book.static_alarm(doc))
    path.write_text(text, encoding="utf8")
    stored, content = book.stored(doc), book.stored(doc).read_bytes()
    stored.unlink()
    yield Tried("a chapter's stored outputs removed", doc, book.static_alarm(doc))
    stored.write_bytes(content)


def _damage_code(book: Book, docs: Sequence[str], rng: Random) -> Iterator[Tried]:
    """A changed line in a function of the package that a chapter calls."""
    for doc in docs:
        for file, new, example in code.changed_functions(book.package, book.source(doc), rng):
            old = file.read_text("utf8")
            file.write_text(new, encoding="utf8")
            yield Tried("a changed line in the package", example, book.nbval_alarm(doc))
            file.write_text(old, encoding="utf8")


def _damage_model(book: Book, docs: Sequence[str]) -> Iterator[Tried]:
    """Other weights, with their checksum and without, and another training log."""
    doc = next((d for d in docs if _model_of(book, d) == POCKET), None)
    folder = book.package / POCKET
    if doc is None:
        return
    sums = folder / "checksums.json"
    for kind, name, honest in (
        ("a byte of the weights changed", "model.safetensors", False),
        ("other weights, with their own checksum", "model.safetensors", True),
        ("a byte of the training log changed", "training_log.csv", False),
    ):
        file = folder / name
        before, sums_before = file.read_bytes(), sums.read_bytes()
        file.write_bytes(code.changed_weights(before) if honest else code.changed_byte(before))
        if honest:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            sums.write_text(json.dumps(json.loads(sums_before) | {name: digest}))
        yield Tried(kind, name, book.nbval_alarm(doc))
        file.write_bytes(before)
        sums.write_bytes(sums_before)


def _model_of(book: Book, doc: str) -> str:
    return str(store.load(book.stored(doc)).metadata.mi_course.model.name)


def _no_alarm(
    book: Book, docs: Sequence[str], fresh: dict[str, store.Result], rng: Random
) -> Iterator[Tried]:
    """What differs from machine to machine, and what touches no output."""
    for threads in ("1", "2"):
        for doc in docs:
            alarm = book.nbval_alarm(
                doc,
                OMP_NUM_THREADS=threads,
                MKL_NUM_THREADS=threads,
                OPENBLAS_NUM_THREADS=threads,
            )
            yield Tried(f"executed with OMP and BLAS threads: {threads}", doc, alarm, wanted=False)
    for doc in docs:
        for _ in range(3):
            notebook = store.load(book.stored(doc))
            data.drift(notebook, rng)
            alarm = _judge(book, doc, notebook, fresh[doc])
            yield Tried("drift of 1e-6 on every measurement", doc, alarm, wanted=False)
        path, text = book.source(doc), book.source(doc).read_text("utf8")
        path.write_text(code.edited_prose(text), encoding="utf8")
        alarm = book.static_alarm(doc)
        yield Tried("an edit of Markdown, nothing executed", doc, alarm, wanted=False)
        path.write_text(text, encoding="utf8")
