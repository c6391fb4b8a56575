"""Whether two outputs say the same: words and counts exactly, measured decimals within a tolerance.

One comparer, used when a chapter is run again and by nbval. The tolerance is stated here and
nowhere else: `RTOL`, relative, for every measured number; `tol-0.05` on a cell replaces it there.

What is a word and what is a measurement has to be told from the text alone. The rules:

1. A whole number is a count. Two different whole numbers never agree, however close, whether
   written 2000, 2000.0 or stored in a float array.
2. In text, a number with at most one digit after the point is a word: a version, a head, a
   percentage that was rounded for the eye. So is an unsigned one shaped like a head's name, which
   is written layer.head: both parts 0 to 31 without a leading zero (10.10, 0.12). 10.10 is not
   10.1, and neither is 10.11. A measured value that happens to have this shape is compared more
   strictly than needed, never less; print three digits where that raises a false alarm.
3. Every other number in text (0.123, 12.05, -0.45, 3.1e-05) is measured. It must be written with
   the same number of digits (six and more count as the same: such a number was not formatted),
   and agree within the tolerance, or by one unit of the last printed place where that unit is at
   most 2 % of the value: rounding turns a difference of 1e-7 into such a unit.
4. Numbers stored as data, in plotly and circuitsvis JSON and in glued values, have no digits to
   count. Integers are exact; floats agree within the tolerance, or within a hundredth of it
   (`ATOL_PER_RTOL`) of the largest magnitude in their array: a zero there is a zero with noise.

Everything else (the text between the numbers, keys, shapes, dtypes, the order and the number of
outputs, glued names) is exact. Runs of blanks beside a number count as one, since a table pads a
9.99 and a 10.02 differently.
"""

from __future__ import annotations

import ast
import base64
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from nbformat import NotebookNode

from mi_course.book.outputs import GLUE

RTOL = 1e-3
ATOL_PER_RTOL = 1e-2  # of an array's largest magnitude: 1e-5 of it at the default tolerance
UNIT_SHARE = 0.02
UNFORMATTED_DIGITS = 6

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?(?!\d|\.\d)")
HEAD = re.compile(r"(?:\d|[12]\d|3[01])\.(?:\d|[12]\d|3[01])")
_BLANKS = re.compile(r"[ \t]+(?=[-+]?\.?\d)|(?<=\d)[ \t]+")
_SHOWN_CHARS = 60


def differences(
    stored: Sequence[NotebookNode], fresh: Sequence[NotebookNode], rtol: float | None = None
) -> list[str]:
    """How the fresh outputs of a cell differ from the stored ones; empty when they agree.

    Args:
        stored: outputs, normalised (`outputs.normalise`).
        fresh: those of the new execution, normalised likewise.
        rtol: the cell's own tolerance; None for the default.
    """
    rtol = RTOL if rtol is None else rtol
    if [_kind(o) for o in stored] != [_kind(o) for o in fresh]:
        return [f"outputs: stored {_kinds(stored)}, now {_kinds(fresh)}"]
    found: list[str] = []
    for i, (a, b) in enumerate(zip(stored, fresh, strict=True), 1):
        found += [f"output {i}{difference}" for difference in _output(a, b, rtol)]
    return found


def _kind(output: NotebookNode) -> tuple[str, ...]:
    """What must be equal before contents are compared: the type, the stream, MIME types, name."""
    if output.output_type == "stream":
        return ("stream", output.name)
    if output.output_type == "error":
        return ("error", output.ename)
    glued = output.get("metadata", {}).get("scrapbook", {})
    return (output.output_type, *sorted(output.data), str(glued.get("name", "")))


def _kinds(outputs: Sequence[NotebookNode]) -> str:
    return ", ".join(" ".join(filter(None, _kind(o))) for o in outputs) or "none"


