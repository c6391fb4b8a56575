"""Damage copies of the book in seeded ways and count what the checks catch.

Damages to stored outputs are judged as nbval's plugin judges them, against one fresh execution of
the chapter. Damages to the chapter's source need no execution. Damages to the package and to the
model are made in a copy, and nbval runs there. The other side is counted too: what must raise no
alarm (other numbers of threads, another Python, drift, an edit of prose).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from random import Random
from unittest import mock

from nbformat import NotebookNode

from mi_course.book import chapters, nbval_plugin, run, store
from mi_course.book.proof import code, data
from mi_course.book.proof.copies import POCKET, Book, in_turn
from mi_course.book.proof.kinds import KINDS
from mi_course.book.proof.report import Tried

JOBS = 2
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
TWO_THREADS = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}
# PyTorch heeds the first two variables, NumPy's BLAS the third
FRESH = "executed with 1 thread, NumPy's BLAS with 2"
AGAIN = "executed with 2 threads, NumPy's BLAS with 1"


def prove(
    root: Path,
    seed: int = 0,
    on_tried: Callable[[Tried], object] = lambda tried: None,
    pythons: Sequence[str] = (),
    jobs: int = JOBS,
) -> list[Tried]:
    """Try every kind of damage on chapters drawn from the book.

    Args:
        root: of the project; its stored outputs must be fresh.
        seed: of everything that is drawn.
        on_tried: called with each result as it comes.
        pythons: further interpreters, with all that the course needs, to execute the book with.
        jobs: executions at a time.

    Raises:
        RunError: the book as it stands does not pass, or this machine cannot execute all of it.
    """
    done = []
    with tempfile.TemporaryDirectory(prefix="mi-course-proof-") as folder:
        books = [Book(root, Path(folder) / str(n) / "course") for n in range(jobs)]
        # those of the default model: a chapter about another one has none of its outputs
        found = chapters.find(books[0].root)
        docs = [chapter.doc for chapter in found if chapter.at_least == POCKET]
        for doc in docs:
            alarm = books[0].static_alarm(doc)
            if alarm:
                raise run.RunError(f"the book itself does not pass: {alarm}")
            if why := books[0].chapter(doc).missing():
                raise run.RunError(f"{doc} cannot be executed here, and the proof needs it: {why}")
        # absolute, since nbval runs within a copy
        others = [os.path.abspath(name) if os.sep in name else name for name in pythons]
        for tried in _all(books, docs, Random(seed), others):
            on_tried(tried)
            done.append(tried)
    return done


def _all(
    books: Sequence[Book], docs: Sequence[str], rng: Random, pythons: Sequence[str]
) -> Iterator[Tried]:
    book = books[0]
    with mock.patch.dict(os.environ, ONE_THREAD | {"OPENBLAS_NUM_THREADS": "2"}):
        results = in_turn(books, [partial(_execute, doc) for doc in docs])
        fresh = dict(zip(docs, results, strict=True))
    again = [
        Tried(FRESH, doc, _judge(book, doc, _stored(book, doc), fresh[doc]), wanted=False)
        for doc in docs
    ]
    yield from again
    # where there is an alarm already, one more says nothing about a damage
    sound = [tried.example for tried in again if tried.right]
    if not sound:
        return
    for kind, (n, damage) in KINDS.items():
        for _ in range(n):
            yield _damage_outputs(book, rng.sample(sound, len(sound)), fresh, kind, damage, rng)
    yield from _damage_sources(book, rng.choice(sound))
    yield from in_turn(books, [*_code_damages(book, sound, rng), *_model_damages(book, sound)])
    for doc in sound:
        yield from _no_alarm_judged(book, doc, fresh[doc], rng)
    yield from _no_alarm_executed(books, docs, pythons)


def _stored(book: Book, doc: str) -> NotebookNode:
    """What is stored for a chapter, to be damaged."""
    return store.load(book.chapter(doc).stored(POCKET))


def _execute(doc: str, book: Book) -> store.Result:
    return asyncio.run(run.execute(book.chapter(doc), POCKET))[0]


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
        notebook = _stored(book, doc)
        example = damage(notebook, rng)
        if example is not None:
            return Tried(kind, example, _judge(book, doc, notebook, fresh[doc]))
    return Tried(kind, "", "")


def _judge(book: Book, doc: str, notebook: NotebookNode, fresh: store.Result) -> str:
    """What the static checks, else the comparison with a fresh execution, say of a notebook."""
    stored = book.chapter(doc).stored(POCKET).relative_to(book.root)
    with book.damaged({stored: store.to_bytes(notebook)}):
        static = book.static_alarm(doc)
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
    chapter = book.chapter(doc)
    path, text = chapter.source, chapter.source.read_text("utf8")
    for kind, new in code.edited_chapters(text):
        with book.damaged({path.relative_to(book.root): new.encode()}):
            yield Tried(kind, doc, book.static_alarm(doc))
    path.unlink()
    yield Tried("a chapter removed, its outputs left", doc, book.static_alarm(doc))
    path.write_text(text, encoding="utf8")
    stored = chapter.stored(POCKET)
    content = stored.read_bytes()
    stored.unlink()
    yield Tried("a chapter's stored outputs removed", doc, book.static_alarm(doc))
    stored.write_bytes(content)


def _try(kind: str, example: str, doc: str, contents: Mapping[Path, bytes], copy: Book) -> Tried:
    """Execute a chapter again in a copy in which files were damaged."""
    with copy.damaged(contents):
        return Tried(kind, example, copy.nbval_alarm(doc, **ONE_THREAD))


def _code_damages(
    book: Book, docs: Sequence[str], rng: Random
) -> Iterator[Callable[[Book], Tried]]:
    """A changed line in functions of the package that a chapter calls, for every chapter."""
    kind = "a changed line in the package"
    for doc in docs:
        chapter = book.chapter(doc)
        for file, new, example in code.changed_functions(book.package, chapter.source, rng):
            contents = {file.relative_to(book.root): new.encode()}
            yield partial(_try, kind, f"{example}, in {doc}", doc, contents)


def _model_damages(book: Book, docs: Sequence[str]) -> Iterator[Callable[[Book], Tried]]:
    """Other weights, with their checksum and without, and another training log."""
    doc = next((d for d in docs if _model_of(book, d) == POCKET), None)
    if doc is None:
        return
    folder = (book.package / POCKET).relative_to(book.root)
    weights, log, sums = (
        folder / name for name in ("model.safetensors", "training_log.csv", "checksums.json")
    )

    def content(path: Path) -> bytes:
        return (book.root / path).read_bytes()

    other = code.changed_weights(content(weights))
    own = json.loads(content(sums)) | {weights.name: hashlib.sha256(other).hexdigest()}
    for kind, contents in {
        "a byte of the weights changed": {weights: code.changed_byte(content(weights))},
        "other weights, with their own checksum": {weights: other, sums: json.dumps(own).encode()},
        "a byte of the training log changed": {log: code.changed_byte(content(log))},
    }.items():
        yield partial(_try, kind, next(iter(contents)).name, doc, contents)


def _model_of(book: Book, doc: str) -> str:
    return str(_stored(book, doc).metadata.mi_course.model.name)


def _no_alarm_executed(
    books: Sequence[Book], docs: Sequence[str], pythons: Sequence[str]
) -> Iterator[Tried]:
    """What differs from machine to machine."""

    def again(kind: str, doc: str, python: str, threads: dict[str, str], copy: Book) -> Tried:
        return Tried(kind, doc, copy.nbval_alarm(doc, python, **threads), wanted=False)

    ways = [(AGAIN, sys.executable, TWO_THREADS)]
    ways += [(f"executed by Python {version(p)}", p, ONE_THREAD) for p in pythons]
    yield from in_turn(
        books,
        [
            partial(again, kind, doc, python, threads)
            for kind, python, threads in ways
            for doc in docs
        ],
    )


def version(python: str) -> str:
    """Of another interpreter, such as 3.13.

    Raises:
        RunError: there is none of this name.
    """
    ask = "import sys; print(*sys.version_info[:2], sep='.')"
    try:
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise run.RunError(f"{python} is no Python that can be started: {error}") from error
    return done.stdout.strip()


def _no_alarm_judged(book: Book, doc: str, fresh: store.Result, rng: Random) -> Iterator[Tried]:
    """Drift as another machine makes it, and an edit that touches no cell."""
    for _ in range(3):
        notebook = _stored(book, doc)
        data.drift(notebook, rng)
        alarm = _judge(book, doc, notebook, fresh)
        yield Tried("drift of 1e-6 on every measurement", doc, alarm, wanted=False)
    path = book.chapter(doc).source
    edited = code.edited_prose(path.read_text("utf8"))
    with book.damaged({path.relative_to(book.root): edited.encode()}):
        alarm = book.static_alarm(doc)
    yield Tried("an edit of Markdown, nothing executed", doc, alarm, wanted=False)
