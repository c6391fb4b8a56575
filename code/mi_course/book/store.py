"""The stored notebook of a chapter: code cells and outputs only, in bytes that change with them.

`book/outputs/MODEL/week2/02_name.ipynb` holds no prose, so an edit of Markdown never touches it. A
re-run whose outputs agree with the stored ones (`compare`) leaves the file as it was, and the day
in `metadata.mi_course.changed` is the day on which the outputs last said something else.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4.rwbase import split_lines

from mi_course.book import chapters, code_used, outputs
from mi_course.book.chapters import Cell, Chapter
from mi_course.errors import CourseError, naming
from mi_course.models import registry

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
NO_MODEL = {"name": "none", "sha256": "", "revision": ""}
VERSIONED = ("torch", "transformer_lens", "transformers", "numpy", "plotly", "circuitsvis")
"""The packages, beside Python, whose versions a stored notebook names as far as they were there."""
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:(?:a|b|rc|\.post|\.dev)\d+)?")
_ALWAYS_NAMED = ("python", "torch")


class StoreError(CourseError, ValueError):
    """Outputs that must not be stored, or a stored notebook that cannot be used."""


@dataclass(frozen=True)
class Result:
    """What a run of one chapter gave: per cell its outputs, and what they were computed with.

    Attributes:
        cells: as in the source.
        outputs: of each cell, normalised.
        model: name, sha256 and revision of the weights, or `NO_MODEL`.
        versions: of Python and of the packages that outputs depend on.
        code: the digest of what else made them (`code_used`); empty for the default model.
    """

    cells: Sequence[Cell]
    outputs: Sequence[Sequence[NotebookNode]]
    model: Mapping[str, str]
    versions: Mapping[str, str]
    code: str = ""


def cell_ids(cells: Sequence[Cell]) -> list[str]:
    """One id for each cell, from its source alone; equal sources are numbered."""
    seen: dict[str, int] = {}
    ids = []
    for cell in cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def build(result: Result, changed: str) -> NotebookNode:
    """The notebook to store; `changed` is a day as YYYY-MM-DD."""
    notebook = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": dict(KERNELSPEC),
            "mi_course": {
                "changed": changed,
                "model": dict(result.model),
                "versions": dict(result.versions),
            },
        }
    )
    if result.code:
        notebook.metadata.mi_course["code"] = result.code
    ids = cell_ids(result.cells)
    for i, (cell, outs) in enumerate(zip(result.cells, result.outputs, strict=True)):
        outs = deepcopy(list(outs))
        for output in outs:
            if output.output_type == "execute_result":
                output.execution_count = i + 1
        tags = stored_tags(cell)
        notebook.cells.append(
            nbformat.v4.new_code_cell(
                cell.source,
                id=ids[i],
                execution_count=i + 1,
                outputs=outs,
                metadata={"tags": tags} if tags else {},
            )
        )
    return notebook


def stored_tags(cell: Cell) -> list[str]:
    """The tags that decide about outputs; those that decide about looks stay in the source."""
    return [tag for tag in cell.tags if tag.startswith("tol-")]


def save(path: Path, result: Result, today: date | None = None) -> str:
    """Store a run; outputs that agree with the stored ones keep the stored bytes.

    Returns:
        `unchanged` where the file was left alone, `kept` where sources or the model changed and
        the outputs did not, `changed` where they did, `new` where there was no file.

    Raises:
        StoreError: random weights.
    """
    label = result.model["name"]
    if registry.is_random(label):
        real = registry.of_label(label)
        raise StoreError(
            f"these outputs were computed with random weights ({label}), so they are not a result: "
            f"nothing is stored. Run where the real {real.display if real else 'model'} is "
            f"available, or with --model {registry.DEFAULT.name}."
        )
    old = load(path) if path.is_file() else None
    kept, same = _keep_agreeing(result, old)
    today_text = (today or date.today()).isoformat()
    changed = old.metadata.mi_course.changed if old is not None and same else today_text
    new = build(kept, changed)
    if old is not None and same:
        if _identity(new) == _identity(old):
            return "unchanged"
        outcome = "kept"
    else:
        outcome = "new" if old is None else "changed"
    write_file(path, to_bytes(new))
    return outcome


def _keep_agreeing(result: Result, old: NotebookNode | None) -> tuple[Result, bool]:
    """The run with stored outputs wherever they agree, and whether they all do."""
    from mi_course.book import compare  # needs NumPy, which building the site does not

    if old is None:
        return result, False
    kept: list[Sequence[NotebookNode]] = []
    same = len(old.cells) == len(result.cells)
    for i, (cell, fresh) in enumerate(zip(result.cells, result.outputs, strict=True)):
        stored = old.cells[i].outputs if i < len(old.cells) else None
        if stored is not None and not compare.differences(stored, fresh, cell.tolerance):
            kept.append(stored)
        else:
            kept.append(fresh)
            same = False
    return replace(result, outputs=kept), same


def _identity(notebook: NotebookNode) -> list[Any]:
    """What a stored notebook claims beside its outputs: sources, tolerances, model."""
    meta = notebook.metadata.mi_course
    cells = [(c.id, c.source, c.metadata.get("tags", [])) for c in notebook.cells]
    counts = [c.execution_count for c in notebook.cells]
    return [cells, counts, dict(meta.model), meta.get("code")]


def load(path: Path) -> NotebookNode:
    """Read a stored notebook.

    Raises:
        StoreError: it is not a notebook, or not one that this module wrote.
    """
    try:
        notebook = nbformat.reads(path.read_text("utf-8-sig"), as_version=4)
        meta = notebook.metadata.mi_course
        meta.changed, meta.model.name, meta.versions  # noqa: B018  (their absence is the error)
        wrong = next(_odd_cells(notebook), None)
    except (OSError, ValueError, AttributeError, TypeError, nbformat.ValidationError) as error:
        raise StoreError(f"{path.name} is no stored notebook ({type(error).__name__})") from error
    if wrong:
        raise StoreError(f"{path.name} is no stored notebook: {wrong}")
    return notebook


def _odd_cells(notebook: NotebookNode) -> Iterator[str]:
    """What no stored notebook holds: prose belongs to the chapter, and each code cell was run."""
    for i, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "code":
            yield f"cell {i} is a {cell.cell_type} cell, and it holds code cells only"
        elif missing := {"id", "source", "outputs", "execution_count", "metadata"} - cell.keys():
            yield f"cell {i} has no {', '.join(sorted(missing))}"


def mend_command(chapter: Chapter, model: str) -> str:
    """The command that stores a chapter's outputs anew."""
    flag = "" if model == registry.DEFAULT.name else f" --model {model}"
    return f"mi-course run {chapter}{flag}"


