"""Find the chapters and read their code cells; where everything that is made from them lies.

A chapter is a MyST Markdown file under `book/` that the myst-nb reader takes for a notebook and
that holds at least one code cell. Its name, as commands and messages use it, is its path under
`book/` without the suffix: `week2/02_induction_heads`. The reader is myst-nb's own, so that what
runs is what the page shows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.errors import CourseError

if TYPE_CHECKING:
    import nbformat
    from myst_parser.config.main import MdParserConfig

BOOK = Path("book")
OUTPUTS = BOOK / "outputs"
MODELS = ("pocket", "gpt2")
"""The models whose outputs are stored, each in a folder of its own; the first is the default."""

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


def find(root: Path) -> list[Path]:
    """Every chapter under `root/book`, sorted by path; `outputs/` and hidden folders left out."""
    found = []
    for folder, folders, names in os.walk(root / BOOK):
        # in place, since that is how os.walk is told where not to go
        folders[:] = [f for f in folders if not f.startswith((".", "_")) and f != OUTPUTS.name]
        found += [Path(folder, name) for name in names if is_chapter(Path(folder, name))]
    return sorted(found)


def is_chapter(path: Path) -> bool:
    """Whether the file is a MyST notebook with at least one code cell."""
    path = Path(path)
    if path.suffix != ".md":
        return False
    from myst_nb.core.read import is_myst_markdown_notebook

    text = path.read_text(encoding="utf8")
    return is_myst_markdown_notebook(text) and bool(code_cells(path))


def doc_name(root: Path, path: Path) -> str:
    """The chapter's name: its path under `book/` without the suffix, with forward slashes."""
    try:
        return path.resolve().relative_to((root / BOOK).resolve()).with_suffix("").as_posix()
    except ValueError:
        raise ChapterError(f"{path} does not lie under {BOOK}/") from None


def source_path(root: Path, doc: str) -> Path:
    """The chapter's source file. `doc` may carry `book/` and `.md`, as a shell completes it.

    Raises:
        ChapterError: no chapter of this name; the message lists those there are.
    """
    name = Path(doc).as_posix().removeprefix("./").removeprefix(f"{BOOK}/").removesuffix(".md")
    path = root / BOOK / f"{name}.md"
    if not path.is_file() or not is_chapter(path):
        known = "\n  ".join(doc_name(root, p) for p in find(root)) or "(none)"
        raise ChapterError(f"no chapter {doc!r}. The chapters are:\n  {known}")
    return path


def stored_path(root: Path, doc: str, model: str) -> Path:
    """Where the outputs of chapter `doc` with `model` are stored."""
    return root / OUTPUTS / model / f"{doc}.ipynb"


def find_stored(root: Path, model: str) -> list[Path]:
    """Every stored notebook of one model, sorted by path."""
    return sorted(
        path
        for path in (root / OUTPUTS / model).rglob("*.ipynb")
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def read(path: Path, config: MdParserConfig | None = None) -> nbformat.NotebookNode:
    """The chapter as a notebook, by myst-nb's reader, with `metadata.source_map`.

    Args:
        path: the `.md` file.
        config: MyST settings of the site; by default the syntax that every chapter may use.

    Raises:
        ChapterError: the front matter or a cell's options cannot be read.
    """
    from myst_nb.core.read import MystMetadataParsingError, read_myst_markdown_notebook
    from myst_parser.config.main import MdParserConfig
    from nbformat import ValidationError

    config = config or MdParserConfig(enable_extensions=set(EXTENSIONS))
    text = Path(path).read_text(encoding="utf8")
    try:
        return read_myst_markdown_notebook(text, config=config, add_source_map=True, path=str(path))
    except (MystMetadataParsingError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise ChapterError(
            f"{path}: {first}. Options of a cell are YAML: `:tags: [hide-input]`"
        ) from error


def code_cells(path: Path) -> list[Cell]:
    """The chapter's code cells in order; read again only when the file has changed."""
    path = Path(path).resolve()
    return list(_code_cells(path, path.stat().st_mtime_ns, path.stat().st_size))


@cache
def _code_cells(path: Path, _mtime: int, _size: int) -> tuple[Cell, ...]:
    notebook = read(path)
    return tuple(
        Cell(clean(cell.source), tuple(cell.metadata.get("tags", ())), line)
        for cell, line in zip(notebook.cells, notebook.metadata["source_map"], strict=True)
        if cell.cell_type == "code"
    )


def clean(source: str) -> str:
    """A cell's source as it is stored and compared: without blank lines before and after."""
    return source.strip("\n").rstrip()


def title(path: Path) -> str:
    """The chapter's first heading as plain text, or its file name."""
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            match = re.search(r"^#\s+(.+?)\s*#*\s*$", cell.source, re.MULTILINE)
            if match:
                return re.sub(r"[`*_]", "", match[1])
    return Path(path).stem
