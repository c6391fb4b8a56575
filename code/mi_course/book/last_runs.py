"""What was re-executed on this machine, so that only what changed since needs another run.

After a run the checksums of everything that it depended on are noted in `_build/`, which is not
committed: the chapter's cells, the modules of the package that its kernel had imported, the model's
files, the version of Python and of every package installed, and the stored notebook. It only ever
saves time. CI runs everything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from mi_course.book import kernels, store
from mi_course.book.chapters import Chapter
from mi_course.models import registry

FILE = Path("_build") / "verified.json"


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
    changed = [name for name, digest in noted["modules"].items() if now["modules"][name] != digest]
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
