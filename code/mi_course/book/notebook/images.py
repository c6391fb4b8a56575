"""Pictures of a chapter, put into the learner's notebook itself: Colab finds no file beside it."""

from __future__ import annotations

import base64
import html
import mimetypes

from mi_course.book.chapters import ChapterError
from mi_course.book.notebook.targets import Page


def embedded(page: Page, file: str, alt: str, width: str = "") -> str:
    """A picture as an `<img>` that holds its data; one on the web stays a link.

    Args:
        page: the chapter.
        file: relative to the chapter, or an address on the web.
        alt: what it shows, for who does not see it.
        width: `640px` or `640`; the picture's own where it is empty.

    Raises:
        ChapterError: the file does not exist, or is no picture.
    """
    if file.startswith(("http://", "https://")):
        return f"![{alt}]({file})"
    kind = mimetypes.guess_type(file)[0]
    if kind is None or not kind.startswith("image/"):
        raise ChapterError(f"{file} is no picture")
    data = base64.b64encode(page.read(file)).decode()
    size = f' width="{width.removesuffix("px")}"' if width else ""
    return f'<img src="data:{kind};base64,{data}" alt="{html.escape(alt)}"{size}>'