def stale_reason(chapter: Chapter, model: str) -> str | None:
    """Why what is stored is not the outputs of this chapter as it stands, or None where it is.

    Compares sources, tolerances and execution counts, and for other models than the default the
    digest of the package's code that the cells use; executes nothing and needs no torch.

    Returns:
        One sentence that names the cell and ends with the command that mends it.
    """
    why = _stale(chapter, model)
    return None if why is None else f"{why}; run `{mend_command(chapter, model)}`"


def wrong_label(chapter: Chapter, model: str) -> str | None:
    """What a stored notebook says of itself that cannot be true; None where it may be, or is none.

    Unlike stale outputs, which wait for a machine that has their model, these are never shown
    silently: a label that is wrong tells one model's numbers as another's.
    """
    try:
        meta = load(chapter.stored(model)).metadata.mi_course
    except StoreError:
        return None
    return next(_wrong_labels(meta, model), None)


def _stale(chapter: Chapter, model: str) -> str | None:
    stored = chapter.stored(model)
    if not stored.is_file():
        return None if chapter.only not in (None, model) else "no stored outputs"
    if chapter.only not in (None, model):
        return f"it runs on {chapter.only} only, and outputs of {model} are stored"
    try:
        notebook = load(stored)
    except StoreError as error:
        return str(error)
    why = next(_wrong_labels(notebook.metadata.mi_course, model), None)
    if why:
        return why
    cells = chapter.cells
    ids = cell_ids(cells)
    for i, (cell, kept) in enumerate(zip(cells, notebook.cells, strict=False)):
        why = _cell_differs(cell, ids[i], kept, i)
        if why:
            return f"code cell {i + 1} (line {cell.line}) {why}"
    if len(cells) != len(notebook.cells):
        return f"{len(cells)} code cells in the chapter, {len(notebook.cells)} stored"
    if model != registry.DEFAULT.name:  # the default's are executed again
        made_by = notebook.metadata.mi_course.get("code")
        if made_by != code_used.digest(cells, chapter.root):
            return "code of the package that it uses, or a pinned version, changed since"
    return None


def _wrong_labels(meta: NotebookNode, model: str) -> Iterator[str]:
    """What a stored notebook says of itself that cannot be true in this model's folder."""
    yield from _wrong_weights(meta.model, model)
    yield from _wrong_date(meta.changed)
    yield from _wrong_versions(meta.versions)


def _wrong_weights(claimed: Mapping[str, str], model: str) -> Iterator[str]:
    """A label must be the registry's own: a model's name alone says nothing of its weights.

    Outputs that need no model are kept once, in the default model's folder.
    """
    name = claimed["name"]
    if name not in (model, NO_MODEL["name"]):
        yield f"its outputs were computed with {name}"
    elif name == NO_MODEL["name"]:
        if model != registry.DEFAULT.name:
            yield f"its outputs were computed without a model, and are not those of {model}"
        elif dict(claimed) != NO_MODEL:
            yield "it names weights, and no model that they would be of"
    elif (known := registry.find(model)) is None:
        yield f"the registry of models knows no {model}"
    elif claimed.get("sha256") != registry.known_sha256(known) or not claimed["sha256"]:
        yield (
            f"its outputs are labelled with the weights {str(claimed.get('sha256'))[:8]}, and "
            f"those of {model} are {registry.known_sha256(known)[:8] or 'not known'}"
        )
    elif claimed.get("revision") != known.revision:
        yield f"its outputs are labelled with another revision of {model} than the pinned one"


