"""What a chapter's text refers to: glued values, the bibliography, labels, files, other pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from mi_course.book import chapters, store
from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.notebook import bibliography
from mi_course.book.outputs import GLUE
from mi_course.book.site import launch, site_address

if TYPE_CHECKING:
    from pybtex.database import Entry

_LABEL = re.compile(r"^\(([^)\s]+)\)=\s*\n+#+\s+(.+?)\s*$", re.MULTILINE)
_LABELLED = re.compile(
    r"^[`:]{3,}\{[\w:-]+\}[ \t]*(.*)\n(?:\s*:\w[\w-]*:.*\n)*?\s*:(?:label|name):[ \t]*(\S+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Page:
    """One chapter and what its text may refer to."""

    chapter: Chapter

    @property
    def root(self) -> Path:
        """Of the project."""
        return self.chapter.root

    @property
    def doc(self) -> str:
        """The chapter's name."""
        return self.chapter.doc

    @property
    def path(self) -> Path:
        """The chapter's source."""
        return self.chapter.source

    @cached_property
    def site(self) -> str:
        """Address of the published site, with a slash at its end, or nothing where none is set."""
        if repository := launch.repository():
            return site_address.address(repository)
        config = self.root / "_config.yml"
        found = yaml.safe_load(config.read_text("utf8")) if config.is_file() else {}
        address = ((found or {}).get("html") or {}).get("baseurl") or ""
        return address and address.rstrip("/") + "/"

    def url(self, doc: str) -> str:
        """Address of a page of the site, or nothing where the site's address is not set."""
        return f"{self.site}{chapters.BOOK}/{doc}.html" if self.site else ""

    def glued(self, reference: str) -> str:
        """What the role glue:text shows: a stored value of the default model, formatted.

        Args:
            reference: `name`, `name:.2f`, or `other_page.md::name:.2f`.

        Raises:
            ChapterError: no such value is stored.
        """
        chapter, name = self.chapter, reference
        if "::" in reference:
            file, name = reference.split("::", 1)
            chapter = Chapter(self.root, chapters.doc_name(self.root, self.path.parent / file))
        name, _, spec = name.partition(":")
        values = stored_values(chapter.stored(chapter.default))
        if name not in values:
            raise ChapterError(f"no glued value {name!r} is stored: run `mi-course run {chapter}`")
        return format(values[name], spec) if spec else str(values[name])

    @cached_property
    def bibliography(self) -> dict[str, Entry]:
        """Entries of every `.bib` file of `book/`, by key."""
        return bibliography.read(self.root / chapters.BOOK)

    @cached_property
    def labels(self) -> dict[str, tuple[str, str]]:
        """For each label of the book the page's name and the title of what it labels."""
        found: dict[str, tuple[str, str]] = {}
        for path in sorted((self.root / chapters.BOOK).rglob("*.md")):
            text, doc = path.read_text("utf8"), chapters.doc_name(self.root, path)
            found |= {label: (doc, title) for label, title in _LABEL.findall(text)}
            found |= {label: (doc, title) for title, label in _LABELLED.findall(text)}
        return found

    def read(self, file: str) -> bytes:
        """A file that the chapter names relative to itself.

        Raises:
            ChapterError: it does not exist.
        """
        path = self.path.parent / file
        if not path.is_file():
            raise ChapterError(f"no file {file}")
        return path.read_bytes()

    def link(self, title: str, doc: str) -> str:
        """A link to another page: to its notebook for a chapter, else to the site."""
        target = chapters.page_path(self.root, doc)
        if not target.is_file():
            raise ChapterError(f"no page {doc}")
        if chapters.of_source(self.root, target):
            ups = "../" * self.doc.count("/")
            return f"[{title}]({ups}{doc}.ipynb)"
        return f"[{title}]({self.url(doc)})" if self.site else title


def stored_values(stored: Path) -> Mapping[str, Any]:
    """The glued values of a stored notebook, by name; empty where there is none.

    Read again only when the file has changed: a page has a hundred of them.
    """
    if not stored.is_file():
        return {}
    now = stored.stat()
    return _values(stored.resolve(), now.st_mtime_ns, now.st_size)


@cache
def _values(stored: Path, _mtime: int, _size: int) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    for cell in store.load(stored).cells:
        for output in cell.outputs:
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                text = output.data.get(GLUE, "")
                try:
                    values[name] = ast.literal_eval(text)
                except (ValueError, SyntaxError):
                    values[name] = float(text) if text in ("nan", "inf", "-inf") else text
    return MappingProxyType(values)
