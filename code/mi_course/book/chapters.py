"""Find the chapters and read their code cells; where everything that is made from them lies.

A chapter is a MyST Markdown file under `book/` that the myst-nb reader takes for a notebook and
that holds at least one code cell. Its name, as commands and messages use it, is its path under
`book/` without the suffix: `week2/02_induction_heads`. The reader is myst-nb's own, so that what
runs is what the page shows.

There are four ways to a `Chapter`: `find` for all of them, `named` for the name that a person
gave, `of_source` and `of_stored` for a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mi_course.errors import CourseError
from mi_course.models import registry

if TYPE_CHECKING:
    from nbformat import NotebookNode

BOOK = Path("book")
OUTPUTS = BOOK / "outputs"
LABS = "labs"
"""The folder of the chapters that follow the weeks; they are optional."""
PART = rf"(?:week\d+|{LABS})"
"""A pattern for the folder of a part of the course, a week's or the labs'."""

EXTENSIONS = frozenset(
    {"amsmath", "colon_fence", "deflist", "dollarmath", "fieldlist", "substitution"}
)
"""The MyST syntax that the site enables (`_config.yml`), and so every reader of a chapter."""

TOLERANCE_TAG = re.compile(r"tol-(\d*\.?\d+(?:e-?\d+)?)")
TOLERANCE_REASON = re.compile(r"^\s*#[ \t]*tolerance:[ \t]*\S", re.MULTILINE)


class ChapterError(CourseError, ValueError):
    """A chapter, or a name given for one, that cannot be used; the message says why."""


@dataclass(frozen=True)
class Cell:
    """One code cell of a chapter.

    Attributes:
        source: the code, without the options and without trailing white space.
        tags: as written in `:tags:`.
        line: of the cell's opening fence in the `.md`, counted from 1.
    """

    source: str
    tags: tuple[str, ...] = ()
    line: int = 0

    @property
    def tolerance(self) -> float | None:
        """The number of the cell's `tol-` tag, or None where the default holds."""
        return tolerance(self.tags, self.source)


def tolerance(tags: Iterable[str], source: str) -> float | None:
    """The tolerance that a cell asks for with a tag such as `tol-0.05`, or None.

    Raises:
        ChapterError: the tag is no number, or the cell does not say why it needs one.
    """
    tag = next((t for t in tags if t.startswith("tol-")), None)
    if tag is None:
        return None
    match = TOLERANCE_TAG.fullmatch(tag)
    if match is None or not 0 < float(match[1]) < 1:
        raise ChapterError(f"tag {tag!r}: expected tol- and a number between 0 and 1: tol-0.05")
    if not TOLERANCE_REASON.search(source):
        raise ChapterError(f"tag {tag!r}: say why in the cell, in a comment `# tolerance: why`")
    return float(match[1])


