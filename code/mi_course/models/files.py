"""A model's files: whether they are what they should be, and reading them without progress bars."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mi_course.errors import CourseError

WEIGHTS = "model.safetensors"
_REINSTALL = "install the course again, or run `mi-course train-pocket` to train the model anew"


class ModelFilesError(CourseError, RuntimeError):
    """A model's files are missing or damaged; the message says how to mend it."""


def sha256(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_checksums(folder: Path) -> dict[str, str]:
    """Compare each file that `checksums.json` names with its SHA-256.

    Returns:
        The SHA-256 of each file.

    Raises:
        ModelFilesError: names the first missing or damaged file.
    """
    try:
        expected: dict[str, str] = json.loads((folder / "checksums.json").read_text("utf8"))
    except (OSError, ValueError) as error:
        raise ModelFilesError(
            f"the model folder {folder.name} has no readable checksums.json: {_REINSTALL}"
        ) from error
    for file, digest in expected.items():
        path = folder / file
        if not path.is_file():
            raise ModelFilesError(f"{folder.name}/{file} is missing: {_REINSTALL}")
        if sha256(path) != digest:
            raise ModelFilesError(
                f"{folder.name}/{file} is damaged (its SHA-256 is not the one in checksums.json): "
                f"{_REINSTALL}"
            )
    return expected


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Read or write a model without transformers' bars, which flicker and say nothing."""
    from transformers.utils import logging

    bars_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if bars_on:
            logging.enable_progress_bar()
