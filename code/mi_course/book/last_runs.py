"""What was re-executed on this machine, so that only what changed since needs another run.

After a run the checksums of everything that it depended on are noted in `_build/`, which is not
committed: the chapter's cells, the modules of the package that its kernel had imported and the data
that lie beside them, the model's files, the version of Python and of every package installed, and
the stored notebook. It only ever saves time. CI runs everything.

Which data a chapter read is not known, so all count that it could have read without leaving the
folders of what it imported: `digits/runs/symptoms.csv` does for a chapter that imports anything of
`digits`, whether it reads that file or not. What lies outside the package counts by its version
(packages) or is checked whenever it is read (MNIST, models of the hub).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from mi_course.book import kernels, store
from mi_course.book.chapters import Chapter
from mi_course.models import registry

FILE = Path("_build") / "verified.json"
_OTHER_PROCESS = "check"


def why_run(chapter: Chapter, model: str) -> str | None:
    """What changed since this chapter was last run here; None where nothing did."""
    noted = _read(chapter.root).get(f"{model}/{chapter}")
    if noted is None:
        return "not run here yet"
    now = _state(chapter, model, noted["modules"])
    if noted["cells"] != now["cells"]:
        return "its cells changed"
    if noted["stored"] != now["stored"]:
        return "its stored outputs changed"
    if noted["pocket"] != now["pocket"]:
        return "the files of the model changed"
    for kind in ("modules", "data"):
        before, after = noted.get(kind, {}), now[kind]
        changed = sorted(n for n in before | after if before.get(n) != after.get(n))
        if changed:
            return f"{_some(changed)} changed"
    old, new = noted["versions"], now["versions"]
    moved = sorted(name for name in old | new if old.get(name) != new.get(name))
    return f"other version of {_some(moved)}" if moved else None


def _some(names: Sequence[str]) -> str:
    """The first two of some names, and how many more there are."""
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more}"


def note(chapter: Chapter, model: str, modules: Mapping[str, str]) -> None:
    """Note that this chapter was run and its outputs stored or found to agree."""
    noted = _read(chapter.root)
    noted[f"{model}/{chapter}"] = _state(chapter, model, modules) | {"modules": dict(modules)}
    text = json.dumps(noted, indent=1, sort_keys=True)
    store.write_file(chapter.root / FILE, text.encode())


def _state(chapter: Chapter, model: str, modules: Mapping[str, str]) -> dict[str, Any]:
    sources = [[cell.source, *store.stored_tags(cell)] for cell in chapter.cells]
    pocket = kernels.PACKAGE / registry.DEFAULT.name
    return {
        "cells": _digest(json.dumps(sources).encode()),
        "stored": _file_digest(chapter.stored(model)),
        "pocket": [_file_digest(file) for file in sorted(pocket.glob("*")) if file.is_file()],
        "modules": {name: _file_digest(_module_file(name)) for name in modules},
        "data": {
            path.relative_to(kernels.PACKAGE).as_posix(): _file_digest(path)
            for path in _data_files(modules)
        },
        "versions": _installed() | kernels.versions(),
    }


@cache
def _installed() -> dict[str, str]:
    """The version of every package: any may be pinned because an output depends on it."""
    return {found.name: found.version for found in metadata.distributions()}


def _module_file(name: str) -> Path:
    """Where a module of the package lies, without importing it."""
    path = kernels.PACKAGE.parent.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _data_files(modules: Iterable[str]) -> Iterator[Path]:
    """The files beside these modules that are no Python, and those in folders that are no packages.

    Of the checks the Python too, since they run in a process of which the kernel knows nothing.
    The model's folder has a place of its own in what is noted.
    """
    folders = {_module_file(name).parent for name in modules}
    while folders:
        folder = folders.pop()
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name.startswith((".", "__pycache__")):
                continue
            if path.suffix == ".py" and folder != kernels.PACKAGE / _OTHER_PROCESS:
                continue
            if path.is_file():
                yield path
            elif not (path / "__init__.py").is_file() and path.name != registry.DEFAULT.name:
                folders.add(path)


def _read(root: Path) -> dict[str, Any]:
    try:
        found = json.loads((root / FILE).read_text("utf8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _file_digest(path: Path) -> str:
    return _digest(path.read_bytes()) if path.is_file() else ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