def project_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` that holds `_toc.yml` and `book/`.

    Where none does, the folder that an editable install of the package points to is tried.

    Raises:
        ChapterError: neither is a checkout of the course.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if (folder / "_toc.yml").is_file() and (folder / BOOK).is_dir():
            return folder
    raise ChapterError(
        f"no course here: {here} and the folders above hold no _toc.yml beside book/. "
        "Go to a clone of the course, or name it with --root."
    )


@dataclass(frozen=True)
class Chapter:
    """One chapter: its name, what it holds, and where all that is made from it lies.

    The file is read when it is asked for, and again only when it has changed.

    Attributes:
        root: of the project.
        doc: the chapter's name: its path under `book/` without the suffix, with forward slashes.
    """

    root: Path
    doc: str

    def __str__(self) -> str:
        return self.doc

    @property
    def source(self) -> Path:
        """The chapter's `.md`."""
        return page_path(self.root, self.doc)

    @property
    def file(self) -> str:
        """The source as messages name it: `book/week2/02_induction_heads.md`."""
        return page_path(Path(), self.doc).as_posix()

    def stored(self, model: str) -> Path:
        """Where its outputs with a model are stored, if they are."""
        return self.root / OUTPUTS / model / f"{self.doc}.ipynb"

    @property
    def notebook(self) -> NotebookNode:
        """As `read` reads it; shared by all who ask, so not to be changed.

        Raises:
            ChapterError: the front matter or a cell's options cannot be read.
        """
        return _parsed(self.source).notebook

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The code cells, in order; raises what `notebook` raises."""
        return _parsed(self.source).cells

    @property
    def title(self) -> str:
        """The first heading as plain text, or the file's name."""
        return title(self.source)

    @property
    def only(self) -> str | None:
        """The one model that this chapter is about, by the line `model:` of its front matter.

        Its outputs are stored for that model alone, and it names it when it loads it. None where
        a chapter runs on every model of the registry, as nearly all do.

        Raises:
            ChapterError: the registry knows no such model.
        """
        name = self.notebook.metadata.get("model")
        if name is not None and registry.find(name) is None:
            known = ", ".join(registry.names())
            raise ChapterError(f"{self.source}: model: {name!r}, expected one of {known}")
        return name

    @property
    def at_least(self) -> str:
        """The model whose outputs must be stored: the default, or the only one."""
        return self.only or registry.DEFAULT.name

    def missing(self) -> str | None:
        """Why a run of this chapter here would not give its stored outputs; None where it would.

        A chapter names in its front matter what a machine may lack: `needs: mnist`, or
        `needs: smollm2`. Without it the chapter still runs, on something that stands in for it.
        But its outputs are then none to store, nor to compare with those that are stored: it
        counts as not run, with the reason.

        Raises:
            ChapterError: it names something that is not known.
        """
        need = self.notebook.metadata.get("needs")
        if need is None:
            return None
        if need == "mnist":
            from mi_course.digits import mnist

            return mnist.why_absent()
        if need == "smollm2":
            return _why_no_smollm2()
        raise ChapterError(f"{self.source}: needs: {need!r}, expected mnist or smollm2")


def _why_no_smollm2() -> str | None:
    from mi_course.models import ModelFilesError, smollm2

    try:
        smollm2.find()
    except ModelFilesError as error:
        return str(error)
    return None


def find(root: Path) -> list[Chapter]:
    """Every chapter under `root/book`, sorted by path; `outputs/` and hidden folders left out."""
    found = []
    for folder, folders, names in os.walk(root / BOOK):
        # in place, since that is how os.walk is told where not to go
        folders[:] = [f for f in folders if not f.startswith((".", "_")) and f != OUTPUTS.name]
        found += [Path(folder, name) for name in names]
    return [chapter for path in sorted(found) if (chapter := of_source(root, path))]


def named(root: Path, name: str) -> Chapter:
    """The chapter that a person named: it may carry `book/` and `.md`, as a shell completes it.

    Raises:
        ChapterError: no chapter of this name; the message lists those there are.
    """
    doc = Path(name).as_posix().removeprefix("./").removeprefix(f"{BOOK}/").removesuffix(".md")
    chapter = of_source(root, page_path(root, doc))
    if chapter is None:
        known = "\n  ".join(other.doc for other in find(root)) or "(none)"
        raise ChapterError(f"no chapter {name!r}. The chapters are:\n  {known}")
    return chapter


def of_source(root: Path, path: Path) -> Chapter | None:
    """The chapter whose source this file is; None for a page without code, and for other files."""
    return Chapter(root, doc_name(root, path)) if _is_chapter(path) else None


def of_stored(path: Path) -> tuple[Chapter, str]:
    """Chapter and model of a path `…/book/outputs/MODEL/week2/02_name.ipynb`.

    The chapter may be gone: what is left behind is then an orphan (`store.orphans`).
    """
    parts = path.with_suffix("").parts
    at = len(parts) - 1 - parts[::-1].index(OUTPUTS.name)
    root = Path(*parts[: at + 1 - len(OUTPUTS.parts)])
    return Chapter(root, "/".join(parts[at + 2 :])), parts[at + 1]


def find_stored(root: Path, model: str) -> list[Path]:
    """Every stored notebook of one model, sorted by path."""
    return sorted(
        path
        for path in (root / OUTPUTS / model).rglob("*.ipynb")
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def find_files_stored(root: Path) -> list[Path]:
    """Every file among the stored outputs, whatever it is; hidden ones left out."""
    folder = root / OUTPUTS
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def in_contents(root: Path) -> set[str]:
    """The names of the pages that the site shows: those that `_toc.yml` lists.

    Raises:
        ChapterError: `_toc.yml` cannot be read.
    """
    import yaml

    try:
        contents = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ChapterError(f"_toc.yml cannot be read ({type(error).__name__})") from error
    docs: set[str] = set()
    for file in _listed(contents):
        path = Path(file.removesuffix(".md"))
        if path.parts[:1] == BOOK.parts:
            docs.add(path.relative_to(BOOK).as_posix())
    return docs


def _listed(contents: object) -> Iterator[str]:
    """The files that a table of contents names, at whatever depth."""
    if isinstance(contents, dict):
        for key, value in contents.items():
            if key in ("file", "root") and isinstance(value, str):
                yield value
            else:
                yield from _listed(value)
    elif isinstance(contents, list):
        for value in contents:
            yield from _listed(value)


def doc_name(root: Path, path: Path) -> str:
    """The name of a page: its path under `book/` without the suffix, with forward slashes."""
    try:
        return path.resolve().relative_to((root / BOOK).resolve()).with_suffix("").as_posix()
    except ValueError:
        raise ChapterError(f"{path} does not lie under {BOOK}/") from None


def page_path(root: Path, doc: str) -> Path:
    """The source of a page of this name, chapter or not."""
    return root / BOOK / f"{doc}.md"


def read(path: Path) -> NotebookNode:
    """A page as a notebook, by myst-nb's reader, with `metadata.source_map`.

    Raises:
        ChapterError: the front matter or a cell's options cannot be read.
    """
    from myst_nb.core.read import MystMetadataParsingError, read_myst_markdown_notebook
    from myst_parser.config.main import MdParserConfig
    from nbformat import ValidationError

    config = MdParserConfig(enable_extensions=set(EXTENSIONS))
    text = path.read_text("utf-8-sig")
    try:
        return read_myst_markdown_notebook(text, config=config, add_source_map=True, path=str(path))
    except (MystMetadataParsingError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise ChapterError(
            f"{path}: {first}. Options of a cell are YAML: `:tags: [hide-input]`"
        ) from error


class _Parsed(NamedTuple):
    notebook: NotebookNode
    cells: tuple[Cell, ...]


def _parsed(path: Path) -> _Parsed:
    """A page's content; read again only when the file has changed."""
    path = path.resolve()
    return _parse(path, path.stat().st_mtime_ns, path.stat().st_size)


@cache
def _parse(path: Path, _mtime: int, _size: int) -> _Parsed:
    notebook = read(path)
    cells = tuple(
        Cell(clean(cell.source), tuple(cell.metadata.get("tags", ())), line)
        for cell, line in zip(notebook.cells, notebook.metadata["source_map"], strict=True)
        if cell.cell_type == "code"
    )
    return _Parsed(notebook, cells)


def _is_chapter(path: Path) -> bool:
    """Whether the file is a MyST notebook with at least one code cell."""
    if path.suffix != ".md" or not path.is_file():
        return False
    from myst_nb.core.read import is_myst_markdown_notebook

    return is_myst_markdown_notebook(path.read_text("utf-8-sig")) and bool(_parsed(path).cells)


def clean(source: str) -> str:
    """A cell's source as it is stored and compared: without blank lines before and after."""
    return source.strip("\n").rstrip()


def title(path: Path) -> str:
    """A page's first heading as plain text, or its file's name."""
    for cell in _parsed(path).notebook.cells:
        if cell.cell_type == "markdown":
            match = re.search(r"^#\s+(.+?)\s*#*\s*$", cell.source, re.MULTILINE)
            if match:
                return re.sub(r"[`*_]", "", match[1])
    return path.stem
