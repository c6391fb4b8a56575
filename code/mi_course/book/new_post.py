"""Start a learner's own post: a page with the template, in the table of contents of their site.

A post is a chapter like any other: `mi-course run` stores its outputs, and the site shows them.
What exists is never overwritten.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from mi_course.book import store
from mi_course.book.chapters import Chapter, ChapterError
from mi_course.book.notebook import directives
from mi_course.book.notebook.markdown import Converter
from mi_course.book.notebook.targets import Page

FOLDER = "posts"
CAPTION = "Your posts"
TEMPLATE = Path(__file__).parent / "post_template.md"
_LONGEST_NAME = 60
_MARKUP = re.compile(r"([\\`*_\[\]<>{}$#|~^&])")
_LINK_TARGET = re.compile(r"(?<=\])\([^)]*\)|<[^>]+>")


class PostError(ChapterError):
    """A post that cannot be started; the message says why, and what to do."""


def start(root: Path, title: str) -> Chapter:
    """Write the page of a new post, `posts/my-title`, and add it to the table of contents.

    Args:
        root: of the course.
        title: any text; the file is named after its letters and digits.

    Raises:
        PostError: a title without a letter or digit, a post that exists, or a table of contents
            that cannot be added to. Nothing that exists is changed then.
    """
    title = " ".join(title.split())
    post = Chapter(root, f"{FOLDER}/{file_name(title)}")
    toc = root / "_toc.yml"
    contents = with_post(toc.read_bytes().decode("utf8"), post.file.removesuffix(".md"))
    text = TEMPLATE.read_text("utf8").replace("TITLE", _MARKUP.sub(r"\\\1", title), 1)
    post.source.parent.mkdir(parents=True, exist_ok=True)
    try:
        with post.source.open("x", encoding="utf8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise PostError(
            f"{post.file} exists already{_length(post)}, and was left as it is: edit it, or choose "
            "another title"
        ) from None
    store.write_file(toc, contents.encode("utf8"))
    return post


def file_name(title: str) -> str:
    """The title's letters and digits, joined by hyphens: what the post's file is called.

    Example:
        >>> file_name("Do MLPs read – the “position”?")
        'do-mlps-read-the-position'

    Raises:
        PostError: it holds no letter and no digit.
    """
    plain = unicodedata.normalize("NFKD", title)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    words = re.findall(r"[^\W_]+", plain)
    if not words:
        raise PostError(f"the title {title!r} has no letter or digit to name a file after")
    name = words[0][:_LONGEST_NAME]
    for word in words[1:]:
        if len(name) + 1 + len(word) > _LONGEST_NAME:
            break
        name += f"-{word}"
    return name


def with_post(toc: str, file: str) -> str:
    """A table of contents with one file more, in the part `CAPTION`; all else stays as it is.

    Args:
        toc: the text of `_toc.yml`.
        file: as it is written there: `book/posts/my-title`.

    Raises:
        PostError: the text has another form than the course's own.
    """
    old = _parsed(toc)
    if file in [entry["file"] for entry in _posts(old)]:
        return toc
    end = "\r\n" if "\r\n" in toc else "\n"
    lines = toc.splitlines()
    at = next((i for i, line in enumerate(lines) if line.strip() == f"- caption: {CAPTION}"), None)
    if at is None:
        new = [f"  - caption: {CAPTION}", "    chapters:", f"      - file: {file}"]
        lines += new
    else:
        last = at + 1
        while last + 1 < len(lines) and lines[last + 1].strip().startswith("- file:"):
            last += 1
        lines.insert(last + 1, f"      - file: {file}")
    text = end.join(lines) + end
    if not _only_adds(old, text, file):
        raise PostError(
            f"_toc.yml has another form than the course's, so nothing was added: add {file} to it "
            "by hand"
        )
    return text


def _only_adds(old: dict[str, Any], text: str, file: str) -> bool:
    """Whether a new table of contents differs from the old one by this post alone."""
    try:
        new = _parsed(text)
    except PostError:
        return False
    others, kept = ([p for p in t["parts"] if p.get("caption") != CAPTION] for t in (old, new))
    files = [entry["file"] for entry in _posts(new)]
    return others == kept and files == [*(entry["file"] for entry in _posts(old)), file]


def _parsed(toc: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(toc)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("parts"), list):
        raise PostError("_toc.yml holds no list of parts: restore the course's own")
    return found


def _posts(toc: dict[str, Any]) -> list[dict[str, str]]:
    part: dict[str, Any] = next((p for p in toc["parts"] if p.get("caption") == CAPTION), {})
    return part.get("chapters") or []


def count_words(chapter: Chapter) -> int:
    """The words that a reader of a page reads: its prose, title and captions, without code.

    Glued values count as they are shown.

    Raises:
        ChapterError: a glued value that is not stored yet.
    """
    converter = Converter(Page(chapter), directives.convert)
    text = " ".join(
        converter.convert(cell.source)
        for cell in chapter.notebook.cells
        if cell.cell_type == "markdown"
    )
    shown = _LINK_TARGET.sub(" ", text)
    return sum(any(c.isalnum() for c in word) for word in shown.split())


def _length(post: Chapter) -> str:
    """How long an existing post is, where that can be said."""
    try:
        return f", with {count_words(post)} words"
    except ChapterError:
        return ""
