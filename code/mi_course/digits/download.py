"""Download a file: an interrupted one goes on where it stopped, and the whole is checked by MD5."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from http.client import HTTPResponse
from pathlib import Path
from urllib.request import Request, urlopen

from mi_course.errors import CourseError

TIMEOUT_S = 10
CHUNK = 2**16


class DownloadError(CourseError, RuntimeError):
    """A file that could not be fetched; the message says what to do."""


def fetch(urls: Sequence[str], target: Path, md5: str) -> None:
    """Bring `target` here from the first address that gives the right file.

    What has arrived stays beside it as `NAME.part`. The next call asks for the rest only.

    Args:
        urls: addresses of the same file, tried in order.
        target: where to put it; left alone where it is right already.
        md5: the checksum of the whole file.

    Raises:
        DownloadError: no address gave the file.
    """
    if _md5(target) == md5:
        return
    part = target.with_name(f"{target.name}.part")
    reasons = []
    for url in urls:
        try:
            if _md5(part) != md5:
                _continue(url, part)
        except OSError as error:  # no network, no such address, too slow
            reasons.append(f"{url}: {error}")
            continue
        if _md5(part) == md5:
            part.replace(target)
            return
        part.unlink()
        reasons.append(f"{url}: another file than expected (wrong MD5)")
    raise DownloadError(
        f"{target.name} was not downloaded. {'; '.join(reasons)}. "
        "Run it again: it goes on where it stopped."
    )


def _continue(url: str, part: Path) -> None:
    """Append what is missing; begin anew where the server does not send parts."""
    from tqdm import tqdm

    have = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": "mi-course"} | ({"Range": f"bytes={have}-"} if have else {})
    with urlopen(Request(url, headers=headers), timeout=TIMEOUT_S) as response:
        have = have if response.status == 206 else 0
        total = have + _length(response)
        with (
            part.open("ab" if have else "wb") as file,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    if part.stat().st_size < total:
        raise OSError(f"the connection ended after {part.stat().st_size:,} of {total:,} bytes")


def _length(response: HTTPResponse) -> int:
    return int(response.headers.get("Content-Length") or 0)


def _md5(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
