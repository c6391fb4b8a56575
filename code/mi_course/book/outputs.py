"""A cell's outputs as they are stored: what is kept, and what is refused.

Kept is what the code says; dropped is what a front end adds beside it (HTML copies of a figure,
progress bars). Refused is what would differ on another machine or on another day: a warning, an
address in memory, a path, a random id, a picture that cannot be compared number by number.
`normalise` is applied to stored and to fresh outputs alike, so that both are compared in one form.
"""

from __future__ import annotations

import copy
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

PLOTLY = "application/vnd.plotly.v1+json"
CIRCUITSVIS = "application/vnd.mi-course.circuitsvis+json"
GLUE = "application/papermill.record/text/plain"
# One form of each output is kept, the first of these that it has.
KEPT = (
    PLOTLY,
    CIRCUITSVIS,
    GLUE,
    "text/html",
    "image/svg+xml",
    "text/latex",
    "text/markdown",
    "application/json",
    "text/plain",
)

_GLUED = "application/papermill.record/"
_INSTEAD = "show a figure from mi_course.plots, stored as data"
# The plain text of an object that has none of its own: <a.b.C object>, <PIL.Image.Image image
# mode=RGB size=8x8>, <Figure size 640x480 with 1 Axes>, <Axes: >. Not one that says what it holds:
# a member of an enumeration, <Color.RED: 1>, or <re.Match object; span=(0, 1), match='a'>.
_OBJECT = re.compile(
    r"<(?:[A-Za-z_][\w.]*\.[A-Za-z_]\w* (?!object;)[^<>]*"
    r"|[A-Za-z_][\w.]* object\b(?!;)[^<>]*"
    r"|Figure size \d[^<>]*"
    r"|(?:\w*Axes(?:Subplot)?|AxesImage|BarContainer|\w*Collection|\w*Figure)\b(?:[:( ][^<>]*)?)>"
)
_PICTURE = re.compile(r"\bimage mode=|\bFigure\b|Axes|\bImage\b")

_NOISE = (
    ("an error", re.compile(r"Traceback \(most recent call last\)")),
    (
        "a warning",
        re.compile(r"\b[A-Z]\w*Warning: |(?:^|[>'\"])\s*(?:WARNING|Warning)\b", re.MULTILINE),
    ),
    ("a picture", re.compile(r"data:image/(?!svg)[\w.+-]+;base64")),
    ("`unknown mime type`", re.compile(r"unknown mime type", re.IGNORECASE)),
    ("an address in memory", re.compile(r"\b0x[0-9a-fA-F]{6,}\b")),
    (
        "a path of this machine",
        re.compile(
            r"(?<![\w.])/(?:home|Users|root|tmp|private/var|var/folders)/|\b[A-Za-z]:\\{1,2}\w"
            r"|\b(?:site|dist)-packages\b|\bipykernel_\d+"
        ),
    ),
    (
        "a random id",
        re.compile(
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
            r"|\bid\s*=\s*[\"'](?=[^\"']*\d)[^\"']*?(?<![0-9a-f])[0-9a-f]{5,}(?![0-9a-f])"
        ),
    ),
)


