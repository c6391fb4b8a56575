"""Write the learner's notebooks into a folder without ever overwriting a learner's work.

A notebook carries the checksum of the text it was made with, so that it tells by itself whether
somebody has worked in it: no other file keeps track.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from mi_course.book import chapters, exercises, store
from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.notebook.learner_notebook import cell_digest, fingerprint, learner_notebook

FOLDER = "workbook"


@dataclass(frozen=True)
class Written:
    """What became of one notebook.

    Attributes:
        path: of the file that was written or left.
        state: `written`, `left`, `updated` (nobody had worked in it) or `beside`.
    """

    path: Path
    state: str


def select(root: Path | None, wanted: str | None) -> list[str]:
    """The chapters that `mi-course start` was asked for: all, those of a week, or one.

    Args:
        root: of the project, or None for the notebooks that came with the package.
        wanted: `2`, `week2`, a chapter's name, or None for all.

    Raises:
        ChapterError: nothing has this name.
    """
    if root is None:
        docs = list(exercises.by_chapter(None))
    else:
        docs = [chapter.doc for chapter in chapters.find(root)]
    if wanted is None:
        return docs
    week = f"week{wanted}" if re.fullmatch(r"\d+", wanted) else wanted.strip("/")
    chosen = [doc for doc in docs if doc.partition("/")[0] == week]
    if chosen:
        return chosen
    if re.fullmatch(r"week\w*", week):
        weeks = sorted({doc.partition("/")[0] for doc in docs if "/" in doc})
        raise ChapterError(f"no chapters in {week!r}. There are: {', '.join(weeks) or 'none'}")
    if root is not None:
        return [chapters.named(root, wanted).doc]
    if wanted not in docs:
        raise ChapterError(f"no chapter {wanted!r}. The chapters are:\n  " + "\n  ".join(docs))
    return [wanted]


def write_all(
    root: Path | None,
    docs: Sequence[str],
    folder: Path,
    on_written: Callable[[Written], object] = lambda written: None,
) -> list[Written]:
    """Write the notebooks of these chapters below `folder`; all are made before any is written."""
    made = [(doc, _made(root, doc)) for doc in docs]
    done = []
    for doc, notebook in made:
        written = write(notebook, folder / f"{doc}.ipynb")
        on_written(written)
        done.append(written)
    return done


def _made(root: Path | None, doc: str) -> NotebookNode:
    """The notebook of a chapter: from its source, or as it came with the package."""
    if root is not None:
        return learner_notebook(Chapter(root, doc))
    return nbformat.read(exercises.SHIPPED / f"{doc}.ipynb", as_version=4)


def write(notebook: NotebookNode, path: Path) -> Written:
    """Write one notebook where that costs no work, else a copy beside the learner's own."""
    if not path.exists():
        return _put(notebook, path, "written")
    existing = _read(path)
    if existing is not None:
        made_with = existing.metadata.get("mi_course", {}).get("generated")
        if made_with == notebook.metadata.mi_course.generated:
            return Written(path, "left")
        if made_with is not None and made_with == fingerprint(existing):
            return _put(notebook, path, "updated")
    return _beside(notebook, path)


def _beside(notebook: NotebookNode, path: Path) -> Written:
    """The first free name `NAME.new-N.ipynb`, unless one of them is this version already."""
    n = 1
    while (copy := path.with_name(f"{path.stem}.new-{n}.ipynb")).exists():
        offered = _read(copy)
        if offered is not None:
            made_with = offered.metadata.get("mi_course", {}).get("generated")
            if made_with == notebook.metadata.mi_course.generated:
                return Written(copy, "left")
        n += 1
    return _put(notebook, copy, "beside")


def worked_in(root: Path | None, folder: Path, doc: str) -> list[Path]:
    """The copies of a chapter's notebook in which a learner has worked, the newest first.

    The newest is the one that was written last, whatever the clock said. Where nobody has worked in
    any, it is the only one. Last come those to which the learner, or Jupyter, gave another name:
    which of them is newer cannot be told.

    Returns:
        Paths of files that exist; none where there is no copy.
    """
    own = folder / f"{doc}.ipynb"
    copies, renamed = _copies(own), _renamed(own, doc)
    if len(copies) + len(renamed) < 2:
        return copies + renamed
    made = _made(root, doc)
    return [path for path in copies + renamed if _has_work(path, made)] or copies[:1]


def has_own_name(path: Path, doc: str) -> bool:
    """Whether a copy is called as `write` calls it: `01_name.ipynb` or `01_name.new-1.ipynb`."""
    stem = re.escape(doc.rpartition("/")[2])
    return re.fullmatch(rf"{stem}(?:\.new-\d+)?", path.stem) is not None


def _renamed(own: Path, doc: str) -> list[Path]:
    """Notebooks of the same folder that were made from this chapter and have another name."""
    found = []
    for path in sorted(own.parent.glob("*.ipynb")):
        notebook = None if has_own_name(path, doc) else _read(path)
        if notebook and notebook.metadata.get("mi_course", {}).get("chapter") == doc:
            found.append(path)
    return found


def _copies(own: Path) -> list[Path]:
    """The files of a notebook, the newest first: those beside it were written after it."""
    beside = {
        int(match[1]): path
        for path in own.parent.glob("*.ipynb")
        if (match := re.fullmatch(rf"{re.escape(own.stem)}\.new-(\d+)", path.stem))
    }
    paths = [path for _, path in sorted(beside.items(), reverse=True)]
    return [path for path in [*paths, own] if path.is_file()]


def _has_work(path: Path, made: NotebookNode) -> bool:
    """Whether the code of a copy was changed; that of a damaged one was, as far as one can tell.

    Each cell tells by its id what it was, so that an editor may rewrite all metadata, and a note in
    the text is no work. Where an editor has dropped the ids, the present version decides.
    """
    notebook = _read(path)
    if notebook is None:
        return True
    if notebook.metadata.get("mi_course", {}).get("generated") == fingerprint(notebook):
        return False
    as_made = {cell_digest(cell) for cell in made.cells}
    return any(
        cell.cell_type == "code" and cell.source.strip() and not _is_as_made(cell, as_made)
        for cell in notebook.cells
    )


def _is_as_made(cell: NotebookNode, as_made: set[str]) -> bool:
    digest = cell_digest(cell)
    return digest in as_made or str(cell.get("id", "")).startswith(digest)


def _read(path: Path) -> NotebookNode | None:
    """The notebook in a file, or None where the file is none: it is then left alone."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells whose ids an editor has dropped
            # some editors put a byte order mark in front
            return nbformat.reads(path.read_text("utf-8-sig"), as_version=4)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError):
        return None


def _put(notebook: NotebookNode, path: Path, state: str) -> Written:
    store.write_file(path, store.to_bytes(notebook))
    return Written(path, state)