def _wrong_date(changed: object) -> Iterator[str]:
    """The day on which outputs changed is a day, and has come."""
    try:
        day = date.fromisoformat(changed) if isinstance(changed, str) else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != changed:
        yield f"its outputs are dated {changed!r}, which is no day written as YYYY-MM-DD"
    elif day > date.today() + timedelta(days=1):  # it may be tomorrow already where it was run
        yield f"its outputs are dated {changed}, which is yet to come by this machine's clock"


def _wrong_versions(versions: object) -> Iterator[str]:
    """Versions are of Python and of packages that outputs depend on, and look like versions."""
    if not isinstance(versions, Mapping):
        yield "it names no versions"
        return
    if missing := [name for name in _ALWAYS_NAMED if name not in versions]:
        yield f"it names no version of {', '.join(missing)}"
    if unknown := sorted(versions.keys() - {"python", *VERSIONED}):
        yield f"it names a version of {', '.join(unknown)}, on which no output depends"
    for name, version in sorted(versions.items()):
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            yield f"it names the version {version!r} of {name}, which is none"


def _cell_differs(cell: Cell, cell_id: str, kept: NotebookNode, i: int) -> str | None:
    if kept.cell_type != "code" or kept.source != cell.source or kept.id != cell_id:
        return "differs from the stored one"
    if list(kept.metadata.get("tags", [])) != stored_tags(cell):
        return "has another tolerance than the stored one"
    if kept.execution_count != i + 1:
        return "is stored without its execution count: its outputs were cleared or edited"
    return None


def orphans(root: Path) -> list[str]:
    """Files among the stored outputs that no page shows, each with what mends it.

    A chapter may be gone, or left out of the table of contents; a folder may be of no model.
    """
    there = set(chapters.find(root))
    listed = chapters.in_contents(root)
    found = []
    ranks = {name: rank for rank, name in enumerate(registry.names())}
    files = chapters.find_files_stored(root)
    # those of unknown models last
    for path in sorted(files, key=lambda p: ranks.get(chapters.of_stored(p)[1], len(ranks))):
        name = path.relative_to(root).as_posix()
        chapter, model = chapters.of_stored(path)
        if registry.find(model) is None:
            found.append(
                f"{name} belongs to no model of the course ({', '.join(registry.names())}); "
                f"run `git rm {name}`"
            )
        elif path.suffix != ".ipynb" or chapter not in there:
            found.append(
                f"{name} belongs to no chapter; bring its chapter back, or run `git rm {name}`"
            )
        elif chapter.doc not in listed:
            found.append(
                f"{name} belongs to a chapter that no page shows: add {chapter.file} to "
                f"_toc.yml, or run `git rm {name}`"
            )
    return found


def problems(chapter: Chapter, model: str, places: Sequence[str] = ()) -> list[str]:
    """Every reason why a chapter's outputs must not be published, each naming file and cell.

    Args:
        chapter: whose outputs.
        model: with which model.
        places: as for `outputs.problems`.
    """
    stored, mend = chapter.stored(model), f"run `{mend_command(chapter, model)}`"
    stale = stale_reason(chapter, model)
    found = [f"{stored.name}: {stale}"] if stale else []
    if not stored.is_file():
        return found
    try:
        notebook = load(stored)
    except StoreError:
        return found
    for i, cell in enumerate(notebook.cells, 1):
        for problem in cell_problems(cell.source, cell.outputs, places):
            found.append(f"{stored.name}: code cell {i}: {problem}; {mend}")
    return found


def cell_problems(
    source: str, cell_outputs: Sequence[NotebookNode], places: Sequence[str]
) -> list[str]:
    """Why one cell's outputs must not be stored, or would not be compared."""
    found = outputs.problems(cell_outputs, places)
    if "NBVAL_" in source or "PYTEST_VALIDATE" in source:
        found.append("it tells nbval not to compare it")
    return found


def to_bytes(notebook: NotebookNode) -> bytes:
    """The notebook as JSON that depends on its content alone and reads well in a diff.

    Keys are sorted, text is split into lines, and a list of numbers or of short words stands on
    one line.
    """
    nbformat.validate(notebook)
    return (dumps(split_lines(deepcopy(notebook))) + "\n").encode("utf8")


def dumps(value: Any, indent: str = "") -> str:
    """JSON with sorted keys; a list of numbers or of short words stands on one line."""
    inner = indent + " "
    if isinstance(value, dict) and value:
        items = (f"{inner}{json.dumps(k)}: {dumps(value[k], inner)}" for k in sorted(value))
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list | tuple) and value and not _on_one_line(value):
        return "[\n" + ",\n".join(inner + dumps(v, inner) for v in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def _on_one_line(values: Sequence[Any]) -> bool:
    return all(
        not isinstance(v, dict | list | tuple) and not (isinstance(v, str) and "\n" in v)
        for v in values
    )


def write_file(path: Path, content: bytes) -> None:
    """Write at once or not at all: where that fails, the old file stays, and no part of a new one.

    Raises:
        OSError: it cannot be written; the error names this file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with naming(path):
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
