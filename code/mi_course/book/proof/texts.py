"""Damages to numbers, words and heads' names, in text, in figures and in glued values.

What counts as a number or a name is decided here anew, not taken from `compare`, whose judgement is
what the damages try.
"""

from __future__ import annotations

import re
from random import Random

from nbformat import NotebookNode

from mi_course.book.outputs import CIRCUITSVIS, PLOTLY
from mi_course.book.proof.slots import Slot, figures, glued, labels, replace_token, texts

SHARE = 1.05

_NAME = r"(?:\d|[12]\d|3[01])\.(?:\d|[12]\d|3[01])"
_DECIMAL = re.compile(r"(?<![\w.])(?<![Hh]ead )-?\d+\.\d+(?:e[-+]?\d+)?(?![\w.])")
_COUNT = re.compile(r"(?<![\w.,-])\d+(?:,\d{3})*(?![\w%]|[.,]\d)")
# a head stands alone, in a list, or behind a word that announces it; 0.5 in a sentence is none
_HEAD = re.compile(rf"(?:^|(?<=[Hh]ead )|(?<=[a-z]: )|(?<=, )){_NAME}(?![\w%]|\.\d)")
_ANNOUNCED = re.compile(rf"(?<=[Hh]ead ){_NAME}(?![\w%]|\.\d)")
_HEADS = re.compile(rf"{_NAME}(?:, {_NAME})*")
_GLUED_HEAD = re.compile(rf"(?<=['\" ]){_NAME}(?=[',\"])")
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
    return replace_token(notebook, rng, _COUNT, _one_more)


def _one_more(count: str) -> str:
    """1,999 becomes 2,000."""
    return format(int(count.replace(",", "")) + 1, "," if "," in count else "d")


def sign_in_text(notebook: NotebookNode, rng: Random) -> str | None:
    """The sign of a number in text."""
    return replace_token(notebook, rng, _DECIMAL, _other_sign)


def _other_sign(token: str) -> str:
    """The number with its sign flipped; a zero has none."""
    if float(token) == 0:
        return token
    return token[1:] if token[0] == "-" else f"-{token}"


def word(notebook: NotebookNode, rng: Random) -> str | None:
    """A letter of a word in text."""
    return replace_token(notebook, rng, _WORD, other_word)


def other_word(old: str) -> str:
    """The word with another last letter."""
    return old[:-1] + ("x" if old[-1] != "x" else "y")


def other_head(name: str) -> str:
    """10.10 becomes 10.1, and 5.5 becomes 5.6."""
    layer, head = name.split(".")
    return f"{layer}.{head[:-1]}" if len(head) > 1 else f"{layer}.{(int(head) + 1) % 10}"


def head_in_text(notebook: NotebookNode, rng: Random) -> str | None:
    """A head's name in text."""
    return replace_token(notebook, rng, _ANNOUNCED, other_head)


def head_in_figure(notebook: NotebookNode, rng: Random) -> str | None:
    """A head's name in a figure: in its title, a label, a list of heads."""
    slots = labels(notebook, PLOTLY, CIRCUITSVIS)
    return replace_token(notebook, rng, _HEAD, other_head, slots)


def head_glued(notebook: NotebookNode, rng: Random) -> str | None:
    """A glued head's name."""
    return replace_token(notebook, rng, _GLUED_HEAD, other_head, _glued_heads(notebook))


def head_gains_a_zero(notebook: NotebookNode, rng: Random) -> str | None:
    """9.1 becomes 9.10, in text, in a figure or in a glued value."""
    places = [
        (_ANNOUNCED, texts(notebook)),
        (_HEAD, labels(notebook, PLOTLY, CIRCUITSVIS)),
        (_GLUED_HEAD, _glued_heads(notebook)),
    ]
    for pattern, slots in rng.sample(places, len(places)):
        example = replace_token(notebook, rng, pattern, lambda head: f"{head}0", slots)
        if example:
            return example
    return None


def _glued_heads(notebook: NotebookNode) -> list[Slot]:
    """Glued names of heads, one or several."""
    return [slot for slot, value in glued(notebook, str) if _HEADS.fullmatch(value)]


def figure_title(notebook: NotebookNode, rng: Random) -> str | None:
    """A letter of a figure's title."""
    slots = [
        (figure["layout"]["title"], "text")
        for figure in figures(notebook, PLOTLY)
        if figure.get("layout", {}).get("title", {}).get("text")
    ]
    return replace_token(notebook, rng, _WORD, other_word, slots)


def figure_text(notebook: NotebookNode, rng: Random) -> str | None:
    """A word in a figure: a label, a token, an axis."""
    return replace_token(notebook, rng, _WORD, other_word, labels(notebook, PLOTLY, CIRCUITSVIS))
