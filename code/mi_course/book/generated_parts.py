"""A part of a page that a command writes, between two marks that are HTML comments."""

from __future__ import annotations

from pathlib import Path

from mi_course.book import store


def put_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->` in a page.

    Raises:
        StoreError: the page has no such marks.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = path.read_text("utf8") if path.is_file() else ""
    if begin not in page or end not in page.partition(begin)[2]:
        raise store.StoreError(f"{path} has no lines `{begin}` and `{end}` to put the text between")
    before, _, rest = page.partition(begin)
    after = rest.partition(end)[2]
    store.write_file(path, f"{before}{begin}\n\n{text}\n{end}{after}".encode())