def _output(stored: NotebookNode, fresh: NotebookNode, rtol: float) -> Iterator[str]:
    if stored.output_type == "stream":
        yield from _text(stored.text, fresh.text, rtol, f" ({stored.name})")
        return
    if stored.output_type == "error":
        yield from _text(stored.evalue, fresh.evalue, rtol, f" ({stored.ename})")
        return
    for mime in stored.data:
        if mime == GLUE:
            name = stored.metadata.get("scrapbook", {}).get("name", "")
            yield from _glued(stored.data[mime], fresh.data[mime], rtol, f" (glued {name})")
        else:
            yield from _value(stored.data[mime], fresh.data[mime], rtol, f" ({mime})")


def _glued(stored: str, fresh: str, rtol: float, where: str) -> Iterator[str]:
    """Glued values are stored as Python writes them: compared as values where they can be read."""
    try:
        a, b = ast.literal_eval(stored), ast.literal_eval(fresh)
    except (ValueError, SyntaxError):  # nan, inf
        if stored != fresh:
            yield f"{where}: stored {stored}, now {fresh}"
        return
    if isinstance(a, str) and isinstance(b, str):
        if a != b:
            yield f"{where}: stored {a!r}, now {b!r}"
    else:
        yield from _value(a, b, rtol, where)


def _text(stored: str, fresh: str, rtol: float, where: str) -> Iterator[str]:
    """Compare two texts line by line, so that a difference names its line."""
    a, b = stored.splitlines(), fresh.splitlines()
    if len(a) != len(b):
        yield f"{where}: stored {len(a)} lines, now {len(b)}"
        return
    for i, (x, y) in enumerate(zip(a, b, strict=True), 1):
        if not same_text(x, y, rtol):
            yield f"{where}, line {i}: stored {_around(x, y)!r}, now {_around(y, x)!r}"