def normalise(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """The outputs in the form in which they are stored and compared; the argument is not changed.

    Neighbouring pieces of one stream are joined, progress bars dropped, and one form is kept of
    each displayed object (`KEPT`). What is not understood stays, for `problems` to name.
    """
    forms = (_one_form(output) for output in copy.deepcopy(list(outputs)))
    # joined before progress bars are looked for, since a bar comes in pieces, and joined again
    # where a bar had stood between two pieces of text
    return _join(filter(None, map(_without_progress, _join(forms))))


def _join(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring pieces of one stream."""
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last is not None and _same_stream(last, output):
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _same_stream(a: NotebookNode, b: NotebookNode) -> bool:
    return a.output_type == b.output_type == "stream" and a.name == b.name


def _without_progress(output: NotebookNode) -> NotebookNode | None:
    """A stream as a terminal would leave it; on stderr, lines that were redrawn are dropped."""
    if output.output_type != "stream":
        return output
    lines = output.text.replace("\r\n", "\n").split("\n")
    if output.name == "stderr":
        lines = [line for line in lines if "\r" not in line]
        output.text = "\n".join(lines) if any(line.strip() for line in lines) else ""
    else:
        output.text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)
    return output if output.text else None


def _one_form(output: NotebookNode) -> NotebookNode:
    """Keep one MIME type of a displayed object, and of its metadata only the glued name.

    Where the only form that could be kept is plain text that stands in for what is not kept, such
    as a picture, everything stays: `problems` has to see what a page would not show.
    """
    if output.output_type not in ("display_data", "execute_result"):
        return output
    mime = next((m for m in KEPT if m in output.data), None)
    if mime is not None and not _stands_in(mime, output.data):
        output.data = NotebookNode({mime: output.data[mime]})
    if mime == PLOTLY:
        output.data[PLOTLY].get("config", {}).pop("plotlyServerURL", None)
    glued = output.metadata.get("scrapbook")
    output.metadata = NotebookNode({"scrapbook": glued} if glued else {})
    return output


def _stands_in(mime: str, data: Mapping[str, Any]) -> bool:
    """Whether text is kept of an object that a front end would show as something else."""
    if mime == "text/plain":
        return any(not _is_text(other) for other in data)
    if mime == GLUE:
        return any(not _is_text(other.removeprefix(_GLUED)) for other in data)
    return False


def _is_text(mime: str) -> bool:
    return mime.startswith("text/")


def problems(outputs: Sequence[NotebookNode], places: Iterable[str] = ()) -> list[str]:
    """Why these normalised outputs cannot be stored, one sentence each; empty when they can.

    Args:
        outputs: of one cell, normalised.
        places: paths of this machine that must not appear, beside the usual ones; see `places`.
    """
    found: list[str] = []
    places = tuple(places)
    for output in outputs:
        found += _problems_of_kind(output)
        if output.get("name") != "stderr":  # refused already, whatever it holds
            for text in texts(output):
                found += _noise(text, places)
    return list(dict.fromkeys(found))


def _problems_of_kind(output: NotebookNode) -> list[str]:
    if output.output_type == "error":
        return [f"it raised {output.ename}: {output.evalue}"]
    if output.output_type == "stream":
        if output.name != "stderr":
            return []
        first = output.text.strip().splitlines()[0]
        return [f"it writes to stderr, which is not stored: {first!r}"]
    kept = next((mime for mime in KEPT if mime in output.data), None)
    if kept is not None and not _stands_in(kept, output.data):
        return _unsaid(output.data[kept]) if kept in ("text/plain", GLUE) else []
    shown = ", ".join(mime for mime in output.data if mime != kept)
    if "image/" in shown:
        return [f"it shows a picture ({shown}); {_INSTEAD}"]
    return [f"it shows only {shown or 'nothing'}, which a page cannot show"]


def _unsaid(text: str) -> list[str]:
    """Plain text that names an object and says nothing of what it holds."""
    found = _OBJECT.search(text)
    if found is None:
        return []
    if _PICTURE.search(found[0]):
        return [f"it shows a picture ({found[0]}); {_INSTEAD}"]
    return [f"it shows an object only by its type, {found[0]}; print what is meant of it"]


def _noise(text: str, places: Sequence[str]) -> list[str]:
    found = []
    for what, pattern in _NOISE:
        match = pattern.search(text)
        if match:
            found.append(f"its output holds {what}: {_around(text, match.start(), match.end())!r}")
    for place in places:
        at = text.find(place)
        if at >= 0:
            around = _around(text, at, at + len(place))
            found.append(f"its output holds a path of this machine: {around!r}")
    return found


def _around(text: str, start: int, end: int) -> str:
    """What was found, with a little of its line on both sides."""
    before = text[max(0, start - 20) : start].rsplit("\n", 1)[-1]
    return before + text[start : end + 40].split("\n", 1)[0]


def texts(value: Any) -> Iterator[str]:
    """Every string within an output that a reader may see; binary arrays are left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("bdata", "output_type", "traceback", "ename", "evalue"):
                yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def places(root: Path) -> tuple[str, ...]:
    """Folders of this machine whose names must not be stored: project, home, Python, temporary."""
    found = {str(root), str(Path.home()), sys.prefix, sys.base_prefix, tempfile.gettempdir()}
    # "/usr" and "/root" are words as well; the patterns above know the usual short ones
    return tuple(sorted(place for place in found if place.count(os.sep) > 1))
