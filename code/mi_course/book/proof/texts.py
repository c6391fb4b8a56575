"""Damages to numbers, words and heads' names, in text, in figures and in glued values.

What counts as a number or a name is decided here anew, not taken from `compare`, whose judgement is
what the damages try.
"""

from __future__ import annotations

import re
from random import Random

from nbformat import NotebookNode

from mi_course.book.outputs import CIRCUITSVIS, PLOTLY
from mi_course.book.proof.slots import figures, glued, leaves, replace_token, texts

SHARE = 1.05

_DECIMAL = re.compile(r"(?<![\d.])-?\d+\.\d+(?:e[-+]?\d+)?(?![\d.])")
_INTEGER = re.compile(r"(?<![\d.])\d+(?![\d.])")
_HEAD = re.compile(r"(?<![\w.])\d{1,2}\.\d{1,2}(?![\w.%])")
_WORD = re.compile(r"[A-Za-z]{4,}")


def _five_per_cent(token: str) -> str:
    """A decimal changed by 5 % and written as before; the same where its digits hide that."""
    mantissa, _, exponent = token.partition("e")
    digits = len(mantissa.partition(".")[2])
    return format(float(token) * SHARE, f".{digits}{'e' if exponent else 'f'}")


def number_by_five_per_cent(notebook: NotebookNode, rng: Random) -> str | None:
    """A decimal in text."""
    return replace_token(notebook, rng, _DECIMAL, _five_per_cent)


def count_by_one(notebook: NotebookNode, rng: Random) -> str | None:
    """A whole number in text."""
    return replace_token(notebook, rng, _INTEGER, lambda token: str(int(token) + 1))


def sign_in_text(notebook: NotebookNode, rng: Random) -> str | None:
    """The sign of a number in text."""
    return replace_token(
        notebook, rng, _DECIMAL, lambda token: token[1:] if token[0] == "-" else f"-{token}"
    )


def word(notebook: NotebookNode, rng: Random) -> str | None:
    """A letter of a word in text."""
    return replace_token(notebook, rng, _WORD, lambda w: w[:-1] + ("x" if w[-1] != "x" else "y"))


def other_head(name: str) -> str:
    """10.10 becomes 10.1, and 5.5 becomes 5.6."""
    layer, head = name.split(".")
    return f"{layer}.{head[:-1]}" if len(head) > 1 else f"{layer}.{(int(head) + 1) % 10}"


def head_in_text(notebook: NotebookNode, rng: Random) -> str | None:
    """A head's name in text."""
    pattern = re.compile(r"(?<=head )\d{1,2}\.\d{1,2}(?![\w%])")
    return replace_token(notebook, rng, pattern, other_head)


def head_in_figure(notebook: NotebookNode, rng: Random) -> str | None:
    """A head's name in a figure."""
    slots = [s for f in figures(notebook, PLOTLY, CIRCUITSVIS) for s in leaves(f, str)]
    return replace_token(notebook, rng, _HEAD, other_head, slots)


def head_glued(notebook: NotebookNode, rng: Random) -> str | None:
    """A glued head's name."""
    slots = [slot for slot, value in glued(notebook, str) if _HEAD.search(value)]
    return replace_token(notebook, rng, _HEAD, other_head, slots)


def head_gains_a_zero(notebook: NotebookNode, rng: Random) -> str | None:
    """9.1 becomes 9.10, anywhere."""
    slots = texts(notebook) + [slot for slot, _ in glued(notebook, str)]
    slots += [s for f in figures(notebook, PLOTLY, CIRCUITSVIS) for s in leaves(f, str)]
    return replace_token(notebook, rng, _HEAD, lambda h: f"{h}0", slots)


def figure_title(notebook: NotebookNode, rng: Random) -> str | None:
    """A letter of a figure's title."""
    slots = [
        (figure["layout"]["title"], "text")
        for figure in figures(notebook, PLOTLY)
        if figure.get("layout", {}).get("title", {}).get("text")
    ]
    return replace_token(notebook, rng, _WORD, lambda w: w[:-1] + "x", slots)


def figure_text(notebook: NotebookNode, rng: Random) -> str | None:
    """A word in a figure: a label, a token, an axis."""
    slots = [s for f in figures(notebook, PLOTLY, CIRCUITSVIS) for s in leaves(f, str)]
    return replace_token(notebook, rng, _WORD, lambda w: w[:-1] + "x", slots)