def _around(text: str, other: str) -> str:
    """The part of a line in which it differs from the other one, with what leads up to it."""
    if len(text) <= _SHOWN_CHARS:
        return text
    same = next((i for i, (x, y) in enumerate(zip(text, other, strict=False)) if x != y), 0)
    start = max(0, same - _SHOWN_CHARS // 2)
    return ("…" if start else "") + text[start : start + _SHOWN_CHARS]


def same_text(stored: str, fresh: str, rtol: float = RTOL) -> bool:
    """Whether two lines agree: equal between the numbers, and number by number (rules 1 to 3)."""
    if stored == fresh:
        return True
    a, b = _BLANKS.sub(" ", stored), _BLANKS.sub(" ", fresh)
    if NUMBER.split(a) != NUMBER.split(b):
        return False
    pairs = zip(NUMBER.findall(a), NUMBER.findall(b), strict=True)
    return all(same_token(x, y, rtol) for x, y in pairs)


def same_token(stored: str, fresh: str, rtol: float = RTOL) -> bool:
    """Whether two numbers, as written, agree."""
    if stored == fresh:
        return True
    if is_word(stored) or is_word(fresh):
        return False
    digits, digits_fresh = _digits(stored), _digits(fresh)
    if digits != digits_fresh and min(digits, digits_fresh) < UNFORMATTED_DIGITS:
        return False
    x, y = float(stored), float(fresh)
    if same_float(x, y, rtol):
        return True
    unit = 10.0 ** (_exponent(stored) - min(digits, digits_fresh))
    # half a unit more than one, against the rounding of the subtraction itself
    return not _both_whole(x, y) and abs(x - y) < 1.5 * unit <= 1.5 * UNIT_SHARE * abs(x)


def is_word(token: str) -> bool:
    """Whether a number in text is compared exactly: a count, a head's name, one digit at most."""
    if "e" in token.lower():
        return False
    return _digits(token) <= 1 or HEAD.fullmatch(token) is not None


def _digits(token: str) -> int:
    """Digits after the point, before any exponent."""
    return len(re.split("[eE]", token)[0].partition(".")[2])


def _exponent(token: str) -> int:
    mantissa_exponent = re.split("[eE]", token)
    return int(mantissa_exponent[1]) if len(mantissa_exponent) > 1 else 0


def same_float(stored: float, fresh: float, rtol: float = RTOL, atol: float = 0.0) -> bool:
    """Whether two stored floats agree; two different whole numbers never do."""
    if stored == fresh or (math.isnan(stored) and math.isnan(fresh)):
        return True
    if _both_whole(stored, fresh):
        return False
    return math.isclose(stored, fresh, rel_tol=rtol, abs_tol=atol)


def _both_whole(x: float, y: float) -> bool:
    return x.is_integer() and y.is_integer()


def _value(stored: Any, fresh: Any, rtol: float, where: str, atol: float = 0.0) -> Iterator[str]:
    """Compare two JSON values; `atol` is what the array around them allows."""
    if type(stored) is not type(fresh) and not (
        isinstance(stored, dict) and isinstance(fresh, dict)
    ):
        yield f"{where}: stored {_short(stored)}, now {_short(fresh)}"
    elif isinstance(stored, dict):
        yield from _mapping(stored, fresh, rtol, where)
    elif isinstance(stored, list | tuple):
        yield from _sequence(stored, fresh, rtol, where, atol)
    elif isinstance(stored, float):
        if not same_float(stored, fresh, rtol, atol):
            yield f"{where}: stored {stored!r}, now {fresh!r}"
    elif isinstance(stored, str):
        yield from _text(stored, fresh, rtol, where)
    elif stored != fresh:
        yield f"{where}: stored {_short(stored)}, now {_short(fresh)}"


def _mapping(
    stored: dict[str, Any], fresh: dict[str, Any], rtol: float, where: str
) -> Iterator[str]:
    if stored.keys() != fresh.keys():
        gone, new = sorted(stored.keys() - fresh.keys()), sorted(fresh.keys() - stored.keys())
        yield f"{where}: fields gone {gone}, new {new}"
    elif {"bdata", "dtype"} <= stored.keys():
        yield from _typed_array(stored, fresh, rtol, where)
    else:
        for key in stored:
            yield from _value(stored[key], fresh[key], rtol, f"{where}.{key}")


def _sequence(
    stored: Sequence[Any], fresh: Sequence[Any], rtol: float, where: str, atol: float
) -> Iterator[str]:
    if len(stored) != len(fresh):
        yield f"{where}: stored {len(stored)} items, now {len(fresh)}"
        return
    atol = atol or rtol * ATOL_PER_RTOL * _scale(stored)
    for i, (a, b) in enumerate(zip(stored, fresh, strict=True)):
        yield from _value(a, b, rtol, f"{where}[{i}]", atol)


def _scale(values: Any) -> float:
    """The largest finite magnitude of the floats in nested lists; 0 where there are none."""
    if isinstance(values, list | tuple):
        return max(map(_scale, values), default=0.0)
    return abs(values) if isinstance(values, float) and math.isfinite(values) else 0.0


def _typed_array(
    stored: dict[str, Any], fresh: dict[str, Any], rtol: float, where: str
) -> Iterator[str]:
    """Compare plotly's binary arrays: dtype and shape exactly, then element by element."""
    for key in stored.keys() - {"bdata"}:
        if stored[key] != fresh[key]:
            yield f"{where}.{key}: stored {stored[key]}, now {fresh[key]}"
            return
    a, b = (np.frombuffer(base64.b64decode(v["bdata"]), v["dtype"]) for v in (stored, fresh))
    if a.shape != b.shape:
        yield f"{where}: stored {a.size} numbers, now {b.size}"
        return
    same = a == b
    if a.dtype.kind == "f":
        scale = float(np.abs(a[np.isfinite(a)]).max(initial=0.0))
        close = np.isclose(b, a, rtol, rtol * ATOL_PER_RTOL * scale, equal_nan=True)
        whole = (a == np.round(a)) & (b == np.round(b))
        same |= close & ~whole
    wrong = np.flatnonzero(~same)
    if wrong.size:
        at = wrong[0]
        yield f"{where}[{at}]: stored {a[at]}, now {b[at]} ({wrong.size} of {a.size} differ)"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
